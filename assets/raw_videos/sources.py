"""The register of source files: what is new, changed, gone, and which shard takes it.

One Parquet file a shard. A replaced file is a tombstone and a new row; a removed one is a tombstone; a file that
comes back unchanged loses its tombstone. Rows are the only ones in the project that hold times.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import polars as pl

from ..columns import Table
from ..compaction import readable_files
from ..store import Stamp, Store, fingerprint, rows_to_table
from ..tables import SOURCE_IDS, SOURCES
from .discover import MANIFEST_FIELDS, Discovery, FoundFile


@dataclass(frozen=True)
class ShardLimits:
    """When a shard is full. A shard far from full is open: the next new files join it."""

    max_files: int = 2000
    max_bytes: int = 20 * 1024**3
    open_share: float = 0.1
    """Below this share of both limits a shard is open: rewriting it costs little."""


@dataclass(frozen=True)
class Registration:
    """What a discovery changed in the register."""

    new: int
    replaced: int
    returned: int
    gone: int
    known: int
    left: int
    """New files not taken because of a limit."""
    shards: list[str]
    """Shards whose rows changed."""


def read_sources(store: Store) -> pl.DataFrame:
    """All rows of the register."""
    return identified(store).frame.drop("video_id")


def source_key(row: dict[str, Any]) -> str:
    """Identity of one version of a source file: changes when uri, size, time of change or entity tag does."""
    return fingerprint(row["uri"], row["size"], row["mtime"].isoformat() if row["mtime"] else None, row["etag"])


def known_files(sources: pl.DataFrame) -> frozenset[tuple[str, int]]:
    """(uri, size) of every registered row, for discover()."""
    return frozenset(sources.select("uri", "size").iter_rows())


def register(
    store: Store, found: Discovery, now: datetime, limits: ShardLimits | None = None, limit: int | None = None
) -> Registration:
    """Bring the register up to date with a discovery; at most `limit` new files are taken."""
    registration, rows = reconcile(read_sources(store).to_dicts(), found, now, limits or ShardLimits(), limit)
    _write(store, rows, set(registration.shards))
    return registration


def preview(
    store: Store, found: Discovery, now: datetime, limits: ShardLimits, limit: int | None = None
) -> tuple[Registration, pl.DataFrame]:
    """What register() would change, and the register as it would be; nothing is written."""
    registration, rows = reconcile(read_sources(store).to_dicts(), found, now, limits, limit)
    frame = pl.from_arrow(rows_to_table(SOURCES, rows))
    assert isinstance(frame, pl.DataFrame)
    return registration, frame


def reconcile(
    rows: list[dict[str, Any]], found: Discovery, now: datetime, limits: ShardLimits, limit: int | None
) -> tuple[Registration, list[dict[str, Any]]]:
    """Rows of the register after a discovery, and what changed. The rows given are changed in place."""
    live = {r["uri"]: r for r in rows if r["gone_at"] is None}
    changed: set[str] = set()
    new, replaced, returned, known = [], 0, 0, 0
    tombstones = {(r["uri"], r["size"], r["mtime"]): r for r in rows if r["gone_at"] is not None}
    for file in found.files:
        row = live.get(file.uri)
        if row is not None and (row["size"], row["mtime"]) == (file.size, file.mtime):
            known += 1
            changed |= _update_manifest(row, file)
        elif (old := tombstones.get((file.uri, file.size, file.mtime))) is not None:
            returned += 1
            old["gone_at"] = None
            changed |= {old["shard"]} | _update_manifest(old, file)
            if row is not None:
                changed.add(_bury(row, now))
        else:
            new.append(file)
    taken = new if limit is None else new[:limit]
    for file in taken:
        if (row := live.get(file.uri)) is not None:
            replaced += 1
            changed.add(_bury(row, now))
    gone = _missing(live, found)
    changed |= {_bury(row, now) for row in gone}
    added = [_row(file, shard, now) for file, shard in _assign(rows, taken, limits)]
    changed |= {row["shard"] for row in added}
    left = len(new) - len(taken)
    registration = Registration(len(taken) - replaced, replaced, returned, len(gone), known, left, sorted(changed))
    return registration, rows + added


def _update_manifest(row: dict[str, Any], file: FoundFile) -> set[str]:
    """New words in a manifest replace old ones; a plain folder run, which has none, changes nothing."""
    if all(row[k] == v for k, v in file.manifest.items()):
        return set()
    row.update(file.manifest)
    return {row["shard"]}


def _bury(row: dict[str, Any], now: datetime) -> str:
    row["gone_at"] = now
    return str(row["shard"])


def _missing(live: dict[str, dict[str, Any]], found: Discovery) -> list[dict[str, Any]]:
    """Rows under the folder that was listed whole whose file is no longer there."""
    present = {file.uri for file in found.files}
    if found.prefix is None:
        return [live[uri] for uri in found.missing if uri in live]
    prefix = found.prefix.rstrip("/") + "/"
    return [row for uri, row in live.items() if uri.startswith(prefix) and uri not in present]


def _row(file: FoundFile, shard: str, now: datetime) -> dict[str, Any]:
    manifest = {name: file.manifest.get(name) for name in MANIFEST_FIELDS}
    seen = {"uri": file.uri, "size": file.size, "mtime": file.mtime, "etag": None}
    return seen | {"source_key": source_key(seen), "shard": shard, "first_seen": now, "gone_at": None} | manifest


def shard_key(number: int) -> str:
    """Shards are numbered from 1; their names sort as their numbers do up to a million."""
    return f"shard-{number:06d}"


def shard_number(key: str) -> int:
    return int(key.rsplit("-", 1)[1])


def closed_shards(sources: pl.DataFrame, limits: ShardLimits) -> list[str]:
    """Shards that take no more files, and so may be compacted."""
    last = sources["shard"].max() if len(sources) else ""
    load = sources.group_by("shard").agg(files=pl.len(), bytes=pl.sum("size"))
    full = (pl.col("files") >= limits.max_files * limits.open_share) | (
        pl.col("bytes") >= limits.max_bytes * limits.open_share
    )
    return sorted(load.filter(full | (pl.col("shard") != last))["shard"])


def _assign(rows: list[dict[str, Any]], files: list[FoundFile], limits: ShardLimits) -> list[tuple[FoundFile, str]]:
    """New files join the last shard while it is open, then fill new ones."""
    if not files:
        return []
    last = max((r["shard"] for r in rows), default=shard_key(0), key=shard_number)
    number, here = shard_number(last), [r for r in rows if r["shard"] == last]
    count, volume = len(here), sum(r["size"] for r in here)
    if number == 0 or count >= limits.max_files * limits.open_share or volume >= limits.max_bytes * limits.open_share:
        number, count, volume = number + 1, 0, 0
    assigned = []
    for file in files:
        if count and (count >= limits.max_files or volume + file.size > limits.max_bytes):
            number, count, volume = number + 1, 0, 0
        count, volume = count + 1, volume + file.size
        assigned.append((file, shard_key(number)))
    return assigned


def _write(store: Store, rows: list[dict[str, Any]], shards: set[str]) -> None:
    mine_of: dict[str, list[dict[str, Any]]] = {shard: [] for shard in sorted(shards)}
    for row in rows:
        if row["shard"] in mine_of:
            mine_of[row["shard"]].append(row)
    for shard, mine in mine_of.items():
        mine.sort(key=lambda r: (r["uri"], r["first_seen"]))
        store.write(SOURCES, shard, rows_to_table(SOURCES, mine), Stamp(fingerprint([r["source_key"] for r in mine])))


class Register:
    """The register at one moment: where every file lies, what its bytes are, and which shard owns them."""

    def __init__(self, frame: pl.DataFrame) -> None:
        """`frame`: rows of SOURCES with the video_id of their bytes, NULL where they are unread."""
        self.frame = frame

    @cached_property
    def shards(self) -> list[str]:
        return sorted(self.frame["shard"].unique())

    def rows(self, shard: str) -> pl.DataFrame:
        """What is registered under a shard, gone or there."""
        return self._rows.get((shard,), self.frame.clear())

    @cached_property
    def _rows(self) -> dict[Any, pl.DataFrame]:
        return self.frame.partition_by("shard", as_dict=True, maintain_order=True)

    def keys(self, shard: str) -> list[str]:
        """Sorted source_keys of a shard's files that are there, or were read before they went."""
        return self._keys.get(shard, [])

    @cached_property
    def _keys(self) -> dict[str, list[str]]:
        rows = self.frame.filter(pl.col("gone_at").is_null() | pl.col("video_id").is_not_null())
        return dict(rows.group_by("shard").agg(pl.col("source_key").sort()).iter_rows())

    def owned(self, shard: str) -> list[str]:
        """Ids of the videos that a shard owns, sorted: of the shards that hold a video it has the lowest key."""
        return self._owned.get(shard, [])

    @cached_property
    def _owner(self) -> pl.DataFrame:
        return self.frame.drop_nulls("video_id").group_by("video_id").agg(owner=pl.min("shard"))

    @cached_property
    def _owned(self) -> dict[str, list[str]]:
        return dict(self._owner.group_by("owner").agg(pl.col("video_id").sort()).iter_rows())

    @cached_property
    def there(self) -> frozenset[str]:
        """Videos of which a file is there."""
        return frozenset(self.frame.filter(pl.col("gone_at").is_null())["video_id"].drop_nulls())

    def files(self, shard: str) -> pl.DataFrame:
        """The files that are there of the videos that a shard owns, wherever they are registered, by uri."""
        return self._files.get((shard,), self.frame.clear())

    @cached_property
    def _files(self) -> dict[Any, pl.DataFrame]:
        there = self.frame.filter(pl.col("gone_at").is_null()).join(self._owner, on="video_id").sort("uri")
        return there.partition_by("owner", as_dict=True, maintain_order=True, include_key=False)


def identified(store: Store) -> Register:
    """The stored register."""
    return store.made_of([SOURCES.name, SOURCE_IDS.name], _identified)


def _identified(store: Store) -> Register:
    return identify(store, _rows(store, SOURCES, SOURCES.names).sort("shard", maintain_order=True))


def identify(store: Store, rows: pl.DataFrame) -> Register:
    """The register of the rows given, with the ids that are stored."""
    ids = _rows(store, SOURCE_IDS, ["source_key", "video_id"])
    return Register(rows.join(ids.unique("source_key"), on="source_key", how="left", maintain_order="left"))


def _rows(store: Store, table: Table, columns: list[str]) -> pl.DataFrame:
    """Of all shards; read copies stand for their shards' own files."""
    frame = pl.from_arrow(store.read_files(table, readable_files(store, table), columns))
    assert isinstance(frame, pl.DataFrame)
    return frame
