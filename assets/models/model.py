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
    """One file of a model, below the models folder. `url` None: it is not offered for download anywhere."""

    path: str
    size: int | None = None
    sha256: str | None = None
    url: str | None = None


@dataclass(frozen=True)
class Model:
    """An entry of the catalogue. `backend` is "module:Class" below assets.models; `packages` must be importable.

    `version` rises when the backend's results change for the same weights. `device`: where it belongs when there is a
    choice; one that asks for a GPU runs in the pool `gpu` (and on the CPU where there is none).
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
