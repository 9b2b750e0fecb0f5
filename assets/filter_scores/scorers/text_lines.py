"""Lines of text in the keyframes of a clip: which pictures are looked at, how closely, and where subtitles lie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import numpy.typing as npt

from ...measuring.clip_view import ClipView, Image, Keyframe
from ...models.model import TextLine, TextReader
from .strokes import Cells, Region, cell_means, stroke_cells, text_region

SECONDS_A_LOOK = 2.0
FEWEST, MOST = 3, 6
BUSIER = 1.25
"""A keyframe with so many times the stroke cells of the sampled ones is looked at as well."""
COARSE_SIDE = 480
"""Long side at which all but one picture are searched: half the cost; subtitles are larger than what it loses."""
CONFIDENCE = 0.5
"""Lines of less detection x recognition cover no area and make no subtitle: bars of a test card, fences and folds
read as two or three strokes. On 181 real clips 7 of the 10 whose best line lies between 0.3 and 0.5 hold no text."""
CHANGED, UNCHANGED_SHARE = 8.0, 0.75
"""Levels of mean absolute difference from which a cell is read again; share of a line's cells below it with which the
line counts as read in that picture too."""
CHARACTERS = 2
"""Single characters are not counted: legs of a chair, wheels and windows are read as A, O and CJK strokes."""
HIGHEST = 0.5
"""A line higher than this share of the content's shorter side is scenery: two chair legs are read as a huge 10."""

ROWS = 1000
CENTRED, WIDE, LOW, HIGH, LEVEL, TALLEST = 0.1, 0.15, 2 / 3, 1 / 4, 0.1, 0.15
"""A subtitle's middle is so far from the picture's at most; its width; its middle is below LOW or above HIGH; its
slope; its height: all as shares of the content's width and height."""


@dataclass(frozen=True)
class Line:
    """One line of text in a keyframe. `corners`: (4, 2) as fractions of the content box."""

    frame: int
    corners: npt.NDArray[np.float64]
    text: str
    confidence: float

    @property
    def top(self) -> float:
        return float(self.corners[:, 1].min())

    @property
    def bottom(self) -> float:
        return float(self.corners[:, 1].max())

    @property
    def is_text(self) -> bool:
        """Whether it is sure enough to count as covered area and as subtitle."""
        return self.confidence >= CONFIDENCE

    @property
    def like_a_subtitle(self) -> bool:
        """Level, wide, in the middle, and in the lower third or the upper quarter."""
        (left, first), (right, second) = self.corners[0], self.corners[1]
        middle, centre = (self.top + self.bottom) / 2, (left + right) / 2
        return bool(
            self.is_text
            and (middle >= LOW or middle <= HIGH)
            and abs(centre - 0.5) <= CENTRED
            and right - left >= WIDE
            and abs(second - first) <= LEVEL * (right - left)
            and self.bottom - self.top <= TALLEST
        )


def read_lines(view: ClipView, reader: TextReader) -> list[Line]:
    """The words in a sample of the keyframes, and those at the place of subtitles in the others.

    The busiest picture of the sample is searched as it is, the others at a smaller size and only where they differ
    from it: what has not changed has been read.
    """
    cells = {k.frame: stroke_cells(view.content(k)) for k in view.keyframes}
    sample = _sample(view, cells)
    first = max(sample, key=lambda k: cells[k.frame].mean())
    others = [k for k in sample if k is not first]
    changed = {k.frame: _changed(view.content(first), view.content(k)) for k in others}
    new = {f: cells[f] & c for f, c in changed.items()} | {first.frame: cells[first.frame]}
    regions = {f: text_region(c, *view.content(first).shape[1::-1]) for f, c in new.items()}
    found = _read(view, reader, [first], regions, 0)
    kept = [replace(x, frame=f) for f, c in changed.items() for x in found if 1 - _share(x, c) >= UNCHANGED_SHARE]
    found += kept + _read(view, reader, others, regions, COARSE_SIDE)
    return found + _read_places(view, reader, [k for k in view.keyframes if k not in sample], found)


def _changed(one: Image, other: Image) -> Cells:
    """Cells in which two pictures of one clip differ, of the shape that `stroke_cells` gives."""
    import cv2

    away = cv2.cvtColor(cv2.absdiff(one, other), cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.asarray(cell_means(away) > CHANGED, np.bool_)


def _share(line: Line, cells: Cells) -> float:
    """Share of the line's cells that are set."""
    height, width = cells.shape
    y0, y1 = int(line.top * height), math.ceil(line.bottom * height)
    x0, x1 = int(line.corners[:, 0].min() * width), math.ceil(line.corners[:, 0].max() * width)
    return float(cells[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)].mean())


def _sample(view: ClipView, cells: dict[int, Cells]) -> list[Keyframe]:
    """One keyframe every two seconds, at least 3 and at most 6, and one that is much busier than all of these."""
    count = round(view.clip["duration_s"] / SECONDS_A_LOOK)
    sample = list(view.spread(min(max(count, FEWEST), MOST)))
    busiest = max(view.keyframes, key=lambda k: cells[k.frame].mean())
    if cells[busiest.frame].mean() > BUSIER * max(cells[k.frame].mean() for k in sample):
        sample.append(busiest)
    return sample


