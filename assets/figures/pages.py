"""Which page each asset has: pictures and tables of the part that a run wrote last, as Markdown by name."""

from __future__ import annotations

from functools import partial

from ..curation import Curation
from ..embeddings.hashes import keyframe_hashes
from ..filter_scores.scorers import SCORERS
from . import caption_page, library_pages, score_pages, shard_pages
from .markdown import Markdown
from .scene import Draw, Scene

MOST_CHARACTERS = 250_000
"""Of a page: Dagster keeps it with the event for good."""

PAGES: dict[str, Draw] = {
    "raw_videos": shard_pages.raw_videos,
    "frame_signals": shard_pages.frame_signals,
    "keyframes": shard_pages.keyframes,
    "scans": shard_pages.scans,
    "clips": shard_pages.clips,
    "filter_scores": score_pages.filter_scores,
    "embeddings": score_pages.embeddings,
    "captions": caption_page.captions,
    "duplicates": library_pages.duplicates,
    "concepts": library_pages.concepts,
    **{s.step: partial(score_pages.scorer_page, scorer=s) for s in (*SCORERS, keyframe_hashes)},
}
"""By name of the table. Tiers have one page in common."""


def page_of(curation: Curation, name: str, part: str) -> dict[str, Markdown]:
    """What is shown of a table's part. What would make it larger than MOST_CHARACTERS is left out and named."""
    facts, left = {}, MOST_CHARACTERS
    for key, told in PAGES.get(name, library_pages.tier)(Scene(curation, part)).items():
        fits = len(told) <= left
        facts[key] = told if fits else Markdown(f"left out: {len(told):,} characters are too many for an event")
        left -= len(told) if fits else 0
    return facts
