"""How fast the explore page answers over a million clips, against judging the stored files again.

python -m benchmarks explore
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .clips_roots import ClipsRoot, clips_root, compacted
from .figures import Bench, Figure, Section, ratios
from .rounds import Cost, alternate
from .work.explore import MOVES

COMMAND = "benchmarks.work.explore"
CLIPS, TINY_CLIPS = 1_000_000, 400
PRESETS = ("movie_gen", "starter")
FORMS: Mapping[str, tuple[str, ...]] = {"rules on a clip alone": ("--rules",), "the whole preset": ()}


def section(bench: Bench) -> Section:
    """Of each preset: what one moved bound costs, and what the page costs before the first."""
    clips = TINY_CLIPS if bench.tiny else CLIPS
    store = compacted(clips_root(bench.folder / "clips", ClipsRoot(clips, 100 if bench.tiny else 10_000)))
    figures: list[Figure] = []
    for preset in PRESETS[:1] if bench.tiny else PRESETS:
        for form, flags in FORMS.items():
            commands = {way: [COMMAND, way, store.root, preset, *flags] for way in ("open", "move", "whatif")}
            costs = alternate(commands, bench.rounds, f"explore, {preset}, {form}")
            figures += told(f"{preset}, {form}", costs)
    return Section("The explore page", _intro(clips), tuple(figures))


def told(title: str, costs: Mapping[str, Sequence[Cost]]) -> list[Figure]:
    """Raises RuntimeError when the page and `whatif` keep different clips."""
    if any(a.told["kept"] != b.told["kept"] for a, b in zip(costs["move"], costs["whatif"], strict=True)):
        raise RuntimeError(f"{title}: the page and whatif keep different clips")
    move, whatif = ([cost.wall_s / MOVES for cost in costs[way]] for way in ("move", "whatif"))
    peak = max(cost.peak_mb for cost in costs["move"])
    return [
        Figure(f"{title}: a moved bound answered, over judging the files, wall", ratios(move, whatif), "x"),
        Figure(f"{title}: a moved bound answered, wall", tuple(move), "s", note=f"at most {peak:,.0f} MB"),
        Figure(f"{title}: the page opened, wall", tuple(cost.wall_s for cost in costs["open"]), "s"),
    ]


def _intro(clips: int) -> str:
    return (
        f"{clips:,} synthetic clips, every rule of the preset active. An answer is all that the page shows after a "
        f"slider was moved: counts of the tiers, the funnel, the histogram of the column, twelve clips at the edge of "
        f"the bound. {MOVES} bounds are moved one after the other. Films are not part of it."
    )
