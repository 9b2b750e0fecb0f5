"""The files of a shard read once, in sequence: which bytes they hold, and what their containers say of them.

Each file is read in a worker: a demuxer that crashes costs one file, which gets its row all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..lineage import Lineage
from ..store import Stamp, Store, fingerprint, rows_to_table
from ..tables import LOST, RAW_VIDEOS, SOURCE_IDS
from ..work import Counts, Engine, Failure, Progress
from .discover import check_unchanged

READ_LIMIT_S = 60.0
SLOWEST_READ_BYTES_S = 5e6
"""A file may take its size at this rate, and READ_LIMIT_S more."""


@dataclass(frozen=True)
class SourceFile:
    """One file to read, as it was registered."""

    uri: str
    size: int
    mtime: datetime | None
    source_key: str


Facts = dict[str, dict[str, Any]]
Ids = dict[str, tuple[str, str]]


def read_shard(
    store: Store,
    lineage: Lineage,
    shard: str,
    engine: Engine,
    progress: Progress,
    force: bool,
    retry_failed: bool = False,
) -> Counts:
    """Write raw_videos and source_ids of the shard; files that were read before are not read again."""
    stamp = lineage.raw_videos(shard)
    rows = lineage.registered(shard).to_dicts()
    known = not force and lineage.reusable(RAW_VIDEOS.name, shard, stamp)
    facts, ids = _read_before(store, shard)
    again = {r["source_key"] for r in rows if r["gone_at"] is None and not known} | (
        lost(facts, ids) if retry_failed else set()
    )
    ids = {key: value for key, value in ids.items() if key not in again}
    todo = [SourceFile(r["uri"], r["size"], r["mtime"], r["source_key"]) for r in rows
            if r["gone_at"] is None and r["source_key"] not in ids]  # fmt: skip
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


def files_to_retry(store: Store, shard: str) -> int:
    """How many files of the shard could not be read for a reason that another attempt may not meet."""
    return len(lost(*_read_before(store, shard)))


def lost(facts: Facts, ids: Ids) -> set[str]:
    """Source keys of files whose reading crashed or timed out."""
    return {key for key, (_, video) in ids.items() if facts[video]["probe_status"] in LOST}


def read_file(file: SourceFile) -> dict[str, Any]:
    """Runs in a worker: hash and probe. Raises OSError when the file cannot be opened, or changes meanwhile."""
    from ..scan.decoder import COUNTERS
    from .probe import hash_file, probe

    before = COUNTERS.demux_opens
    check_unchanged(file.uri, file.size, file.mtime)
    row = {"video_id": hash_file(file.uri)} | probe(file.uri)
    check_unchanged(file.uri, file.size, file.mtime)
    return row | {"bytes": file.size, "opens": COUNTERS.demux_opens - before}


def unread(file: SourceFile, failure: Failure) -> dict[str, Any]:
    """The row of a file whose reading failed. Its id is of this version of the file, since its bytes are not known."""
    return {
        "video_id": fingerprint("unread", file.source_key),
        "bytes": file.size,
        "probe_status": "timeout" if failure.kind == "timeout" else "crashed",
        "probe_error": f"the file could not be read: {failure.sentence}",
    }


def _read_before(store: Store, shard: str) -> tuple[Facts, Ids]:
    """Facts by video_id and (uri, video_id) by source_key that an earlier run left."""
    facts = {row["video_id"]: row for row in store.read(RAW_VIDEOS, shard).to_pylist()}
    ids = store.read(SOURCE_IDS, shard).to_pylist()
    return facts, {r["source_key"]: (r["uri"], r["video_id"]) for r in ids if r["video_id"] in facts}


def _write(store: Store, shard: str, stamp: Stamp, facts: Facts, ids: Ids) -> None:
    """source_ids first: raw_videos certifies both."""
    listed = [{"uri": uri, "source_key": key, "video_id": video} for key, (uri, video) in sorted(ids.items())]
    held = {video for _, video in ids.values()}
    store.write(SOURCE_IDS, shard, rows_to_table(SOURCE_IDS, listed), stamp)
    rows = [facts[video] for video in sorted(held)]
    sealed = store.sealed(stamp, shard, [SOURCE_IDS.name])
    store.write(RAW_VIDEOS, shard, rows_to_table(RAW_VIDEOS, rows), sealed)
