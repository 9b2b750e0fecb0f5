"""What a store believes: a broken register, a half-written copy, a broken part, files told apart by whole seconds."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from synthetic import Row, ask, judge, preset, root

from assets.compaction import COMPACTED, SCORED_CLIPS, compact
from assets.footers import recall, remember
from assets.registers import Register
from assets.store import Stamp, Store, rows_to_table
from assets.stored_rows import remember_columns
from assets.tables import CLIPS, SHOT_COUNTS, SOURCES

COUNT = "SELECT count(*) n FROM scored_clips"


def compacted(path: Path) -> Store:
    shards: list[list[Row]] = [[{}]] * 5
    store = root(path, *shards)
    for table in COMPACTED:
        compact(store, table, store.parts("clips"))
    return store


@pytest.mark.parametrize("told", ["", "{", "[]", "null", '{"columns": 1}'])
def test_a_broken_register_of_copies_is_passed_over(tmp_path: Path, told: str) -> None:
    """The shards' own files stay the truth: without a readable register they are read, and copies are made anew."""
    store = compacted(tmp_path)
    for register in tmp_path.glob("compacted/*/copies.json"):
        register.write_text(told)
    assert ask(Store(str(tmp_path)), COUNT) == [{"n": 5}]
    assert compact(Store(str(tmp_path)), SCORED_CLIPS, store.parts("clips"))


@pytest.mark.parametrize("told", ["", "{", "[]", '{"parts": {}}'])
def test_a_broken_register_of_columns_is_passed_over(tmp_path: Path, told: str) -> None:
    """It only spares opening files."""
    store = root(tmp_path, [{}])
    remember_columns(store, [CLIPS])
    (tmp_path / ".columns/clips.json").write_text(told)
    assert ask(Store(str(tmp_path)), COUNT) == [{"n": 1}]


@pytest.mark.parametrize("told", ["[]", "null", '{"format": 1}', '{"format": 1, "parts": {"a": [1]}}'])
def test_broken_footers_of_another_shape_are_passed_over(tmp_path: Path, told: str) -> None:
    """Then the parts are opened."""
    store = root(tmp_path, [{}])
    store.stamp("clips", "shard-000001")
    remember(store)
    (tmp_path / ".footers/clips.json").write_text(told)
    again = Store(str(tmp_path))
    recall(again)
    assert again.rows("clips", "shard-000001") == 1


@pytest.mark.parametrize("keep", [0.0, 0.5])
def test_a_copy_that_was_cut_short_is_passed_over(tmp_path: Path, keep: float) -> None:
    """After a power cut, or a transfer that stopped: the name is there, the bytes are not."""
    store = compacted(tmp_path)
    for copy in tmp_path.glob("compacted/*/*.parquet"):
        os.truncate(copy, int(copy.stat().st_size * keep))
    assert ask(Store(str(tmp_path)), COUNT) == [{"n": 5}]
    assert compact(Store(str(tmp_path)), SOURCES, store.parts("clips"))


@pytest.mark.parametrize("harm", ["empty", "short", "footer"])
def test_a_broken_part_is_no_part(tmp_path: Path, harm: str) -> None:
    """Its stamp says nothing, so that a run makes it again."""
    store = root(tmp_path, [{}])
    path = Path(store.path("clips", "shard-000001"))
    raw = bytearray(path.read_bytes())
    if harm == "footer":
        raw[-200:-8] = os.urandom(192)
    path.write_bytes(raw[: {"empty": 0, "short": len(raw) // 2, "footer": len(raw)}[harm]])
    assert Store(str(tmp_path)).stamp("clips", "shard-000001") is None


class WholeSeconds:
    """Times of change as object stores tell them, and a clock that can be turned on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_700_000_000 * 10**9 + 10**8
        self.written: dict[str, int] = {}
        monkeypatch.setattr("assets.file_states.time.time_ns", lambda: self.now)

    def write(self, store: Store, table: pa.Table, stamp: Stamp, part: str = "a") -> None:
        store.write(SHOT_COUNTS, part, table, stamp)
        whole = self.now // 10**9 * 10**9
        os.utime(store.path("shot_counts", part), ns=(whole, whole))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> WholeSeconds:
    return WholeSeconds(monkeypatch)


def counts(shots: int) -> pa.Table:
    return rows_to_table(SHOT_COUNTS, [{"video_id": "v", "shots": shots}])


def test_a_footer_read_in_the_second_of_a_second_write_is_not_believed_later(
    tmp_path: Path, clock: WholeSeconds
) -> None:
    """Two versions of one second look alike: what was read of the first must not be held for the second."""
    one, other = Store(f"file://{tmp_path}"), Store(f"file://{tmp_path}")
    clock.write(other, counts(1), Stamp("a" * 32))
    assert one.stamp("shot_counts", "a") == Stamp("a" * 32)
    clock.write(other, counts(2), Stamp("b" * 32))
    assert one.stamp("shot_counts", "a") == Stamp("b" * 32)
    clock.write(other, counts(3), Stamp("c" * 32))
    clock.now += 10 * 10**9
    assert one.stamp("shot_counts", "a") == Stamp("c" * 32)
    remember(one)
    third = Store(f"file://{tmp_path}")
    recall(third)
    assert third.stamp("shot_counts", "a") == Stamp("c" * 32)


def test_what_was_made_of_an_unsettled_folder_is_not_held(tmp_path: Path, clock: WholeSeconds) -> None:
    """Whether a folder was settled is asked before it is read: the making may take longer than it needs to settle."""
    one, other = Store(f"file://{tmp_path}"), Store(f"file://{tmp_path}")
    clock.write(other, counts(1), Stamp("a"))

    def total(store: Store) -> int:
        sums = int(sum(store.read_all(SHOT_COUNTS)["shots"].to_pylist()))
        if sums == 1:  # while the first answer is worked out
            clock.write(other, counts(2), Stamp("b"))
            clock.now += 10 * 10**9
        return sums

    one.made_of(["shot_counts"], total)
    assert one.made_of(["shot_counts"], total) == 2


def test_a_register_that_is_interrupted_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On an object store a stream that is closed is published, whatever was written to it."""
    store = Store(f"file://{tmp_path}")
    notes = Register(dict[str, int])
    notes.write(store, "notes/a.json", {"n": 1})

    def stop(*_: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(notes._form, "dump_json", stop)
        notes.write(store, "notes/a.json", {"n": 2})
    assert notes.read(store, "notes/a.json") == {"n": 1}


def test_a_file_of_another_beside_the_tiers_is_passed_over(tmp_path: Path) -> None:
    """Such as a backup that a person made there."""
    store = root(tmp_path, [{}])
    judge(store, preset("[tier_1]\n[tier_2]\n[tier_3]"))
    shutil.copy(store.path("tiers/mine", "tier_1"), store.path("tiers/mine", "backup"))
    assert ask(store, "SELECT count(*) n FROM tier_1") == [{"n": 1}]
