"""Distance of luma histograms, as PySceneDetect's HistogramDetector measures it."""

from __future__ import annotations

import numpy as np


def hist_diff(histograms: np.ndarray, before: np.ndarray | None) -> np.ndarray:
    """Correlation of each 128-bin luma histogram with that of the frame before; (n,) float64.

    histograms: (n, 256), those of `Pictures.histogram` in order; before: (256,), the one before the first, without
    which the first is NaN. Range -1 to 1, lower = more change. Source: HistogramDetector of PySceneDetect 0.7 (with
    OpenCV's HISTCMP_CORREL) on the same small picture as the content metric. Known weakness: blind to what keeps its
    brightness; a flash drops it.
    """
    first = np.full((1, 256), np.nan) if before is None else before[None]
    counts = np.concatenate([first, histograms]).astype(np.float64)
    counts = counts[:, ::2] + counts[:, 1::2]
    deviations = counts - counts.mean(axis=1, keepdims=True)
    last, this = deviations[:-1], deviations[1:]
    products = np.sqrt((last * last).sum(axis=1) * (this * this).sum(axis=1))
    same = np.where(products == 0, 1.0, (last * this).sum(axis=1) / np.where(products == 0, 1.0, products))
    return np.clip(same, -1.0, 1.0)
