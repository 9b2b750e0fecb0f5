"""Two workers against one: does the second core count in full?

    python -m benchmarks workers

The engine scans the same equal items with one worker and with two, alternated. Workers are started and have imported
all before the clock runs. Wall time: believe it on a quiet machine only.
"""

from __future__ import annotations

import os

from .figures import Bench, Figure, Section, ratios
from .inputs import SHORT_H264, made, origin
from .rounds import Cost, alternate

ITEMS = 8
BAR, AIM = 1.7, 1.9


def section(bench: Bench) -> Section:
    """Throughput and CPU. Raises RuntimeError when frames were lost."""
    items = 2 if bench.tiny else ITEMS
    video = made(bench, SHORT_H264)
    commands = {str(n): ["benchmarks.work.engine", str(video.path), str(n), str(items)] for n in (1, 2)}
    load = os.getloadavg()[0]
    costs = alternate(commands, bench.rounds, "workers")
    for n in (1, 2):
        for cost in costs[str(n)]:
            if (cost.told["workers"], cost.told["frames"]) != (n, items * video.frames):
                raise RuntimeError(f"{n} worker(s) over {items} items of {video.frames} frames told {cost.told}")
    one, two = costs["1"], costs["2"]
    figures = (
        Figure("throughput of two workers over that of one, wall", ratios(_wall(one), _wall(two)), "x", BAR, AIM, True,
               f"{items} items; load average {load:.1f} before it, {os.cpu_count()} cores"),
        Figure("CPU of two workers over that of one", ratios(_cpu(two), _cpu(one)), "x"),
        Figure("frames a second of one worker, wall", tuple(items * video.frames / w for w in _wall(one)), "1/s"),
        Figure("frames a second of two workers, wall", tuple(items * video.frames / w for w in _wall(two)), "1/s"),
    )  # fmt: skip
    return Section("Two workers", f"{items} equal items of one video. {origin(bench)}\n\n- {video}", figures)


def _wall(costs: list[Cost]) -> list[float]:
    return [cost.wall_s for cost in costs]


def _cpu(costs: list[Cost]) -> list[float]:
    return [cost.told["cpu_s"] for cost in costs]
