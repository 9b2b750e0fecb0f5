"""Rules that look at more than one clip: the best share, the best of a group, quotas and samples by hash.

Choice by hash and seed is stable: the same clip has the same number on every machine, and a larger share contains
the smaller one. All are window functions over the clips that passed the rules before.
"""

from __future__ import annotations

from collections.abc import Callable

from .bounds import Bound
from .literals import literal, quoted

SLACK = "1e-9"
"""What rounding may take from a product of a share and a count of clips, before a whole clip is lost by it."""


def hash_unit(seed: int, key: str = "clip_id") -> str:
    """SQL: a number in [0, 1) from a text, which is clip_id unless another is named, and the seed."""
    return f"(md5_number_lower({key} || ':{int(seed)}') / 18446744073709551616.0)"


def windowed_fail(bound: Bound, bit: int, passed: str, relation: str) -> str:
    """SQL that sets `bit` of fail_mask for the candidates (those with `passed`) that the bound rejects."""
    return (
        f"SELECT * EXCLUDE (rejected) REPLACE (fail_mask | CASE WHEN rejected THEN {bit}::UBIGINT "
        f"ELSE 0::UBIGINT END AS fail_mask) FROM ({_SQL[bound.kind](bound, passed, relation)})"
    )


def _keep_top(bound: Bound, passed: str, relation: str) -> str:
    """The share with the highest values stays; a value of NULL is unmeasured, not last."""
    column = quoted(bound.column)
    asked = f"({passed} AND {column} IS NOT NULL)"
    return (
        f"SELECT *, {asked} AND row_number() OVER (PARTITION BY {asked} ORDER BY {column} DESC, clip_id) > "
        f"ceil(count(*) OVER (PARTITION BY {asked}) * {literal(bound.value)} - {SLACK}) AS rejected FROM {relation}"
    )


def _quota(bound: Bound, passed: str, relation: str) -> str:
    """The largest subset with the asked shares; values that no candidate has give their share to the others.

    Values that the quota does not name stay. At least one clip of each present value stays.
    """
    assert isinstance(bound.value, dict)
    column = quoted(bound.column)
    whens = " ".join(f"WHEN {column} = {literal(k)} THEN {literal(v)}" for k, v in bound.value.items())
    share = f"CASE {whens} END"
    ranked = (
        f"SELECT *, {share} AS share_, ({passed} AND {share} IS NOT NULL) AS asked_, "
        f"row_number() OVER (PARTITION BY {passed}, {column} ORDER BY {hash_unit(bound.seed)}, clip_id) AS rank_, "
        f"count(*) OVER (PARTITION BY {passed}, {column}) AS count_ FROM {relation}"
    )
    size = "min(CASE WHEN asked_ THEN count_ / share_ END) OVER ()"
    most = f"greatest(1, floor({size} * share_ + {SLACK}))"
    return f"SELECT * EXCLUDE (share_, asked_, rank_, count_), asked_ AND rank_ > {most} AS rejected FROM ({ranked})"


def _two_digits(column: str) -> str:
    """SQL: the number rounded to two significant digits."""
    step = f"pow(10, floor(log10(abs({column}))) - 1)"
    return f"CASE WHEN {column} = 0 THEN 0 ELSE round({column} / {step}) * {step} END"


def _keep_best(bound: Bound, passed: str, relation: str) -> str:
    """The best clip of each group stays: by the listed columns in their order, then by clip_id.

    Numbers that are the same to two digits count as equal, so that a third digit of the first column does not decide
    alone; where all columns are equal in this way the exact numbers do. A missing value is the last of its column. A
    clip without a group was not compared: it is unmeasured. Clips that
    a rule before rejected are no candidates, so that none of them takes its group with it.
    """
    asked = f"({passed} AND {quoted(bound.column)} IS NOT NULL)"
    ways = [(quoted(name), "ASC" if lower else "DESC") for name, lower in bound.order]
    order = [
        f"{value} {way} NULLS LAST" for form in (_two_digits, str) for value, way in ((form(c), w) for c, w in ways)
    ]
    return (
        f"SELECT *, {asked} AND row_number() OVER (PARTITION BY {asked}, {quoted(bound.column)} "
        f"ORDER BY {', '.join([*order, 'clip_id'])}) > 1 AS rejected FROM {relation}"
    )


