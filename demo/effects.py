"""What makes footage look filmed, and what is done to it afterwards: letters, doubled frames, another encoding.

Frames, sizes and speeds are those of `footage`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from .footage import Frame, Pose, Size, follow, photograph, shake_offsets, write_video

TREMOR = 0.03
"""Of a hand that stands still, rms in % of the diagonal."""


def hand_held(
    name: str, frames: int, fps: float, speed: float, angle_degrees: float, size: Size, rms: float = TREMOR
) -> Iterator[Frame]:
    """A pan over the photograph by a hand with a tremor of `rms` % of the diagonal; speed and angle as in `pan`."""
    per_frame = speed / 100 * math.hypot(*size) / fps
    x, y = (per_frame * turn(math.radians(angle_degrees)) for turn in (math.cos, math.sin))
    tremor = shake_offsets(frames, fps, rms) / 100 * math.hypot(*size)
    middle = (frames - 1) / 2
    places = np.arange(-middle, middle + 1)[:, None] * (x, y) + tremor
    width, height = (
        side + 2 * math.ceil(float(reach)) for side, reach in zip(size, np.abs(places).max(0), strict=True)
    )
    return follow(photograph(name, (width, height)), (Pose(float(x), float(y)) for x, y in places), size)


def rolled(name: str, frames: int, fps: float, degrees_per_s: float, size: Size) -> Iterator[Frame]:
    """The picture turns clockwise around the centre (negative: counterclockwise), upright halfway."""
    middle = (frames - 1) / 2
    most = math.radians(abs(degrees_per_s) * middle / fps)
    width, height = (
        math.ceil(one * math.cos(most) + other * math.sin(most)) + 4 for one, other in (size, (size[1], size[0]))
    )
    poses = (Pose(roll_degrees=degrees_per_s * (i - middle) / fps) for i in range(frames))
    return follow(photograph(name, (width, height)), poses, size)


@dataclass(frozen=True)
class Cutout:
    """A thing to put before a scene: its picture (height, width, 3) and how much of each pixel it covers, 0..1."""

    picture: Frame
    cover: npt.NDArray[np.float32]


def oval(name: str, size: Size) -> Cutout:
    """An oval piece of a photograph, its rim a few pixels soft."""
    width, height = size
    drawn = np.zeros((height, width), np.uint8)
    cv2.ellipse(drawn, (width // 2, height // 2), (width // 2 - 6, height // 2 - 6), 0, 0, 360, 255, -1)
    return Cutout(photograph(name, size), cv2.GaussianBlur(drawn, (0, 0), 2).astype(np.float32) / 255)


def passing(
    shot: Iterable[Frame], fps: float, thing: Cutout, start: tuple[float, float], velocity: tuple[float, float]
) -> Iterator[Frame]:
    """The thing moves before the scene, its top left corner at start + velocity x seconds (pixels): parallax."""
    for i, frame in enumerate(shot):
        shift = np.array([[1, 0, start[0] + velocity[0] * i / fps], [0, 1, start[1] + velocity[1] * i / fps]])
        size = (frame.shape[1], frame.shape[0])
        cover = cv2.warpAffine(thing.cover, shift, size)
        near = cv2.warpAffine(thing.picture, shift, size)
        yield np.asarray(cv2.blendLinear(frame, near, 1 - cover, cover), np.uint8)


def written(shot: Iterable[Frame], words: str, baseline: int, letters: int) -> Iterator[Frame]:
    """White letters with a dark rim, `letters` px high, in the middle of every frame, on the row `baseline`."""
    for frame in shot:
        yield _written(frame, words, baseline, letters)


def subtitled(shot: Iterable[Frame], lines: Sequence[str], every: int, baseline: int, letters: int) -> Iterator[Frame]:
    """Line k stands in the frames [k x every, (k + 1) x every); see `written`."""
    for i, frame in enumerate(shot):
        yield _written(frame, lines[min(i // every, len(lines) - 1)], baseline, letters)


def _written(frame: Frame, words: str, baseline: int, letters: int) -> Frame:
    face, drawn, rim = cv2.FontFace("sans"), frame.copy(), max(1, letters // 16)
    width = cv2.getTextSize((100_000, 1000), words, (0, 0), face, letters, 600)[2]
    left = (frame.shape[1] - width) // 2
    for x, y in ((-rim, 0), (rim, 0), (0, -rim), (0, rim)):
        cv2.putText(drawn, words, (left + x, baseline + y), (0, 0, 0), face, letters, 600)
    cv2.putText(drawn, words, (left, baseline), (255, 255, 255), face, letters, 600)
    return np.asarray(drawn, np.uint8)


def badge(size: Size) -> Frame:
    """A station's logo: a dark field that a light ring and bar fill, with hard edges of its own."""
    width, height = size
    field = np.full((height, width, 3), 20, np.uint8)
    cv2.rectangle(field, (2, 2), (width - 3, height - 3), (250, 250, 250), 3)
    cv2.circle(field, (height // 2, height // 2), height // 3, (250, 250, 250), -1, cv2.LINE_AA)
    cv2.circle(field, (height // 2, height // 2), height // 6, (20, 20, 20), -1, cv2.LINE_AA)
    for row in (0.3, 0.5, 0.7):
        y = round(row * height)
        cv2.line(field, (height + 4, y), (width - height // 4, y), (250, 250, 250), max(2, height // 12))
    return field


def repeated(shot: Iterable[Frame], times: int) -> Iterator[Frame]:
    """Every frame so many times: what a converter does to reach a higher frame rate."""
    return (frame for frame in shot for _ in range(times))


def re_encoded(
    original: Path, path: Path, size: Size, codec: str = "libx264", options: dict[str, str] | None = None
) -> Path:
    """The original's frames and rate at another size, with another encoder or other settings."""
    with av.open(str(original)) as container:
        rate = container.streams.video[0].average_rate
        frames = (_resized(frame.to_ndarray(format="rgb24"), size) for frame in container.decode(video=0))
        return write_video(path, frames, Fraction(rate or 25), codec, options=options)


def _resized(frame: npt.NDArray[np.uint8], size: Size) -> Frame:
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
