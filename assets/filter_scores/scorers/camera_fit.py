"""What the camera did, pair by pair: a robust similarity fit to the flow grid inside the crop box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...measuring.clip_view import once_a_clip
from ...measuring.scorer import ClipView, Unmeasured
from .repeated_frames import first_shown_s

GRID_WIDTH, GRID_HEIGHT = 16, 9
FLOW_SIDE_PX = 160
"""Long side of the pictures between which the flow was measured."""
TOLERANCE_PX, TOLERANCE_SHARE = 0.2, 0.1
"""A cell follows the camera when it is this near to the fit: pixels of the pair, plus a share of its own speed."""
DRAWS = 40
STILL_SHARE = 0.35
"""When so much of the picture stands still, the rest are subjects unless they are `STILL_LEAD` times as much."""
STILL_LEAD = 1.5
ROUNDS = 6
FLAT_LEVELS = 3.0
"""A cell whose surroundings differ by less has little to follow."""
FLAT_WEIGHT = 0.1
SHORTEST_SHARE = 1 / 3
"""Of a pair's length; when repeated frames leave less, the picture stood still."""

Series = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.complex128]
"""Points and speeds as x + iy, y downwards; turning by a positive angle is clockwise on the screen."""


@dataclass(frozen=True)
class CameraFit:
    """The picture's movement in each flow pair; arrays of shape (pairs,), speeds in % of the crop's diagonal per s.

    dx, dy: shift at the crop's centre, right and down positive. roll: radians per s, clockwise positive. zoom:
    ln(scale) per s, growing positive. agreement: share 0-1 of the textured picture that follows the fit. deviation:
    mean distance of the textured cells to the fit. texture: mean weight of the cells, 0.1 = flat, 1 = textured all
    over. dt_s, end_s: length and end of each pair; a repeated frame counts from when its picture was first shown.
    """

    dx: Series
    dy: Series
    roll: Series
    zoom: Series
    agreement: Series
    deviation: Series
    texture: Series
    dt_s: Series
    end_s: Series


@once_a_clip
def camera_fit(view: ClipView) -> CameraFit:
    """The movement that most of the picture shares, in every flow pair of the clip.

    Candidates are the similarities through pairs of cells and standing still; the best is refined by reweighted
    least squares. Cells outside the crop box do not count, cells with flat surroundings hardly. Standing still is
    preferred where over a third of the picture does, so that a subject before a tripod is no pan. Known weakness: a
    subject that fills two thirds of the picture is taken for the camera; roll and zoom read some 5 % slow.
    Raises Unmeasured without a flow pair.
    """
    if view.pairs.is_empty():
        raise Unmeasured("no flow pair inside the clip: it has one frame, or is shorter than the flow clock")
    inside, points = cells(view.clip)
    dt_s = _shown_dt_s(view)
    speeds: Vectors = _flow(view)[:, inside] * (_measured_dt_s(view) / dt_s)[:, None]
    weights = _texture(view)[:, inside]
    tolerance = _tolerance(view.clip, dt_s)
    shift, turn = _refined(speeds, points, weights, tolerance, *_started(speeds, points, weights, tolerance))
    distance = np.abs(speeds - _model(shift, turn, points))
    follows = distance < tolerance[:, None] + TOLERANCE_SHARE * np.abs(speeds)
    growth = 1 + turn * dt_s
    return CameraFit(
        dx=shift.real,
        dy=shift.imag,
        roll=np.angle(growth) / dt_s,
        zoom=np.log(np.maximum(np.abs(growth), 1e-6)) / dt_s,
        agreement=(follows * weights).sum(axis=1) / weights.sum(axis=1),
        deviation=(distance * weights).sum(axis=1) / weights.sum(axis=1),
        texture=weights.mean(axis=1),
        dt_s=dt_s,
        end_s=view.pairs["pts_s"].to_numpy().astype(np.float64),
    )


def cells(clip: dict[str, Any]) -> tuple[npt.NDArray[np.bool_], Vectors]:
    """Which of the 144 cells have their centre in the crop box (all when none has), and where those lie.

    Positions are relative to the crop's centre, in % of its diagonal.
    """
    x = (np.arange(GRID_WIDTH) + 0.5) * clip["width"] / GRID_WIDTH - clip["crop_x"]
    y = (np.arange(GRID_HEIGHT) + 0.5) * clip["height"] / GRID_HEIGHT - clip["crop_y"]
    wide, high = (x >= 0) & (x < clip["crop_w"]), (y >= 0) & (y < clip["crop_h"])
    inside = (high[:, None] & wide[None, :]).ravel()
    place = (x[None, :] - clip["crop_w"] / 2) + 1j * (y[:, None] - clip["crop_h"] / 2)
    if not inside.any():
        inside = np.ones_like(inside)
    return inside, place.ravel()[inside] * 100 / _crop_diagonal(clip)


def _measured_dt_s(view: ClipView) -> Series:
    dt_s: Series = view.pairs["flow_dt_s"].to_numpy().astype(np.float64)
    return dt_s


