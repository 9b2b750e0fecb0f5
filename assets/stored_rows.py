"""SQL that reads what is stored: a table's files as rows of its declared columns, and clips beside their scores."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from .columns import Table
from .compaction import SCORED_CLIPS, Copy, copied_files, copies, copy_path, loose_shards
from .known_columns import complete_parts, remember
from .store import Store
from .tables import CLIPS, FILTER_SCORES
from .tiers.literals import literal, quoted

SCORED = (CLIPS, FILTER_SCORES)
"""Tables whose rows stand side by side in one read copy."""


def table_sql(store: Store, table: Table) -> str:
    """Every row of a table once; no rows when nothing is stored."""
    paths = copied_files(store, table)
    read = [_select(table, paths)] if paths else []
    return " UNION ALL ".join([*read, *_own_files(store, table, loose_shards(store, table))]) or empty_sql(table)


def remember_columns(store: Store, tables: Iterable[Table]) -> None:
    """So that the next one who asks opens none of the files of which there is no copy."""
    for table in tables:
        remember(store, table, loose_shards(store, table))


def scored_sql(store: Store) -> str:
    """Clips that have scores, each beside them, in the order of shards and of the clips in each: what tiers judge.

    Copies are read as they are; only shards that have none yet are joined, by clip_id.
    """
    shards = sorted(set(store.parts(CLIPS.name)).intersection(store.parts(FILTER_SCORES.name)))
    copy_of = {shard: copy for copy in copies(store, SCORED_CLIPS) for shard in copy.shards}
    loose = [shard for shard in shards if shard not in copy_of]
    complete = [complete_parts(store, table, loose) for table in SCORED]

    def kind(shard: str) -> tuple[bool, ...]:
        return (shard in copy_of, *(shard in parts for parts in complete))

    pieces = []
    for (is_copied, *_), run in groupby(shards, kind):
        listed = list(run)
        pieces.append(_copied(store, listed, copy_of) if is_copied else _joined(store, listed))
    return " UNION ALL ".join(pieces) or empty_sql(SCORED_CLIPS)


def _copied(store: Store, shards: list[str], copy_of: dict[str, Copy]) -> str:
    paths = dict.fromkeys(copy_path(store, SCORED_CLIPS, copy_of[shard]) for shard in shards)
    return _select(SCORED_CLIPS, paths)


def _joined(store: Store, shards: list[str]) -> str:
    """A join keeps no order: the rows are sorted by the places of the clips."""
    clips, scores = (f"({' UNION ALL '.join(_own_files(store, table, shards))})" for table in SCORED)
    placed = f"(SELECT *, row_number() OVER () AS place_ FROM {clips})"
    return f"(SELECT * EXCLUDE (place_) FROM {placed} JOIN {scores} USING (clip_id) ORDER BY place_)"


def _own_files(store: Store, table: Table, shards: list[str]) -> list[str]:
    """Shards' own files; those of an older version have NULL in the columns that came later."""
    complete = complete_parts(store, table, shards)
    new, older = ([store.path(table.name, s) for s in shards if (s in complete) == wanted] for wanted in (True, False))
    return [form(table, paths) for form, paths in ((_select, new), (_filled, older)) if paths]


def _select(table: Table, paths: Iterable[str]) -> str:
    """Of files that all have the table's columns: only the first is looked at before it is asked for rows."""
    return f"SELECT {_names(table)} FROM read_parquet([{_list(paths)}])"


def _filled(table: Table, paths: Iterable[str]) -> str:
    rows = f"SELECT * FROM read_parquet([{_list(paths)}], union_by_name = true)"
    return f"SELECT {_names(table)} FROM ({empty_sql(table)} UNION ALL BY NAME {rows})"


def _names(table: Table) -> str:
    return ", ".join(quoted(name) for name in table.names)


def _list(paths: Iterable[str]) -> str:
    return ", ".join(literal(path) for path in paths)


def empty_sql(table: Table, extra: str = "") -> str:
    """No rows, typed. `extra`: columns before the table's own, with a comma at the end."""
    nulls = ", ".join(f"NULL::{c.duckdb_type} AS {quoted(c.name)}" for c in table.columns)
    return f"SELECT {extra}{nulls} WHERE false"
