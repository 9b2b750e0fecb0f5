"""What is stored as rows: read copies, shards' own files and files of older versions, each row once and in order."""

from __future__ import annotations

import random
from contextlib import AbstractContextManager
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from pyarrow import fs as pafs
from synthetic import Row, ask, judge, preset, root
from test_compaction import rewrite

from assets import known_columns
from assets.columns import Table
from assets.compaction import COMPACTED, SCORED_CLIPS, compact
from assets.parquet_file import parquet_file
from assets.store import Stamp, Store, fingerprint, rows_to_table
from assets.stored_rows import scored_sql
from assets.tables import CLIPS, FILTER_SCORES
from assets.views import connect, write_database

JOIN = "SELECT clip_id, video_id, sharpness, border_ratio FROM clips JOIN filter_scores USING (clip_id) ORDER BY ALL"
SCORED = "SELECT clip_id, video_id, sharpness, border_ratio FROM scored_clips"


def library(path: Path, seed: int, count: int) -> Store:
    chance = random.Random(seed)
    rows: list[list[Row]] = [
        [{"sharpness": chance.random()} for _ in range(chance.randrange(5))] for _ in range(count)
    ]
    return root(path, *rows)


def older_version(store: Store, shard: str) -> None:
    """The shard's scores as they were before borders came."""
    columns = tuple(c for c in FILTER_SCORES.columns if not c.name.startswith("border"))
    table = Table("filter_scores", "Before borders came.", FILTER_SCORES.key, columns)
    rows = store.read(FILTER_SCORES, shard).to_pylist()
    store.write(table, shard, rows_to_table(table, rows), Stamp(fingerprint("older")))


def in_order(store: Store) -> list[Row]:
    """The rows of `scored_clips` by shard and, in each, as its clips are stored."""
    rows = {r["clip_id"]: r for r in ask(store, SCORED)}
    listed = [c for s in store.parts("clips") for c in store.read(CLIPS, s, ["clip_id"])["clip_id"].to_pylist()]
    return [rows[c] for c in listed if c in rows]


@pytest.mark.parametrize("seed", range(6))
def test_clips_stand_beside_their_scores_whatever_is_copied(tmp_path: Path, seed: int) -> None:
    """Copies, shards without one in between, an older version, a shard without scores: as the join of the two says."""
    store, chance = library(tmp_path, seed, 14), random.Random(seed)
    parts = store.parts("clips")
    for table in COMPACTED:
        compact(store, table, parts[: chance.randrange(5, 14)])
    for shard in chance.sample(parts, 2):
        rewrite(store, shard, -1.0)
    older_version(store, chance.choice(parts))
    store.delete("filter_scores", chance.choice(parts))
    for closed in (parts[:8], parts):
        rows = ask(store, SCORED)
        assert sorted(rows, key=lambda r: str(r["clip_id"])) == ask(store, JOIN)
        assert rows == in_order(store)
        compact(store, SCORED_CLIPS, closed)
    assert ask(store, SCORED) == in_order(store)


def test_where_all_is_copied_nothing_is_joined(tmp_path: Path) -> None:
    store = library(tmp_path, 1, 9)
    compact(store, SCORED_CLIPS, store.parts("clips"))
    assert "JOIN" not in scored_sql(store) and ask(store, SCORED) == in_order(store)


def test_clips_of_a_removed_file_are_not_judged(tmp_path: Path) -> None:
    from test_views import set_gone

    store = root(tmp_path, [{"uri": "/in/a.mp4"}, {"uri": "/in/b.mp4"}], *[[{}]] * 4)
    for table in COMPACTED:
        compact(store, table, store.parts("clips"))
    set_gone(store, "/in/a.mp4", True)
    assert len(ask(store, SCORED)) == 5
    judge(store, preset("[tier_1]\nsharpness = { min = 1 }"))
    assert ask(store, "SELECT count(*) n FROM tier_1") == [{"n": 5}]
    set_gone(store, "/in/a.mp4", False)
    assert len(ask(store, SCORED)) == 6


def test_files_that_are_known_are_not_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = library(tmp_path, 2, 5)
    older_version(store, "shard-000002")
    write_database(store, None)
    opened: list[str] = []

    def seen(filesystem: pafs.FileSystem, path: str) -> AbstractContextManager[pq.ParquetFile]:
        opened.append(str(Path(path).relative_to(tmp_path)))
        return parquet_file(filesystem, path)

    monkeypatch.setattr(known_columns, "parquet_file", seen)
    with connect(Store(str(tmp_path)), None) as connection:
        assert connection.sql("SELECT count(*) FROM frame_signals").fetchall() == [(0,)]
    assert set(opened) == {"filter_scores/shard-000002.parquet"}, "one of another version is looked into every time"
    rewrite(store, "shard-000003", 4.0)
    opened.clear()
    assert len(ask(Store(str(tmp_path)), JOIN)) == len(ask(store, SCORED))
    assert set(opened) == {"filter_scores/shard-000002.parquet", "filter_scores/shard-000003.parquet"}


def test_what_is_known_of_other_columns_does_not_hold(tmp_path: Path) -> None:
    store = library(tmp_path, 3, 3)
    parts = store.parts("clips")
    known_columns.remember(store, FILTER_SCORES, parts)
    more = Table(FILTER_SCORES.name, "", FILTER_SCORES.key, (*FILTER_SCORES.columns, CLIPS.column("fps")))
    assert known_columns.complete_parts(store, FILTER_SCORES, parts) == set(parts)
    assert known_columns.complete_parts(store, more, parts) == set()


def test_asking_writes_nothing(tmp_path: Path) -> None:
    store = library(tmp_path, 4, 5)
    before = sorted(tmp_path.rglob("*"))
    ask(store, SCORED)
    assert sorted(tmp_path.rglob("*")) == before
    compact(store, SCORED_CLIPS, store.parts("clips"))
    write_database(store, None)
    before = sorted(tmp_path.rglob("*"))
    ask(store, SCORED)
    with duckdb.connect(str(tmp_path / "clipsieve.duckdb"), read_only=True) as plain:
        assert len(plain.sql(SCORED).fetchall()) == len(ask(store, JOIN))
    assert sorted(tmp_path.rglob("*")) == before