def _shown_dt_s(view: ClipView) -> Series:
    """Time between the first showings of a pair's two pictures: doubled frames would make a steady pan jerk."""
    dt_s, end_s = _measured_dt_s(view), view.pairs["pts_s"].to_numpy()
    pts_s, shown_s = view.frames["pts_s"].to_numpy(), first_shown_s(view.frames)
    last = len(pts_s) - 1
    end, start = (np.minimum(np.searchsorted(pts_s, at - 1e-4), last) for at in (end_s, end_s - dt_s))
    between: Series = shown_s[end] - shown_s[start]
    return np.where(between >= SHORTEST_SHARE * dt_s, between, dt_s)


def _crop_diagonal(clip: dict[str, Any]) -> float:
    return float(np.hypot(clip["crop_w"], clip["crop_h"]))


def _flow(view: ClipView) -> Vectors:
    """(pairs, 144), % of the crop's diagonal per second. Raises Unmeasured when a vector is no finite number."""
    raw = b"".join(view.pairs["flow_grid"])
    grid = np.frombuffer(raw, np.float16).reshape(len(view.pairs), -1, 2).astype(np.float64)
    if not np.isfinite(grid).all():
        raise Unmeasured("the flow holds a value that is no finite number")
    scale = float(np.hypot(view.clip["width"], view.clip["height"])) / _crop_diagonal(view.clip)
    return scale * grid.view(np.complex128)[..., 0]


def _texture(view: ClipView) -> Series:
    """Weight 0.1 to 1 of each cell in each pair, (pairs, 144), by how much the lumas around it differ."""
    every = view.pairs["layout"].to_list()
    if any(layout is None for layout in every):
        return np.ones((len(every), GRID_WIDTH * GRID_HEIGHT))
    luma = np.frombuffer(b"".join(every), np.uint8).reshape(-1, GRID_HEIGHT, GRID_WIDTH).astype(np.float64)
    around = np.pad(luma, ((0, 0), (1, 1), (1, 1)), mode="edge")
    near = np.stack([around[:, i : i + GRID_HEIGHT, j : j + GRID_WIDTH] for i in range(3) for j in range(3)])
    spread = near.std(axis=0).reshape(len(luma), -1)
    weights: Series = FLAT_WEIGHT + (1 - FLAT_WEIGHT) * np.minimum(spread / FLAT_LEVELS, 1.0)
    return weights


def _tolerance(clip: dict[str, Any], dt_s: Series) -> Series:
    pixel = max(clip["width"], clip["height"]) / FLOW_SIDE_PX
    tolerance: Series = TOLERANCE_PX * pixel * 100 / _crop_diagonal(clip) / dt_s
    return tolerance


def _model(shift: Vectors, turn: Vectors, points: Vectors) -> Vectors:
    speeds: Vectors = shift[..., None] + turn[..., None] * points
    return speeds


def _started(speeds: Vectors, points: Vectors, weights: Series, tolerance: Series) -> tuple[Vectors, Vectors]:
    """The candidate with which the heaviest cells agree: (shift, turn), each (pairs,)."""
    one, other = _draws(points)
    turns = (speeds[:, one] - speeds[:, other]) / (points[one] - points[other])
    shifts = speeds[:, one] - turns * points[one]
    still = np.zeros((len(speeds), 1), np.complex128)
    turns, shifts = np.hstack([still, turns]), np.hstack([still, shifts])
    distance = np.abs(speeds[:, None, :] - _model(shifts, turns, points))
    near = distance < tolerance[:, None, None] + TOLERANCE_SHARE * np.abs(speeds[:, None, :])
    agreement = np.einsum("pkc,pc->pk", near, weights) / weights.sum(axis=1, keepdims=True)
    stands = (agreement[:, 0] >= STILL_SHARE) & (agreement.max(axis=1) < STILL_LEAD * agreement[:, 0])
    best = np.where(stands, 0, agreement.argmax(axis=1))
    rows = np.arange(len(speeds))
    return shifts[rows, best], turns[rows, best]


def _draws(points: Vectors) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Pairs of cells far from each other, the same for the same crop."""
    if len(points) < 2:
        none = np.empty(0, np.intp)
        return none, none
    random = np.random.default_rng(0)
    one, other = random.integers(0, len(points), (2, DRAWS * 20))
    apart = np.abs(points[one] - points[other])
    far = np.argsort(-(apart >= np.percentile(apart, 50)).astype(int), kind="stable")[:DRAWS]
    far = far[apart[far] > 0]
    return one[far], other[far]


def _refined(
    speeds: Vectors, points: Vectors, weights: Series, tolerance: Series, shift: Vectors, turn: Vectors
) -> tuple[Vectors, Vectors]:
    """Reweighted least squares with Tukey's biweight, its width twice the tolerance."""
    for _ in range(ROUNDS):
        width = 2 * (tolerance[:, None] + TOLERANCE_SHARE * np.abs(speeds))
        off = np.minimum(np.abs(speeds - _model(shift, turn, points)) / width, 1.0)
        trusted = weights * (1 - off**2) ** 2 + 1e-9
        total = trusted.sum(axis=1)
        centre, mean = (trusted * points).sum(axis=1) / total, (trusted * speeds).sum(axis=1) / total
        arm = points - centre[:, None]
        power = (trusted * np.abs(arm) ** 2).sum(axis=1)
        lever = (trusted * np.conj(arm) * (speeds - mean[:, None])).sum(axis=1)
        turn = np.divide(lever, power, out=np.zeros_like(lever), where=power > 1e-6)
        shift = mean - turn * centre
    return shift, turn
