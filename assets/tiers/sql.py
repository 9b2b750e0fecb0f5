"""A tier as SQL: rules become bits, bits become verdicts.

Rules are judged in the order of the preset. A windowed rule (sampling.py) sees only the clips that passed all rules
before it, so that a rejected clip never fills a quota and never kills its group. Rules that look at nothing but a clip
and its scores are judged in one pass over `scored_clips`, for all tiers at once where nothing is stored: nothing is
joined or sorted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .bounds import Bound, Tier
from .literals import literal, quoted
from .sampling import WINDOWED, hash_unit, rejected_sql
from .vocabulary import LATER_VIEWS, SAMPLE, Vocabulary
from .words import bound_text
from .words import show as show

_ALIAS = {
    "clips": "c",
    "filter_scores": "c",
    "raw_videos": "v",
    "sources": "o",
    "duplicates": "d",
    "concepts": "k",
    "captions": "t",
}
HALF = 32
"""Bounds that share one number while they are judged: what fails in its lower bits, what has no value in its upper."""
LOWER = (1 << HALF) - 1
LENGTH_US = ("length_us", "CAST(round(c.duration_s * 1e6) AS BIGINT)")
"""The fact of a clip's duration as a whole number: its sum does not depend on the order of the clips."""
SHARD = ("shard", "c.shard")


def population_sql(
    columns: Sequence[str],
    vocabulary: Vocabulary,
    previous: str | None,
    facts: Sequence[str] = (),
    clips: str = "scored_clips",
) -> str:
    """One row per candidate clip with the columns asked for; only the views that hold them are joined.

    A clip is a candidate once it has its row of scores: one of a shard that is not complete is not judged yet.
    `previous` is a relation with the rows of the tier before (clip_id, kept); None = all clips. `facts` are columns of
    `clips c` that no rule reads.
    """
    columns = [c for c in dict.fromkeys(columns) if c != SAMPLE]
    used = {vocabulary.views[c] for c in columns}
    listed = ", ".join(["c.clip_id", *(f"{_ALIAS[vocabulary.views[c]]}.{quoted(c)}" for c in columns), *facts])
    source = f"{clips} c"
    if used & {"raw_videos", "sources"}:
        source += " LEFT JOIN raw_videos v ON v.video_id = c.video_id"
    if "sources" in used:
        source += " LEFT JOIN (SELECT * FROM sources WHERE gone_at IS NULL) o ON o.uri = v.uri"
    for view in (v for v in LATER_VIEWS if v in used):
        source += f" LEFT JOIN {view} {_ALIAS[view]} ON {_ALIAS[view]}.clip_id = c.clip_id"
    where = f" WHERE c.clip_id IN (SELECT clip_id FROM {previous} WHERE kept)" if previous else ""
    return f"SELECT {listed} FROM {source}{where}"


def judge_sql(
    tier: Tier,
    vocabulary: Vocabulary,
    previous: str | None,
    beside: str | None = None,
    facts: Sequence[tuple[str, str]] = (),
) -> str:
    """SELECT clip_id, fail_mask, unmeasured_mask, kept for every candidate of the tier, as `scored_clips` is ordered.

    `previous` is a relation with the rows of the tier before; `beside` one that says of each row of `_scored_clips`,
    in its order, whether it is a candidate (`reached`), which costs a tenth of a join and keeps that order, as no
    join does. `facts`: (name, SQL over `scored_clips c`) of further columns.
    """
    is_sorted = previous is None and is_plain(tier, vocabulary)
    clips = f"(SELECT * FROM _scored_clips POSITIONAL JOIN {beside} WHERE reached)" if beside else "scored_clips"
    steps = _steps([tier], vocabulary, previous, facts, clips, not is_sorted)
    shown = ["clip_id, fail_1 AS fail_mask, unmeasured_1 AS unmeasured_mask, kept_1 AS kept", *dict(facts)]
    return f"{steps} SELECT {', '.join(shown)} FROM judged_1{'' if is_sorted else ' ORDER BY row_'}"


def judge_all_sql(
    tiers: Sequence[Tier], vocabulary: Vocabulary, facts: Sequence[tuple[str, str]] = (), population: str | None = None
) -> str:
    """SELECT clip_id, the facts, and fail_N, unmeasured_N, kept_N of every tier N, for all clips, in no order.

    What a tier says of a clip that the one before rejects means nothing, but for kept_N, which is false. `population`
    names a relation that has clip_id, the facts and the columns of the rules already.
    """
    numbered = any(bound.kind in WINDOWED for tier in tiers for bound in tier.bounds)
    known = f"(SELECT *, row_number() OVER () AS row_ FROM {population})" if numbered else population
    steps = _steps(tiers, vocabulary, None, facts, "scored_clips", numbered, population and known)
    verdicts = [f"{name}_{n}" for n in range(1, len(tiers) + 1) for name in ("fail", "unmeasured", "kept")]
    return f"{steps} SELECT {', '.join(['clip_id', *dict(facts), *verdicts])} FROM judged_{len(tiers)}"


def is_plain(tier: Tier, vocabulary: Vocabulary) -> bool:
    """Whether each clip is judged by its own row of `scored_clips` alone."""
    views = {vocabulary.views[column] for bound in tier.bounds for column in bound.columns if column != SAMPLE}
    return views <= {"clips", "filter_scores"} and not any(bound.kind in WINDOWED for bound in tier.bounds)


