"""Rows per file after compaction, what it costs, and what it costs to open the views.

    python -m benchmarks compaction

Two synthetic roots of a million clips (clips_roots.py): 100 shards as a run closes them, and 1,000 small ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from .clips_roots import ClipsRoot, clips_root, compacted
from .figures import Bench, Figure, Section
from .rounds import Cost, alternate, run

COMMAND = "benchmarks.work.compaction"
ROWS_BAR, ROWS_AIM = 50_000, 500_000
"""Rows of the middle one of the files that `clips` and `filter_scores` are read from."""
CLIPS, TINY_CLIPS = 1_000_000, 400


def section(bench: Bench) -> Section:
    """Rows per file, cost of compaction, and of a connection with every view."""
    clips, sizes = (TINY_CLIPS, (40, 10)) if bench.tiny else (CLIPS, (10_000, 1_000))
    roots = {size: clips_root(bench.folder / "clips", ClipsRoot(clips, size, grouped=False)).root for size in sizes}
    late = run([COMMAND, "one_by_one", roots[sizes[0]]])
    commands = {f"{way} {size}": [COMMAND, way, root] for size, root in roots.items() for way in ("compact", "again")}
    costs = alternate(commands, bench.rounds, "compaction")
    for size in sizes:
        compacted(clips_root(bench.folder / "clips", ClipsRoot(clips, size, grouped=False)))
    opening = alternate({str(size): [COMMAND, "open", root] for size, root in roots.items()}, bench.rounds, "views")
    figures = [*rows_a_file(clips, sizes, costs), *one_by_one(sizes[0], late)]
    for size in sizes:
        figures += spent(clips, size, costs, opening[str(size)])
    return Section("Read copies and views", _intro(clips), tuple(figures))


def rows_a_file(clips: int, sizes: Sequence[int], costs: Mapping[str, Sequence[Cost]]) -> list[Figure]:
    """The median over the files of a root."""
    figures = []
    for size in sizes:
        rows = [float(median(cost.told["rows"])) for cost in costs[f"compact {size}"]]
        what = f"rows per file of clips and filter_scores, {clips // size:,} shards of {size:,} clips"
        note = f"files: {costs[f'compact {size}'][0].told['rows']}"
        figures.append(Figure(what, tuple(rows), "", ROWS_BAR, ROWS_AIM, more_is_better=True, note=note))
    return figures


def one_by_one(size: int, cost: Cost) -> list[Figure]:
    """What copies look like when a run follows each shard, and how often a row was written for them."""
    rows, what = cost.told["rows"], f"shards of {size:,} clips that close one by one"
    middle = (float(median(rows)),)
    return [
        Figure(f"rows per file, {what}", middle, "", ROWS_BAR, more_is_better=True, note=f"files: {rows}"),
        Figure(f"rows written for each row, {what}", (cost.told["written"],), ""),
    ]


def spent(clips: int, size: int, costs: Mapping[str, Sequence[Cost]], opening: Sequence[Cost]) -> list[Figure]:
    """CPU of compaction, of one with nothing to do, and of opening the views."""
    shards = f"{clips // size:,} shards of {size:,} clips"
    listed = [("read copies of all tables", costs[f"compact {size}"]), ("the same again", costs[f"again {size}"])]
    listed += [("a connection with every view", opening)]
    return [Figure(f"{what}, {shards}, CPU", tuple(cost.cpu_s for cost in of), "s") for what, of in listed]


def _intro(clips: int) -> str:
    return (
        f"{clips:,} synthetic clips with their scores, sources and other small tables. A read copy holds neighbouring "
        "shards, each clip beside its scores; it is written again only when at least as many rows follow it."
    )
