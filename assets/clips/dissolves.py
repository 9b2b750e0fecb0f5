"""Dissolves, found in the 16 x 9 thumbnails as linear mixes of two pictures.

Every picture between A and B lies on the line from A to B and moves along it evenly. Pans, zooms and things that cross
the picture leave that line; exposure changes stay on it but keep pattern and detail, which no mix does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_FRACTIONS = np.arange(1, 8) / 8
_BLOCK = 256
_MARGIN = 8
_SURROUNDINGS = 100


@dataclass(frozen=True)
class DissolveSettings:
    """What counts as a dissolve. Lengths in frames; levels are those of 8-bit luma; the rest are ratios."""

    lengths: tuple[int, ...] = (6, 8, 11, 15, 20, 27, 36, 48, 64)
    """Distances of A and B at which a mix is looked for."""
    min_change: float = 6.0
    """Least rms difference of A and B, levels."""
    max_residual: float = 0.4
    """Largest rms distance from the line A-B, as a share of its length."""
    max_unevenness: float = 0.25
    """Largest deviation of the position on the line from an even (or eased) run."""
    max_outside: float = 2.0
    """Largest change a frame before A and after B, as a share of the change a frame between them."""
    max_slope: float = 0.8
    """The same along the line A-B only, where the motion of a scene hardly shows."""
    max_correlation: float = 0.75
    """Largest correlation of A and B: above, they show the same scene."""
    max_detail: float = 0.8
    """Largest sharpness half way: 0 is what a mix of two scenes has, 1 what one scene keeps."""
    max_doubt: float = 3.6
    """Largest sum of the signs against a dissolve (`_doubt`), each about 1 where it is doubtful alone."""
    min_frames: int = 5
    """Fewest mixed frames."""


def find_dissolves(
    thumbs: np.ndarray, sharpness: np.ndarray, blocked: np.ndarray, settings: DissolveSettings
) -> list[tuple[int, int]]:
    """Spans (first mixed frame, first whole frame after), ascending, disjoint.

    `thumbs`: (frames, cells) uint8. `sharpness`: (frames,), NaN where unknown. `blocked`: (frames,) bool, frames
    that no dissolve may touch.
    """
    if len(thumbs) < min(settings.lengths) + 1:
        return []
    found: list[tuple[int, int]] = []
    taken = blocked.copy()
    refused: dict[int, list[tuple[int, int]]] = {}
    stretch = max(settings.lengths)
    for _, first, last in sorted(_candidates(thumbs, settings)):
        place = first // stretch
        near_by = (other for at in (place - 1, place, place + 1) for other in refused.get(at, ()))
        if taken[first : last + 1].any() or any(_overlap(first, last, *other) > 0.5 for other in near_by):
            continue
        near = slice(max(0, first - _SURROUNDINGS), last + _SURROUNDINGS)
        pictures, offset = thumbs[near].astype(np.float64), near.start
        start, end = _bounds(pictures, first - offset, last - offset, taken[near])
        is_dissolve = _is_dissolve(pictures, sharpness[near], start, end, settings)
        start, end = start + offset, end + offset
        if is_dissolve and not taken[start:end].any():
            taken[start:end] = True
            found.append((start, end))
        else:
            refused.setdefault(place, []).append((first, last))
    return sorted(found)


def _overlap(a: int, b: int, c: int, d: int) -> float:
    return (min(b, d) - max(a, c)) / (max(b, d) - min(a, c))


def _candidates(thumbs: np.ndarray, settings: DissolveSettings) -> Iterator[tuple[float, int, int]]:
    """(cost, frame of A, frame of B) of every window that looks like a mix; lower cost is better."""
    reach = max(settings.lengths) * 3 // 2 + 1
    for begin in range(0, len(thumbs), _BLOCK):
        low, high = max(0, begin - reach), min(len(thumbs), begin + _BLOCK + reach)
        block = thumbs[low:high].astype(np.float64)
        products = block @ block.T
        sums = block.sum(axis=1)
        for length in settings.lengths:
            step = max(1, length // 8)
            starts = np.arange(-(-begin // step) * step, min(begin + _BLOCK, len(thumbs) - length), step) - low
            cost = _window_cost(products, sums, starts, length, block.shape[1], settings)
            for k in np.flatnonzero(np.isfinite(cost)):
                yield float(cost[k]), int(starts[k] + low), int(starts[k] + low + length)


def _window_cost(
    products: np.ndarray, sums: np.ndarray, first: np.ndarray, length: int, cells: int, settings: DissolveSettings
) -> np.ndarray:
    """Cost of the windows that begin at `first`, inf where one is no mix. All from inner products of whole numbers:
    exact, whatever the order of summation."""
    power = np.diag(products)
    last = first + length
    inside = first[:, None] + np.rint(_FRACTIONS * length).astype(int)
    change = _distance2(products, power, first, last)
    floor = np.maximum(change, 1.0)
    along = products[inside, last[:, None]] - products[inside, first[:, None]]
    position = (along - (products[first, last] - power[first])[:, None]) / floor[:, None]
    off_line = _distance2(products, power, inside, first[:, None]) / floor[:, None] - position**2
    residual = np.sqrt(np.maximum(off_line, 0).max(axis=1))
    exact = (np.rint(_FRACTIONS * length) / length)[None]
    uneven = np.minimum(
        np.abs(position - exact).max(axis=1), np.abs(position - exact**2 * (3 - 2 * exact)).max(axis=1)
    )
    margin = int(np.clip(length // 2, 3, 12))
    before, after = np.maximum(first - margin, 0), np.minimum(last + margin, len(products) - 1)
    outside2 = np.maximum(_distance2(products, power, before, first), _distance2(products, power, last, after))
    outside = np.sqrt(outside2 / floor) * length / margin
    goes_on = np.zeros(len(first))
    for a, b in ((before, first), (last, after)):
        step = (products[b, last] - products[a, last]) - (products[b, first] - products[a, first])
        goes_on = np.maximum(goes_on, step / floor * length / margin)
    covariance = products[first, last] - sums[first] * sums[last] / cells
    variance = [np.maximum(power[at] - sums[at] ** 2 / cells, 1.0) for at in (first, last)]
    alike = covariance / np.sqrt(variance[0] * variance[1])
    good = (
        (change >= cells * settings.min_change**2)
        & (residual <= settings.max_residual)
        & (uneven <= settings.max_unevenness)
        & (outside <= settings.max_outside * 1.25)
        & (goes_on <= settings.max_slope)
        & (alike <= settings.max_correlation)
    )
    cost: np.ndarray = np.where(good, residual + uneven + goes_on / 2 + outside / 8, np.inf)
    return cost


def _distance2(products: np.ndarray, power: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    squared: np.ndarray = np.maximum(power[a] + power[b] - 2 * products[a, b], 0)
    return squared


def _bounds(pictures: np.ndarray, first: int, last: int, taken: np.ndarray) -> tuple[int, int]:
    """First mixed frame and first whole frame after, by the ramp that fits the position on the line A-B best."""
    margin = max(4, (last - first) // 2)
    low, high = _free_run(pictures, first, last, margin, taken)
    a, b = pictures[first], pictures[last]
    position = (pictures[low:high] - a) @ (b - a) / max(float((b - a) @ (b - a)), 1.0)
    middle = (first + last) // 2
    grid = np.meshgrid(np.arange(low + 1, middle), np.arange(middle + 1, high), indexing="ij")
    starts, ends = grid[0].ravel(), grid[1].ravel()
    if not len(starts):
        return first + 1, last
    misfit = np.round(_misfit(position, np.arange(low, high), starts, ends), 6)  # the same on every processor
    best = int(np.argmin(misfit))
    return int(starts[best]), int(ends[best])


def _misfit(position: np.ndarray, frames: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Squared error of the best ramp from each start to its end, even or eased, with steady drift before and after."""
    first, after = starts[:, None], ends[:, None]
    even = np.clip((frames - first + 1) / (after - first + 1), 0, 1)
    drift = [np.minimum(frames - first + 1, 0.0) / 16, np.maximum(frames - after, 0.0) / 16]
    errors = []
    for ramp in (even, even**2 * (3 - 2 * even)):
        design = np.stack([np.ones_like(even), ramp, *drift], axis=2)
        normal = design.transpose(0, 2, 1) @ design + 1e-6 * np.eye(4)
        weights = np.linalg.solve(normal, design.transpose(0, 2, 1) @ position[None, :, None])
        errors.append(((position - (design @ weights)[..., 0]) ** 2).sum(axis=1))
    best: np.ndarray = np.minimum(*errors)
    return best


