"""What the pages of assets share: what they are handed, and strips of clips with a table that names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..curation import Curation
from ..store import Store
from .album import Album, Row
from .markdown import Markdown, image, page, table
from .sheet import Cell, Strip, sheet

Facts = dict[str, Markdown]
"""Metadata of a materialization by its name. A short one is shown in place; pictures are behind a button."""
FIGURES = "figures"


@dataclass(frozen=True)
class Scene:
    """One part that was just written. `part`: the shard, or WHOLE, or the tier's name."""

    curation: Curation
    part: str

    @property
    def store(self) -> Store:
        return self.curation.store


Draw = Callable[[Scene], Facts]


def seconds(value: float | None) -> str:
    """m:ss.s, from an hour on h:mm:ss."""
    if value is None:
        return ""
    minutes, rest = divmod(round(value * 10), 600)
    if minutes >= 60:
        return f"{minutes // 60}:{minutes % 60:02}:{rest // 10:02}"
    return f"{minutes}:{rest // 10:02}.{rest % 10}"


def size_of(row: Mapping[str, Any]) -> str:
    return f"{row['width']} x {row['height']}"


@dataclass(frozen=True)
class Shown:
    """A clip of a strip: its picture, and what is told of it below."""

    clip: Row
    picture: bytes | None
    file: str
    value: str
    framed: bool = False


def shown(album: Album, clip: Row, value: str, framed: bool = False) -> Shown:
    return Shown(clip, album.middle(clip), album.name(clip["video_id"]), value, framed)


def clip_sheet(strips: Mapping[str, Sequence[Shown]], alt: str, head: str) -> Markdown:
    """Clips in strips, numbered, and a table that tells what stands behind each number. `head`: of the values."""
    drawn, rows, number = [], [], 0
    for title, listed in strips.items():
        cells = []
        for one in listed:
            number += 1
            cells.append(Cell(one.picture, (f"{number}   {one.value}", one.file), framed=one.framed))
            span = f"{seconds(one.clip['start_s'])} to {seconds(one.clip['end_s'])}"
            rows.append((number, one.value, one.clip["clip_id"], one.file, span))
        if cells:
            drawn.append(Strip(title, tuple(cells)))
    if not drawn:
        return Markdown("")
    return page(image(sheet(drawn), alt), table(("", head, "clip_id", "file", "time"), rows))
