"""The page of `captions`: keyframes beside what was written of them, and how captioning ended."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow.compute as pc

from ..captions.tables import CAPTIONS
from ..tables import CLIPS
from .album import CLIP_COLUMNS, Album
from .choose import evenly
from .markdown import Markdown, image, page, table, text
from .scene import FIGURES, Facts, Scene
from .sheet import Cell, Strip, sheet

CAPTIONS_SHOWN = 6
REASONS = 8
SHOWN_TEXTS = ("short", "dense", "background", "style", "shot_type", "lighting", "atmosphere")
SHOWN_LISTS = ("camera", "source_tags", "quality_tags")
WRITTEN = ("ok", "repaired")


def captions(scene: Scene) -> Facts:
    """Statuses by captioner, reasons of failures, and some captions beside their clips."""
    rows = scene.store.read(CAPTIONS, scene.part)
    listed = rows.filter(rows["is_current"]).to_pylist()
    statuses = Counter((r["captioner"], r["caption_status"]) for r in listed)
    reasons = Counter((r["caption_status"], r["error"]) for r in listed if r["caption_status"] not in WRITTEN)
    facts = {
        "statuses": table(("captioner", "status", "clips"), [(*key, n) for key, n in statuses.most_common()]),
        "not written": table(("status", "why", "clips"), [(*key, n) for key, n in reasons.most_common(REASONS)]),
        FIGURES: _beside(scene, [r for r in listed if r["caption_status"] in WRITTEN]),
    }
    return {name: told for name, told in facts.items() if told}


def _beside(scene: Scene, written: list[dict[str, Any]]) -> Markdown:
    """A table of pictures and texts."""
    chosen = {r["clip_id"]: r for r in evenly(written, CAPTIONS_SHOWN)}
    if not chosen:
        return Markdown("")
    clips = scene.store.read(CLIPS, scene.part, CLIP_COLUMNS)
    clips = clips.filter(pc.field("clip_id").isin(list(chosen)))
    rows = []
    with Album(scene.store, scene.part) as album:
        for clip in clips.to_pylist():
            picture = image(sheet([Strip("", (Cell(album.middle(clip)),))]), "keyframe")
            rows.append((picture, _told(chosen[clip["clip_id"]])))
    more = Markdown(f"{len(rows)} of {len(written)} captions of the shard.")
    return page(more, table(("keyframe", "caption"), rows))


def _told(row: dict[str, Any]) -> Markdown:
    """The caption's fields, the empty ones left out, and which clip it is of."""
    parts = [(name, row[name]) for name in SHOWN_TEXTS] + [(n, ", ".join(row[n] or ())) for n in SHOWN_LISTS]
    fields = [f"**{text(name)}** {text(value)}" for name, value in [*parts, ("clip_id", row["clip_id"])] if value]
    return Markdown(" \N{MIDDLE DOT} ".join(fields))
