"""The videos of a shard decoded, once each. A finished video is a staged file; the shard is their sorted union.

Killed at any moment, a run loses at most the videos in flight: staged ones are taken over by the next run, which
writes the same bytes. A video that crashes, hangs or outgrows its worker gets its row and costs nothing else.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from ..lineage import Lineage
from ..options import ScanOptions
from ..store import Stamp, Store, fingerprint, rows_to_table
from ..tables import FRAME_SIGNALS, KEYFRAMES, RAW_VIDEOS, SCANS
from ..work import Counts, Engine, Failure, Progress

BASE_LIMIT_S = 60.0
LIMIT_PER_VIDEO_S = 15.0
"""Time limit of one video: BASE_LIMIT_S and this many seconds for each second of video."""

UNKNOWN_DURATION_S = 600.0
LOST = ("crashed", "timeout")
"""Statuses that another attempt may change: they are a fact of the run, not of the bytes."""


@dataclass(frozen=True)
class ScanItem:
    """One video to decode, and where its rows are to be staged."""

    video_id: str
    uri: str
    duration_s: float
    staging: str
    recipe: str
    options: ScanOptions


@dataclass(frozen=True)
class Scanned:
    """What a worker tells of a video that it staged."""

    status: str
    decode_opens: int
    frames_decoded: int


def scan_shard(
    store: Store,
    lineage: Lineage,
    shard: str,
    engine: Engine,
    progress: Progress,
    force: bool,
    retry_failed: bool = False,
) -> Counts:
    """Write frame_signals, keyframes and scans of the shard; videos that were scanned before are not opened."""
    stamp = lineage.scan(shard)
    staging = Store(str(staging_folder(store, shard, stamp.recipe)))
    owned = lineage.owned(shard)
    kept = set() if force else _scanned_before(store, shard, stamp.recipe, retry_failed)
    staged = set() if force else set(staging.parts(SCANS.name))
    facts = {r["video_id"]: r for r in store.read(RAW_VIDEOS, shard).to_pylist()}
    unscanned = [v for v in owned if v not in kept | staged]
    items = _items(lineage, shard, unscanned, facts, staging.root, stamp.recipe)
    for video_id in unscanned:
        if facts[video_id]["probe_status"] is not None:
            _stage_row(staging, stamp.recipe, refused(facts[video_id]))
    counts = Counts(reused=len(owned) - len(items))
    progress.begin("scan", shard, len(items), sum(i.duration_s for i in items))
    for item, outcome in engine.run(scan_one, items, lambda i: BASE_LIMIT_S + LIMIT_PER_VIDEO_S * i.duration_s):
        _count(counts, staging, item, outcome)
        progress.advance(1, item.duration_s)
    progress.end()
    counts.rows = _assemble(store, staging, shard, stamp, owned, kept - staged)
    shutil.rmtree(Path(staging.root).parent, ignore_errors=True)
    return counts


def videos_to_decode(store: Store, lineage: Lineage, shard: str, retry_failed: bool) -> int:
    """How many videos of the shard a scan would open now."""
    recipe = lineage.scan(shard).recipe
    known = _scanned_before(store, shard, recipe, retry_failed)
    known |= set(Store(str(staging_folder(store, shard, recipe))).parts(SCANS.name))
    facts = store.read(RAW_VIDEOS, shard, ["video_id", "probe_status"]).to_pylist()
    refused_ids = {r["video_id"] for r in facts if r["probe_status"] is not None}
    return len(set(lineage.owned(shard)) - known - refused_ids)


def staging_folder(store: Store, shard: str, recipe: str) -> Path:
    """Finished videos of one shard and recipe wait here; another recipe's are never taken for them."""
    return Path(store.root) / ".staging" / shard / recipe[:16]


