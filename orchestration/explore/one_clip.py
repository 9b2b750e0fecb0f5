"""All that is known of one clip: why it is kept or dropped, its scores, its caption, and what looks like it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assets.captions.tables import CAPTIONS
from assets.tables import CLIPS, FILTER_SCORES
from assets.tiers.rules import Preset

from ..questions import Rows
from ..why import Explanation, explain
from .clips import Card, cards_of
from .library import Library

NEIGHBOURS = 8
UNTOLD = ("clip_id", "is_current", "caption_recipe", "caption_version", "video_id", "shard")
"""Columns that tell a person nothing about the clip."""


@dataclass(frozen=True)
class Neighbour:
    """A clip that looks like another: the cosine of their embeddings, up to 1; higher is more alike."""

    card: Card
    similarity: float


@dataclass(frozen=True)
class OneClip:
    """`clip`: its row of `clips` with the uri. scores, caption: rows with name, value, unit, doc; `copies`: the other
    clips of its group of duplicates.
    """

    clip: dict[str, Any]
    explanation: Explanation
    scores: Rows
    caption: Rows
    copies: list[Card]
    neighbours: list[Neighbour]


def one_clip(library: Library, preset: Preset, clip: dict[str, Any]) -> OneClip:
    """What is shown on a clip's page, judged by the preset."""
    with library.cursor() as connection:
        told = explain(connection, library.curation, library.tiers(preset), clip)
    ids, similarity = _neighbours(library, clip["clip_id"])
    return OneClip(
        clip,
        told,
        _told(CLIPS.columns, clip) + _told(FILTER_SCORES.columns, _row(library, "filter_scores", clip["clip_id"])),
        _told(CAPTIONS.columns, _row(library, "captions", clip["clip_id"])),
        cards_of(library, preset, _copies(library, clip["clip_id"])),
        [Neighbour(card, similarity[card.clip_id]) for card in cards_of(library, preset, ids)],
    )


def _row(library: Library, view: str, clip_id: str) -> dict[str, Any]:
    return next(iter(library.rows(f"SELECT * FROM {view} WHERE clip_id = ?", [clip_id])), {})


def _told(columns: Any, row: dict[str, Any]) -> Rows:
    """A row a column that has something to say, with what the column means."""
    return [
        {"name": c.name, "value": row[c.name], "unit": c.unit, "doc": c.doc}
        for c in columns
        if c.name in row and c.name not in UNTOLD and row[c.name] not in ("", [])
    ]


def _copies(library: Library, clip_id: str) -> list[str]:
    query = (
        "SELECT clip_id FROM duplicates WHERE group_id = (SELECT group_id FROM duplicates WHERE clip_id = $1) "
        "AND clip_id <> $1 ORDER BY clip_id LIMIT 12"
    )
    return [row["clip_id"] for row in library.rows(query, [clip_id])]


def _neighbours(library: Library, clip_id: str) -> tuple[list[str], dict[str, float]]:
    """The clips of the same model's nearest embeddings: exact, by looking at all of them."""
    query = (
        "WITH mine AS (SELECT model, embedding FROM embeddings WHERE clip_id = $1) "
        "SELECT clip_id, list_inner_product(e.embedding, mine.embedding) AS similarity FROM embeddings e, mine "
        "WHERE e.model = mine.model AND len(e.embedding) = len(mine.embedding) AND clip_id <> $1 "
        f"ORDER BY similarity DESC, clip_id LIMIT {NEIGHBOURS}"
    )
    rows = library.rows(query, [clip_id])
    return [row["clip_id"] for row in rows], {row["clip_id"]: row["similarity"] for row in rows}
