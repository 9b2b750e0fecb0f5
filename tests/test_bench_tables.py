"""Benchmarks over tables at a toy size: what they are made of, and that every variant does the same. No speed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from assets.compaction import SCORED_CLIPS, compact, copies
from assets.lineage import Lineage
from assets.options import Options
from assets.store import Store
from assets.tables import CLIPS, FILTER_SCORES
from assets.tiers.funnel import FunnelRow, funnel, judge_in_memory
from assets.tiers.vocabulary import vocabulary
from assets.views import connect
from benchmarks import compaction, growth, tiers
from benchmarks.clips_roots import ClipsRoot, clips_root, compacted
from benchmarks.figures import Bench, Figure, Section
from benchmarks.rounds import Cost
from benchmarks.work.compaction import one_by_one, rows_of_files, without_copies
from benchmarks.work.tiers import columns_of, preset_of, work

CLIPS_THERE, CLIPS_A_SHARD = 6000, 500


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return compacted(clips_root(tmp_path_factory.mktemp("bench"), ClipsRoot(CLIPS_THERE, CLIPS_A_SHARD)))


def rules_of(store: Store, name: str) -> list[FunnelRow]:
    preset = preset_of(name, False)
    with connect(store, preset.name) as connection:
        rows = funnel(connection, judge_in_memory(connection, preset, vocabulary()))
    return [row for row in rows if row.taken is not None]


@pytest.mark.parametrize("name", ["movie_gen", "starter"])
def test_every_rule_takes_some_and_none_takes_all(synthetic: Store, name: str) -> None:
    """But for the longest clip, which is no longer in the product either."""
    rows = rules_of(synthetic, name)
    assert all((row.failed or 0) < 0.7 * CLIPS_THERE for row in rows)
    first_tier = [row for row in rows if row.tier == "tier_1" and row.rule != "duration_s.max"]
    assert all((row.failed or 0) > 0 and (row.taken or 0) > 0 for row in first_tier)
    measured = [r for r in rows if r.rule.split(".")[0] in FILTER_SCORES.names and r.tier == "tier_1"]
    assert all((row.unmeasured or 0) > 0 for row in measured)


def test_a_root_is_what_a_run_would_leave(synthetic: Store) -> None:
    """Its shards count as complete, and clips stand in them by video and time."""
    lineage = Lineage(synthetic, Options())
    assert lineage.complete_shards == lineage.shards == synthetic.parts(CLIPS.name)
    clips = synthetic.read(CLIPS, "shard-000001").to_pylist()
    order = [(c["video_id"], c["start_s"]) for c in clips]
    assert order == sorted(order) and len(set(order)) == len(order)
    assert all(c["end_frame"] > c["start_frame"] and c["short_side"] > 0 for c in clips)


def test_a_root_is_kept(synthetic: Store) -> None:
    before = [synthetic.state(CLIPS.name, shard) for shard in synthetic.parts(CLIPS.name)]
    again = clips_root(Path(synthetic.root).parent, ClipsRoot(CLIPS_THERE, CLIPS_A_SHARD))
    assert [again.state(CLIPS.name, shard) for shard in again.parts(CLIPS.name)] == before


@pytest.mark.parametrize("rules_only", [True, False])
def test_every_way_of_judging_keeps_the_same_clips(synthetic: Store, rules_only: bool) -> None:
    preset = preset_of("movie_gen", rules_only)
    ways = ("write", "each", "select", "funnel", "memory")
    kept = [list(work(way, synthetic.root, preset, None)()["kept"]) for way in ways]
    assert kept == [kept[0]] * len(ways) and kept[0][0] > kept[0][1] > kept[0][2] > 0


def test_the_raw_scan_reads_what_the_tiers_read(synthetic: Store) -> None:
    preset = preset_of("starter", True)
    assert {"duration_s", "sharpness", "slideshow"} <= set(columns_of(preset)) and "noise" not in columns_of(preset)
    for way in ("raw", "raw_values"):
        assert work(way, synthetic.root, preset, 1)() == {"clips": CLIPS_THERE}


def test_shards_that_close_one_by_one(tmp_path: Path) -> None:
    store = without_copies(clips_root(tmp_path, ClipsRoot(220, 20, grouped=False)))
    told = one_by_one(store)
    assert sum(told["rows"]) == 220 and 1 <= told["written"] < 5
    assert rows_of_files(store) == told["rows"] and len(told["rows"]) == len(copies(store, SCORED_CLIPS)) + 3
    compact(without_copies(store), SCORED_CLIPS, store.parts(CLIPS.name))
    assert rows_of_files(store) == [220]


def costs(*cpu: float, clips: int = 1) -> list[Cost]:
    return [Cost(s, s, told={"clips": clips, "scorers": {"a": [clips, 0]}, "kept": [1]}) for s in cpu]


def test_growth_is_the_slope_of_the_logarithms() -> None:
    sizes = (10, 40, 160)
    squared: dict[str, Sequence[Cost]] = {
        f"{way} {n}": costs(float(n**2), float(n)) for way in tiers.GROWING for n in sizes
    }
    assert [f.values for f in tiers.growth("p", sizes, squared)] == [pytest.approx((2.0, 1.0))] * 3
    figures = growth.exponent("s", [costs(float(n), clips=n) for n in sizes])
    assert figures[0].values == pytest.approx((1.0,)) and figures[1].values == pytest.approx((1.0,))


def test_variants_that_keep_different_clips_are_no_figures() -> None:
    told = {f"{way} 5": costs(1.0) for way in tiers.WHAT}
    tiers.check_counts(told, 5)
    told["write 5"] = [replace(told["write 5"][0], told={"kept": [2]})]
    with pytest.raises(RuntimeError, match="keep different clips"):
        tiers.check_counts(told, 5)


def find(section: Section, words: str) -> Figure:
    return next(figure for figure in section.figures if words in figure.what)


@pytest.mark.slow
def test_the_sections_say_what_they_measured(tmp_path: Path) -> None:
    bench = Bench(tmp_path, rounds=1, tiny=True)
    rows = compaction.section(bench)
    assert find(rows, "rows per file of clips and filter_scores, 10 shards").values == (400.0,)
    judged = tiers.section(bench)
    assert find(judged, "write, exponent").note.startswith("500: ")
    assert find(judged, "`funnel` where tiers are stored").bar == 2.0
    grown = growth.section(bench)
    assert "48 clips" in find(grown, "exponent of CPU over clips").note
    assert find(grown, "CPU of a clip").note == "without a value: 0 of all measurements"
