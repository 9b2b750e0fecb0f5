"""Series of frame signals of known value, and clips of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl
from synthetic import Row

from assets.measuring.measure_clips import clip_view, measure
from assets.measuring.scorer import Scorer
from assets.store import rows_to_table
from assets.tables import FRAME_SIGNALS

FPS = 24.0
WIDE: Row = {"width": 1600, "height": 900, "crop_x": 0, "crop_y": 0, "crop_w": 1600, "crop_h": 900}
LETTERBOX = WIDE | {"crop_y": 200, "crop_h": 500}
PILLARBOX = WIDE | {"crop_x": 400, "crop_w": 800}
Grid = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def grid(x: float, y: float) -> Grid:
    """The same vector in every cell, % of the diagonal per second."""
    return np.broadcast_to(np.array([x, y]), (9, 16, 2)).astype(np.float64)


def frames(count: int, flows: Iterable[Grid] = (), every: int = 3, **columns: Any) -> pl.DataFrame:
    """Rows of frame_signals at 24 fps; a flow pair ends on every third frame, from the third on."""
    listed, rows = list(flows), []
    for i in range(count):
        row = {
            "video_id": "v",
            "frame": i,
            "pts_s": i / FPS,
            "sharpness": 100.0,
            "luma_mean": 80.0,
            "dark_ratio": 0.0,
            "bright_ratio": 0.0,
        }
        row |= {k: v[i] if isinstance(v, list) else v for k, v in columns.items()}
        if listed and i >= every and i % every == 0:
            flow = listed[(i // every - 1) % len(listed)].astype(np.float16)
            row |= {"flow_dt_s": every / FPS, "flow_grid": flow.tobytes()}
        rows.append(row)
    frame = pl.from_arrow(rows_to_table(FRAME_SIGNALS, rows))
    assert isinstance(frame, pl.DataFrame)
    return frame


def clip(start: int, end: int, box: Row = WIDE) -> Row:
    return {"start_frame": start, "end_frame": end, "start_s": start / FPS, "end_s": end / FPS} | box


def scores(measured: Scorer, signals: pl.DataFrame, of: Row) -> Row:
    return measure(measured, clip_view(of, signals))
