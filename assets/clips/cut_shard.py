"""The decoded frames of a shard become clips. Only stored series are read: other settings cost no decode."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import polars as pl

from ..lineage import Lineage
from ..options import ShotOptions
from ..store import Store, fingerprint, rows_to_table
from ..tables import CLIPS, FRAME_SIGNALS, RAW_VIDEOS, SCANS, SHOT_COUNTS
from ..work import Counts, Progress

SERIES = ["video_id", "frame", "pts_s", "content_val", "luma_mean", "luma_std", "layout", "sharpness",
          "border_top", "border_bottom", "border_left", "border_right", "transition_probability"]  # fmt: skip


def cut_shard(store: Store, lineage: Lineage, shard: str, progress: Progress, force: bool = False) -> Counts:
    """Write clips and shot_counts of the shard, by video and time; a video that was cut before is not cut again."""
    stamp = lineage.clips(shard)
    facts = {r["video_id"]: r for r in store.read(RAW_VIDEOS, shard).to_pylist()}
    scans = [s for s in store.read(SCANS, shard).to_pylist() if s["frames_decoded"]]
    rows, tallies = ({}, {}) if force else _cut_before(store, lineage, shard)
    todo = [s for s in scans if s["video_id"] not in tallies]
    progress.begin("clips", shard, len(todo), sum(s["end_s"] or 0.0 for s in todo))
    with store.by_video(FRAME_SIGNALS, shard) as signals:
        for scan in todo:
            video_id = scan["video_id"]
            frames = pl.from_arrow(signals.read(video_id, SERIES))
            assert isinstance(frames, pl.DataFrame)
            rows[video_id], tallies[video_id] = cut_video(
                facts[video_id], frames, scan["end_s"], shard, lineage.options.shots, bool(scan["quick"])
            )
            progress.advance(1, scan["end_s"] or 0.0)
    progress.end()
    ids = [s["video_id"] for s in scans]
    clips = [row for video_id in ids for row in rows.get(video_id, [])]
    store.write(SHOT_COUNTS, shard, rows_to_table(SHOT_COUNTS, [{"video_id": v} | tallies[v] for v in ids]), stamp)
    store.write(CLIPS, shard, rows_to_table(CLIPS, clips), store.sealed(stamp, shard, [SHOT_COUNTS.name]))
    return Counts(computed=len(todo), reused=len(scans) - len(todo), rows=len(clips))


def _cut_before(
    store: Store, lineage: Lineage, shard: str
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, dict[str, Any]]]:
    """Clips and tallies by video of the videos that were cut by the same recipe."""
    if not lineage.reusable(CLIPS.name, shard, lineage.clips(shard)):
        return {}, {}
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in store.read(CLIPS, shard).to_pylist():
        rows.setdefault(row["video_id"], []).append(row)
    return rows, {row["video_id"]: row for row in store.read(SHOT_COUNTS, shard).to_pylist()}


def cut_video(
    facts: dict[str, Any], frames: pl.DataFrame, end_s: float | None, shard: str, options: ShotOptions,
    quick: bool = False,
) -> tuple[list[dict[str, Any]], dict[str, int]]:  # fmt: skip
    """Rows of `clips` for one video, and its tally for `shot_counts`. `facts` is its row of raw_videos; `quick` says
    that its scan left frames out, which are no measure of its rate.
    """
    from .shots import clip_spans, find_shots

    settings, fps, media = shot_settings(options), facts["fps"] or 0.0, facts["media"] or "video"
    shots = find_shots(frames, fps, settings, media, quick)
    pts_s, sharpness = frames["pts_s"].to_numpy(), frames["sharpness"].to_numpy()
    spans, tally = clip_spans(shots, pts_s, end_s, sharpness, settings, media)
    rate = {"fps": facts["fps"]} if quick else {}
    return [clip_row(facts, frames, asdict(span) | rate, shard) for span in spans], asdict(tally)


def shot_settings(options: ShotOptions) -> Any:
    """The options in the form that shots.py takes."""
    from .cuts import CutSettings
    from .shots import ShotSettings

    cuts = CutSettings(
        adaptive_threshold=options.adaptive_threshold,
        min_scene_len=options.min_scene_len,
        min_content_val=options.min_content_val,
    )
    return ShotSettings(
        min_shot_s=options.min_shot_s, max_clip_s=options.max_clip_s, trim_window_s=options.trim_window_s, cuts=cuts
    )


def clip_row(facts: dict[str, Any], frames: pl.DataFrame, span: dict[str, Any], shard: str) -> dict[str, Any]:
    """A row of `clips`: the span, its identity, and the content box of its own frames."""
    from .crop import content_box

    own = frames.slice(span["start_frame"], span["end_frame"] - span["start_frame"])
    sides = [own[f"border_{side}"].cast(pl.Float64).to_numpy() for side in ("top", "bottom", "left", "right")]
    width, height = facts["width"], facts["height"]
    x, y, w, h = content_box(width, height, (sides[0], sides[1], sides[2], sides[3]), own["luma_std"].to_numpy())
    start_us, end_us = round(span["start_s"] * 1e6), round(span["end_s"] * 1e6)
    identity = {
        "clip_id": fingerprint(facts["video_id"], start_us, end_us),
        "video_id": facts["video_id"],
        "shard": shard,
    }
    box = {
        "crop_x": x,
        "crop_y": y,
        "crop_w": w,
        "crop_h": h,
        "short_side": min(w, h),
        "orientation": orientation(w, h),
    }
    return identity | span | {"width": width, "height": height} | box


def orientation(width: int, height: int) -> str:
    """landscape, portrait or square."""
    return "square" if width == height else "landscape" if width > height else "portrait"
