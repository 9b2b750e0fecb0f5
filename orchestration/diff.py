"""Who moves between two presets: what one keeps and the other does not, tier by tier, and the rules that tell them
apart.

Both are judged in memory over the same clips. Nothing is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from assets.curation import Curation
from assets.tiers.bounds import Preset
from assets.tiers.funnel import judge_in_memory
from assets.tiers.literals import literal

from .questions import Rows, open_views

TOP_RULES = 3
"""So many rules are named for each way of moving."""


@dataclass(frozen=True)
class _Side:
    """One of the two presets: `kept` by tier name, and `out`: where each clip was first kept out."""

    preset: Preset
    kept: dict[str, str]
    out: str


def diff(curation: Curation, a: Preset, b: Preset, clips: bool = False) -> Rows:
    """A row a tier that either preset has, or with `clips` a row for each clip that only one of them keeps there.

    Of a tier: clips and hours that only `a` keeps, only `b`, and both; `b_takes` are the rules of `b`, its earlier
    tiers included, that keep out what only `a` keeps, with their clips, at most three; `a_takes` the other way round.
    Of a clip: its tier, which preset keeps it (a or b), and the rule of the other that keeps it out.
    """
    with open_views(curation) as connection:
        sides = [_judged(connection, curation, preset, name) for preset, name in ((a, "a"), (b, "b"))]
        tiers = max((list(side.kept) for side in sides), key=len)
        if clips:
            return [row for tier in tiers for row in _moving_clips(connection, tier, *sides)]
        return [_moved(connection, tier, *sides) for tier in tiers]


def _judged(connection: duckdb.DuckDBPyConnection, curation: Curation, preset: Preset, name: str) -> _Side:
    tiers = judge_in_memory(connection, preset, curation.vocabulary, name)
    parts = [_first_rule(tier, relation, bounds, hold) for tier, relation, bounds, hold in tiers]
    out = f"{name}_out"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {out} AS {' UNION ALL '.join(parts)}")
    return _Side(preset, {tier: relation for tier, relation, _, _ in tiers}, out)


def _first_rule(tier: str, relation: str, bounds: tuple[Any, ...], hold_mask: int) -> str:
    """SQL: (clip_id, rule) of the clips that a tier keeps out, by the first of its rules that does."""
    blockers = f"(fail_mask | (unmeasured_mask & {hold_mask}::UBIGINT))"
    whens = " ".join(
        f"WHEN ({blockers} & {1 << i}::UBIGINT) != 0 THEN {literal(f'{tier}.{b.name}')}" for i, b in enumerate(bounds)
    )
    rule = f"CASE {whens} END" if whens else "NULL::VARCHAR"
    return f"SELECT clip_id, {rule} AS rule FROM {relation} WHERE NOT kept"


def _moved(connection: duckdb.DuckDBPyConnection, tier: str, a: _Side, b: _Side) -> dict[str, Any]:
    query = (
        "SELECT count(*) FILTER (a AND NOT b), count(*) FILTER (b AND NOT a), count(*) FILTER (a AND b), "
        "sum(duration_s) FILTER (a AND NOT b), sum(duration_s) FILTER (b AND NOT a), sum(duration_s) FILTER (a AND b) "
        f"FROM ({_both(tier, a, b)}) JOIN clips USING (clip_id)"
    )
    only_a, only_b, both, *seconds = connection.execute(query).fetchall()[0]
    hours_a, hours_b, hours = (round((s or 0.0) / 3600, 6) for s in seconds)
    return {
        "tier": tier,
        "only_a": only_a,
        "only_b": only_b,
        "both": both,
        "hours_only_a": hours_a,
        "hours_only_b": hours_b,
        "hours_both": hours,
        "b_takes": _takes(connection, tier, a, b),
        "a_takes": _takes(connection, tier, b, a),
    }


def _both(tier: str, a: _Side, b: _Side) -> str:
    """SQL: (clip_id, a, b) of the clips that either keeps in this tier."""
    return (
        f"SELECT clip_id, x.clip_id IS NOT NULL AS a, y.clip_id IS NOT NULL AS b FROM ({_keeps(tier, a)}) x "
        f"FULL JOIN ({_keeps(tier, b)}) y USING (clip_id)"
    )


def _keeps(tier: str, side: _Side) -> str:
    """SQL: clips that a preset keeps in a tier; none when it has no such tier."""
    relation = side.kept.get(tier)
    return f"SELECT clip_id FROM {relation} WHERE kept" if relation else "SELECT clip_id FROM clips WHERE false"


def _takes(connection: duckdb.DuckDBPyConnection, tier: str, keeper: _Side, taker: _Side) -> str:
    """The rules of `taker` that keep out what only `keeper` keeps, the strongest first: `tier_1.sharpness.min 12`."""
    if tier not in taker.kept:
        return f"{taker.preset.name} has no {tier}"
    query = (
        f"SELECT rule, count(*) AS clips FROM {taker.out} WHERE clip_id IN ({_keeps(tier, keeper)}) "
        f"AND clip_id NOT IN ({_keeps(tier, taker)}) GROUP BY rule ORDER BY clips DESC, rule"
    )
    rules = connection.execute(query).fetchall()
    listed = [f"{rule} {clips}" for rule, clips in rules[:TOP_RULES]]
    return ", ".join([*listed, *([f"{len(rules) - TOP_RULES} more"] if len(rules) > TOP_RULES else [])])


def _moving_clips(connection: duckdb.DuckDBPyConnection, tier: str, a: _Side, b: _Side) -> Rows:
    query = (
        f"SELECT {literal(tier)} AS tier, clip_id, CASE WHEN m.a THEN 'a' ELSE 'b' END AS kept_by, "
        f"CASE WHEN m.a THEN o.rule ELSE p.rule END AS kept_out_by FROM ({_both(tier, a, b)}) m "
        f"LEFT JOIN {b.out} o USING (clip_id) LEFT JOIN {a.out} p USING (clip_id) WHERE m.a != m.b "
        "ORDER BY kept_by, kept_out_by, clip_id"
    )
    return list(connection.sql(query).to_arrow_table().to_pylist())
