"""The planted library: each file, how it is drawn, and how it must be caught."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .footage import (
    HD,
    Frame,
    barred,
    blurred,
    cut,
    dissolve,
    fade_in,
    fade_out,
    grain,
    pan,
    photograph,
    photograph_to_pan,
    shake,
    still,
    write_video,
    zoom,
    zoom_speed,
)
from .verdicts import (
    Boundary,
    Expectation,
    HasCropBox,
    HasOrientation,
    HasShots,
    HasStatus,
    Ignored,
    Measures,
    RejectedBy,
    Survives,
)

FPS = 25
FULL_HD = (1920, 1080)
KEPT_SHARE = 0.6


@dataclass(frozen=True)
class Planted:
    """One file: its name, what is wrong or known about it, how it is drawn to a path, what the product must find."""

    name: str
    what: str
    draw: Callable[[Path], object]
    expected: tuple[Expectation, ...]


def _video(frames: Callable[[], Iterator[Frame]], fps: int = FPS, codec: str = "libx264") -> Callable[[Path], object]:
    return lambda path: write_video(path, frames(), fps, codec)


def _panned(name: str, frames: int, speed: float, angle: float = 0.0, size: tuple[int, int] = HD) -> Iterator[Frame]:
    return pan(photograph_to_pan(name, frames, FPS, speed, angle, size), frames, FPS, speed, angle, size)


def _three_shots() -> Iterator[Frame]:
    return cut(_panned("coins", 90, 3), _panned("gravel", 75, 4, 180), _panned("rocket", 100, 3, 90))


def _dissolve() -> Iterator[Frame]:
    return dissolve(_panned("camera", 110, 3), _panned("immunohistochemistry", 110, 3, 180), 24)


def _fade_through_black() -> Iterator[Frame]:
    return cut(fade_out(_panned("brick", 100, 3, 45), 12), fade_in(_panned("grass", 100, 3), 12))


def _truncated(path: Path) -> None:
    whole = write_video(path, _panned("hubble_deep_field", 125, 4), FPS).read_bytes()
    path.write_bytes(whole[: int(len(whole) * KEPT_SHARE)])


def _text(sentence: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(sentence * 40, encoding="utf-8")


FAULTS = (
    Planted("static.mp4", "a still picture as video", _video(lambda: still(photograph("rocket"), 100)),
            (RejectedBy(("motion_mean.min", "static_ratio.max")),)),
    Planted("blurred.mp4", "out of focus", _video(lambda: blurred(_panned("astronaut", 100, 4), 16)),
            (RejectedBy(("sharpness.min",)),)),
    Planted("letterboxed.mp4", "black bars of 90 px at top and bottom",
            _video(lambda: barred(_panned("camera", 125, 4), top=90, bottom=90)),
            (RejectedBy(("border_ratio.max",)), HasCropBox(0, 90, 1280, 540))),
    Planted("tiny.mp4", "320x180", _video(lambda: _panned("coffee", 125, 4, size=(320, 180))),
            (RejectedBy(("short_side.min",)),)),
    Planted("truncated.mp4", "the last 40 % of the bytes are missing", _truncated, (HasStatus("truncated"),)),
    Planted("notes.mp4", "a text dressed as video", _text("This is not a video.\n"), (HasStatus("unsupported"),)),
    Planted("readme.txt", "no media file", _text("Drawn from photographs of scikit-image.\n"), (Ignored(),)),
)  # fmt: skip

STRUCTURE = (
    Planted("three_shots.mp4", "two hard cuts", _video(_three_shots),
            (HasShots((Boundary("cut", 90, 90), Boundary("cut", 165, 165))),)),
    Planted("dissolve.mp4", "a dissolve of 24 frames", _video(_dissolve),
            (HasShots((Boundary("dissolve", 86, 110),)),)),
    Planted("fade.mp4", "a fade through black", _video(_fade_through_black),
            (HasShots((Boundary("fade", 88, 112),)),)),
    Planted("portrait.mp4", "720x1280", _video(lambda: _panned("grass", 125, 3, 90, (720, 1280))),
            (HasOrientation("portrait"), HasShots())),
    Planted("shake.mp4", "a shaking hand",
            _video(lambda: shake(photograph("coins", (1380, 820)), 125, FPS, 0.4, size=HD)),
            (HasShots(),)),
    Planted("pan.mp4", "a pan of 4 % of the diagonal a second",
            _video(lambda: _panned("immunohistochemistry", 125, 4)),
            (HasShots(), Measures("motion_mean", 4.0))),
    Planted("zoom.mp4", "a zoom of 10 % a second", _video(lambda: zoom(photograph("gravel"), 125, FPS, 0.1)),
            (HasShots(), Measures("motion_mean", zoom_speed(HD, 0.1)))),
)  # fmt: skip

GOOD = (
    Planted("good_motorcycle.mp4", "1080p, slow pan",
            _video(lambda: _panned("stereo_motorcycle", 150, 4, 180, FULL_HD)), (Survives(),)),
    Planted("good_astronaut.mkv", "H.265, rising camera",
            _video(lambda: _panned("astronaut", 125, 5, 90), codec="libx265"), (Survives(),)),
    Planted("good_coffee.webm", "VP9, slow zoom",
            _video(lambda: zoom(photograph("coffee"), 125, FPS, 0.12), codec="libvpx-vp9"), (Survives(),)),
    Planted("good_chelsea.mov", "1080p, diagonal pan with film grain",
            _video(lambda: grain(_panned("chelsea", 150, 3, 45, FULL_HD), 2)), (Survives(),)),
)  # fmt: skip

LIBRARY = (*FAULTS, *STRUCTURE, *GOOD)


def draw(target: tuple[str, str]) -> int:
    """Draw one file of the library; `target` is (name, folder). Returns its size in bytes."""
    name, folder = target
    path = Path(folder) / name
    {planted.name: planted for planted in LIBRARY}[name].draw(path)
    return path.stat().st_size
