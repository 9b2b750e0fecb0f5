"""What the page shows when a bound was moved or a rule was chosen: all that is asked of the library at once."""

from __future__ import annotations

from typing import NamedTuple

from assets.tiers.rules import Preset

from ..questions import Rows
from .clips import Edge, edge, unmeasured
from .explorer import Shelf
from .library import Count
from .spread import bars

SHOWN = 6
"""Clips on either side of a bound."""

Place = tuple[int, int]
"""Number of a tier from 1, and of a bound in it from 0."""


class Answer(NamedTuple):
    """counts: of each tier. bars: of the chosen rule's column, by how far clips get. unmeasured: clips that reach its
    tier and have no value for it.
    """

    counts: list[Count]
    funnel: Rows
    bars: list[list[int]]
    edge: Edge
    unmeasured: int


def answer(shelf: Shelf, preset: Preset, place: Place) -> Answer:
    """Under the preset's bounds, of the rule at `place`."""
    library, bound = shelf.library, preset.tiers[place[0] - 1].bounds[place[1]]
    return Answer(
        library.counts(preset),
        library.funnel(preset),
        bars(library, preset, bound.column, shelf.axes[bound.name]),
        edge(library, preset, place[0], bound, SHOWN),
        unmeasured(library, preset, place[0], bound),
    )
