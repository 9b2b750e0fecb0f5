"""Read copies of closed shards, several to a file: small files kill queries (10,000 files cost 590 times one).

The shards' own files stay the truth. A compacted file lists the shards it holds with their fingerprints, one row
group each; it is read only while every one of them is still what the shard's own file says, and is else ignored.
"""

from __future__ import annotations

from .columns import Table
from .store import Stamp, Store, fingerprint
from .tables import CLIPS, FILTER_SCORES, RAW_VIDEOS, SCANS, SHOT_COUNTS

COMPACTED = (RAW_VIDEOS, SCANS, SHOT_COUNTS, CLIPS, FILTER_SCORES)
"""Small tables with many shards; signals and keyframes are read by video, never whole."""

SHARDS_A_FILE = 64
FEWEST_SHARDS = 4
"""Fewer closed shards than this are not worth a file."""


def compact(store: Store, table: Table, closed: list[str]) -> list[str]:
    """Write read copies of the closed shards of a table that have none yet; returns the names of the new files."""
    covered = {shard for members in _members(store, table).values() for shard in members}
    stamps = {s: store.stamp(table.name, s) for s in closed if s not in covered}
    loose = [(shard, stamp.fingerprint) for shard, stamp in stamps.items() if stamp is not None]
    batches = [loose[i : i + SHARDS_A_FILE] for i in range(0, len(loose), SHARDS_A_FILE)]
    return [_write(store, table, dict(batch)) for batch in batches if len(batch) >= FEWEST_SHARDS]


def _folder(table: Table) -> str:
    return f"compacted/{table.name}"


def _write(store: Store, table: Table, members: dict[str, str]) -> str:
    name = f"{min(members)}-{max(members)}-{fingerprint(members)[:8]}"
    stamp = Stamp(fingerprint("compacted", table.name, members), extra={"members": members})
    with store.writer(table, name, stamp, _folder(table)) as out:
        for shard in members:
            out.add(store.read(table, shard))
    return name


def _members(store: Store, table: Table) -> dict[str, dict[str, str]]:
    """Valid compacted files of a table, each with its shards and their fingerprints; no shard is in two of them."""
    valid: dict[str, dict[str, str]] = {}
    covered: set[str] = set()
    for name in store.parts(_folder(table)):
        stamp = store.stamp(_folder(table), name)
        members = stamp.extra["members"] if stamp else {}
        if (
            members
            and covered.isdisjoint(members)
            and all(_fingerprint(store, table, s) == f for s, f in members.items())
        ):
            valid[name] = members
            covered |= members.keys()
    return valid


def _fingerprint(store: Store, table: Table, shard: str) -> str | None:
    stamp = store.stamp(table.name, shard)
    return stamp.fingerprint if stamp else None


def readable_files(store: Store, table: Table) -> list[str]:
    """Paths of the files that together hold every row of the table once."""
    compacted = _members(store, table) if table in COMPACTED else {}
    covered = {shard for members in compacted.values() for shard in members}
    loose = [shard for shard in store.parts(table.name) if shard not in covered]
    return [store.path(_folder(table), n) for n in compacted] + [store.path(table.name, s) for s in loose]


def sweep(store: Store, table: Table) -> None:
    """Delete compacted files that are no longer read. Call it after the views were rebuilt."""
    valid = _members(store, table)
    for name in store.parts(_folder(table)):
        if name not in valid:
            store.delete(_folder(table), name)
