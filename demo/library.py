"""The planted library: each file, how it is drawn, and how it must be caught."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from . import shots
from .effects import hand_held, re_encoded
from .footage import HD, Frame, Size, photograph, still, write_video, zoom_speed
from .shots import FPS, LOGO, SMALL, panned
from .verdicts import (
    Boundary,
    Expectation,
    HasCamera,
    HasCropBox,
    HasOrientation,
    HasShots,
    HasStatus,
    Ignored,
    Measures,
    RejectedBy,
    SameGroupAs,
    SameVideoAs,
    Survives,
)

KEPT_SHARE = 0.6

Draw = Callable[[Path, Path], object]
"""Called with the path to write and the folder in which the files that are drawn first lie."""


@dataclass(frozen=True)
class Planted:
    """One file: its name, what is wrong or known about it, how it is drawn, what the product must find.

    `made_of`: the name of the file that must be drawn before it.
    """

    name: str
    what: str
    draw: Draw
    expected: tuple[Expectation, ...]
    made_of: str | None = None


def _video(frames: Callable[[], Iterator[Frame]], fps: int = FPS, codec: str = "libx264") -> Draw:
    return lambda path, _: write_video(path, frames(), fps, codec)


def _truncated(path: Path, _: Path) -> None:
    whole = write_video(path, panned("hubble_deep_field", 125, 4), FPS).read_bytes()
    path.write_bytes(whole[: int(len(whole) * KEPT_SHARE)])


def _text(sentence: str) -> Draw:
    return lambda path, _: path.write_text(sentence * 40, encoding="utf-8")


def _copy(name: str) -> Draw:
    return lambda path, drawn: shutil.copyfile(drawn / name, path)


def _small_copy(name: str, size: Size) -> Draw:
    return lambda path, drawn: re_encoded(drawn / name, path, size, options={"crf": "30"})


FAULTS = (
    Planted("static.mp4", "a still picture as video", _video(lambda: still(photograph("rocket"), 100)),
            (RejectedBy(("motion_mean.min", "static_ratio.max")),)),
    Planted("blurred.mp4", "out of focus", _video(shots.out_of_focus), (RejectedBy(("sharpness.min",)),)),
    Planted("letterboxed.mp4", "black bars of 90 px at top and bottom", _video(shots.letterboxed),
            (RejectedBy(("border_ratio.max",)), HasCropBox(0, 90, 1280, 540))),
    Planted("tiny.mp4", "320x180", _video(lambda: panned("coffee", 125, 4, size=(320, 180))),
            (RejectedBy(("short_side.min",)),)),
    Planted("title.mp4", "a title of two lines over a moving scene", _video(shots.title),
            (RejectedBy(("text_area_ratio.max",)),)),
    Planted("slideshow.mp4", "three photographs that are only moved, with cross-fades", _video(shots.slides),
            (RejectedBy(("slideshow.max",)),
             HasShots((Boundary("dissolve", 95, 120), Boundary("dissolve", 215, 240))))),
    Planted("truncated.mp4", "the last 40 % of the bytes are missing", _truncated, (HasStatus("truncated"),)),
    Planted("notes.mp4", "a text dressed as video", _text("This is not a video.\n"), (HasStatus("unsupported"),)),
    Planted("readme.txt", "no media file", _text("Drawn from photographs of scikit-image.\n"), (Ignored(),)),
)  # fmt: skip

COPIES = (
    Planted("copy_of_pan.mp4", "the same bytes under another name", _copy("pan.mp4"),
            (SameVideoAs("pan.mp4"),), made_of="pan.mp4"),
    Planted("small_motorcycle.mp4", "good_motorcycle.mp4 at 640x360, encoded again",
            _small_copy("good_motorcycle.mp4", (640, 360)),
            (SameGroupAs("good_motorcycle.mp4"), RejectedBy(("group_id.keep_best",))), made_of="good_motorcycle.mp4"),
)  # fmt: skip

STRUCTURE = (
    Planted("three_shots.mp4", "two hard cuts", _video(shots.three_shots),
            (HasShots((Boundary("cut", 90, 90), Boundary("cut", 165, 165))),)),
    Planted("dissolve.mp4", "a dissolve of 24 frames", _video(shots.dissolved),
            (HasShots((Boundary("dissolve", 86, 110),)),)),
    Planted("fade.mp4", "a fade through black", _video(shots.faded_through_black),
            (HasShots((Boundary("fade", 88, 112),)),)),
    Planted("portrait.mp4", "720x1280", _video(lambda: panned("grass", 125, 3, 90, (720, 1280))),
            (HasOrientation("portrait"), HasShots())),
)  # fmt: skip

MEASURED = (
    Planted("shake.mp4", "a shaking hand", _video(shots.shaken), (HasShots(), HasCamera(("handheld",)))),
    Planted("pan.mp4", "a pan of 4 % of the diagonal a second", _video(lambda: panned("immunohistochemistry", 125, 4)),
            (HasShots(), Measures("motion_mean", 4.0), HasCamera(("pan left",)))),
    Planted("zoom.mp4", "a zoom of 10 % a second", _video(shots.zoomed),
            (HasShots(), Measures("motion_mean", zoom_speed(HD, 0.1)), HasCamera(("zoom in",)))),
    Planted("tilt.mp4", "the camera tilts by 8 % of its height a second",
            _video(lambda: panned("brick", 113, 8 * SMALL[1] / math.hypot(*SMALL), 90, SMALL)),
            (HasCamera(("tilt up",)), Measures("camera_tilt", 0.08))),
    Planted("roll.mp4", "the camera rolls by 5 degrees a second", _video(shots.roll),
            (HasCamera(("roll clockwise",)), Measures("camera_roll", 5))),
    Planted("doubled.mp4", "12 frames a second shown as 24", _video(shots.doubled, 24),
            (Measures("duplicate_frame_ratio", 0.5, 0.1),)),
    Planted("subtitled.mp4", "lines of subtitles, letters on the rows 475 to 505", _video(shots.with_subtitles),
            (Measures("subtitle_top", 475, 0.03), Measures("subtitle_bottom", 505, 0.03))),
    Planted("logo.mp4", "a half transparent logo in the corner", _video(shots.with_logo),
            (Measures("overlay_ratio", LOGO[0] * LOGO[1] / (SMALL[0] * SMALL[1]), 0.3),)),
)  # fmt: skip

GOOD = (
    Planted("good_motorcycle.mp4", "a pan by hand, something near passes", _video(shots.passed_motorcycle),
            (Survives(),)),
    Planted("good_astronaut.mkv", "H.265, a camera that rises by hand",
            _video(lambda: hand_held("astronaut", 125, FPS, 5, 90, SMALL), codec="libx265"),
            (Survives(), Measures("motion_mean", 5.0))),
    Planted("good_coffee.webm", "VP9, a slow zoom on a tripod, something near passes",
            _video(shots.passed_coffee, codec="libvpx-vp9"), (Survives(),)),
    Planted("good_chelsea.mov", "a diagonal pan by hand with film grain", _video(shots.grainy_chelsea),
            (Survives(), Measures("motion_mean", 3.0))),
)  # fmt: skip

LIBRARY = (*FAULTS, *COPIES, *STRUCTURE, *MEASURED, *GOOD)


def draw(target: tuple[str, str, str]) -> int:
    """Draw one file of the library; `target`: name, folder to write to, folder of the files that are drawn already.

    Returns its size in bytes.
    """
    name, folder, drawn = target
    path = Path(folder) / name
    {planted.name: planted for planted in LIBRARY}[name].draw(path, Path(drawn))
    return path.stat().st_size
