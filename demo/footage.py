"""Footage with known answers, drawn from the photographs inside scikit-image's wheel; nothing is downloaded.

Frames are uint8 RGB arrays of shape (height, width, 3) in iterators, so that effects can be chained. Sizes are
(width, height) in pixels. Speeds are those of the picture's content, in % of the frame's diagonal per second, right
and down positive: what `motion_mean` and `camera_dx` should measure.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import skimage.data
from av.video.stream import VideoStream

Frame = npt.NDArray[np.uint8]
Size = tuple[int, int]

HD: Size = (1280, 720)
PHOTOGRAPHS = (
    "astronaut", "brick", "camera", "chelsea", "coffee", "coins", "grass", "gravel", "hubble_deep_field",
    "immunohistochemistry", "moon", "retina", "rocket", "stereo_motorcycle",
)  # fmt: skip
"""Names of `skimage.data` whose files lie inside the wheel; others would be fetched from the network."""

FAST_OPTIONS: Mapping[str, Mapping[str, str]] = {
    "libx264": {"preset": "ultrafast", "crf": "20", "deblock": "0:0"},
    "libx265": {"preset": "ultrafast", "crf": "22", "x265-params": "log-level=none"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "b": "4M"},
    "mpeg4": {"b": "8M"},
}


def photograph(name: str, size: Size = HD) -> Frame:
    """The photograph scaled until it covers `size`, cut to it around its centre. Raises ValueError for other names."""
    if name not in PHOTOGRAPHS:
        raise ValueError(f"no photograph {name!r}; there are {', '.join(PHOTOGRAPHS)}")
    picture = getattr(skimage.data, name)()
    picture = picture[0] if isinstance(picture, tuple) else picture
    if picture.ndim == 2:
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)
    width, height = size
    scale = max(width / picture.shape[1], height / picture.shape[0])
    scaled = (max(width, round(picture.shape[1] * scale)), max(height, round(picture.shape[0] * scale)))
    picture = cv2.resize(picture, scaled, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left, top = (picture.shape[1] - width) // 2, (picture.shape[0] - height) // 2
    return np.ascontiguousarray(picture[top : top + height, left : left + width])


@dataclass(frozen=True)
class Pose:
    """Where the picture lies in the frame: content shift in pixels, scale, clockwise roll around the centre."""

    x: float = 0.0
    y: float = 0.0
    scale: float = 1.0
    roll_degrees: float = 0.0


def follow(picture: Frame, poses: Iterable[Pose], size: Size | None = None) -> Iterator[Frame]:
    """One frame a pose, sub-pixel: a window of `size` (the picture's own when None) onto the middle of the picture.

    Past its edges the picture goes on as its mirror image.
    """
    height, width = picture.shape[:2]
    size = size or (width, height)
    for pose in poses:
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -pose.roll_degrees, pose.scale)
        matrix[:, 2] += pose.x + (size[0] - width) / 2, pose.y + (size[1] - height) / 2
        yield np.asarray(
            cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101), np.uint8
        )


def still(picture: Frame, frames: int) -> Iterator[Frame]:
    """The same pixels in every frame."""
    return (picture for _ in range(frames))


def pan(
    picture: Frame, frames: int, fps: float, speed: float, angle_degrees: float = 0.0, size: Size | None = None
) -> Iterator[Frame]:
    """Every pixel moves by `speed` % of the diagonal per second: 0 degrees = to the right, 90 = down.

    The window passes the picture's middle halfway; `photograph_to_pan` is large enough for it.
    """
    size = size or size_of(picture)
    x, y = (part / max(frames - 1, 1) for part in _travel(frames, fps, speed, angle_degrees, size))
    middle = (frames - 1) / 2
    return follow(picture, (Pose(x * (i - middle), y * (i - middle)) for i in range(frames)), size)


def photograph_to_pan(
    name: str, frames: int, fps: float, speed: float, angle_degrees: float = 0.0, size: Size = HD
) -> Frame:
    """The photograph, as much larger than `size` as the pan with the same arguments needs to stay inside it."""
    x, y = _travel(frames, fps, speed, angle_degrees, size)
    return photograph(name, (size[0] + math.ceil(abs(x)) + 2, size[1] + math.ceil(abs(y)) + 2))


def _travel(frames: int, fps: float, speed: float, angle_degrees: float, size: Size) -> tuple[float, float]:
    length = speed / 100 * math.hypot(*size) * (frames - 1) / fps
    return length * math.cos(math.radians(angle_degrees)), length * math.sin(math.radians(angle_degrees))


def zoom(picture: Frame, frames: int, fps: float, rate: float) -> Iterator[Frame]:
    """The picture grows by e^rate per second around the centre (negative: shrinks); see `zoom_speed`."""
    return follow(picture, (Pose(scale=math.exp(rate * i / fps)) for i in range(frames)))


def zoom_speed(size: Size, rate: float) -> float:
    """Mean speed of a zoom's pixels, % of the diagonal per second: |rate| x their mean distance to the centre."""
    x, y = np.arange(size[0]) - (size[0] - 1) / 2, np.arange(size[1]) - (size[1] - 1) / 2
    return float(100 * abs(rate) * np.hypot(x[None, :], y[:, None]).mean() / math.hypot(*size))


def shake_offsets(frames: int, fps: float, rms: float, seed: int = 0) -> npt.NDArray[np.float64]:
    """A hand's tremor, shape (frames, 2): offsets in % of the diagonal, 2 to 6 Hz, mean 0, `rms` on each axis."""
    random = np.random.default_rng(seed)
    hertz, phase = random.uniform(2, 6, (5, 2)), random.uniform(0, 2 * np.pi, (5, 2))
    seconds = np.arange(frames)[:, None, None] / fps
    offsets = np.sin(2 * np.pi * hertz * seconds + phase).sum(axis=1)
    offsets -= offsets.mean(axis=0)
    scaled: npt.NDArray[np.float64] = offsets * rms / np.sqrt((offsets**2).mean(axis=0))
    return scaled


def shake(
    picture: Frame, frames: int, fps: float, rms: float, seed: int = 0, size: Size | None = None
) -> Iterator[Frame]:
    """The picture held by a shaking hand, at `shake_offsets`."""
    size = size or size_of(picture)
    pixels = shake_offsets(frames, fps, rms, seed) / 100 * math.hypot(*size)
    return follow(picture, (Pose(float(x), float(y)) for x, y in pixels), size)


def size_of(picture: Frame) -> Size:
    """(width, height)."""
    return picture.shape[1], picture.shape[0]


def cut(*shots: Iterable[Frame]) -> Iterator[Frame]:
    """Hard cuts: shot k begins at the sum of the lengths before it."""
    return chain(*shots)


def dissolve(first: Iterable[Frame], second: Iterable[Frame], frames: int) -> Iterator[Frame]:
    """The last `frames` frames of `first` mixed with the first ones of `second`.

    Every frame of [len(first) - frames, len(first)) is a true mix: the second's share is 1/(frames + 1) and upwards.
    """
    tail = yield from _all_but_last(first, frames)
    rest = iter(second)
    for i, (one, other) in enumerate(zip(tail, rest, strict=False), start=1):
        yield _mix(one, other, i / (frames + 1))
    yield from rest


def fade_out(shot: Iterable[Frame], frames: int) -> Iterator[Frame]:
    """The last `frames` frames lose 1/frames of their light each; the very last is black."""
    tail = yield from _all_but_last(shot, frames)
    for i, frame in enumerate(tail, start=1):
        yield _mix(frame, np.zeros_like(frame), i / frames)


def fade_in(shot: Iterable[Frame], frames: int) -> Iterator[Frame]:
    """The first frame is black, frame `frames` the first with all its light."""
    for i, frame in enumerate(shot):
        yield frame if i >= frames else _mix(np.zeros_like(frame), frame, i / frames)


def _all_but_last(frames: Iterable[Frame], count: int) -> Generator[Frame, None, list[Frame]]:
    held: deque[Frame] = deque()
    for frame in frames:
        held.append(frame)
        if len(held) > count:
            yield held.popleft()
    return list(held)


def _mix(one: Frame, other: Frame, share: float) -> Frame:
    return np.asarray(cv2.addWeighted(one, 1 - share, other, share, 0), np.uint8)


def barred(shot: Iterable[Frame], top: int = 0, bottom: int = 0, left: int = 0, right: int = 0) -> Iterator[Frame]:
    """Black bars of so many pixels painted over the edges: the content box is what they leave."""
    for frame in shot:
        height, width = frame.shape[:2]
        framed = np.zeros_like(frame)
        box = np.s_[top : height - bottom, left : width - right]
        framed[box] = frame[box]
        yield framed


def blurred(shot: Iterable[Frame], sigma: float) -> Iterator[Frame]:
    """Out of focus: Gaussian blur of `sigma` pixels."""
    for frame in shot:
        yield np.asarray(cv2.GaussianBlur(frame, (0, 0), sigma), np.uint8)


def grain(shot: Iterable[Frame], sigma: float, seed: int = 0) -> Iterator[Frame]:
    """Film grain: Gaussian luma noise of `sigma` levels, new in every frame."""
    random = np.random.default_rng(seed)
    texture: npt.NDArray[np.int16] | None = None
    for frame in shot:
        height, width = frame.shape[:2]
        if texture is None:
            texture = np.rint(random.normal(0, sigma, (height + 97, width + 97))).astype(np.int16)
        top, left = random.integers(0, 97, 2)
        noise = cv2.cvtColor(texture[top : top + height, left : left + width].astype(np.float32), cv2.COLOR_GRAY2RGB)
        yield np.asarray(cv2.add(frame, noise, dtype=cv2.CV_8U), np.uint8)


def with_disc(
    shot: Iterable[Frame], fps: float, radius: float, start: tuple[float, float], velocity: tuple[float, float]
) -> Iterator[Frame]:
    """A small orange disc over the shot, its centre at start + velocity x seconds (pixels)."""
    for i, frame in enumerate(shot):
        centre = [round(16 * (s + v * i / fps)) for s, v in zip(start, velocity, strict=True)]
        yield np.asarray(
            cv2.circle(frame.copy(), (centre[0], centre[1]), round(16 * radius), (240, 120, 20), -1, cv2.LINE_AA, 4),
            np.uint8,
        )


def overlaid(shot: Iterable[Frame], picture: Frame, x: int, y: int, opacity: float = 1.0) -> Iterator[Frame]:
    """`picture` at the same place of every frame, as a logo is: left edge at x, top edge at y."""
    box = np.s_[y : y + picture.shape[0], x : x + picture.shape[1]]
    for frame in shot:
        marked = frame.copy()
        marked[box] = _mix(frame[box], picture, opacity)
        yield marked


def write_video(
    path: Path,
    frames: Iterable[Frame],
    fps: int | Fraction,
    codec: str = "libx264",
    *,
    options: Mapping[str, str] | None = None,
    pix_fmt: str = "yuv420p",
    times_s: Iterable[float] | None = None,
    rotation_degrees: int = 0,
    threads: int = 1,
) -> Path:
    """Encode frames; the container follows the path's suffix, and MP4 and MOV have their index up front.

    `options` go to the encoder, over fast ones of `FAST_OPTIONS`. `times_s` gives each frame its own timestamp
    (variable frame rate, to 1/90000 s); without it frame i is at i / fps. `rotation_degrees` (multiple of 90) is how
    far a player turns the picture clockwise: the frames stored stay as they are. Raises ValueError without a frame.
    """
    container_options = {"movflags": "faststart"} if path.suffix in {".mp4", ".mov"} else {}
    times = None if times_s is None else iter(times_s)
    with av.open(str(path), "w", container_options=container_options) as container:
        stream: VideoStream | None = None
        for i, pixels in enumerate(frames):
            if stream is None:
                stream = container.add_stream(codec, fps, options={**FAST_OPTIONS.get(codec, {}), **(options or {})})
                _set_up(stream, pixels, pix_fmt, rotation_degrees, threads)
                stream.codec_context.time_base = Fraction(1, 90000) if times else 1 / Fraction(fps)
            frame = _frame_of(pixels, pix_fmt)
            frame.time_base = Fraction(1, 90000) if times else 1 / Fraction(fps)
            frame.pts = round(next(times) * 90000) if times else i
            container.mux(stream.encode(frame))
        if stream is None:
            raise ValueError(f"no frame to write to {path}; give at least one")
        container.mux(stream.encode(None))
    return path


def _frame_of(pixels: Frame, pix_fmt: str) -> av.VideoFrame:
    height, width = pixels.shape[:2]
    if pix_fmt == "yuv420p" and height % 2 == width % 2 == 0:  # 4 ms of a 720p frame less than libav's own conversion
        return av.VideoFrame.from_ndarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2YUV_I420), format="yuv420p")
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")


def _set_up(stream: VideoStream, pixels: Frame, pix_fmt: str, rotation_degrees: int, threads: int) -> None:
    stream.height, stream.width = pixels.shape[:2]
    stream.pix_fmt = pix_fmt
    stream.codec_context.thread_count = threads
    if rotation_degrees:
        stream.set_display_rotation(-rotation_degrees)  # libav counts the other way round
