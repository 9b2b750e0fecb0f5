"""Rules that look at more than one clip: the best share, a quota by value, a sample by hash.

Choice by hash and seed is stable: the same clip has the same number on every machine, and a larger share contains
the smaller one.
"""

from __future__ import annotations

from .literals import literal, quoted
from .rules import Bound

WINDOWED = ("keep_top", "quota")


def hash_unit(seed: int) -> str:
    """SQL: a number in [0, 1) from clip_id and the seed."""
    return f"(md5_number_lower(clip_id || ':{int(seed)}') / 18446744073709551616.0)"


def windowed_fail(bound: Bound, bit: int, passed: str, relation: str) -> str:
    """SQL that sets `bit` of fail_mask for the candidates (those with `passed`) that the bound rejects."""
    sql = _keep_top(bound, passed, relation) if bound.kind == "keep_top" else _quota(bound, passed, relation)
    return (
        f"SELECT * EXCLUDE (rejected) REPLACE (fail_mask | CASE WHEN rejected THEN {bit}::UBIGINT "
        f"ELSE 0::UBIGINT END AS fail_mask) FROM ({sql})"
    )


def _keep_top(bound: Bound, passed: str, relation: str) -> str:
    """The share with the highest values stays; a value of NULL is unmeasured, not last."""
    column = quoted(bound.column)
    asked = f"({passed} AND {column} IS NOT NULL)"
    assert isinstance(bound.value, float)
    return (
        f"SELECT *, {asked} AND row_number() OVER (PARTITION BY {asked} ORDER BY {column} DESC, clip_id) > "
        f"ceil(count(*) OVER (PARTITION BY {asked}) * {bound.value!r} - 1e-9) AS rejected FROM {relation}"
    )


def _quota(bound: Bound, passed: str, relation: str) -> str:
    """The largest subset with the asked shares; values that no candidate has give their share to the others.

    Values that the quota does not name stay. At least one clip of each present value stays.
    """
    assert isinstance(bound.value, dict)
    column = quoted(bound.column)
    share = (
        "CASE " + " ".join(f"WHEN {column} = {literal(k)} THEN {float(v)!r}" for k, v in bound.value.items()) + " END"
    )
    ranked = (
        f"SELECT *, {share} AS share_, ({passed} AND {share} IS NOT NULL) AS asked_, "
        f"row_number() OVER (PARTITION BY {passed}, {column} ORDER BY {hash_unit(bound.seed)}, clip_id) AS rank_, "
        f"count(*) OVER (PARTITION BY {passed}, {column}) AS count_ FROM {relation}"
    )
    size = "min(CASE WHEN asked_ THEN count_ / share_ END) OVER ()"
    most = f"greatest(1, floor({size} * share_ + 1e-9))"
    return f"SELECT * EXCLUDE (share_, asked_, rank_, count_), asked_ AND rank_ > {most} AS rejected FROM ({ranked})"
