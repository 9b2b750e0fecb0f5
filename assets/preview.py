"""A small silent film of a clip for a person's eyes: cut from its source, or made of its keyframes. Never stored.

Loaded only by workers that read media (it imports av).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain

import av
import cv2
import numpy as np
import numpy.typing as npt

from .scan.clock import Clock
from .scan.decoder import BAD_MEDIA, MediaError, ScanLimits, frame_interval, open_media, pixel_aspect, video_stream
from .scan.keyframes import drawn
from .scan.pictures import Geometry, Pictures

LONG_SIDE = 448
"""Of the film, in pixels."""
QUALITY = {"preset": "veryfast", "crf": "26", "movflags": "+faststart", "profile": "main"}
TICKS = 1000
"""A second, in the film's clock."""
SLACK_S = 0.0005
"""Less than the smallest step of the clock that clips were cut by."""
NEAR_START_S = 10.0
"""What lies before this is reached by decoding."""
FIRST_BACK_S = 1.0
"""So far before the clip the first seek goes."""

Shown = tuple[float, npt.NDArray[np.uint8]]
"""When it is shown, in seconds, and the picture: (height, width, 3) uint8 BGR."""


@dataclass(frozen=True)
class Wish:
    """A film to make: frames of `source` in [start_s, end_s) by their own timestamps, to the file `target`.

    `keyframes`: (pts_s, jpeg) of the clip, for the case that the source cannot be read.
    """

    source: str | None
    start_s: float
    end_s: float
    target: str
    keyframes: tuple[tuple[float, bytes], ...] = ()


def make_preview(wish: Wish) -> str:
    """Write an MP4 (H.264, long side at most 448 px, no sound); returns what it was made of: source or keyframes.

    Raises MediaError when neither gives a picture. Weakness: of files whose timestamps jump back, a clip far from the
    start may be found at another place than where it was cut.
    """
    try:
        if wish.source is not None:
            _write(wish, _of_source(wish.source, wish.start_s, wish.end_s))
            return "source"
    except (MediaError, OSError, *BAD_MEDIA):
        if not wish.keyframes:
            raise
    _write(wish, _of_keyframes(wish.keyframes))
    return "keyframes"


def _of_keyframes(keyframes: Sequence[tuple[float, bytes]]) -> Iterator[Shown]:
    for pts_s, jpeg in keyframes:
        picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        if picture is not None:
            yield pts_s, picture.astype(np.uint8, copy=False)


def _of_source(source: str, start_s: float, end_s: float) -> Iterator[Shown]:
    """The clip's frames. Decoding starts at a key frame before the clip; where a seek lands behind its beginning, as
    in transport streams, further and further back, at last at the file's start.
    """
    with open_media(source) as container:
        stream = video_stream(container)
        if stream.width * stream.height > ScanLimits.max_pixels:
            raise MediaError("unsupported", f"Frames of {stream.width} x {stream.height} are too large.")
        stream.codec_context.thread_count = 1
        base, back_s = stream.time_base or Fraction(1), FIRST_BACK_S
        while start_s - back_s > NEAR_START_S:
            container.seek(int((start_s - back_s) / base), stream=stream, backward=True, any_frame=False)
            first = next(_frames(container, stream), None)
            if first is not None and first.pts is not None and float(first.pts * base) <= start_s + SLACK_S:
                yield from _between(container, stream, [first], start_s, end_s)
                return
            back_s *= 4
    with open_media(source) as container:
        stream = video_stream(container)
        stream.codec_context.thread_count = 1
        yield from _between(container, stream, [], start_s, end_s)


def _between(
    container: av.container.InputContainer, stream: av.VideoStream, before: list[av.VideoFrame], start_s: float,
    end_s: float,
) -> Iterator[Shown]:  # fmt: skip
    """Of the frames `before` and those that follow them."""
    base, clock = stream.time_base or Fraction(1), Clock(frame_interval(stream))
    geometry = None
    for frame in chain(before, _frames(container, stream)):
        now = clock(None if frame.pts is None else float(frame.pts * base))
        if now >= end_s - SLACK_S:
            return
        if now >= start_s - SLACK_S:
            geometry = geometry or Geometry.of(frame, pixel_aspect(stream))
            yield now, drawn(Pictures(frame, geometry)).astype(np.uint8, copy=False)


def _frames(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """Damaged packets are passed over, as the scan does."""
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except BAD_MEDIA:
            continue
        yield from frames


def _write(wish: Wish, shown: Iterable[Shown]) -> None:
    """Raises MediaError when there is no picture."""
    first_s: float | None = None
    with av.open(wish.target, "w", format="mp4", container_options={"movflags": QUALITY["movflags"]}) as film:
        stream = film.add_stream("libx264", rate=30, options=QUALITY)
        stream.pix_fmt, stream.codec_context.time_base = "yuv420p", Fraction(1, TICKS)
        stream.codec_context.thread_count = 1
        picture, end = None, 0
        for now, image in shown:
            if first_s is None:
                first_s = now
                stream.width, stream.height = _even(image.shape[1], image.shape[0])
            picture, end = _sized(image, stream.width, stream.height), round((now - first_s) * TICKS)
            _encode(film, stream, picture, end)
        if picture is None or first_s is None:
            raise MediaError("corrupt", "No frame of the clip could be decoded.")
        last = round((wish.end_s - first_s) * TICKS) - 1
        if last > end + TICKS // 10:  # the last picture stays until the clip ends
            _encode(film, stream, picture, last)
        film.mux(stream.encode(None))


def _encode(film: av.container.OutputContainer, stream: av.VideoStream, picture: np.ndarray, pts: int) -> None:
    frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
    frame.pts, frame.time_base = pts, Fraction(1, TICKS)
    film.mux(stream.encode(frame))


def _even(width: int, height: int) -> tuple[int, int]:
    """Fitted into the long side; H.264 wants even sides."""
    scale = min(1.0, LONG_SIDE / max(width, height))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def _sized(image: np.ndarray, width: int, height: int) -> np.ndarray:
    return (
        image
        if image.shape[:2] == (height, width)
        else cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    )
