"""Compacted read copies: the same rows, each once, and never older than the shards' own files."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from synthetic import Row, ask, root

from assets.columns import Table
from assets.compaction import compact, readable_files, sweep
from assets.store import Stamp, Store, fingerprint, rows_to_table
from assets.tables import CLIPS, FILTER_SCORES


def shards(count: int, clips: int = 3) -> list[list[Row]]:
    return [[{"sharpness": 10.0 * s + c} for c in range(clips)] for s in range(count)]


def names(store: Store, table: Table = CLIPS) -> list[str]:
    return store.parts(f"compacted/{table.name}")


def scores(store: Store) -> list[float]:
    return [
        r["sharpness"] for r in ask(store, "SELECT sharpness FROM filter_scores JOIN clips USING (clip_id) ORDER BY 1")
    ]


def rewrite(store: Store, shard: str, value: float) -> None:
    """The shard's scores again, with another fingerprint."""
    rows = [r | {"sharpness": value} for r in store.read(FILTER_SCORES, shard).to_pylist()]
    store.write(FILTER_SCORES, shard, rows_to_table(FILTER_SCORES, rows), Stamp(fingerprint("again", value)))


def test_rows_are_the_same_before_and_after(tmp_path: Path) -> None:
    store = root(tmp_path, *shards(6))
    before = {t.name: store.read_all(t) for t in (CLIPS, FILTER_SCORES)}
    told = scores(store)
    closed = [f"shard-{i:06d}" for i in range(1, 6)]
    for table in (CLIPS, FILTER_SCORES):
        assert compact(store, table, closed) == names(store, table) and len(names(store, table)) == 1
        files = readable_files(store, table)
        assert len(files) == 2, "one compacted file, and the open shard's own"
        read = pa.concat_tables([pq.read_table(f).replace_schema_metadata(None) for f in files])
        assert read.sort_by("clip_id").equals(before[table.name].sort_by("clip_id"))
        assert pq.ParquetFile(files[0]).metadata.num_row_groups == 5
    assert scores(store) == told and len(told) == 18


def test_compacting_again_writes_nothing(tmp_path: Path) -> None:
    store = root(tmp_path, *shards(5))
    closed = store.parts("clips")
    first = compact(store, CLIPS, closed)
    assert first and compact(store, CLIPS, closed) == [] and names(store) == first


def test_few_shards_are_left_as_they_are(tmp_path: Path) -> None:
    store = root(tmp_path, *shards(3))
    assert compact(store, CLIPS, store.parts("clips")) == [] and len(readable_files(store, CLIPS)) == 3
    assert compact(store, CLIPS, ["shard-000009"]) == [] and compact(store, CLIPS, []) == []


def test_a_rewritten_shard_makes_the_copy_void(tmp_path: Path) -> None:
    store = root(tmp_path, *shards(5))
    compact(store, FILTER_SCORES, store.parts("clips"))
    old = names(store, FILTER_SCORES)
    rewrite(store, "shard-000002", -1.0)
    assert len(readable_files(store, FILTER_SCORES)) == 5
    assert scores(store)[:4] == [-1.0, -1.0, -1.0, 0.0] and len(scores(store)) == 15
    sweep(store, FILTER_SCORES)
    assert names(store, FILTER_SCORES) == []
    new = compact(store, FILTER_SCORES, store.parts("clips"))
    assert new != old and len(readable_files(store, FILTER_SCORES)) == 1 and len(scores(store)) == 15


def test_sweep_keeps_what_is_read(tmp_path: Path) -> None:
    store = root(tmp_path, *shards(5))
    kept = compact(store, CLIPS, store.parts("clips"))
    sweep(store, CLIPS)
    assert names(store) == kept


def test_each_row_once_when_an_old_copy_becomes_valid_again(tmp_path: Path) -> None:
    store = root(tmp_path, *shards(8))
    every = store.parts("clips")
    original = store.read(FILTER_SCORES, "shard-000004"), store.stamp("filter_scores", "shard-000004")
    compact(store, FILTER_SCORES, every[:4])
    rewrite(store, "shard-000004", 7.0)
    compact(store, FILTER_SCORES, [s for s in every if s != "shard-000004"])
    assert original[1] is not None
    store.write(FILTER_SCORES, "shard-000004", original[0], original[1])
    assert len(names(store, FILTER_SCORES)) == 2 and len(scores(store)) == 24


def test_a_shard_without_rows_and_one_of_an_older_version_are_compacted_too(tmp_path: Path) -> None:
    store = root(tmp_path, *shards(3), [], [{}])
    older = Table(
        "filter_scores",
        "Before borders came.",
        FILTER_SCORES.key,
        tuple(c for c in FILTER_SCORES.columns if not c.name.startswith("border")),
    )
    rows = store.read(FILTER_SCORES, "shard-000005").to_pylist()
    store.write(older, "shard-000005", rows_to_table(older, rows), Stamp(fingerprint("older")))
    before = len(scores(store))
    assert compact(store, FILTER_SCORES, store.parts("filter_scores"))
    assert len(readable_files(store, FILTER_SCORES)) == 1 and len(scores(store)) == before == 10
    assert ask(store, "SELECT count(*) n FROM filter_scores WHERE border_ratio IS NULL") == [{"n": 1}]
