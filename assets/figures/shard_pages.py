"""Pages of the assets that read and decode: raw_videos, frame_signals, keyframes, scans, clips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..tables import CLIPS, FRAME_SIGNALS, KEYFRAMES, RAW_VIDEOS, SCANS
from ..video_reader import VideoReader
from .album import CLIP_COLUMNS, Album, Row
from .charts import Numbers, histograms, series_chart
from .choose import across_cuts, each_kind_first, evenly
from .histogram import bounds_on, histogram
from .markdown import Markdown, image, page, table, text
from .scene import FIGURES, Facts, Scene, seconds, size_of
from .sheet import Cell, Strip, sheet

VIDEOS_SHOWN, A_ROW = 24, 5
FILES_NAMED, KINDS_NAMED = 20, 12
CLIPS_SHOWN, VIDEOS_DRAWN = 5, 3
SIGNALS = {"content_val": "content change", "flow_mean": "flow", "luma_mean": "luma"}
POINTS = 600
"""Of a line: more than its panel has pixels."""


def counted(rows: pa.Table, by: Sequence[str], sums: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Rows by the values of some columns, the most frequent first: `by`, count_all and NAME_sum."""
    grouped = rows.group_by(list(by)).aggregate([([], "count_all"), *((name, "sum") for name in sums)])
    order = [("count_all", "descending"), *((name, "ascending") for name in by)]
    return list(grouped.sort_by(order).to_pylist())


def raw_videos(scene: Scene) -> Facts:
    """What kinds of files the shard holds, and which cannot be scanned."""
    rows = scene.store.read(RAW_VIDEOS, scene.part)
    kinds = counted(rows, ["media", "container", "codec"], ["duration_s", "bytes"])
    listed = [
        (r["media"] or "not read", (r["container"] or "").partition(",")[0], r["codec"], r["count_all"],
         seconds(r["duration_s_sum"] or 0.0), round((r["bytes_sum"] or 0) / 1e6, 1))
        for r in kinds[:KINDS_NAMED]
    ]  # fmt: skip
    facts = {"kinds": table(("media", "container", "codec", "files", "time", "MB"), listed)}
    bad = rows.filter(pc.is_valid(rows["probe_status"]))
    return facts | _not_ok(scene, bad, "probe_status", "probe_error")


def _not_ok(scene: Scene, bad: pa.Table, status: str, error: str) -> Facts:
    """Files that did not end well, with their sentences."""
    with Album(scene.store, scene.part) as album:
        listed = [
            f"- **{text(r[status])}** {text(album.name(r['video_id']))}: {text(r[error])}"
            for r in bad.slice(0, FILES_NAMED).to_pylist()
        ]
    listed += [f"- and {len(bad) - FILES_NAMED} more"] if len(bad) > FILES_NAMED else []
    return {"not ok": Markdown("\n".join(listed))} if listed else {}


def scans(scene: Scene) -> Facts:
    """How decoding ended."""
    rows = scene.store.read(SCANS, scene.part)
    statuses = counted(rows, ["status"], ["frames_decoded"])
    listed = [(r["status"], r["count_all"], r["frames_decoded_sum"]) for r in statuses]
    bad = rows.filter(pc.not_equal(rows["status"], "ok"))
    return {"statuses": table(("status", "videos", "frames decoded"), listed)} | _not_ok(scene, bad, "status", "error")


def keyframes(scene: Scene) -> Facts:
    """A contact sheet of the shard's videos, evenly over it."""
    stored = scene.store.read(KEYFRAMES, scene.part, ["video_id"])["video_id"].unique().to_pylist()
    facts = scene.store.read(RAW_VIDEOS, scene.part, ["video_id", "width", "height", "duration_s"])
    told = {row["video_id"]: row for row in facts.to_pylist()}
    with Album(scene.store, scene.part) as album:
        cells = [
            Cell(album.of_video(v), (album.name(v), f"{size_of(told[v])}, {seconds(told[v]['duration_s'])}"))
            for v in evenly(stored, VIDEOS_SHOWN)
        ]
    if not cells:
        return {}
    strips = [Strip("", tuple(cells[i : i + A_ROW])) for i in range(0, len(cells), A_ROW)]
    words = Markdown(f"{len(cells)} of the shard's {len(stored)} videos with pictures, by a frame of their middle.")
    return {FIGURES: page(words, image(sheet(strips), "videos"))}


