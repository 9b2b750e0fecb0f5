"""Cut rate: how often PySceneDetect's content metric fires inside the clip."""

from __future__ import annotations

from typing import Any

from ...columns import DOUBLE, UNMEASURED, Column
from ...measuring.scorer import ClipView, Unmeasured, scorer

THRESHOLD = 27.0
"""Default of PySceneDetect's ContentDetector, which fires at and above it."""


@scorer(
    Column("content_cut_rate", DOUBLE, "Frames that fire PySceneDetect's ContentDetector, per second; higher jumps "
           "more.", "1/s", 0, serves="jitter proxy < 0.85 (Movie Gen)"),
    version=1,
    quick=UNMEASURED,
)  # fmt: skip
def cut_rate(view: ClipView) -> dict[str, Any]:
    """Frames whose content metric is at least 27 over the clip's duration, before any suppression by scene length.

    The clip's own first frame does not count: its change is the cut that opened the clip. A calm shot scores 0,
    flashes and violent shake over 1. Weakness: a cut that the shot detector missed counts as one firing; a short clip
    with one flash scores high; neighbouring frames are compared, so the same shake fires less at a higher frame rate.
    Source: Movie Gen section 3.2.1 (shots per second of PySceneDetect as a proxy for jitter, kept under 0.85).
    """
    if len(view.frames) < 2 or not view.clip["duration_s"] > 0:
        raise Unmeasured("the clip has one frame")
    fired = (view.frames["content_val"][1:] >= THRESHOLD).sum()
    return {"content_cut_rate": float(fired) / view.clip["duration_s"]}
