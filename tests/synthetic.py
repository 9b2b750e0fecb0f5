"""A root filled by hand: complete tables of one or more shards with known scores, nothing decoded.

Every part carries the stamp that the lineage expects, so that a filled shard counts as complete and up to date.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assets.captions.tables import CAPTIONS
from assets.columns import Table
from assets.curation import Curation
from assets.embeddings.by_model import embedder
from assets.embeddings.hashes import keyframe_hashes
from assets.embeddings.tables import CONCEPT_CENTROIDS, CONCEPTS, DUPLICATE_PAIRS, DUPLICATES
from assets.filter_scores.scorers import SCORERS
from assets.lineage import Lineage
from assets.options import Options
from assets.store import WHOLE, Stamp, Store, fingerprint, rows_to_table
from assets.tables import (
    CLIPS,
    FILTER_SCORES,
    RAW_VIDEOS,
    SCANS,
    SHOT_COUNTS,
    SOURCE_IDS,
    SOURCES,
)
from assets.tiers.judge import expected_stamp, write_tier
from assets.tiers.rules import Preset, parse_preset
from assets.tiers.vocabulary import vocabulary
from assets.views import connect
from assets.work import Success

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
Row = dict[str, Any]

SCORES: Row = {
    "motion_mean": 5.0,
    "motion_p95": 9.0,
    "static_ratio": 0.0,
    "sharpness": 300.0,
    "border_ratio": 0.0,
    "border_kind": "none",
    "luma_mean": 120.0,
    "underexposed_ratio": 0.1,
    "overexposed_ratio": 0.1,
    "camera_labels": "pan right",
    "camera_confidence": 0.8,
    "camera_pan": 0.05,
    "camera_tilt": 0.0,
    "camera_roll": 0.0,
    "camera_zoom": 0.0,
    "shake": 0.2,
    "slideshow": 0.0,
    "duplicate_frame_ratio": 0.0,
    "content_cut_rate": 0.0,
    "vmaf_motion": 5.0,
    "blockiness": 1.0,
    "noise": 1.0,
    "contrast": 50.0,
    "colorfulness": 40.0,
    "saturation": 0.4,
    "clarity": 0.8,
    "aesthetic_laion": 5.5,
    "aesthetic_siglip": 5.5,
    "subject_max_area": 0.3,
    "person_ratio": 0.5,
    "face_count": 1,
    "face_max_area": 0.05,
    "sensitive_score": 0.01,
    "is_graphic": 0.05,
    "text_area_ratio": 0.0,
    "text_max_confidence": 0.0,
    "subtitle_top": 0,
    "subtitle_bottom": 0,
    "overlay_ratio": 0.0,
}
"""An ordinary clip: it passes every shipped rule that has a column today."""

PICTURE: Row = {
    "width": 1920,
    "height": 1080,
    "short_side": 1080,
    "orientation": "landscape",
    "crop_x": 0,
    "crop_y": 0,
    "crop_w": 1920,
    "crop_h": 1080,
}


class NoEngine:
    """Stands where an engine is asked for; a synthetic root has nothing to decode."""

    def run(self, function: Callable[..., Any], items: Iterable[Any], *_: Any) -> Iterator[Any]:
        raise AssertionError("a synthetic root has nothing to decode")


class InThisProcess:
    """An engine without workers."""

    def run(self, function: Callable[[Any], Any], items: Iterable[Any], *_: Any) -> Iterator[tuple[Any, Success[Any]]]:
        return ((item, Success(function(item))) for item in items)


def fill(store: Store, shards: dict[str, list[Row]]) -> list[str]:
    """Write all tables of the shards; returns the clip ids in the order of the rows.

    A row is a clip and may set any column of clips, filter_scores, raw_videos, scans and sources. Rows of the same
    `video_id` are clips of one video; rows of the same `uri` of one file.
    """
    filled = {shard: [_complete(shard, i, row) for i, row in enumerate(rows)] for shard, rows in shards.items()}
    for shard, rows in filled.items():
        _write(store, SOURCES, shard, _distinct(rows, "uri"), Stamp(fingerprint("sources", shard)))
        _write(store, SOURCE_IDS, shard, _distinct(rows, "uri"), Stamp(fingerprint("source_ids", shard)))
    for shard, rows in filled.items():
        lineage = Lineage(store, Options())
        owned = [r for r in rows if r["video_id"] in lineage.owned(shard)]
        _write(store, RAW_VIDEOS, shard, _distinct(rows, "video_id"), lineage.raw_videos(shard))
        _write(store, SCANS, shard, _distinct(owned, "video_id"), lineage.scan(shard))
        _write(store, SHOT_COUNTS, shard, _distinct(owned, "video_id"), lineage.clips(shard))
        clips = sorted(owned, key=lambda r: (r["video_id"], r["start_s"]))
        _write(store, CLIPS, shard, clips, lineage.clips(shard))
        for scorer in SCORERS:
            _write(store, scorer.table, shard, clips, lineage.measured(scorer, shard))
        _write(store, FILTER_SCORES, shard, clips, lineage.filter_scores(shard))
    _fill_looks(store, filled)
    return [r["clip_id"] for rows in filled.values() for r in rows]


def _fill_looks(store: Store, filled: dict[str, list[Row]]) -> None:
    """Hashes and embeddings without values; every clip a group and a concept of its own unless its row says more."""
    lineage = Lineage(store, Options())
    looks = (keyframe_hashes, embedder(lineage.options.embedding))
    for shard in filled:
        clips = store.read(CLIPS, shard, ["clip_id"]).to_pylist()
        for scorer in looks:
            _write(store, scorer.table, shard, clips, lineage.measured(scorer, shard))
    lineage = Lineage(store, Options())
    every = sorted((r for rows in filled.values() for r in rows), key=lambda r: str(r["clip_id"]))
    groups = [{"group_id": r["clip_id"], "group_size": 1} | r for r in every]
    _write(store, DUPLICATE_PAIRS, WHOLE, [], lineage.duplicates())
    _write(store, DUPLICATES, WHOLE, groups, lineage.duplicates())
    centroids = Stamp(fingerprint("centroids"), lineage.concept_recipe(), {"clips": len(every)})
    _write(store, CONCEPT_CENTROIDS, WHOLE, [], centroids)
    concepts = [{"concept_id": i, "concept_similarity": 1.0} | r for i, r in enumerate(every)]
    _write(store, CONCEPTS, WHOLE, concepts, Lineage(store, Options()).concepts())


def _complete(shard: str, number: int, row: Row) -> Row:
    video = row.get("video_id", fingerprint("video", shard, number))
    uri = row.get("uri", f"/media/{shard}/{number}.mp4")
    start, duration = row.get("start_s", 0.0), row.get("duration_s", 5.0)
    fixed = {
        "video_id": video,
        "uri": uri,
        "shard": shard,
        "clip_id": fingerprint("clip", video, number),
        "size": 1000,
        "mtime": NOW,
        "first_seen": NOW,
        "gone_at": None,
        "source_key": fingerprint("file", uri),
        "start_s": start,
        "end_s": start + (duration or 0.0),
        "duration_s": duration,
        "fps": 25.0,
        "shot_start_frame": 0,
        "shot_end_frame": 125,
        "start_frame": 0,
        "end_frame": 125,
        "boundary_in": "start",
        "boundary_out": "end",
        "status": "ok",
        "bytes": 1000,
        "codec": "h264",
        "media": "video",
        "has_audio": False,
        "errors": [],
    }
    return SCORES | PICTURE | fixed | row


def _distinct(rows: list[Row], key: str) -> list[Row]:
    return sorted({r[key]: r for r in reversed(rows)}.values(), key=lambda r: str(r[key]))


def _write(store: Store, table: Table, shard: str, rows: list[Row], stamp: Stamp) -> None:
    store.write(table, shard, rows_to_table(table, rows), stamp)


def root(path: Path, *shards: list[Row]) -> Store:
    """A store under `path` with shard-000001, shard-000002 .. filled from the rows."""
    store = Store(str(path))
    fill(store, {f"shard-{i:06d}": rows for i, rows in enumerate(shards, 1)})
    return store


def preset(text: str, name: str = "mine") -> Preset:
    """A preset from TOML; tiers that the text leaves out are empty."""
    missing = [f"[tier_{i}]" for i in (1, 2, 3) if f"tier_{i}]" not in text and f"tier_{i}." not in text]
    return parse_preset("\n".join([text, *missing]), f"{name}.toml", name, vocabulary())


def curation(store: Store, chosen: Preset) -> Curation:
    return Curation(store, Options(), NoEngine(), chosen, vocabulary())


def judge(store: Store, chosen: Preset) -> None:
    """Judge and store every tier of the preset, as the tier assets do."""
    lineage = Lineage(store, Options(), preset=chosen.name)
    for number in range(1, len(chosen.tiers) + 1):
        with connect(store, chosen.name) as connection:
            stamp = expected_stamp(lineage, chosen, number)
            write_tier(store, connection, chosen, number, vocabulary(), stamp)
        if number == 1:
            for shard in lineage.shards:
                _write(store, CAPTIONS, shard, [], lineage.captions(shard))


def ask(store: Store, query: str, preset_name: str | None = "mine") -> list[Row]:
    """Rows of a query over the views, as dictionaries."""
    with connect(store, preset_name) as connection:
        rows: list[Row] = connection.sql(query).to_arrow_table().to_pylist()
        return rows


class Silent:
    """A progress that counts."""

    items = done = ended = 0

    def begin(self, step: str, shard: str, items: int, video_s: float) -> None:
        self.items = items

    def advance(self, items: int = 1, video_s: float = 0.0) -> None:
        self.done += items

    def end(self) -> None:
        self.ended += 1
