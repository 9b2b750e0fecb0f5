"""The DuckDB views: always there, always typed, folded as the readers expect, and closed to everything outside."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from synthetic import NOW, ask, judge, preset, root

from assets.columns import Table
from assets.store import Stamp, Store, fingerprint, rows_to_table
from assets.tables import CLIPS, FILTER_SCORES, SOURCES, STORED
from assets.views import DATABASE, connect, lock_down, write_database

VIEWS = (
    "sources",
    "raw_videos",
    "frame_signals",
    "keyframes",
    "scans",
    "clips",
    "filter_scores",
    "tiers",
    "decisions",
    "tier_1",
    "tier_2",
    "tier_3",
)
MILD = "[tier_1]\nsharpness = { min = 100 }\n[tier_2]\nmotion_mean = { min = 2 }"


def types(connection: duckdb.DuckDBPyConnection, view: str) -> dict[str, str]:
    relation = connection.sql(f"SELECT * FROM {view}")
    return dict(zip(relation.columns, map(str, relation.types), strict=True))


def test_every_view_exists_and_is_typed_on_an_empty_root(tmp_path: Path) -> None:
    with (
        connect(Store(str(tmp_path / "nothing")), "starter") as empty,
        connect(root(tmp_path, [{}]), "starter") as full,
    ):
        for view in VIEWS:
            assert empty.sql(f"SELECT count(*) FROM {view}").fetchall() == [(0,)]
            assert types(empty, view) == types(full, view)
        for table in STORED:
            stored = types(empty, f"_{table.name}")
            assert stored == {c.name: c.duckdb_type for c in table.columns}, table.name
    assert not (tmp_path / "nothing").exists(), "asking writes nothing"


def test_a_tier_has_the_same_columns_before_and_after_it_was_judged(tmp_path: Path) -> None:
    store = root(tmp_path, [{}, {"sharpness": 1.0}])
    with connect(store, "mine") as connection:
        before = {v: types(connection, v) for v in VIEWS}
    judge(store, preset(MILD))
    with connect(store, "mine") as connection:
        assert {v: types(connection, v) for v in VIEWS} == before


def test_copies_of_a_video_fold_into_one_row(tmp_path: Path) -> None:
    twin = {"video_id": "a" * 32}
    store = root(tmp_path, [{**twin, "uri": "/in/z.mp4"}, {}], [{**twin, "uri": "/in/a.mp4"}])
    rows = ask(store, f"SELECT uri, uri_count, shard FROM raw_videos WHERE video_id = '{'a' * 32}'")
    assert rows == [{"uri": "/in/z.mp4", "uri_count": 2, "shard": "shard-000001"}]
    assert ask(store, "SELECT count(*) n FROM raw_videos") == [{"n": 2}]
    assert ask(store, "SELECT count(*) n, count(DISTINCT clip_id) d FROM clips") == [{"n": 2, "d": 2}]
    assert ask(store, "SELECT count(*) n FROM sources WHERE video_id IS NOT NULL") == [{"n": 3}]


def test_a_video_scanned_in_two_shards_is_still_one_row(tmp_path: Path) -> None:
    """The shard that finished first owned the video until the one with the lower key read its copy."""
    twin = {"video_id": "a" * 32, "clip_id": "c" * 32}
    store = root(tmp_path, [{**twin, "uri": "/in/z.mp4"}])
    other = root(tmp_path / "other", [{**twin, "uri": "/in/a.mp4"}])
    for folder in ("sources", "source_ids", "raw_videos", "scans"):
        (tmp_path / folder / "shard-000002.parquet").write_bytes(Path(other.path(folder, "shard-000001")).read_bytes())
    assert ask(store, "SELECT count(*) n FROM raw_videos") == [{"n": 1}]


def set_gone(store: Store, uri: str, gone: bool) -> None:
    rows = store.read(SOURCES, "shard-000001").to_pylist()
    changed = [r | {"gone_at": NOW + timedelta(days=1) if gone else None} if r["uri"] == uri else r for r in rows]
    store.write(SOURCES, "shard-000001", rows_to_table(SOURCES, changed), Stamp(fingerprint(gone)))


def test_clips_of_a_removed_file_leave_and_come_back(tmp_path: Path) -> None:
    store = root(tmp_path, [{"uri": "/in/a.mp4"}, {"uri": "/in/b.mp4"}])
    judge(store, preset(MILD))
    for gone, left in ((True, 1), (False, 2)):
        set_gone(store, "/in/a.mp4", gone)
        for view in ("clips", "tier_1", "tier_2", "raw_videos"):
            assert ask(store, f"SELECT count(*) n FROM {view}") == [{"n": left}], view
        assert ask(store, "SELECT count(DISTINCT clip_id) n FROM decisions") == [{"n": left}]
    assert ask(store, "SELECT count(*) n FROM sources") == [{"n": 2}]


def test_a_copy_that_is_left_keeps_the_video(tmp_path: Path) -> None:
    twin = {"video_id": "a" * 32}
    store = root(tmp_path, [{**twin, "uri": "/in/a.mp4"}], [{**twin, "uri": "/in/b.mp4"}])
    set_gone(store, "/in/a.mp4", True)
    assert ask(store, "SELECT uri, uri_count FROM raw_videos") == [{"uri": "/in/b.mp4", "uri_count": 1}]
    assert ask(store, "SELECT count(*) n FROM clips") == [{"n": 1}]


def test_the_probe_speaks_where_there_is_no_scan(tmp_path: Path) -> None:
    refused = {"status": None, "error": None, "probe_status": "no_video", "probe_error": "it has no video stream"}
    store = root(tmp_path, [refused])
    assert ask(store, "SELECT status, error FROM raw_videos") == [
        {"status": "no_video", "error": "it has no video stream"}
    ]


def test_a_table_of_an_older_version_keeps_its_view(tmp_path: Path) -> None:
    store = root(tmp_path, [{}])
    older = Table(
        "filter_scores",
        "Before borders came.",
        FILTER_SCORES.key,
        tuple(c for c in FILTER_SCORES.columns if not c.name.startswith("border")),
    )
    rows = store.read(FILTER_SCORES, "shard-000001").to_pylist()
    store.write(older, "shard-000001", rows_to_table(older, rows), Stamp(fingerprint("older")))
    assert ask(store, "SELECT border_kind, sharpness FROM filter_scores") == [
        {"border_kind": None, "sharpness": 300.0}
    ]


def test_results_of_two_presets_stand_side_by_side(tmp_path: Path) -> None:
    store = root(tmp_path, [{"sharpness": s} for s in (50.0, 150.0, 250.0)])
    judge(store, preset(MILD))
    judge(store, preset("[tier_1]\nsharpness = { min = 200 }", "strict"))
    assert [r["n"] for r in ask(store, "SELECT count(*) n FROM tier_1", "mine")] == [2]
    assert [r["n"] for r in ask(store, "SELECT count(*) n FROM tier_1", "strict")] == [1]
    assert ask(store, "SELECT count(*) n FROM tier_1", None) == [{"n": 0}]
    counts = ask(store, "SELECT preset, tier, count(*) n FROM tiers WHERE kept GROUP BY ALL ORDER BY ALL")
    assert [(r["preset"], r["n"]) for r in counts] == [("mine", 2)] * 3 + [("strict", 1)] * 3


def test_a_preset_of_four_tiers_has_four_views(tmp_path: Path) -> None:
    store = root(tmp_path, [{}])
    judge(store, preset("[tier_1]\n[tier_2]\n[tier_3]\n[tier_4]\nsharpness = { min = 1000 }"))
    assert ask(store, "SELECT count(*) n FROM tier_3") == [{"n": 1}]
    assert ask(store, "SELECT count(*) n FROM tier_4") == [{"n": 0}]


def test_the_database_holds_views_only_and_opens_read_only(tmp_path: Path) -> None:
    store = root(tmp_path, [{}, {"sharpness": 1.0}])
    judge(store, preset(MILD))
    write_database(store, "mine")
    write_database(store, "mine")
    with duckdb.connect(str(tmp_path / DATABASE), read_only=True) as plain:
        assert plain.sql("SELECT count(*) FROM tier_1").fetchall() == [(1,)]
        assert plain.sql("SELECT count(*) FROM decisions WHERE verdict = 'fail'").fetchall() == [(1,)]
        assert plain.sql("SELECT count(*) FROM duckdb_tables()").fetchall() == [(0,)]
        views = {r[0] for r in plain.sql("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()}
    assert views >= set(VIEWS)
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == [DATABASE], "no temporary file stays"


def test_the_database_of_an_empty_root(tmp_path: Path) -> None:
    write_database(Store(str(tmp_path / "new")), None)
    with duckdb.connect(str(tmp_path / "new" / DATABASE), read_only=True) as plain:
        assert all(plain.sql(f"SELECT count(*) FROM {v}").fetchall() == [(0,)] for v in VIEWS)


@pytest.mark.parametrize("name", ['it\'s "quoted"', "two words", "ünï-日本", "[brackets] and *stars*", "semi;colon--"])
def test_a_root_of_any_name(tmp_path: Path, name: str) -> None:
    store = root(tmp_path / name, [{}, {"sharpness": 1.0}])
    judge(store, preset(MILD))
    write_database(store, "mine")
    with connect(store, "mine") as connection:
        lock_down(connection, store)
        assert connection.sql("SELECT count(*) FROM tier_1").fetchall() == [(1,)]
        assert connection.sql("SELECT count(*) FROM clips").fetchall() == [(2,)]
    with duckdb.connect(str(tmp_path / name / DATABASE), read_only=True) as plain:
        assert plain.sql("SELECT count(*) FROM decisions").fetchall() == [(3,)]


OUTSIDE = {
    "file": "SELECT * FROM read_text('{outside}/secret.txt')",
    "parquet": "SELECT * FROM read_parquet('{outside}/x.parquet')",
    "climb": "SELECT * FROM read_text('{root}/../secret.txt')",
    "sibling": "SELECT * FROM read_text('{root}-other/secret.txt')",
    "glob": "SELECT * FROM glob('{outside}/*')",
    "csv": "SELECT * FROM '{outside}/secret.txt'",
    "network": "SELECT * FROM read_csv('https://example.invalid/a.csv')",
    "copy": "COPY (SELECT 1) TO '{outside}/out.csv'",
    "export": "EXPORT DATABASE '{outside}/out'",
    "attach": "ATTACH '{outside}/x.db'",
    "install": "INSTALL httpfs",
    "load": "LOAD httpfs",
    "setting": "SET threads = 1",
    "pragma": "PRAGMA threads = 1",
    "reset": "RESET threads",
    "open up": "SET enable_external_access = true",
    "directories": "SET allowed_directories = ['/']",
}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with secrets beside it."""
    folder = tmp_path_factory.mktemp("guarded")
    store = root(folder / "root", [{}])
    (folder / "secret.txt").write_text("secret")
    (folder / "root-other").mkdir()
    (folder / "root-other/secret.txt").write_text("secret")
    pq.write_table(store.read(CLIPS, "shard-000001"), folder / "x.parquet")
    return folder


@pytest.mark.parametrize("query", OUTSIDE.values(), ids=OUTSIDE.keys())
def test_nothing_outside_the_root_can_be_reached(guarded: Path, query: str) -> None:
    before, store = sorted(guarded.rglob("*")), Store(str(guarded / "root"))
    with connect(store, "starter") as connection:
        lock_down(connection, store)
        with pytest.raises(duckdb.Error):
            connection.execute(query.format(outside=guarded, root=guarded / "root")).fetchall()
        assert connection.sql("SELECT count(*) FROM clips").fetchall() == [(1,)]
    assert sorted(guarded.rglob("*")) == before