def _free_run(pictures: np.ndarray, first: int, last: int, margin: int, taken: np.ndarray) -> tuple[int, int]:
    """[low, high) around the window: no frame of another transition, no hard cut."""
    change = float(((pictures[last] - pictures[first]) ** 2).sum())
    low, high = first, last + 1
    while low > max(0, first - margin) and not taken[low - 1] and _jump2(pictures, low) < change / 9:
        low -= 1
    while high < min(len(pictures), last + margin + 1) and not taken[high] and _jump2(pictures, high) < change / 9:
        high += 1
    return low, high


def _jump2(pictures: np.ndarray, frame: int) -> float:
    return float(((pictures[frame] - pictures[frame - 1]) ** 2).sum())


def _is_dissolve(
    pictures: np.ndarray, sharpness: np.ndarray, start: int, end: int, settings: DissolveSettings
) -> bool:
    """The tests of the refined span, on every frame of it."""
    a, b = pictures[start - 1], pictures[end]
    change = float(((b - a) ** 2).sum())
    alike = correlation(a, b)
    if end - start < settings.min_frames or change < pictures.shape[1] * settings.min_change**2:
        return False
    outside, slope = _unrest(pictures, start, end)
    if alike > settings.max_correlation or outside > settings.max_outside or slope > settings.max_slope:
        return False
    detail = detail_half_way(sharpness, start, end)
    return detail <= settings.max_detail and _doubt(pictures, start, end, alike, detail, outside) <= settings.max_doubt


