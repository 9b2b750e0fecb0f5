"""Grain, measured where the picture is flattest."""

from __future__ import annotations

import cv2
import numpy as np

from ..pictures import Pictures
from .blockiness import middle

BLOCK = 16
REGION = 256
QUANTILE = 0.1
SECOND_DIFFERENCE = np.array([1, -2, 1], np.float32)
GAIN = 6.0
"""Of the kernel on white noise: the root of its squared weights, (1 + 4 + 1) in each direction."""
CLIPPED = (17, 234)


class Noise:
    """noise: standard deviation of fine grain in the flattest tenth of the picture, full-range levels, 0 up.

    The 10th percentile over 16 x 16 blocks of the rms of a high-pass (Immerkaer 1996), at native resolution in the
    middle 256 x 256; blocks at black or white are left out, 0 when none is left. Known weakness: compression removes
    grain; a picture that is textured everywhere reads as noisy.
    """

    def __call__(self, pictures: Pictures) -> dict[str, float]:
        region = middle(pictures.planes.y, REGION)
        rows, columns = region.shape[0] // BLOCK, region.shape[1] // BLOCK
        if rows == 0 or columns == 0:
            return {"noise": 0.0}
        region = region[: rows * BLOCK, : columns * BLOCK]
        grain = cv2.sepFilter2D(region, cv2.CV_16S, SECOND_DIFFERENCE, SECOND_DIFFERENCE)
        energy = cv2.multiply(grain, grain, dtype=cv2.CV_32F)
        power = cv2.resize(energy, (columns, rows), interpolation=cv2.INTER_AREA)
        level = cv2.resize(region, (columns, rows), interpolation=cv2.INTER_AREA)
        usable = np.sort(power[(level > CLIPPED[0]) & (level < CLIPPED[1])])
        if usable.size == 0:
            return {"noise": 0.0}
        quiet = np.interp(QUANTILE * (usable.size - 1), np.arange(usable.size), usable)
        return {"noise": float(quiet) ** 0.5 / GAIN * pictures.gain}
