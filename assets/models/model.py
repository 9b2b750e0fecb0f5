"""What a model is: its name, licence and weights, and the one batch method of each kind.

A backend is a class in a file of its own, constructed with the paths of its weights; nothing here is imported before
it is asked for. Pictures are (height, width, 3) uint8 RGB of any size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from ..measuring.clip_view import Image

Task = Literal["detect", "score", "embed", "read"]


@dataclass(frozen=True)
class Weights:
    """One file of a model, below the models folder. `url` None: it is not offered for download anywhere.

    `size` in bytes and `sha256` are None where no source tells them. An `optional` file may be absent; when it is
    there it is part of what the model is.
    """

    path: str
    size: int | None = None
    sha256: str | None = None
    url: str | None = None
    optional: bool = False


@dataclass(frozen=True)
class Model:
    """An entry of the catalogue. `backend` is "module:Class" below assets.models; `packages` must be importable.

    `version` rises when the backend's results change for the same weights. `device`: where it belongs when there is a
    choice; one that asks for a GPU runs in the pool `gpu` (and on the CPU where there is none). `also`: further tasks
    that it does. `helpers`: other modules below assets.models that its results depend on. `source`: where the weights
    come from, and what was done to them when they are not the originals.
    """

    name: str
    version: int
    task: Task
    backend: str
    about: str
    licence: str
    weights: tuple[Weights, ...] = ()
    device: Literal["cpu", "gpu"] = "cpu"
    packages: tuple[str, ...] = ()
    also: tuple[Task, ...] = ()
    helpers: tuple[str, ...] = ()
    source: str = ""

    @property
    def tasks(self) -> tuple[Task, ...]:
        return (self.task, *self.also)


@dataclass(frozen=True)
class Detection:
    """One thing found in a picture: box as fractions of the picture (x0, y0, x1, y1 in 0..1), score in 0..1."""

    box: tuple[float, float, float, float]
    score: float
    label: str

    @property
    def area(self) -> float:
        """Share of the picture, 0..1."""
        x0, y0, x1, y1 = self.box
        return max(x1 - x0, 0.0) * max(y1 - y0, 0.0)


@dataclass(frozen=True)
class TextLine:
    """One line of text in a picture.

    `corners`: its four corners as fractions (x, y) of the picture, clockwise from the top left, 0..1; `detection`: how
    sure it is text, `recognition`: how sure the reading is, both 0..1. An unreadable line has an empty `text`.
    """

    corners: tuple[tuple[float, float], ...]
    text: str
    detection: float
    recognition: float

    @property
    def confidence(self) -> float:
        """Detection times recognition, 0..1: what Movie Gen bounds."""
        return self.detection * self.recognition


class Backend(Protocol):
    """Made from the model's files, in the order of its `weights`."""

    def __init__(self, paths: Sequence[Path]) -> None: ...


class Detector(Protocol):
    """Finds things."""

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """Detections of each picture, best first."""


class ImageScorer(Protocol):
    """Gives every picture one or more numbers."""

    def score(self, images: Sequence[Image]) -> npt.NDArray[np.float32]:
        """(pictures, numbers)."""


class Embedder(Protocol):
    """Gives every picture a vector."""

    def embed(self, images: Sequence[Image]) -> npt.NDArray[np.float32]:
        """(pictures, dimensions), not normalised."""


class TextReader(Protocol):
    """Finds and reads text."""

    def read(self, images: Sequence[Image], detail: float = 1.0) -> list[list[TextLine]]:
        """The lines of each picture, in no order, looked for in a picture shrunk by `detail` (0..1)."""
