"""The Scorer type, what a scorer sees, and the decorator that makes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

from ...columns import Column

if TYPE_CHECKING:
    import polars as pl


class Unmeasured(Exception):
    """Raised by a scorer that cannot measure a clip; the message becomes the reason in `errors`."""


@dataclass(frozen=True)
class ClipView:
    """One clip as scorers see it.

    `clip` is the row of `clips`; `frames` the rows of `frame_signals` from start_frame to end_frame;
    `pairs` those among them whose flow pair lies wholly inside the clip.
    """

    clip: dict[str, Any]
    frames: pl.DataFrame
    pairs: pl.DataFrame


@dataclass(frozen=True)
class Scorer:
    """A named measurement with its own version. It never has a threshold."""

    name: str
    version: int
    columns: tuple[Column, ...]
    measure: Callable[[ClipView], dict[str, Any]]
    doc: str

    def __call__(self, view: ClipView) -> dict[str, Any]:
        """Raises Unmeasured when the clip cannot be measured, ValueError when the scorer breaks its declaration."""
        values = self.measure(view)
        declared = {c.name for c in self.columns}
        if set(values) != declared:
            raise ValueError(f"scorer {self.name} returned {sorted(values)}, declared {sorted(declared)}")
        return values


def scorer(*columns: Column, version: int) -> Callable[[Callable[[ClipView], dict[str, Any]]], Scorer]:
    """Declare the columns that the decorated function fills. Raise `version` when its results change."""

    def wrap(measure: Callable[[ClipView], dict[str, Any]]) -> Scorer:
        return Scorer(measure.__name__, version, columns, measure, cleandoc(measure.__doc__ or ""))

    return wrap
