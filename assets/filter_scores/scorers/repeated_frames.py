"""Which frames of a clip show the same picture as the frame before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import polars as pl

SAME_LEVELS = 0.3
"""A frame whose most changed cell changed by no more shows nothing new."""
CODED_LEVELS, CODED_SHARE = 3.0, 0.25
"""A repeated frame that was encoded anew changes by no more than this, and than this share of its neighbours."""
REACH = 3
"""Frames before and after in which a neighbour that moves is looked for."""

Flags = npt.NDArray[np.bool_]


def repeated_frames(frames: pl.DataFrame) -> Flags:
    """One flag a frame of the clip, shape (frames,); False for the first, whose predecessor is another shot's.

    Repeated is a frame whose most changed cell (16 x 9, `diff_max`) changed by at most 0.3 levels, or by at most 3
    levels and a quarter of what changed within three frames both before and after it: coding noise beside motion.
    """
    change = frames["diff_max"].fill_null(np.inf).to_numpy().astype(np.float64)
    if len(change) == 0:
        return np.zeros(0, bool)
    change[0] = np.inf
    beside = np.where(np.isfinite(change), change, 0.0)
    before, after = _largest_before(beside), _largest_before(beside[::-1])[::-1]
    coded = np.minimum(CODED_LEVELS, CODED_SHARE * np.minimum(before, after))
    flags: Flags = change <= np.maximum(coded, SAME_LEVELS)
    return flags


def _largest_before(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The largest of the REACH values before each; 0 where there is none."""
    padded = np.concatenate([np.zeros(REACH), values])
    largest: npt.NDArray[np.float64] = np.max([padded[i : i + len(values)] for i in range(REACH)], axis=0)
    return largest


def first_shown_s(frames: pl.DataFrame) -> npt.NDArray[np.float64]:
    """When each frame's picture was first shown in the clip, s; shape (frames,)."""
    pts_s = frames["pts_s"].to_numpy().astype(np.float64)
    index = np.where(repeated_frames(frames), 0, np.arange(len(pts_s)))
    shown: npt.NDArray[np.float64] = pts_s[np.maximum.accumulate(index)] if len(pts_s) else pts_s
    return shown