def frame_signals(scene: Scene) -> Facts:
    """Three signals over time of three videos: the longest, the shortest with at least two seconds, one between."""
    rows = scene.store.read(SCANS, scene.part, ["video_id", "frames_decoded", "end_s"])
    rows = rows.filter(pc.and_(pc.greater(rows["frames_decoded"], 2), pc.greater(rows["end_s"], 2.0)))
    order = rows.sort_by([("end_s", "descending"), ("video_id", "ascending")])["video_id"].to_pylist()
    if not order:
        return {}
    with Album(scene.store, scene.part) as album, VideoReader(scene.store, FRAME_SIGNALS, scene.part) as reader:
        listed = [_series(album, reader, video_id) for video_id in evenly(order, VIDEOS_DRAWN)]
    words = Markdown(
        "Change of content (peaks are cuts), optical flow in % of the diagonal per s, mean luma in levels: of the "
        "longest video, one of the middle, and the shortest of 2 s or more."
    )
    return {FIGURES: page(words, image(series_chart(listed), "signals over time"))}


def _series(album: Album, reader: VideoReader, video_id: str) -> tuple[str, Numbers, dict[str, Numbers]]:
    """The highest value of each of POINTS stretches, so that no peak is lost."""
    rows = reader.read(video_id, ["pts_s", *SIGNALS])
    starts = np.unique(np.linspace(0, len(rows) - 1, min(POINTS, len(rows))).astype(int))
    values = {}
    for name, words in SIGNALS.items():
        column = rows[name].fill_null(float("nan")).to_numpy().astype(float)
        values[words] = _filled(np.fmax.reduceat(column, starts))
    return album.name(video_id), rows["pts_s"].to_numpy().astype(float)[starts], values


def _filled(values: Numbers) -> Numbers:
    """Flow is measured at some frames: between them the line goes straight."""
    known = np.flatnonzero(~np.isnan(values))
    return np.interp(np.arange(len(values)), known, values[known]) if len(known) else np.zeros(len(values))


def clips(scene: Scene) -> Facts:
    """Some clips with the pictures on both sides of their cuts, and how long clips are."""
    rows = scene.store.read(CLIPS, scene.part, CLIP_COLUMNS)
    if not len(rows):
        return {}
    bounds = counted(rows, ["boundary_in", "boundary_out"])
    listed = [(r["boundary_in"], r["boundary_out"], r["count_all"]) for r in bounds]
    lengths = rows["duration_s"].to_numpy().astype(float)
    chart = histograms([histogram("duration_s", "s", lengths, bounds_on(scene.curation.preset, "duration_s"))])
    moving = [clip for clip in rows.to_pylist() if clip["duration_s"] > 0]
    chosen = each_kind_first(moving, lambda clip: str(clip["boundary_in"]), CLIPS_SHOWN)
    with Album(scene.store, scene.part) as album:
        strips = [_cut_strip(album, clip) for clip in chosen]
    words = Markdown(
        "Each strip is a clip: its first, middle and last stored picture between red lines, its cuts; pale, the "
        "nearest pictures outside it."
    )
    pictures = page(words, image(sheet(strips), "clips and their cuts")) if strips else Markdown("")
    return {
        "boundaries": table(("begins with", "ends with", "clips"), listed),
        FIGURES: page(image(chart, "durations"), pictures),
    }


def _cut_strip(album: Album, clip: Row) -> Strip:
    before, inside, after = album.across(clip)
    frames = across_cuts(list(before), list(inside), list(after))
    times = before | inside | after
    pictures = album.pictures(clip["video_id"], [f for f in frames if f is not None])
    edges = {0: "nothing before it", len(frames) - 1: "nothing after it"}
    cells = []
    for place, frame in enumerate(frames):
        told = edges.get(place, "") if frame is None else seconds(times[frame])
        picture = None if frame is None else pictures.get(frame)
        cells.append(Cell(picture, (told,), outside=place in edges, cut=place in (1, len(frames) - 1)))
    title = (
        f"{album.name(clip['video_id'])}: {clip['boundary_in']} at {seconds(clip['start_s'])}, "
        f"{clip['boundary_out']} at {seconds(clip['end_s'])}; {clip['duration_s']:.1f} s"
    )
    return Strip(title, tuple(cells))
