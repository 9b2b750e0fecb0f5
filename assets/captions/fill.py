"""The captions of a shard read, made and written. What was paid for is kept: a stopped run loses no answer.

A clip has a row of every captioner that was asked for it, and one of them is current. Answers are staged as they come
in ROOT/.staging/captions/SHARD, many small parts that the final write, or the next run, takes over. Known weakness:
after a kill they wait there, unseen, until captions of the shard are made again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

import polars as pl

from ..curation import Curation
from ..lineage import Lineage
from ..measuring.clip_view import Keyframe
from ..store import Stamp, Store, VideoReader, fingerprint, rows_to_table
from ..tables import CLIPS, FILTER_SCORES, KEYFRAMES, MANIFEST_COLUMNS, TIERS
from ..tiers.judge import folder
from ..work import Counts, Progress
from .caption_shard import Captioner, caption_shard
from .measured import CAPTIONER as MEASURED
from .measured import facts
from .options import CaptionOptions
from .schema import CAPTIONED
from .tables import CAPTIONS

Row = dict[str, Any]

STAGED_EVERY, STAGED_AFTER_S = 16, 2.0
"""New answers, or seconds since the last part, after which what came is staged: what a kill can cost."""
FACTS = ("camera", "source_tags", "quality_tags")
UNFINISHED = Stamp("unfinished")


def kept_now(curation: Curation, lineage: Lineage, shard: str) -> tuple[set[str], Stamp]:
    """The clips that tier_1 keeps, of all shards, and the stamp that captions of them have.

    Both are of one state of tier_1, which others may judge again at any time.
    """
    store, place = curation.store, folder(curation.preset.name)
    while True:
        stamp = lineage.captions(shard)
        rows = store.read_files(TIERS, [store.path(place, "tier_1")], ["clip_id", "kept"])
        if lineage.captions(shard) == stamp:
            return set(rows.filter(rows["kept"])["clip_id"].to_pylist()), stamp


def fill_captions(
    curation: Curation, lineage: Lineage, shard: str, kept: set[str], stamp: Stamp, progress: Progress, force: bool
) -> Counts:
    """Caption the shard's clips that are in `kept`, and write them under `stamp`, which is of these clips.

    A model's caption stays when another captioner is asked for, when it is forced and the new answer is none, and
    beside one of facts only, which is not even made unless forced; its own facts are told anew. `stamp` is written
    with `failed`, the clips whose captioner has no caption, and `state`, a fingerprint of the current rows.
    """
    store, options, counts = curation.store, lineage.options.captions, Counts()
    shelf, staging = _Shelf(options), _Staging(store, shard)
    shelf.fill([*store.read(CAPTIONS, shard).to_pylist(), *staging.rows()])
    clips = [c for c in facts_of(store, lineage, shard) if c["clip_id"] in kept]
    settled = [] if force else [c for c in clips if shelf.is_settled(c["clip_id"])]
    for clip in settled:
        shelf.tell_facts(clip["clip_id"], facts(clip, options))
    there = {c["clip_id"] for c in settled}
    try:
        with store.by_video(KEYFRAMES, shard) as reader, closing(caption_shard(
            [c for c in clips if c["clip_id"] not in there], lambda c: _keyframes(reader, c),
            {} if force else shelf.previous(), options, progress, shard, counts, curation.retry_failed, staging.add,
        )) as captioned:  # fmt: skip
            shelf.fill(captioned)
    except BaseException:
        if staging.flush():
            shelf.fill(staging.rows())
            _write(store, shard, shelf, UNFINISHED)
            staging.clear()
        raise
    counts.reused += len(settled)
    failed = shelf.failed([c["clip_id"] for c in clips])
    counts.rows = _write(store, shard, shelf, replace(stamp, extra=stamp.extra | {"failed": failed}))
    staging.clear()
    return counts


def is_paid_for(row: Mapping[str, Any]) -> bool:
    """Whether a model wrote the caption."""
    return row["captioner"] != MEASURED and row["caption_status"] in CAPTIONED


def failed_captions(store: Store, shard: str, kept: set[str] | None = None) -> int:
    """Clips of a shard whose captioner was asked and gave no caption, whether or not another one's is shown.

    `kept`: only clips of these; None = of all that tier_1 kept when the captions were written.
    """
    stored = store.stamp(CAPTIONS.name, shard)
    failed = stored.extra.get("failed", []) if stored else []
    return len(failed if kept is None else kept.intersection(failed))


class _Shelf:
    """Rows by clip and recipe; those of a clip in the order in which they were last asked for."""

    def __init__(self, options: CaptionOptions) -> None:
        self.options = options
        self.rows: dict[str, dict[str, Row]] = {}

    def fill(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self.add(row)

    def add(self, row: Row) -> None:
        """A row in place of the one of the same clip and recipe, except that a caption stays when the new row is none.

        The facts are the clip's: all its rows get those of the newest. A model's caption replaces one of facts only.
        """
        clip_id, recipe = row["clip_id"], row["caption_recipe"]
        rows = self.rows.setdefault(clip_id, {})
        old = rows.get(recipe)
        if old is None or old["caption_status"] not in CAPTIONED or row["caption_status"] in CAPTIONED:
            rows.pop(recipe, None)
            rows[recipe] = row
        if is_paid_for(row):
            self.rows[clip_id] = rows = {k: r for k, r in rows.items() if r["captioner"] != MEASURED}
        self.tell_facts(clip_id, {k: row[k] for k in FACTS})

    def tell_facts(self, clip_id: str, told: Mapping[str, Any]) -> None:
        for row in self.rows[clip_id].values():
            row |= told

    def is_settled(self, clip_id: str) -> bool:
        """Whether facts only are asked for and a model's caption is there, which they would not replace."""
        rows = self.rows.get(clip_id, {})
        is_told = any(r["captioner"] == MEASURED for r in rows.values())
        return self.options.captioner == MEASURED and not is_told and any(map(is_paid_for, rows.values()))

    def asked(self, clip_id: str) -> Row | None:
        """The row of the captioner that is asked for now."""
        return self.rows.get(clip_id, {}).get(Captioner.of(clip_id, self.options).recipe)

    def previous(self) -> dict[str, Row]:
        return {clip_id: row for clip_id in self.rows if (row := self.asked(clip_id)) is not None}

    def failed(self, clip_ids: list[str]) -> list[str]:
        rows = {clip_id: self.asked(clip_id) for clip_id in clip_ids}
        return [c for c, row in rows.items() if row is not None and row["caption_status"] not in CAPTIONED]

    def of_clip(self, clip_id: str) -> list[Row]:
        """The rows of a clip as they are stored; one of facts only that is not current is left out: it costs nothing.

        Current is the caption asked for; else the newest of another model; else the row that says why there is none.
        """
        rows = list(self.rows[clip_id].values())
        own = self.asked(clip_id)
        paid = [r for r in rows if is_paid_for(r)]
        if own is not None and (own["caption_status"] in CAPTIONED or not paid):
            current = own
        else:
            current = (paid or [r for r in rows if r["caption_status"] in CAPTIONED] or rows)[-1]
        return [r | {"is_current": r is current} for r in rows if r is current or r["captioner"] != MEASURED]


