"""Read copies of closed shards, up to a million rows to a file: small files and small row groups kill queries.

The shards' own files stay the truth. A copy holds neighbouring shards in their order, and a copy of `clips` holds the
scores beside each clip, so that judging reads one file and joins nothing. A register beside the copies says which
version of each shard's file went into which copy; a copy is read only while every one of them is still there, and no
other shard lies between them, and is else passed over: a reader sees each row once, and none that is older than the
shard's own file.

A copy is written again only when at least as many rows follow it (it then doubles, up to MOST_ROWS), so that a row is
written at most a few times however many shards close one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import pyarrow as pa
import xxhash

from .columns import Table
from .file_states import is_settled
from .parquet_file import parquet_file
from .registers import Register, columns_of
from .store import Stamp, Store, fingerprint
from .tables import CLIPS, FILTER_SCORES, RAW_VIDEOS, SCANS, SHOT_COUNTS, SOURCE_IDS, SOURCES

SCORED_CLIPS = Table(
    CLIPS.name,
    "Read copies of clips, each beside its scores.",
    CLIPS.key,
    (*CLIPS.columns, *(c for c in FILTER_SCORES.columns if c.name not in CLIPS.key)),
)

COMPACTED = (SOURCES, SOURCE_IDS, RAW_VIDEOS, SCANS, SHOT_COUNTS, SCORED_CLIPS)
"""Small tables with many shards; signals and keyframes are read by video, never whole."""

MOST_ROWS = 1 << 20
"""Of a copy: what one changed shard makes void, and has written again."""
GROUP_ROWS = 1 << 17
"""Shards share a row group up to so many rows: to scan groups of 10,000 rows costs a third more."""
FEWEST_SHARDS = 4
"""Fewer shards than this are not worth a file."""

Version = tuple[int, int, int, str]
"""Of a shard's file: its state (file_states.py), and a hash of its bytes, asked where the root was moved."""


@dataclass(frozen=True)
class Copy:
    """A read copy: its file, the shards that it holds in their order, and which version of each."""

    name: str
    rows: int
    size: int
    """Bytes: a file that was cut short is none."""
    shards: dict[str, list[Version]]

    @property
    def first(self) -> str:
        return next(iter(self.shards))


@dataclass(frozen=True)
class Copies:
    """The register of a table's copies; `columns`: what they hold. `retired`: names of those that the last ones took
    the place of; a question that was asked before may still read them.
    """

    columns: list[str]
    copies: list[Copy]
    retired: list[str]


_REGISTER = Register(Copies)


@dataclass(frozen=True)
class _Group:
    """Neighbouring shards that are, or are to be, one file."""

    shards: tuple[str, ...]
    rows: int
    copies: tuple[Copy, ...] = ()

    @property
    def is_copy(self) -> bool:
        """Whether there is nothing to write."""
        return len(self.copies) == 1 and len(self.shards) == len(self.copies[0].shards)

    def joined(self, other: _Group) -> _Group:
        return _Group(self.shards + other.shards, self.rows + other.rows, self.copies + other.copies)

    def takes(self, other: _Group) -> bool:
        """Whether the two should be one file: a copy is written again only when it doubles by it."""
        if self.rows + other.rows > MOST_ROWS:
            return False
        return (not self.is_copy or self.rows <= other.rows) and (not other.is_copy or other.rows <= self.rows)


def compact(store: Store, table: Table, closed: list[str]) -> list[str]:
    """Write read copies of the closed shards of a table that have none yet; returns the names of the new files."""
    with store.snapshot():
        there = copies(store, table)
        groups = list(_groups(store, table, there, set(closed)))
        new = [_write(store, table, g) for g in groups if not g.is_copy and len(g.shards) >= FEWEST_SHARDS]
        replaced = {shard for copy in new for shard in copy.shards}
        now = sorted([*new, *(c for c in there if replaced.isdisjoint(c.shards))], key=lambda c: c.first)
        before = _registered(store, table)
        if now != before:
            _register(store, table, now, sorted({c.name for c in before} - {c.name for c in now}))
    return [copy.name for copy in new]


