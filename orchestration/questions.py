"""What the command line answers: a SELECT, the funnel, what another bound would do. Why a clip was dropped: why.py.

Each answer is a list of rows; printing is report.py's. Nothing is written.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict
from typing import Any, TypeVar

import duckdb
import numpy as np
import pyarrow as pa

from assets.curation import Curation
from assets.tiers.bounds import KINDS, MOVABLE, SHARES
from assets.tiers.funnel import FunnelRow, funnel, judge_in_memory, stored_funnel_tiers
from assets.tiers.judge import expected_stamp, folder
from assets.tiers.literals import literal
from assets.tiers.rules import Preset, with_bound
from assets.tiers.words import show
from assets.views import connect, lock_down

Rows = list[dict[str, Any]]
Answer = TypeVar("Answer")

SPILL_FOLDER = ".staging/spill"
"""Below a local root: where a query larger than memory is worked out. DuckDB makes it when needed, and empties it."""


class QuestionError(ValueError):
    """The question cannot be answered; the message says what came and what is allowed."""


def open_views(curation: Curation) -> duckdb.DuckDBPyConnection:
    """Views of the root, read-only: files outside it, the network and settings are out of reach."""
    connection = connect(curation.store, curation.preset.name)
    spill = f"{curation.store.root}/{SPILL_FOLDER}" if curation.store.is_local else ""
    connection.execute(f"SET temp_directory = {literal(spill)}")
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
            return _interruptibly(connection, lambda: connection.sql(query).to_arrow_table())
        except (duckdb.Error, pa.ArrowException, RuntimeError) as error:
            raise QuestionError(str(error)) from error


def _interruptibly(connection: duckdb.DuckDBPyConnection, ask: Callable[[], Answer]) -> Answer:
    """Ask in a thread: while DuckDB works, the thread that asks hears no Ctrl-C. It ends the query and is raised."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask)
        try:
            # Woken by a clock: the signal may reach one of DuckDB's threads, which does not end this one's wait.
            while not answer.done():
                wait([answer], timeout=0.1)
            return answer.result()
        except KeyboardInterrupt:
            while not answer.done():
                connection.interrupt()
                wait([answer], timeout=0.1)
            raise


def rows_of(table: pa.Table) -> list[tuple[Any, ...]]:
    """The rows of a result; a FLOAT is the shortest number that is the same in single precision."""
    columns = []
    for column in table.columns:
        values = column.to_pylist()
        if pa.types.is_float32(column.type):
            values = [None if v is None else float(str(np.float32(v))) for v in values]
        columns.append(values)
    return list(zip(*columns, strict=True))


def show_funnel(curation: Curation, by: str | None) -> Rows:
    """Clips and hours that each rule took: of the stored verdicts while they are up to date, else judged now."""
    preset = curation.preset
    with open_views(curation) as connection:
        if _is_judged(curation):
            tiers = stored_funnel_tiers(curation.store, preset.name, [t.name for t in preset.tiers])
        else:
            tiers = judge_in_memory(connection, preset, curation.vocabulary)
        return _funnel_rows(connection, preset, tiers, _column(connection, by))


def _is_judged(curation: Curation) -> bool:
    """Whether every stored tier is of these rules, scores and sources."""
    preset, lineage = curation.preset, curation.lineage()
    stored = [curation.store.stamp(folder(preset.name), tier.name) for tier in preset.tiers]
    if not all(stored):
        return False
    return all(
        stamp is not None and stamp.fingerprint == expected_stamp(lineage, preset, number).fingerprint
        for number, stamp in enumerate(stored, 1)
    )


def _column(connection: duckdb.DuckDBPyConnection, by: str | None) -> str | None:
    """A column to split by, checked against the views, so that no SQL comes in by this way."""
    if by is None:
        return None
    views = ("clips", "raw_videos", "sources", "filter_scores", "duplicates", "concepts", "captions")
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


def changed_preset(preset: Preset, changes: list[str]) -> Preset:
    """With other bounds, e.g. `motion_mean.min=2` or `tier_2.sharpness.min=50`. Raises QuestionError."""
    for change in changes:
        preset = _apply(preset, change)
    return preset


def moved_bounds(before: Preset, after: Preset) -> list[str]:
    """A sentence a rule: from what to what, tier by tier."""
    moved: dict[str, list[str]] = {}
    for tier, was in zip(after.tiers, before.tiers, strict=True):
        for b, old in zip(tier.bounds, was.bounds, strict=True):
            if b.value != old.value:
                moved.setdefault(b.name, []).append(f"{tier.name} {show(old.value)} to {show(b.value)}")
    return [f"{rule}: {', '.join(tiers)}" for rule, tiers in moved.items()]


def whatif(curation: Curation, changes: list[str]) -> Rows:
    """Counts of every tier now and with other bounds. Without a tier a bound is set in every one that has the rule."""
    changed = changed_preset(curation.preset, changes)
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
    rules = sorted({b.name for t in preset.tiers for b in t.bounds if b.kind in MOVABLE})
    try:
        number = float(value)
    except ValueError as error:
        others = ", ".join(kind for kind in MOVABLE if kind != "min")
        raise QuestionError(f"{change!r}: write [TIER.]COLUMN.min=NUMBER (or {others})") from error
    if kinds := _kinds_of(left.strip(), rules):
        spelled = " or ".join(f".{kind}={value.strip()}" for kind in kinds)
        raise QuestionError(f"{change!r}: write {left.strip()}{spelled}")
    if not math.isfinite(number) or (parts[-1] in SHARES and not 0 < number <= 1):
        raise QuestionError(f"{change!r}: a bound is a finite number; {', '.join(SHARES)} are above 0 and up to 1")
    if tier and tier not in (names := [t.name for t in preset.tiers]):
        raise QuestionError(f"{change!r}: preset {preset.name} has no {tier}; it has {', '.join(names)}")
    changed, tiers = with_bound(preset, tier, ".".join(parts), number)
    if not tiers:
        where = f"{tier} of preset {preset.name}" if tier else f"preset {preset.name}"
        raise QuestionError(f"{change!r}: {where} has no rule {'.'.join(parts)}; it has {', '.join(rules)}")
    return changed


def _kinds_of(left: str, rules: list[str]) -> list[str]:
    """The bounds that a column, written without one, could mean: those that it has, min or max where it has none."""
    column = left.rpartition(".")[2]
    if not column or column in KINDS:
        return []
    kinds = {rule.rpartition(".")[2] for rule in rules if rule.rpartition(".")[0] == column} or {"min", "max"}
    return sorted((kind for kind in kinds if kind in MOVABLE), key=MOVABLE.index)


def _kept(connection: duckdb.DuckDBPyConnection, tiers: Any) -> dict[str, tuple[int, float]]:
    kept = {}
    for name, relation, _, _ in tiers:
        rows = f"{relation} JOIN clips USING (clip_id)"
        query = f"SELECT count(*), coalesce(sum(duration_s), 0) / 3600 FROM {rows} WHERE kept"
        clips, hours = connection.execute(query).fetchall()[0]
        kept[name] = (clips, round(hours, 6))
    return kept
