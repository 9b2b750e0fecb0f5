"""What each rule took: clips and hours, from verdict masks, so that the counts add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import duckdb

from .bounds import Bound, Preset
from .judge import bounds_of, folder, hold_mask_of, tier_rows
from .literals import quoted
from .sql import LENGTH_US, judge_all_sql
from .tally import US_AN_HOUR, Tally, counted_by, tallies
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


class TierMasks(NamedTuple):
    """A judged tier: a relation of its candidates with their masks, and the rules that the bits stand for.

    The relation has length_us beside the masks, unless it is a stored one.
    """

    name: str
    relation: str
    bounds: tuple[Bound, ...]
    hold_mask: int


class StoredTier(TierMasks):
    """A tier as it was written; its stamp tells what each rule took. None = written by an older version."""

    tally: Tally | None = None


def funnel(
    connection: duckdb.DuckDBPyConnection, tiers: Sequence[TierMasks], by: str | None = None
) -> list[FunnelRow]:
    """Rows for judged tiers, as stored_funnel_tiers() or judge_in_memory() list them; grouped by a column when `by`
    is set.
    """
    rows: list[FunnelRow] = []
    for tier in tiers:
        for group, tally in _tallies(connection, tier, by):
            rows += _rows(tier.name, tier.bounds, group, tally)
    return rows


def _tallies(connection: duckdb.DuckDBPyConnection, tier: TierMasks, by: str | None) -> list[tuple[str | None, Tally]]:
    if by is None and isinstance(tier, StoredTier) and tier.tally is not None:
        return [(None, tier.tally)]
    relation = tier.relation
    if by is not None or isinstance(tier, StoredTier):
        name, length = LENGTH_US
        joined = f"{relation} JOIN clips c USING (clip_id){_group_join(by)}"
        relation = f"(SELECT fail_mask, unmeasured_mask, {length} AS {name}, {by or 'NULL'} AS by_ FROM {joined})"
    counts = counted_by(connection, relation, by and "by_")
    return tallies(counts, tier.bounds, tier.hold_mask)


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


def _rows(tier: str, bounds: tuple[Bound, ...], group: str | None, tally: Tally) -> list[FunnelRow]:
    rows = [FunnelRow(tier, "input", "", "", tally.clips, _hours(tally.length_us), group=group)]
    left, left_us = tally.clips, tally.length_us
    for bound, rule in zip(bounds, tally.rules, strict=True):
        left, left_us = left - rule.taken, left_us - rule.taken_us
        taken = (rule.taken, _hours(rule.taken_us), rule.failed, rule.unmeasured, group)
        rows.append(FunnelRow(tier, bound.name, bound_text(bound), bound.source, left, _hours(left_us), *taken))
    return [*rows, FunnelRow(tier, "kept", "", "", tally.kept, _hours(tally.kept_us), group=group)]


def _hours(us: int) -> float:
    return round(us / US_AN_HOUR, 6)


def stored_funnel_tiers(store: Any, preset: str, tiers: list[str]) -> list[TierMasks]:
    """The stored tiers of a preset in the form that funnel() takes."""
    listed: list[TierMasks] = []
    for name in tiers:
        stamp = store.stamp(folder(preset), name)
        if stamp is not None:
            tier = StoredTier(name, tier_rows(store, preset, name), tuple(bounds_of(stamp)), hold_mask_of(stamp))
            tier.tally = Tally.of(stamp.extra["tally"]) if "tally" in stamp.extra else None
            listed.append(tier)
    return listed


def judge_in_memory(
    connection: duckdb.DuckDBPyConnection, preset: Preset, vocabulary: Vocabulary, prefix: str = "trial"
) -> list[TierMasks]:
    """Judge all tiers in one pass into a temporary table, nothing stored; in the form that funnel() takes."""
    table = quoted(f"{prefix}_judged")
    judged = judge_all_sql(preset.tiers, vocabulary, [LENGTH_US])
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {judged}")
    listed = []
    for number, tier in enumerate(preset.tiers, 1):
        relation = quoted(f"{prefix}_{tier.name}")
        masks = f"fail_{number} AS fail_mask, unmeasured_{number} AS unmeasured_mask, kept_{number} AS kept"
        reached = f" WHERE kept_{number - 1}" if number > 1 else ""
        connection.execute(
            f"CREATE OR REPLACE TEMP VIEW {relation} AS SELECT clip_id, length_us, {masks} FROM {table}{reached}"
        )
        listed.append(TierMasks(tier.name, relation, tier.bounds, tier.hold_mask))
    return listed
