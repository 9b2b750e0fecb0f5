"""Copies of footage as they are met on the web: borders, grey, logos, other sizes and rates; measured without a root.

Used by benchmarks/duplicates.py and by the tests of duplicates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import polars as pl

from assets.clips.cut_shard import cut_video
from assets.embeddings.classical import classical
from assets.embeddings.hashes import KEYFRAME_HASHES, keyframe_hashes
from assets.embeddings.tables import EMBEDDINGS
from assets.measuring.clip_view import ClipView, Keyframe
from assets.measuring.measure_clips import clip_view, measure
from assets.options import ShotOptions
from assets.raw_videos.probe import probe
from assets.scan.scan_video import scan_video
from assets.store import fingerprint, rows_to_table
from demo.footage import Frame, write_video

Row = dict[str, Any]
LONG_SIDE = 640
SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]], np.float32)


def bordered(frame: Frame, vertical: float, horizontal: float) -> Frame:
    """Black bars of these shares of the height above and below, and of the width left and right."""
    height, width = frame.shape[:2]
    high, wide = int(height * vertical) // 2 * 2, int(width * horizontal) // 2 * 2
    return np.asarray(cv2.copyMakeBorder(frame, high, high, wide, wide, cv2.BORDER_CONSTANT), np.uint8)


def grey(frame: Frame) -> Frame:
    return np.asarray(cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)


def sepia(frame: Frame) -> Frame:
    return np.clip(frame.astype(np.float32) @ SEPIA.T, 0, 255).astype(np.uint8)


def with_logo(frame: Frame) -> Frame:
    """A white plate with a red disc in the upper right corner: a ninth of the height, under 3 % of the area."""
    marked, height, width = frame.copy(), *frame.shape[:2]
    side, y = height // 9, height // 20
    x = width - 2 * side - width // 20
    marked[y : y + side, x : x + 2 * side] = (250, 240, 240)
    cv2.circle(marked, (x + side, y + side // 2), side // 3, (200, 20, 30), -1)
    return marked


def cropped(frame: Frame, share: float) -> Frame:
    """Without `share` of the width and of the height, taken off evenly."""
    y, x = (int(side * share / 2) for side in frame.shape[:2])
    height, width = ((side - 2 * off) // 2 * 2 for side, off in zip(frame.shape[:2], (y, x), strict=True))
    return np.ascontiguousarray(frame[y : y + height, x : x + width])


def resized(frame: Frame, scale: float) -> Frame:
    height, width = (max(2, round(side * scale) // 2 * 2) for side in frame.shape[:2])
    return np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(frozen=True)
class Kind:
    """How a copy is made: each frame by `draw`, the span kept, the rate by `rate` (None = the original's)."""

    draw: Callable[[Frame], Frame] = lambda frame: frame
    keep: tuple[float, float] = (0.0, 1.0)
    rate: Callable[[float], float] = lambda fps: fps
    options: Mapping[str, str] = field(default_factory=lambda: {"preset": "veryfast", "crf": "23"})
    is_copy: bool = True


POOR = {"preset": "veryfast", "crf": "34"}
KINDS: dict[str, Kind] = {
    "re-encoded, low bit rate": Kind(options=POOR),
    "letterboxed": Kind(lambda f: bordered(f, 0.17, 0)),
    "pillarboxed": Kind(lambda f: bordered(f, 0, 0.25)),
    "grey": Kind(grey),
    "sepia": Kind(sepia),
    "brighter": Kind(lambda f: np.clip(f * np.float32(1.15) + 12, 0, 255).astype(np.uint8)),
    "small logo": Kind(with_logo),
    "half size": Kind(lambda f: resized(f, 0.5)),
    "half frame rate": Kind(rate=lambda fps: fps / 2),
    "30 frames a second": Kind(rate=lambda fps: 30.0),
    "13 % shorter at the start": Kind(keep=(0.13, 1.0)),
    "15 % shorter at both ends": Kind(keep=(0.07, 0.92)),
    "cropped by 5 %": Kind(lambda f: cropped(f, 0.05)),
    "cropped by 10 %": Kind(lambda f: cropped(f, 0.1)),
    "letterboxed, grey, poor, shorter": Kind(lambda f: bordered(grey(f), 0.17, 0), keep=(0.07, 0.92), options=POOR),
    "mirrored": Kind(lambda f: np.ascontiguousarray(f[:, ::-1]), is_copy=False),
}


def write_copy(path: Path, frames: list[Frame], fps: float, kind: Kind) -> Path:
    """The copy as a file. Frames of another rate are the latest shown at their time."""
    first, end = (round(len(frames) * share) for share in kind.keep)
    rate = Fraction(kind.rate(fps)).limit_denominator(1001)
    count = max(1, round((end - first) / fps * float(rate)))
    numbers = [min(end - 1, first + int(i * fps / float(rate) + 1e-6)) for i in range(count)]
    return write_video(path, (kind.draw(frames[n]) for n in numbers), rate, options=kind.options)


def remuxed(path: Path, target: Path) -> Path:
    """The same packets of the video stream in another container."""
    with av.open(str(path)) as source, av.open(str(target), "w") as sink:
        stream = source.streams.video[0]
        copy = sink.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.size:  # the last one is empty and stands for the end
                packet.stream = copy
                sink.mux(packet)
    return target


def decoded(path: str | Path, start_frame: int = 0, end_frame: int | None = None) -> Iterator[Frame]:
    """Frames as displayed, long side at most 640, even sides."""
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(container.streams.video[0])):
            if end_frame is not None and number >= end_frame:
                return
            if number >= start_frame:
                turned = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))
                yield resized(np.ascontiguousarray(turned), min(1.0, LONG_SIDE / max(turned.shape[:2])))