def _steps(
    tiers: Sequence[Tier],
    vocabulary: Vocabulary,
    previous: str | None,
    facts: Sequence[tuple[str, str]],
    clips: str,
    numbered: bool,
    population: str | None = None,
) -> str:
    """WITH steps, each on the one before: judged_N has fail_N, unmeasured_N and kept_N of tier N and those before.

    Rules on a clip's own columns are judged first, of all tiers in one pass; then the windowed ones in their order,
    over the few columns that they read. `numbered` adds `row_`, the place in `clips`; windowed rules need it.
    """
    columns = [column for tier in tiers for bound in tier.bounds for column in bound.columns]
    windowed = [bound for tier in tiers for bound in tier.bounds if bound.kind in WINDOWED]
    carried = ["clip_id", *dict(facts), *(["row_"] if numbered else [])]
    carried += [quoted(c) for c in dict.fromkeys(c for bound in windowed for c in bound.columns)]
    if numbered:
        clips = f"(SELECT *, row_number() OVER () AS row_ FROM {clips})"
    listed = [f"{sql} AS {name}" for name, sql in facts] + (["row_"] if numbered else [])
    bits, masks = zip(*(_masks(tier, number) for number, tier in enumerate(tiers, 1)), strict=True)
    steps = {
        "population": f"FROM {population}"
        if population
        else population_sql(columns, vocabulary, previous, listed, clips),
        "bits": f"SELECT *, {', '.join(bits)} FROM population",
        "judged_0": f"SELECT {', '.join([*carried, *masks])} FROM bits",
    }
    read_twice = {name for number, tier in enumerate(tiers, 1) for name in _add_verdicts(steps, tier, number)}
    forms = {name: "MATERIALIZED " if name in read_twice else "" for name in steps}
    return "WITH " + ", ".join(f"{name} AS {forms[name]}({body})" for name, body in steps.items())


def _masks(tier: Tier, number: int) -> tuple[str, str]:
    """SQL of the tier's bits (see HALF), and of fail_N and unmeasured_N made of them. No windowed rule fails yet."""
    starts = range(0, max(len(tier.bounds), 1), HALF)
    bits = (f"{_bits(tier.bounds[i : i + HALF])} AS bits_{number}_{i}" for i in starts)
    fail = " | ".join(f"((bits_{number}_{i} & {LOWER}::UBIGINT) << {i})" for i in starts)
    unmeasured = " | ".join(f"((bits_{number}_{i} >> {HALF}) << {i})" for i in starts)
    return ", ".join(bits), f"{fail} AS fail_{number}, {unmeasured} AS unmeasured_{number}"


def _add_verdicts(steps: dict[str, str], tier: Tier, number: int) -> Iterator[str]:
    """The bits of fail_N that windowed rules set, one after the other, then kept_N. Yields the steps read twice."""
    last, reached = next(reversed(steps)), f"kept_{number - 1} AND " if number > 1 else ""
    for index, bound in enumerate(tier.bounds):
        if bound.kind in WINDOWED:
            passed = f"{reached}{_clear((1 << index) - 1, tier.hold_mask, f'_{number}')}"
            asked = f"(SELECT * FROM {last} WHERE {passed} AND {quoted(bound.column)} IS NOT NULL)"
            yield last
            bit = f"CASE WHEN row_ IN ({rejected_sql(bound, asked)}) THEN {1 << index}::UBIGINT ELSE 0::UBIGINT END"
            body = f"SELECT * REPLACE (fail_{number} | {bit} AS fail_{number}) FROM {last}"
            last = f"judged_{number}_{index}"
            steps[last] = body
    kept = f"{reached}{_clear((1 << 64) - 1, tier.hold_mask, f'_{number}')}"
    steps[f"judged_{number}"] = f"SELECT *, {kept} AS kept_{number} FROM {last}"


def _bits(bounds: Sequence[Bound]) -> str:
    """Bit i: bound i rejects the clip; bit HALF + i: it found no value. One CASE a column where that can be said."""
    by_column: dict[str, list[tuple[int, Bound]]] = {}
    for index, bound in enumerate(bounds):
        by_column.setdefault(bound.column, []).append((1 << index, bound))
    return " | ".join(case for listed in by_column.values() for case in _cases(listed)) or "0::UBIGINT"


def _cases(listed: Sequence[tuple[int, Bound]]) -> list[str]:
    """Of the bounds on one column: one CASE, since a value fails one of them at most; else a CASE each."""
    plain = [(bit, bound) for bit, bound in listed if bound.kind not in WINDOWED]
    parts = [plain] if _exclude_each_other([bound for _, bound in plain]) else [[pair] for pair in plain]
    without = sum(bit << HALF for bit, bound in listed if bound.column != SAMPLE)
    cases = []
    for number, part in enumerate(parts or [[]]):
        whens = [f"WHEN {fails(bound)} THEN {bit}::UBIGINT" for bit, bound in part]
        whens += (
            [f"WHEN {quoted(listed[0][1].column)} IS NULL THEN {without}::UBIGINT"] if without and not number else []
        )
        cases.append(f"(CASE {' '.join(whens)} ELSE 0::UBIGINT END)")
    return cases


def _exclude_each_other(bounds: Sequence[Bound]) -> bool:
    """Whether no value can be rejected by two of the bounds."""
    if len(bounds) < 2:
        return True
    values = {bound.kind: bound.value for bound in bounds}
    return len(bounds) == 2 and values.keys() == {"min", "max"} and values["min"] <= values["max"]  # type: ignore[operator]


def _clear(below: int, hold_mask: int, suffix: str = "_mask") -> str:
    """Condition: none of the bits in `below` keeps the clip out."""
    return f"(((fail{suffix} | (unmeasured{suffix} & {hold_mask}::UBIGINT)) & {below}::UBIGINT) = 0)"


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
