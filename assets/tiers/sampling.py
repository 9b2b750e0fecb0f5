"""Rules that look at more than one clip: the best share, the best of a group, quotas and samples by hash.

Choice by hash and seed is stable: the same clip has the same number on every machine, and a larger share contains
the smaller one. All are window functions over the clips that passed the rules before, and over the columns they read.
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


def rejected_sql(bound: Bound, asked: str) -> str:
    """SELECT row_ of the clips that the bound rejects. `asked` is a relation of those that it is asked about, which
    have a value and passed the rules before: row_, clip_id, and the columns that the bound reads.
    """
    return _SQL[bound.kind](bound, asked)


def _keep_top(bound: Bound, asked: str) -> str:
    """The share with the highest values stays; a value of NULL is unmeasured, not last."""
    ranked = (
        f"SELECT row_, row_number() OVER (ORDER BY {quoted(bound.column)} DESC, clip_id) AS rank_, "
        f"count(*) OVER () AS count_ FROM {asked}"
    )
    return f"SELECT row_ FROM ({ranked}) WHERE rank_ > ceil(count_ * {literal(bound.value)} - {SLACK})"


def _quota(bound: Bound, asked: str) -> str:
    """The largest subset with the asked shares; values that no candidate has give their share to the others.

    Values that the quota does not name stay. At least one clip of each present value stays.
    """
    assert isinstance(bound.value, dict)
    column = quoted(bound.column)
    whens = " ".join(f"WHEN {column} = {literal(k)} THEN {literal(v)}" for k, v in bound.value.items())
    shares = f"SELECT row_, clip_id, {column} AS value_, CASE {whens} END AS share_ FROM {asked}"
    named = f"(SELECT * FROM ({shares}) WHERE share_ IS NOT NULL)"
    place = f"row_number() OVER (PARTITION BY value_ ORDER BY {hash_unit(bound.seed)}, clip_id)"
    ranked = f"SELECT row_, share_, {place} AS rank_ FROM {named}"
    counts = f"SELECT share_, count(*) AS count_ FROM {named} GROUP BY value_, share_"
    most = f"greatest(1, floor(size_ * share_ + {SLACK}))"
    return f"SELECT row_ FROM ({ranked}), (SELECT min(count_ / share_) AS size_ FROM ({counts})) WHERE rank_ > {most}"


def _two_digits(column: str) -> str:
    """SQL: the number rounded to two significant digits."""
    step = f"pow(10, floor(log10(abs({column}))) - 1)"
    return f"CASE WHEN {column} = 0 THEN 0 ELSE round({column} / {step}) * {step} END"


def _keep_best(bound: Bound, asked: str) -> str:
    """The best clip of each group stays: by the listed columns in their order, then by clip_id.

    Numbers that are the same to two digits count as equal, so that a third digit of the first column does not decide
    alone; where all columns are equal in this way the exact numbers do. A missing value is the last of its column. A
    clip without a group was not compared: it is unmeasured. Clips that a rule before rejected are not asked about, so
    that none of them takes its group with it. Most clips are alone in their group: only the others are sorted.
    """
    column = quoted(bound.column)
    ways = [(quoted(name), "ASC" if lower else "DESC") for name, lower in bound.order]
    order = [
        f"{value} {way} NULLS LAST" for form in (_two_digits, str) for value, way in ((form(c), w) for c, w in ways)
    ]
    several = f"SELECT {column} FROM {asked} GROUP BY {column} HAVING count(*) > 1"
    ranked = (
        f"SELECT row_, row_number() OVER (PARTITION BY {column} ORDER BY {', '.join([*order, 'clip_id'])}) AS rank_ "
        f"FROM {asked} WHERE {column} IN ({several})"
    )
    return f"SELECT row_ FROM ({ranked}) WHERE rank_ > 1"


def _sqrt_sample(bound: Bound, asked: str) -> str:
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
    part = "concept_, stratum_" if bound.preserved else "concept_"
    stratum = "stratum_" if bound.preserved else "0"
    named = (
        f"SELECT row_, clip_id, {quoted(bound.column)}::VARCHAR AS concept_, {_stratum(bound)} AS stratum_, "
        f"{hash_unit(bound.seed)} AS hash_ FROM {asked}"
    )
    ranked = (
        "SELECT *, row_number() OVER (PARTITION BY concept_ ORDER BY hash_, clip_id) AS first_, "
        "count(*) OVER (PARTITION BY concept_) AS size_, "
        f"row_number() OVER (PARTITION BY {part} ORDER BY hash_, clip_id) AS rank_, "
        f"count(*) OVER (PARTITION BY {part}) AS part_ FROM ({named})"
    )
    start = hash_unit(bound.seed, f"concept_ || '/' || {stratum}")
    enters = f"CASE WHEN first_ = 1 THEN -1 ELSE (rank_ - {start}) * sqrt(size_) / part_ END"
    placed = (
        f"SELECT row_, first_, row_number() OVER (PARTITION BY {stratum} ORDER BY enters_, hash_, clip_id) AS place_, "
        f"count(*) OVER (PARTITION BY {stratum}) AS all_ FROM (SELECT *, {enters} AS enters_ FROM ({ranked}))"
    )
    budget = f"floor(all_ * {literal(bound.value)} + 0.5 + {SLACK})"
    return f"SELECT row_ FROM ({placed}) WHERE first_ > 1 AND place_ > {budget}"


def _stratum(bound: Bound) -> str:
    """SQL: 1 = the preserved column is above 0, 0 = it is not, 2 = it has no value."""
    if not bound.preserved:
        return "0"
    column = quoted(bound.preserved)
    return f"CASE WHEN {column} > 0 THEN 1 WHEN {column} IS NULL THEN 2 ELSE 0 END"


_SQL: dict[str, Callable[[Bound, str], str]] = {
    "keep_top": _keep_top,
    "quota": _quota,
    "keep_best": _keep_best,
    "sqrt_sample": _sqrt_sample,
}
WINDOWED = tuple(_SQL)
"""Kinds whose verdict on a clip depends on the others."""
