"""A run does all that it planned, whatever order Dagster learned of the shards in."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import call

from assets import compaction
from assets.clips.source_clock import SourceClock
from assets.columns import Table
from assets.footers import recall, remember
from assets.partitions import SHARDS_A_RUN
from assets.store import Stamp, Store
from assets.tables import TIERS
from assets.views import connect
from benchmarks.roots import Library, curation_of, known_root
from orchestration.batches import batches
from orchestration.plan import Task, make_plan


def missing(root: Path, *numbers: int) -> None:
    for number in numbers:
        (root / f"filter_scores/shard-{number:06d}.parquet").unlink()


@pytest.mark.parametrize("first", [3, 5])
def test_no_shard_is_skipped_when_the_instance_knew_a_later_one_first(tmp_path: Path, first: int) -> None:
    """A root whose .dagster is new (moved, another host) and of which one shard alone was stale at first."""
    known = known_root(tmp_path, Library(5, 1))
    for numbers in ((first,), range(1, 6)):
        missing(known.root, *numbers)
        answer = call("run", "--input", known.media, "--root", known.root, "--format", "json")
        assert answer.code == 0, answer.err
        assert make_plan(curation_of(known.root)) == [], "a run that ends well leaves nothing to do"


def grouped(count: int) -> int:
    """Comparisons of shards while the runs over so many shards, of five steps each, are made up."""
    compared = 0

    class Key(str):
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

        def __le__(self, other: str) -> bool:
            nonlocal compared
            compared += 1
            return str.__le__(self, other)

        def __ge__(self, other: str) -> bool:
            nonlocal compared
            compared += 1
            return str.__ge__(self, other)

    shards = [Key(f"shard-{number:06d}") for number in range(count)]
    tasks = [Task(f"step_{step}", shard, "missing") for step in range(5) for shard in shards]
    told = [len(batch.tasks) for batch in batches(tasks, shards, SHARDS_A_RUN)]
    assert sum(told) == 5 * count
    return compared


def test_runs_are_made_up_in_time_that_grows_with_the_shards() -> None:
    """Ten thousand shards are promised: twice the shards may not cost eight times as much."""
    assert grouped(400) <= 3 * grouped(200)


def test_a_run_on_a_moved_root_learns_the_new_states_of_copied_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though it has nothing else to do: else every later command reads all shards whole to compare their bytes."""
    known = known_root(tmp_path, Library(5, 1))
    moved = Path(shutil.copytree(known.root, tmp_path / "moved"))
    answer = call("run", "--input", known.media, "--root", moved, "--format", "json")
    assert answer.code == 0, answer.err
    hashed: list[str] = []

    def seen(store: Store, table: Table, shard: str) -> str:
        hashed.append(shard)
        return ""

    monkeypatch.setattr(compaction, "_hash", seen)
    with connect(Store(str(moved)), None) as connection:
        assert connection.sql("SELECT count(*) FROM clips").fetchall() == [(10,)]
    assert hashed == []


def test_footers_of_a_preset_with_two_underscores_are_recalled(tmp_path: Path) -> None:
    """The name of a folder comes back from the name of its file."""
    store = Store(str(tmp_path))
    store.write(TIERS, "tier_1", TIERS.schema.empty_table(), Stamp("a"), "tiers/my__own")
    assert store.stamp("tiers/my__own", "tier_1") == Stamp("a")
    remember(store)
    again = Store(str(tmp_path))
    recall(again)
    assert again.stamp("tiers/my__own", "tier_1") == Stamp("a") and not again.opened


def test_a_wait_of_the_source_itself_is_not_filled_in() -> None:
    """Codecs leave out few frames; a file that shows nothing new for four seconds has no hundred frames there, and a
    whole scan sees one step.
    """
    clock = SourceClock.of(np.array([0, 1, 2, 102, 103]) / 25, 25.0)
    assert clock.place.tolist() == [0, 1, 2, 3, 4]
