"""What a histogram shows, as numbers: where the bars end, how high they are, which bounds are drawn in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..tiers.bounds import Bound, Preset
from ..tiers.words import show

Numbers = npt.NDArray[np.float64]
BARS = 40
TAIL_PERCENT = 1.0
"""Of the values at each end: left out where they would press the others into a third of the picture."""


@dataclass(frozen=True)
class Mark:
    """A bound of one or more tiers. `tier` is the first of them, from 1; `outside`: it lies beyond the bars."""

    value: float
    label: str
    tier: int
    outside: bool = False


@dataclass(frozen=True)
class Histogram:
    """edges: (bars + 1,), counts: (bars,). `beyond` values lie outside the edges."""

    title: str
    unit: str
    edges: Numbers
    counts: npt.NDArray[np.int64]
    marks: tuple[Mark, ...]
    beyond: int = 0


def histogram(title: str, unit: str, values: Numbers, bounds: Sequence[tuple[int, Bound]]) -> Histogram:
    """Of finite values, at least one. Bounds near the values are inside the picture; others are told at its rim."""
    low, high = _range(values)
    room = max(high - low, 1e-9)
    near = [v for _, b in bounds if low - room <= (v := _number(b)) <= high + room]
    low, high = min([low, *near]), max([high, *near])
    if low == high:
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(values, BARS, (low, high))
    return Histogram(title, unit, edges, counts, tuple(_marks(bounds, low, high)), len(values) - int(counts.sum()))


def _range(values: Numbers) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    inner = np.percentile(values, [TAIL_PERCENT, 100 - TAIL_PERCENT])
    room = max(float(inner[1] - inner[0]), 1e-9)
    if high - low > 3 * room and room > 1e-6:
        return max(low, inner[0] - room / 4), min(high, inner[1] + room / 4)
    return low, high


def bounds_on(preset: Preset, column: str) -> list[tuple[int, Bound]]:
    """(number of the tier from 1, bound) of every min and max of the preset on a column."""
    return [
        (number, bound)
        for number, tier in enumerate(preset.tiers, 1)
        for bound in tier.bounds
        if bound.column == column and bound.kind in ("min", "max")
    ]


def _number(bound: Bound) -> float:
    assert isinstance(bound.value, int | float)
    return float(bound.value)


def _marks(bounds: Sequence[tuple[int, Bound]], low: float, high: float) -> list[Mark]:
    """One for each value and direction, in their order on the axis; tiers that share it are named together."""
    tiers: dict[tuple[float, str], list[int]] = {}
    for number, bound in bounds:
        tiers.setdefault((_number(bound), bound.kind), []).append(number)
    return [
        Mark(value, f"{', '.join(f'tier_{n}' for n in numbers)} {kind} {show(value)}", min(numbers),
             not low <= value <= high)
        for (value, kind), numbers in sorted(tiers.items())
    ]  # fmt: skip
