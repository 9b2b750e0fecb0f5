"""Columns of `filter_scores` whose names are fixed and that no scorer fills yet.

A rule on one of them is valid and inactive: it is printed, not counted. A scorer that arrives takes its columns
out of this list.
"""

from __future__ import annotations

PLANNED_NUMBERS = [
    "duplicate_frame_ratio",
    "vmaf_motion",
    "content_cut_rate",
    "shake",
    "slideshow",
    "camera_confidence",
    "camera_pan",
    "camera_tilt",
    "camera_roll",
    "camera_zoom",
    "clarity",
    "blockiness",
    "noise",
    "contrast",
    "colorfulness",
    "saturation",
    "text_area_ratio",
    "text_max_confidence",
    "subtitle_top",
    "subtitle_bottom",
    "overlay_ratio",
    "aesthetic_laion",
    "aesthetic_siglip",
    "dover_aesthetic",
    "dover_technical",
    "aesthetic",
    "technical_quality",
    "subject_max_area",
    "person_ratio",
    "face_count",
    "face_max_area",
    "sensitive_score",
    "is_graphic",
]
PLANNED_TEXTS = ("camera_labels",)
