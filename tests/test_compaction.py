"""Compacted read copies: the same rows, each once, and never older than the shards' own files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import Row, ask, root

from assets import compaction
from assets.columns import CLIP_ID, Table
from assets.compaction import COMPACTED, SCORED_CLIPS, compact, copies, readable_files, sweep
from assets.store import Stamp, Store, fingerprint, rows_to_table
from assets.tables import CLIPS, FILTER_SCORES, SCANS, SOURCES
from assets.views import connect


def shards(count: int, clips: int = 3) -> list[list[Row]]:
    return [[{"sharpness": 10.0 * s + c} for c in range(clips)] for s in range(count)]


def names(store: Store) -> list[str]:
    return store.parts("compacted/clips")


def scores(store: Store) -> list[float]:
    return [
        r["sharpness"] for r in ask(store, "SELECT sharpness FROM filter_scores JOIN clips USING (clip_id) ORDER BY 1")
    ]


def rewrite(store: Store, shard: str, value: float) -> None:
    """The shard's scores again, with another fingerprint."""
    rows = [r | {"sharpness": value} for r in store.read(FILTER_SCORES, shard).to_pylist()]
    store.write(FILTER_SCORES, shard, rows_to_table(FILTER_SCORES, rows), Stamp(fingerprint("again", value)))


def held(store: Store) -> list[list[str]]:
    """Shards of each copy that is read."""
    return [list(copy.shards) for copy in copies(store, SCORED_CLIPS)]


def test_rows_are_the_same_before_and_after(tmp_path: Path) -> None:
    store = root(tmp_path, *shards(6))
    before = {t.name: store.read_all(t) for t in (CLIPS, FILTER_SCORES)}
    told, closed = scores(store), store.parts("clips")[:5]
    assert compact(store, SCORED_CLIPS, closed) == names(store) and len(names(store)) == 1
    for table in (CLIPS, FILTER_SCORES):
        files = readable_files(store, table)
        assert len(files) == 2, "one copy, and the open shard's own"
        read = pa.concat_tables([pq.read_table(f).replace_schema_metadata(None).select(table.names) for f in files])
        assert read.equals(before[table.name]), "in the order of shards and of the clips in each"
    assert scores(store) == told and len(told) == 18


def test_every_compacted_table_is_read_from_its_copies(tmp_path: Path) -> None:
    store = root(tmp_path, *shards(5))
    queries = [f"SELECT * FROM {v} ORDER BY ALL" for v in ("sources", "scans", "raw_videos", "clips", "filter_scores")]
    before = [ask(store, query) for query in queries]
    for table in COMPACTED:
        assert len(compact(store, table, store.parts("clips"))) == 1
        assert [Path(f).parent.parent.name for f in readable_files(store, table)] == ["compacted"]
    assert [ask(store, query) for query in queries] == before


def test_shards_share_row_groups_up_to_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "GROUP_ROWS", 7)
    store = root(tmp_path, *shards(5))
    compact(store, SCORED_CLIPS, store.parts("clips"))
    footer = pq.read_metadata(store.path("compacted/clips", names(store)[0]))
    assert [footer.row_group(i).num_rows for i in range(footer.num_row_groups)] == [6, 6, 3]


def test_compacting_again_writes_nothing(tmp_path: Path) -> None:
    store = root(tmp_path, *shards(5))
    closed = store.parts("clips")
    first = compact(store, SCORED_CLIPS, closed)
    assert first and compact(store, SCORED_CLIPS, closed) == [] and names(store) == first


def test_few_shards_are_left_as_they_are(tmp_path: Path) -> None:
    store = root(tmp_path, *shards(3))
    assert compact(store, SCORED_CLIPS, store.parts("clips")) == [] and len(readable_files(store, CLIPS)) == 3
    assert compact(store, SCORED_CLIPS, ["shard-000009"]) == [] and compact(store, SCORED_CLIPS, []) == []


