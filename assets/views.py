"""DuckDB over the stored tables: one view a table, always present, always typed.

`connect` registers the views in memory; `write_database` keeps the same views in ROOT/clipsieve.duckdb for other
clients. Views fold what storage keeps apart: copies of a video, statuses, tombstones, tiers by preset.
"""

from __future__ import annotations

import os
import uuid

import duckdb

from .captions.tables import CAPTIONS
from .columns import Table
from .compaction import readable_files
from .embeddings.tables import CONCEPT_CENTROIDS, CONCEPTS, DUPLICATE_PAIRS, DUPLICATES, EMBEDDINGS
from .store import Stamp, Store
from .stored_rows import empty_sql, remember_columns, scored_sql, table_sql
from .tables import (
    CLIPS,
    FILTER_SCORES,
    FRAME_SIGNALS,
    KEYFRAMES,
    RAW_VIDEOS,
    SCANS,
    SHOT_COUNTS,
    SOURCE_IDS,
    SOURCES,
    TIERS,
)
from .tiers.judge import bounds_of, hold_mask_of, stored_tiers, tier_rows
from .tiers.literals import literal
from .tiers.sql import decisions_sql
from .tiers.vocabulary import vocabulary

DATABASE = "clipsieve.duckdb"


def connect(store: Store, preset: str | None) -> duckdb.DuckDBPyConnection:
    """An in-memory connection with every view; tier_1.. are those of `preset`."""
    connection = duckdb.connect()
    for statement in view_statements(store, preset):
        connection.execute(statement)
    return connection


