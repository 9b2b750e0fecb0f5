"""Drawn footage through the real scan, as the one clip that it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
from synthetic import Row

from assets.measuring.clip_view import ClipView
from assets.measuring.measure_clips import clip_view, measure
from assets.measuring.scorer import Scorer
from assets.scan.scan_video import scan_video
from demo.footage import Frame, Pose, follow, photograph, write_video

SIZE = (320, 180)
FPS = 24
DIAGONAL = math.hypot(*SIZE)


def scanned(path: Path, frames: Iterable[Frame], fps: int | Fraction = FPS, **crop: int) -> ClipView:
    """The whole video as one clip; `crop_*` may narrow its content box. Encoder options as in `write_video`."""
    video = write_video(path / "footage.mp4", frames, fps, options={"crf": "18"})
    return whole(video, fps, **crop)


def whole(video: Path, fps: int | Fraction = FPS, **crop: int) -> ClipView:
    """A video file as one clip."""
    signals = pl.from_arrow(scan_video(video, "v").signals)
    assert isinstance(signals, pl.DataFrame)
    start_s, end_s = float(signals["pts_s"][0]), float(signals["pts_s"][-1] + 1 / fps)
    clip: Row = {"start_frame": 0, "end_frame": len(signals), "start_s": start_s, "end_s": end_s}
    clip |= {"duration_s": end_s - start_s, "fps": float(fps), "width": SIZE[0], "height": SIZE[1]}
    clip |= {"crop_x": 0, "crop_y": 0, "crop_w": SIZE[0], "crop_h": SIZE[1]} | crop
    return clip_view(clip, signals)


def measured(scorer: Scorer, view: ClipView) -> Row:
    """The scorer's values; fails when it gives a reason instead."""
    values = measure(scorer, view)
    assert values.pop("error") is None
    return values


def moved(
    name: str, frames: int = 48, fps: float = FPS, dx: float = 0, dy: float = 0, roll: float = 0, zoom: float = 0,
    wobble: Callable[[int], tuple[float, float]] = lambda i: (0.0, 0.0),
) -> Iterable[Frame]:  # fmt: skip
    """A photograph that moves: dx, dy in % of the diagonal per second, right and down; roll in degrees per second,
    clockwise; zoom as ln(scale) per second; wobble(frame) adds a shift in % of the diagonal."""
    pixels = DIAGONAL / 100
    room = [math.ceil(abs(v) * pixels * frames / fps) + 40 for v in (dx, dy)]
    picture = photograph(name, (SIZE[0] + room[0], SIZE[1] + room[1]))
    seconds = [(i - (frames - 1) / 2) / fps for i in range(frames)]
    poses: list[Any] = []
    for i, s in enumerate(seconds):
        x, y = wobble(i)
        poses.append(Pose((dx * s + x) * pixels, (dy * s + y) * pixels, math.exp(zoom * s), roll * s))
    return follow(picture, poses, SIZE)
