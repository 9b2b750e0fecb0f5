"""The content box of a clip: the picture inside its black (or otherwise uniform) borders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class CropSettings:
    """What counts as a border; shares are of the picture's height or width."""

    min_share: float = 0.01
    """Narrower bands are no border."""
    tolerance_share: float = 0.01
    """Extents this close are the same (at least 2 px)."""
    agreement: float = 0.75
    """Least share of the samples that must show the same extent."""
    min_luma_std: float = 6.0
    """Samples of less contrast are dark or uniform and say nothing, levels."""
    min_kept_share: float = 0.2
    """A box narrower than this is no picture: that direction is not cropped."""


def content_box(
    width: int,
    height: int,
    borders: tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike],
    luma_std: ArrayLike | None = None,
    settings: CropSettings | None = None,
) -> tuple[int, int, int, int]:
    """(x, y, w, h) of the picture inside the borders, displayed pixels: even numbers where anything is cut off, never
    empty; the whole picture when no sample says anything.

    `borders`: extents at top, bottom, left, right in displayed pixels, one value a frame, NaN where not measured.
    `luma_std`: one value a frame, NaN where unknown.
    """
    settings = settings or CropSettings()
    top, bottom, left, right = (np.asarray(side, np.float64) for side in borders)
    told = np.isfinite(top + bottom + left + right) & (top + bottom < height) & (left + right < width)
    if luma_std is not None:
        told &= ~(np.asarray(luma_std, np.float64) < settings.min_luma_std)
    y, h = _inside(height, top[told], bottom[told], settings)
    x, w = _inside(width, left[told], right[told], settings)
    return x, y, w, h


def _inside(size: int, low: np.ndarray, high: np.ndarray, settings: CropSettings) -> tuple[int, int]:
    """(offset, length) along one direction."""
    before, after = _extent(size, low, settings), _extent(size, high, settings)
    if not before + after or size - before - after < max(4, settings.min_kept_share * size):
        return 0, size
    start = before + before % 2
    return start, (size - after - start) // 2 * 2


def _extent(size: int, samples: np.ndarray, settings: CropSettings) -> int:
    """Width of the border on one side: the median extent, if most samples agree with it; 0 where there is none."""
    if not len(samples):
        return 0
    present = samples[samples >= settings.min_share * size]
    if not len(present):
        return 0
    tolerance = max(2.0, settings.tolerance_share * size)
    common = float(np.median(present))
    same = float(np.mean(np.abs(samples - common) <= tolerance))
    return int(np.ceil(common)) if same >= settings.agreement else 0
