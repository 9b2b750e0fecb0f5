"""VMAF motion of the clip."""

from __future__ import annotations

from typing import Any

from ...columns import DOUBLE, UNMEASURED, Column
from ...measuring.scorer import ClipView, Unmeasured, scorer
from .bars import content_share


@scorer(
    Column("vmaf_motion", DOUBLE, "Mean VMAF motion of the frames, short side 540; higher moves more.", "levels", 0,
           255, serves="too slow motion, > 2.0 (Movie Gen)"),
    version=1,
    helpers=("filter_scores/scorers/bars.py",),
    quick=UNMEASURED,
)  # fmt: skip
def vmaf(view: ClipView) -> dict[str, Any]:
    """Mean absolute difference of the blurred lumas of neighbouring frames, over the pairs inside the clip.

    This is FFmpeg's `vmafmotion`, which Movie Gen names: every frame against the one before, without libvmaf's
    motion2, the smaller of this and the next. FFmpeg's printed average also counts the first frame, as 0. Black bars,
    where nothing moves, are taken out of the mean. A tripod shot scores about 1, a pan 4 and more. Weakness: it is per
    frame, not per second: the same movement scores half at twice the frame rate, and repeated frames halve it; it
    grows with contrast; grain and flicker count as motion.
    """
    if len(view.frames) < 2:
        raise Unmeasured("the clip has one frame")
    mean = view.frames["vmaf_motion"][1:].mean()
    if mean is None:
        raise Unmeasured("no VMAF motion in the clip's frames")
    return {"vmaf_motion": min(float(mean) / content_share(view), 255.0)}  # type: ignore[arg-type]
