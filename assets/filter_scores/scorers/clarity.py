"""Clarity: one number for how well the picture came out, composed of what was measured one by one."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...columns import DOUBLE, Column
from ...measuring.scorer import ClipView, Unmeasured, scorer
from .bars import blocks, content_share, inside, series

DETAIL = (10.0, 3000.0)
"""levels^2 of Laplacian energy at 320 px: out of focus, and crisp; in between by its logarithm."""
BLOCKS = (1.1, 2.0)
"""Blockiness: none to be seen, and blocks everywhere."""
GRAIN = (2.0, 15.0)
"""levels: clean, and hidden in noise."""
LOST = (0.3, 0.95)
"""Share of pixels in black or white: a dark scene, and nothing to be seen."""
FLAT = (5.0, 35.0)
"""levels of contrast: fog, and ordinary."""
WEIGHTS = (0.5, 0.15, 0.15, 0.1, 0.1)
"""Of detail, blocks, grain, exposure and contrast."""
LEAST = 0.01
LAPLACIAN_GAIN = 20.0
"""Laplacian energy of white noise of variance 1: the sum of its squared weights, 4 x 1 + 4^2."""
DETAIL_SIDE_PX = 320


@scorer(
    Column("clarity", DOUBLE, "Technical quality composed of sharpness, blocks, grain, exposure and contrast; 1 = "
           "nothing wrong, higher is better.", "", 0, 1, serves="clarity (HunyuanVideo)"),
    version=1,
    helpers=("filter_scores/scorers/bars.py",),
)  # fmt: skip
def clarity(view: ClipView) -> dict[str, Any]:
    """Weighted geometric mean of five marks from 0 to 1, so that one ruinous fault cannot be made up for.

    Detail (weight 0.5) rises with the logarithm of sharpness from 10 to 3,000, from which the energy of the measured
    grain is taken off first; blocks (0.15) fall from a blockiness of 1.1 to 2, grain (0.15) from 2 to 15 levels,
    exposure (0.1) from 0.3 to 0.95 of the pixels in black or white, and contrast (0.1) rises from 5 to 35 levels; each
    is straight in between and never under 0.01. Blocks that cannot be seen for bars count as none. The numbers are
    ends of scales, fitted to no file. Weakness: no trained judge of quality: it sees no resolution above 320 px,
    takes a soft background for blur, a plain subject for lack of detail, a night scene for bad exposure, a test card
    for a blocky picture, and is blind to blocks off the grid. Source: HunyuanVideo section 3.1 trains a model for
    it; this one stands in where no such model is.
    """
    frames, clip = view.frames, view.clip
    share = content_share(view)
    noise, blockiness = series(view, "noise"), blocks(view)
    if frames.is_empty() or not len(noise):
        raise Unmeasured("no sample inside the clip: it lies between two ticks of the slow clock")
    grain = float(np.median(noise))
    lost = float(series(view, "dark_ratio").mean() + series(view, "bright_ratio").mean()) - (1 - share)
    _, contrast = inside(series(view, "luma_mean"), series(view, "luma_std"), share)
    sharpness = float(np.median(series(view, "sharpness"))) / share
    marks = (
        _rising(np.log(max(sharpness - grain_energy(grain, clip), 1e-3)), *np.log(DETAIL)),
        1.0 if blockiness is None else 1 - _rising(blockiness, *BLOCKS),
        1 - _rising(grain, *GRAIN),
        1 - _rising(lost / share, *LOST),
        _rising(float(contrast.mean()), *FLAT),
    )
    return {"clarity": float(np.prod(np.maximum(marks, LEAST) ** np.array(WEIGHTS)))}


def grain_energy(grain: float, clip: dict[str, Any]) -> float:
    """Laplacian energy at 320 px of white noise of `grain` levels at native size, which shrinking averages out."""
    shrunk = min(DETAIL_SIDE_PX / max(clip["width"], clip["height"]), 1.0)
    return LAPLACIAN_GAIN * float(grain * shrunk) ** 2


def _rising(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high`, straight in between."""
    return min(max((value - low) / (high - low), 0.0), 1.0)