def _sqrt_sample(bound: Bound, passed: str, relation: str) -> str:
    """About the asked share of all clips stays; of a concept of n clips a number in proportion to sqrt(n), up to n.

    The water-filling needs no solving. A concept keeps its first min(n, floor(t sqrt(n) + u)) clips in the order of
    their hashes, where u in [0, 1) is the concept's own hash, so that t sqrt(n) is the expected number. Its r-th clip
    is therefore in from t = (r - u) / sqrt(n) on. The clips with the smallest such t, as many as the budget has, are
    the sample for the t that fills it: its size is exact, what capped concepts leave goes to the others, and a larger
    share only adds clips.

    `preserve` gives the clips above 0, the others and those without a value a budget each, the same share of each
    rounded to whole clips. Inside a stratum a concept's part counts by the size of the whole concept. The first clip
    of a concept stays whatever the budget is: with more concepts than the share has room for, more is kept.
    """
    column = quoted(bound.column)
    asked = f"({passed} AND {column} IS NOT NULL)"
    parts = "asked_, concept_, stratum_" if bound.preserved else "asked_, concept_"
    stratum = "stratum_" if bound.preserved else "0"
    named = (
        f"SELECT *, {asked} AS asked_, CASE WHEN {asked} THEN {column}::VARCHAR END AS concept_, "
        f"{_stratum(bound)} AS stratum_, CASE WHEN {asked} THEN {hash_unit(bound.seed)} END AS hash_ FROM {relation}"
    )
    ranked = (
        "SELECT *, row_number() OVER (PARTITION BY asked_, concept_ ORDER BY hash_, clip_id) AS first_, "
        "count(*) OVER (PARTITION BY asked_, concept_) AS size_, "
        f"row_number() OVER (PARTITION BY {parts} ORDER BY hash_, clip_id) AS rank_, "
        f"count(*) OVER (PARTITION BY {parts}) AS part_ FROM ({named})"
    )
    start = hash_unit(bound.seed, f"concept_ || '/' || {stratum}")
    enters = f"CASE WHEN first_ = 1 THEN -1 ELSE (rank_ - {start}) * sqrt(size_) / part_ END"
    placed = (
        f"SELECT *, row_number() OVER (PARTITION BY asked_, {stratum} ORDER BY enters_, hash_, clip_id) AS place_, "
        f"count(*) OVER (PARTITION BY asked_, {stratum}) AS all_ FROM (SELECT *, {enters} AS enters_ FROM ({ranked}))"
    )
    budget = f"floor(all_ * {literal(bound.value)} + 0.5 + {SLACK})"
    own = "asked_, concept_, stratum_, hash_, first_, size_, rank_, part_, enters_, place_, all_"
    return f"SELECT * EXCLUDE ({own}), asked_ AND first_ > 1 AND place_ > {budget} AS rejected FROM ({placed})"


def _stratum(bound: Bound) -> str:
    """SQL: 1 = the preserved column is above 0, 0 = it is not, 2 = it has no value."""
    if not bound.preserved:
        return "0"
    column = quoted(bound.preserved)
    return f"CASE WHEN {column} > 0 THEN 1 WHEN {column} IS NULL THEN 2 ELSE 0 END"


_SQL: dict[str, Callable[[Bound, str, str], str]] = {
    "keep_top": _keep_top,
    "quota": _quota,
    "keep_best": _keep_best,
    "sqrt_sample": _sqrt_sample,
}
WINDOWED = tuple(_SQL)
"""Kinds whose verdict on a clip depends on the others."""
