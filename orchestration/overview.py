"""What a root holds and how a run of it ended: totals, files that are not ok, rules that judged nothing, empty tiers.

Nothing is written.
"""

from __future__ import annotations

import os
import re
from typing import Any

import duckdb

from assets.columns import UNMEASURED
from assets.curation import Curation
from assets.filter_scores.scorers import SCORERS
from assets.options import NOT_IN_QUICK
from assets.tables import SOURCES
from assets.tiers.funnel import judge_in_memory
from assets.tiers.judge import folder
from assets.tiers.literals import literal
from assets.tiers.sql import decisions_sql

from .questions import QuestionError, Rows, open_views
from .report import cell, plural

Views = duckdb.DuckDBPyConnection
"""A connection of `open_views`: opening one reads every stored stamp, so a summary opens one for all its questions."""


def _rows(views: Views, query: str) -> Rows:
    return list(views.sql(query).to_arrow_table().to_pylist())


def require_sources(curation: Curation) -> None:
    """Raises QuestionError when nothing was ever registered on the root."""
    if told := nothing_yet(curation):
        raise QuestionError(told)


def nothing_yet(curation: Curation) -> str | None:
    """What to do on a root without any registered file; None when there is one."""
    if curation.store.parts(SOURCES.name):
        return None
    return f"nothing at {curation.store.root} yet: clipsieve run --input FOLDER --root {curation.store.root}"


def notes_on_query(curation: Curation, query: str) -> list[str]:
    """What makes an answer of `sql` emptier than it looks."""
    if told := nothing_yet(curation):
        return [told]
    judged = curation.store.exists(folder(curation.preset.name), curation.preset.tiers[0].name)
    if judged or not re.search(r"\btier_\d", query, re.IGNORECASE):
        return []
    return [f"preset {curation.preset.name} was not judged on this root yet: its tier views are empty"]


def notes_on_scores(curation: Curation) -> list[str]:
    """Clips that no funnel counts, since their scores are not there yet; how much a quick scan left out."""
    query = "SELECT count(*) FROM clips WHERE clip_id NOT IN (SELECT clip_id FROM filter_scores)"
    with open_views(curation) as connection:
        count = connection.execute(query).fetchall()[0][0]
        quick = note_on_quick(curation, connection)
    unscored = f"{plural(count, 'clip is', 'clips are')} not scored yet" if count else None
    return [note for note in (unscored, quick) if note]


def quickly_scanned(views: Views) -> dict[str, int]:
    """Videos of which a quick scan left frames out, their frames, and how many of those were decoded."""
    query = (
        "SELECT count(*) AS videos, coalesce(sum(s.frames_decoded), 0)::BIGINT AS decoded, "
        "coalesce(sum(v.packet_count), 0)::BIGINT AS frames "
        "FROM scans s JOIN raw_videos v USING (video_id) WHERE s.quick"
    )
    return _rows(views, query)[0]


def note_on_quick(curation: Curation, views: Views) -> str | None:
    """What a quick scan left out, and what that means; None when every frame is looked at."""
    found = quickly_scanned(views)
    if not curation.options.scan.quick and not found["videos"]:
        return None
    unmeasured = ", ".join(c.name for s in SCORERS for c in s.columns if c.quick == UNMEASURED)
    told = f"{found['decoded']} of {found['frames']} frames of {plural(found['videos'], 'video')} decoded"
    return (
        f"Quick scan (frames that no other refers to are left out): {told if found['videos'] else 'none left out'}; "
        f"{unmeasured} unmeasured, cuts and motion approximate. Run again without --quick for all."
    )


def not_ok(views: Views) -> Rows:
    """Every file whose video is not ok, each copy by its own address, with the sentence."""
    query = (
        "SELECT s.uri, v.status, v.error FROM sources s JOIN raw_videos v USING (video_id) "
        "WHERE s.gone_at IS NULL AND v.status <> 'ok' ORDER BY v.status, s.uri"
    )
    return _rows(views, query)


CLIPLESS_SHOWN = 5


def notes_on_clipless(views: Views) -> list[str]:
    """Videos that are ok and gave no clip: they stand in no funnel."""
    query = (
        "SELECT uri FROM raw_videos WHERE status = 'ok' AND frames_decoded > 0 "
        "AND video_id NOT IN (SELECT video_id FROM clips) ORDER BY uri"
    )
    files = [os.path.basename(row["uri"]) for row in _rows(views, query)]
    if not files:
        return []
    more = f" and {len(files) - CLIPLESS_SHOWN} more" if len(files) > CLIPLESS_SHOWN else ""
    listed = ", ".join(map(cell, files[:CLIPLESS_SHOWN]))
    return [
        f"{plural(len(files), 'video')} gave no clip, being too short or all transitions: {listed}{more} (why FILE)"
    ]


