"""docs/columns.md: the views of a root, columns with units, ranges and meanings, and the words of the scorers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator

from assets.captions.tables import CAPTIONS
from assets.columns import APPROXIMATE, CLIP_ID, SAME, UNMEASURED, Column, Table
from assets.embeddings.tables import CONCEPT_CENTROIDS, CONCEPTS, DUPLICATE_PAIRS, DUPLICATES, EMBEDDINGS
from assets.filter_scores.scorers import SCORERS
from assets.measuring.scorer import Scorer
from assets.store import Store
from assets.tables import (
    CLIPS,
    ERRORS,
    FILTER_SCORES,
    FRAME_SIGNALS,
    KEYFRAMES,
    RAW_VIDEOS,
    SCANS,
    SHARD,
    SHOT_COUNTS,
    SOURCES,
    TIERS,
    VIDEO_ID,
)
from assets.views import connect

from .markdown import table

OPENING = """# Columns

Written by `make docs` from `assets/tables.py` and the scorers. Each section is a view: `clipsieve sql "SELECT ..."`,
or any DuckDB client on `clipsieve.duckdb`. NULL means that a value is not known, never 0; why a score is NULL stands
in `filter_scores.errors`. After `--quick` a column marked ≈ is coarser in time, and one marked ∅ is NULL.
"""
MARKS = {SAME: "", APPROXIMATE: " ≈", UNMEASURED: " ∅"}

ALSO = {
    "sources": (VIDEO_ID,),
    "raw_videos": (
        Column("uri", CLIP_ID.type, "The file that is read: of the copies that are there the first by shard and uri."),
        Column("uri_count", RAW_VIDEOS.column("packet_count").type, "Files with these bytes that are there.", "", 1),
        SHARD,
        SCANS.column("frames_decoded"),
        SCANS.column("status"),
        SCANS.column("error"),
    ),
    "scans": SHOT_COUNTS.columns,
    "tiers": (
        Column("preset", CLIP_ID.type, "Name of the preset that judged."),
        Column("tier", CLIP_ID.type, "tier_1, tier_2, and so on; a clip has a row in each tier that it reached."),
    ),
    "scored_clips": FILTER_SCORES.columns,
}
"""Columns of a view that its first table does not declare."""

DECISIONS = Table(
    "decisions",
    "Why each clip was kept or dropped: one row a clip, tier that it reached, and rule.",
    ("preset", "tier", "clip_id", "rule"),
    (
        *ALSO["tiers"],
        CLIP_ID,
        Column("rule", CLIP_ID.type, "COLUMN.kind, as `whatif` takes it: sharpness.min."),
        Column("value", CLIP_ID.type, "What was measured, as text; NULL where nothing was."),
        Column("bound", CLIP_ID.type, "What the rule asks for, as text."),
        Column("verdict", CLIP_ID.type, "pass, fail, or unmeasured."),
    ),
)
VIEWS = {
    t.name: t
    for t in (SOURCES, RAW_VIDEOS, SCANS, FRAME_SIGNALS, KEYFRAMES, CLIPS, FILTER_SCORES, EMBEDDINGS, DUPLICATES,
              DUPLICATE_PAIRS, CONCEPTS, CONCEPT_CENTROIDS, CAPTIONS, TIERS, DECISIONS)
}  # fmt: skip
REPEATED = {
    "keyframes_jpeg": "`keyframes`, and `jpeg`: the pictures themselves.",
    "scored_clips": "`clips` and `filter_scores` side by side, as tiers read them; only clips that have scores.",
    "tier_1": "`clips` that the active preset's tier_1 keeps; tier_2, tier_3 and so on in the same way.",
}
"""Views that show columns of others."""


def page() -> str:
    """The whole of docs/columns.md. Raises KeyError when a view has a column that nothing describes."""
    seen = columns_of_views()
    parts = [OPENING, _contents(), *(section(t, seen[name]) for name, t in VIEWS.items()), *_repeated()]
    return "\n".join(parts)


def columns_of_views() -> dict[str, list[str]]:
    """Names of the columns of every public view, as DuckDB tells them of an empty root."""
    with tempfile.TemporaryDirectory() as root, connect(Store(root), None) as connection:
        rows = connection.sql("SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal").fetchall()
    views: dict[str, list[str]] = {}
    for view, column in rows:
        if not view.startswith("_"):
            views.setdefault(view, []).append(column)
    return views


def section(of: Table, names: list[str]) -> str:
    """Heading, what a row is, key, and the columns in the order of the view."""
    known = {c.name: c for c in (*of.columns, *ALSO.get(of.name, ()))}
    head = f"## {of.name}\n\n{of.doc} Key: {', '.join(f'`{k}`' for k in of.key)}.\n"
    if of.name == FILTER_SCORES.name:
        return "\n".join([head, _rows([CLIP_ID, ERRORS]), *map(scorer_section, SCORERS)])
    return f"{head}\n{_rows(known[name] for name in names)}"


def scorer_section(scorer: Scorer) -> str:
    """Its columns, and what it says of itself."""
    needs = f" Needs the weights of `{scorer.model}`." if scorer.model else ""
    marked = MARKS[scorer.quick]
    return f"### {scorer.name}\n\n{scorer.doc}{needs}\n\n{_rows(scorer.columns, marked)}"


def _rows(columns: Iterable[Column], marked: str = "") -> str:
    rows = ([f"`{c.name}`{MARKS[c.quick] or marked}", c.duckdb_type, c.unit, _range(c), _words(c)] for c in columns)
    return table(["column", "type", "unit", "range", "what it says"], rows)


def _range(column: Column) -> str:
    if column.low is not None and column.high is not None:
        return f"{column.low:g} to {column.high:g}"
    if column.low is not None:
        return f"≥ {column.low:g}"
    return "" if column.high is None else f"≤ {column.high:g}"


def _words(column: Column) -> str:
    return f"{column.doc} *Serves {column.serves}.*" if column.serves else column.doc


def _contents() -> str:
    return " · ".join(f"[{name}](#{name})" for name in VIEWS) + "\n"


def _repeated() -> Iterator[str]:
    yield "## Views that repeat columns\n"
    yield table(["view", "what it shows"], ([f"`{name}`", words] for name, words in REPEATED.items()))
