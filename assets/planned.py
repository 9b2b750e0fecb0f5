"""Columns of `filter_scores` whose names are fixed and that no scorer fills yet.

A rule on one of them is valid and inactive: it is printed, not counted. A scorer that arrives takes its columns
out of this list.
"""

from __future__ import annotations

PLANNED_NUMBERS = [
    "dover_aesthetic",
    "dover_technical",
    "aesthetic",
    "technical_quality",
]
PLANNED_TEXTS: tuple[str, ...] = ()
