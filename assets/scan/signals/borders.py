"""Uniform bands at the picture's edges: letterbox, pillarbox, coloured padding."""

from __future__ import annotations

import cv2
import numpy as np

from ..pictures import Pictures

SAMPLES = 96
SKIPPED_LINES = 3
DARK_LEVEL = 40
DARK_TOLERANCE, BRIGHT_TOLERANCE = 6, 3
STRAY_SHARE = 0.02
EDGE_SHARE = 0.25
EDGE_LINES, BLUR_LINES = 4, 10
CLEAR_STEP = 16
CONTENT_SHARE = 0.1
CHROMA_STD = 4.0

Bands = tuple[int, int]
NONE: Bands = (0, 0)


class Borders:
    """border_top, border_bottom, border_left, border_right: thickness of the uniform band at each edge, displayed px.

    A line belongs to a band when at most 2 % of its pixels differ from the band's luma by more than 6 levels (3 in a
    band brighter than 40). The band counts when it is at least 4 lines thick, its chroma is uniform, and it ends in a
    straight edge: a quarter of the pixels differ within 4 lines, or by more than 16 levels within 10, as coding blurs
    the edge. So a dark scene, which fades out of its shadows, is no border. The outermost 3 lines may hold anything.
    A picture that is uniform all over (black, a fade) gives 0 for all four: nothing is known there. Known weakness: a
    caption inside a bar ends the bar; flat graphics that touch the edge look like bands.
    """

    def __call__(self, pictures: Pictures) -> dict[str, int]:
        y = pictures.planes.y
        height, width = y.shape
        top, bottom = _bands(y[:, :: max(1, width // SAMPLES)])
        left, right = _bands(_columns(y, top, bottom))
        if left or right:
            inner = y[:, left : width - right]
            top, bottom = _bands(inner[:, :: max(1, inner.shape[1] // SAMPLES)])
        found = _confirmed(pictures, (top, right, bottom, left))
        geometry = pictures.geometry
        shown_width, shown_height = geometry.coded((geometry.width, geometry.height))
        scale = (shown_height / height, shown_width / width) * 2
        shown = [round(lines * factor) for lines, factor in zip(found, scale, strict=True)]
        turns = geometry.turn // 90
        names = ("border_top", "border_right", "border_bottom", "border_left")
        return {names[(edge + turns) % 4]: lines for edge, lines in enumerate(shown)}


def _columns(y: np.ndarray, top: int, bottom: int) -> np.ndarray:
    inner = y[top : y.shape[0] - bottom]
    return inner[:: max(1, inner.shape[0] // SAMPLES)].T


def _bands(lines: np.ndarray) -> Bands:
    """Thickness of the band at the first and at the last line of an (n, samples) picture."""
    count = lines.shape[0]
    first = _band(lines)
    if first == count:
        return NONE
    last = _band(lines[::-1])
    return (first, last) if count - first - last >= CONTENT_SHARE * count else NONE


def _band(lines: np.ndarray) -> int:
    """Lines of the band that begins at line 0; all of them when nothing differs from it."""
    count = lines.shape[0]
    if count <= 2 * SKIPPED_LINES:
        return 0
    value = float(np.sort(lines[SKIPPED_LINES])[lines.shape[1] // 2])
    tolerance = DARK_TOLERANCE if value <= DARK_LEVEL else BRIGHT_TOLERANCE
    if _strays(lines[SKIPPED_LINES : SKIPPED_LINES + 1], value, tolerance)[0] > STRAY_SHARE:
        return 0  # Most pictures have no border: one line tells, and the others are not looked at.
    lines = np.ascontiguousarray(lines)
    strays = _strays(lines, value, tolerance)
    outside = np.flatnonzero(strays[SKIPPED_LINES:] > STRAY_SHARE)
    if outside.size == 0:
        return count
    edge = SKIPPED_LINES + int(outside[0])
    clear = np.flatnonzero(_strays(lines[edge : edge + BLUR_LINES], value, CLEAR_STEP) >= EDGE_SHARE)
    if clear.size:
        return edge + int(clear[0])
    return edge if strays[edge : edge + EDGE_LINES].max() >= EDGE_SHARE else 0


def _strays(lines: np.ndarray, value: float, tolerance: float) -> np.ndarray:
    """Share of each line's pixels that differ from the value by more than the tolerance."""
    inside = cv2.inRange(np.ascontiguousarray(lines), value - tolerance, value + tolerance)
    return 1 - cv2.reduce(inside, 1, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel() / 255


def _confirmed(pictures: Pictures, bands: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """The (top, right, bottom, left) bands whose chroma is uniform; 0 for the others."""
    planes = pictures.planes
    height, width = planes.y.shape
    result = []
    for edge, lines in enumerate(bands):
        share = max(lines - BLUR_LINES, lines / 2) / (width if edge % 2 else height)
        chroma = [plane for plane in (planes.u, planes.v) if lines and plane is not None]
        plain = all(_chroma_std(plane, edge, share) <= CHROMA_STD for plane in chroma)
        result.append(lines if plain else 0)
    return (result[0], result[1], result[2], result[3])


def _chroma_std(plane: np.ndarray, edge: int, share: float) -> float:
    height, width = plane.shape
    rows, columns = int(height * share), int(width * share)
    part = (plane[:rows], plane[:, width - columns :], plane[height - rows :], plane[:, :columns])[edge]
    return float(part[::4, ::4].std()) if part.size else 0.0
