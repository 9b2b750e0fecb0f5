"""Camera movement: how the camera turns and zooms, in numbers and in words."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...columns import APPROXIMATE, DOUBLE, STRING, Column
from ...measuring.scorer import ClipView, scorer
from .camera_fit import CameraFit, camera_fit
from .camera_parts import CameraParts, camera_parts, weighted_median
from .camera_words import LABELS, SEPARATOR

MOVES_FROM = 0.5
"""% of the diagonal per second: under it the flow of a tripod shot cannot be told from movement."""
SHAKES_FROM = 0.6
"""% of the diagonal per second, usual speed of the fast part: tripods stay under 0.3, hands begin near 1."""
SIDE_SHARE = 0.3
"""A movement beside a stronger one is named from this share of it."""
SHAKE_SHARE = 0.5
"""A movement is meant when it is at least this share of the shake."""
TIME_SHARE = 0.4
"""A direction is named when the camera goes there for this share of the clip."""
FOLLOWS, STANDS = (0.2, 0.6), (0.1, 0.4)
"""Shares of the picture that follow the fit, between which confidence rises from 0 to 1: of a movement, and of a
camera that stands, since no movement leaves so much of a picture in its place."""
SURE = 0.5
"""A label less sure than this is left out beside a surer one."""
FLAT_TEXTURE, CLEAR_TEXTURE = 0.1, 0.3
FEW_PAIRS = 2.0

DIRECTIONS = (
    ("pan left", 0, 1), ("pan right", 0, -1), ("tilt up", 1, 1), ("tilt down", 1, -1), ("roll clockwise", 2, -1),
    ("roll counterclockwise", 2, 1), ("zoom in", 3, 1), ("zoom out", 3, -1),
)  # fmt: skip
"""Label, row of `CameraParts.slow`, and the sign that the picture's movement has there."""


@scorer(
    Column("camera_labels", STRING, f"What the camera does, joined by a comma and a space, of: {', '.join(LABELS)}.",
           serves="camera motion in captions (Movie Gen, HunyuanVideo)"),
    Column("camera_confidence", DOUBLE, "How far the labels can be trusted; higher is surer, from 0.5 on they are "
           "more likely right than not.", "", 0, 1, serves="camera motion in captions"),
    Column("camera_pan", DOUBLE, "Mean turn to the right (the picture moves left); negative = to the left.",
           "widths per s", serves="camera motion"),
    Column("camera_tilt", DOUBLE, "Mean turn upwards (the picture moves down); negative = downwards.",
           "heights per s", serves="camera motion"),
    Column("camera_roll", DOUBLE, "Mean clockwise roll of the camera (the picture turns counterclockwise).",
           "degrees per s", serves="camera motion"),
    Column("camera_zoom", DOUBLE, "Mean growth of the picture, natural logarithm of the scale; positive = zoom in.",
           "1/s", serves="camera motion"),
    version=1,
    helpers=tuple(f"filter_scores/scorers/{name}.py" for name in
                  ("camera_fit", "camera_parts", "camera_words", "repeated_frames")),
    quick=APPROXIMATE,
)  # fmt: skip
def camera(view: ClipView) -> dict[str, Any]:
    """What the camera does over the clip: the movement that most of the picture inside the crop box shares.

    The numbers are net speeds: a pan there and back gives 0. Labels: a direction is named when the camera goes that
    way for 40 % of the clip; `static` when it does nothing; `handheld` when the fast part of its shifts is over 0.6 %
    of the diagonal per second, or when it moves without a steady direction. Labels are always given; a doubtful one
    is left out beside a sure one. The confidence is the smallest over the labels of (share of the clip for which the
    label holds) x (distance from its bound), times the share of the picture that follows the fit; it falls where the
    picture is flat or the clip has few flow pairs. Weakness: truck, pedestal, push in and arc look like pan, tilt,
    zoom and pan; a subject that fills two thirds of the picture is taken for the camera; a fast pan over 60 % of the
    diagonal per second is beyond the flow; roll and zoom read some 5 % slow. Source: the classes are those of Movie
    Gen 3.2.1 and HunyuanVideo 3.2, the geometry is ours.
    """
    fit = camera_fit(view)
    parts = camera_parts(fit)
    labels = named(parts)
    clip = view.clip
    diagonal = float(np.hypot(clip["crop_w"], clip["crop_h"])) / 100
    return {
        "camera_labels": SEPARATOR.join(label for label in LABELS if label in labels),
        "camera_confidence": min(labels.values()) * _evidence(fit, STANDS if "static" in labels else FOLLOWS),
        "camera_pan": -parts.over_time(fit.dx) * diagonal / clip["crop_w"],
        "camera_tilt": parts.over_time(fit.dy) * diagonal / clip["crop_h"],
        "camera_roll": -float(np.degrees(parts.over_time(fit.roll))),
        "camera_zoom": parts.over_time(fit.zoom),
    }


def named(parts: CameraParts) -> dict[str, float]:
    """The labels of a movement and how sure each is, 0 to 1; never empty."""
    strongest, shake = np.abs(parts.slow).max(axis=0), parts.usual_shake
    labels: dict[str, float] = {}
    for label, row, sign in DIRECTIONS:
        speed = sign * parts.slow[row]
        bound = np.maximum(MOVES_FROM, np.maximum(SIDE_SHARE * strongest, SHAKE_SHARE * shake))
        if parts.over_time(speed >= bound) >= TIME_SHARE:
            labels[label] = parts.over_time(speed >= bound / 2) * _certain(_typical(parts, speed / bound))
    if shake >= SHAKES_FROM:
        labels["handheld"] = _certain(shake / SHAKES_FROM)
    if labels:
        return {label: sure for label, sure in labels.items() if sure >= SURE} or labels
    usual = max(weighted_median(strongest, parts.weight), shake * MOVES_FROM / SHAKES_FROM)
    if usual < MOVES_FROM:
        return {"static": parts.over_time(strongest < MOVES_FROM) * _certain(MOVES_FROM / max(usual, 1e-6))}
    return {"handheld": 1 - _certain(MOVES_FROM / usual)}


def _typical(parts: CameraParts, values: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """The median of a series where it is positive."""
    return weighted_median(values[values > 0], parts.weight[values > 0])


def _certain(times_the_bound: float) -> float:
    """0.5 at the bound, 0.8 at twice the bound, towards 1."""
    return times_the_bound**2 / (1 + times_the_bound**2)


def _evidence(fit: CameraFit, shares: tuple[float, float]) -> float:
    """0 to 1: how much of the picture speaks for the fit, and for how long."""
    pairs = len(fit.dt_s)
    clear = _between(float(fit.texture.mean()), FLAT_TEXTURE, CLEAR_TEXTURE)
    return _between(float(fit.agreement.mean()), *shares) * clear * pairs / (pairs + FEW_PAIRS)


def _between(value: float, low: float, high: float) -> float:
    return min(max((value - low) / (high - low), 0.0), 1.0)
