"""The register of source files: every file in one live row, every version kept, shards within their limits."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import NOW

from assets.raw_videos.discover import Discovery, FoundFile
from assets.raw_videos.sources import (
    Registration,
    ShardLimits,
    closed_shards,
    identified,
    known_files,
    read_sources,
    register,
    shard_key,
    source_key,
)
from assets.store import Stamp, Store, rows_to_table
from assets.tables import SOURCE_IDS

LIMITS = ShardLimits(max_files=10, max_bytes=1000, open_share=0.5)


def file(uri: str, size: int = 10, age: int = 0, **manifest: str) -> FoundFile:
    return FoundFile(uri, size, NOW + timedelta(seconds=age), manifest)


def listing(*files: FoundFile, prefix: str | None = "/in", missing: tuple[str, ...] = ()) -> Discovery:
    return Discovery(sorted(files, key=lambda f: f.uri), 0, list(missing), prefix)


def counts(done: Registration) -> dict[str, int]:
    return {k: v for k, v in vars(done).items() if k != "shards" and v}


def live(store: Store) -> pl.DataFrame:
    return read_sources(store).filter(pl.col("gone_at").is_null())


def at(day: int) -> datetime:
    return NOW + timedelta(days=day)


def test_new_then_known(tmp_path: Path) -> None:
    store, found = Store(str(tmp_path)), listing(file("/in/a"), file("/in/b", source="web"))
    first = register(store, found, at(1))
    assert counts(first) == {"new": 2} and first.shards == ["shard-000001"]
    again = register(store, found, at(2))
    assert counts(again) == {"known": 2} and again.shards == []
    assert known_files(read_sources(store)) == {("/in/a", 10), ("/in/b", 10)}
    row = live(store).filter(pl.col("uri") == "/in/b").to_dicts()[0]
    assert row["first_seen"] == at(1) and row["source"] == "web" and row["licence"] is None


def test_nothing_found_at_all(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    assert counts(register(store, listing(), at(1))) == {} and store.parts("sources") == []
    assert closed_shards(read_sources(store), LIMITS) == []


def test_a_replaced_file_is_a_tombstone_and_a_new_row(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    register(store, listing(file("/in/a", 10)), at(1))
    for step, changed in enumerate((file("/in/a", 11), file("/in/a", 11, age=1)), 2):
        assert counts(register(store, listing(changed), at(step))) == {"replaced": 1}
        assert len(live(store)) == 1 and live(store)["source_key"][0] == source_key(live(store).to_dicts()[0])
    keys = read_sources(store)["source_key"]
    assert len(keys) == 3 == keys.n_unique()
    assert read_sources(store)["gone_at"].drop_nulls().to_list() == [at(2), at(3)]


def test_a_removed_file_goes_and_comes_back(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    register(store, listing(file("/in/a"), file("/in/b")), at(1))
    assert counts(register(store, listing(file("/in/b")), at(2))) == {"gone": 1, "known": 1}
    assert counts(register(store, listing(file("/in/b")), at(3))) == {"known": 1}, "gone once, not again"
    assert read_sources(store)["gone_at"].to_list() == [at(2), None]
    back = register(store, listing(file("/in/a", licence="cc0"), file("/in/b")), at(4))
    assert counts(back) == {"returned": 1, "known": 1}
    assert len(live(store)) == 2 == len(read_sources(store))
    assert live(store)["first_seen"].to_list() == [at(1), at(1)] and live(store)["licence"].to_list() == ["cc0", None]


def test_an_older_version_that_is_put_back_takes_the_newer_ones_place(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    for day, size in enumerate((10, 11), 1):
        register(store, listing(file("/in/a", size)), at(day))
    register(store, listing(file("/in/a", 10)), at(3))
    assert live(store)["size"].to_list() == [10] and len(read_sources(store)) == 2


def test_a_limit_leaves_the_rest_for_later(tmp_path: Path) -> None:
    store, found = Store(str(tmp_path)), listing(*(file(f"/in/{i}") for i in range(5)))
    assert counts(register(store, found, at(1), limit=2)) == {"new": 2, "left": 3}
    assert counts(register(store, found, at(2), limit=0)) == {"known": 2, "left": 3}
    assert counts(register(store, found, at(3), limit=9)) == {"known": 2, "new": 3}
    assert sorted(live(store)["uri"]) == [f"/in/{i}" for i in range(5)]


def test_a_replaced_file_beyond_the_limit_stays_as_it_was(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    register(store, listing(file("/in/a", 10)), at(1))
    assert counts(register(store, listing(file("/in/a", 11)), at(2), limit=0)) == {"left": 1}
    assert live(store)["size"].to_list() == [10]


def test_a_folder_speaks_only_for_what_is_below_it(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    register(store, listing(file("/a/x"), prefix="/a"), at(1))
    register(store, listing(file("/ab/x"), prefix="/ab"), at(2))
    assert counts(register(store, listing(prefix="/a"), at(3))) == {"gone": 1}
    assert live(store)["uri"].to_list() == ["/ab/x"]
    assert counts(register(store, listing(file("/ab/x"), prefix="/"), at(4))) == {"known": 1}
    assert counts(register(store, listing(prefix="/"), at(5))) == {"gone": 1}


def test_a_manifest_speaks_only_for_what_it_lists(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    register(store, listing(file("/in/a"), file("/in/b"), file("/in/c")), at(1))
    found = listing(file("/in/a"), prefix=None, missing=("/in/b", "/in/never"))
    assert counts(register(store, found, at(2))) == {"known": 1, "gone": 1}
    assert sorted(live(store)["uri"]) == ["/in/a", "/in/c"]


def test_words_of_a_manifest_replace_and_a_folder_run_keeps_them(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    register(store, listing(file("/in/a", source="web", licence="cc0"), prefix=None), at(1))
    assert register(store, listing(file("/in/a")), at(2)).shards == []
    assert register(store, listing(file("/in/a", licence="cc-by"), prefix=None), at(3)).shards == ["shard-000001"]
    assert live(store).select("source", "licence", "first_seen").row(0) == ("web", "cc-by", at(1))


def test_new_files_join_a_shard_that_is_open_and_none_that_is_closed(tmp_path: Path) -> None:
    store, files = Store(str(tmp_path)), [file(f"/in/{i:02}") for i in range(40)]
    assert register(store, listing(*files[:4]), at(1), LIMITS).shards == ["shard-000001"]
    assert closed_shards(read_sources(store), LIMITS) == []
    assert register(store, listing(*files[:6]), at(2), LIMITS).shards == ["shard-000001"], "4 of 10 is open"
    assert closed_shards(read_sources(store), LIMITS) == ["shard-000001"]
    assert register(store, listing(*files[:7]), at(3), LIMITS).shards == ["shard-000002"], "6 of 10 is closed"
    assert closed_shards(read_sources(store), LIMITS) == ["shard-000001"]
    register(store, listing(*files), at(4), LIMITS)
    load = dict(read_sources(store).group_by("shard").len().iter_rows())
    assert load == {"shard-000001": 6, "shard-000002": 10, "shard-000003": 10, "shard-000004": 10, "shard-000005": 4}


def test_a_file_larger_than_a_shard_has_one_of_its_own(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    register(store, listing(file("/in/a", 10), file("/in/b", 5000), file("/in/c", 10)), at(1), LIMITS)
    assert read_sources(store).sort("uri")["shard"].to_list() == [shard_key(1), shard_key(2), shard_key(3)]


def test_one_version_has_one_key() -> None:
    base: dict[str, Any] = {"uri": "/in/a", "size": 1, "mtime": NOW, "etag": None}
    changes = [
        {"uri": "/in/b"},
        {"size": 2},
        {"mtime": NOW + timedelta(microseconds=1)},
        {"etag": "x"},
        {"mtime": None},
    ]
    assert len({source_key(base | change) for change in [{}, *changes]}) == 6 and source_key(base) == source_key(
        dict(base)
    )


def test_the_lowest_shard_owns_a_copy(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    limits = ShardLimits(max_files=1)
    register(store, listing(*(file(f"/in/{n}") for n in "abc")), at(1), limits)
    for row, video in zip(read_sources(store).to_dicts(), ("v1", "v2", "v1"), strict=True):
        ids = [{"uri": row["uri"], "source_key": row["source_key"], "video_id": video}]
        store.write(SOURCE_IDS, row["shard"], rows_to_table(SOURCE_IDS, ids), Stamp("x"))
    files = identified(store)
    assert files.shards == [shard_key(n) for n in (1, 2, 3)] and len(files.frame) == 3
    assert [files.owned(shard) for shard in files.shards] == [["v1"], ["v2"], []]
    assert [files.files(shard)["uri"].to_list() for shard in files.shards] == [["/in/a", "/in/c"], ["/in/b"], []]


Folder = dict[str, tuple[int, int]]
FOLDERS: st.SearchStrategy[list[Folder]] = st.lists(
    st.dictionaries(
        st.sampled_from([f"/in/{c}" for c in "abcdefgh"]), st.tuples(st.integers(1, 3), st.integers(0, 2)), max_size=8
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=25, deadline=None)
@given(FOLDERS, st.integers(1, 4), st.integers(1, 8), st.sampled_from([0.1, 0.5, 1.0]))
def test_every_file_is_in_one_live_row_and_no_shard_is_too_full(
    folders: list[Folder], most_files: int, most_bytes: int, open_share: float
) -> None:
    limits = ShardLimits(most_files, most_bytes, open_share)
    with TemporaryDirectory() as root:
        store = Store(root)
        seen: set[tuple[str, int, datetime]] = set()
        for day, folder in enumerate(folders):
            files = [file(uri, size, age) for uri, (size, age) in folder.items()]
            before = set(live(store)["uri"])
            done = register(store, listing(*files), at(day), limits)
            seen |= {(f.uri, f.size, f.mtime) for f in files}
            here = live(store)
            assert set(here.select("uri", "size", "mtime").iter_rows()) == {(f.uri, f.size, f.mtime) for f in files}
            assert len(here) == len(files), "one live row a file"
            assert done.gone == len(before - set(folder))
            assert done.new + done.replaced + done.returned + done.known == len(files) and done.left == 0
            every = read_sources(store)
            assert set(every.select("uri", "size", "mtime").iter_rows()) == seen and len(every) == len(seen), (
                "no version is lost"
            )
            load = every.group_by("shard").agg(pl.len(), pl.sum("size"))
            assert all(n <= most_files and (size <= most_bytes or n == 1) for _, n, size in load.iter_rows())
            assert set(closed_shards(every, limits)) >= set(every["shard"]) - {every["shard"].max()}
