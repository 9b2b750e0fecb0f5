"""Statistics of the whole picture, as they would be without its black bars."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...measuring.scorer import ClipView

Series = npt.NDArray[np.float64]
DARK_SHARE = 0.98
"""Bars are black when at least this share of their area is as dark as black."""
BLOCKS_SIDE_PX = 512
"""Side of the picture's middle in which blockiness is measured."""


def content_share(view: ClipView) -> float:
    """Share of the picture's area that is content, 0 to 1; 1 when nothing is cropped or the bars are not black.

    Black bars are known by the share of dark pixels over the clip, which holds at least their area.
    """
    clip: dict[str, Any] = view.clip
    share = clip["crop_w"] * clip["crop_h"] / (clip["width"] * clip["height"])
    dark = series(view, "dark_ratio")
    black = share < 1.0 and len(dark) > 0 and dark.mean() >= (1.0 - share) * DARK_SHARE
    return float(share) if black else 1.0


def series(view: ClipView, name: str) -> Series:
    """The measured values of a signal in the clip's frames, in order; those that are NULL are left out."""
    values: Series = view.frames[name].drop_nulls().to_numpy().astype(np.float64)
    return values


def inside(mean: Series, std: Series, share: float) -> tuple[Series, Series]:
    """Mean and standard deviation of the content of pictures of which `1 - share` is exactly 0."""
    content_mean = mean / share
    square = (std**2 + mean**2) / share
    return content_mean, np.sqrt(np.maximum(square - content_mean**2, 0.0))


def blocks(view: ClipView) -> float | None:
    """Median blockiness over the clip; None when a bar's edge, which passes for a block, lies where it is measured.

    The measured region is the middle 512 px of the picture, so a cropped side must leave that much free.
    """
    clip, values = view.clip, series(view, "blockiness")
    for start, length, side in (("crop_x", "crop_w", "width"), ("crop_y", "crop_h", "height")):
        low = max((clip[side] - BLOCKS_SIDE_PX) // 2, 0)
        if clip[start] > low or clip[start] + clip[length] < clip[side] - low:
            return None
    return float(np.median(values)) if len(values) else None
