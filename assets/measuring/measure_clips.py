"""Some clips of one video measured by some scorers, in this process or in a worker.

The video's signals are read once for all of them, and its keyframes once, when the first scorer asks for one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from typing import Any

import polars as pl
import pyarrow as pa

from ..models.weights import ModelFolder
from ..store import Store, VideoReader
from ..tables import FRAME_SIGNALS, KEYFRAMES
from .clip_view import ClipView, Keyframe, Unmeasured
from .scorer import Scorer

Row = dict[str, Any]


@dataclass(frozen=True)
class Item:
    """Clips of one video in the order of their start, and for each the names of the scorers that it lacks."""

    video_id: str
    clips: tuple[Row, ...]
    lacking: tuple[tuple[str, ...], ...]

    @property
    def video_s(self) -> float:
        return float(sum(c["duration_s"] for c in self.clips))


@dataclass(frozen=True)
class MeasureClips:
    """Called with an Item, returns a row a clip and scorer: {clip_id: {scorer: row}}. Can be sent to a worker.

    `scorers` maps names to (reference, model). `made_of` tells one state of the shard's files from another: a worker
    may have opened those of an earlier one.
    """

    root: str
    shard: str
    made_of: str
    models: ModelFolder
    scorers: tuple[tuple[str, str, str | None], ...]

    @classmethod
    def of(
        cls, store: Store, shard: str, made_of: str, models: ModelFolder, scorers: Sequence[Scorer]
    ) -> MeasureClips:
        listed = tuple((s.name, s.reference, s.model) for s in scorers)
        return cls(store.address, shard, made_of, models, listed)

    def __call__(self, item: Item) -> dict[str, dict[str, Row]]:
        signals, keyframes = _readers(self.root, self.shard, self.made_of)
        frames = _frames(signals, item.video_id)
        found = {name: _find(reference, model) for name, reference, model in self.scorers}
        pictures = _Pictures(keyframes, item)
        return {
            clip["clip_id"]: self._measure(clip_view(clip, frames, pictures), [found[n] for n in names])
            for clip, names in zip(item.clips, item.lacking, strict=True)
        }

    def _measure(self, view: ClipView, scorers: list[Scorer]) -> dict[str, Row]:
        return {s.name: {"clip_id": view.clip["clip_id"]} | measure(s, view, self.models) for s in scorers}


def _find(reference: str, model: str | None) -> Scorer:
    module, _, name = reference.partition(":")
    found: Scorer = getattr(import_module(module), name)
    return replace(found, model=model)


@lru_cache(maxsize=1)
def _readers(root: str, shard: str, made_of: str) -> tuple[VideoReader, VideoReader]:
    store = Store(root)
    return store.by_video(FRAME_SIGNALS, shard), store.by_video(KEYFRAMES, shard)


def _frames(signals: VideoReader, video_id: str) -> pl.DataFrame:
    frames = pl.from_arrow(signals.read(video_id))
    assert isinstance(frames, pl.DataFrame)
    return frames


class _Pictures:
    """The keyframes of an item's clips: read together, at the first use."""

    def __init__(self, reader: VideoReader, item: Item) -> None:
        self.reader, self.item = reader, item
        self.rows: list[Row] | None = None

    def of(self, clip: Mapping[str, Any]) -> tuple[Keyframe, ...]:
        if self.rows is None:
            first, end = min(c["start_frame"] for c in self.item.clips), max(c["end_frame"] for c in self.item.clips)
            table = self.reader.between(self.item.video_id, first, end, ["frame", "pts_s", "jpeg"])
            self.rows = sorted(table.to_pylist(), key=lambda r: int(r["frame"]))
        return tuple(Keyframe(**r) for r in self.rows if clip["start_frame"] <= r["frame"] < clip["end_frame"])


def clip_view(clip: Row, frames: pl.DataFrame, pictures: _Pictures | None = None) -> ClipView:
    """What scorers see of a clip. Frame numbers are row numbers, since every decoded frame has a row."""
    own = frames.slice(clip["start_frame"], clip["end_frame"] - clip["start_frame"])
    pairs = own.filter(
        pl.col("flow_dt_s").is_not_null() & (pl.col("pts_s") - pl.col("flow_dt_s") >= clip["start_s"] - 1e-6)
    )
    return ClipView(clip, own, pairs, (lambda: pictures.of(clip)) if pictures else tuple)


def measure(scorer: Scorer, view: ClipView, models: ModelFolder | None = None) -> Row:
    """A scorer's values, or NULLs and the reason. What is None or not finite is no value: NULL has its reason."""
    nothing = {c.name: None for c in scorer.columns}
    try:
        model = models.load(scorer.model) if models and scorer.model else None
        measured = scorer(view, model)
        values = {c.name: pa.scalar(measured[c.name], c.type).as_py() for c in scorer.columns}
    except Unmeasured as reason:
        return nothing | {"error": str(reason)}
    except Exception as error:  # a scorer's fault must not cost the shard: it becomes a reason that is counted
        told = str(error).replace(f"{models.path}/", "") if models else str(error)  # rows name no machine's folders
        return nothing | {"error": f"{type(error).__name__}: {told}"}
    bad = [k for k, v in values.items() if v is None or (isinstance(v, float) and not math.isfinite(v))]
    cleaned = {k: None if k in bad else v for k, v in values.items()}
    return cleaned | {"error": f"no finite value for {', '.join(bad)}" if bad else None}
