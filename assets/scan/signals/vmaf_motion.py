"""VMAF's motion feature, as it would be at a short side of 540."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np

from ..pictures import Pictures

VMAF_KERNEL = np.array([0.054488685, 0.244201342, 0.402619947, 0.244201342, 0.054488685])
VMAF_SHORT_SIDE = 540
TAPS = np.arange(-2, 3)
VMAF_VARIANCE = float(VMAF_KERNEL @ TAPS**2)
BILINEAR_VARIANCE = 1 / 6
BOX_CORRECTION = 0.012


class VmafMotion:
    """vmaf_motion: mean absolute difference of the blurred lumas of this frame and the one before; stored code levels.

    0 for the first frame, 0 up, higher = more motion. Source: libvmaf's integer_motion (5-tap Gaussian, sigma 1) on
    luma scaled to a short side of 540. Blurring is linear, so the difference is blurred once; and the mean over a
    smooth field does not depend on how densely it is sampled, so it is taken on a halved picture (short side 180 to
    359) whose pixels already average most of the kernel's width; the rest of the width is blurred in. Against the
    definition: within 1 % on most clips. Known weakness: up to 9 % high where all motion is noise (values under 1).
    """

    def __init__(self) -> None:
        self._last: np.ndarray | None = None

    def __call__(self, pictures: Pictures) -> dict[str, float]:
        level = pictures.motion.astype(np.float32)
        last, self._last = self._last, level
        if last is None:
            return {"vmaf_motion": 0.0}
        if last.shape != level.shape:
            last = cv2.resize(last, level.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return {"vmaf_motion": motion(level, last, *kernels(pictures))}


def motion(level: np.ndarray, last: np.ndarray, across: np.ndarray, down: np.ndarray) -> float:
    """Mean |blur(level - last)| of two (h, w) float32 pictures with separable kernels."""
    blurred = cv2.sepFilter2D(cv2.subtract(level, last), cv2.CV_32F, across, down)
    return cv2.norm(blurred, cv2.NORM_L1) / level.size


def kernels(pictures: Pictures) -> tuple[np.ndarray, np.ndarray]:
    """The (horizontal, vertical) blur that the halved picture still lacks."""
    geometry = pictures.geometry
    coded_width, coded_height = geometry.coded((geometry.width, geometry.height))
    unit = min(coded_width, coded_height) / VMAF_SHORT_SIDE
    full, level = pictures.planes.y.shape, pictures.motion.shape
    shown = (coded_height, coded_width)
    down, across = (_missing(full[i], level[i], shown[i], unit) for i in (0, 1))
    return across, down


def _missing(full: int, level: int, shown: int, unit: float) -> np.ndarray:
    """Kernel along one axis: `full` pixels stored, `level` after halving, `shown` displayed pixels, `unit` of which
    make one pixel at a short side of 540."""
    per_unit = unit * full / shown
    scale = 1 << max(0, round(math.log2(full / level)))
    variance = VMAF_VARIANCE * per_unit**2 + (BILINEAR_VARIANCE if per_unit != 1 else 0.0)
    lacking = (variance - (scale * scale - 1) / 12) / scale**2
    return gaussian(lacking + (BOX_CORRECTION if scale > 1 else 0.0))


@lru_cache(maxsize=32)
def gaussian(variance: float) -> np.ndarray:
    """5-tap symmetric kernel with this variance in pixels^2 (0 to 2), nearest to a sampled Gaussian; sum 1."""
    low, high = 0.05, 8.0
    for _ in range(40):
        sigma = (low + high) / 2
        taps = np.exp(-(TAPS**2) / (2 * sigma * sigma))
        taps /= taps.sum()
        low, high = (sigma, high) if taps @ TAPS**2 < variance else (low, sigma)
    return taps.astype(np.float32)
