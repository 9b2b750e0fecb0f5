"""What a check finds in tables that break their promise, and that a run ends at such a table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import Clipsieve
from synthetic import Row, judge, preset, root

from assets.checks import part_faults, shard_faults
from assets.columns import Table
from assets.partitions import Prints
from assets.store import Stamp, Store, rows_to_table
from assets.tables import CLIPS, FILTER_SCORES, FRAME_SIGNALS, RAW_VIDEOS, SCANS, STORED, TIERS
from assets.tiers.nesting import tier_faults

SHARD = "shard-000001"
RULES = "[tier_1]\nsharpness = { min = 10 }\n[tier_2]\nsharpness = { min = 20 }\n[tier_3]\nsharpness = { min = 30 }"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return root(tmp_path, [{"sharpness": 10.0 * i} for i in range(6)])


def change(store: Store, table: Table, edit: Callable[[list[Row]], list[Row]]) -> None:
    """The part again, with other rows under the same stamp."""
    rows = store.read(table, SHARD).to_pylist(maps_as_pydicts="strict")
    stamp = store.stamp(table.name, SHARD)
    assert stamp is not None
    store.write(table, SHARD, rows_to_table(table, edit(rows)), stamp)


def first(**values: Any) -> Callable[[list[Row]], list[Row]]:
    return lambda rows: [rows[0] | values, *rows[1:]]


def told(store: Store, table: Table) -> str:
    return "\n".join(shard_faults(store, table, SHARD))


def test_a_sound_root_has_no_faults(store: Store) -> None:
    for table in STORED:
        if store.exists(table.name, SHARD) and table != SCANS:  # of a synthetic video there are no signals
            assert shard_faults(store, table, SHARD) == []


def test_a_range_is_held_against_the_declared_one(store: Store) -> None:
    change(store, FILTER_SCORES, first(static_ratio=1.5, sharpness=-3.0))
    assert "static_ratio goes up to 1.5; it is 1 or less" in told(store, FILTER_SCORES)
    assert "sharpness goes down to -3; it is 0 or more" in told(store, FILTER_SCORES)


def test_a_key_stands_once_and_is_known(store: Store) -> None:
    change(store, CLIPS, lambda rows: [*rows, rows[0]])
    assert "1 of 6 keys stand in more than one row" in told(store, CLIPS)
    change(store, CLIPS, lambda rows: [rows[0] | {"clip_id": None}, *rows[1:-1]])
    assert "clip_id is NULL in 1 of 6 rows" in told(store, CLIPS)


def test_columns_are_the_declared_ones(store: Store) -> None:
    older = Table(CLIPS.name, "Older.", CLIPS.key, CLIPS.columns[:-1])
    rows = store.read(CLIPS, SHARD).to_pylist()
    store.write(older, SHARD, rows_to_table(older, rows), Stamp("old"))
    assert "its columns are" in told(store, CLIPS) and "boundary_out" in told(store, CLIPS)


def test_a_part_that_is_missing_or_broken_is_one_sentence(store: Store) -> None:
    store.delete("clips", SHARD)
    assert part_faults(store, CLIPS, SHARD) == [f"clips/{SHARD} is missing"]
    Path(store.path("clips", SHARD)).write_bytes(b"PAR1 and no more")
    [fault] = part_faults(store, CLIPS, SHARD)
    assert f"{SHARD}.parquet cannot be read: delete it, and run again" in fault


def test_scores_are_of_the_clips_in_their_order(store: Store) -> None:
    change(store, FILTER_SCORES, lambda rows: rows[::-1])
    assert "holds 6 clips, clips 6; they are the same in the same order" in told(store, FILTER_SCORES)
    assert "none of the shard" not in told(store, FILTER_SCORES)
    change(store, FILTER_SCORES, first(clip_id="f" * 32))
    assert f"1 clips are none of the shard: {'f' * 32}" in told(store, FILTER_SCORES)


@pytest.mark.parametrize(
    ("values", "words"),
    [({"start_frame": 5, "shot_start_frame": 9}, "1 clips lie outside their shot"),
     ({"start_frame": 9, "end_frame": 9}, "1 clips hold no frame")],
)  # fmt: skip
def test_clips_are_spans_inside_their_shots(store: Store, values: Row, words: str) -> None:
    change(store, CLIPS, first(**values))
    assert words in told(store, CLIPS)


def test_clips_of_a_video_do_not_overlap(tmp_path: Path) -> None:
    spans = {"shot_start_frame": 0, "shot_end_frame": 90}
    store = root(tmp_path, [{"video_id": "a" * 32, "start_frame": s, "end_frame": e, "start_s": s / 24, **spans}
                            for s, e in ((0, 40), (30, 60), (60, 90))])  # fmt: skip
    assert told(store, CLIPS) == f"clips/{SHARD}: 1 clips overlap the one before"


def test_signals_are_as_many_as_frames_were_decoded(store: Store) -> None:
    videos = store.read(SCANS, SHARD, ["video_id"])["video_id"].to_pylist()
    change(store, SCANS, lambda rows: [r | {"frames_decoded": 2} for r in rows])
    rows = [{"video_id": v, "frame": i, "pts_s": i / 24} for v in sorted(videos) for i in range(2)]
    store.write(FRAME_SIGNALS, SHARD, rows_to_table(FRAME_SIGNALS, rows), Stamp("s"))
    assert told(store, SCANS) == ""
    store.write(FRAME_SIGNALS, SHARD, rows_to_table(FRAME_SIGNALS, rows[1:]), Stamp("s"))
    assert f"frames_decoded is not the number of signals of {sorted(videos)[0]}" in told(store, SCANS)
    change(store, SCANS, lambda rows: [r for r in rows if r["video_id"] != sorted(videos)[-1]])
    assert "1 videos have signals and no scan" in told(store, SCANS)


def test_tiers_nest_and_add_up(store: Store) -> None:
    rules = preset(RULES)
    judge(store, rules)
    assert [fault for number in (1, 2, 3) for fault in tier_faults(store, rules, number)] == []
    rows, stamp = store.read_files(TIERS, [store.path("tiers/mine", "tier_2")]), store.stamp("tiers/mine", "tier_2")
    assert stamp is not None
    store.write(TIERS, "tier_2", rows.slice(1), stamp, "tiers/mine")
    assert "4 rows are stored" in " ".join(tier_faults(store, rules, 2))
    strange = rows.set_column(0, "clip_id", pa.array([f"{i:032x}" for i in range(len(rows))]))
    store.write(TIERS, "tier_2", strange, Stamp("x", extra=stamp.extra | {"judged_ids": "others"}), "tiers/mine")
    assert tier_faults(store, rules, 2) == ["tier_2 judged 5 clips that tier_1 does not keep"]


def test_a_run_ends_at_a_table_that_is_not_sound(
    drawn: Path, tmp_path: Path, clipsieve: Clipsieve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is made of it, by the next run neither; mended, all is made."""
    videos, at = ("run", "--input", drawn), ("--root", tmp_path / "root", "--workers", "1")
    store = Store(str(tmp_path / "root"))

    def overlapping(store: Store, table: Table, shard: str) -> list[str]:
        return [f"clips/{shard}: 2 overlap"] if table == CLIPS else []

    with monkeypatch.context() as broken:
        broken.setattr("assets.telling.shard_faults", overlapping)
        for _ in range(2):
            answer = clipsieve(*videos, *at)
            assert answer.code == 1 and "clips: - clips/shard-000001: 2 overlap" in answer.err
            assert "Traceback" not in answer.err and "DagsterAsset" not in answer.err
            assert not store.parts(FILTER_SCORES.name) and not store.parts(CLIPS.name)
            assert store.files(CLIPS.name) == [f"{SHARD}.parquet.unsound"]
    answer = clipsieve(*videos, *at)
    assert answer.code == 0 and store.parts(FILTER_SCORES.name) == store.parts(RAW_VIDEOS.name) == [SHARD]


def test_what_another_run_has_written_since_is_not_set_aside(
    drawn: Path, tmp_path: Path, clipsieve: Clipsieve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between this run's work on a shard and its look at it: the other run looks at its own."""
    original = Prints.leave

    def overtaken(prints: Prints, store: Store, folder: str, shard: str) -> None:
        original(prints, store, folder, shard)
        if folder == CLIPS.name:
            store.write(CLIPS, shard, store.read(CLIPS, shard), Stamp("of another run"))

    monkeypatch.setattr(Prints, "leave", overtaken)
    clipsieve("run", "--input", drawn, "--root", tmp_path / "root", "--workers", "1", "--until", "clips")
    assert Store(str(tmp_path / "root")).files(CLIPS.name) == [f"{SHARD}.parquet"]