def test_a_rewritten_shard_makes_the_copy_void(tmp_path: Path) -> None:
    store = root(tmp_path, *shards(5))
    old = compact(store, SCORED_CLIPS, store.parts("clips"))
    rewrite(store, "shard-000002", -1.0)
    assert len(readable_files(store, CLIPS)) == len(readable_files(store, FILTER_SCORES)) == 5
    assert scores(store)[:4] == [-1.0, -1.0, -1.0, 0.0] and len(scores(store)) == 15
    sweep(store, SCORED_CLIPS)
    assert names(store) == []
    new = compact(store, SCORED_CLIPS, store.parts("clips"))
    assert new != old and len(readable_files(store, FILTER_SCORES)) == 1 and len(scores(store)) == 15


def test_other_rows_under_the_same_fingerprint_are_seen(tmp_path: Path) -> None:
    """A retry of lost videos, and a file that goes: neither changes what the shard should be made of."""
    store = root(tmp_path, *shards(5))
    compact(store, SCANS, store.parts("scans"))
    stamp = store.stamp("scans", "shard-000003")
    rows = [r | {"status": "timeout"} for r in store.read(SCANS, "shard-000003").to_pylist()]
    assert stamp is not None
    store.write(SCANS, "shard-000003", rows_to_table(SCANS, rows), stamp)
    assert ask(store, "SELECT count(*) n FROM scans WHERE status = 'timeout'") == [{"n": 3}]


def test_sweep_keeps_what_is_read_and_drops_the_copies_of_older_versions(tmp_path: Path) -> None:
    store = root(tmp_path, *shards(5))
    kept = compact(store, SCORED_CLIPS, store.parts("clips"))
    scores_alone = store.read(FILTER_SCORES, "shard-000001")
    store.write(FILTER_SCORES, "a-b-12345678", scores_alone, Stamp("old"), "compacted/filter_scores")
    shutil.copy(store.path("compacted/clips", kept[0]), store.path("compacted/clips", "unknown"))
    sweep(store, SCORED_CLIPS)
    assert names(store) == kept and store.parts("compacted/filter_scores") == []


def test_a_shard_that_comes_between_is_read_in_its_place(tmp_path: Path) -> None:
    """Its scores were late, and the copy was made without it."""
    store = root(tmp_path, *shards(6))
    rows, stamp = store.read(FILTER_SCORES, "shard-000003"), store.stamp("filter_scores", "shard-000003")
    store.delete("filter_scores", "shard-000003")
    compact(store, SCORED_CLIPS, store.parts("clips"))
    assert held(store) == [[s for s in store.parts("clips") if s != "shard-000003"]]
    assert len(scores(store)) == 15 and ask(store, "SELECT count(*) n FROM clips") == [{"n": 18}]
    assert stamp is not None
    store.write(FILTER_SCORES, "shard-000003", rows, stamp)
    assert held(store) == [] and len(scores(store)) == 18
    compact(store, SCORED_CLIPS, store.parts("clips"))
    assert held(store) == [store.parts("clips")] and len(scores(store)) == 18


def test_scores_of_other_clips_are_not_laid_beside_them(tmp_path: Path) -> None:
    """Cut again and not scored yet: as many clips, with other ids."""
    store = root(tmp_path, *shards(9))
    rows = store.read(FILTER_SCORES, "shard-000005")
    other = rows.set_column(0, CLIP_ID.name, pa.array([fingerprint("other", i) for i in range(len(rows))]))
    store.write(FILTER_SCORES, "shard-000005", other, Stamp("stale"))
    compact(store, SCORED_CLIPS, store.parts("clips"))
    assert held(store) == [store.parts("clips")[:4], store.parts("clips")[5:]]
    assert len(scores(store)) == 24 and ask(store, "SELECT count(*) n FROM clips") == [{"n": 27}]


def test_a_moved_root_keeps_its_copies(tmp_path: Path) -> None:
    store = root(tmp_path / "here", *shards(5))
    compact(store, SCORED_CLIPS, store.parts("clips"))
    moved = Store(str(shutil.copytree(tmp_path / "here", tmp_path / "there", copy_function=shutil.copyfile)))
    assert len(readable_files(moved, CLIPS)) == 1 and len(scores(moved)) == 15
    register = tmp_path / "there/compacted/clips/copies.json"
    before = register.read_text()
    assert compact(moved, SCORED_CLIPS, moved.parts("clips")) == [] and register.read_text() != before
    rewrite(moved, "shard-000002", 7.0)
    assert len(readable_files(moved, CLIPS)) == 5


