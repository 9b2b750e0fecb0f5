"""Why a clip was kept or dropped: which clip is meant, how far each got, and every rule of one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import duckdb

from assets.curation import Curation
from assets.filter_scores.scorers import SCORERS
from assets.tiers.funnel import judge_in_memory
from assets.tiers.literals import literal, quoted
from assets.tiers.sql import decisions_sql, population_sql

from .questions import QuestionError, Rows, open_views
from .report import cell
from .tables import CLIP_ID

TierRelations = Any
NO_VALUE = "no value"


@dataclass(frozen=True)
class Reached:
    """The last tier that judged a clip, and the first rule that kept it out there; None when it was kept."""

    tier: str
    rule: str | None


@dataclass(frozen=True)
class Explanation:
    """One clip (its row of `clips` and the uri of its file), a sentence, and a row a rule."""

    clip: dict[str, Any]
    sentence: str
    rules: Rows


def why(curation: Curation, text: str) -> Explanation | Rows:
    """The rules of the one clip that `text` means, or a row a clip when it means several.

    `text` is a clip id, the first digits of one, or else a part of a file's address in any case.
    Raises QuestionError when it means no clip.
    """
    with open_views(curation) as connection:
        clips = _clips(connection, text)
        tiers = judge_in_memory(connection, curation.preset, curation.vocabulary)
        if len(clips) > 1:
            reached = _reached(connection, tiers, [clip["clip_id"] for clip in clips])
            return [_listed(clip, reached.get(clip["clip_id"])) for clip in clips]
        return explain(connection, curation, tiers, clips[0])


def explain(
    connection: duckdb.DuckDBPyConnection, curation: Curation, tiers: TierRelations, clip: dict[str, Any]
) -> Explanation:
    """Every rule of one clip (a row of `clips`), and in a sentence how far it got; `tiers` as funnel() takes them."""
    rules = _verdicts(connection, curation, tiers, clip["clip_id"])
    end = _reached(connection, tiers, [clip["clip_id"]]).get(clip["clip_id"])
    sentence = _sentence(end, rules)
    if better := _better(connection, curation, tiers, end, clip["clip_id"]):
        sentence += f"; {better} stays"
    if end is not None and end.rule is not None and sentence.endswith(NO_VALUE):
        sentence += _why_unmeasured(connection, clip["clip_id"], end.rule.rpartition(".")[0])
    return Explanation(clip, sentence, rules)


def _why_unmeasured(connection: duckdb.DuckDBPyConnection, clip_id: str, column: str) -> str:
    """What the column's scorer said, in brackets; empty when it said nothing or the column is no scorer's."""
    scorer = next((s.name for s in SCORERS if column in {c.name for c in s.columns}), "")
    query = "SELECT errors[?] FROM filter_scores WHERE clip_id = ?"
    told = connection.execute(query, [scorer, clip_id]).fetchall()
    return f" ({cell(told[0][0])})" if told and told[0][0] else ""


def _clips(connection: duckdb.DuckDBPyConnection, text: str) -> Rows:
    text = text.removeprefix("./")  # as a shell completes it
    if not text.strip():
        raise QuestionError("'' is neither a clip id, nor its first digits, nor a part of a file name")
    owner = "SELECT c.*, v.uri FROM clips c LEFT JOIN raw_videos v USING (video_id) WHERE starts_with(clip_id, ?)"
    found = _rows(connection, f"{owner} ORDER BY clip_id", text.lower())
    if found:
        return found
    files = "SELECT video_id, min(uri) AS uri FROM sources WHERE gone_at IS NULL AND contains(lower(uri), lower(?))"
    found = _rows(
        connection,
        f"SELECT c.*, f.uri FROM clips c JOIN ({files} GROUP BY video_id) f USING (video_id) ORDER BY uri, start_s",
        text,
    )
    if not found:
        raise QuestionError(_nothing_found(connection, text))
    return found


def _rows(connection: duckdb.DuckDBPyConnection, query: str, text: str) -> Rows:
    return list(connection.sql(query, params=[text]).to_arrow_table().to_pylist())


def _nothing_found(connection: duckdb.DuckDBPyConnection, text: str) -> str:
    query = (
        "SELECT s.uri, v.status, v.error, n.* EXCLUDE (video_id, status, error) FROM sources s "
        "LEFT JOIN raw_videos v USING (video_id) LEFT JOIN scans n USING (video_id) "
        "WHERE s.gone_at IS NULL AND contains(lower(s.uri), lower(?)) ORDER BY s.uri LIMIT 1"
    )
    for file in _rows(connection, query, text):
        status = cell(f"{file['status'] or 'not read yet'}{': ' + file['error'] if file['error'] else ''}")
        told = f"no clip is of a file with {text!r} in its name; {cell(file['uri'])} is there ({status})"
        if file["shots"] is None:
            return told
        return (
            f"{told}: of its {file['frames_decoded']} frames {file['transition_frames']} lie in fades or dissolves "
            f"and {file['short_shot_frames']} in shots that are shorter than a clip (CLIPSIEVE_SHOTS__MIN_SHOT_S)"
        )
    return (
        f"no clip has an id that starts with {text!r}, and no file has it in its name; "
        '`clipsieve sql "SELECT clip_id, uri FROM clips JOIN raw_videos USING (video_id)"` lists them'
    )


def _reached(connection: duckdb.DuckDBPyConnection, tiers: TierRelations, clip_ids: list[str]) -> dict[str, Reached]:
    """How far each of the clips got; one that has no scores yet is absent."""
    reached: dict[str, Reached] = {}
    for name, relation, bounds, hold_mask in tiers:
        blocking = f"fail_mask | (unmeasured_mask & {hold_mask}::UBIGINT)"
        query = f"SELECT clip_id, kept, {blocking} FROM {relation} WHERE clip_id IN (SELECT unnest(?))"
        for clip_id, kept, blockers in connection.execute(query, [clip_ids]).fetchall():
            first = (blockers & -blockers).bit_length() - 1
            reached[clip_id] = Reached(name, None if kept else bounds[first].name)
    return reached


def _listed(clip: dict[str, Any], reached: Reached | None) -> dict[str, Any]:
    return {
        "clip_id": clip["clip_id"],
        "file": os.path.basename(clip["uri"] or ""),
        "start_s": clip["start_s"],
        "end_s": clip["end_s"],
        "tier": reached.tier if reached else "not scored yet",
        "kept_out_by": reached.rule if reached else None,
    }


def _sentence(reached: Reached | None, rules: Rows) -> str:
    if reached is None:
        return "not scored yet"
    if reached.rule is None:
        return f"kept in {reached.tier}"
    row = next(r for r in rules if (r["tier"], r["rule"]) == (reached.tier, reached.rule))
    return f"rejected in {reached.tier} by {reached.rule}: {_against(reached.rule, row)}"


def _against(rule: str, row: dict[str, Any]) -> str:
    """A value and its bound; where the other clips decided, what was chosen among them."""
    column, _, kind = rule.rpartition(".")
    if row["value"] is None:
        return NO_VALUE
    if kind == "keep_best":
        return f"not the best of its group by {row['bound']}"
    if kind == "sqrt_sample":
        return f"not drawn of {column} {row['value']}, which the sample of {row['bound']} thins out"
    return f"{short_value(row['value'])} against {row['bound']}"


def _better(
    connection: duckdb.DuckDBPyConnection,
    curation: Curation,
    tiers: TierRelations,
    reached: Reached | None,
    clip_id: str,
) -> str | None:
    """The clip that stayed of the group of one that keep_best rejected; None when another rule did."""
    if reached is None or reached.rule is None or not reached.rule.endswith(".keep_best"):
        return None
    relation, bounds, hold = next(t[1:] for t in tiers if t[0] == reached.tier)
    index = [b.name for b in bounds].index(reached.rule)
    column = bounds[index].column
    groups = population_sql([column], curation.vocabulary, None)
    blockers = f"((fail_mask | (unmeasured_mask & {hold}::UBIGINT)) & {(2 << index) - 1}::UBIGINT)"
    query = (
        f"WITH g AS ({groups}) SELECT clip_id FROM {relation} JOIN g USING (clip_id) WHERE {blockers} = 0 "
        f"AND {quoted(column)} = (SELECT {quoted(column)} FROM g WHERE clip_id = {literal(clip_id)}) LIMIT 1"
    )
    found = connection.execute(query).fetchall()
    return str(found[0][0]) if found else None


def short_value(value: str | None) -> str | None:
    """A value as `decisions` spells it, to four digits when it is a number with a point; of an id its first digits."""
    if value is not None and CLIP_ID.fullmatch(value):
        return value[:8]
    if value is None or not any(c in value for c in ".e"):
        return value
    try:
        return cell(float(value))
    except ValueError:
        return value


def _verdicts(connection: duckdb.DuckDBPyConnection, curation: Curation, tiers: TierRelations, clip_id: str) -> Rows:
    """A row a rule, and after those of a tier its verdict on the clip."""
    rows: Rows = []
    end = {"rule": "", "value": None, "bound": None}
    for name, relation, bounds, hold in tiers:
        reached = connection.execute(f"SELECT kept FROM {relation} WHERE clip_id = ?", [clip_id]).fetchall()
        if not reached:
            rows.append({"tier": name} | end | {"verdict": "not reached"})
            continue
        decisions = decisions_sql(relation, bounds, hold, curation.vocabulary)
        query = f"SELECT rule, value, bound, verdict FROM ({decisions}) WHERE clip_id = {literal(clip_id)}"
        rows += [{"tier": name} | row for row in connection.sql(query).to_arrow_table().to_pylist()]
        rows.append({"tier": name} | end | {"verdict": "kept" if reached[0][0] else "rejected"})
    return rows
