"""How large the main subject is, and how often people are seen, by an object detector on few keyframes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...columns import DOUBLE, Column
from ...measuring.scorer import ClipView, scorer
from ...models.model import Detector

KEYFRAMES = 4
SURE = 0.5
"""Detections below this score do not count. The detector's published precision is 0.43 at 0.25."""
FURNITURE = {"chair", "sofa", "pottedplant", "bed", "diningtable", "toilet"}
"""COCO's group of that name: a table that fills the picture is where the subject stands, not the subject."""


@scorer(
    Column("subject_max_area", DOUBLE, "Share of the content box that the largest subject takes, median over up to 4 "
           "keyframes; 0 = none found.", "", 0, 1, serves="small subjects (Movie Gen, SFT)"),
    Column("person_ratio", DOUBLE, "Share of up to 4 keyframes in which a person is seen.", "", 0, 1,
           serves="share of clips with people (Movie Gen)"),
    version=1,
    model="yolo-fastest-xl",
)  # fmt: skip
def subjects(view: ClipView, detector: Detector) -> dict[str, Any]:
    """Main subject and people, by Yolo-Fastest 1.1 XL on the 80 classes of COCO, inside the content box.

    Movie Gen removes small subjects with Detic (section 3.3). The median over keyframes asks for a subject that is
    large most of the time; one false box does not make a clip pass. Furniture is no subject. 0 may also be a
    landscape, or a subject outside the 80 classes. Weaknesses: extreme close-ups and far figures are missed; drawn
    animals count as people.
    """
    pictures = [view.content(k) for k in view.spread(KEYFRAMES)]
    found = [[d for d in each if d.score >= SURE] for each in detector.detect(pictures)]
    largest = [max((d.area for d in each if d.label not in FURNITURE), default=0.0) for each in found]
    return {
        "subject_max_area": float(np.median(largest)),
        "person_ratio": float(np.mean([any(d.label == "person" for d in each) for each in found])),
    }
