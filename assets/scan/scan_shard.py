"""The videos of a shard decoded, once each. A finished video is a staged file; the shard is their sorted union.

Killed at any moment, a run loses at most the videos in flight: staged ones are taken over by the next run, which
writes the same bytes. A video that crashes, hangs or outgrows its worker gets its row and costs nothing else.
"""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from ..lineage import Lineage
from ..options import ScanOptions
from ..raw_videos.discover import check_unchanged
from ..steps import SCAN_STEP
from ..store import PartWriter, Stamp, Store, VideoReader, fingerprint, rows_to_table
from ..tables import FRAME_SIGNALS, KEYFRAMES, LOST, RAW_VIDEOS, SCANS
from ..work import Counts, Engine, Failure, Progress
from .staging import staging_folder

BASE_LIMIT_S = 60.0
LIMIT_PER_VIDEO_S = 15.0
"""Time limit of one video: BASE_LIMIT_S and this many seconds for each second of video."""

UNKNOWN_DURATION_S = 600.0


@dataclass(frozen=True)
class ScanItem:
    """One video to decode, and where its rows are to be staged."""

    video_id: str
    uri: str
    size: int
    mtime: datetime | None
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
    kept = _scanned_before(store, lineage, shard, retry_failed)
    kept = {v for v in kept if not force or not lineage.alive(v)}
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
    known = _scanned_before(store, lineage, shard, retry_failed)
    known |= set(Store(str(staging_folder(store, shard, recipe))).parts(SCANS.name))
    facts = store.read(RAW_VIDEOS, shard, ["video_id", "probe_status"]).to_pylist()
    refused_ids = {r["video_id"] for r in facts if r["probe_status"] is not None}
    return len(set(lineage.owned(shard)) - known - refused_ids)


def scan_one(item: ScanItem) -> Scanned:
    """Runs in a worker: decode a video and stage its rows, the scan's row last."""
    from .decoder import ScanLimits
    from .scan_video import scan_video

    check_unchanged(item.uri, item.size, item.mtime)
    staging, stamp = Store(item.staging), staged_stamp(item.recipe, item.video_id)
    limits = ScanLimits(**asdict(item.options))
    with staging.writer(KEYFRAMES, item.video_id, stamp) as out:
        result = scan_video(item.uri, item.video_id, limits=limits, keyframe_sink=out.add)
    check_unchanged(item.uri, item.size, item.mtime)
    staging.write(FRAME_SIGNALS, item.video_id, result.signals, stamp)
    staging.write(SCANS, item.video_id, rows_to_table(SCANS, [result.scan]), stamp)
    return Scanned(result.scan["status"], result.opens, result.frames)


def staged_stamp(recipe: str, video_id: str) -> Stamp:
    return Stamp(fingerprint(recipe, video_id), recipe)


def refused(facts: dict[str, Any]) -> dict[str, Any]:
    """The scan of a video that the probe already refused: nothing is opened."""
    return {
        "video_id": facts["video_id"],
        "frames_decoded": 0,
        "quick": False,
        "status": facts["probe_status"],
        "error": facts["probe_error"],
    }


def failed(item: ScanItem, failure: Failure) -> dict[str, Any]:
    """The scan of a video that took its worker with it."""
    status = "timeout" if failure.kind == "timeout" else "crashed"
    row = {"video_id": item.video_id, "frames_decoded": 0, "quick": False}
    return row | {"status": status, "error": failure.sentence}


def _items(
    lineage: Lineage, shard: str, video_ids: list[str], facts: dict[str, dict[str, Any]], staging: str, recipe: str
) -> list[ScanItem]:
    """Videos to decode, the longest first, so that no worker is left with a long one at the end."""
    alive = lineage.files(shard).filter(pl.col("video_id").is_in(video_ids))
    copies: dict[str, list[dict[str, Any]]] = {}
    for row in alive.sort("shard", "uri").to_dicts():
        copies.setdefault(row["video_id"], []).append(row)
    items = []
    for video_id in (v for v in video_ids if facts[v]["probe_status"] is None):
        file = next(filter(_is_unchanged, copies[video_id]), copies[video_id][0])
        duration_s = facts[video_id]["duration_s"] or UNKNOWN_DURATION_S
        where = (file["uri"], file["size"], file["mtime"], duration_s)
        items.append(ScanItem(video_id, *where, staging, recipe, lineage.options.scan))
    return sorted(items, key=lambda i: (-i.duration_s, i.video_id))


