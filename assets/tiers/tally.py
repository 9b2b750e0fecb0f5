"""How many clips, and how much of them, each rule of a tier takes: counted from verdict masks.

Clips of the same masks are counted by SQL, a row for each pair of masks; which rule is the first to keep a clip out is
read from the bits of those few rows. Durations are whole microseconds, so that a sum does not depend on any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .bounds import Bound

Numbers = npt.NDArray[np.int64]
US_AN_HOUR = 3.6e9


@dataclass(frozen=True)
class RuleTally:
    """Clips and time that the rule is the first to keep out; clips that it rejects by itself, and that it found no
    value of.
    """

    taken: int
    taken_us: int
    failed: int
    unmeasured: int


@dataclass(frozen=True)
class Tally:
    """A tier's candidates and what it kept, in clips and time, and each of its rules."""

    clips: int
    length_us: int
    kept: int
    kept_us: int
    rules: tuple[RuleTally, ...]

    def told(self) -> dict[str, Any]:
        """As a stamp holds it."""
        return asdict(self)

    @classmethod
    def of(cls, told: dict[str, Any]) -> Tally:
        return cls(**told | {"rules": tuple(RuleTally(**rule) for rule in told["rules"])})


def counted(judged: pa.Table) -> pa.Table:
    """Clips and their time by masks (fail_mask, unmeasured_mask, clips, us), of verdicts that have length_us."""
    if "length_us" not in judged.column_names:
        judged = judged.append_column("length_us", pa.nulls(len(judged), pa.int64()))
    sums = judged.group_by(["fail_mask", "unmeasured_mask"]).aggregate([([], "count_all"), ("length_us", "sum")])
    return sums.rename_columns({"count_all": "clips", "length_us_sum": "us"})


def counted_by(connection: duckdb.DuckDBPyConnection, relation: str, by: str | None = None) -> pa.Table:
    """The same by SQL, of a relation; and `grouped`, the column `by` as text, in its order."""
    grouped = f"CAST({by} AS VARCHAR)" if by else "NULL::VARCHAR"
    query = (
        f"SELECT {grouped} AS grouped, fail_mask, unmeasured_mask, count(*) AS clips, "
        f"coalesce(sum(length_us), 0)::BIGINT AS us FROM {relation} GROUP BY ALL ORDER BY grouped"
    )
    return connection.sql(query).to_arrow_table()


def tallies(rows: pa.Table, bounds: Sequence[Bound], hold_mask: int) -> list[tuple[str | None, Tally]]:
    """A tally for each value of `grouped`, in the order of the rows; one of all where there is no such column."""
    names, of = _groups(rows)
    fail, unmeasured = (np.asarray(rows[name], np.uint64) for name in ("fail_mask", "unmeasured_mask"))
    clips, us = (np.asarray(rows[name].fill_null(0), np.int64) for name in ("clips", "us"))

    def summed(weights: Numbers, where: npt.NDArray[np.bool_] | None = None) -> list[int]:
        sums = np.zeros(len(names), np.int64)
        np.add.at(sums, of, weights if where is None else np.where(where, weights, 0))
        return [int(n) for n in sums]

    blockers = fail | (unmeasured & np.uint64(hold_mask))
    first = blockers & (~blockers + np.uint64(1))
    kept = blockers == 0
    rules = []
    for index in range(len(bounds)):
        bit = np.uint64(1 << index)
        is_first, fails, lacks = first == bit, (fail & bit) != 0, (unmeasured & bit) != 0
        columns = (summed(clips, is_first), summed(us, is_first), summed(clips, fails), summed(clips, lacks))
        rules.append([RuleTally(*numbers) for numbers in zip(*columns, strict=True)])
    totals = zip(summed(clips), summed(us), summed(clips, kept), summed(us, kept), strict=True)
    return [
        (name, Tally(*total, tuple(rule[i] for rule in rules)))
        for i, (name, total) in enumerate(zip(names, totals, strict=True))
    ]


def _groups(rows: pa.Table) -> tuple[list[str | None], Numbers]:
    """Values of `grouped`, and which of them each row has."""
    if "grouped" not in rows.column_names or not len(rows):
        return [None], np.zeros(len(rows), np.int64)
    coded = rows["grouped"].combine_chunks().dictionary_encode(null_encoding="encode")
    return coded.dictionary.to_pylist(), np.asarray(coded.indices, np.int64)
