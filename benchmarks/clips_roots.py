"""Roots of many synthetic clips: what tiers, read copies and views see of a large library, without any footage.

A shard holds 10,000 clips of 1,000 videos unless it is told otherwise. Ten million clips are made in five minutes of
one core, and take some 5 GB with their read copies. Scores are those of drawn_scores.py.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.columns import Table
from assets.compaction import COMPACTED, compact
from assets.embeddings.tables import CONCEPTS, DUPLICATES
from assets.lineage import Lineage
from assets.options import Options
from assets.store import WHOLE, Stamp, Store, fingerprint
from assets.tables import CLIPS, FILTER_SCORES, RAW_VIDEOS, SCANS, SHOT_COUNTS, SOURCE_IDS, SOURCES
from assets.views import write_database

from .drawn_scores import drawn_scores

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FORMAT = 2
"""Raise it when a root is made in another way."""
CLIPS_A_VIDEO = 10
HEX_DIGITS = 32
FPS = (24.0, 25.0, 29.97, 30.0, 60.0)
SIZES = ((320, 180), (640, 360), (854, 480), (1280, 720), (1920, 1080), (3840, 2160))
SIZE_SHARES = (0.02, 0.05, 0.05, 0.2, 0.53, 0.15)
PORTRAIT_SHARE, SQUARE_SHARE, BORDERED_SHARE = 0.18, 0.02, 0.12
IN_GROUPS_SHARE = 0.12
"""Of clips that have a copy."""


@dataclass(frozen=True)
class ClipsRoot:
    """How many clips, in shards of how many; whether duplicates and concepts are there (sampling reads them)."""

    clips: int
    clips_a_shard: int = 10_000
    grouped: bool = True

    @property
    def shards(self) -> list[str]:
        return [f"shard-{i + 1:06d}" for i in range(-(-self.clips // self.clips_a_shard))]

    @property
    def name(self) -> str:
        return f"clips-{self.clips}-{self.clips_a_shard}{'' if self.grouped else '-alone'}"


def clips_root(folder: Path, recipe: ClipsRoot) -> Store:
    """The root below `folder`, taken as it is when it was made by the same recipe. No read copies are made here."""
    place = folder / recipe.name
    told = json.dumps(asdict(recipe) | {"format": FORMAT, "columns": FILTER_SCORES.names + CLIPS.names})
    mark = place / "recipe.json"
    if not mark.is_file() or mark.read_text() != told:
        shutil.rmtree(place, ignore_errors=True)
        _fill(Store(str(place)), recipe)
        mark.write_text(told)
    return Store(str(place))


def compacted(store: Store) -> Store:
    """The root as a run leaves it: with read copies of all shards, and the views."""
    for table in COMPACTED:
        compact(store, table, store.parts(CLIPS.name))
    write_database(store, None)
    return store


def _fill(store: Store, recipe: ClipsRoot) -> None:
    videos = {s: hex_ids(np.random.default_rng([1, i]), _videos(recipe)) for i, s in enumerate(recipe.shards)}
    for shard, ids in videos.items():
        _write_register(store, shard, ids)
    lineage = Lineage(store, Options())
    for number, (shard, ids) in enumerate(videos.items()):
        count = min(recipe.clips_a_shard, recipe.clips - number * recipe.clips_a_shard)
        _write_shard(store, lineage, shard, sorted(ids.to_pylist()), count, np.random.default_rng([2, number]))
    if recipe.grouped:
        _write_groups(store)


def _videos(recipe: ClipsRoot) -> int:
    return max(recipe.clips_a_shard // CLIPS_A_VIDEO, 1)


def hex_ids(rng: np.random.Generator, count: int) -> pa.Array:
    """Ids of 32 lower-case hex digits."""
    digits = pa.py_buffer(rng.bytes(count * HEX_DIGITS // 2).hex().encode())
    offsets = pa.py_buffer(np.arange(0, (count + 1) * HEX_DIGITS, HEX_DIGITS, dtype=np.int32))
    return pa.StringArray.from_buffers(count, offsets, digits)


def _write_register(store: Store, shard: str, ids: pa.Array) -> None:
    uris = [f"/media/{shard}/{i:05d}.mp4" for i in range(len(ids))]
    keys = [fingerprint("file", uri) for uri in uris]
    listed = {"uri": uris, "size": np.full(len(ids), 10**7), "mtime": [NOW] * len(ids), "source_key": keys,
              "shard": [shard] * len(ids), "first_seen": [NOW] * len(ids)}  # fmt: skip
    _write(store, SOURCES, shard, listed, Stamp(fingerprint("sources", shard)))
    _write(store, SOURCE_IDS, shard, {"uri": uris, "source_key": keys, "video_id": ids}, Stamp(fingerprint(keys)))


def _write_shard(
    store: Store, lineage: Lineage, shard: str, videos: list[str], count: int, rng: np.random.Generator
) -> None:
    size = len(videos)
    facts = {"video_id": videos, "bytes": np.full(size, 10**7), "codec": ["h264"] * size, "media": ["video"] * size}
    _write(store, RAW_VIDEOS, shard, facts, lineage.raw_videos(shard))
    told = {"video_id": videos, "frames_decoded": np.full(size, 3000), "status": ["ok"] * size}
    _write(store, SCANS, shard, told, lineage.scan(shard))
    _write(store, SHOT_COUNTS, shard, {"video_id": videos, "shots": np.full(size, 10)}, lineage.clips(shard))
    clips = _clips(shard, videos, count, rng)
    _write(store, CLIPS, shard, clips, lineage.clips(shard))
    scores = {"clip_id": clips["clip_id"], **drawn_scores(count, rng)}
    _write(store, FILTER_SCORES, shard, scores, lineage.filter_scores(shard))


def _write(store: Store, table: Table, shard: str, given: dict[str, Any], stamp: Stamp) -> None:
    """The given columns; the others are NULL."""
    count = len(next(iter(given.values())))
    columns = {
        c.name: _array(given[c.name], c.type) if c.name in given else pa.nulls(count, c.type) for c in table.columns
    }
    store.write(table, shard, pa.table(columns, table.schema), stamp)


def _array(values: Any, kind: pa.DataType) -> pa.Array:
    """NaN is NULL: nothing that is drawn here is NaN."""
    return values if isinstance(values, pa.Array) else pa.array(values, kind, from_pandas=True)


def _clips(shard: str, videos: list[str], count: int, rng: np.random.Generator) -> dict[str, Any]:
    """Clips by video and time: lengths as of shots (median 5 s, at most 16), one rate and size a video."""
    of = np.sort(rng.integers(0, len(videos), count))
    fps = np.asarray(FPS)[rng.integers(0, len(FPS), len(videos))][of]
    frames = np.ceil(np.clip(rng.lognormal(1.6, 0.7, count), 1.0, 16.0) * fps).astype(np.int64)
    ends = np.cumsum(frames)
    first = np.searchsorted(of, of)
    start = ends - frames - (ends - frames)[first]
    width, height = np.asarray(SIZES)[rng.choice(len(SIZES), len(videos), p=SIZE_SHARES)][of].T
    turned, square = rng.random(len(videos))[of], rng.random(len(videos))[of]
    width, height = np.where(turned < PORTRAIT_SHARE, height, width), np.where(turned < PORTRAIT_SHARE, width, height)
    width = np.where(square < SQUARE_SHARE, height, width)
    band = np.where(rng.random(len(videos)) < BORDERED_SHARE, rng.integers(1, 20, len(videos)) / 100, 0.0)[of]
    crop_h = (height * (1 - band)).astype(np.int64)
    orientation = np.where(width == crop_h, 2, np.where(width > crop_h, 0, 1))
    words = pa.array(["landscape", "portrait", "square"])
    cuts = pa.array(["cut", "dissolve", "fade", "chop"])
    return {
        "clip_id": hex_ids(rng, count), "video_id": pa.array(videos).take(pa.array(of)), "shard": [shard] * count,
        "shot_start_frame": start, "shot_end_frame": start + frames, "start_frame": start, "end_frame": start + frames,
        "start_s": start / fps, "end_s": (start + frames) / fps, "duration_s": frames / fps, "fps": fps,
        "width": width, "height": height, "short_side": np.minimum(width, crop_h),
        "orientation": words.take(pa.array(orientation)), "crop_x": np.zeros(count, np.int64),
        "crop_y": (height - crop_h) // 2, "crop_w": width, "crop_h": crop_h,
        "boundary_in": cuts.take(pa.array(rng.choice(4, count, p=(0.8, 0.08, 0.04, 0.08)))),
        "boundary_out": cuts.take(pa.array(rng.choice(4, count, p=(0.8, 0.08, 0.04, 0.08)))),
    }  # fmt: skip


def _write_groups(store: Store) -> None:
    """Groups of copies and concepts of every clip, in the order of clip_id as the product writes groups."""
    ids = store.read_all(CLIPS, ["clip_id"])["clip_id"].combine_chunks()
    lineage, rng = Lineage(store, Options()), np.random.default_rng(3)
    order = pc.sort_indices(ids)
    group_of = np.arange(len(ids))
    grouped = np.sort(rng.permutation(len(ids))[: int(len(ids) * IN_GROUPS_SHARE)])
    group_of[grouped] = rng.permutation(grouped)[rng.integers(0, max(len(grouped) // 3, 1), len(grouped))]
    sizes = np.bincount(group_of, minlength=len(ids))[group_of]
    groups = pa.table([ids, ids.take(pa.array(group_of)), sizes], schema=DUPLICATES.schema)
    store.write(DUPLICATES, WHOLE, groups.take(order), lineage.duplicates())
    concepts = max(int(len(ids) ** 0.5), 1)
    number = np.minimum((concepts * rng.random(len(ids)) ** 2).astype(np.int64), concepts - 1)
    table = pa.table([ids, number, rng.random(len(ids))], schema=CONCEPTS.schema)
    store.write(CONCEPTS, WHOLE, table, lineage.concepts())
