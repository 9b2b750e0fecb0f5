"""Contact sheets: strips of small pictures with words below them, as one JPEG."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from .markdown import plain

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

CELL = (168, 104)
"""Box of a picture in px: six stand beside each other in Dagster's dialog."""
GUTTER, LINE = 8, 15
FONT_PX = 12
QUALITIES = (75, 60, 45, 30, 15)
MOST_BYTES = 40_000
"""Of a sheet: it is coded coarser until it fits, and is 4/3 of that as text."""
PAPER, INK, PALE = "white", "#202020", "#707070"
COLOURS = {"stays": "#1a7f37", "cut": "#c62828"}


@dataclass(frozen=True)
class Cell:
    """A picture (JPEG; None = there is none) and the lines below it.

    `outside`: not of the clip that the strip shows, drawn pale. `cut`: a red line in front of it. `framed`: in green.
    """

    picture: bytes | None
    lines: tuple[str, ...] = ()
    outside: bool = False
    cut: bool = False
    framed: bool = False


@dataclass(frozen=True)
class Strip:
    """Pictures beside each other below a title; an empty title takes no room."""

    title: str
    cells: tuple[Cell, ...]


def sheet(strips: Sequence[Strip]) -> bytes:
    """A JPEG of at most MOST_BYTES, unless its pictures are noise at the coarsest quality."""
    from PIL import Image, ImageDraw

    columns = max((len(strip.cells) for strip in strips), default=1) or 1
    width = GUTTER + columns * (CELL[0] + GUTTER)
    canvas = Image.new("RGB", (width, GUTTER + sum(map(_height, strips))), PAPER)
    draw, top = ImageDraw.Draw(canvas), GUTTER
    for strip in strips:
        _strip(canvas, draw, strip, top)
        top += _height(strip)
    return _coded(canvas)


def _height(strip: Strip) -> int:
    lines = max((len(cell.lines) for cell in strip.cells), default=0)
    return (LINE + 4 if strip.title else 0) + CELL[1] + lines * LINE + GUTTER


def _strip(canvas: Image.Image, draw: ImageDraw.ImageDraw, strip: Strip, top: int) -> None:
    if strip.title:
        draw.text((GUTTER, top), fitted(strip.title, canvas.width - 2 * GUTTER), INK, font=_font())
        top += LINE + 4
    for number, cell in enumerate(strip.cells):
        left = GUTTER + number * (CELL[0] + GUTTER)
        _picture(canvas, cell, left, top)
        if cell.framed:
            draw.rectangle((left - 3, top - 3, left + CELL[0] + 2, top + CELL[1] + 2), None, COLOURS["stays"], 3)
        if cell.cut:
            draw.rectangle(
                (left - GUTTER // 2 - 1, top - 2, left - GUTTER // 2 + 1, top + CELL[1] + 2), COLOURS["cut"]
            )
        for index, line in enumerate(cell.lines):
            ink = INK if index == 0 else PALE
            draw.text((left, top + CELL[1] + 1 + index * LINE), fitted(line, CELL[0]), ink, font=_font())


def _picture(canvas: Image.Image, cell: Cell, left: int, top: int) -> None:
    """Inside its box, whole, in its own shape. One that cannot be read is an empty box."""
    from PIL import Image

    canvas.paste("#e8e8e8", (left, top, left + CELL[0], top + CELL[1]))
    if cell.picture is None:
        return
    try:
        with Image.open(io.BytesIO(cell.picture), formats=["JPEG"]) as opened:
            opened.draft("RGB", CELL)
            small = opened.convert("RGB")
    except (OSError, Image.DecompressionBombError):
        return
    small.thumbnail(CELL)
    if cell.outside:
        small = Image.blend(small, Image.new("RGB", small.size, PAPER), 0.45)
    canvas.paste(small, (left + (CELL[0] - small.width) // 2, top + (CELL[1] - small.height) // 2))


@cache
def _font() -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib: Latin, Greek, Cyrillic, Arabic, and no CJK."""
    from matplotlib import get_data_path
    from PIL import ImageFont

    return ImageFont.truetype(os.path.join(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), FONT_PX)


def fitted(line: str, width: int) -> str:
    """The line without its middle where it is wider than `width` px."""
    line = plain(line)
    most = len(line)
    while most > 3 and (wide := _font().getlength(plain(line, most))) > width:
        most -= max(1, int((wide - width) / FONT_PX))
    return plain(line, most)


def _coded(canvas: Image.Image) -> bytes:
    coded = b""
    for quality in QUALITIES:
        out = io.BytesIO()
        canvas.save(out, "JPEG", quality=quality)
        coded = out.getvalue()
        if len(coded) <= MOST_BYTES:
            break
    return coded