def totals(views: Views) -> dict[str, Any]:
    """Counts that add up, from files to tiers."""
    query = (
        "SELECT (SELECT count(*) FROM sources WHERE gone_at IS NULL) AS files, "
        "(SELECT count(*) FROM raw_videos) AS videos, "
        "(SELECT sum(duration_s) FROM raw_videos) / 3600 AS hours, "
        "(SELECT count(*) FROM clips) AS clips, (SELECT sum(duration_s) FROM clips) / 3600 AS clip_hours"
    )
    return _rows(views, query)[0]


def looks(views: Views) -> dict[str, int]:
    """What is known beyond scores: clips compared, groups of copies and their clips, concepts; captions of tier_1."""
    query = (
        "SELECT (SELECT count(*) FROM duplicates) AS compared, "
        "(SELECT count(DISTINCT group_id) FROM duplicates WHERE group_size > 1) AS copied_groups, "
        "(SELECT count(*) FROM duplicates WHERE group_size > 1) AS copied_clips, "
        "(SELECT count(DISTINCT concept_id) FROM concepts) AS concepts, "
        "(SELECT count(*) FROM tier_1) AS in_tier_1, "
        "(SELECT count(*) FROM tier_1 JOIN captions USING (clip_id) WHERE error IS NULL) AS captioned"
    )
    return _rows(views, query)[0]


def caption_failures(views: Views) -> Rows:
    """Clips of tier_1 that were asked for and have no caption: how many by status, and one reason of each."""
    query = (
        "SELECT caption_status AS status, count(*) AS clips, min(error) AS reason FROM tier_1 "
        "JOIN captions USING (clip_id) WHERE error IS NOT NULL GROUP BY status ORDER BY clips DESC, status"
    )
    return _rows(views, query)


def not_enabled(curation: Curation) -> list[str]:
    """A sentence about the scorers that are not run, by what they lack; quick scans have a note of their own."""
    lacking: dict[str, list[str]] = {}
    for scorer in SCORERS:
        if (lack := curation.options.lack(scorer)) and lack != NOT_IN_QUICK:
            lacking.setdefault("no weights" if lack.startswith("no weights") else lack, []).append(scorer.name)
    return [f"not enabled, {lack}: {', '.join(names)}" for lack, names in lacking.items()]


def blind_scorers(curation: Curation, views: Views) -> list[str]:
    """A sentence for every enabled scorer, and for the embeddings, that failed on every clip: with one reason."""
    query = (
        "SELECT e.key AS name, min(e.value) AS reason, count(*) AS clips FROM "
        "(SELECT unnest(map_entries(errors)) AS e FROM filter_scores) GROUP BY 1 "
        "HAVING count(*) = (SELECT count(*) FROM filter_scores) UNION ALL "
        "SELECT 'embeddings', min(error), count(*) FROM embeddings HAVING count(*) > 0 AND count(embedding) = 0"
    )
    enabled = {s.name for s in curation.lineage().scorers} | {"embeddings"}
    rows = (r for r in _rows(views, query) if r["name"] in enabled)
    told = ((r["name"], plural(r["clips"], "clip"), r["reason"]) for r in rows)
    return [f"{name} measured none of {clips}: {reason}" for name, clips, reason in told]


def blind_rules(rows: Rows) -> list[str]:
    """Of a funnel's rows: a sentence for each active rule that had no value for any clip of its tier's input."""
    inputs = {r["tier"]: r["clips"] for r in rows if r["rule"] == "input"}
    return [
        f"{r['rule']} could judge none of {plural(r['unmeasured'], 'clip')} ({r['tier']})"
        for r in rows
        if r["unmeasured"] and r["unmeasured"] == inputs[r["tier"]]
    ]


def emptied(curation: Curation, rows: Rows) -> Rows:
    """Of a funnel's rows: for the first tier that kept nothing, the rule that took the last clips, and a bound that
    keeps half of them.
    """
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
        judged = judge_in_memory(connection, curation.preset, curation.vocabulary)
        relations = {name: relation for name, relation, _, _ in judged}
        decisions = decisions_sql(relations[tier], curation.preset.tier(tier).bounds, 0, curation.vocabulary)
        first = f"(fail_mask & {1 << index}::UBIGINT) != 0 AND (fail_mask & {(1 << index) - 1}::UBIGINT) = 0"
        query = (
            f"SELECT median(TRY_CAST(value AS DOUBLE)) FROM ({decisions}) "
            f"WHERE rule = {literal(rule)} AND clip_id IN (SELECT clip_id FROM {relations[tier]} WHERE {first})"
        )
        median: float | None = connection.execute(query).fetchall()[0][0]
        return median