def lock_down(connection: duckdb.DuckDBPyConnection, store: Store) -> None:
    """From here on a query reads the root's files and nothing else, and no setting can be changed."""
    connection.execute(f"SET allowed_directories = [{literal(store.root + '/')}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def write_database(store: Store, preset: str | None) -> None:
    """Rebuild ROOT/clipsieve.duckdb: views only, absolute paths, temporary name then rename."""
    if not store.is_local:
        return
    os.makedirs(store.root, exist_ok=True)
    target = os.path.join(store.root, f".{uuid.uuid4().hex}.duckdb")
    try:
        with store.snapshot():
            remember_columns(store, _STORED)
        with duckdb.connect(target) as connection:
            for statement in view_statements(store, preset):
                connection.execute(statement)
        os.replace(target, os.path.join(store.root, DATABASE))
    finally:
        if os.path.exists(target):
            os.remove(target)


def view_statements(store: Store, preset: str | None) -> list[str]:
    """CREATE VIEW statements, in the order of their dependence."""
    with store.snapshot():
        return [f"CREATE OR REPLACE VIEW {name} AS {body}" for name, body in _bodies(store, preset).items()]


def _bodies(store: Store, preset: str | None) -> dict[str, str]:
    """What each view selects."""
    gone = _has_gone(store)
    bodies = {f"_{t.name}": table_sql(store, t) for t in _STORED} | {"_scored_clips": scored_sql(store)}
    bodies |= _FOLDED | {"_gone": _GONE if gone else "SELECT NULL::VARCHAR AS video_id WHERE false"}
    there = " WHERE video_id NOT IN (SELECT video_id FROM _gone)" if gone else ""
    bodies |= {name: f"SELECT * FROM {rows}{there}" for name, rows in _OF_VIDEOS.items()}
    bodies["keyframes"] = "SELECT * EXCLUDE (jpeg) FROM keyframes_jpeg"
    there = " WHERE clip_id IN (SELECT clip_id FROM clips)" if gone else ""
    bodies |= {t.name: f"SELECT * FROM _{t.name}{there}" for t in _OF_CLIPS}
    if gone:  # A group is of the clips that are there.
        size = "count(*) OVER (PARTITION BY group_id) AS group_size"
        bodies["duplicates"] = f"SELECT clip_id, group_id, {size} FROM _duplicates{there}"
    bodies["captions"] = (
        "SELECT * EXCLUDE (is_current) FROM _captions WHERE is_current AND clip_id IN (SELECT clip_id FROM clips)"
    )
    bodies["duplicate_pairs"] = f"SELECT p.* FROM _duplicate_pairs p{_BOTH_THERE if gone else ''}"
    return bodies | _tier_views(store, preset)


_STORED: tuple[Table, ...] = (
    SOURCES, SOURCE_IDS, RAW_VIDEOS, SCANS, SHOT_COUNTS, FRAME_SIGNALS, KEYFRAMES, CLIPS, FILTER_SCORES, EMBEDDINGS,
    DUPLICATES, DUPLICATE_PAIRS, CONCEPTS, CONCEPT_CENTROIDS, CAPTIONS,
)  # fmt: skip


_FOLDED = {
    "sources": "SELECT s.*, i.video_id FROM _sources s LEFT JOIN "
    "(SELECT DISTINCT source_key, video_id FROM _source_ids) i USING (source_key)",
    "_alive": "SELECT video_id, arg_min(uri, shard || uri) AS uri, count(*) AS uri_count, min(shard) AS shard "
    "FROM sources WHERE gone_at IS NULL AND video_id IS NOT NULL GROUP BY video_id",
    "raw_videos": "SELECT r.video_id, a.uri, a.uri_count, a.shard, r.* EXCLUDE (video_id, probe_status, probe_error), "
    "s.frames_decoded, coalesce(s.status, r.probe_status) AS status, coalesce(s.error, r.probe_error) AS error "
    "FROM (SELECT DISTINCT ON (video_id) * FROM _raw_videos ORDER BY video_id) r "
    "JOIN _alive a USING (video_id) "
    "LEFT JOIN (SELECT DISTINCT ON (video_id) * FROM _scans ORDER BY video_id, status) s USING (video_id)",
    "concept_centroids": "SELECT * FROM _concept_centroids",
}

_GONE = "SELECT video_id FROM sources WHERE video_id IS NOT NULL GROUP BY video_id HAVING count(*) = count(gone_at)"
"""Videos all of whose files were removed."""

_OF_VIDEOS = {
    "scans": "(SELECT s.*, n.* EXCLUDE (video_id) FROM _scans s LEFT JOIN _shot_counts n USING (video_id))",
    "frame_signals": "_frame_signals",
    "keyframes_jpeg": "_keyframes",
    "clips": "_clips",
    "scored_clips": "_scored_clips",
}
"""Views whose rows are of one video each, by what they are read from: those of a removed video are left out."""

_BOTH_THERE = " JOIN clips a ON a.clip_id = p.clip_id_a JOIN clips b ON b.clip_id = p.clip_id_b"

_OF_CLIPS = (FILTER_SCORES, EMBEDDINGS, DUPLICATES, CONCEPTS)
"""Tables with a row a clip; they hold no video, so that clips of a removed file are left out here."""


def _has_gone(store: Store) -> bool:
    """Whether any file was removed: only then does a view leave rows out."""
    gone_at = store.read_files(SOURCES, readable_files(store, SOURCES), ["gone_at"])["gone_at"]
    return bool(gone_at.null_count < len(gone_at))


def _tier_views(store: Store, preset: str | None) -> dict[str, str]:
    """`tiers` and `decisions` over all presets, `tier_1`.. as clips of the active one."""
    stored = stored_tiers(store)
    tiers, decisions = [], []
    for name, tier, stamp in stored:
        rows = tier_rows(store, name, tier)
        tiers.append(f"SELECT {literal(name)} AS preset, {literal(tier)} AS tier, * FROM {rows}")
        decisions.append(
            f"SELECT {literal(name)} AS preset, {literal(tier)} AS tier, * FROM ({_decisions(rows, stamp)})"
        )
    empty = empty_sql(TIERS, "NULL::VARCHAR AS preset, NULL::VARCHAR AS tier, ")
    no_decisions = (
        "SELECT "
        + ", ".join(
            f"NULL::VARCHAR AS {c}" for c in ("preset", "tier", "clip_id", "rule", "value", "bound", "verdict")
        )
        + " WHERE false"
    )
    views = {
        "tiers": " UNION ALL ".join(tiers) or empty,
        "decisions": " UNION ALL ".join(decisions) or no_decisions,
    }
    active = {tier for name, tier, _ in stored if name == preset} | {"tier_1", "tier_2", "tier_3"}
    for tier in sorted(active, key=lambda t: int(t.rsplit("_", 1)[1])):
        views[tier] = (
            f"SELECT c.* FROM clips c JOIN tiers t ON t.clip_id = c.clip_id AND t.kept "
            f"AND t.preset = {literal(preset or '')} AND t.tier = {literal(tier)}"
        )
    return views


def _decisions(rows: str, stamp: Stamp) -> str:
    return decisions_sql(f"(SELECT * FROM {rows})", bounds_of(stamp), hold_mask_of(stamp), vocabulary())
