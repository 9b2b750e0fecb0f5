"""What changed since the previous frame, and a tiny picture for long-range comparison."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from ..pictures import Pictures

GRID_WIDTH, GRID_HEIGHT = 16, 9


class Difference:
    """diff_mean, diff_max (full-range luma levels, 0 up) and layout (16 x 9 mean lumas, uint8, row by row).

    diff_mean: mean absolute luma change at 320 px; diff_max: the same in the cell of 16 x 9 that changed most. Both
    None for the first frame, both about 0 in a repeated frame. Known weakness: a repeated frame that was encoded
    anew carries coding noise, so "repeated" needs a bound above 0.
    """

    def __init__(self) -> None:
        self._last: np.ndarray | None = None

    def __call__(self, pictures: Pictures) -> dict[str, float | bytes | None]:
        luma = pictures.luma
        last, self._last = self._last, luma
        tiny = pictures.full_range(cv2.resize(luma, (GRID_WIDTH, GRID_HEIGHT), interpolation=cv2.INTER_AREA)).tobytes()
        if last is None:
            return {"diff_mean": None, "diff_max": None, "layout": tiny}
        change = cv2.absdiff(luma, last)
        largest = float(cell_means(change).max()) * pictures.gain
        mean = cv2.sumElems(change)[0] / change.size * pictures.gain
        return {"diff_mean": min(255.0, mean), "diff_max": min(255.0, largest), "layout": tiny}


def cell_means(image: np.ndarray) -> np.ndarray:
    """Exact means of the 16 x 9 cells of an (h, w) uint8 picture of at least 16 x 9; (9, 16) float64."""
    corners, areas = _cells(*image.shape)
    c = cv2.integral(image)[corners]
    return (c[1:, 1:] - c[1:, :-1] - c[:-1, 1:] + c[:-1, :-1]) / areas


@lru_cache(maxsize=8)
def _cells(height: int, width: int) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    rows = np.arange(GRID_HEIGHT + 1) * height // GRID_HEIGHT
    columns = np.arange(GRID_WIDTH + 1) * width // GRID_WIDTH
    return np.ix_(rows, columns), np.outer(np.diff(rows), np.diff(columns)).astype(np.float64)
