"""Read copies and views of one root, in a process of its own.

    python -m benchmarks.work.compaction WAY ROOT

`compact`: read copies of all closed shards, from none. `again`: the same where they are there. `one_by_one`: shards
close one after the other, compacted after each. `open`: an in-memory connection with every view.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow.dataset  # noqa: F401 - the first table to be read would import it

from assets.compaction import COMPACTED, SCORED_CLIPS, compact, copies
from assets.store import Store
from assets.tables import CLIPS
from assets.views import connect

from ..rounds import measured

Told = dict[str, Any]


def without_copies(store: Store) -> Store:
    """The root before its first compaction."""
    shutil.rmtree(Path(store.root, "compacted"), ignore_errors=True)
    return store


def compacted(store: Store) -> Told:
    for table in COMPACTED:
        compact(store, table, store.parts(CLIPS.name))
    return {"rows": rows_of_files(store)}


def rows_of_files(store: Store) -> list[int]:
    """Of each file that `clips` and `filter_scores` are read from: copies, then shards' own."""
    listed = copies(store, SCORED_CLIPS)
    covered = {shard for copy in listed for shard in copy.shards}
    loose = [store.rows(CLIPS.name, shard) for shard in store.parts(CLIPS.name) if shard not in covered]
    return [*(copy.rows for copy in listed), *loose]


def one_by_one(store: Store) -> Told:
    """Rows of each file at the end, and rows written on the way for each row that is there."""
    shards, written = store.parts(CLIPS.name), 0
    for count in range(1, len(shards) + 1):
        new = compact(store, SCORED_CLIPS, shards[:count])
        written += sum(copy.rows for copy in copies(store, SCORED_CLIPS) if copy.name in new)
    rows = rows_of_files(store)
    return {"rows": rows, "written": written / max(sum(rows), 1)}


def opened(store: Store) -> Told:
    with connect(store, None) as connection:
        return {"views": len(connection.sql("SHOW TABLES").fetchall())}


def main(given: Sequence[str]) -> None:
    way, store = given[0], Store(given[1])
    ways: dict[str, Callable[[], Told]] = {
        "compact": lambda: compacted(store),
        "again": lambda: compacted(store),
        "one_by_one": lambda: one_by_one(store),
        "open": lambda: opened(store),
    }
    if way in ("compact", "one_by_one"):
        without_copies(store)
    measured(ways[way])


if __name__ == "__main__":
    main(sys.argv[1:])
