"""The engine with so many workers over so many copies of a video, as `clipsieve run` scans a shard.

    python -m benchmarks.work.engine VIDEO WORKERS ITEMS

Prints wall time, and the CPU and the highest memory that the workers tell of themselves.
"""

from __future__ import annotations

import sys
import tempfile
from typing import Any

from assets.work import Failure
from orchestration.engine import run_items
from orchestration.worker import Waiting

from ..rounds import measured
from .scan import item_of, load, told_scan

LIMIT_S = 3600.0
MEMORY_LIMIT_BYTES = 3_000_000_000


def over(items: list[Any], function: Any, workers: int, waiting: Waiting) -> list[Any]:
    """Values of all items, one each. Raises RuntimeError when an item has none."""
    values = []
    for _, outcome in run_items(
        function, items, workers=workers, time_limit_s=LIMIT_S, memory_limit_bytes=MEMORY_LIMIT_BYTES, waiting=waiting
    ):
        if isinstance(outcome, Failure):
            raise RuntimeError(outcome.sentence)
        values.append(outcome.value)
    return values


def main(path: str, workers: str, count: str) -> None:
    """Workers are started and have imported all before the measured part."""
    waiting, crew = Waiting(), int(workers)
    with tempfile.TemporaryDirectory() as staging:
        empty_mb = max(over(list(range(crew)), load, crew, waiting))
        items = [item_of(path, staging, copy) for copy in range(int(count))]

        def work() -> dict[str, Any]:
            done = over(items, told_scan, crew, waiting)
            return {
                "workers": len(waiting.workers),
                "empty_mb": empty_mb,
                "peak_mb": max(one["peak_mb"] for one in done),
                "cpu_s": sum(one["cpu_s"] for one in done),
                "frames": sum(one["frames_decoded"] for one in done),
            }

        measured(work)
        waiting.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
