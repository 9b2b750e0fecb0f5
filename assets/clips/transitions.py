"""Gradual transitions of a video: fades and dissolves together.

Wipes and other moving transitions are not found. NumPy only; cost is linear in the number of frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from .dissolves import DissolveSettings, find_dissolves
from .fades import FadeSettings, find_fades, is_uniform

GRID_WIDTH, GRID_HEIGHT = 16, 9
_DARK = 24


@dataclass(frozen=True)
class Transition:
    """Frames [start_frame, end_frame) that belong to no shot; kind is dissolve or fade."""

    start_frame: int
    end_frame: int
    kind: str


@dataclass(frozen=True)
class TransitionSettings:
    """What counts as a gradual transition."""

    fades: FadeSettings = field(default_factory=FadeSettings)
    dissolves: DissolveSettings = field(default_factory=DissolveSettings)
    flat_end: float = 4.0
    """A mix with a picture of less spread than this (standard deviation of the thumbnail, levels) is a fade."""


def find_transitions(
    layout: np.ndarray | Sequence[bytes | None],
    luma_std: ArrayLike,
    sharpness: ArrayLike,
    settings: TransitionSettings | None = None,
) -> list[Transition]:
    """Fades and dissolves, ascending, disjoint.

    `layout`: one uint8 thumbnail a frame, (frames, 9, 16), (frames, 144) or as bytes. `luma_std`, `sharpness`: one
    value a frame, NaN where unknown. Raises ValueError when the lengths differ.
    """
    settings = settings or TransitionSettings()
    thumbs = thumbnails(layout)
    spread, detail = (np.asarray(series, np.float64) for series in (luma_std, sharpness))
    if not len(thumbs) == len(spread) == len(detail):
        raise ValueError(
            f"layout, luma_std and sharpness have {len(thumbs)}, {len(spread)} and {len(detail)} frames: "
            "pass one value a frame in each"
        )
    cells = picture_cells(thumbs)
    pictures = thumbs[:, cells]
    uniform = is_uniform(pictures, spread if cells.all() else np.full(len(spread), np.nan), settings.fades)
    fades = find_fades(pictures, uniform, settings.fades)
    taken = np.zeros(len(thumbs), bool)
    for start, end in fades:
        taken[start:end] = True
    found = [Transition(a, b, "fade") for a, b in fades]
    for start, end in find_dissolves(pictures, detail, taken, settings.dissolves):
        flattest = min(float(pictures[start - 1].std()), float(pictures[end].std()))
        found.append(Transition(start, end, "fade" if flattest <= settings.flat_end else "dissolve"))
    return _joined(sorted(found, key=lambda transition: transition.start_frame), uniform)


def _joined(found: list[Transition], uniform: np.ndarray) -> list[Transition]:
    """Fades with the uniform frames beside them; those that then touch are one."""
    joined: list[Transition] = []
    for t in found:
        start, end = t.start_frame, t.end_frame
        if t.kind == "fade":
            while start > 0 and uniform[start - 1]:
                start -= 1
            while end < len(uniform) and uniform[end]:
                end += 1
            if joined and joined[-1].kind == "fade" and start <= joined[-1].end_frame:
                start = joined.pop().start_frame
        joined.append(Transition(max(start, joined[-1].end_frame if joined else 0), end, t.kind))
    return joined


def picture_cells(thumbs: np.ndarray) -> np.ndarray:
    """(cells,) bool: cells inside the black borders of the whole video; all of them where that leaves little."""
    inside = np.ones((GRID_HEIGHT, GRID_WIDTH), bool)
    if not len(thumbs):
        return inside.ravel()
    sample = thumbs[:: max(1, len(thumbs) // 2000)]
    lit = (np.percentile(sample, 95, axis=0) > _DARK).reshape(inside.shape)
    for axis, size in ((1, GRID_HEIGHT), (0, GRID_WIDTH)):
        lines = np.flatnonzero(lit.any(axis=axis))
        if not len(lines):
            continue
        first = lines[0] + 1 if lines[0] else 0
        end = lines[-1] if lines[-1] < size - 1 else size
        keep = (np.arange(size) >= first) & (np.arange(size) < end)
        inside &= keep[:, None] if axis == 1 else keep[None]
    return inside.ravel() if inside.sum() >= 16 else np.ones(inside.size, bool)


def thumbnails(layout: np.ndarray | Sequence[bytes | None]) -> np.ndarray:
    """(frames, cells) uint8 from the stored column or an array; a missing one repeats the one before."""
    if not len(layout):
        return np.zeros((0, GRID_WIDTH * GRID_HEIGHT), np.uint8)
    if not isinstance(layout, np.ndarray):
        last = bytes(GRID_WIDTH * GRID_HEIGHT)
        filled = [last := picture if picture is not None else last for picture in layout]
        return np.frombuffer(b"".join(filled), np.uint8).reshape(len(layout), -1)
    return np.asarray(layout, np.uint8).reshape(len(layout), -1)
