"""Three tiers over ten million clips, against one raw scan of the columns that they read.

    python -m benchmarks tiers

The root is synthetic (clips_roots.py): 1,000 shards of 10,000 clips, written through the store and compacted as at the
end of a run; made once and kept, some 5 GB for each ten million clips. `work/tiers.py` says what each variant does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from statistics import linear_regression

from assets.store import Store

from .clips_roots import ClipsRoot, clips_root, compacted
from .figures import Bench, Figure, Section, ratios
from .rounds import Cost, alternate, run

COMMAND = "benchmarks.work.tiers"
PRESETS = ("movie_gen", "starter")
SIZES, TINY_SIZES = (625_000, 2_500_000, 10_000_000), (500, 2_000, 8_000)
BARS = {"select": (3.0, 1.5), "write": (6.0, 3.0), "funnel": (2.0, 1.0)}
"""Multiples of the raw scan's CPU: bar, aim."""
WHAT = {
    "select": "the tiers' SQL in one pass, to counts",
    "each": "the same tier by tier, on what is stored of the tier before",
    "write": "judged and written tier by tier, views opened for each",
    "funnel": "`funnel` where tiers are stored",
    "memory": "`funnel` where they are not: judged in memory",
}
GROWTH_BAR = 1.1
GROWING = ("select", "write", "memory")
SAMPLED = ("select", "write", "memory")
"""With rules that look at more than one clip: reported only, in a third of the rounds."""

Costs = Mapping[str, Sequence[Cost]]


def section(bench: Bench) -> Section:
    """Ratios by preset for the rules on a clip itself, growth with clips, and sampling apart."""
    sizes = TINY_SIZES if bench.tiny else SIZES
    roots = {size: root_of(bench, size) for size in sizes}
    figures = []
    for preset in PRESETS[:1] if bench.tiny else PRESETS:
        costs = rules_alone(bench, preset, roots)
        check_counts(costs, sizes[-1])
        figures += [*compared(preset, sizes[-1], costs), *growth(preset, sizes, costs)]
    for preset in () if bench.tiny else PRESETS:
        costs = with_sampling(bench, preset, roots[sizes[-1]])
        figures += reported(f"{preset} with sampling", costs)
    return Section("Tiers", _intro(sizes), tuple(figures))


def root_of(bench: Bench, clips: int) -> Store:
    """The root of so many clips as a run leaves it."""
    return compacted(clips_root(bench.folder / "clips", ClipsRoot(clips, 100 if bench.tiny else 10_000)))


def rules_alone(bench: Bench, preset: str, roots: Mapping[int, Store]) -> Costs:
    """Every variant over the largest root, and those that grow over the others, by `VARIANT CLIPS`."""
    for store in roots.values():
        run([COMMAND, "write", store.root, preset, "--rules"])  # what `each` and `funnel` stand on
    largest = max(roots)
    asked = [(way, largest) for way in ("raw", "raw_values", *WHAT)]
    asked += [(way, size) for size in roots if size != largest for way in GROWING]
    commands = {f"{way} {size}": [COMMAND, way, roots[size].root, preset, "--rules"] for way, size in asked}
    commands |= {
        f"{way} alone {largest}": [COMMAND, way, roots[largest].root, preset, "--rules", "--threads", "1"]
        for way in ("raw", "select")
    }
    return alternate(commands, bench.rounds, f"tiers of {preset}")


def with_sampling(bench: Bench, preset: str, store: Store) -> Costs:
    """The whole preset: copies, concepts and orientation as well."""
    commands = {way: [COMMAND, way, store.root, preset] for way in ("raw", *SAMPLED)}
    return alternate(commands, max(1, bench.rounds // 3), f"{preset} with sampling")


def check_counts(costs: Costs, size: int) -> None:
    """Raises RuntimeError when two variants do not keep the same clips."""
    kept = {str(costs[f"{way} {size}"][0].told["kept"]) for way in WHAT}
    if len(kept) > 1:
        raise RuntimeError(f"variants keep different clips: {', '.join(sorted(kept))}")


def compared(preset: str, size: int, costs: Costs) -> list[Figure]:
    """Multiples of the raw scan, and the seconds that they are made of."""
    by_way = {way: costs[f"{way} {size}"] for way in ("raw", "raw_values", *WHAT)}
    figures = multiples(f"{preset}, rules", by_way)
    for way in ("raw", "select"):
        alone = costs[f"{way} alone {size}"]
        figures.append(Figure(f"{preset}, {way}, one thread, wall", tuple(c.wall_s for c in alone), "s"))
    kept = by_way["select"][0].told["kept"]
    figures.append(
        Figure(f"{preset}, rules: clips kept by the last tier", (float(kept[-1]),), "", note=f"all: {kept}")
    )
    return figures


def multiples(title: str, costs: Costs, barred: bool = True) -> list[Figure]:
    """CPU over that of the raw scan of the same round, then CPU, wall and memory."""
    raw = [cost.cpu_s for cost in costs["raw"]]
    figures = []
    for way in (way for way in WHAT if way in costs):
        cpu = [cost.cpu_s for cost in costs[way]]
        bar, aim = BARS.get(way, (None, None)) if barred else (None, None)
        bare = f"{ratios(cpu, [c.cpu_s for c in costs['raw_values']])[0]:.2g} x without ids" if barred else ""
        figures.append(
            Figure(f"{title}: {WHAT[way]}, CPU over a raw scan", ratios(cpu, raw), "x", bar, aim, note=bare)
        )
    for way in (way for way in ("raw", "raw_values", *WHAT) if way in costs):
        walls = ", ".join(f"{cost.wall_s:.1f}" for cost in costs[way])
        peak = max(cost.peak_mb for cost in costs[way])
        note = f"wall {walls} s; at most {peak:,.0f} MB"
        figures.append(Figure(f"{title}: {way}, CPU", tuple(c.cpu_s for c in costs[way]), "s", note=note))
    return figures


def reported(title: str, costs: Costs) -> list[Figure]:
    """Without bars."""
    return multiples(title, costs, barred=False)


def growth(preset: str, sizes: Sequence[int], costs: Costs) -> list[Figure]:
    """The power of the number of clips that CPU grows with, by rounds."""
    logs = [log(size) for size in sizes]
    figures = []
    for way in GROWING:
        rounds = zip(*(costs[f"{way} {size}"] for size in sizes), strict=True)
        slopes = tuple(linear_regression(logs, [log(cost.cpu_s) for cost in turn]).slope for turn in rounds)
        spent = ", ".join(f"{size:,}: {costs[f'{way} {size}'][0].cpu_s:.2f} s" for size in sizes)
        what = f"{preset}, rules: {way}, exponent of CPU over clips"
        figures.append(Figure(what, slopes, "", GROWTH_BAR, note=spent))
    return figures


def _intro(sizes: Sequence[int]) -> str:
    return (
        f"{sizes[-1]:,} synthetic clips, and fewer for growth; every rule of the shipped presets is active. The raw "
        "scan is one DuckDB query over the same files that adds up every column of clips and scores that the tiers "
        "read, a text by its length, clip_id included; it joins nothing, since in a read copy scores stand beside "
        "their clips. Bars are for the rules that look at a clip alone; the presets with sampling (best of a group, "
        "quotas, 1/sqrt by concept), which sort clips and join the tables of copies and concepts, are reported apart."
    )
