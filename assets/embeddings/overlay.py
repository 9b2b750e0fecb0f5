"""Two clips laid over each other in time: the shift at which they agree best, and how well they agree there.

Light says when: the signatures of both (signature.py) are compared at every shift. Keyframes say what: their hashes
(pdq.py) hold finer detail, but lie on a clock of their own in each file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from .pdq import GOOD_QUALITY, hamming
from .signature import COLUMNS, RATE, ROWS, Floats, detrended

LEAST_OVERLAP = 0.6
"""Shifts at which less of the shorter clip is covered are not tried."""
FEATURE_LEVELS = 3.0
"""A tick whose cells differ less than this (standard deviation, levels) is featureless and says nothing."""
SHIFTS_TRIED = 4
PARTS = (-0.5, -0.25, 0.25, 0.5)
"""Shifts between ticks, in ticks."""
ZOOMS = (0.9, 0.95, 1 / 0.95, 1 / 0.9)
"""Central crops that one of the two may have lost."""
HOPELESS = 0.6
"""Likeness at whole ticks below which no finer shift or crop is tried."""
ZOOM_BELOW = 0.99
"""Motion and likeness at which no crop is looked for."""
LAG_TICKS = 4
"""Half a second: changes over it are compared beside the whole course, which slow drifts rule."""
ALIKE = 0.8
"""Correlation of the cells of two ticks from which they count as counterparts."""
NEAR_S = 0.6
"""Keyframes further apart in time are not compared."""
SAME_TIME_S = 0.02
NOISE_LEVELS = 0.7
"""Change over time that coding and rounding alone may make; less than this tells no time."""
COVERED = 0.05
"""What full cover of the shorter clip adds to a shift's merit: it decides where nothing moves."""


@dataclass(frozen=True)
class Look:
    """What is known of a clip: light (ticks, 96), hashes (n, 32), when they are shown and their quality."""

    light: Floats
    hashes: npt.NDArray[np.uint8]
    times_s: npt.NDArray[np.float64]
    quality: npt.NDArray[np.int64]

    @cached_property
    def good(self) -> npt.NDArray[np.intp]:
        """Hashes that may vote."""
        return np.flatnonzero(self.quality >= GOOD_QUALITY)

    @cached_property
    def changes(self) -> npt.NDArray[np.float64]:
        """By hash: bits by which it differs most from the one before or after; what half a second may change."""
        steps = hamming(self.hashes[1:], self.hashes[:-1]).astype(np.float64)
        return np.asarray(np.maximum(np.append(steps, 0.0), np.append(0.0, steps)), np.float64)

    @cached_property
    def units(self) -> tuple[Floats, npt.NDArray[np.bool_]]:
        return unit_ticks(self.light)


@dataclass(frozen=True)
class Overlay:
    """How two clips agree at the best shift.

    shift_s: what is shown at t in the first is shown at t + shift_s in the second. shorter, longer: share of the
    shorter and of the longer clip that has its counterpart. likeness: mean correlation of the cells, -1 to 1. motion:
    correlation of the cells' course in time, and of its changes over half a second, the lower one. levels: how much
    the cells change in time in each, standard deviation in levels of the first's contrast. pdq_distance: median bits
    between keyframes, None when no two could be compared; excess: the same, less what their distance in time excuses.
    """

    shift_s: float
    shorter: float
    longer: float
    likeness: float
    motion: float
    levels: tuple[float, float]
    pdq_distance: float | None
    excess: float | None


def lay_over(one: Look, other: Look) -> Overlay | None:
    """The best overlay; None when the two share no tick with features."""
    found = [f for shift in shifts(one, other) if (f := _fit(one.light, other.light, float(shift)))]
    if not found:
        return None
    best = max(found, key=_merit)
    hopeless = best.likeness < HOPELESS
    finer = [] if hopeless else [_fit(one.light, other.light, best.shift + part) for part in PARTS]
    best = max([best, *filter(None, finer)], key=_merit)
    if not hopeless and min(best.likeness, best.motion) < ZOOM_BELOW:
        cropped = [f for zoom in ZOOMS if (f := _zoomed(one.light, other.light, best.shift, zoom))]
        best = max([best, *cropped], key=_merit)
    shift_s = best.shift / RATE
    distance, excess = keyframe_distance(one, other, shift_s)
    short, long = sorted((len(one.light), len(other.light)))
    return Overlay(
        shift_s, min(1.0, best.alike / short), min(1.0, best.alike / long), best.likeness, best.motion, best.levels,
        distance, excess,
    )  # fmt: skip


@dataclass(frozen=True)
class _Fit:
    shift: float
    covered: float
    alike: int
    likeness: float
    motion: float
    levels: tuple[float, float]


def _merit(fit: _Fit) -> float:
    less, more = fit.levels
    told = less * more / (less * more + NOISE_LEVELS**2)
    return round(fit.likeness + told * fit.motion + COVERED * fit.covered, 9)


