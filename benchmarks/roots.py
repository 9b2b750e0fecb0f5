"""A root as runs leave it, without the decodes: files on disk, every table, each part under the stamp it should have.

Measurements are drawn at random inside their columns' ranges. All that follows from them is made by the project's own
functions: shards, wide rows, concepts, tiers, captions, read copies, views. A finished root has nothing to do, and
that is checked. It is kept and used again while its recipe is the same and its plan is empty.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from assets.captions.fill import fill_captions, kept_now
from assets.columns import Column, Table
from assets.compaction import COMPACTED, compact
from assets.curation import Curation
from assets.embeddings.assign_concepts import assign_concepts
from assets.embeddings.by_model import embedder
from assets.embeddings.groups import group
from assets.embeddings.hashes import keyframe_hashes
from assets.embeddings.tables import DUPLICATE_PAIRS, DUPLICATES
from assets.filter_scores.wide import write_wide
from assets.footers import remember
from assets.lineage import Lineage
from assets.measuring.scorer import Scorer
from assets.raw_videos.discover import discover
from assets.raw_videos.sources import ShardLimits, closed_shards, read_sources, register
from assets.store import WHOLE, Stamp, Store, fingerprint
from assets.tables import CLIPS, FRAME_SIGNALS, KEYFRAMES, RAW_VIDEOS, SCANS, SHOT_COUNTS, SOURCE_IDS
from assets.tiers.judge import expected_stamp, write_tier
from assets.views import connect, write_database
from orchestration.plan import make_plan
from orchestration.resources import build_curation, remember_preset
from orchestration.settings import Settings

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FORMAT = 1
"""Raise it when a root is made in another way."""
FILES_A_FOLDER = 100
FPS, FRAMES, KEYFRAMES_A_VIDEO = 25.0, 250, 5
"""Frames are those that the tables tell of; FRAME_ROWS of them have a row of signals."""
FRAME_ROWS = 20
VECTOR_LENGTH = 276
"""Of the embedding `classical`."""
OPEN_RANGE = 10.0
LIKELY = {
    "motion_mean": (0.2, 20.0), "sharpness": (10.0, 600.0), "border_ratio": (0.0, 0.025),
    "static_ratio": (0.0, 0.6), "fps": (24.0, 30.0), "text_area_ratio": (0.0, 0.1),
}  # fmt: skip
"""Ranges in which footage lies where the columns' own are open or much wider: the shipped tiers keep some of it."""

Columns = dict[str, Any]


