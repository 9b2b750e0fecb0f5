"""The one decode of a video: frame signals, keyframes and how it ended.

Loaded only by workers that read media (it imports av and cv2). Pure: the same file gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import pyarrow as pa

from ..tables import FRAME_SIGNALS, KEYFRAMES
from .decoder import COUNTERS, Decode, ScanLimits, decode
from .keyframes import Keyframes
from .pictures import Geometry, Pictures
from .signals.blockiness import Blockiness
from .signals.borders import Borders
from .signals.colour import Colour
from .signals.content import Content
from .signals.difference import Difference
from .signals.flow import Flow
from .signals.histogram import Histogram
from .signals.luma import Luma
from .signals.noise import Noise
from .signals.sharpness import Sharpness
from .signals.ticks import Ticks
from .signals.transition import Transition, TransitionModel
from .signals.vmaf_motion import VmafMotion

FLOW_RATE = 8.0
SLOW_RATE = 4.0
BATCH_ROWS = 4096

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
    """Rows of frame_signals as Arrow batches of a few thousand, so that hours of video stay small."""

    def __init__(self, video_id: str) -> None:
        self._video_id = video_id
        self._names = [name for name in FRAME_SIGNALS.names if name not in ("video_id", "transition_probability")]
        self._schema = pa.schema([FRAME_SIGNALS.schema.field(name) for name in self._names])
        self._lists: dict[str, list[Any]] = {name: [] for name in self._names}
        self._batches: list[pa.RecordBatch] = []

    def append(self, values: Values) -> None:
        for name, column in self._lists.items():
            column.append(values.get(name))
        if len(self._lists["frame"]) == BATCH_ROWS:
            self._flush()

    def _flush(self) -> None:
        self._batches.append(pa.record_batch(list(self._lists.values()), schema=self._schema))
        self._lists = {name: [] for name in self._names}

    def table(self, probability: dict[int, float]) -> pa.Table:
        self._flush()
        table = pa.Table.from_batches(self._batches, schema=self._schema)
        ids = pa.repeat(pa.scalar(self._video_id, pa.string()), table.num_rows)
        chances = pa.array([probability.get(i) for i in range(table.num_rows)], pa.float32())
        table = table.append_column("video_id", ids).append_column("transition_probability", chances)
        return table.select(FRAME_SIGNALS.names).cast(FRAME_SIGNALS.schema)


class _Signals:
    """All signals of one video, in the order in which they share pictures."""

    def __init__(self) -> None:
        self.every = (Content(), Histogram(), Luma(), Difference(), Sharpness(), VmafMotion())
        self.slow = (Colour(), Blockiness(), Noise(), Borders())
        self.flow = Flow()
        self.flow_due, self.slow_due = Ticks(FLOW_RATE), Ticks(SLOW_RATE)

    def __call__(self, pictures: Pictures, pts_s: float) -> Values:
        values: Values = {}
        for signal in self.every:
            values.update(signal(pictures))
        if self.flow_due(pts_s):
            values.update(self.flow(pictures, pts_s))
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
) -> ScanResult:
    """Decode a file once and measure all that later stages need of its pixels.

    transition_model: see signals/transition.py; doubtful(values of a frame) says where it is asked, None = everywhere.
    Raises nothing for bad media: the status says it, and what could be decoded is there.
    """
    cv2.setNumThreads(1)
    opens = COUNTERS.opens
    media = decode(path, limits)
    signals, keyframes, transition = _Signals(), Keyframes(), Transition(transition_model)
    columns = _Columns(video_id)
    geometry, interlaced = None, False
    for index, pts_s, frame in media:
        geometry = geometry or Geometry.of(frame, media.pixel_aspect)
        interlaced = interlaced or frame.interlaced_frame
        pictures = Pictures(frame, geometry, field_only=interlaced)
        values = signals(pictures, pts_s)
        keyframes(index, pts_s, values["content_val"], pictures)
        transition(pictures, doubtful is None or doubtful(values))
        columns.append({"frame": index, "pts_s": pts_s, **values})
    keyframes.finish()
    transition.finish()
    return ScanResult(
        columns.table(transition.probability),
        _keyframe_table(video_id, keyframes),
        _scan_row(video_id, media),
        COUNTERS.opens - opens,
        media.frames,
    )


def _keyframe_table(video_id: str, keyframes: Keyframes) -> pa.Table:
    """The pictures leave the dictionary as they enter the table, so that they are not held twice."""
    pieces = []
    frames = sorted(keyframes.rows)
    for start in range(0, len(frames), KEYFRAMES.group_rows):
        rows = [(video_id, f, *keyframes.rows.pop(f)) for f in frames[start : start + KEYFRAMES.group_rows]]
        columns = [pa.array(c, f.type) for c, f in zip(zip(*rows, strict=True), KEYFRAMES.schema, strict=True)]
        pieces.append(pa.table(columns, schema=KEYFRAMES.schema))
    return pa.concat_tables(pieces) if pieces else KEYFRAMES.schema.empty_table()


def _scan_row(video_id: str, media: Decode) -> Values:
    return {
        "video_id": video_id,
        "frames_decoded": media.frames,
        "end_s": media.end_s,
        "status": media.status,
        "error": media.error,
    }