def copies(store: Store, table: Table) -> list[Copy]:
    """The copies that may be read, in the order of their shards; no shard is in two of them."""

    def readable_copies(store: Store) -> list[Copy]:
        return _readable(store, table)

    return store.made_of([_folder(table), *(t.name for t in _tables(table))], readable_copies)


def _readable(store: Store, table: Table) -> list[Copy]:
    parts = _parts(store, table)
    place = {shard: i for i, shard in enumerate(parts)}
    valid: list[Copy] = []
    for copy in _registered(store, table):
        listed, start = list(copy.shards), place.get(copy.first, 0)
        is_new = not valid or place[list(valid[-1].shards)[-1]] < start
        if is_new and parts[start : start + len(listed)] == listed and (now := _current(store, table, copy)):
            valid.append(now)
    return valid


def copy_path(store: Store, table: Table, copy: Copy) -> str:
    """Of the copy's file."""
    return store.path(_folder(table), copy.name)


def copied_files(store: Store, table: Table) -> list[str]:
    """Paths of the copies in which rows of the table may be read."""
    return [copy_path(store, _wide(table), copy) for copy in copies(store, _wide(table))]


def loose_shards(store: Store, table: Table) -> list[str]:
    """Shards of the table of which there is no copy."""
    covered = {shard for copy in copies(store, _wide(table)) for shard in copy.shards}
    return [shard for shard in store.parts(table.name) if shard not in covered]


def readable_files(store: Store, table: Table) -> list[str]:
    """Paths of the files that together hold every row of the table once: copies, then shards' own."""
    return copied_files(store, table) + [store.path(table.name, s) for s in loose_shards(store, table)]


def _wide(table: Table) -> Table:
    """The table of the copies in which a table's rows lie."""
    return SCORED_CLIPS if table in _tables(SCORED_CLIPS) else table


def sweep(store: Store, table: Table) -> None:
    """Delete copies that are no longer read, but for the retired. Call it after the views were rebuilt."""
    told = _REGISTER.read(store, _register_name(table))
    kept = {copy.name for copy in copies(store, table)} | set(told.retired if told else ())
    for folder in {_folder(table), *(_folder(t) for t in _tables(table))}:
        for name in store.parts(folder):
            if folder != _folder(table) or name not in kept:
                store.delete(folder, name)


def _tables(table: Table) -> tuple[Table, ...]:
    """The stored tables whose rows lie side by side in a copy."""
    return (CLIPS, FILTER_SCORES) if table == SCORED_CLIPS else (table,)


def _folder(table: Table) -> str:
    return f"compacted/{table.name}"


def _parts(store: Store, table: Table) -> list[str]:
    """Shards that have all tables of a copy."""
    first, *others = (store.parts(t.name) for t in _tables(table))
    return sorted(set(first).intersection(*others))


def _register_name(table: Table) -> str:
    return f"{_folder(table)}/copies.json"


def _registered(store: Store, table: Table) -> list[Copy]:
    """What the register holds, whether it may be read or not; nothing when the table had other columns."""
    told = _REGISTER.read(store, _register_name(table))
    return told.copies if told and told.columns == columns_of(table) else []


def _register(store: Store, table: Table, listed: list[Copy], retired: list[str]) -> None:
    """From here on readers see these copies. A kill before it leaves the old ones."""
    _REGISTER.write(store, _register_name(table), Copies(columns_of(table), listed, retired))


def _current(store: Store, table: Table, copy: Copy) -> Copy | None:
    """The copy as it is registered now, while its file is there and each shard's files are what went into it."""
    if store.size(_folder(table), copy.name) != copy.size:
        return None
    tables, shards = _tables(table), {}
    for shard, versions in copy.shards.items():
        now = [_same(store, t, shard, v) for t, v in zip(tables, versions, strict=True)]
        shards[shard] = [version for version in now if version is not None]
        if len(shards[shard]) < len(tables):
            return None
    return replace(copy, shards=shards)


