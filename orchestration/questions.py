"""What the command line answers: a SELECT, the funnel, what another bound would do, why a clip was kept or dropped.

Each answer is a list of rows; printing is report.py's. Nothing is written.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import duckdb
import pyarrow as pa

from assets.curation import Curation
from assets.tiers.funnel import FunnelRow, funnel, judge_in_memory, stored_funnel_tiers
from assets.tiers.rules import Preset, with_bound
from assets.tiers.sql import decisions_sql, literal
from assets.views import connect, lock_down

Rows = list[dict[str, Any]]


class QuestionError(ValueError):
    """The question cannot be answered; the message says what came and what is allowed."""


def open_views(curation: Curation) -> duckdb.DuckDBPyConnection:
    """Views of the root, read-only: files outside it, the network and settings are out of reach."""
    connection = connect(curation.store, curation.preset.name)
    lock_down(connection, curation.store)
    return connection


def select(curation: Curation, query: str) -> pa.Table:
    """The result of one SELECT over the views. Raises QuestionError."""
    with open_views(curation) as connection:
        try:
            statements = connection.extract_statements(query)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                kinds = ", ".join(str(s.type).rsplit(".", 1)[-1] for s in statements) or "nothing"
                raise QuestionError(f"one SELECT is answered; this is {kinds}")
            return connection.sql(query).to_arrow_table()
        except duckdb.Error as error:
            raise QuestionError(str(error)) from error


def show_funnel(curation: Curation, by: str | None) -> Rows:
    """Clips and hours that each rule took. Of the stored verdicts when they are of this preset, else judged now."""
    preset = curation.preset
    with open_views(curation) as connection:
        tiers = stored_funnel_tiers(curation.store, preset.name, [t.name for t in preset.tiers])
        judged = {name: [b.identity() for b in bounds] for name, _, bounds, _ in tiers}
        if any(judged.get(t.name) != [b.identity() for b in t.bounds] for t in preset.tiers):
            tiers = judge_in_memory(connection, preset, curation.vocabulary)
        return _funnel_rows(connection, preset, tiers, _column(connection, by))


def _column(connection: duckdb.DuckDBPyConnection, by: str | None) -> str | None:
    """A column to split by, checked against the views, so that no SQL comes in by this way."""
    if by is None:
        return None
    views = ("clips", "raw_videos", "sources", "filter_scores")
    known = {c for view in views for c in connection.sql(f"SELECT * FROM {view} LIMIT 0").columns}
    if by not in known:
        raise QuestionError(f"no column {by!r}; choose one of {', '.join(sorted(known))}")
    return f'"{by}"'


def _funnel_rows(connection: duckdb.DuckDBPyConnection, preset: Preset, tiers: Any, by: str | None) -> Rows:
    """Each tier's lines; its inactive rules stand before what it kept."""
    rows = [asdict(r) for r in funnel(connection, tiers, by)]
    listed: Rows = []
    for row in rows:
        if row["rule"] == "kept":
            inactive = preset.tier(row["tier"]).inactive
            listed += [_inactive(row["tier"], b.name, b.source, row["group"]) for b in inactive]
        listed.append(row)
    return listed


def _inactive(tier: str, rule: str, source: str, group: str | None) -> dict[str, Any]:
    return asdict(FunnelRow(tier, rule, "inactive", source, 0, 0.0, group=group))


def whatif(curation: Curation, changes: list[str]) -> Rows:
    """Counts of every tier now and with other bounds, e.g. `motion_mean.min=2` or `tier_2.sharpness.min=50`."""
    changed = curation.preset
    for change in changes:
        changed = _apply(changed, change)
    with open_views(curation) as connection:
        before = _kept(connection, judge_in_memory(connection, curation.preset, curation.vocabulary, "before"))
        after = _kept(connection, judge_in_memory(connection, changed, curation.vocabulary, "after"))
    return [
        {"tier": tier, "clips_now": before[tier][0], "clips_then": after[tier][0],
         "clips_change": after[tier][0] - before[tier][0], "hours_now": before[tier][1], "hours_then": after[tier][1]}
        for tier in before
    ]  # fmt: skip


def _apply(preset: Preset, change: str) -> Preset:
    left, _, value = change.partition("=")
    parts = left.strip().split(".")
    tier = parts.pop(0) if len(parts) == 3 else None
    rules = sorted({b.name for t in preset.tiers for b in t.bounds if b.kind in ("min", "max", "keep_top", "share")})
    try:
        number = float(value)
    except ValueError as error:
        raise QuestionError(f"{change!r}: write [TIER.]COLUMN.min=NUMBER (or max, keep_top, share)") from error
    if not math.isfinite(number) or (parts[-1] in ("keep_top", "share") and not 0 < number <= 1):
        raise QuestionError(f"{change!r}: a bound is a finite number; keep_top and share are above 0 and up to 1")
    changed, tiers = with_bound(preset, tier, ".".join(parts), number)
    if not tiers:
        where = f"{tier} of preset {preset.name}" if tier else f"preset {preset.name}"
        raise QuestionError(f"{change!r}: {where} has no rule {'.'.join(parts)}; it has {', '.join(rules)}")
    return changed


