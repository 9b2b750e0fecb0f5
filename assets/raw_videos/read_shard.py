"""The files of a shard read once, in sequence: which bytes they hold, and what their containers say of them.

Each file is read in a worker: a demuxer that crashes costs one file, which gets its row all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from ..lineage import Lineage
from ..store import Stamp, Store, fingerprint, rows_to_table
from ..tables import RAW_VIDEOS, SOURCE_IDS
from ..work import Counts, Engine, Failure, Progress

READ_LIMIT_S = 60.0
SLOWEST_READ_BYTES_S = 5e6
"""A file may take its size at this rate, and READ_LIMIT_S more."""


@dataclass(frozen=True)
class SourceFile:
    """One file to read."""

    uri: str
    size: int
    source_key: str


def read_shard(store: Store, lineage: Lineage, shard: str, engine: Engine, progress: Progress, force: bool) -> Counts:
    """Write raw_videos and source_ids of the shard; files that were read before are not read again."""
    stamp = lineage.raw_videos(shard)
    rows = lineage.sources.filter(pl.col("shard") == shard)
    facts, ids = ({}, {}) if force else _read_before(store, shard, stamp.recipe)
    todo = [
        SourceFile(r["uri"], r["size"], r["source_key"])
        for r in rows.to_dicts()
        if r["gone_at"] is None and r["source_key"] not in ids
    ]
    counts = Counts(reused=len(rows) - len(todo))
    progress.begin("raw_videos", shard, len(todo), 0.0)
    for file, outcome in engine.run(read_file, todo, lambda f: READ_LIMIT_S + f.size / SLOWEST_READ_BYTES_S):
        row = unread(file, outcome) if isinstance(outcome, Failure) else outcome.value
        counts.computed += 1
        counts.demux_opens += row.pop("opens", 0)
        counts.failed += row["probe_status"] is not None
        facts[row["video_id"]] = row
        ids[file.source_key] = (file.uri, row["video_id"])
        progress.advance()
    progress.end()
    _write(store, shard, stamp, facts, ids)
    counts.rows = len(facts)
    return counts


def read_file(file: SourceFile) -> dict[str, Any]:
    """Runs in a worker: hash and probe. A file that cannot be opened raises OSError."""
    from ..scan.decoder import COUNTERS
    from .probe import hash_file, probe

    before = COUNTERS.demux_opens
    row = {"video_id": hash_file(file.uri)} | probe(file.uri)
    return row | {"bytes": file.size, "opens": COUNTERS.demux_opens - before}


def unread(file: SourceFile, failure: Failure) -> dict[str, Any]:
    """The row of a file whose reading failed. Its id is of this version of the file, since its bytes are not known."""
    status = {"timeout": "timeout", "error": "unsupported"}.get(failure.kind, "crashed")
    return {
        "video_id": fingerprint("unread", file.source_key),
        "bytes": file.size,
        "probe_status": status,
        "probe_error": f"the file could not be read: {failure.sentence}",
    }


def _read_before(
    store: Store, shard: str, recipe: str
) -> tuple[dict[str, dict[str, Any]], dict[str, tuple[str, str]]]:
    """Facts by video_id and (uri, video_id) by source_key that an earlier run of the same recipe left."""
    stored = store.stamp(RAW_VIDEOS.name, shard)
    if stored is None or stored.recipe != recipe:
        return {}, {}
    facts = {row["video_id"]: row for row in store.read(RAW_VIDEOS, shard).to_pylist()}
    ids = store.read(SOURCE_IDS, shard).to_pylist()
    return facts, {r["source_key"]: (r["uri"], r["video_id"]) for r in ids if r["video_id"] in facts}


def _write(
    store: Store, shard: str, stamp: Stamp, facts: dict[str, dict[str, Any]], ids: dict[str, tuple[str, str]]
) -> None:
    """source_ids first: raw_videos certifies both."""
    listed = [{"uri": uri, "source_key": key, "video_id": video} for key, (uri, video) in sorted(ids.items())]
    held = {video for _, video in ids.values()}
    store.write(SOURCE_IDS, shard, rows_to_table(SOURCE_IDS, listed), stamp)
    rows = [facts[video] for video in sorted(held)]
    store.write(RAW_VIDEOS, shard, rows_to_table(RAW_VIDEOS, rows), stamp)
