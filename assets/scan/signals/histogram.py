"""Distance of luma histograms, as PySceneDetect's HistogramDetector measures it."""

from __future__ import annotations

import cv2
import numpy as np

from ..pictures import Pictures

BINS = 128


class Histogram:
    """hist_diff: correlation of the 128-bin luma histogram with that of the previous frame.

    Range -1 to 1, lower = more change; None for the first frame. Source: HistogramDetector of PySceneDetect 0.7 on
    the same small picture as the content metric. Known weakness: blind to what keeps its brightness; a flash drops it.
    """

    def __init__(self) -> None:
        self._last: np.ndarray | None = None

    def __call__(self, pictures: Pictures) -> dict[str, float | None]:
        histogram = pictures.histogram.reshape(BINS, 2).sum(axis=1)
        last, self._last = self._last, cv2.normalize(histogram, None).ravel()
        if last is None:
            return {"hist_diff": None}
        return {"hist_diff": min(1.0, max(-1.0, cv2.compareHist(last, self._last, cv2.HISTCMP_CORREL)))}
