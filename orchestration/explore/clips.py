"""Which clips a person is shown: those at the edge of a bound, and those that a condition in SQL finds."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from assets.tiers.bounds import Bound
from assets.tiers.literals import literal
from assets.tiers.rules import Preset
from assets.tiers.sql import population_sql

from ..questions import QuestionError, Rows
from .library import EXPLORED, FACTS, FILES, Library

LONGEST_SEARCH_S = 30.0
PAGE = 24
"""Clips that a page of a search shows."""
FAULTS = (duckdb.Error, RuntimeError, ValueError, OSError)
"""What a question may end with: told to the visitor, who can go on."""
OWN_COLUMNS = {"clip_id": "32 hex digits.", "uri": "Path or address of the file.",
               "tier": "The last tier that keeps the clip; NULL = none."}  # fmt: skip
"""That a condition may name beside those of the views."""
WORDS = re.compile(r"[\w.\- ]+")
NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
CLIP_ID = re.compile(r"[0-9a-f]{32}")


def has_source(uri: str | None) -> bool:
    """Whether films can be cut from a file; one on an object store is not fetched for that."""
    return uri is not None and "://" not in uri and os.path.isfile(uri)


@dataclass(frozen=True)
class Card:
    """A clip as a person meets it. `value`: of the column that is looked at. `reached`: how many tiers keep it.
    `reasons`: the rules that keep it out of the next one, as TIER COLUMN.KIND.
    """

    clip_id: str
    uri: str
    start_s: float
    end_s: float
    value: Any
    reached: int
    reasons: tuple[str, ...]

    @property
    def file(self) -> str:
        return os.path.basename(self.uri)


@dataclass(frozen=True)
class Edge:
    """Clips on both sides of a bound, the nearest to it first; where no value says what is near, any."""

    kept: list[Card]
    rejected: list[Card]


@dataclass(frozen=True)
class Found:
    """A page of the clips that a condition finds, how many there are, and how many of them each tier keeps."""

    cards: list[Card]
    clips: int
    in_tiers: list[int]


def edge(library: Library, preset: Preset, tier: int, bound: Bound, count: int) -> Edge:
    """Of the clips that reach tier number `tier` (from 1): those nearest to the bound on either side of it."""
    bounds, hold = preset.tiers[tier - 1].bounds, preset.tiers[tier - 1].hold_mask
    bit = 1 << [b.name for b in bounds].index(bound.name)
    before = f"((fail_{tier} | (unmeasured_{tier} & {hold}::UBIGINT)) & {bit - 1}::UBIGINT) = 0"
    asked = "true" if bound.kind in ("min", "max", "in") else before
    reaches = f"kept_{tier - 1}" if tier > 1 else "true"
    value = library.value_of(bound.column)
    there = "true" if value == "NULL" else f"{value} IS NOT NULL"
    near = f"{value}::DOUBLE" if bound.kind in ("min", "max", "keep_top") else "0.0"
    upward, downward = f"({near}, e.place)", f"(-({near}), e.place)"
    kept, rejected = (downward, upward) if bound.kind == "max" else (upward, downward)
    fails = f"(fail_{tier} & {bit}::UBIGINT) != 0"
    sides = ", ".join(
        f"arg_min(e.place, {order}, {count}) FILTER ({condition})"
        for order, condition in ((kept, f"NOT {fails}"), (rejected, fails))
    )
    query = f"SELECT {sides} FROM {library.beside(preset)} WHERE {reaches} AND {asked} AND {there}"
    return Edge(*(_cards(library, preset, value, places or []) for places in library.row(query)))


def unmeasured(library: Library, preset: Preset, tier: int, bound: Bound) -> int:
    """Clips that reach the tier and have no value for the bound."""
    value = library.value_of(bound.column)
    if value == "NULL":
        return 0
    reaches = f"kept_{tier - 1}" if tier > 1 else "true"
    query = f"SELECT count(*) FROM {library.beside(preset)} WHERE {reaches} AND {value} IS NULL"
    return int(library.row(query)[0])


def cards_of(library: Library, preset: Preset, clip_ids: list[str]) -> list[Card]:
    """Cards of the clips in the order of their ids; one that has no scores yet has none."""
    listed = ", ".join(literal(clip_id) for clip_id in clip_ids if CLIP_ID.fullmatch(clip_id))
    if not listed:
        return []
    rows = library.rows(f"SELECT place FROM {EXPLORED} WHERE clip_id IN ({listed})")
    found = {c.clip_id: c for c in _cards(library, preset, "NULL", [row["place"] for row in rows])}
    return [found[clip_id] for clip_id in clip_ids if clip_id in found]


def _cards(library: Library, preset: Preset, value: str, places: list[int]) -> list[Card]:
    """Cards of the clips at these places, in their order."""
    if not places:
        return []
    facts, listed = ", ".join(f"e.{name}_ AS {name}" for name in FACTS), ", ".join(map(str, places))
    here = f"(SELECT * FROM {EXPLORED} WHERE place IN ({listed})) e"
    judged = f"(SELECT * FROM {library.judged(preset)} WHERE place IN ({listed})) j"
    shown = f"e.place, e.clip_id, {facts}, {value} AS value, j.* EXCLUDE (place)"
    rows = library.rows(f"SELECT {shown} FROM {here} JOIN {judged} USING (place)")
    uris = _uris(library, {row["video_id"] for row in rows})
    told = {row["place"]: _card(preset, row, uris.get(row["video_id"], "")) for row in rows}
    return [told[place] for place in places]


def _uris(library: Library, videos: set[str]) -> dict[str, str]:
    listed = ", ".join(literal(video) for video in sorted(videos))
    if not listed:
        return {}
    rows = library.rows(f"SELECT video_id, uri FROM {FILES} WHERE video_id IN ({listed})")
    return {row["video_id"]: row["uri"] for row in rows}


def _card(preset: Preset, row: dict[str, Any], uri: str) -> Card:
    reached: int = row["reached"]
    reasons: tuple[str, ...] = ()
    if reached < len(preset.tiers):
        tier = preset.tiers[reached]
        blockers = row[f"fail_{reached + 1}"] | (row[f"unmeasured_{reached + 1}"] & tier.hold_mask)
        reasons = tuple(f"{tier.name} {b.name}" for i, b in enumerate(tier.bounds) if blockers >> i & 1)
    return Card(row["clip_id"], uri, row["start_s"], row["end_s"], row["value"], reached, reasons)


def search(library: Library, preset: Preset, condition: str, page: int) -> Found:
    """The clips that a condition over all columns of clips finds, page by page (from 0), those kept furthest first.

    Beside the columns of the views a condition may name clip_id, video_id, uri, start_s, end_s, shard, and `tier`, the
    last tier that keeps the clip (NULL = none). A few words that are no column are looked for in the addresses of the
    files. Raises QuestionError with DuckDB's words.
    """
    words = condition.strip()
    if WORDS.fullmatch(words) and not {*NAME.findall(words)} & {
        *library.vocabulary.views,
        "clip_id",
        "uri",
        "tier",
        "true",
    }:
        condition = f"contains(lower(uri), lower({literal(words)}))"
    matched = _matched(library, preset, condition)
    tiers = ", ".join(f"count(*) FILTER (reached >= {n})" for n in range(1, len(preset.tiers) + 1))
    with library.cursor(LONGEST_SEARCH_S) as connection:
        try:
            statements = connection.extract_statements(matched)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise QuestionError("one condition is needed, such as: sharpness > 100 AND orientation = 'portrait'")
            clips, *in_tiers = connection.execute(f"SELECT count(*), {tiers} FROM ({matched})").fetchall()[0]
            shown = f"SELECT clip_id FROM ({matched}) ORDER BY reached DESC, clip_id LIMIT {PAGE} OFFSET {page * PAGE}"
            ids = [row[0] for row in connection.execute(shown).fetchall()]
        except (duckdb.Error, pa.ArrowException, RuntimeError, TypeError) as error:
            raise QuestionError(told_error(library, str(error))) from error
    return Found(cards_of(library, preset, ids), clips, in_tiers)


def told_error(library: Library, error: str) -> str:
    """DuckDB's words; a column that there is not, with those that are spelled like it; files that a run replaced."""
    if error.startswith("INTERRUPT"):
        return f"not answered within {LONGEST_SEARCH_S:g} s"
    if error.startswith("IO Error"):
        return f"the root has changed since it was read: press `Read again` ({error.splitlines()[0]})"
    if unknown := re.search(r'Referenced column "([^"]+)" not found', error):
        return f"no column {unknown[1]!r}: {library.vocabulary.nearest(unknown[1])}"
    return error.split("\n\nLINE", 1)[0]


