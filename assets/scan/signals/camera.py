"""What one camera movement explains of a flow grid: shift, roll and zoom."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np

INLIER_PX = 0.5
COLUMNS = ("camera_dx", "camera_dy", "camera_roll", "camera_zoom", "camera_inliers", "camera_residual")


def fitted_camera(
    grid: np.ndarray, extent: tuple[float, float], dt_s: float, percent_per_s: float
) -> dict[str, float | None]:
    """Similarity fit (RANSAC, fixed seed) to a grid of shifts: (9, 16, 2) float32, in 1/160 of the long side.

    extent: width and height of the picture in the same unit. camera_dx, camera_dy: shift at the picture's centre, % of
    the diagonal per second, right and down positive; camera_roll: degrees per second, clockwise positive; camera_zoom:
    ln(scale) per second, growing positive; camera_inliers: share 0-1; camera_residual: median distance to the fit.
    All describe the picture: a camera that pans right moves it left. All None where no fit exists. Known weakness: the
    ultrafast flow smooths what differs over the picture: roll reads about 2/3 and zoom about 4/5 of the truth, shift
    is right within a few percent (drawn movements); a subject that fills the picture is taken for the camera.
    """
    points = _cell_centres(extent)
    shifts = grid.reshape(-1, 2)
    matrix, inliers = cv2.estimateAffinePartial2D(
        points, points + shifts, method=cv2.RANSAC, ransacReprojThreshold=INLIER_PX
    )
    if matrix is None or not np.isfinite(matrix).all():
        return dict.fromkeys(COLUMNS)
    across, down, along = matrix.T  # what a step to the right and a step down become, and the shift of the origin
    x, y = across * (extent[0] / 2) + down * (extent[1] / 2) + along
    off = points @ matrix[:, :2].T + along - points - shifts
    return {
        "camera_dx": (float(x) - extent[0] / 2) * percent_per_s,
        "camera_dy": (float(y) - extent[1] / 2) * percent_per_s,
        "camera_roll": math.degrees(math.atan2(across[1], across[0])) / dt_s,
        "camera_zoom": math.log(max(math.hypot(*across), 1e-6)) / dt_s,
        "camera_inliers": float(inliers.mean()),
        "camera_residual": _median(np.hypot(off[:, 0], off[:, 1])) * percent_per_s,
    }


def _median(values: np.ndarray) -> float:
    """Of an even number of values; np.median costs five times as much."""
    ordered = np.sort(values)
    return float(ordered[values.size // 2 - 1] + ordered[values.size // 2]) / 2


@lru_cache(maxsize=8)
def _cell_centres(extent: tuple[float, float]) -> np.ndarray:
    x = (np.arange(16) + 0.5) * extent[0] / 16
    y = (np.arange(9) + 0.5) * extent[1] / 9
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(np.float32)