def _read(
    view: ClipView, reader: TextReader, keyframes: list[Keyframe], regions: dict[int, Region | None], long_side: int
) -> list[Line]:
    """Lines in the regions of the keyframes. long_side: of the whole picture while text is searched; 0 = as it is."""
    shown = [(k, region) for k in keyframes if (region := regions[k.frame])]
    if not shown:
        return []
    detail = min(1.0, long_side / max(shown[0][0].image.shape[:2])) if long_side else 1.0
    pictures = [_cut(view.content(k), region) for k, region in shown]
    pages = reader.read(pictures, detail)
    return [
        _line(view, k, region, line)
        for (k, region), picture, page in zip(shown, pictures, pages, strict=True)
        for line in page
        if is_word(line.text) and _height(line, picture) <= HIGHEST * min(view.content(k).shape[:2])
    ]


def is_word(text: str) -> bool:
    """Whether a text has enough letters or digits."""
    return sum(c.isalnum() for c in text) >= CHARACTERS


def _height(line: TextLine, picture: Image) -> float:
    """The shorter side of the line's box in pixels."""
    corners = np.array(line.corners) * picture.shape[1::-1]
    sides = np.hypot(*(np.roll(corners, -1, axis=0) - corners).T)
    return float(min(sides[0] + sides[2], sides[1] + sides[3]) / 2)


def _cut(picture: Image, region: Region) -> Image:
    x0, y0, x1, y1 = region
    return picture[y0:y1, x0:x1]


def _line(view: ClipView, keyframe: Keyframe, region: Region, line: TextLine) -> Line:
    """From fractions of the region to fractions of the content."""
    height, width = view.content(keyframe).shape[:2]
    x0, y0, x1, y1 = region
    corners = np.array(line.corners) * (x1 - x0, y1 - y0) + (x0, y0)
    return Line(keyframe.frame, corners / (width, height), line.text, line.confidence)


def _read_places(view: ClipView, reader: TextReader, others: list[Keyframe], found: list[Line]) -> list[Line]:
    """The strips in which the sample shows subtitles, in the other keyframes: a strip costs a tenth of a picture."""
    listed = [line for line in found if line.like_a_subtitle]
    lines: list[Line] = []
    for side in ([line for line in listed if line.top < 0.5], [line for line in listed if line.top >= 0.5]):
        if side and others:
            tallest = max(line.bottom - line.top for line in side)
            top, bottom = min(line.top for line in side) - tallest, max(line.bottom for line in side) + tallest
            regions: dict[int, Region | None] = {}
            for k in others:
                height, width = view.content(k).shape[:2]
                y0, y1 = max(int(top * height), 0), min(int(bottom * height) + 1, height)
                regions[k.frame] = (0, y0, width, y1)
            lines += _read(view, reader, others, regions, 0)
    return lines


def subtitle_band(lines: Sequence[Line]) -> tuple[float, float] | None:
    """Top and bottom of the subtitles as fractions of the content's height; None when there are none.

    Subtitle-like lines at the same height in two keyframes or more make a band; a further line above or below it
    (a subtitle of two lines) belongs to it. Of two bands the one in more keyframes counts, then the lower one.
    """
    listed = [line for line in lines if line.like_a_subtitle]
    bands = [_band([line for line in listed if (line.top >= 0.5) == lower]) for lower in (True, False)]
    best = max((b for b in bands if b), key=lambda b: b[0], default=None)
    return best[1:] if best else None


def _band(lines: list[Line]) -> tuple[int, float, float] | None:
    """In how many keyframes, top, bottom."""
    covered = np.zeros(ROWS, np.int64)
    for _, group in groupby(sorted(lines, key=lambda line: line.frame), key=lambda line: line.frame):
        covered += np.max([_rows(line, 0.0) for line in group], axis=0)
    core = covered >= 2
    inside = [line for line in lines if (_rows(line, line.bottom - line.top) & core).any()]
    if not inside:
        return None
    return int(covered.max()), min(line.top for line in inside), max(line.bottom for line in inside)


def _rows(line: Line, margin: float) -> npt.NDArray[np.bool_]:
    rows = (np.arange(ROWS) + 0.5) / ROWS
    covered: npt.NDArray[np.bool_] = (rows >= line.top - margin) & (rows <= line.bottom + margin)
    return covered


def covered_share(lines: Sequence[Line], shape: tuple[int, int]) -> float:
    """Share of the content that the lines of one keyframe cover together, 0..1. shape: (height, width) in pixels."""
    import cv2

    mask = np.zeros(shape, np.uint8)
    for line in lines:
        corners = np.rint(line.corners * (shape[1], shape[0])).astype(np.int32)
        cv2.fillConvexPoly(mask, corners, 1)
    return float(mask.mean())
