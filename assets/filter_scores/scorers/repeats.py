"""Repeated frames: what a converter or a still adds to reach a frame rate."""

from __future__ import annotations

from typing import Any

from ...columns import DOUBLE, UNMEASURED, Column
from ...measuring.scorer import ClipView, Unmeasured, scorer
from .repeated_frames import repeated_frames


@scorer(
    Column("duplicate_frame_ratio", DOUBLE, "Share of frames that repeat the frame before; higher moves less often "
           "than its frame rate says.", "", 0, 1, serves="frame-rate fakes, static video"),
    version=1,
    helpers=("filter_scores/scorers/repeated_frames.py",),
    quick=UNMEASURED,
)  # fmt: skip
def repeats(view: ClipView) -> dict[str, Any]:
    """How many of the clip's frames, without its first, show nothing new.

    12 frames a second doubled to 24 give 0.5, 24 shown at 60 give 0.6, drawn animation on twos 0.5 where it moves; a
    still without noise gives 1. A frame is repeated when its most changed cell hardly changed, in itself or beside
    its neighbours (repeated_frames.py). Weakness: a repetition that was encoded anew at a low rate is missed once it
    changes a cell by 3 levels; the quiet moments of a noise-free tripod shot count as repeated.
    """
    if len(view.frames) < 2:
        raise Unmeasured("the clip has one frame")
    return {"duplicate_frame_ratio": float(repeated_frames(view.frames)[1:].mean())}
