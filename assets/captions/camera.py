"""Camera movement in captions: measured labels as words, as a prefix and as a clause. No model is asked for them.

Vision models are near chance on camera movement (CameraBench), so both papers use a classifier of their own and take
only its confident answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from .hygiene import capitalised

Vocabulary = Literal["movie_gen", "hunyuan"]
"""Movie Gen's 16 classes or HunyuanVideo's 14."""

CLAUSES = {
    "static": "is static",
    "pan left": "pans left",
    "pan right": "pans right",
    "tilt up": "tilts up",
    "tilt down": "tilts down",
    "roll clockwise": "rolls clockwise",
    "roll counterclockwise": "rolls counterclockwise",
    "zoom in": "zooms in",
    "zoom out": "zooms out",
    "handheld": "is handheld",
}
"""Measured label to what the camera does."""


def confident_labels(row: Mapping[str, Any], least: float) -> list[str]:
    """The measured labels of a row of filter_scores, in their order, when `camera_confidence` is at least `least`.

    `camera_labels` is text such as "pan right, zoom in". Nothing measured gives an empty list.
    """
    labels, confidence = row.get("camera_labels"), row.get("camera_confidence")
    if not labels or confidence is None or confidence < least:
        return []
    return list(dict.fromkeys(word for part in labels.split(",") if (word := part.strip().lower())))


def class_words(labels: Sequence[str] | None, vocabulary: Vocabulary) -> list[str]:
    """The words that a paper's camera classes have for measured labels; a label without one is left out.

    Raises ValueError for a label that is not canonical.
    """
    from ..filter_scores.scorers.camera_words import SEPARATOR, hunyuan, movie_gen

    words = movie_gen if vocabulary == "movie_gen" else hunyuan
    return list(dict.fromkeys(words(SEPARATOR.join(labels)))) if labels else []


def prefix(words: Sequence[str]) -> str:
    """Class words as the sentence that Movie Gen puts before a caption: "Pan right, zoom in."; "" for none."""
    return f"{capitalised(', '.join(words))}." if words else ""


def clause(labels: Sequence[str]) -> str:
    """What the camera does: "the camera pans right and zooms in"; "" for none. Labels without a verb are left out."""
    verbs = list(dict.fromkeys(CLAUSES[label] for label in labels if label in CLAUSES))
    if not verbs:
        return ""
    return "the camera " + (" and ".join(verbs) if len(verbs) < 3 else f"{', '.join(verbs[:-1])} and {verbs[-1]}")