def _same(store: Store, table: Table, shard: str, version: Version) -> Version | None:
    """The version with the state of the shard's file now; None when the file is another one."""
    state = store.state(table.name, shard)
    if state is None or state == version[:-1]:
        return version if state else None
    if not store.is_local:  # to read all bytes of a bucket costs more than other copies do
        return None
    return (*state, version[-1]) if _hash(store, table, shard) == version[-1] else None


def _version(store: Store, table: Table, shard: str) -> Version:
    """Taken before the rows are read: of a file that is replaced meanwhile the state is an old one."""
    return *(store.state(table.name, shard) or (0, 0, 0)), _hash(store, table, shard)


def _hash(store: Store, table: Table, shard: str) -> str:
    with store.fs.open_input_stream(store.path(table.name, shard)) as stream:
        return xxhash.xxh3_128_hexdigest(stream.read())


def _groups(store: Store, table: Table, there: list[Copy], closed: set[str]) -> Iterator[_Group]:
    """Every copy and every closed shard without one, neighbours together where that pays."""
    copy_of = {shard: copy for copy in there for shard in copy.shards}
    stack: list[_Group] = []
    for shard in _parts(store, table):
        copy = copy_of.get(shard)
        if copy is not None and shard != copy.first:
            continue
        if copy is None and not (shard in closed and _fits(store, table, shard)):
            yield from stack
            stack = []
            continue
        rows = store.rows(table.name, shard)
        stack.append(_Group(tuple(copy.shards), copy.rows, (copy,)) if copy else _Group((shard,), rows))
        while len(stack) > 1 and stack[-2].takes(stack[-1]):
            stack[-2:] = [stack[-2].joined(stack[-1])]
    yield from stack


def _fits(store: Store, table: Table, shard: str) -> bool:
    """Whether a shard can be copied now: scores must be of the same clips in the same order."""
    first, *others = _tables(table)
    if not all(is_settled(store.state(t.name, shard) or (0, 0, 0), store.is_local) for t in (first, *others)):
        return False
    if any(store.rows(t.name, shard) != store.rows(first.name, shard) for t in others):
        return False
    keys = [store.read(t, shard, list(first.key)) for t in (first, *others) if others]
    return all(key.equals(keys[0]) for key in keys)


def _write(store: Store, table: Table, group: _Group) -> Copy:
    known = {shard: listed for copy in group.copies for shard, listed in copy.shards.items()}
    versions = {s: known.get(s) or [_version(store, t, s) for t in _tables(table)] for s in group.shards}
    held = fingerprint({shard: [hashed for *_, hashed in listed] for shard, listed in versions.items()})
    name = f"{group.shards[0]}-{group.shards[-1]}-{held[:8]}"
    with store.writer(table, name, Stamp(fingerprint("compacted", table.name, held)), _folder(table)) as out:
        for rows in _grouped(_pieces(store, table, group)):
            out.add(rows)
    return Copy(name, out.rows, store.size(_folder(table), name), versions)


def _pieces(store: Store, table: Table, group: _Group) -> Iterator[pa.Table]:
    """Rows of the shards in their order: out of the copies that are replaced, and of the shards' own files."""
    firsts = {copy.first: copy for copy in group.copies}
    covered = {shard for copy in group.copies for shard in copy.shards}
    for shard in group.shards:
        if shard in firsts:
            with parquet_file(store.fs, copy_path(store, table, firsts[shard])) as file:
                for number in range(file.num_row_groups):
                    yield file.read_row_group(number).replace_schema_metadata(None)
        elif shard not in covered:
            read = [store.read(t, shard) for t in _tables(table)]
            columns = {name: rows[name] for rows in read for name in rows.column_names}
            yield pa.table(columns).select(table.names)


def _grouped(pieces: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Pieces joined until they fill a row group; at least one, so that a copy without rows is a file."""
    held: list[pa.Table] = []
    for piece in pieces:
        if held and sum(t.num_rows for t in held) + piece.num_rows > GROUP_ROWS:
            yield pa.concat_tables(held)
            held = []
        held.append(piece)
    yield pa.concat_tables(held)