def _is_unchanged(row: dict[str, Any]) -> bool:
    """Whether the copy is still the file that was registered."""
    try:
        check_unchanged(row["uri"], row["size"], row["mtime"])
    except OSError:
        return False
    return True


def _scanned_before(store: Store, lineage: Lineage, shard: str, retry_failed: bool) -> set[str]:
    """Videos in the shard's files that this recipe made, and those that a quick scan decoded whole."""
    expected = lineage.scan(shard)
    same = lineage.reusable(SCANS.name, shard, expected)
    if not same and not lineage.reusable(SCANS.name, shard, replace(expected, recipe=_quick_recipe(lineage))):
        return set()
    rows = store.read(SCANS, shard, ["video_id", "quick", "status"]).to_pylist()
    again = LOST if retry_failed or not same else ()
    return {r["video_id"] for r in rows if r["status"] not in again and (same or not r["quick"])}


def _quick_recipe(lineage: Lineage) -> str:
    """That of a quick scan with these options."""
    options = lineage.options
    return SCAN_STEP.recipe(replace(options, scan=replace(options.scan, quick=True)))


def _stage_row(staging: Store, recipe: str, row: dict[str, Any]) -> None:
    staging.write(SCANS, row["video_id"], rows_to_table(SCANS, [row]), staged_stamp(recipe, row["video_id"]))


def _count(counts: Counts, staging: Store, item: ScanItem, outcome: Any) -> None:
    counts.computed += 1
    if isinstance(outcome, Failure):
        counts.failed += 1
        counts.decode_opens += 1
        for table in (FRAME_SIGNALS, KEYFRAMES):  # what a worker staged before it died belongs to no finished scan
            staging.delete(table.name, item.video_id)
        _stage_row(staging, item.recipe, failed(item, outcome))
        return
    counts.failed += outcome.value.status != "ok"
    counts.decode_opens += outcome.value.decode_opens
    counts.frames_decoded += outcome.value.frames_decoded


def _assemble(store: Store, staging: Store, shard: str, stamp: Stamp, owned: list[str], kept: set[str]) -> int:
    """Concatenate kept and staged videos, sorted by id; `scans` comes last and certifies the others.

    Returns the frames of the shard. Raises RuntimeError when a video's rows are fewer than its scan decoded.
    """
    stored = store.read(SCANS, shard).to_pylist() if kept else []
    before = {r["video_id"]: r | {"quick": bool(r["quick"])} for r in stored}
    scans = [before[v] if v in kept else _staged_scan(staging, v) for v in owned]
    frames = {r["video_id"]: r["frames_decoded"] for r in scans}
    for table in (FRAME_SIGNALS, KEYFRAMES):
        with store.by_video(table, shard) as old, store.writer(table, shard, stamp) as out:
            for video_id in owned:
                with nullcontext(old) if video_id in kept else staging.by_video(table, video_id) as source:
                    rows = _copy(source, video_id, out)
                if table is FRAME_SIGNALS and rows != frames[video_id]:
                    raise RuntimeError(
                        f"video {video_id} has {rows} rows of {frames[video_id]} frames; run again with --force"
                    )
    lost = [r["video_id"] for r in scans if r["status"] in LOST]
    sealed = store.sealed(replace(stamp, extra={"lost": lost}), shard, [FRAME_SIGNALS.name, KEYFRAMES.name])
    store.write(SCANS, shard, rows_to_table(SCANS, scans), sealed)
    return sum(frames.values())


def _staged_scan(staging: Store, video_id: str) -> dict[str, Any]:
    rows = staging.read(SCANS, video_id).to_pylist()
    if not rows:
        raise RuntimeError(f"the staged rows of video {video_id} are gone: another process removed them; run again")
    return dict(rows[0])


def _copy(source: VideoReader, video_id: str, out: PartWriter) -> int:
    """Copy a video's rows a row group at a time; returns how many."""
    rows = 0
    for piece in source.pieces(video_id):
        out.add(piece)
        rows += piece.num_rows
    return rows
