"""Fades: ramps of contrast into and out of uniform pictures (black, white, one colour), found in the thumbnails.

A fade-out, the uniform pictures after it and the fade-in that follows are one transition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .dissolves import correlation


@dataclass(frozen=True)
class FadeSettings:
    """What counts as a fade. Levels are those of 8-bit luma; the rest are ratios or frames."""

    max_spread: float = 2.5
    """Largest standard deviation of a uniform picture's thumbnail, levels."""
    max_luma_std: float = 6.0
    """Largest standard deviation of a uniform picture's luma, levels."""
    max_ramp: int = 96
    """Longest fade in or out that is looked for, frames."""
    min_ramp: int = 3
    """Shortest one: below, the picture cuts to the uniform one."""
    min_run: int = 5
    """Fewest uniform frames that make a transition without any ramp."""
    max_flash: int = 15
    """Longest flash: a burst of uniform frames with ramps and with the same scene on both sides, frames."""
    max_first_step: float = 0.5
    """Largest jump from the uniform picture to the ramp, as a share of its height: above, it is a cut."""
    max_wobble: float = 0.2
    """Largest rms deviation from an even ramp, as a share of its height."""


def find_fades(thumbs: np.ndarray, uniform: np.ndarray, settings: FadeSettings) -> list[tuple[int, int]]:
    """Spans (first fading frame, first whole frame after), ascending, disjoint.

    `thumbs`: (frames, cells) uint8, without borders. `uniform`: (frames,) bool, what `is_uniform` says of them.
    A video that is uniform throughout has none.
    """
    if not len(uniform) or uniform.all():
        return []
    spans: list[tuple[int, int]] = []
    for first, end in _runs(uniform):
        colour = float(np.median(thumbs[first:end]))
        start = first - _ramp(thumbs[:first][::-1][: settings.max_ramp * 2], colour, settings)
        stop = end + _ramp(thumbs[end : end + settings.max_ramp * 2], colour, settings)
        ramps = (first - start) + (stop - end)
        if _is_flash(thumbs, start, stop, settings) or (not ramps and end - first < settings.min_run):
            continue
        if spans and start <= spans[-1][1]:
            start = spans.pop()[0]
        spans.append((start, stop))
    return spans


def is_uniform(thumbs: np.ndarray, luma_std: np.ndarray, settings: FadeSettings) -> np.ndarray:
    """(frames,) bool: the picture is one colour. `luma_std`: (frames,), NaN where unknown."""
    parts = np.array_split(thumbs, len(thumbs) // 65536 + 1)
    flat: np.ndarray = np.concatenate([part.std(axis=1) for part in parts]) <= settings.max_spread
    return flat & ~(luma_std > settings.max_luma_std)


def _runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """(first, end exclusive) of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _ramp(outward: np.ndarray, colour: float, settings: FadeSettings) -> int:
    """Frames of the ramp that leads from a uniform run into the pictures `outward`, nearest first; 0 for a cut."""
    outward = outward.astype(np.float64)
    distance = np.sqrt(((outward - colour) ** 2).mean(axis=1))
    distance = distance[: _scene_end(outward, distance)]
    if len(distance) < settings.min_ramp + 1:
        return 0
    best, best_error = 0, np.inf
    steps = np.arange(1, len(distance) + 1)
    for length in range(1, min(len(distance), settings.max_ramp + 1)):
        rest = distance[length : length + max(8, length // 2)]
        height = float(rest.mean())
        even = np.minimum(steps / (length + 1), 1.0)[: length + len(rest)]
        if distance[0] > settings.max_first_step * height:
            continue
        for shape in (even, even**2 * (3 - 2 * even)):
            error = float(((distance[: len(shape)] - height * shape) ** 2).mean()) / max(height, 1.0) ** 2
            if error < best_error:
                best, best_error = length, error
    return best if best >= settings.min_ramp and best_error <= settings.max_wobble**2 else 0


def _scene_end(outward: np.ndarray, distance: np.ndarray) -> int:
    """Frames until the pattern changes: a cut ends the search."""
    pattern = outward - outward.mean(axis=1, keepdims=True)
    norm = np.sqrt((pattern**2).sum(axis=1))
    agreement = (pattern[1:] * pattern[:-1]).sum(axis=1) / np.maximum(norm[1:] * norm[:-1], 1.0)
    breaks = np.flatnonzero((agreement < 0.5) & (np.minimum(distance[1:], distance[:-1]) > 12) & (norm[1:] > 12 * 3))
    return int(breaks[0]) + 1 if len(breaks) else len(outward)


def _is_flash(thumbs: np.ndarray, start: int, stop: int, settings: FadeSettings) -> bool:
    """Short, and the same picture on both sides."""
    if stop - start > settings.max_flash or start == 0 or stop == len(thumbs):
        return False
    before, after = thumbs[start - 1].astype(np.float64), thumbs[stop].astype(np.float64)
    return correlation(before, after) > 0.8
