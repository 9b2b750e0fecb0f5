"""Brightness, contrast and the exposure tails."""

from __future__ import annotations

import cv2
import numpy as np

from ..pictures import EXPANDED, LEVELS, Pictures

DARK, BRIGHT = 16, 239


def _weights(values: np.ndarray) -> np.ndarray:
    """(256, 4): value, its square, dark and bright, for each stored level."""
    return np.column_stack([values, np.square(values), values <= DARK, values >= BRIGHT])


WEIGHTS = {True: _weights(LEVELS), False: _weights(EXPANDED)}


class Luma:
    """luma_mean, luma_std (levels, full range 0-255), dark_ratio (luma <= 16), bright_ratio (luma >= 239), both 0-1.

    Measured on luma at 320 px, limited-range files expanded. Known weakness: HDR code values are taken as they are,
    so PQ footage looks dark; black borders count as dark.
    """

    def __call__(self, pictures: Pictures) -> dict[str, float]:
        counts = cv2.calcHist([pictures.luma], [0], None, [256], [0, 256]).ravel().astype(np.float64)
        sums = counts @ WEIGHTS[pictures.planes.full_range]
        mean, square, dark, bright = (sums / pictures.luma.size).tolist()
        return {
            "luma_mean": mean,
            "luma_std": max(0.0, square - mean * mean) ** 0.5,
            "dark_ratio": min(1.0, dark),
            "bright_ratio": min(1.0, bright),
        }