def _kept(connection: duckdb.DuckDBPyConnection, tiers: Any) -> dict[str, tuple[int, float]]:
    kept = {}
    for name, relation, _, _ in tiers:
        rows = f"{relation} JOIN clips USING (clip_id)"
        query = f"SELECT count(*), coalesce(sum(duration_s), 0) / 3600 FROM {rows} WHERE kept"
        clips, hours = connection.execute(query).fetchall()[0]
        kept[name] = (clips, round(hours, 4))
    return kept


def why(curation: Curation, clip_id: str) -> tuple[dict[str, Any], Rows]:
    """The clip, and every rule of every tier with its value and verdict. A prefix of the id is enough.

    Raises QuestionError when no clip, or more than one, has the prefix.
    """
    if not clip_id or not all(c in "0123456789abcdef" for c in clip_id):
        raise QuestionError(f"{clip_id!r} is not a clip id: 32 hex digits, or the first few of them")
    with open_views(curation) as connection:
        clips = (
            connection.sql(
                "SELECT c.*, v.uri FROM clips c LEFT JOIN raw_videos v USING (video_id) "
                "WHERE starts_with(clip_id, ?) LIMIT 5",
                params=[clip_id],
            )
            .to_arrow_table()
            .to_pylist()
        )
        if len(clips) != 1:
            found = "no clip has" if not clips else "several clips have"
            raise QuestionError(
                f'{found} an id that starts with {clip_id!r}; `clipsieve sql "SELECT clip_id FROM clips"` lists them'
            )
        return clips[0], _verdicts(connection, curation, clips[0]["clip_id"])


def _verdicts(connection: duckdb.DuckDBPyConnection, curation: Curation, clip_id: str) -> Rows:
    rows: Rows = []
    for name, relation, bounds, hold in judge_in_memory(connection, curation.preset, curation.vocabulary):
        reached = connection.execute(f"SELECT kept FROM {relation} WHERE clip_id = ?", [clip_id]).fetchall()
        if not reached:
            rows.append({"tier": name, "rule": "", "value": None, "bound": None, "verdict": "not reached"})
            continue
        decisions = decisions_sql(relation, bounds, hold, curation.vocabulary)
        query = f"SELECT rule, value, bound, verdict FROM ({decisions}) WHERE clip_id = {literal(clip_id)}"
        rows += [{"tier": name} | row for row in connection.sql(query).to_arrow_table().to_pylist()]
        rows.append(
            {
                "tier": name,
                "rule": "",
                "value": None,
                "bound": None,
                "verdict": "kept" if reached[0][0] else "rejected",
            }
        )
    return rows


def not_ok(curation: Curation) -> Rows:
    """Every video whose status is not ok, with its address and the sentence."""
    query = "SELECT uri, uri_count, status, error FROM raw_videos WHERE status <> 'ok' ORDER BY status, uri"
    with open_views(curation) as connection:
        return list(connection.sql(query).to_arrow_table().to_pylist())


def totals(curation: Curation) -> dict[str, Any]:
    """Counts that add up, from files to tiers."""
    with open_views(curation) as connection:
        row = (
            connection.sql(
                "SELECT (SELECT count(*) FROM sources WHERE gone_at IS NULL) AS files, "
                "(SELECT count(*) FROM raw_videos) AS videos, "
                "(SELECT sum(duration_s) FROM raw_videos) / 3600 AS hours, "
                "(SELECT count(*) FROM clips) AS clips, (SELECT sum(duration_s) FROM clips) / 3600 AS clip_hours"
            )
            .to_arrow_table()
            .to_pylist()[0]
        )
        return dict(row)


def emptied(curation: Curation) -> Rows:
    """For the first tier that kept nothing: the rule that took the last clips, and a bound that keeps half of them."""
    rows = show_funnel(curation, None)
    kept = {r["tier"]: r["clips"] for r in rows if r["rule"] == "kept"}
    first = next((tier for tier, count in kept.items() if count == 0), None)
    took = [r for r in rows if r["tier"] == first and r["taken"]]
    if first is None or not took:
        return []
    last = took[-1]
    kind = last["rule"].rpartition(".")[2]
    advice: dict[str, Any] = {"tier": first, "rule": last["rule"], "bound": last["bound"], "taken": last["taken"]}
    median = _median_of_taken(curation, first, last["rule"]) if kind in ("min", "max") else None
    if median is not None:
        advice["try"] = f"{first}.{last['rule']}={median:.4g}"
    return [advice]


def _median_of_taken(curation: Curation, tier: str, rule: str) -> float | None:
    """None when the rule took only clips that have no value."""
    index = [b.name for b in curation.preset.tier(tier).bounds].index(rule)
    with open_views(curation) as connection:
        relations = {
            name: relation
            for name, relation, _, _ in judge_in_memory(connection, curation.preset, curation.vocabulary)
        }
        decisions = decisions_sql(relations[tier], curation.preset.tier(tier).bounds, 0, curation.vocabulary)
        first = f"(fail_mask & {1 << index}::UBIGINT) != 0 AND (fail_mask & {(1 << index) - 1}::UBIGINT) = 0"
        query = (
            f"SELECT median(TRY_CAST(value AS DOUBLE)) FROM ({decisions}) "
            f"WHERE rule = {literal(rule)} AND clip_id IN (SELECT clip_id FROM {relations[tier]} WHERE {first})"
        )
        median: float | None = connection.execute(query).fetchall()[0][0]
        return median
