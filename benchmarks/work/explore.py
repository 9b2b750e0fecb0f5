"""The explore page's questions over all clips of a root, in a process of its own.

    python -m benchmarks.work.explore WAY ROOT PRESET [--rules]

`open`: the clips read, and of every rule its axis and bars. `move`: MOVES bounds moved one after the other, each
answered in full (tiers judged and counted, funnel, histogram, the clips at the edge of the bound). `whatif`: the
tiers judged from the stored files as often, which is what the command does for one side of its answer. `--rules`
leaves sampling out.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.dataset  # noqa: F401 - the first query to read Arrow would import it

from assets.curation import Curation
from assets.options import Options
from assets.store import Store
from assets.tiers.bounds import Preset
from assets.tiers.funnel import judge_in_memory
from assets.work import Engine
from orchestration.explore.answer import Place, answer
from orchestration.explore.explorer import shelf_of
from orchestration.explore.library import Library
from orchestration.explore.moving import move_bound
from orchestration.questions import open_views
from orchestration.resources import LocalEngine

from ..rounds import measured
from .tiers import KNOWN, preset_of

Told = dict[str, Any]
MOVES = 6


def curation_of(root: str, preset: Preset) -> Curation:
    engine: Engine = LocalEngine(1, 1 << 30)
    return Curation(Store(str(Path(root).absolute())), Options(), engine, preset, KNOWN)


def moved(preset: Preset) -> Iterator[tuple[Preset, Place]]:
    """The preset with one bound after the other a tenth stricter, and the place of the one that was moved."""
    places = [(n, i) for n, tier in enumerate(preset.tiers, 1) for i, b in enumerate(tier.bounds)
              if b.kind in ("min", "max") and isinstance(b.value, int | float) and b.value]  # fmt: skip
    for n, i in places[:: max(1, len(places) // MOVES)][:MOVES]:
        bound = preset.tiers[n - 1].bounds[i]
        assert isinstance(bound.value, int | float)
        preset = move_bound(preset, n, bound.name, bound.value * (1.1 if bound.kind == "min" else 0.9))
        yield preset, (n, i)


def work(way: str, root: str, preset: Preset) -> Callable[[], Told]:
    """What is measured; all that comes before it is done."""
    curation, moves = curation_of(root, preset), list(moved(preset))
    if way == "open":
        return lambda: {"clips": shelf_of(Library(curation)).library.clips}
    if way == "whatif":
        return lambda: {"kept": [_judged_from_files(curation, preset) for preset, _ in moves]}
    shelf = shelf_of(Library(curation))
    return lambda: {"kept": [[c.clips for c in answer(shelf, preset, place).counts] for preset, place in moves]}


def _judged_from_files(curation: Curation, preset: Preset) -> list[int]:
    with open_views(curation) as connection:
        tiers = judge_in_memory(connection, preset, KNOWN)
        counts = [connection.execute(f"SELECT count(*) FROM {t.relation} WHERE kept").fetchall() for t in tiers]
    return [int(rows[0][0]) for rows in counts]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=("open", "move", "whatif"))
    parser.add_argument("root")
    parser.add_argument("preset")
    parser.add_argument("--rules", action="store_true")
    asked = parser.parse_args()
    measured(work(asked.way, asked.root, preset_of(asked.preset, asked.rules)))