def scan_one(item: ScanItem) -> Scanned:
    """Runs in a worker: decode a video and stage its rows, the scan's row last."""
    from .decoder import ScanLimits
    from .scan_video import scan_video

    result = scan_video(item.uri, item.video_id, limits=ScanLimits(**asdict(item.options)))
    staging = Store(item.staging)
    stamp = staged_stamp(item.recipe, item.video_id)
    staging.write(FRAME_SIGNALS, item.video_id, result.signals, stamp)
    staging.write(KEYFRAMES, item.video_id, result.keyframes, stamp)
    staging.write(SCANS, item.video_id, rows_to_table(SCANS, [result.scan]), stamp)
    return Scanned(result.scan["status"], result.opens, result.frames)


def staged_stamp(recipe: str, video_id: str) -> Stamp:
    return Stamp(fingerprint(recipe, video_id), recipe)


def refused(facts: dict[str, Any]) -> dict[str, Any]:
    """The scan of a video that the probe already refused: nothing is opened."""
    return {
        "video_id": facts["video_id"],
        "frames_decoded": 0,
        "status": facts["probe_status"],
        "error": facts["probe_error"],
    }


def failed(item: ScanItem, failure: Failure) -> dict[str, Any]:
    """The scan of a video that took its worker with it."""
    status = "timeout" if failure.kind == "timeout" else "crashed"
    return {"video_id": item.video_id, "frames_decoded": 0, "status": status, "error": failure.sentence}


def _items(
    lineage: Lineage, shard: str, video_ids: list[str], facts: dict[str, dict[str, Any]], staging: str, recipe: str
) -> list[ScanItem]:
    """Videos to decode, the longest first, so that no worker is left with a long one at the end."""
    alive = lineage.sources.filter(pl.col("gone_at").is_null() & pl.col("video_id").is_not_null()).sort("shard", "uri")
    where = dict(alive.unique("video_id", keep="first", maintain_order=True).select("video_id", "uri").iter_rows())
    items = [
        ScanItem(v, where[v], facts[v]["duration_s"] or UNKNOWN_DURATION_S, staging, recipe, lineage.options.scan)
        for v in video_ids
        if facts[v]["probe_status"] is None
    ]
    return sorted(items, key=lambda i: (-i.duration_s, i.video_id))


def _scanned_before(store: Store, shard: str, recipe: str, retry_failed: bool) -> set[str]:
    """Videos in the shard's files that this recipe made."""
    stored = store.stamp(SCANS.name, shard)
    if stored is None or stored.recipe != recipe:
        return set()
    rows = store.read(SCANS, shard, ["video_id", "status"]).to_pylist()
    return {r["video_id"] for r in rows if not (retry_failed and r["status"] in LOST)}


def _stage_row(staging: Store, recipe: str, row: dict[str, Any]) -> None:
    staging.write(SCANS, row["video_id"], rows_to_table(SCANS, [row]), staged_stamp(recipe, row["video_id"]))


def _count(counts: Counts, staging: Store, item: ScanItem, outcome: Any) -> None:
    counts.computed += 1
    if isinstance(outcome, Failure):
        counts.failed += 1
        counts.decode_opens += 1
        _stage_row(staging, item.recipe, failed(item, outcome))
        return
    counts.failed += outcome.value.status != "ok"
    counts.decode_opens += outcome.value.decode_opens
    counts.frames_decoded += outcome.value.frames_decoded


def _assemble(store: Store, staging: Store, shard: str, stamp: Stamp, owned: list[str], kept: set[str]) -> int:
    """Concatenate kept and staged videos, sorted by id, a row group each; returns the frames of the shard."""
    frames = 0
    for table in (FRAME_SIGNALS, KEYFRAMES):
        with store.by_video(table, shard) as old, store.writer(table, shard, stamp) as out:
            for video_id in owned:
                rows = old.read(video_id) if video_id in kept else staging.read(table, video_id)
                if rows.num_rows:
                    out.add(rows)
            frames += out.rows if table is FRAME_SIGNALS else 0
    before = {r["video_id"]: r for r in store.read(SCANS, shard).to_pylist()} if kept else {}
    scans = [before[v] if v in kept else staging.read(SCANS, v).to_pylist()[0] for v in owned]
    lost = [r["video_id"] for r in scans if r["status"] in LOST]
    store.write(SCANS, shard, rows_to_table(SCANS, scans), replace(stamp, extra={"lost": lost}))
    return frames
