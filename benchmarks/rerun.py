"""A run that finds nothing changed, and how the plan and the views grow with the number of shards.

    python -m benchmarks rerun

The root is one that runs left behind (benchmarks/roots.py): 10,000 small files in a folder tree, all their tables,
read copies and views. Each round is the command `run --input FOLDER --format json` in a fresh process
(`work/rerun.py`).
Growth is that of the plan, and of an in-memory connection with every view, over roots of one file a shard.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from statistics import linear_regression

from .figures import Bench, Figure, Section
from .roots import Known, Library, known_root
from .rounds import Cost, alternate

RERUN_BAR_S, RERUN_AIM_S = 5.0, 1.0
GROWTH_BAR = 1.1
COMMAND = "benchmarks.work.rerun"


def section(bench: Bench) -> Section:
    """CPU and wall time of a run that has nothing to do, and exponents of growth."""
    closed, small = libraries(bench)
    costs = nothing_changed(bench, {"limits": closed, "small": small})
    figures = [
        *_figures(f"again over {closed.files:,} known files in {closed.shards} shards", costs["limits"], True),
        *_figures(f"the same in {small.shards} shards of {small.files_a_shard} files", costs["small"], False),
    ]
    counts = (4, 8, 16) if bench.tiny else (100, 400, 1600)
    grown = growth(bench, counts)
    for what, title in (("plan", "plan"), ("connect", "connection with every view")):
        figures += exponents(title, counts, [grown[f"{what} {count}"] for count in counts])
    return Section("Again, with nothing changed", _intro(closed, costs["limits"]), tuple(figures))


def libraries(bench: Bench) -> tuple[Library, Library]:
    """Shards as the product closes them, and many small ones."""
    if bench.tiny:
        return Library(40, 20), Library(40, 4)
    return Library(), Library(files_a_shard=20)


def nothing_changed(bench: Bench, asked: dict[str, Library]) -> dict[str, list[Cost]]:
    """The command over each root by rounds. Raises RuntimeError when one found anything to do, or lost a file."""
    roots = {name: known_root(bench.folder, library) for name, library in asked.items()}
    commands = {name: [COMMAND, "run", str(root.media), str(root.root)] for name, root in roots.items()}
    costs = alternate(commands, bench.rounds, "again")
    for name, library in asked.items():
        for told in (cost.told for cost in costs[name]):
            if told["tasks"] or told["failures"] or told["known"] != told["files"] or told["files"] != library.files:
                raise RuntimeError(f"a run over a finished root of {library.files} files said: {told}")
    return costs


def growth(bench: Bench, counts: Sequence[int]) -> dict[str, list[Cost]]:
    """Plan and connection by rounds over roots of so many shards, one file each."""
    roots: dict[int, Known] = {n: known_root(bench.folder, Library(n, 1)) for n in counts}
    commands = {f"{what} {n}": [COMMAND, what, str(roots[n].root)] for n in counts for what in ("plan", "connect")}
    return alternate(commands, bench.rounds, "growth")


def exponents(title: str, counts: Sequence[int], costs: Sequence[Sequence[Cost]]) -> list[Figure]:
    """The power of the number of shards that CPU grows with, over all counts and over the last two, and CPU itself."""
    logs = [log(n) for n in counts]
    rounds = [[log(cost.cpu_s) for cost in turn] for turn in zip(*costs, strict=True)]
    over_all = tuple(linear_regression(logs, turn).slope for turn in rounds)
    at_the_end = tuple((turn[-1] - turn[-2]) / (logs[-1] - logs[-2]) for turn in rounds)
    figures = [
        Figure(f"growth of the {title}, {first:,} to {last:,} shards, exponent", values, "", GROWTH_BAR)
        for first, last, values in ((counts[0], counts[-1], over_all), (counts[-2], counts[-1], at_the_end))
    ]
    for count, listed in zip(counts, costs, strict=True):
        figures.append(Figure(f"{title}, {count:,} shards, CPU", tuple(c.cpu_s for c in listed), "s"))
    return figures


def _figures(what: str, costs: Sequence[Cost], is_barred: bool) -> list[Figure]:
    bars = (RERUN_BAR_S, RERUN_AIM_S) if is_barred else (None, None)
    return [
        Figure(f"{what}, CPU", tuple(c.cpu_s for c in costs), "s", *bars),
        Figure(f"{what}, wall", tuple(c.wall_s for c in costs), "s"),
        Figure(f"{what}, interpreter and imports, CPU", tuple(c.before_cpu_s for c in costs), "s"),
        Figure(f"{what}, peak memory", tuple(c.peak_mb for c in costs), "MB"),
    ]


def _intro(library: Library, costs: Sequence[Cost]) -> str:
    told = costs[-1].told
    loaded = ", ".join(told["loaded"]) or "none of dagster, torch, cv2, av, transformers, onnxruntime, faiss"
    return (
        f"The command `run` over {library.files:,} files that are all known, with {told['clips']:,} clips of which "
        f"{told['in_tier_1']:,} are in tier_1: it lists the folder, makes the plan, finds it empty, and tells its "
        f"totals. Heavy packages that the process loaded: {loaded}."
    )
