"""Scores of clips that nobody filmed: distributions near those of footage, and clips that a scorer has no value for.

Every rule of the shipped presets takes some of them. Columns that no shipped rule reads are drawn in coarse steps,
which pack well; the others have all their digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assets.filter_scores.scorers import SCORERS

COARSE = 3
"""Digits of a column that no shipped rule reads."""

Values = npt.NDArray[Any]
Draw = Callable[[np.random.Generator, int], Values]


def _lognormal(middle: float, sigma: float, high: float = np.inf) -> Draw:
    return lambda rng, n: np.minimum(rng.lognormal(np.log(middle), sigma, n), high)


def _normal(middle: float, sigma: float, low: float = -np.inf, high: float = np.inf) -> Draw:
    return lambda rng, n: np.clip(rng.normal(middle, sigma, n), low, high)


def _beta(a: float, b: float) -> Draw:
    return lambda rng, n: rng.beta(a, b, n)


def _some(share: float, of: Draw) -> Draw:
    """0 but for a share of the clips."""
    return lambda rng, n: np.where(rng.random(n) < share, of(rng, n), 0.0)


def _steps(of: Draw, steps: int) -> Draw:
    """Shares of so many pairs, frames or pictures."""
    return lambda rng, n: np.round(of(rng, n) * steps) / steps


READ_BY_RULES: dict[str, Draw] = {
    "motion_mean": _lognormal(6.0, 1.1),
    "static_ratio": _steps(_beta(0.4, 3.0), 40),
    "sharpness": _lognormal(300, 1.0),
    "border_ratio": _some(0.12, _beta(1.2, 20)),
    "underexposed_ratio": _beta(0.6, 4),
    "overexposed_ratio": _beta(0.5, 3.5),
    "shake": _lognormal(3.0, 1.2),
    "slideshow": _some(0.6, _beta(0.6, 2.5)),
    "duplicate_frame_ratio": _steps(_some(0.25, _beta(2, 4)), 120),
    "content_cut_rate": _steps(_some(0.15, _beta(1.5, 3)), 30),
    "vmaf_motion": _lognormal(7.0, 0.9, 255),
    "blockiness": _lognormal(1.1, 0.2),
    "colorfulness": _lognormal(35, 0.6),
    "clarity": _beta(5, 3),
    "aesthetic_laion": _normal(4.9, 0.7),
    "subject_max_area": _beta(1.2, 4),
    "person_ratio": _steps(_some(0.45, _beta(3, 1.5)), 8),
    "text_area_ratio": _some(0.3, _beta(0.7, 14)),
    "text_max_confidence": _some(0.35, _beta(3, 3)),
    "overlay_ratio": _some(0.1, _beta(1, 25)),
}
UNREAD: dict[str, Draw] = {
    "motion_p95": _lognormal(14, 1),
    "luma_mean": _normal(110, 35, 0, 255),
    "camera_confidence": _beta(3, 2),
    "camera_pan": _normal(0, 0.05),
    "camera_tilt": _normal(0, 0.03),
    "camera_roll": _normal(0, 1),
    "camera_zoom": _normal(0, 0.02),
    "noise": _lognormal(1.5, 0.6),
    "contrast": _normal(50, 15, 0, 128),
    "saturation": _beta(3, 4),
    "aesthetic_siglip": _normal(5, 0.8),
    "face_count": _some(0.4, _steps(_beta(1, 4), 1)),
    "face_max_area": _some(0.4, _beta(1, 12)),
    "sensitive_score": _beta(0.5, 30),
    "is_graphic": _beta(0.6, 12),
    "subtitle_top": _some(0.08, _normal(900, 30, 0)),
    "subtitle_bottom": _some(0.08, _normal(960, 30, 0)),
}
WORDS = {
    "border_kind": ("none", "letterbox", "pillarbox"),
    "camera_labels": ("static", "pan right", "pan left", "zoom in", "tilt up"),
}
UNMEASURED = {
    "motion": 0.004,
    "clarity": 0.01,
    "aesthetic_laion": 0.02,
    "subjects": 0.02,
    "text": 0.015,
    "overlays": 0.15,
    "shake": 0.006,
    "slideshow": 0.006,
    "vmaf": 0.003,
    "cut_rate": 0.003,
    "exposure": 0.002,
    "sharpness": 0.002,
    "borders": 0.002,
    "repeats": 0.003,
    "colour": 0.005,
    "compression": 0.005,
}
"""Share of clips that a scorer has no value for; all of its columns are NULL then, and `errors` says why."""


def drawn_scores(count: int, rng: np.random.Generator) -> dict[str, Any]:
    """Columns of `filter_scores` but clip_id for so many clips: NaN or None where a scorer has no value."""
    scores: dict[str, Any] = {}
    missing = {s.name: rng.random(count) < UNMEASURED.get(s.name, 0.001) for s in SCORERS}
    for scorer in SCORERS:
        for column in scorer.columns:
            if column.name in WORDS:
                drawn = pa.array(WORDS[column.name]).take(pa.array(rng.integers(0, len(WORDS[column.name]), count)))
                scores[column.name] = pa.array(
                    np.where(missing[scorer.name], None, drawn.to_numpy(False)), pa.string()
                )
            else:
                scores[column.name] = np.where(missing[scorer.name], np.nan, _drawn(column.name, count, rng))
    return scores | {"errors": _errors(missing)}


def _drawn(name: str, count: int, rng: np.random.Generator) -> Values:
    if name in READ_BY_RULES:
        return READ_BY_RULES[name](rng, count)
    values = UNREAD[name](rng, count) if name in UNREAD else rng.random(count)
    return np.round(values) if name in ("face_count", "subtitle_top", "subtitle_bottom") else np.round(values, COARSE)


def _errors(missing: dict[str, Values]) -> pa.Array:
    """By clip a map of scorer to reason."""
    table = np.stack(list(missing.values()), axis=1)
    which = np.nonzero(table)[1]
    offsets = np.concatenate([[0], np.cumsum(table.sum(axis=1))]).astype(np.int32)
    names = pa.array(list(missing)).take(pa.array(which))
    return pa.MapArray.from_arrays(pa.array(offsets), names, pa.array(["no value in this clip"] * len(which)))
