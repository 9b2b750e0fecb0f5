"""Counts that add up from files to tier_1: every file is read, every video scanned, every scored clip judged. Each sum
is made where it can first be made, from rows that are few and from what footers tell.
"""

from __future__ import annotations

import polars as pl
import pyarrow.compute as pc

from .checks import MOST_NAMED
from .columns import Table
from .lineage import Lineage
from .tables import CLIPS, FILTER_SCORES, RAW_VIDEOS, SCANS, SOURCE_IDS


def missing_rows(lineage: Lineage, table: Table, shard: str) -> list[str]:
    """Faults of a table whose rows are not as many as what they are made of. `lineage`: as when it was made."""
    if table == RAW_VIDEOS:
        return _unread(lineage, shard)
    if table == SCANS:
        scanned, owned = lineage.store.rows(SCANS.name, shard), len(lineage.owned(shard))
        return [f"scans/{shard}: {scanned} rows; the shard owns {owned} videos"] if scanned != owned else []
    return []


def _unread(lineage: Lineage, shard: str) -> list[str]:
    """Every registered file that is there has the id of a video, and every video one row."""
    store = lineage.store
    ids = store.read(SOURCE_IDS, shard, ["source_key", "video_id"])
    there = lineage.registered(shard).filter(pl.col("gone_at").is_null())
    unread = sorted(set(there["source_key"]) - set(ids["source_key"].to_pylist()))
    videos, rows = pc.count_distinct(ids["video_id"]).as_py(), store.rows(RAW_VIDEOS.name, shard)
    faults = []
    if unread:
        named = ", ".join(unread[:MOST_NAMED])  # not their names, which a page would take for markup
        faults.append(f"raw_videos/{shard}: {len(unread)} of {len(there)} files have no video, by source_key: {named}")
    if videos != rows:
        faults.append(f"raw_videos/{shard}: {rows} rows; its files hold {videos} videos")
    return faults


def candidates(lineage: Lineage) -> int | None:
    """Clips that tier_1 judges: those that are scored and of whose video a file is there. None where a shard with
    scores is not up to date: only its clips that are still there are judged.
    """
    store = lineage.store
    with store.snapshot():
        scored = [s for s in store.parts(FILTER_SCORES.name) if store.exists(CLIPS.name, s)]
        if set(scored) != set(lineage.complete_shards):
            return None
        return sum(store.rows(FILTER_SCORES.name, s) - _of_gone_videos(lineage, s) for s in scored)


def _of_gone_videos(lineage: Lineage, shard: str) -> int:
    gone = [video for video in lineage.owned(shard) if not lineage.alive(video)]
    if not gone:
        return 0
    return int(pl.Series(lineage.store.read(CLIPS, shard, ["video_id"])["video_id"]).is_in(gone).sum())
