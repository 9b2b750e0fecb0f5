"""Brightness, contrast and the exposure tails."""

from __future__ import annotations

import numpy as np

from ..pictures import LEVELS, Pictures

DARK, BRIGHT = 16, 239
WEIGHTS = np.column_stack([LEVELS, np.square(LEVELS), LEVELS <= DARK, LEVELS >= BRIGHT])


class Luma:
    """luma_mean, luma_std (levels, full range 0-255), dark_ratio (luma <= 16), bright_ratio (luma >= 239), both 0-1.

    From the luma histogram of the small picture that the cut metrics use, limited-range files expanded. Known
    weakness: HDR code values are taken as they are, so PQ footage looks flat; black borders count as dark.
    """

    def __call__(self, pictures: Pictures) -> dict[str, float]:
        counts = pictures.histogram.astype(np.float64)
        mean, square, dark, bright = (counts @ WEIGHTS / counts.sum()).tolist()
        return {
            "luma_mean": mean,
            "luma_std": max(0.0, square - mean * mean) ** 0.5,
            "dark_ratio": min(1.0, dark),
            "bright_ratio": min(1.0, bright),
        }
