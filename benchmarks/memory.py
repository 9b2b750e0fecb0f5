"""Resident memory of a worker while it scans large pictures.

    python -m benchmarks memory

A worker of the engine (`work/engine.py`) scans one file and tells the highest mark that the kernel kept of it.
"""

from __future__ import annotations

from .figures import Bench, Figure, Section
from .inputs import FULL_HD_H264, Recipe, made, origin
from .rounds import alternate

BARS = {
    FULL_HD_H264: (300.0, 150.0),
    Recipe("4K H.264", lines=2160, seconds=10.0): (700.0, 350.0),
}
"""Bar and aim in 10^6 bytes."""


def section(bench: Bench) -> Section:
    """Peaks of each round."""
    figures, listed = [], []
    for recipe, (bar, aim) in BARS.items():
        video = made(bench, recipe)
        costs = alternate({"worker": ["benchmarks.work.engine", str(video.path), "1", "1"]}, bench.rounds, "memory")
        peaks = tuple(cost.told["peak_mb"] for cost in costs["worker"])
        empty = costs["worker"][0].told["empty_mb"]
        note = f"{empty:.0f} MB of it with all imported, before the video"
        figures.append(Figure(f"peak of a worker, {recipe.name}", peaks, "MB", bar, aim, note=note))
        listed.append(f"- {video}")
    intro = f"Highest resident memory of an engine's worker while it scans one video, MB = 10^6 bytes. {origin(bench)}"
    return Section("Memory of a worker", "\n".join([f"{intro}\n", *listed]), tuple(figures))
