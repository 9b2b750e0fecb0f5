"""Slideshow: a still picture that is held, or only moved."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...columns import APPROXIMATE, DOUBLE, Column
from ...measuring.scorer import ClipView, scorer
from .camera_fit import CameraFit, camera_fit
from .camera_parts import camera_parts
from .repeated_frames import repeated_frames

HELD_FROM_S = 0.5
BLIP_LEVELS = 3.0
"""A lone frame that changes no more inside a hold is the encoder's refresh of the same picture."""
MOVES_FROM = 0.2
"""% of the diagonal per second: the slowest movement that is told from none."""
SMOOTH_SPEED, SMOOTH_SHARE = 0.1, 0.015
"""Twice the jerk that the flow sees in perfectly smooth movements: a speed, plus a share of the movement's own."""
LOOSE, RIGID = 0.6, 0.9
"""Shares of the picture that follow one movement, between which it becomes a flat picture's."""

Series = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@scorer(
    Column("slideshow", DOUBLE, "Share of the clip in which a still picture is held or only moved; 1 = surely a "
           "slideshow.", "", 0, 1, serves="special motion: slideshows (Movie Gen)"),
    version=1,
    helpers=tuple(f"filter_scores/scorers/{name}.py" for name in ("camera_fit", "camera_parts", "repeated_frames")),
    quick=APPROXIMATE,
)  # fmt: skip
def slideshow(view: ClipView) -> dict[str, Any]:
    """How much of the clip is a still: held without change for half a second and more, or moved as one flat picture.

    Moved means: one similarity explains all of the picture's textured parts, and its speed is perfectly smooth (a pan
    or zoom over a photograph, the "Ken Burns" effect). A real camera betrays itself by parallax, by what moves in the
    scene, or by shake. Weakness: a real shot without any of these (a motorized pan over a far, still scene, a locked
    noise-free camera on nothing that moves, a screen recording) scores high; a held still under moving grain, or a
    moved one with large flat parts, scores low. Source: Movie Gen 3.2.1 removes slideshow-like effects; ours.
    """
    fit = camera_fit(view)
    held = float(held_frames(view)[1:].mean())
    return {"slideshow": min(held + (1 - held) * moved(fit), 1.0)}


def held_frames(view: ClipView) -> Flags:
    """One flag a frame: it lies in a hold of at least half a second."""
    frames = view.frames
    same, change = repeated_frames(frames), frames["diff_max"].fill_null(np.inf).to_numpy()
    lone = ~same[1:-1] & same[:-2] & same[2:] & (change[1:-1] <= BLIP_LEVELS)
    same[1:-1] |= lone
    pts_s = frames["pts_s"].to_numpy()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], same, [False]]).astype(int)))
    for start, end in edges.reshape(-1, 2):
        if pts_s[end - 1] - pts_s[max(start - 1, 0)] < HELD_FROM_S:
            same[start:end] = False
    return same


def moved(fit: CameraFit) -> float:
    """0 to 1: the share of time in which the picture moves as one, smoothly."""
    parts = camera_parts(fit)
    speed, jerk = (np.sqrt((rows**2).sum(axis=0)) for rows in (parts.slow, parts.fast))
    moves = _over(speed / MOVES_FROM)
    smooth = 1 - _over(jerk / (SMOOTH_SPEED + SMOOTH_SHARE * speed))
    rigid = np.clip((fit.agreement - LOOSE) / (RIGID - LOOSE), 0.0, 1.0)
    return parts.over_time(moves * smooth * rigid)


def _over(times_the_bound: Series) -> Series:
    """0 far under the bound, 0.5 at it, 1 far over it."""
    raised = times_the_bound**4
    result: Series = raised / (1 + raised)
    return result
