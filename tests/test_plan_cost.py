"""What a plan and a run that find nothing changed open, list, load and write. Counts, never times."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import call
from pyarrow import fs as pafs
from synthetic import NOW, Row
from synthetic import root as filled_root

import assets.footers as footers_module
import assets.store as store_module
from assets.file_states import FileState
from assets.lineage import Lineage
from assets.options import Options
from assets.raw_videos.sources import identified
from assets.store import Footer, Stamp, Store, rows_to_table
from assets.tables import CLIPS, SHOT_COUNTS, SOURCES
from benchmarks.roots import Known, Library, curation_of, known_root
from orchestration.plan import make_plan

HOUSE = Path(__file__).parents[1]
HEAVY = ("dagster", "torch", "cv2", "av", "transformers", "onnxruntime", "faiss", "rapidocr", "scipy", "sqlalchemy")


class Seen:
    """Files whose footer was read, and folders that were listed, by how often."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened: Counter[str] = Counter()
        self.listed: Counter[str] = Counter()
        read, listing = store_module.read_footer, store_module.folder_states

        def read_footer(filesystem: pafs.FileSystem, path: str) -> Footer:
            self.opened[path] += 1
            return read(filesystem, path)

        def folder_states(filesystem: pafs.FileSystem, folder: str, is_local: bool) -> dict[str, FileState]:
            self.listed[folder] += 1
            return listing(filesystem, folder, is_local)

        monkeypatch.setattr(store_module, "read_footer", read_footer)
        monkeypatch.setattr(store_module, "folder_states", folder_states)

    def clear(self) -> None:
        self.opened.clear()
        self.listed.clear()


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    return Seen(monkeypatch)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    """A finished root of 12 files in 6 shards."""
    return known_root(tmp_path_factory.mktemp("known"), Library(12, 2))


def again(known: Known, *arguments: str) -> dict[str, Any]:
    answer = call("run", "--input", known.media, "--root", known.root, "--format", "json", *arguments)
    assert answer.code == 0, answer.err
    summary: dict[str, Any] = answer.data[0]
    return summary


# A plan


def test_a_plan_opens_each_file_once_and_lists_each_folder_once(known: Known, seen: Seen) -> None:
    for path in (known.root / footers_module.FOLDER).iterdir():
        path.unlink()
    assert make_plan(curation_of(known.root)) == []
    assert set(seen.opened.values()) == {1} and set(seen.listed.values()) == {1}
    assert any("/scores/motion/" in path for path in seen.opened)


def test_a_second_plan_of_a_process_opens_nothing(known: Known, seen: Seen) -> None:
    curation = curation_of(known.root)
    make_plan(curation)
    seen.clear()
    assert make_plan(curation) == [] and not seen.opened


def test_what_a_run_read_the_next_process_recalls(known: Known, seen: Seen) -> None:
    again(known)
    seen.clear()
    assert make_plan(curation_of(known.root)) == []
    assert not [path for path in seen.opened if "/tiers/" not in path]


def test_a_recalled_footer_is_not_believed_of_another_file(known: Known, seen: Seen) -> None:
    again(known)
    store = Store(str(known.root))
    rows, stamp = store.read(CLIPS, "shard-000002"), store.stamp("clips", "shard-000002")
    assert stamp is not None
    try:
        other = replace(stamp, fingerprint=stamp.fingerprint[::-1])  # of the same length: so is the file
        store.write(CLIPS, "shard-000002", rows, other)
        tasks = {(t.step, t.shard) for t in make_plan(curation_of(known.root))}
        assert ("clips", "shard-000002") in tasks and ("clips", "shard-000001") not in tasks
    finally:
        store.write(CLIPS, "shard-000002", rows, stamp)
    assert make_plan(curation_of(known.root)) == []


def test_as_many_files_are_opened_as_there_are(tmp_path: Path, seen: Seen) -> None:
    opened = {}
    for shards in (2, 8):
        known = known_root(tmp_path, Library(shards, 1))
        for path in (known.root / footers_module.FOLDER).iterdir():
            path.unlink()
        seen.clear()
        make_plan(curation_of(known.root))
        opened[shards] = Counter(Path(path).parent.name for path in seen.opened)
    by_shard = {name for name, count in opened[2].items() if count == 2}
    assert {"raw_videos", "scans", "clips", "motion", "filter_scores", "embeddings", "captions"} <= by_shard
    assert {name: opened[8][name] for name in by_shard} == dict.fromkeys(by_shard, 8)


# What a store remembers