def test_copies_of_a_table_with_other_columns_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = root(tmp_path, *shards(5))
    compact(store, SOURCES, store.parts("sources"))
    assert len(readable_files(store, SOURCES)) == 1
    more = Table(SOURCES.name, SOURCES.doc, SOURCES.key, (*SOURCES.columns, CLIP_ID))
    monkeypatch.setattr(compaction, "COMPACTED", (more,))
    assert len(readable_files(Store(str(tmp_path)), more)) == 5


def test_a_question_that_was_open_is_answered_and_the_next_run_tidies_up(tmp_path: Path) -> None:
    store = root(tmp_path, *shards(12))
    closed = store.parts("clips")
    compact(store, SCORED_CLIPS, closed[:5])
    first = names(store)
    with connect(store, None) as asked:  # its views name the first copy
        compact(store, SCORED_CLIPS, closed[:10])
        sweep(store, SCORED_CLIPS)
        assert asked.sql("SELECT count(sharpness) FROM scored_clips").fetchall() == [(36,)]
    assert set(first) < set(names(store)) and len(held(store)) == 1
    compact(store, SCORED_CLIPS, closed)
    rewrite(store, closed[0], 5.0)
    compact(store, SCORED_CLIPS, closed)
    sweep(store, SCORED_CLIPS)
    assert not set(first) & set(names(store)) and len(scores(store)) == 36


def test_a_kill_between_copy_and_register_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = root(tmp_path, *shards(5))

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(compaction._REGISTER, "write", stop)
        compact(store, SCORED_CLIPS, store.parts("clips"))
    assert len(names(store)) == 1 and held(store) == [] and len(scores(store)) == 15
    sweep(store, SCORED_CLIPS)
    assert names(store) == []


def test_a_shard_without_rows_and_one_of_an_older_version_are_compacted_too(tmp_path: Path) -> None:
    store = root(tmp_path, *shards(3), [], [{}])
    columns = tuple(c for c in FILTER_SCORES.columns if not c.name.startswith("border"))
    older = Table("filter_scores", "Before borders came.", FILTER_SCORES.key, columns)
    rows = store.read(FILTER_SCORES, "shard-000005").to_pylist()
    store.write(older, "shard-000005", rows_to_table(older, rows), Stamp(fingerprint("older")))
    before = len(scores(store))
    assert compact(store, SCORED_CLIPS, store.parts("filter_scores"))
    assert len(readable_files(store, FILTER_SCORES)) == 1 and len(scores(store)) == before == 10
    assert ask(store, "SELECT count(*) n FROM filter_scores WHERE border_ratio IS NULL") == [{"n": 1}]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=40))
def test_a_row_is_written_few_times_however_shards_close(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int]
) -> None:
    """Shards of ten rows close a few at a time; a copy takes 320 rows at most."""
    store, written, closed = Store(str(tmp_path_factory.mktemp("root"))), 0, 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compaction, "MOST_ROWS", 320)
        for count in steps:
            for number in range(closed, closed + count):
                rows = [{"video_id": fingerprint(number, i)} for i in range(10)]
                store.write(SCANS, f"shard-{number:06d}", rows_to_table(SCANS, rows), Stamp(fingerprint(number)))
            closed += count
            new = compact(store, SCANS, store.parts("scans"))
            written += sum(c.rows for c in copies(store, SCANS) if c.name in new)
            listed = copies(store, SCANS)
            assert [s for c in listed for s in c.shards] + loose_after(store, listed) == store.parts("scans")
            assert all(c.rows <= 320 for c in listed) and len(loose_after(store, listed)) < compaction.FEWEST_SHARDS
    assert written <= 10 * closed * 6, "1 + log2(32) times"


def loose_after(store: Store, listed: list[compaction.Copy]) -> list[str]:
    """Shards after the last copy."""
    return store.parts("scans")[sum(len(c.shards) for c in listed) :]