def shifts(one: Look, other: Look) -> npt.NDArray[np.int64]:
    """The most promising whole ticks, best first."""
    (first, seen), (second, seen_too) = one.units, other.units
    tried = np.arange(len(first) + len(second) - 1) - (len(first) - 1)
    covered = np.minimum(len(first), len(second) - tried) - np.maximum(0, -tried)
    both = _slide(seen[:, None].astype(np.float64), seen_too[:, None].astype(np.float64))
    likeness = _slide(first, second) / np.maximum(both, 1)
    course, course_too = detrended(one.light), detrended(other.light)
    ones = np.ones((len(first), 1)), np.ones((len(second), 1))
    energy = _slide((course**2).sum(1, keepdims=True), ones[1]), _slide(ones[0], (course_too**2).sum(1, keepdims=True))
    noise = NOISE_LEVELS**2 * first.shape[1] * np.maximum(covered, 1)
    motion = _slide(course, course_too) / np.sqrt((energy[0] + noise) * (energy[1] + noise))
    short = min(len(first), len(second))
    merit = np.round(likeness + motion + COVERED * covered / short, 6)
    merit[covered < max(1, np.ceil(LEAST_OVERLAP * short))] = -np.inf
    beside = np.maximum(np.append(merit[1:], -np.inf), np.insert(merit[:-1], 0, -np.inf))
    peaks = np.flatnonzero((merit >= beside) & np.isfinite(merit))
    return tried[peaks[np.argsort(-merit[peaks], kind="stable")][:SHIFTS_TRIED]]


def _slide(one: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Sums of products over cells and ticks at every shift of (ticks, cells), from -(len(one) - 1) on."""
    from scipy import fft

    length = len(one) + len(other) - 1
    size = fft.next_fast_len(length, real=True)
    product = fft.rfft(one[::-1].astype(np.float64), size, axis=0) * fft.rfft(other.astype(np.float64), size, axis=0)
    sums: npt.NDArray[np.float64] = fft.irfft(product.sum(axis=1), size)[:length]
    return sums


def unit_ticks(light: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """(ticks, cells) without mean and of unit length, zeros where featureless; and which ticks have features."""
    centred = light - light.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1)
    seen = length >= FEATURE_LEVELS * np.sqrt(light.shape[1])
    return np.where(seen[:, None], centred / np.maximum(length, 1e-6)[:, None], 0).astype(np.float32), seen


def _zoomed(one: Floats, other: Floats, shift: float, zoom: float) -> _Fit | None:
    """The fit when one of the two (the first below 1, the second above) is cropped around its middle."""
    if zoom < 1:
        return _fit(_cropped(one, zoom), other, shift)
    return _fit(one, _cropped(other, 1 / zoom), shift)


def _cropped(light: Floats, share: float) -> Floats:
    """The middle of the picture, `share` of each side, on the same grid."""
    rows, columns = _middle(ROWS, share), _middle(COLUMNS, share)
    pictures = light.reshape(-1, ROWS, COLUMNS)
    small: Floats = np.einsum("rh,fhw,cw->frc", rows, pictures, columns, optimize=True).reshape(len(light), -1)
    return small


def _middle(cells: int, share: float) -> Floats:
    points = (np.arange(cells) + 0.5 - cells / 2) * share + cells / 2 - 0.5
    weights = [np.interp(points, np.arange(cells), row) for row in np.eye(cells)]
    return np.stack(weights, axis=1).astype(np.float32)


def _fit(one: Floats, other: Floats, shift: float) -> _Fit | None:
    """How two lights agree at a shift in ticks; between ticks the second is interpolated."""
    whole = int(np.floor(shift))
    if shift > whole:
        part = shift - whole
        mixed = (1 - part) * other + part * np.concatenate([other[1:], other[-1:]])
        other = mixed.astype(np.float32)
    lengths = len(one), len(other)
    start, end = max(0, -whole), min(lengths[0], lengths[1] - whole)
    if end <= start:
        return None
    one, other = one[start:end], other[start + whole : end + whole]
    (first, seen), (second, seen_too) = unit_ticks(one), unit_ticks(other)
    both = seen & seen_too
    if not both.any():
        return None
    likeness = (first * second).sum(axis=1)[both]
    contrast = np.sqrt(np.var(one, axis=1)[both].mean() / np.var(other, axis=1)[both].mean())
    course, course_too = detrended(one), detrended(other)
    motion = _correlation(course, course_too)
    if end - start >= 2 * LAG_TICKS:
        changes = [c[LAG_TICKS:] - c[:-LAG_TICKS] for c in (course, course_too)]
        motion = min(motion, _correlation(changes[0], changes[1]))
    levels = float(np.sqrt((course**2).mean())), float(np.sqrt((course_too**2).mean()) * contrast)
    covered = (end - start) / min(lengths)
    return _Fit(shift, covered, int((likeness >= ALIKE).sum()), float(likeness.mean()), motion, levels)


def _correlation(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    """0 where either does not change."""
    scale = np.sqrt((one**2).sum() * (other**2).sum())
    return float((one * other).sum() / scale) if scale > 1e-6 else 0.0


def keyframe_distance(one: Look, other: Look, shift_s: float) -> tuple[float | None, float | None]:
    """Median bits between keyframes that are shown at about the same time, and the same without what is excused.

    Keyframes that do not lie at the same time may differ by half of what the second differs from its neighbours.
    """
    bits, excess = [], []
    times = other.times_s[other.good] - shift_s
    for i in one.good:
        near = other.good[np.abs(times - one.times_s[i]) <= NEAR_S]
        if not len(near):
            continue
        apart = np.abs(other.times_s[near] - shift_s - one.times_s[i])
        differing = hamming(one.hashes[i][None], other.hashes[near])
        excused = np.where(apart > SAME_TIME_S, np.maximum(one.changes[i], other.changes[near]) / 2, 0.0)
        bits.append(float(differing.min()))
        excess.append(float((differing - excused).min()))
    if not bits:
        return None, None
    return float(np.median(bits)), max(0.0, float(np.median(excess)))
