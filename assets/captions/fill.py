"""The captions of a shard read, made and written. What was paid for is kept: a stopped run loses no answer."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from typing import Any

import polars as pl

from ..columns import Table
from ..curation import Curation
from ..lineage import Lineage
from ..measuring.clip_view import Keyframe
from ..store import Stamp, Store, VideoReader, rows_to_table
from ..tables import CLIPS, FILTER_SCORES, KEYFRAMES, MANIFEST_COLUMNS
from ..work import Counts, Progress
from .caption_shard import caption_shard
from .measured import CAPTIONER as MEASURED
from .schema import CAPTIONED
from .tables import CAPTIONS

Row = dict[str, Any]

SAVED_EVERY = 200
"""New captions after which what is there is written down."""
UNFINISHED = Stamp("unfinished")


def fill_captions(
    curation: Curation, lineage: Lineage, shard: str, kept: set[str], progress: Progress, force: bool
) -> Counts:
    """Caption the shard's clips that are in `kept`; rows of other clips stay as they are.

    A model's caption is not replaced by one of facts only, unless forced: it was paid for.
    """
    store, counts = curation.store, Counts()
    rows = {r["clip_id"]: r for r in store.read(CAPTIONS, shard).to_pylist()}
    previous = {} if force else dict(rows)
    if lineage.options.captions.captioner == MEASURED:
        kept = kept - {clip_id for clip_id, row in previous.items() if is_paid_for(row)}
    clips = [c for c in facts_of(store, lineage, shard) if c["clip_id"] in kept]
    with store.by_video(KEYFRAMES, shard) as reader:
        captioned = caption_shard(
            clips, lambda c: _keyframes(reader, c), previous, lineage.options.captions, progress, shard, counts,
            curation.retry_failed,
        )  # fmt: skip
        _take(store, shard, rows, captioned, previous)
    counts.rows = len(rows)
    _write(store, CAPTIONS, shard, rows, lineage.captions(shard))
    return counts


def is_paid_for(row: Row) -> bool:
    """Whether a model wrote the caption."""
    return row["captioner"] != MEASURED and row["caption_status"] in CAPTIONED


def failed_captions(store: Store, shard: str) -> int:
    """Clips of a shard that were asked for and have no caption."""
    errors = store.read(CAPTIONS, shard, ["error"])["error"]
    return len(errors) - int(errors.null_count)


def _take(
    store: Store, shard: str, rows: dict[str, Row], captioned: Generator[Row, None, None], previous: dict[str, Row]
) -> None:
    """Rows as they come; they are saved now and then, and when something stops the work."""
    unsaved = 0
    with closing(captioned):
        try:
            for row in captioned:
                unsaved += row != previous.get(row["clip_id"]) and row["captioner"] != MEASURED
                rows[row["clip_id"]] = row
                if unsaved >= SAVED_EVERY:
                    _write(store, CAPTIONS, shard, rows, UNFINISHED)
                    unsaved = 0
        except BaseException:
            if unsaved:
                _write(store, CAPTIONS, shard, rows, UNFINISHED)
            raise


def _write(store: Store, table: Table, shard: str, rows: dict[str, Row], stamp: Stamp) -> None:
    """In the order of `clips`; captions of clips that are no more (other cuts) stand at the end."""
    order = store.read(CLIPS, shard, ["clip_id"])["clip_id"].to_pylist()
    listed = [rows[c] for c in order if c in rows]
    listed += [rows[c] for c in sorted(rows.keys() - set(order))]
    store.write(table, shard, rows_to_table(table, listed), stamp)


def facts_of(store: Store, lineage: Lineage, shard: str) -> list[Row]:
    """A row a clip of the shard: its columns of clips and filter_scores, and the manifest's words about its file."""
    clips = pl.from_arrow(store.read(CLIPS, shard))
    scores = pl.from_arrow(store.read(FILTER_SCORES, shard).drop_columns(["errors"]))
    assert isinstance(clips, pl.DataFrame) and isinstance(scores, pl.DataFrame)
    there = lineage.sources.filter(pl.col("gone_at").is_null() & pl.col("video_id").is_in(clips["video_id"].implode()))
    words = there.sort("shard", "uri").unique("video_id", keep="first", maintain_order=True)
    words = words.select("video_id", *(c.name for c in MANIFEST_COLUMNS))
    joined = clips.join(scores, on="clip_id", how="left", maintain_order="left")
    return joined.join(words, on="video_id", how="left", maintain_order="left").to_dicts()


def _keyframes(reader: VideoReader, clip: Row) -> tuple[Keyframe, ...]:
    columns = ["frame", "pts_s", "jpeg"]
    table = reader.between(clip["video_id"], clip["start_frame"], clip["end_frame"], columns)
    return tuple(Keyframe(**row) for row in sorted(table.to_pylist(), key=lambda r: int(r["frame"])))
