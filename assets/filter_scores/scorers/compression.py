"""Traces of coding and of the sensor: block borders and grain."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...columns import DOUBLE, Column
from ...measuring.scorer import ClipView, Unmeasured, scorer
from .bars import blocks, series


@scorer(
    Column("blockiness", DOUBLE, "Median luma step across 8 x 8 block borders over the step elsewhere; 1 = no blocks, "
           "higher is blockier.", "", 0, serves="technical quality"),
    Column("noise", DOUBLE, "Median standard deviation of fine grain in the flattest parts; higher is noisier.",
           "levels", 0, serves="technical quality"),
    version=1,
    helpers=("filter_scores/scorers/bars.py",),
)  # fmt: skip
def compression(view: ClipView) -> dict[str, Any]:
    """Medians over the clip of what was measured up to 4 times a second at native resolution in the picture's middle.

    Blockiness is NULL for a clip with bars whose edges lie in the middle 512 px: an edge passes for a row of blocks.
    Weakness: blocks are seen only on the grid of the stored file: a file that was scaled, cropped or coded with other
    block sizes after it was damaged scores 1, and deblocking filters hide them; compression removes grain, and a
    picture that is textured everywhere reads as noisy. Sources: after Wang, Sheikh and Bovik 2002 and Immerkaer 1996.
    """
    noise = series(view, "noise")
    if not len(noise):
        raise Unmeasured("no sample inside the clip: it lies between two ticks of the slow clock")
    return {"blockiness": blocks(view), "noise": float(np.median(noise))}