@pytest.fixture(params=["local", "address"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Store, Store]:
    """Two stores of one root, as two processes have them; by path, and as an object store is reached."""
    root = str(tmp_path) if request.param == "local" else f"file://{tmp_path}"
    return Store(root), Store(root)


def counts(*values: int) -> pa.Table:
    return rows_to_table(SHOT_COUNTS, [{"video_id": "v", "shots": value} for value in values])


def test_a_part_that_another_process_replaces_is_seen_at_once(pair: tuple[Store, Store]) -> None:
    one, other = pair
    for number in range(50):
        stamp = Stamp(f"{number:032}")
        other.write(SHOT_COUNTS, "a", counts(*range(number % 2 + 1)), stamp)
        assert one.stamp("shot_counts", "a") == stamp and one.rows("shot_counts", "a") == number % 2 + 1
    other.delete("shot_counts", "a")
    assert one.stamp("shot_counts", "a") is None and not one.exists("shot_counts", "a")


def test_in_a_snapshot_the_stores_own_parts_are_seen(pair: tuple[Store, Store]) -> None:
    one, other = pair
    other.write(SHOT_COUNTS, "a", counts(1), Stamp("first"))
    with one.snapshot():
        assert one.parts("shot_counts") == ["a"] and not one.exists("shot_counts", "b")
        one.write(SHOT_COUNTS, "b", counts(1), Stamp("second"))
        assert one.parts("shot_counts") == ["a", "b"] and one.stamp("shot_counts", "b") == Stamp("second")
        one.delete("shot_counts", "a")
        assert one.parts("shot_counts") == ["b"] and one.size("shot_counts", "a") == 0
    assert one.parts("shot_counts") == other.parts("shot_counts") == ["b"]


def test_a_folder_is_worked_out_again_when_one_of_its_files_changes(pair: tuple[Store, Store]) -> None:
    one, other = pair

    def total(store: Store) -> int:
        return int(sum(store.read_all(SHOT_COUNTS)["shots"].to_pylist()))

    other.write(SHOT_COUNTS, "a", counts(1), Stamp("x"))
    assert one.made_of(["shot_counts"], total) == 1
    other.write(SHOT_COUNTS, "a", counts(2), Stamp("x"))
    assert one.made_of(["shot_counts"], total) == 2
    other.write(SHOT_COUNTS, "b", counts(5), Stamp("x"))
    assert one.made_of(["shot_counts"], total) == 7
    other.delete("shot_counts", "a")
    assert one.made_of(["shot_counts"], total) == 5


def test_the_register_is_read_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = filled_root(tmp_path, [{}], [{}])
    first = identified(store)
    monkeypatch.setattr(Store, "read_files", None)
    assert Lineage(store, Options()).shards == ["shard-000001", "shard-000002"] and identified(store) is first
    monkeypatch.undo()
    rows: list[Row] = [r | {"gone_at": NOW} for r in store.read(SOURCES, "shard-000002").to_pylist()]
    Store(store.root).write(SOURCES, "shard-000002", rows_to_table(SOURCES, rows), Stamp("gone"))
    assert identified(store) is not first and len(identified(store).there) == 1


# A run with nothing to do

AGAIN = """
import sys
from orchestration.cli import app
try:
    app(["run", "--input", {media!r}, "--root", {root!r}, "--format", "json"])
finally:
    print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)
"""


def test_a_run_that_finds_nothing_loads_no_heavy_package(known: Known) -> None:
    program = AGAIN.format(media=str(known.media), root=str(known.root), heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=HOUSE, check=True)
    assert json.loads(done.stdout)[0]["tasks"] == [] and done.stderr.splitlines()[-1] == "[]"


@pytest.fixture
def database(known: Known) -> Iterator[Callable[[], int]]:
    """Tells which file ROOT/clipsieve.duckdb is now."""
    again(known)
    yield lambda: os.stat(known.root / "clipsieve.duckdb").st_ino


def test_the_views_are_left_as_they_are_when_nothing_changed(known: Known, database: Callable[[], int]) -> None:
    before = database()
    again(known)
    again(known, "--until", "clips")
    assert database() == before


def test_the_views_are_made_again_when_they_would_differ(known: Known, database: Callable[[], int]) -> None:
    first = database()
    moved = known.media.with_name("elsewhere")
    (known.media / "part-00000").rename(moved)
    try:
        assert again(known, "--until", "raw_videos")["gone"] == 12
        second = database()
    finally:
        moved.rename(known.media / "part-00000")
    assert again(known)["files"] == 12
    assert len({first, second, database()}) == 3


def test_views_of_another_writer_or_none_are_replaced(known: Known, database: Callable[[], int]) -> None:
    path = known.root / "clipsieve.duckdb"
    path.unlink()
    again(known)
    path.write_bytes(path.read_bytes()[:-100])
    broken = path.stat().st_size
    again(known)
    assert path.stat().st_size != broken
