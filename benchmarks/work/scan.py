"""What a worker does for one video: the decode, all signals, the key frames, and the staged Parquet files.

    python -m benchmarks.work.scan VIDEO [--quick]

Prints what the worker told, and what it cost. A worker's variables (one thread) are the caller's to give.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assets.options import ScanOptions
from assets.scan.scan_shard import ScanItem, scan_one
from assets.store import fingerprint

from ..rounds import cpu_s, measured, peak_mb

UNKNOWN_DURATION_S = 0.0


def item_of(path: str, staging: str, copy: int = 0, options: ScanOptions | None = None) -> ScanItem:
    """The work item of a file; `copy` tells items of the same file apart."""
    stat = os.stat(path)
    changed = datetime.fromtimestamp(stat.st_mtime_ns // 1000 / 1e6, tz=UTC)
    recipe = fingerprint("benchmark")
    video_id = fingerprint(path, copy)
    return ScanItem(
        video_id, path, stat.st_size, changed, UNKNOWN_DURATION_S, staging, recipe, options or ScanOptions()
    )


def scan(item: ScanItem) -> dict[str, Any]:
    """What the worker tells of the video, and the bytes that it staged."""
    told = asdict(scan_one(item))
    return told | {"staged_bytes": sum(p.stat().st_size for p in Path(item.staging).rglob("*.parquet"))}


def told_scan(item: ScanItem) -> dict[str, Any]:
    """Runs in a worker: scan the video, and tell what this process spent on it and its highest memory so far."""
    before = cpu_s()
    return scan(item) | {"cpu_s": cpu_s() - before, "peak_mb": peak_mb()}


def load(_: int = 0) -> float:
    """Import what `scan_one` imports when it is called. Returns the memory of the process, in 10^6 bytes."""
    import numpy.ma  # noqa: F401 - pyarrow's conversions load it

    import assets.scan.scan_video  # noqa: F401

    return peak_mb()


def main(path: str, *flags: str) -> None:
    load()
    options = ScanOptions(quick="--quick" in flags)
    with tempfile.TemporaryDirectory() as staging:
        item = item_of(path, staging, options=options)
        measured(lambda: scan(item))


if __name__ == "__main__":
    main(*sys.argv[1:])
