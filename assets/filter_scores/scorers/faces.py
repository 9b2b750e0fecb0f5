"""How many faces are seen at once, and how large the largest is."""

from __future__ import annotations

from typing import Any

from ...columns import DOUBLE, INT, Column
from ...measuring.scorer import ClipView, scorer
from ...models.model import Detector

KEYFRAMES = 4


@scorer(
    Column("face_count", INT, "Faces in the keyframe that has most, of up to 4.", "faces", 0,
           serves="people and crowds (Movie Gen)"),
    Column("face_max_area", DOUBLE, "Share of the content box that the largest face takes in any of up to 4 "
           "keyframes; 0 = none found.", "", 0, 1, serves="people and close-ups (Movie Gen)"),
    version=1,
    model="ultralight-face",
)  # fmt: skip
def faces(view: ClipView, detector: Detector) -> dict[str, Any]:
    """Faces inside the content box, by Ultra-Light-Fast-Generic-Face-Detector RFB-640.

    Weaknesses: faces that are small, covered or seen from the side are missed, so 0 does not mean that nobody is
    there.
    """
    found = detector.detect([view.content(k) for k in view.spread(KEYFRAMES)])
    return {
        "face_count": max(len(each) for each in found),
        "face_max_area": max((d.area for each in found for d in each), default=0.0),
    }