class _Staging:
    """Answers of a shard that `captions` does not hold yet, in small parts, each there whole or not at all."""

    def __init__(self, store: Store, shard: str) -> None:
        self.store, self.table = store, replace(CAPTIONS, name=f".staging/captions/{shard}")
        self.next = 1 + max(map(int, store.parts(self.table.name)), default=0)
        self.came: list[Row] = []
        self.has_new = False
        self.last = time.monotonic()

    def rows(self) -> list[Row]:
        """All staged rows, oldest first."""
        parts = self.store.parts(self.table.name)
        return [row for part in parts for row in self.store.read(self.table, part).to_pylist()]

    def add(self, row: Row | None) -> None:
        """A new row, or None when some time has passed."""
        if row is not None:
            self.came.append(row)
        if len(self.came) >= STAGED_EVERY or time.monotonic() >= self.last + STAGED_AFTER_S:
            self.flush()

    def flush(self) -> bool:
        """Write what came; returns whether anything came since the start."""
        if self.came:
            self.store.write(self.table, f"{self.next:09d}", rows_to_table(CAPTIONS, self.came), UNFINISHED)
            self.next, self.came, self.has_new = self.next + 1, [], True
        self.last = time.monotonic()
        return self.has_new

    def clear(self) -> None:
        """What was staged is in the table."""
        for part in self.store.parts(self.table.name):
            self.store.delete(self.table.name, part)


def _write(store: Store, shard: str, shelf: _Shelf, stamp: Stamp) -> int:
    """In the order of `clips`; captions of clips that are no more (other cuts) stand at the end. Returns the rows."""
    order = store.read(CLIPS, shard, ["clip_id"])["clip_id"].to_pylist()
    order = [c for c in order if c in shelf.rows] + sorted(shelf.rows.keys() - set(order))
    rows = [row for clip_id in order for row in shelf.of_clip(clip_id)]
    state = fingerprint([row for row in rows if row["is_current"]])
    stamp = replace(stamp, extra=stamp.extra | {"state": state})
    store.write(CAPTIONS, shard, rows_to_table(CAPTIONS, rows), stamp)
    return len(rows)


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
