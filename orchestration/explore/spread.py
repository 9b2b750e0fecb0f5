"""How the values of a rule's column lie over the clips: the bars of its histogram, and where its slider runs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from assets.tiers.bounds import SHARES, Bound
from assets.tiers.literals import quoted
from assets.tiers.rules import Preset
from assets.tiers.vocabulary import SAMPLE

from ..report import number
from .library import EXPLORED, Library

BINS = 48
MOST_VALUES = 24
"""Bars of a column of texts or flags: its most frequent values."""
TAIL = 0.005
"""Share of the values at either end that the axis leaves out: they are counted in the first and the last bar."""


SQUEEZED = 0.08
"""Where the median or a bound lies in so low a part of the axis, the scale is bent."""
DIGITS = 3
"""Significant digits of a bound that a slider gives."""


@dataclass(frozen=True)
class Scale:
    """Values from low to high laid out from 0 to 1: evenly, or, where `bend` is above 0, evenly below about `bend` and
    by ever larger steps above it (asinh), so that a long tail does not squeeze what bounds are about.
    """

    low: float
    high: float
    bend: float = 0.0

    def _laid(self, value: float) -> float:
        return math.asinh(value / self.bend) if self.bend else value

    def position(self, value: float) -> float:
        """Where a value lies; values beyond the ends lie on them."""
        first, last = self._laid(self.low), self._laid(self.high)
        return min(max((self._laid(value) - first) / (last - first), 0.0), 1.0)

    def value(self, position: float) -> float:
        """What lies there, to a few digits: of the axis' length, or of the value where the scale is bent."""
        first, last = self._laid(self.low), self._laid(self.high)
        laid = first + position * (last - first)
        if self.bend:
            value = self.bend * math.sinh(laid)
            return float(f"{value:.{DIGITS}g}") if abs(value) > (self.high - self.low) * 1e-9 else 0.0
        return round(laid, DIGITS - 1 - math.floor(math.log10(last - first)))

    def sql(self, value: str) -> str:
        """SQL of the position of a value, not bounded."""
        first, last = self._laid(self.low), self._laid(self.high)
        laid = f"asinh({value}::DOUBLE / {self.bend!r})" if self.bend else f"{value}::DOUBLE"
        return f"(({laid} - ({first!r})) / {last - first!r})"


SHARE = Scale(0.01, 1.0)


@dataclass(frozen=True)
class Axis:
    """`scale`: of a column of numbers. `values`: what the bars stand for, of texts, flags and groups. Neither: there
    are no bars. measured, missing: clips with and without a value.
    """

    measured: int
    missing: int
    scale: Scale | None = None
    values: tuple[str, ...] = ()

    @property
    def labels(self) -> list[str]:
        """Of the bars: where each begins, or what it stands for."""
        if self.scale is None:
            return list(self.values)
        return [number(self.scale.value(i / BINS), DIGITS) for i in range(BINS)]


def slider_scale(bound: Bound, axis: Axis) -> Scale | None:
    """Where the slider of a bound runs; None for a bound that is not one number."""
    if bound.kind in SHARES:
        return SHARE
    return axis.scale if bound.kind in ("min", "max") else None


def axis_of(library: Library, bound: Bound, bounds: list[Bound]) -> Axis:
    """The axis of a bound's column; `bounds` are those of the whole preset, all of which lie on it."""
    if bound.column == SAMPLE or bound.kind == "keep_best":  # a bar for each group tells nothing
        missing = 0 if bound.column == SAMPLE else _missing(library, bound.column)
        return Axis(library.clips - missing, missing)
    if bound.kind in ("min", "max", "keep_top"):
        return _numeric(library, bound.column, bounds)
    return _listed(library, bound.column)


def _numeric(library: Library, column: str, bounds: list[Bound]) -> Axis:
    value = quoted(column)
    shares = f"[{TAIL}, 0.5, {1 - TAIL}]"
    query = (
        f"SELECT approx_quantile({value}::DOUBLE, {shares}), count({value}), count(*) - count({value}) FROM {EXPLORED}"
    )
    quantiles, measured, missing = library.row(query)
    low, middle, high = quantiles or (0.0, 0.5, 1.0)
    there = [float(b.value) for b in bounds if b.column == column and b.kind in ("min", "max")]  # type: ignore[arg-type]
    least, most = min(low, *there, low), max(high, *there, high)
    room = (most - least or 1.0) * 0.02
    least = 0.0 if 0 <= least < room else least - room
    lowest = min((value for value in (middle, *there) if value > 0), default=most)
    bend = lowest if least >= 0 and lowest < SQUEEZED * most else 0.0
    return Axis(measured, missing, Scale(least, most + room, bend))


def _missing(library: Library, column: str) -> int:
    return int(library.row(f"SELECT count(*) - count({quoted(column)}) FROM {EXPLORED}")[0])


def _listed(library: Library, column: str) -> Axis:
    text, missing = f"CAST({quoted(column)} AS VARCHAR)", _missing(library, column)
    query = (
        f"SELECT {text} AS value, count(*) AS clips FROM {EXPLORED} WHERE {text} IS NOT NULL GROUP BY ALL "
        f"ORDER BY clips DESC, value LIMIT {MOST_VALUES}"
    )
    values = tuple(row["value"] for row in library.rows(query))
    return Axis(library.clips - missing, missing, values=values)


def bars(library: Library, preset: Preset, column: str, axis: Axis) -> list[list[int]]:
    """Clips in each bar, by how far they get: a list for `no tier`, one for tier_1 but not tier_2, and so on."""
    if not axis.values and axis.scale is None:
        return [[] for _ in range(len(preset.tiers) + 1)]
    value = f"e.{quoted(column)}"
    params: list[Any] = list(axis.values)
    if axis.scale is None:
        place = f"list_position([{', '.join('?' * len(axis.values))}], CAST({value} AS VARCHAR)) - 1"
    else:
        place = f"least(greatest(floor({axis.scale.sql(value)} * {BINS}), 0), {BINS - 1})::INT"
    query = (
        f"SELECT {place} AS bar, j.reached AS reached, count(*) AS clips FROM {library.beside(preset)} "
        f"WHERE {value} IS NOT NULL GROUP BY ALL"
    )
    counted = [[0] * (len(axis.values) or BINS) for _ in range(len(preset.tiers) + 1)]
    for row in library.rows(query, params):
        if row["bar"] is not None:
            counted[row["reached"]][row["bar"]] += row["clips"]
    return counted
