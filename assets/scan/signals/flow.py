"""Optical flow on a fixed clock: statistics, a coarse grid of vectors, and what the camera did."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from ..pictures import Geometry
from .camera import fitted_camera

GRID_WIDTH, GRID_HEIGHT = 16, 9
STILL_PX = 0.25
UNIT = 160


class Flow:
    """flow_* and camera_*: motion from the picture at the last tick to this one.

    Vectors are DIS optical flow (Kroeger et al. 2016, OpenCV's ultrafast preset) at 160 px, right and down positive,
    in % of the displayed diagonal per second. flow_dt_s: true time between the two frames, s. flow_mean, flow_p95:
    lengths, 0 up. flow_static_ratio: share of pixels that move less than 0.25 px at 160 px. flow_grid: float16 bytes,
    (9, 16, 2), mean of each cell. All None at the first tick. Known weakness: flow under 1/4 px a pair is noise, over
    about 10 % of the width a pair it saturates; a pair that spans a cut means nothing.
    """

    COLUMNS = ("flow_dt_s", "flow_mean", "flow_p95", "flow_static_ratio", "flow_grid", "camera_dx", "camera_dy",
               "camera_roll", "camera_zoom", "camera_inliers", "camera_residual")  # fmt: skip

    def __init__(self) -> None:
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._dis.setFinestScale(1)  # The preset stops at a quarter of the size and reads zooms 15 to 30 % slow.
        self._last: tuple[np.ndarray, float] | None = None

    def __call__(self, picture: np.ndarray, pts_s: float, geometry: Geometry) -> dict[str, float | bytes | None]:
        """picture: `Pictures.flow` of a tick; called for every tick in order, at once or later."""
        last, self._last = self._last, (picture, pts_s)
        if last is None:
            return dict.fromkeys(self.COLUMNS)
        flow = self._dis.calc(last[0], picture, None)
        return flow_columns(flow, pts_s - last[1], geometry)


def flow_columns(flow: np.ndarray, dt_s: float, geometry: Geometry) -> dict[str, float | bytes | None]:
    """The columns of one pair. flow: (h, w, 2) float32, pixels of the small picture."""
    to_unit, extent, diagonal = _units(geometry, flow.shape[:2])
    percent_per_s = 100 / diagonal / dt_s
    vectors = flow[::3, ::3] * to_unit
    vectors *= vectors
    lengths = np.sort(np.sqrt(vectors[..., 0] + vectors[..., 1]), axis=None)  # cv2.magnitude varies with alignment
    grid = cv2.resize(flow, (GRID_WIDTH, GRID_HEIGHT), interpolation=cv2.INTER_AREA) * to_unit
    return {
        "flow_dt_s": dt_s,
        "flow_mean": float(lengths.mean()) * percent_per_s,
        "flow_p95": float(lengths[int(0.95 * (lengths.size - 1))]) * percent_per_s,
        "flow_static_ratio": int(lengths.searchsorted(STILL_PX)) / lengths.size,
        "flow_grid": (grid * percent_per_s).astype(np.float16).tobytes(),
        **fitted_camera(grid, extent, dt_s, percent_per_s),
    }


@lru_cache(maxsize=8)
def _units(geometry: Geometry, shape: tuple[int, int]) -> tuple[np.ndarray, tuple[float, float], float]:
    """What turns pixels of the small picture into 1/160 of the long side (x, y); the picture's width and height, and
    its diagonal, in that unit."""
    long_side = max(geometry.width, geometry.height)
    width, height = geometry.width * UNIT / long_side, geometry.height * UNIT / long_side
    to_unit = np.array([width / shape[1], height / shape[0]], np.float32)
    return to_unit, (width, height), float(np.hypot(width, height))