@dataclass(frozen=True)
class Measured:
    """Clips with what duplicates compare: rows of clips, of keyframe_hashes and of embeddings."""

    clips: list[Row]
    hashes: list[Row]
    embeddings: list[Row]

    def tables(self) -> tuple[Any, Any, Any]:
        """In the form that find_pairs takes."""
        clips = [{k: c[k] for k in ("clip_id", "video_id", "start_s")} for c in self.clips]
        return pl.DataFrame(clips).to_arrow(), *(
            rows_to_table(table, rows)
            for table, rows in ((KEYFRAME_HASHES, self.hashes), (EMBEDDINGS, self.embeddings))
        )


def measured(paths: Iterable[Path], shots: ShotOptions | None = None) -> Measured:
    """Every clip of the files, scanned in this process. `uri` is in the rows of clips."""
    views = [view for path in paths for view in _views(path, shots or ShotOptions())]
    return measured_views(views)


def measured_views(views: Iterable[ClipView]) -> Measured:
    """Clips measured by the two scorers."""
    result = Measured([], [], [])
    for view in views:
        result.clips.append(view.clip)
        for rows, scorer in ((result.hashes, keyframe_hashes), (result.embeddings, classical)):
            rows.append({"clip_id": view.clip["clip_id"]} | measure(scorer, view))
    return result


def _views(path: Path, shots: ShotOptions) -> Iterator[ClipView]:
    video_id = fingerprint(str(path))
    scan, facts = scan_video(path, video_id), probe(path) | {"video_id": video_id}
    frames = pl.DataFrame(scan.signals)
    keyframes = sorted(scan.keyframes.to_pylist(), key=lambda row: int(row["frame"]))
    for clip in cut_video(facts, frames, scan.scan["end_s"], "none", shots)[0]:
        yield with_keyframes(clip | {"uri": str(path)}, frames, keyframes)


def with_keyframes(clip: Row, frames: pl.DataFrame, keyframes: list[Row]) -> ClipView:
    """What scorers see of a clip of a video with these signals and pictures."""
    own = tuple(
        Keyframe(row["frame"], row["pts_s"], row["jpeg"])
        for row in keyframes
        if clip["start_frame"] <= row["frame"] < clip["end_frame"]
    )
    view = clip_view(clip, frames)
    return ClipView(clip, view.frames, view.pairs, lambda: own)
