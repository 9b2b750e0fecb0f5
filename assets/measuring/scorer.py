"""The Scorer type and the decorator that makes one: a named measurement of a clip, one row of columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from inspect import cleandoc
from typing import Any

from ..columns import CLIP_ID, ERROR, SAME, Column, Table
from .clip_view import ClipView, Unmeasured

__all__ = ["ClipView", "Scorer", "Unmeasured", "scorer"]


@dataclass(frozen=True)
class Scorer:
    """A named measurement with its own version. It never has a threshold.

    `pictures` says that it looks at keyframes: such a scorer runs in workers. `model` is the name of the model that
    it is handed (assets/models/catalogue.py); without the model's weights the scorer is not enabled.
    """

    name: str
    version: int
    columns: tuple[Column, ...]
    measure: Callable[..., dict[str, Any]]
    doc: str
    pictures: bool = False
    model: str | None = None
    folder: str = ""
    """Where its rows lie; scores/<name> unless it is no column of filter_scores."""
    helpers: tuple[str, ...] = ()
    """Other files below assets/ that its results depend on."""
    libraries: tuple[str, ...] = ()
    """Packages whose version is part of its results."""
    quick: str = SAME
    """What its columns are worth after a quick scan (columns.py); UNMEASURED = it is not enabled then."""

    @property
    def step(self) -> str:
        """Name of the step that fills its table, and of the folder where that lies."""
        return self.folder or f"scores/{self.name}"

    @property
    def reference(self) -> str:
        """Where another process finds it: "module:name"."""
        return f"{self.measure.__module__}:{self.measure.__name__}"

    @property
    def table(self) -> Table:
        """One row a clip, in the order of `clips`."""
        return Table(self.step, self.doc.split("\n")[0], ("clip_id",), (CLIP_ID, *self.columns, ERROR))

    def __call__(self, view: ClipView, model: Any = None) -> dict[str, Any]:
        """Raises Unmeasured when the clip cannot be measured, ValueError when the scorer breaks its declaration."""
        values = self.measure(view) if self.model is None else self.measure(view, model)
        declared = {c.name for c in self.columns}
        if set(values) != declared:
            raise ValueError(f"scorer {self.name} returned {sorted(values)}, declared {sorted(declared)}")
        return values


def scorer(
    *columns: Column,
    version: int,
    pictures: bool = False,
    model: str | None = None,
    folder: str = "",
    helpers: tuple[str, ...] = (),
    libraries: tuple[str, ...] = (),
    quick: str = SAME,
) -> Callable[[Callable[..., dict[str, Any]]], Scorer]:
    """Declare the columns that the decorated function fills. Raise `version` when its results change.

    The function takes the ClipView, and the loaded model as a second argument when one is named.
    """

    def wrap(measure: Callable[..., dict[str, Any]]) -> Scorer:
        name, doc, sees = measure.__name__, cleandoc(measure.__doc__ or ""), pictures or model is not None
        filled = tuple(replace(column, quick=quick) for column in columns)
        return Scorer(name, version, filled, measure, doc, sees, model, folder, helpers, libraries, quick)

    return wrap