@dataclass(frozen=True)
class Library:
    """What a root holds. `files_a_shard`: the limit at which shards were closed."""

    files: int = 10_000
    files_a_shard: int = ShardLimits.max_files
    clips_a_file: int = 2

    @property
    def name(self) -> str:
        return f"known-{self.files}-{self.files_a_shard}-{self.clips_a_file}"

    @property
    def shards(self) -> int:
        return -(-self.files // self.files_a_shard)


@dataclass(frozen=True)
class Known:
    """A finished root and the folder of its files."""

    media: Path
    root: Path


class Quiet:
    """Takes progress and tells nobody."""

    def begin(self, step: str, shard: str, items: int, video_s: float) -> None: ...

    def advance(self, items: int = 1, video_s: float = 0.0) -> None: ...

    def end(self) -> None: ...


def known_root(folder: Path, library: Library) -> Known:
    """The root of a library below `folder`, made when it is not there. Raises RuntimeError when it is left stale."""
    place = folder / library.name
    known, recipe = Known(place / "media", place / "root"), place / "recipe.json"
    told = json.dumps(asdict(library) | {"format": FORMAT, "place": str(place.resolve())}, sort_keys=True)
    is_there = recipe.is_file() and recipe.read_text() == told
    if not is_there or make_plan(curation_of(known.root)):
        shutil.rmtree(place, ignore_errors=True)
        _fill(known, library)
        curation = curation_of(known.root)
        if tasks := make_plan(curation):
            raise RuntimeError(f"a filled root has something to do: {tasks[0]}")
        remember(curation.store)
        recipe.write_text(told)
    return known


def curation_of(root: Path) -> Curation:
    """What `clipsieve run --root` would work with, by the settings of this process's environment."""
    return build_curation(Settings(root=str(root)))


def write_media(folder: Path, files: int) -> None:
    """Small files of different bytes with a media extension, 100 to a folder. No decoder could open them."""
    for number in range(files):
        below = folder / f"part-{number // FILES_A_FOLDER:05d}"
        if number % FILES_A_FOLDER == 0:
            below.mkdir(parents=True)
        (below / f"clip-{number:06d}.mp4").write_bytes(f"file {number}\n".encode())


def _fill(known: Known, library: Library) -> None:
    write_media(known.media, library.files)
    curation = curation_of(known.root)
    store, limits = curation.store, ShardLimits(max_files=library.files_a_shard)
    register(store, discover(str(known.media)), NOW, limits)
    lineage = curation.lineage()
    for shard in lineage.shards:
        _read(store, lineage, shard)
    lineage = curation.lineage()
    for number, shard in enumerate(lineage.shards):
        _fill_shard(store, lineage, shard, library.clips_a_file, np.random.default_rng(number))
    _over_all(curation)
    remember_preset(store, curation.preset)
    for table in COMPACTED:
        compact(store, table, closed_shards(read_sources(store), limits))
    write_database(store, curation.preset.name)


def _fill_shard(store: Store, lineage: Lineage, shard: str, clips_a_file: int, rng: np.random.Generator) -> None:
    """All that is made of the bytes of a shard's files, up to the wide row."""
    videos = lineage.owned(shard)
    _scan(store, lineage, shard, videos, rng)
    clips = _cut(store, lineage, shard, videos, clips_a_file)
    for scorer in (*lineage.scorers, keyframe_hashes, embedder(lineage.options.embedding)):
        given = {"clip_id": clips, "error": [None] * len(clips)} | _looks(scorer, len(clips), rng)
        _write(store, scorer.table, shard, given, lineage.measured(scorer, shard), rng, {"lost": []})
    write_wide(store, lineage, shard)


def _read(store: Store, lineage: Lineage, shard: str) -> None:
    """raw_videos and source_ids, which it certifies."""
    rows = lineage.sources.filter(lineage.sources["shard"] == shard)
    ids = [xxhash.xxh3_128_hexdigest(Path(uri).read_bytes()) for uri in rows["uri"]]
    stamp, rng = lineage.raw_videos(shard), np.random.default_rng(0)
    named = {"uri": rows["uri"].to_list(), "source_key": rows["source_key"].to_list(), "video_id": ids}
    _write(store, SOURCE_IDS, shard, named, stamp, rng)
    count, order = len(ids), np.argsort(ids)
    facts = {
        "video_id": [ids[i] for i in order], "bytes": [rows["size"][int(i)] for i in order],
        "container": ["mov,mp4,m4a,3gp,3g2,mj2"] * count, "codec": ["h264"] * count, "pix_fmt": ["yuv420p"] * count,
        "width": [1920] * count, "height": [1080] * count, "rotation": [0] * count, "fps": [FPS] * count,
        "duration_s": [FRAMES / FPS] * count, "media": ["video"] * count,
        "probe_status": [None] * count, "probe_error": [None] * count,
    }  # fmt: skip
    _write(store, RAW_VIDEOS, shard, facts, store.sealed(stamp, shard, [SOURCE_IDS.name]), rng)


def _scan(store: Store, lineage: Lineage, shard: str, videos: Sequence[str], rng: np.random.Generator) -> None:
    """Signals and pictures, a row group a video as a scan leaves them, and `scans`, which certifies both."""
    stamp = lineage.scan(shard)
    for table, rows in ((FRAME_SIGNALS, FRAME_ROWS), (KEYFRAMES, KEYFRAMES_A_VIDEO)):
        numbers = np.arange(rows) * (FRAMES // rows)
        given = {"frame": numbers, "pts_s": numbers / FPS, "width": [640] * rows, "height": [360] * rows}
        drawn = _drawn(table, {"video_id": [""] * rows} | given, rng)
        with store.writer(table, shard, stamp) as out:
            for video in videos:
                out.add(drawn.set_column(0, "video_id", pa.array([video] * rows)))
    count = len(videos)
    told = {"video_id": videos, "frames_decoded": [FRAMES] * count, "end_s": [FRAMES / FPS] * count,
            "status": ["ok"] * count, "error": [None] * count}  # fmt: skip
    sealed = store.sealed(stamp, shard, [FRAME_SIGNALS.name, KEYFRAMES.name])
    _write(store, SCANS, shard, told, sealed, rng, {"lost": []})


def _cut(store: Store, lineage: Lineage, shard: str, videos: Sequence[str], clips_a_file: int) -> list[str]:
    """clips and shot_counts; returns the ids. The clips of a video share it evenly."""
    stamp, rng = lineage.clips(shard), np.random.default_rng(0)
    of = np.repeat(videos, clips_a_file)
    count, length = len(of), FRAMES // clips_a_file
    start = np.tile(np.arange(clips_a_file) * length, len(videos))
    ids = [fingerprint(v, int(s)) for v, s in zip(of.tolist(), start, strict=True)]
    spans = {
        "shot_start_frame": start, "shot_end_frame": start + length, "start_frame": start, "end_frame": start + length,
        "start_s": start / FPS, "end_s": (start + length) / FPS, "duration_s": [length / FPS] * count,
        "fps": [FPS] * count, "width": [1920] * count, "height": [1080] * count, "short_side": [1080] * count,
        "orientation": ["landscape"] * count, "crop_x": [0] * count, "crop_y": [0] * count,
        "crop_w": [1920] * count, "crop_h": [1080] * count,
        "boundary_in": ["cut"] * count, "boundary_out": ["cut"] * count,
    }  # fmt: skip
    _write(store, SHOT_COUNTS, shard, {"video_id": videos}, stamp, rng)
    sealed = store.sealed(stamp, shard, [SHOT_COUNTS.name])
    _write(store, CLIPS, shard, {"clip_id": ids, "video_id": of, "shard": [shard] * count} | spans, sealed, rng)
    return ids


def _looks(scorer: Scorer, count: int, rng: np.random.Generator) -> Columns:
    """Vectors of unit length and their model; other lists of hashes are left out (NULL)."""
    given: Columns = {}
    for column in scorer.columns:
        if column.name in ("embedding", "light"):
            vectors = rng.normal(size=(count, VECTOR_LENGTH))
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            given[column.name] = list(vectors.astype(np.float16))
        elif column.name == "model":
            given[column.name] = [scorer.name] * count
    return given


def _over_all(curation: Curation) -> None:
    """Duplicates (none), concepts, tiers and captions."""
    store, progress = curation.store, Quiet()
    lineage = curation.lineage()
    every = [c for s in lineage.shards for c in store.read(CLIPS, s, ["clip_id"])["clip_id"].to_pylist()]
    pairs, stamp = DUPLICATE_PAIRS.schema.empty_table(), lineage.duplicates()
    store.write(DUPLICATE_PAIRS, WHOLE, pairs, stamp)
    store.write(DUPLICATES, WHOLE, group(every, pairs), store.sealed(stamp, WHOLE, [DUPLICATE_PAIRS.name]))
    assign_concepts(store, lineage, curation.lineage, progress, False)
    for number in range(1, len(curation.preset.tiers) + 1):
        stamp = expected_stamp(curation.lineage(), curation.preset, number)
        with connect(store, curation.preset.name) as connection:
            write_tier(store, connection, curation.preset, number, curation.vocabulary, stamp)
        if number == 1:
            lineage = curation.lineage()
            for shard in lineage.shards:
                kept, stamp = kept_now(curation, lineage, shard)
                fill_captions(curation, lineage, shard, kept, stamp, progress, False)


def _write(
    store: Store, table: Table, shard: str, given: Columns, stamp: Stamp, rng: np.random.Generator,
    extra: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    stamp = Stamp(stamp.fingerprint, stamp.recipe, stamp.extra | (extra or {}))
    store.write(table, shard, _drawn(table, given, rng), stamp)


def _drawn(table: Table, given: Columns, rng: np.random.Generator) -> pa.Table:
    """The given columns, and the others drawn at random."""
    count = len(next(iter(given.values())))
    columns = {c.name: given[c.name] if c.name in given else _values(c, count, rng) for c in table.columns}
    return pa.table({c.name: pa.array(columns[c.name], c.type) for c in table.columns}, table.schema)


def _values(column: Column, count: int, rng: np.random.Generator) -> Any:
    """Numbers, small ones most often; a word; a few bytes; false. What has no simple type is NULL."""
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        low = column.low or 0.0
        high = column.high if column.high is not None else low + OPEN_RANGE
        low, high = LIKELY.get(column.name, (low, high))
        values = low + (high - low) * rng.random(count) ** (1 if column.name in LIKELY else 3)
        return values.astype(np.int64) if pa.types.is_integer(column.type) else values
    if pa.types.is_boolean(column.type):
        return np.zeros(count, bool)
    if pa.types.is_string(column.type):
        return ["none"] * count
    return [rng.bytes(16) for _ in range(count)] if pa.types.is_binary(column.type) else [None] * count
