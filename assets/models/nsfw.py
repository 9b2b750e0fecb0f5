"""nsfwjs' MobileNet v2: how likely a picture is pornographic, or drawn, and a vector of what it looks like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..measuring.clip_view import Image
from .onnx_session import open_graph, stretched

SIDE, DIMENSIONS = 224, 1280
CLASSES = ("drawing", "hentai", "neutral", "porn", "sexy")


class NsfwMobileNet:
    """Reads RGB in 0..1, the whole picture stretched to 224 x 224. 11 ms a picture on one CPU thread.

    Weakness: of 105 ordinary frames 9 have porn + hentai above 0.5 (a cockatoo, elephant skin): average over frames,
    and reject nothing on it alone. Whether it finds adult content was not tested.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._graph = open_graph(paths[0])

    def score(self, images: Sequence[Image]) -> npt.NDArray[np.float32]:
        """(pictures, 5): probabilities in the order of CLASSES, which add up to 1."""
        return self._run("probs", images, len(CLASSES))

    def embed(self, images: Sequence[Image]) -> npt.NDArray[np.float32]:
        """(pictures, 1280), not negative, not normalised. Content and colour; the mean over clips is far from 0."""
        return self._run("embedding", images, DIMENSIONS)

    def _run(self, output: str, images: Sequence[Image], numbers: int) -> npt.NDArray[np.float32]:
        if not images:
            return np.zeros((0, numbers), np.float32)
        found: Any = self._graph.run([output], {"images": stretched(images, SIDE, SIDE) / 255})[0]
        return np.asarray(found, np.float32)
