"""Which stored files have exactly the columns that their table declares, remembered so that none is opened for it.

A view over files of one schema is bound by looking at the first of them; where columns may be missing, DuckDB opens
every file first, and the footer of one shard's signals costs 80 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from .columns import Table
from .file_states import FileState, is_settled
from .parquet_file import BrokenPart, parquet_file
from .registers import Register, columns_of
from .store import Store


@dataclass(frozen=True)
class Complete:
    """columns: those that were asked for; parts: the versions of files that have them."""

    columns: list[str]
    parts: dict[str, FileState]


_REGISTER = Register(Complete)


def complete_parts(store: Store, table: Table, parts: Sequence[str]) -> set[str]:
    """Those of the parts whose files have the table's columns and no others: remembered ones are not looked into."""
    known, schema = _remembered(store, table), table.schema
    states = _states(store, table, parts)
    return {p for p, state in states.items() if known.get(p) == state or _has(store, table, p, schema)}


def remember(store: Store, table: Table, parts: Sequence[str]) -> None:
    """Write down which of the parts are complete, for the next time; nothing where it is written down already."""
    states, known = _states(store, table, parts), _remembered(store, table)
    settled = {p for p, state in states.items() if is_settled(state, store.is_local)}  # asked before they are read
    now = {p: states[p] for p in sorted(complete_parts(store, table, parts) & settled)}
    if now != known:
        _REGISTER.write(store, _name(table), Complete(columns_of(table), now))


def _name(table: Table) -> str:
    return f".columns/{table.name}.json"


def _states(store: Store, table: Table, parts: Sequence[str]) -> dict[str, FileState]:
    states = ((part, store.state(table.name, part)) for part in parts)
    return {part: state for part, state in states if state is not None}


def _has(store: Store, table: Table, part: str, schema: pa.Schema) -> bool:
    try:
        with parquet_file(store.fs, store.path(table.name, part)) as file:
            return bool(file.schema_arrow.equals(schema))
    except (FileNotFoundError, BrokenPart):  # a broken one is told of when it is read
        return False


def _remembered(store: Store, table: Table) -> dict[str, FileState]:
    told = _REGISTER.read(store, _name(table))
    return told.parts if told and told.columns == columns_of(table) else {}
