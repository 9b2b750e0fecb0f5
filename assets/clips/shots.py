"""From a video's stored signals to its shots, and from shots to clips: spans of frames, nothing is cut.

Shots and transitions divide the decoded frames without gap or overlap. Importing it loads no cv2, no scenedetect.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from .cuts import CutSettings, find_cuts
from .source_clock import SourceClock
from .transitions import Transition, TransitionSettings, find_transitions, thumbnails

_TIME_TOLERANCE_S = 1e-6


@dataclass(frozen=True)
class ShotSettings:
    """How frames become clips; times in seconds."""

    min_shot_s: float = 1.0
    """Shorter shots are counted, not made into clips."""
    max_clip_s: float = 16.0
    """Longer shots are divided into equal pieces."""
    min_piece_s: float = 4.0
    """No piece of a divided shot is shorter."""
    trim_window_s: float = 0.5
    """The clip begins with the sharpest frame of this first part of the shot."""
    absorb_frames: int = 2
    """A hard cut this close to a transition belongs to it, frames."""
    cuts: CutSettings = field(default_factory=CutSettings)
    transitions: TransitionSettings = field(default_factory=TransitionSettings)


@dataclass(frozen=True)
class Shot:
    """Frames [start_frame, end_frame) of one shot; boundaries are start, end, cut, dissolve or fade."""

    start_frame: int
    end_frame: int
    boundary_in: str
    boundary_out: str


Span = TypeVar("Span", Shot, Transition)


@dataclass(frozen=True)
class ShotList:
    """Shots and transitions of one video, each ascending; together they hold every decoded frame once."""

    shots: tuple[Shot, ...]
    transitions: tuple[Transition, ...]


@dataclass(frozen=True)
class ClipSpan:
    """The columns of `clips` that say where a clip lies; end_frame and end_s are exclusive."""

    shot_start_frame: int
    shot_end_frame: int
    start_frame: int
    end_frame: int
    start_s: float
    end_s: float
    duration_s: float
    fps: float | None
    boundary_in: str
    boundary_out: str


@dataclass(frozen=True)
class ShotCounts:
    """The columns of `shot_counts`."""

    shots: int
    short_shots: int
    short_shot_frames: int
    transition_frames: int


def find_shots(
    signals: pl.DataFrame | Mapping[str, Any],
    fps: float,
    settings: ShotSettings | None = None,
    media: str = "video",
    quick: bool = False,
) -> ShotList:
    """Shots of one video from its rows of `frame_signals`, in frame order.

    Reads content_val, pts_s, layout, luma_std, sharpness. `fps`: average frame rate of the file, 1/s. `media`: video
    or image; an image is one shot. `quick`: frames of the file were left out; a cut is then late by as many as were
    left out before it. Raises ValueError when the series differ in length.
    """
    settings = settings or ShotSettings()
    frames = len(signals["content_val"])
    if media == "image" or frames < 2:
        return divide(frames, [], [], settings)
    content, pts_s, luma_std, sharpness = (
        _series(signals, name) for name in ("content_val", "pts_s", "luma_std", "sharpness")
    )
    cuts, layout = find_cuts(content, pts_s, fps, settings.cuts), _raw(signals, "layout")
    if not quick:
        return divide(frames, cuts, find_transitions(layout, luma_std, sharpness, settings.transitions), settings)
    clock = SourceClock.of(pts_s, fps)
    thumbs, luma_std, sharpness = (clock.filled(v, cuts) for v in (thumbnails(layout), luma_std, sharpness))
    transitions = find_transitions(thumbs, luma_std, sharpness, settings.transitions)
    return _decoded(divide(clock.frames, [clock.of_source(c) for c in cuts], transitions, settings), clock)


def _decoded(shot_list: ShotList, clock: SourceClock) -> ShotList:
    """The same in decoded frames; what holds none is gone."""

    def counted(span: Span) -> Span:
        start, end = clock.decoded(span.start_frame), clock.decoded(span.end_frame)
        return replace(span, start_frame=start, end_frame=end)

    shots, transitions = map(counted, shot_list.shots), map(counted, shot_list.transitions)
    return ShotList(
        tuple(s for s in shots if s.start_frame < s.end_frame),
        tuple(t for t in transitions if t.start_frame < t.end_frame),
    )


def divide(frames: int, cuts: list[int], transitions: list[Transition], settings: ShotSettings) -> ShotList:
    """Shots between cuts and transitions. Cuts in or near a transition are absorbed; it grows to reach them.

    `cuts` and `transitions` ascending, transitions disjoint and inside [0, frames).
    """
    spans = _absorb(cuts, transitions, settings.absorb_frames)
    absorbed = {cut for cut in cuts if any(t.start_frame <= cut <= t.end_frame for t in spans)}
    events = [(cut, cut, "cut") for cut in cuts if 0 < cut < frames and cut not in absorbed]
    events += [(t.start_frame, t.end_frame, t.kind) for t in spans]
    shots: list[Shot] = []
    begin, opened = 0, "start"
    for start, end, kind in [*sorted(events), (frames, frames, "end")]:
        if start > begin:
            shots.append(Shot(begin, start, opened, kind))
        begin, opened = end, kind
    return ShotList(tuple(shots), tuple(spans))


def clip_spans(
    shot_list: ShotList,
    pts_s: ArrayLike,
    end_s: float | None,
    sharpness: ArrayLike,
    settings: ShotSettings | None = None,
    media: str = "video",
) -> tuple[list[ClipSpan], ShotCounts]:
    """Clips of the shots that are long enough, in order, and the counts of all shots.

    `pts_s`: timestamps, seconds. `end_s`: when the last frame ends; without it, a median frame after it begins.
    `sharpness`: one value a frame, higher is sharper, NaN where unknown. An image is one clip of duration 0.
    """
    settings = settings or ShotSettings()
    times = frame_times(np.asarray(pts_s, np.float64), end_s)
    detail = np.nan_to_num(np.asarray(sharpness, np.float64), nan=-np.inf)
    clips: list[ClipSpan] = []
    short: list[int] = []
    for shot in shot_list.shots:
        frames = shot.end_frame - shot.start_frame
        if media == "image":
            clips.append(_image(shot, float(times[shot.start_frame])))
        elif times[shot.end_frame] - times[shot.start_frame] < settings.min_shot_s - _TIME_TOLERANCE_S:
            short.append(frames)
        else:
            clips += _pieces(shot, times, detail, settings)
    lost = sum(t.end_frame - t.start_frame for t in shot_list.transitions)
    return clips, ShotCounts(len(shot_list.shots), len(short), sum(short), lost)


def frame_times(pts_s: np.ndarray, end_s: float | None) -> np.ndarray:
    """(frames + 1,) seconds, never falling: when each frame begins, and when the last one ends."""
    if not len(pts_s):
        return np.zeros(1)
    known = np.maximum.accumulate(np.where(np.isfinite(pts_s), pts_s, -np.inf))
    times = np.where(np.isfinite(known), known, np.nanmin(known[np.isfinite(known)], initial=0.0))
    if end_s is None or not np.isfinite(end_s):
        end_s = times[-1] + (float(np.median(np.diff(times))) if len(times) > 1 else 0.0)
    return np.append(times, max(end_s, times[-1]))


def _absorb(cuts: list[int], transitions: list[Transition], reach: int) -> list[Transition]:
    """The transitions, grown to the cuts near them and joined where they then overlap."""
    spans: list[Transition] = []
    for t in transitions:
        near = [cut for cut in cuts if t.start_frame - reach <= cut <= t.end_frame + reach]
        start, end = min([t.start_frame, *near]), max([t.end_frame, *near])
        if spans and start < spans[-1].end_frame:
            before = spans.pop()
            start, end = min(start, before.start_frame), max(end, before.end_frame)
        spans.append(Transition(start, end, t.kind))
    return spans


def _pieces(shot: Shot, times: np.ndarray, detail: np.ndarray, settings: ShotSettings) -> list[ClipSpan]:
    """The shot from its sharpest early frame on, whole or in equal pieces."""
    start = _sharpest_start(shot, times, detail, settings)
    bounds = _bounds(times[start : shot.end_frame + 1], settings)
    pieces = []
    for first, end in itertools.pairwise(bounds):
        a, b = start + first, start + end
        pieces.append(
            _span(
                shot,
                a,
                b,
                float(times[a]),
                float(times[b]),
                shot.boundary_in if first == 0 else "chop",
                shot.boundary_out if b == shot.end_frame else "chop",
            )
        )
    return pieces


def _sharpest_start(shot: Shot, times: np.ndarray, detail: np.ndarray, settings: ShotSettings) -> int:
    own = times[shot.start_frame : shot.end_frame]
    early = own - own[0] <= settings.trim_window_s + _TIME_TOLERANCE_S
    long_enough = times[shot.end_frame] - own >= settings.min_shot_s - _TIME_TOLERANCE_S
    allowed = np.flatnonzero(early & long_enough)
    return shot.start_frame + int(allowed[np.argmax(detail[shot.start_frame + allowed])])


def _bounds(times: np.ndarray, settings: ShotSettings) -> list[int]:
    """Frame numbers, from 0 to len(times) - 1, at which the span is divided."""
    duration = times[-1] - times[0]
    fewest = int(np.ceil((duration - _TIME_TOLERANCE_S) / settings.max_clip_s))
    choices = [_even_bounds(times, count, settings.min_piece_s) for count in (fewest, fewest + 1)]
    for bounds in choices:
        if np.diff(times[bounds]).max() <= settings.max_clip_s + _TIME_TOLERANCE_S:
            return bounds
    return choices[0]


def _even_bounds(times: np.ndarray, count: int, min_piece_s: float) -> list[int]:
    """At the frames nearest to equal parts; pieces that long frames make too short are joined to a neighbour."""
    last = len(times) - 1
    targets = times[0] + (times[-1] - times[0]) * np.arange(1, count) / max(count, 1)
    after = np.clip(np.searchsorted(times, targets), 1, last)
    nearest = np.where(targets - times[after - 1] < times[after] - targets, after - 1, after)
    bounds = [0, *sorted({int(frame) for frame in nearest} - {0, last}), last]
    while len(bounds) > 2:
        lengths = np.diff(times[bounds])
        shortest = int(np.argmin(lengths))
        if lengths[shortest] >= min_piece_s - _TIME_TOLERANCE_S:
            break
        joins_next = shortest == 0 or (shortest < len(lengths) - 1 and lengths[shortest + 1] < lengths[shortest - 1])
        del bounds[shortest + 1 if joins_next else shortest]
    return bounds


def _span(
    shot: Shot, start: int, end: int, start_s: float, end_s: float, boundary_in: str, boundary_out: str
) -> ClipSpan:
    duration_s = end_s - start_s
    fps = (end - start) / duration_s if duration_s > 0 else None
    return ClipSpan(
        shot.start_frame, shot.end_frame, start, end, start_s, end_s, duration_s, fps, boundary_in, boundary_out
    )


def _image(shot: Shot, at_s: float) -> ClipSpan:
    return _span(shot, shot.start_frame, shot.end_frame, at_s, at_s, shot.boundary_in, shot.boundary_out)


def _raw(signals: pl.DataFrame | Mapping[str, Any], name: str) -> Any:
    column = signals[name]
    return column.to_list() if isinstance(column, pl.Series) else column


def _series(signals: pl.DataFrame | Mapping[str, Any], name: str) -> np.ndarray:
    column = signals[name]
    if isinstance(column, pl.Series):
        return column.cast(pl.Float64).to_numpy()
    return np.asarray(column, np.float64)