def _doubt(pictures: np.ndarray, start: int, end: int, alike: float, detail: float, outside: float) -> float:
    """Sum of the signs against a dissolve: pictures off the line, ends alike, detail kept, change outside, one large
    step, part of the picture unchanged. Scales: what a few percent of drawn dissolves with slow motion exceed."""
    way = pictures[end] - pictures[start - 1]
    change = float((way**2).sum())
    offset = pictures[start:end] - pictures[start - 1]
    off_line = offset - (offset @ way / change)[:, None] * way
    residual = float(np.sqrt((off_line**2).sum(axis=1).mean() / change))
    steps = (np.diff(pictures[start - 1 : end + 1], axis=0) ** 2).sum(axis=1)
    largest_step = float(np.sqrt(steps.max() / change)) * (end - start + 1)
    changed = float(np.mean(np.abs(way) > 0.3 * np.sqrt((way**2).mean())))
    return (
        residual / 0.3
        + max(alike, 0) / 0.75
        + max(detail, 0) / 0.6
        + outside / 1.2
        + max(largest_step - 1, 0) / 1.6
        + (1 - changed) / 0.4
    )


def _unrest(pictures: np.ndarray, start: int, end: int) -> tuple[float, float]:
    """Change a frame before and after the span, as a share of that inside: in all, and along the line. Large where a
    pan goes on or a cut is near."""
    a, b = pictures[start - 1], pictures[end]
    change = float(((b - a) ** 2).sum())
    outside = slope = 0.0
    for far, near in ((max(0, start - 1 - _MARGIN), start - 1), (min(len(pictures) - 1, end + _MARGIN), end)):
        step = pictures[far] - pictures[near]
        scale = (end - start + 1) / max(1, abs(far - near))
        outside = max(outside, float(np.sqrt((step @ step) / change)) * scale)
        slope = max(slope, abs(float(step @ (b - a))) / change * scale)
    return outside, slope


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Of two pictures' patterns, -1 to 1; 0 where one is uniform."""
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else 0.0


def detail_half_way(sharpness: np.ndarray, start: int, end: int) -> float:
    """Sharpness in the middle of the span: 0 is what a mix of two scenes has, 1 what one scene between the two ends
    keeps. 0 as well where it tells nothing: unknown, or one end has hardly any detail."""
    middle = (start + end) // 2
    spans = ((max(0, start - 3), start), (end, end + 3), (middle - 1, middle + 2))
    before, after, half_way = (float(np.median(sharpness[a:b])) for a, b in spans)
    if not np.isfinite(before + after + half_way) or min(before, after) * 16 <= max(before, after):
        return 0.0
    mixed, kept = (before + after) / 4, ((before**0.5 + after**0.5) / 2) ** 2
    return float((half_way - mixed) / (kept - mixed))
