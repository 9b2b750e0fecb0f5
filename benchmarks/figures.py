"""What a benchmark prints: figures with their bars, in sections, and the processes that they are measured in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Figure:
    """One line: a value of each round in one unit, and what it is held against.

    bar: the bound that it has to keep (at most; at least where `more_is_better`), None = reported only. aim: the
    bound that is wished for.
    """

    what: str
    values: tuple[float, ...]
    unit: str
    bar: float | None = None
    aim: float | None = None
    more_is_better: bool = False
    note: str = ""

    @property
    def middle(self) -> float:
        return median(self.values)

    @property
    def verdict(self) -> str:
        """`aim`, `bar` or `MISSED`: the stricter bound that the median keeps; empty without a bar."""
        if self.bar is None:
            return ""
        for word, bound in (("aim", self.aim), ("bar", self.bar)):
            if bound is not None and (self.middle >= bound if self.more_is_better else self.middle <= bound):
                return word
        return "MISSED"


@dataclass(frozen=True)
class Section:
    """A heading, sentences that say what was measured and how, and the figures."""

    title: str
    intro: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Bench:
    """What a section is given: a folder for inputs and scratch (kept between runs), rounds, and whether all is to be
    done at a toy size (a test's, whose numbers mean nothing).
    """

    folder: Path
    rounds: int = 5
    tiny: bool = False
    shared_videos: Path | None = field(default=None)
    """The folder of real videos; None = footage is drawn from photographs."""


def ratios(above: Sequence[float], below: Sequence[float]) -> tuple[float, ...]:
    """Round by round, so that a machine whose speed drifts does not bend them."""
    return tuple(a / b for a, b in zip(above, below, strict=True))
