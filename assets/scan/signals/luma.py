"""Brightness, contrast and the exposure tails."""

from __future__ import annotations

import numpy as np

from ..pictures import LEVELS

DARK, BRIGHT = 16, 239
WEIGHTS = np.column_stack([LEVELS, np.square(LEVELS), LEVELS <= DARK, LEVELS >= BRIGHT])


def luma_columns(histograms: np.ndarray) -> dict[str, np.ndarray]:
    """luma_mean, luma_std (levels, full range 0-255), dark_ratio (luma <= 16), bright_ratio (luma >= 239), both 0-1.

    histograms: (n, 256), those of `Pictures.histogram`: of the small picture that the cut metrics use, limited-range
    files expanded. Known weakness: HDR code values are taken as they are, so PQ footage looks flat; black borders
    count as dark.
    """
    counts = histograms.astype(np.float64)
    mean, square, dark, bright = (counts @ WEIGHTS / counts.sum(axis=1, keepdims=True)).T
    return {
        "luma_mean": mean,
        "luma_std": np.sqrt(np.maximum(square - mean * mean, 0.0)),
        "dark_ratio": np.minimum(dark, 1.0),
        "bright_ratio": np.minimum(bright, 1.0),
    }
