"""The one decode of a video: frame signals, keyframes and how it ended.

Loaded only by workers that read media (it imports av and cv2). Pure: the same file gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from ..tables import FRAME_SIGNALS, KEYFRAMES
from .decoder import COUNTERS, Decode, ScanLimits, decode
from .keyframes import Keyframes
from .pictures import Geometry, Pictures
from .signals.blockiness import Blockiness
from .signals.borders import Borders
from .signals.colour import Colour
from .signals.content import Content
from .signals.difference import Difference, change_columns
from .signals.flow import Flow
from .signals.histogram import hist_diff
from .signals.luma import luma_columns
from .signals.noise import Noise
from .signals.sharpness import Sharpness
from .signals.ticks import Ticks
from .signals.transition import Transition, TransitionModel
from .signals.vmaf_motion import VmafMotion

FLOW_RATE = 8.0
SLOW_RATE = 4.0
BATCH_ROWS = 1024
UNSETTLED = 8
"""Key frames of the last frames, to which the sides of a peak may still be added."""

Values = dict[str, Any]


@dataclass(frozen=True)
class ScanResult:
    """signals: FRAME_SIGNALS rows; keyframes: KEYFRAMES rows; scan: one SCANS row; opens and frames: what it cost."""

    signals: pa.Table
    keyframes: pa.Table
    scan: Values
    opens: int
    frames: int


class _Columns:
    """Rows of frame_signals as Arrow batches of a thousand, so that hours of video stay small.

    What follows from histograms and sums, and the flow, are worked out for a batch at once: after a decoded frame code
    and data have left the processor's caches, and the same work costs half as much again to ten times as much.
    """

    def __init__(self, video_id: str) -> None:
        self._video_id = video_id
        self._names = [name for name in FRAME_SIGNALS.names if name not in ("video_id", "transition_probability")]
        self._schema = pa.schema([FRAME_SIGNALS.schema.field(name) for name in self._names])
        self._flow = Flow()
        self._rows: list[Values] = []
        self._ticks: list[tuple[Values, np.ndarray, Geometry]] = []
        self._histograms: list[np.ndarray] = []
        self._before: np.ndarray | None = None
        self._shape: tuple[int, ...] = ()
        self._batches: list[pa.RecordBatch] = []

    def append(self, values: Values, pictures: Pictures, is_tick: bool) -> None:
        """`is_tick`: the frame is the end of a flow pair, and the start of the next."""
        self._rows.append(values)
        self._histograms.append(pictures.histogram)
        self._shape = pictures.luma.shape
        if is_tick:
            self._ticks.append((values, pictures.flow, pictures.geometry))
        if len(self._rows) == BATCH_ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        for values, picture, geometry in self._ticks:
            values.update(self._flow(picture, values["pts_s"], geometry))
        histograms = np.stack(self._histograms)
        made = luma_columns(histograms) | {"hist_diff": hist_diff(histograms, self._before)}
        made |= change_columns([row["change"] for row in self._rows], self._shape)
        columns = [
            pa.array(made[f.name], f.type, mask=np.isnan(made[f.name]))
            if f.name in made
            else pa.array([row.get(f.name) for row in self._rows], f.type)
            for f in self._schema
        ]
        self._batches.append(pa.record_batch(columns, schema=self._schema))
        self._rows, self._ticks, self._histograms, self._before = [], [], [], histograms[-1]

    def table(self, probability: dict[int, float]) -> pa.Table:
        self._flush()
        table = pa.Table.from_batches(self._batches, schema=self._schema)
        ids = pa.repeat(pa.scalar(self._video_id, pa.string()), table.num_rows)
        chances = pa.array([probability.get(i) for i in range(table.num_rows)], pa.float32())
        table = table.append_column("video_id", ids).append_column("transition_probability", chances)
        return table.select(FRAME_SIGNALS.names).cast(FRAME_SIGNALS.schema)


class _Signals:
    """The signals of one frame after the other, in the order in which they share pictures."""

    def __init__(self) -> None:
        self.every = (Content(), Difference(), Sharpness(), VmafMotion())
        self.slow = (Colour(), Blockiness(), Noise(), Borders())
        self.slow_due = Ticks(SLOW_RATE)

    def __call__(self, pictures: Pictures, index: int, pts_s: float) -> Values:
        values: Values = {"frame": index, "pts_s": pts_s}
        for signal in self.every:
            values.update(signal(pictures))
        if self.slow_due(pts_s):
            for slow in self.slow:
                values.update(slow(pictures))
        return values


def scan_video(
    path: str | Path,
    video_id: str,
    *,
    limits: ScanLimits | None = None,
    transition_model: TransitionModel | None = None,
    doubtful: Callable[[Values], bool] | None = None,
    keyframe_sink: Callable[[pa.Table], None] | None = None,
) -> ScanResult:
    """Decode a file once and measure all that later stages need of its pixels.

    keyframe_sink: takes KEYFRAMES rows while the decode goes on; without one they are in the result.
    transition_model: see signals/transition.py; doubtful(values of a frame) says where it is asked, None = everywhere.
    Raises nothing for bad media: the status says it, and what could be decoded is there.
    """
    cv2.setNumThreads(1)
    opens = COUNTERS.opens
    media = decode(path, limits)
    signals, keyframes, transition = _Signals(), Keyframes(), Transition(transition_model)
    columns, kept = _Columns(video_id), [KEYFRAMES.schema.empty_table()]
    drawn = _Pictures(video_id, keyframes, keyframe_sink or kept.append)
    geometry, interlaced, flow_due = None, False, Ticks(FLOW_RATE)
    for index, pts_s, frame in media:
        geometry = geometry or Geometry.of(frame, media.pixel_aspect)
        interlaced = interlaced or frame.interlaced_frame
        pictures = Pictures(frame, geometry, field_only=interlaced)
        values = signals(pictures, index, pts_s)
        keyframes(index, pts_s, values["content_val"], pictures)
        drawn.drain()
        transition(pictures, doubtful is None or doubtful(values))
        columns.append(values, pictures, flow_due(pts_s))
    keyframes.finish()
    transition.finish()
    drawn.drain(rest=True)
    return ScanResult(
        columns.table(transition.probability),
        pa.concat_tables(kept),
        _scan_row(video_id, media),
        COUNTERS.opens - opens,
        media.frames,
    )


class _Pictures:
    """Key frames leave for `sink` as Arrow tables of a few hundred, so that hours of video stay small."""

    def __init__(self, video_id: str, keyframes: Keyframes, sink: Callable[[pa.Table], None]) -> None:
        self._video_id, self._keyframes, self._sink = video_id, keyframes, sink

    def drain(self, rest: bool = False) -> None:
        """Hand over full tables; the newest rows wait, since the sides of a peak come late. `rest` = all of them."""
        rows = self._keyframes.rows
        while len(rows) >= KEYFRAMES.group_rows + UNSETTLED or (rest and rows):
            frames = sorted(rows)[: KEYFRAMES.group_rows]
            listed = [(self._video_id, frame, *rows.pop(frame)) for frame in frames]
            columns = zip(zip(*listed, strict=True), KEYFRAMES.schema, strict=True)
            self._sink(pa.table([pa.array(c, f.type) for c, f in columns], schema=KEYFRAMES.schema))


def _scan_row(video_id: str, media: Decode) -> Values:
    return {
        "video_id": video_id,
        "frames_decoded": media.frames,
        "quick": media.quick,
        "end_s": media.end_s,
        "status": media.status,
        "error": media.error,
    }
