"""The clips of a shard measured. Each video's rows are read once for all scorers that are asked for.

A scorer's file is a cache (scores/<scorer>/<shard>); the wide `filter_scores` row is written once, from all of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import polars as pl
import pyarrow as pa

from ..columns import STRING, Column, Table
from ..lineage import Lineage
from ..store import Store, rows_to_table
from ..tables import CLIP_ID, CLIPS, ERRORS, FILTER_SCORES, FRAME_SIGNALS
from ..work import Counts, Progress
from .scorers import SCORERS
from .scorers.scorer import ClipView, Scorer, Unmeasured

ERROR = Column("error", STRING, "Why the columns are NULL.")


def scorer_table(scorer: Scorer) -> Table:
    """The cache table of one scorer."""
    return Table(f"scores/{scorer.name}", scorer.doc.split("\n")[0], ("clip_id",), (CLIP_ID, *scorer.columns, ERROR))


Rows = dict[str, dict[str, Any]]


def score_shard(
    store: Store, lineage: Lineage, shard: str, scorers: Sequence[Scorer], progress: Progress, force: bool = False
) -> dict[str, Counts]:
    """Measure the clips of the shard that a scorer has not measured yet, and write one cache file a scorer."""
    clips = store.read(CLIPS, shard).to_pylist()
    rows = {s.name: {} if force else _scored_before(store, lineage, shard, s) for s in scorers}
    todo = [c for c in clips if any(c["clip_id"] not in rows[s.name] for s in scorers)]
    counts = {s.name: Counts(rows=len(clips)) for s in scorers}
    progress.begin("filter_scores", shard, len(todo), sum(c["duration_s"] for c in todo))
    with store.by_video(FRAME_SIGNALS, shard) as signals:
        for video_id, group in groupby(todo, key=lambda c: c["video_id"]):
            frames = pl.from_arrow(signals.read(video_id))
            assert isinstance(frames, pl.DataFrame)
            for clip in group:
                _score(
                    clip_view(clip, frames), [s for s in scorers if clip["clip_id"] not in rows[s.name]], rows, counts
                )
                progress.advance(1, clip["duration_s"])
    progress.end()
    for scorer in scorers:
        listed = [rows[scorer.name][c["clip_id"]] for c in clips]
        counts[scorer.name].failed = sum(r["error"] is not None for r in listed)
        counts[scorer.name].reused = len(clips) - counts[scorer.name].computed
        table = scorer_table(scorer)
        store.write(table, shard, rows_to_table(table, listed), lineage.scorer(scorer.name, shard))
    return counts


def _score(view: ClipView, scorers: Sequence[Scorer], rows: dict[str, Rows], counts: dict[str, Counts]) -> None:
    clip_id = view.clip["clip_id"]
    for scorer in scorers:
        rows[scorer.name][clip_id] = {"clip_id": clip_id} | measure(scorer, view)
        counts[scorer.name].computed += 1


def _scored_before(store: Store, lineage: Lineage, shard: str, scorer: Scorer) -> Rows:
    """Rows by clip that the same recipe made: a clip's id says which frames it holds."""
    folder = f"scores/{scorer.name}"
    if not lineage.reusable(folder, shard, lineage.scorer(scorer.name, shard)):
        return {}
    return {row["clip_id"]: row for row in store.read(scorer_table(scorer), shard).to_pylist()}


def clip_view(clip: dict[str, Any], frames: pl.DataFrame) -> ClipView:
    """What scorers see of a clip. Frame numbers are row numbers, since every decoded frame has a row."""
    own = frames.slice(clip["start_frame"], clip["end_frame"] - clip["start_frame"])
    pairs = own.filter(
        pl.col("flow_dt_s").is_not_null() & (pl.col("pts_s") - pl.col("flow_dt_s") >= clip["start_s"] - 1e-6)
    )
    return ClipView(clip, own, pairs)


def measure(scorer: Scorer, view: ClipView) -> dict[str, Any]:
    """A scorer's values, or NULLs and the reason. A value that is not a finite number is no value."""
    nothing = {c.name: None for c in scorer.columns}
    try:
        measured = scorer(view)
        values = {c.name: pa.scalar(measured[c.name], c.type).as_py() for c in scorer.columns}
    except Unmeasured as reason:
        return nothing | {"error": str(reason)}
    except Exception as error:  # a scorer's fault must not cost the shard: it becomes a reason that is counted
        return nothing | {"error": f"{type(error).__name__}: {error}"}
    bad = [k for k, v in values.items() if v is None or (isinstance(v, float) and not math.isfinite(v))]
    cleaned = {k: None if k in bad else v for k, v in values.items()}
    return cleaned | {"error": f"no finite value for {', '.join(bad)}" if bad else None}


def write_wide(store: Store, lineage: Lineage, shard: str) -> Counts:
    """Join the scorers' caches by clip_id into the wide row, in the order of `clips`."""
    order = store.read(CLIPS, shard, ["clip_id"])["clip_id"].to_pylist()
    columns: dict[str, list[Any]] = {"clip_id": order}
    reasons: list[dict[str, str]] = [{} for _ in order]
    for scorer in SCORERS:
        by_clip = {r["clip_id"]: r for r in store.read(scorer_table(scorer), shard).to_pylist()}
        for column in scorer.columns:
            columns[column.name] = [by_clip[c][column.name] for c in order]
        for reason, clip in zip(reasons, order, strict=True):
            if by_clip[clip]["error"] is not None:
                reason[scorer.name] = by_clip[clip]["error"]
    columns[ERRORS.name] = [list(r.items()) for r in reasons]
    wide = pa.table({c.name: pa.array(columns[c.name], c.type) for c in FILTER_SCORES.columns}, FILTER_SCORES.schema)
    store.write(FILTER_SCORES, shard, wide, lineage.filter_scores(shard))
    return Counts(computed=len(order), rows=len(order))
