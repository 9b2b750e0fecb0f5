"""Which clips, groups and concepts are shown: few, telling, and the same ones for the same rows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Thing = TypeVar("Thing")
Numbers = npt.NDArray[np.float64]


def evenly(things: Sequence[Thing], count: int) -> list[Thing]:
    """At most `count`, evenly over the sequence, its first and last among them."""
    if len(things) <= count:
        return list(things)
    if count == 1:
        return [things[len(things) // 2]]
    return [things[round(i * (len(things) - 1) / (count - 1))] for i in range(count)]


def low_middle_high(values: Numbers, count: int) -> dict[str, list[int]]:
    """Places of the `count` lowest, middle and highest of the values, each from low to high; NaN is left out. No place
    is named twice: of few values there are fewer in the middle, then fewer at the ends.
    """
    order = [int(i) for i in np.argsort(values, kind="stable") if not np.isnan(values[i])]
    ends = min(count, -(-len(order) // 3))
    low, high = order[:ends], order[max(ends, len(order) - ends) :]
    rest = order[ends : len(order) - len(high)]
    start = (len(rest) - min(count, len(rest))) // 2
    return {"lowest": low, "middle": rest[start : start + count], "highest": high}


def each_kind_first(things: Sequence[Thing], kind: Callable[[Thing], Hashable], count: int) -> list[Thing]:
    """At most `count`: the first of each kind, then others evenly; in the order of the sequence."""
    first: dict[Hashable, int] = {}
    for place, thing in enumerate(things):
        first.setdefault(kind(thing), place)
    chosen = sorted(first.values())[:count]
    others = [i for i in range(len(things)) if i not in set(chosen)]
    chosen += evenly(others, count - len(chosen)) if count > len(chosen) else []
    return [things[i] for i in sorted(chosen)]


def nearest_middle(frames: Sequence[int], start: int, end: int) -> int:
    """The frame nearest to the middle of [start, end); the earlier one of two."""
    middle = (start + end - 1) / 2
    return min(frames, key=lambda frame: (abs(frame - middle), frame))


def across_cuts(before: Sequence[int], inside: Sequence[int], after: Sequence[int]) -> list[int | None]:
    """Last frame before the clip; its first, middle and last; the first after. None where there is no such frame, or
    it stands there already.
    """
    listed: list[int | None] = [before[-1] if before else None]
    own = list(dict.fromkeys([inside[0], inside[len(inside) // 2], inside[-1]])) if inside else []
    return [*listed, *own, *[None] * (3 - len(own)), after[0] if after else None]


def largest_and_others(sizes: Mapping[Thing, int], count: int) -> list[Thing]:
    """At most `count` keys: half of them the largest, the others evenly over the rest; the largest first."""
    order = sorted(sizes, key=lambda thing: -sizes[thing])
    head = order[: -(-count // 2)]
    return head + evenly(order[len(head) :], count - len(head))
