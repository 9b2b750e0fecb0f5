"""What changed since the previous frame, and a tiny picture for long-range comparison."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

from ..pictures import Pictures

GRID_WIDTH, GRID_HEIGHT = 16, 9


class Difference:
    """What each frame gives to diff_mean, diff_max and layout (16 x 9 mean lumas, full range, uint8, row by row).

    change: (10, 17) sums of the absolute luma change at 320 px left of and above each corner of the 16 x 9 cells, in
    full-range levels; None for the first frame. `change_columns` makes the two columns of it.
    """

    def __init__(self) -> None:
        self._last: np.ndarray | None = None

    def __call__(self, pictures: Pictures) -> dict[str, np.ndarray | bytes | None]:
        luma = pictures.luma
        last, self._last = self._last, luma
        tiny = cv2.resize(luma, (GRID_WIDTH, GRID_HEIGHT), interpolation=cv2.INTER_AREA)
        change = None if last is None else corner_sums(cv2.absdiff(luma, last)) * pictures.gain
        return {"change": change, "layout": pictures.full_range(tiny).tobytes()}


def corner_sums(image: np.ndarray) -> np.ndarray:
    """Exact sums left of and above the corners of the 16 x 9 cells of an (h, w) uint8 picture of at least 16 x 9."""
    places, _ = _cells(*image.shape)
    return cv2.integral(image).take(places)


def change_columns(changes: Sequence[np.ndarray | None], shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """diff_mean, diff_max (full-range luma levels, 0 up) of frames by their `change`; `shape`: (h, w) at 320 px.

    diff_mean: mean absolute luma change; diff_max: the same in the cell of 16 x 9 that changed most. Both NaN for the
    first frame, both about 0 in a repeated frame. Known weakness: a repeated frame that was encoded anew carries
    coding noise, so "repeated" needs a bound above 0.
    """
    _, areas = _cells(*shape)
    none = np.full((GRID_HEIGHT + 1, GRID_WIDTH + 1), np.nan)
    sums = np.stack([none if change is None else change for change in changes])
    cells = np.diff(np.diff(sums, axis=1), axis=2) / areas
    mean, largest = sums[:, -1, -1] / areas.sum(), cells.max(axis=(1, 2))
    return {"diff_mean": np.minimum(mean, 255.0), "diff_max": np.minimum(largest, 255.0)}


@lru_cache(maxsize=8)
def _cells(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the corners of the cells stand in a flat table of (h + 1) x (w + 1) sums, (10, 17), and areas, (9, 16)."""
    rows = np.arange(GRID_HEIGHT + 1) * height // GRID_HEIGHT
    columns = np.arange(GRID_WIDTH + 1) * width // GRID_WIDTH
    places = rows[:, None] * (width + 1) + columns
    return places, np.outer(np.diff(rows), np.diff(columns)).astype(np.float64)
