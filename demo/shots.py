"""The shots of the planted library: measured ones move exactly as stated, good ones as what a hand films."""

from __future__ import annotations

from collections.abc import Iterator

from .effects import badge, hand_held, oval, passing, repeated, rolled, subtitled, written
from .footage import (
    HD,
    Frame,
    Size,
    barred,
    blurred,
    cut,
    dissolve,
    fade_in,
    fade_out,
    grain,
    overlaid,
    pan,
    photograph,
    photograph_to_pan,
    shake,
    still,
    zoom,
)

FPS = 25
SMALL: Size = (960, 540)
LOGO: Size = (150, 60)


def panned(name: str, frames: int, speed: float, angle: float = 0.0, size: Size = HD) -> Iterator[Frame]:
    """A perfectly smooth pan over a photograph; speed and angle as in `pan`."""
    return pan(photograph_to_pan(name, frames, FPS, speed, angle, size), frames, FPS, speed, angle, size)


def three_shots() -> Iterator[Frame]:
    return cut(
        *(panned(*shot, SMALL) for shot in (("coins", 90, 3, 0), ("gravel", 75, 4, 180), ("rocket", 100, 3, 90)))
    )


def dissolved() -> Iterator[Frame]:
    return dissolve(panned("camera", 110, 3, 0, SMALL), panned("immunohistochemistry", 110, 3, 180, SMALL), 24)


def faded_through_black() -> Iterator[Frame]:
    return cut(fade_out(panned("brick", 100, 3, 45, SMALL), 12), fade_in(panned("grass", 100, 3, 0, SMALL), 12))


def out_of_focus() -> Iterator[Frame]:
    """The photograph is blurred once: a blurred picture moves as well as a moved one is blurred."""
    (soft,) = blurred(still(photograph_to_pan("astronaut", 100, FPS, 4), 1), 16)
    return pan(soft, 100, FPS, 4, size=HD)


def letterboxed() -> Iterator[Frame]:
    return barred(panned("camera", 125, 4), top=90, bottom=90)


def title() -> Iterator[Frame]:
    scene = hand_held("rocket", 113, FPS, 4, 0, SMALL)
    return written(written(scene, "THE LAST", 250, 90), "COUNTDOWN", 370, 90)


def slides() -> Iterator[Frame]:
    """Each photograph is alone for 95 frames, then shares 25 with the next."""
    first = panned("coffee", 120, 3, 180, SMALL)
    second = panned("grass", 145, 4, 135, SMALL)
    third = zoom(photograph("stereo_motorcycle", SMALL), 120, FPS, 0.06)
    return dissolve(dissolve(first, second, 25), third, 25)


def shaken() -> Iterator[Frame]:
    return shake(photograph("coins", (1380, 820)), 125, FPS, 0.4, size=HD)


def zoomed() -> Iterator[Frame]:
    return zoom(photograph("gravel"), 125, FPS, 0.1)


def roll() -> Iterator[Frame]:
    """The picture turns counterclockwise when the camera rolls clockwise."""
    return rolled("camera", 113, FPS, -5, SMALL)


def doubled() -> Iterator[Frame]:
    return repeated(hand_held("immunohistochemistry", 56, 12, 5, 180, SMALL), 2)


def with_subtitles() -> Iterator[Frame]:
    scene = hand_held("chelsea", 125, FPS, 3, 180, SMALL)
    return subtitled(scene, ("He never came back", "Where did you see him last?"), 62, 498, 28)


def with_logo() -> Iterator[Frame]:
    scene = hand_held("brick", 125, FPS, 6, 0, SMALL)
    return overlaid(scene, badge(LOGO), SMALL[0] - LOGO[0] - 30, 30, opacity=0.5)


def passed_motorcycle() -> Iterator[Frame]:
    scene = hand_held("stereo_motorcycle", 125, FPS, 4, 180, HD)
    return passing(scene, FPS, oval("grass", (420, 560)), (1200, 330), (-260, 4))


def passed_coffee() -> Iterator[Frame]:
    scene = zoom(photograph("coffee", SMALL), 125, FPS, 0.12)
    return passing(scene, FPS, oval("gravel", (285, 525)), (-225, 150), (180, 0))


def grainy_chelsea() -> Iterator[Frame]:
    return grain(hand_held("chelsea", 125, FPS, 3, 45, HD), 2)
