"""A tier as SQL: rules become bits, bits become verdicts.

Rules are judged in the order of the preset. A windowed rule (sampling.py) sees only the clips that passed all rules
before it, so that a rejected clip never fills a quota and never kills its group.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .bounds import Bound, Tier
from .literals import literal, quoted
from .sampling import WINDOWED, hash_unit, windowed_fail
from .vocabulary import LATER_VIEWS, SAMPLE, Vocabulary
from .words import bound_text
from .words import show as show

_ALIAS = {
    "clips": "c",
    "filter_scores": "s",
    "raw_videos": "v",
    "sources": "o",
    "duplicates": "d",
    "concepts": "k",
    "captions": "t",
}


def population_sql(columns: Sequence[str], vocabulary: Vocabulary, previous: str | None) -> str:
    """One row per candidate clip with the columns asked for; only the views that hold them are joined.

    A clip is a candidate once it has its row of scores: one of a shard that is not complete is not judged yet.
    `previous` is a relation with the rows of the tier before (clip_id, kept); None = all clips.
    """
    columns = [c for c in dict.fromkeys(columns) if c != SAMPLE]
    used = {vocabulary.views[c] for c in columns}
    source = "clips c JOIN filter_scores s ON s.clip_id = c.clip_id"
    listed = "".join(f", {_ALIAS[vocabulary.views[c]]}.{quoted(c)}" for c in columns)
    if used & {"raw_videos", "sources"}:
        source += " LEFT JOIN raw_videos v ON v.video_id = c.video_id"
    if "sources" in used:
        source += " LEFT JOIN (SELECT * FROM sources WHERE gone_at IS NULL) o ON o.uri = v.uri"
    for view in (v for v in LATER_VIEWS if v in used):
        source += f" LEFT JOIN {view} {_ALIAS[view]} ON {_ALIAS[view]}.clip_id = c.clip_id"
    where = f" WHERE c.clip_id IN (SELECT clip_id FROM {previous} WHERE kept)" if previous else ""
    return f"SELECT c.clip_id{listed} FROM {source}{where}"


def judge_sql(tier: Tier, vocabulary: Vocabulary, previous: str | None) -> str:
    """SELECT clip_id, fail_mask, unmeasured_mask, kept for every candidate of the tier, ordered by clip_id."""
    columns = [column for bound in tier.bounds for column in bound.columns]
    steps = [
        f"judged_0 AS (SELECT *, {_mask(tier.bounds, fails)} AS fail_mask, "
        f"{_mask(tier.bounds, unmeasured)} AS unmeasured_mask FROM "
        f"({population_sql(columns, vocabulary, previous)}))"
    ]
    for index, bound in enumerate(tier.bounds):
        if bound.kind in WINDOWED:
            passed = _clear((1 << index) - 1, tier.hold_mask)
            steps.append(
                f"judged_{len(steps)} AS ({windowed_fail(bound, 1 << index, passed, f'judged_{len(steps) - 1}')})"
            )
    kept = _clear((1 << 64) - 1, tier.hold_mask)
    return (
        f"WITH {', '.join(steps)} SELECT clip_id, fail_mask::UBIGINT AS fail_mask, "
        f"unmeasured_mask::UBIGINT AS unmeasured_mask, {kept} AS kept FROM judged_{len(steps) - 1} ORDER BY clip_id"
    )


def _clear(below: int, hold_mask: int) -> str:
    """Condition: none of the bits in `below` keeps the clip out."""
    return f"(((fail_mask | (unmeasured_mask & {hold_mask}::UBIGINT)) & {below}::UBIGINT) = 0)"


def _mask(bounds: Sequence[Bound], condition: Any) -> str:
    bits = [f"CASE WHEN {condition(b)} THEN {1 << i}::UBIGINT ELSE 0::UBIGINT END" for i, b in enumerate(bounds)]
    return " | ".join(f"({bit})" for bit in bits) if bits else "0::UBIGINT"


def fails(bound: Bound) -> str:
    """Condition under which a plain bound rejects a clip; windowed bounds reject later."""
    column = quoted(bound.column)
    if bound.kind == "min":
        return f"{column} < {literal(bound.value)}"
    if bound.kind == "max":
        return f"{column} > {literal(bound.value)}"
    if bound.kind == "in":
        return f"{column} NOT IN ({', '.join(literal(v) for v in bound.value)})"  # type: ignore[union-attr]
    if bound.kind == "share":
        return f"{hash_unit(bound.seed)} >= {literal(bound.value)}"
    return "false"


def unmeasured(bound: Bound) -> str:
    return "false" if bound.column == SAMPLE else f"{quoted(bound.column)} IS NULL"


def decisions_sql(judged: str, bounds: Sequence[Bound], hold_mask: int, vocabulary: Vocabulary) -> str:
    """Unpivot a tier's masks: one row per clip and bound that was judged, with the value and the bound as text.

    A windowed bound has a row only for clips that passed the rules before it: the others were not asked. A stored
    tier may hold a bound on a column that is no longer filled: it keeps its bit and has no rows.
    """
    known = [(i, b) for i, b in enumerate(bounds) if vocabulary.is_active(b.column)]
    if not known:
        return (
            "SELECT NULL::VARCHAR AS clip_id, NULL::VARCHAR AS rule, NULL::VARCHAR AS value, "
            "NULL::VARCHAR AS bound, NULL::VARCHAR AS verdict WHERE false"
        )
    columns = [b.column for _, b in known]
    structs = ", ".join(_decision(b, 1 << i, hold_mask) for i, b in known)
    rows = (
        f"SELECT p.*, m.fail_mask, m.unmeasured_mask FROM ({population_sql(columns, vocabulary, None)}) p "
        f"JOIN {judged} m ON m.clip_id = p.clip_id"
    )
    return (
        f"SELECT clip_id, d.rule, d.value, d.bound, d.verdict FROM (SELECT clip_id, unnest([{structs}]) AS d "
        f"FROM ({rows})) WHERE d.asked"
    )


def _decision(bound: Bound, bit: int, hold_mask: int) -> str:
    value = f"{hash_unit(bound.seed)}" if bound.column == SAMPLE else quoted(bound.column)
    asked = _clear(bit - 1, hold_mask) if bound.kind in WINDOWED else "true"
    return (
        f"{{'rule': {literal(bound.name)}, 'value': CAST({value} AS VARCHAR), 'bound': {literal(bound_text(bound))}, "
        f"'verdict': CASE WHEN (fail_mask & {bit}::UBIGINT) != 0 THEN 'fail' "
        f"WHEN (unmeasured_mask & {bit}::UBIGINT) != 0 THEN 'unmeasured' ELSE 'pass' END, 'asked': {asked}}}"
    )
