"""What Dagster and the glue around it cost: an asset and shard of a ranged run, and a run.

    python -m benchmarks overhead

Every step of every shard of a finished root (benchmarks/roots.py, one file a shard) is run as the command `run` runs
it, in ranges of up to 20 shards, and finds everything up to date (`work/overhead.py`). The slope of CPU over assets
times shards is the cost of one of them; what is left at none is the cost of the runs and of opening the instance.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import linear_regression

from .figures import Bench, Figure, Section
from .roots import Library, known_root
from .rounds import Cost, alternate

BAR_S, AIM_S = 0.06, 0.04
SHARDS = (10, 20, 40)
COMMAND = "benchmarks.work.overhead"


def section(bench: Bench) -> Section:
    """CPU of an asset and shard, and what is fixed."""
    counts = (1, 2, 4) if bench.tiny else SHARDS
    costs = runs(bench, counts)
    told = costs[counts[-1]][0].told
    turns = [
        linear_regression([_places(c) for c in turn], [c.cpu_s for c in turn])
        for turn in zip(*costs.values(), strict=True)
    ]
    figures = [
        Figure("an asset and shard of a ranged run, CPU", tuple(t.slope for t in turns), "s", BAR_S, AIM_S),
        Figure("what is fixed: the instance opened, a run a stage, CPU", tuple(t.intercept for t in turns), "s"),
    ]
    for count, listed in costs.items():
        note = f"{listed[0].told['runs']} Dagster runs"
        figures.append(Figure(f"{count} shards, CPU", tuple(c.cpu_s for c in listed), "s", note=note))
        figures.append(Figure(f"{count} shards, wall", tuple(c.wall_s for c in listed), "s"))
    start = tuple(c.before_cpu_s for listed in costs.values() for c in listed)
    figures.append(Figure("interpreter, imports and the instance made, CPU", start, "s"))
    intro = (
        f"{told['assets']} assets by shard over {', '.join(map(str, counts))} shards, all up to date, each round "
        "in a new process with a new instance (SQLite). Every asset tells Dagster of every shard, which is checked."
    )
    return Section("Dagster's overhead", intro, tuple(figures))


def runs(bench: Bench, counts: Sequence[int]) -> dict[int, list[Cost]]:
    """By shards, by rounds."""
    roots = {count: known_root(bench.folder, Library(count, 1)) for count in counts}
    commands = {str(n): [COMMAND, str(known.root), str(bench.folder)] for n, known in roots.items()}
    costs = alternate(commands, bench.rounds, "overhead")
    return {count: costs[str(count)] for count in counts}


def _places(cost: Cost) -> int:
    return int(cost.told["assets"] * cost.told["shards"])