def _matched(library: Library, preset: Preset, condition: str) -> str:
    """SELECT clip_id, reached of the clips that the condition holds for; only views that it names are joined."""
    named, known = set(NAME.findall(condition)), library.vocabulary.views
    columns = [column for column in known if column in named]
    facts = [f"c.{name}" for name in FACTS if name not in columns]
    every = f"({population_sql(columns, library.vocabulary, None, facts)}) p"
    verdicts = f"(SELECT e.clip_id, j.reached FROM {library.beside(preset)}) j"
    joined, uri = f"{every} JOIN {verdicts} USING (clip_id)", ""
    if "uri" in named and "uri" not in known:
        joined, uri = f"{joined} LEFT JOIN {FILES} u USING (video_id)", ", u.uri"
    tier = f"CASE j.reached {' '.join(f'WHEN {n} THEN {literal(t.name)}' for n, t in enumerate(preset.tiers, 1))} END"
    inner = f"SELECT p.*, j.reached, {tier} AS tier{uri} FROM {joined}"
    return f"SELECT clip_id, reached FROM ({inner}) WHERE (\n{condition.strip() or 'true'}\n)"


def searchable(library: Library) -> Rows:
    """Columns that a condition may name, with what they are: for the help beside the search box."""
    known = library.vocabulary
    own = {
        "clip_id": "32 hex digits.",
        "uri": "Path or address of the file.",
        "tier": "Last tier that keeps the clip.",
    }
    first = [{"column": name, "unit": "", "view": "", "doc": doc} for name, doc in own.items()]
    return first + [{"column": name, "unit": column.unit, "view": known.views[name], "doc": column.doc}
            for name, column in known.columns.items() if known.is_active(name)]  # fmt: skip
