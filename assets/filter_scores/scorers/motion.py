"""Motion of the picture inside the content box, from the stored flow grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...columns import APPROXIMATE, DOUBLE, Column
from ...measuring.scorer import ClipView, Unmeasured, scorer

GRID_WIDTH, GRID_HEIGHT = 16, 9
STATIC_BELOW = 0.5
"""% of the diagonal per second: about 0.1 px between the two pictures of a pair at 160 px, the noise of the flow."""


@scorer(
    Column("motion_mean", DOUBLE, "Mean flow inside the crop; higher moves more.", "% of the diagonal per s", 0,
           serves="slow or too fast motion (Movie Gen, HunyuanVideo)"),
    Column("motion_p95", DOUBLE, "95th percentile over time of the flow's mean inside the crop; higher has a faster "
           "moment.", "% of the diagonal per s", 0, serves="too fast motion"),
    Column("static_ratio", DOUBLE, "Share of pairs in which no cell of the crop moves; 1 = a still picture.", "", 0, 1,
           serves="static video (Movie Gen, HunyuanVideo)"),
    version=1,
    quick=APPROXIMATE,
)  # fmt: skip
def motion(view: ClipView) -> dict[str, Any]:
    """Speed of the picture, camera and subjects together.

    Flow is DIS at 160 px at up to 8 pairs a second, averaged over 16 x 9 cells; cells outside the crop box do not
    count, and the unit is the crop's diagonal, so that bars change nothing. A still scores 0, a hand-held shot some
    1 to 5, a fast pan over 30. Weakness: flat and dark areas show no flow; a cut that was missed counts as motion.
    """
    if view.pairs.is_empty():
        raise Unmeasured("no flow pair inside the clip: it has one frame, or is shorter than the flow clock")
    speeds = cell_speeds(view)
    of_pairs = speeds.mean(axis=1)
    still = (speeds.max(axis=1) < STATIC_BELOW).mean()
    return {
        "motion_mean": float(of_pairs.mean()),
        "motion_p95": float(np.percentile(of_pairs, 95)),
        "static_ratio": float(still),
    }


def cell_speeds(view: ClipView) -> npt.NDArray[np.float64]:
    """Speed of every cell inside the crop, shape (pairs, cells), in % of the crop's diagonal per second."""
    raw = b"".join(view.pairs["flow_grid"])
    grid = np.frombuffer(raw, np.float16).reshape(-1, GRID_HEIGHT, GRID_WIDTH, 2).astype(np.float64)
    speeds = np.hypot(grid[..., 0], grid[..., 1])[:, inside_crop(view.clip)]
    clip = view.clip
    return speeds * float(np.hypot(clip["width"], clip["height"]) / np.hypot(clip["crop_w"], clip["crop_h"]))


def inside_crop(clip: dict[str, Any]) -> npt.NDArray[np.bool_]:
    """Which cells of the grid have their centre inside the crop box, shape (9, 16); all when none has."""
    x = (np.arange(GRID_WIDTH) + 0.5) * clip["width"] / GRID_WIDTH
    y = (np.arange(GRID_HEIGHT) + 0.5) * clip["height"] / GRID_HEIGHT
    wide = (x >= clip["crop_x"]) & (x < clip["crop_x"] + clip["crop_w"])
    high = (y >= clip["crop_y"]) & (y < clip["crop_y"] + clip["crop_h"])
    mask: npt.NDArray[np.bool_] = high[:, None] & wide[None, :]
    return mask if mask.any() else np.ones_like(mask)
