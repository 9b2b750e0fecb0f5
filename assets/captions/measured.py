"""The captioner without a model: facts of a clip as text. What nothing measured is not said.

Its facts beside the sentence (camera, source tags, quality tags) are part of every captioner's rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .camera import clause, confident_labels
from .hygiene import clean
from .options import CaptionOptions

CAPTIONER = "measured"
Row = Mapping[str, Any]
TITLE_CHARS, TAG_CHARS, TAGS = 80, 60, 20


@dataclass(frozen=True)
class QualityWord:
    """A word for the values of a score from `low` (inclusive) up to `high` (exclusive); None = no bound."""

    column: str
    word: str
    low: float | None = None
    high: float | None = None

    def fits(self, row: Row) -> bool:
        value = row.get(self.column)
        if value is None:
            return False
        return (self.low is None or value >= self.low) and (self.high is None or value < self.high)


QUALITY_WORDS = (
    QualityWord("short_side", "4k", low=2160),
    QualityWord("short_side", "full hd", 1080, 2160),
    QualityWord("short_side", "hd", 720, 1080),
    QualityWord("short_side", "low resolution", high=360),
    # the tiers of the starter preset
    QualityWord("sharpness", "blurry", high=60),
    QualityWord("sharpness", "sharp", low=120),
    QualityWord("motion_mean", "little motion", high=1.5),
    QualityWord("motion_mean", "fast motion", low=40),
    QualityWord("static_ratio", "static", low=0.95),
    QualityWord("underexposed_ratio", "underexposed", low=0.4),
    QualityWord("overexposed_ratio", "overexposed", low=0.3),
    QualityWord("border_ratio", "borders", low=0.02),
    # Movie Gen: overlay text from 0.6 on; slideshow as in the preset movie_gen
    QualityWord("text_max_confidence", "text in the picture", low=0.6),
    QualityWord("slideshow", "slideshow", low=0.5),
    # Hasler and Suesstrunk's scale: under 15 not colourful, from 82 on highly colourful
    QualityWord("colorfulness", "muted colours", high=15),
    QualityWord("colorfulness", "vivid colours", low=82),
    # Open-Sora 1.3's words for the LAION predictor, steps of 0.5 from 4 to 6.5
    QualityWord("aesthetic_laion", "terrible aesthetics", high=4),
    QualityWord("aesthetic_laion", "very poor aesthetics", 4, 4.5),
    QualityWord("aesthetic_laion", "poor aesthetics", 4.5, 5),
    QualityWord("aesthetic_laion", "fair aesthetics", 5, 5.5),
    QualityWord("aesthetic_laion", "good aesthetics", 5.5, 6),
    QualityWord("aesthetic_laion", "very good aesthetics", 6, 6.5),
    QualityWord("aesthetic_laion", "excellent aesthetics", low=6.5),
)
"""Which score gives which word. Numbers without a source beside them are ours."""


def facts(row: Row, options: CaptionOptions) -> dict[str, Any]:
    """What every caption says beside a model's text: `camera`, `source_tags`, `quality_tags`; NULL for nothing."""
    return {
        "camera": confident_labels(row, options.camera_confidence) or None,
        "source_tags": _source_tags(row) or None,
        "quality_tags": [q.word for q in QUALITY_WORDS if q.fits(row)] or None,
    }


def measured_caption(row: Row, options: CaptionOptions) -> dict[str, Any]:
    """A caption of facts only, as columns: `short` and the facts. The fields that need eyes stay NULL.

    `row` has the columns of clips, those of filter_scores that were measured, and those of the manifest.
    """
    told = [_kind(row), title_clause(row)]
    sentence = "".join(told) + (f"; {moves}" if (moves := clause(facts(row, options)["camera"] or [])) else "")
    return {"short": f"{sentence}."} | facts(row, options)


def _kind(row: Row) -> str:
    """ "A 6.2 s landscape clip at 1280x720, 24 fps": length, orientation and size of the box inside borders."""
    size = f"{row['orientation']} {{}} at {row['crop_w']}x{row['crop_h']}"
    if is_picture(row):
        return f"A {size.format('picture')}"
    rate = f", {row['fps']:.2f}".rstrip("0").rstrip(".") + " fps"
    return f"A {row['duration_s']:.1f} s {size.format('clip')}{rate}"


def is_picture(row: Row) -> bool:
    """Whether the clip is an image: one frame without a rate."""
    return row.get("fps") is None


def title_clause(row: Row) -> str:
    title = clean(row.get("title") or "")
    if not title:
        return ""
    whole = "an image" if is_picture(row) else "a video"
    return f", from {whole} titled {json.dumps(shortened(title, TITLE_CHARS), ensure_ascii=False)}"


def shortened(text: str, most: int) -> str:
    """At most `most` characters, cut at a word where there is one."""
    if len(text) <= most:
        return text
    return text[: most - 3].rsplit(" ", 1)[0] + "..."


def _source_tags(row: Row) -> list[str]:
    """The manifest's source, then its tags (separated by comma, semicolon or bar), each once."""
    parts = [row.get("source") or "", *re.split(r"[,;|]", row.get("tags") or "")]
    return list(dict.fromkeys(tag for p in parts if (tag := clean(p)[:TAG_CHARS].strip())))[:TAGS]
