"""What each rule took: clips and hours, from verdict masks, so that the counts add up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from .bounds import Bound, Preset
from .judge import bounds_of, folder, hold_mask_of
from .literals import literal, quoted
from .sql import judge_sql
from .vocabulary import Vocabulary
from .words import bound_text


@dataclass(frozen=True)
class FunnelRow:
    """One line: the tier's input, one of its rules, or what it kept.

    `taken` counts the clips that this rule is the first to keep out: taken over all rules plus kept = input.
    `failed` counts all that it would reject by itself. `unmeasured` had no value.
    """

    tier: str
    rule: str
    bound: str
    source: str
    clips: int
    hours: float
    taken: int | None = None
    taken_hours: float | None = None
    failed: int | None = None
    unmeasured: int | None = None
    group: str | None = None


def funnel(
    connection: duckdb.DuckDBPyConnection,
    tiers: list[tuple[str, str, tuple[Bound, ...], int]],
    by: str | None = None,
) -> list[FunnelRow]:
    """Rows for tiers given as (name, relation with masks, bounds, hold_mask); grouped by a column when `by` is set."""
    rows: list[FunnelRow] = []
    for name, relation, bounds, hold_mask in tiers:
        for group, counts in _counts(connection, relation, bounds, hold_mask, by):
            rows += _rows(name, bounds, group, counts)
    return rows


def _counts(
    connection: duckdb.DuckDBPyConnection, relation: str, bounds: tuple[Bound, ...], hold_mask: int, by: str | None
) -> list[tuple[str | None, list[Any]]]:
    group = f"CAST({by} AS VARCHAR)" if by else "NULL::VARCHAR"
    sums = ["count(*)", "sum(duration_s)", "count(*) FILTER (kept)", "sum(duration_s) FILTER (kept)"]
    for i in range(len(bounds)):
        bit, below = f"{1 << i}::UBIGINT", f"{(1 << i) - 1}::UBIGINT"
        first = f"(blockers & {bit}) != 0 AND (blockers & {below}) = 0"
        sums += [
            f"count(*) FILTER ({first})",
            f"sum(duration_s) FILTER ({first})",
            f"count(*) FILTER ((fail_mask & {bit}) != 0)",
            f"count(*) FILTER ((unmeasured_mask & {bit}) != 0)",
        ]
    query = (
        f"SELECT {group} AS grouped, {', '.join(sums)} FROM (SELECT *, fail_mask | (unmeasured_mask & "
        f"{hold_mask}::UBIGINT) AS blockers FROM {relation} JOIN clips USING (clip_id)"
        f"{_group_join(by)}){' GROUP BY grouped ORDER BY grouped' if by else ''}"
    )
    rows = connection.execute(query).fetchall() or [(None, *[0] * len(sums))]
    return [(row[0], list(row[1:])) for row in rows]


def _group_join(by: str | None) -> str:
    """All that is not of `clips` is joined only when a funnel is split, since the column may be theirs."""
    if by is None:
        return ""
    return (
        " LEFT JOIN (SELECT * EXCLUDE (shard, width, height, fps, duration_s) FROM raw_videos) USING (video_id)"
        " LEFT JOIN (SELECT * EXCLUDE (shard, video_id) FROM sources WHERE gone_at IS NULL) USING (uri)"
        " LEFT JOIN filter_scores USING (clip_id) LEFT JOIN duplicates USING (clip_id)"
        " LEFT JOIN concepts USING (clip_id) LEFT JOIN (SELECT * EXCLUDE (error) FROM captions) USING (clip_id)"
    )


def _rows(tier: str, bounds: tuple[Bound, ...], group: str | None, counts: list[Any]) -> list[FunnelRow]:
    total, seconds, kept, kept_seconds = counts[:4]
    rows = [FunnelRow(tier, "input", "", "", total, _hours(seconds), group=group)]
    left, left_seconds = total, seconds or 0.0
    for i, bound in enumerate(bounds):
        taken, taken_seconds, failed, unmeasured = counts[4 + 4 * i : 8 + 4 * i]
        left, left_seconds = left - taken, left_seconds - (taken_seconds or 0.0)
        rows.append(
            FunnelRow(
                tier,
                bound.name,
                bound_text(bound),
                bound.source,
                left,
                _hours(left_seconds),
                taken,
                _hours(taken_seconds),
                failed,
                unmeasured,
                group,
            )
        )
    return [*rows, FunnelRow(tier, "kept", "", "", kept, _hours(kept_seconds), group=group)]


def _hours(seconds: float | None) -> float:
    return round((seconds or 0.0) / 3600, 6)


def stored_funnel_tiers(store: Any, preset: str, tiers: list[str]) -> list[tuple[str, str, tuple[Bound, ...], int]]:
    """The stored tiers of a preset in the form that funnel() takes."""
    listed = []
    for tier in tiers:
        stamp = store.stamp(folder(preset), tier)
        if stamp is not None:
            listed.append(
                (
                    tier,
                    f"read_parquet({literal(store.path(folder(preset), tier))})",
                    tuple(bounds_of(stamp)),
                    hold_mask_of(stamp),
                )
            )
    return listed


def judge_in_memory(
    connection: duckdb.DuckDBPyConnection, preset: Preset, vocabulary: Vocabulary, prefix: str = "trial"
) -> list[tuple[str, str, tuple[Bound, ...], int]]:
    """Judge all tiers into temporary tables, nothing stored; in the form that funnel() takes."""
    listed, previous = [], None
    for tier in preset.tiers:
        relation = quoted(f"{prefix}_{tier.name}")
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {relation} AS {judge_sql(tier, vocabulary, previous)}")
        listed.append((tier.name, relation, tier.bounds, tier.hold_mask))
        previous = relation
    return listed
