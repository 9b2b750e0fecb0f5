"""What the explore page asks: counts as whatif tells them, clips at the edge of a bound, a condition, a saved preset."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from drawn_library import RULES, library_of
from hypothesis import given
from hypothesis import strategies as st
from synthetic import ask, preset, root
from synthetic import curation as curation_of

from assets.curation import Curation
from assets.tiers.rules import Preset, PresetError, load_preset, parse_preset
from assets.tiers.vocabulary import vocabulary
from orchestration.explore import clips
from orchestration.explore.charts import histogram, sparkline
from orchestration.explore.clips import Card, edge, search, unmeasured
from orchestration.explore.explorer import shelf_of
from orchestration.explore.library import Library
from orchestration.explore.moving import move_bound, moves, with_moves
from orchestration.explore.one_clip import one_clip
from orchestration.explore.preset_file import preset_text, save_preset
from orchestration.explore.spread import BINS, Scale, axis_of, bars, slider_scale
from orchestration.questions import QuestionError, show_funnel, whatif

CHANGES = (("tier_1", "sharpness.min", 45.0), ("tier_1", "motion_mean.max", 5.0), ("tier_2", "luma_mean.keep_top", 0.2),
           ("tier_3", "sample.share", 0.3), ("tier_2", "sharpness.min", 77.0))  # fmt: skip


@pytest.fixture(scope="module")
def curation(tmp_path_factory: pytest.TempPathFactory) -> Curation:
    return library_of(tmp_path_factory.mktemp("explored"))


@pytest.fixture(scope="module")
def library(curation: Curation) -> Library:
    return Library(curation)


def test_counts_are_those_of_whatif(curation: Curation, library: Library) -> None:
    moved = curation.preset
    for i, (tier, rule, value) in enumerate(CHANGES):
        moved = move_bound(moved, int(tier[-1]), rule, value)
        told = whatif(curation, [f"{t}.{r}={v}" for t, r, v in CHANGES[: i + 1]])
        counts = library.counts(moved)
        assert [c.clips for c in counts] == [row["clips_then"] for row in told]
        assert [round(c.hours, 6) for c in counts] == [row["hours_then"] for row in told]
    assert [c.clips for c in library.counts(curation.preset)] == [row["clips_now"] for row in told]
    assert len({library.judged(move_bound(moved, 1, "sharpness.min", float(i))) for i in range(12)}) == 12


def test_the_funnel_is_that_of_the_command(curation: Curation, library: Library) -> None:
    assert library.funnel(curation.preset) == [
        row for row in show_funnel(curation, None) if row["bound"] != "inactive"
    ]


def test_the_clips_at_the_edge_are_the_nearest(library: Library) -> None:
    (bound, *_), rules = library.preset.tiers[0].bounds, library.preset
    found = edge(library, rules, 1, bound, 5)
    values = sorted(row["sharpness"] for row in ask(library.curation.store, "SELECT sharpness FROM filter_scores")
                    if row["sharpness"] is not None)  # fmt: skip
    assert [card.value for card in found.kept] == [v for v in values if v >= 30][:5]
    assert [card.value for card in found.rejected] == [v for v in values if v < 30][::-1][:5]
    assert all(card.reached == 0 and "tier_1 sharpness.min" in card.reasons for card in found.rejected)
    lacking = ask(library.curation.store, "SELECT count(*) AS n FROM filter_scores WHERE sharpness IS NULL")
    assert unmeasured(library, rules, 1, bound) == lacking[0]["n"]


def test_a_windowed_rule_is_asked_only_of_those_that_it_saw(library: Library) -> None:
    bound = library.preset.tiers[1].bounds[1]
    found = edge(library, library.preset, 2, bound, 200)
    assert bound.kind == "keep_top" and found.kept and found.rejected
    assert min(c.value for c in found.kept) >= max(c.value for c in found.rejected)
    assert all(c.reached >= 2 for c in found.kept) and all(c.reached == 1 for c in found.rejected)


def test_bars_hold_every_measured_clip(library: Library) -> None:
    rules = [b for tier in library.preset.tiers for b in tier.bounds]
    for bound in rules:
        axis = axis_of(library, bound, rules)
        counted = bars(library, library.preset, bound.column, axis)
        if axis.scale is None and not axis.values:
            assert bound.column == "sample" and slider_scale(bound, axis) is not None
            continue
        assert sum(map(sum, counted)) == axis.measured == library.clips - axis.missing
        assert [sum(reached) for reached in counted[1:]] == [sum(map(sum, counted[i:])) - sum(map(sum, counted[i + 1 :]))
                                                              for i in range(1, 4)]  # fmt: skip
        options = histogram(axis, counted, library.preset, bound, "")
        lines = options["series"][-1].get("markLine", {"data": []})["data"]
        drawn = [b for b in rules if b.column == bound.column and b.kind in ("min", "max")]
        assert len(lines) == (len(drawn) if axis.scale else 0)
        assert sparkline([sum(bar) for bar in zip(*counted, strict=True)]).count("<rect") <= max(
            len(axis.values), BINS
        )


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e4), st.floats(0, 1), st.sampled_from([0.0, 0.02, 3.0]))
def test_a_scale_leads_there_and_back(low: float, width: float, share: float, bend: float) -> None:
    scale = Scale(max(low, 0.0) if bend else low, (max(low, 0.0) if bend else low) + width, bend)
    value = scale.low + share * width
    assert 0 <= scale.position(value) <= 1
    there = scale.value(scale.position(value))
    assert math.isclose(there, value, rel_tol=0.006, abs_tol=width * 0.006)
    assert scale.position(scale.low - 1) == 0 and scale.position(scale.high + 1) == 1


@given(st.integers(1, 3), st.floats(0, 200).map(lambda v: round(v, 2)))
def test_a_moved_bound_leaves_a_valid_preset(tier: int, value: float) -> None:
    rules = preset(
        "[tier_1]\nsharpness = { min = 20 }\n[tier_2]\nsharpness = { min = 60 }\n[tier_3]\nsharpness = { min = 120 }"
    )
    numbers = [t.bounds[0].value for t in move_bound(rules, tier, "sharpness.min", value).tiers]
    assert numbers == sorted(numbers)  # type: ignore[type-var]
    assert numbers[tier - 1] == max([value, *[t.bounds[0].value for t in rules.tiers[: tier - 1]]])  # type: ignore[type-var]


def test_a_condition_finds_clips_page_by_page(library: Library) -> None:
    found = search(library, library.preset, "sharpness BETWEEN 40 AND 90 AND orientation = 'portrait'", 0)
    told = ask(library.curation.store, "SELECT count(*) AS n FROM filter_scores JOIN clips USING (clip_id) "
               "WHERE sharpness BETWEEN 40 AND 90 AND orientation = 'portrait'")  # fmt: skip
    assert found.clips == told[0]["n"] and 0 < found.in_tiers[0] < found.clips
    every = [search(library, library.preset, "", page) for page in range(6)]
    ids = [card.clip_id for part in every for card in part.cards]
    assert len(ids) == len(set(ids)) == every[0].clips == library.clips
    reached = [card.reached for part in every for card in part.cards]
    assert reached == sorted(reached, reverse=True)
    assert search(library, library.preset, f"clip_id = '{ids[7]}' AND uri LIKE '%'", 0).clips == 1


@pytest.mark.parametrize(
    ("condition", "words"),
    [("sharpnes > 3", "no column 'sharpnes': did you mean sharpness"), ("true; DROP TABLE explored", "syntax error"),
     ("true) OR (SELECT count(*) FROM read_text('/etc/passwd')) > (0", "disabled"), ("sharpness >", "syntax error"),
     ("true); SELECT (true", "one condition")],
)  # fmt: skip
def test_a_condition_that_is_none_is_told_in_words(library: Library, condition: str, words: str) -> None:
    with pytest.raises(QuestionError, match=words.replace("'", ".").replace("(", r"\(")):
        search(library, library.preset, condition, 0)
    assert library.counts(library.preset)


def test_a_clip_is_told_of_with_its_reasons(library: Library) -> None:
    (card, *_) = edge(library, library.preset, 1, library.preset.tiers[0].bounds[0], 1).rejected
    (row,) = library.rows("SELECT c.*, NULL AS uri FROM clips c WHERE clip_id = ?", [card.clip_id])
    told = one_clip(library, library.preset, row)
    assert told.explanation.sentence.startswith("rejected in tier_1 by sharpness.min: ")
    moved = move_bound(library.preset, 1, "sharpness.min", 0.0)
    assert "tier_1" not in one_clip(library, moved, row).explanation.sentence
    assert {"sharpness", "duration_s", "orientation"} <= {score["name"] for score in told.scores}


def on_disk(folder: Path) -> tuple[Preset, Path]:
    path = folder / "given.toml"
    path.write_text(f"# Why these numbers: see the notes.\ntitle = 'Given'\n{RULES}", encoding="utf-8")
    return load_preset(str(path), vocabulary()), path


def test_a_saved_preset_is_the_given_one_with_other_numbers(tmp_path: Path) -> None:
    given, _ = on_disk(tmp_path)
    moved = move_bound(move_bound(given, 1, "sharpness.min", 55.5), 3, "sample.share", 0.25)
    path = save_preset(given, moved, vocabulary(), "mine_now", tmp_path)
    again = load_preset(str(path), vocabulary())
    assert [[b.identity() for b in t.bounds] for t in again.tiers] == [
        [b.identity() for b in t.bounds] for t in moved.tiers
    ]
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# Why these numbers: see the notes.") and "sharpness = { min = 55.5 }" in text
    assert [m[:2] for m in moves(given, moved)] == [
        ("tier_1", "sharpness.min"),
        ("tier_2", "sharpness.min"),
        ("tier_3", "sample.share"),
    ]
    with pytest.raises(QuestionError, match="is there already"):
        save_preset(given, moved, vocabulary(), "mine_now", tmp_path)
    for name in ("../up", "Mine", "starter", "a b", ""):
        with pytest.raises(QuestionError, match=r"a name is|comes with the project"):
            save_preset(given, moved, vocabulary(), name, tmp_path)


@pytest.mark.parametrize("name", ["starter", "movie_gen", "hunyuan_video"])
def test_the_text_of_every_preset_can_be_written_again(name: str) -> None:
    given = load_preset(name, vocabulary())
    moved = given
    for number, tier in enumerate(given.tiers, 1):
        for bound in tier.bounds:
            moved = move_bound(moved, number, bound.name, 0.5)
    again = parse_preset(preset_text(given, moved, "t"), "t.toml", "t", vocabulary())
    assert [t.version for t in again.tiers] == [t.version for t in moved.tiers]
    changed = {(tier, rule) for tier, rule, *_ in moves(given, moved)}
    assert all(b.source == "ours" for t in again.tiers for b in t.bounds if (t.name, b.name) in changed)


def test_a_bound_that_no_tier_may_have_is_not_saved(tmp_path: Path) -> None:
    given, _ = on_disk(tmp_path)
    looser = parse_preset(RULES.replace("min = 50", "min = 31"), "l.toml", "l", vocabulary())
    broken = move_bound(looser, 2, "luma_mean.keep_top", 7.0)
    with pytest.raises(PresetError, match="a share above 0"):
        save_preset(given, broken, vocabulary(), "mine", tmp_path)
    assert not (tmp_path / "mine.toml").exists()


def test_a_column_without_a_value_has_an_axis(tmp_path: Path) -> None:
    rules = preset("[tier_1]\nsharpness = { min = 30 }\nborder_ratio = { max = 0.1 }")
    library = Library(curation_of(root(tmp_path, [{"sharpness": None, "border_ratio": 0.0}] * 3), rules))
    for bound in rules.tiers[0].bounds:
        axis = axis_of(library, bound, list(rules.tiers[0].bounds))
        assert axis.scale is not None and axis.scale.low < axis.scale.high
        assert sum(map(sum, bars(library, rules, bound.column, axis))) == axis.measured
    assert edge(library, rules, 1, rules.tiers[0].bounds[0], 3).kept == []
    assert isinstance(search(library, rules, "sharpness IS NULL", 0).cards[0], Card)


def test_a_preset_without_an_active_rule_is_told(tmp_path: Path) -> None:
    library = Library(curation_of(root(tmp_path, [{}]), preset("[tier_1]\ndover_technical = { max = 1 }")))
    with pytest.raises(QuestionError, match="no rule of preset mine is active"):
        shelf_of(library)


def test_a_bound_that_is_moved_back_lets_go_of_the_others() -> None:
    rules = preset(
        "[tier_1]\nsharpness = { min = 20 }\n[tier_2]\nsharpness = { min = 60 }\n[tier_3]\nsharpness = { min = 120 }"
    )
    wanted = {(1, "sharpness.min"): 300.0}
    assert [t.bounds[0].value for t in with_moves(rules, wanted).tiers] == [300, 300, 300]
    assert with_moves(rules, wanted | {(1, "sharpness.min"): 20.0}) == rules
    assert [t.bounds[0].value for t in with_moves(rules, {(3, "sharpness.min"): 5.0}).tiers] == [20, 60, 60]


def test_a_few_words_are_looked_for_in_file_names_and_tiers_can_be_named(library: Library) -> None:
    (uri,) = {row["uri"] for row in ask(library.curation.store, "SELECT uri FROM raw_videos LIMIT 1")}
    word = Path(uri).stem
    assert search(library, library.preset, word, 0).clips >= 1
    assert (
        search(library, library.preset, f"contains(uri, '{word}')", 0).clips
        == search(library, library.preset, word, 0).clips
    )
    counts = [count.clips for count in library.counts(library.preset)]
    found = search(library, library.preset, "tier = 'tier_1'", 0)
    assert (found.clips, found.in_tiers) == (counts[0] - counts[1], [counts[0] - counts[1], 0, 0])
    assert search(library, library.preset, "tier IS NULL", 0).clips == library.clips - counts[0]


def test_a_search_that_takes_for_ever_ends(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "LONGEST_SEARCH_S", 0.5)
    endless = (
        "(SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range > 7) > 0"
    )
    with pytest.raises(QuestionError, match=r"not answered within 0\.5 s"):
        search(library, library.preset, endless, 0)
