"""What one camera movement explains of a flow grid: shift, roll and zoom."""

from __future__ import annotations

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
    centre = np.array([extent[0] / 2, extent[1] / 2])
    shift = matrix[:, :2] @ centre + matrix[:, 2] - centre
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    fitted = points @ matrix[:, :2].T + matrix[:, 2] - points
    residual = float(np.median(np.hypot(*(shifts - fitted).T)))
    return {
        "camera_dx": float(shift[0]) * percent_per_s,
        "camera_dy": float(shift[1]) * percent_per_s,
        "camera_roll": float(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))) / dt_s,
        "camera_zoom": float(np.log(max(scale, 1e-6))) / dt_s,
        "camera_inliers": float(inliers.mean()),
        "camera_residual": residual * percent_per_s,
    }


@lru_cache(maxsize=8)
def _cell_centres(extent: tuple[float, float]) -> np.ndarray:
    x = (np.arange(16) + 0.5) * extent[0] / 16
    y = (np.arange(9) + 0.5) * extent[1] / 9
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(np.float32)
