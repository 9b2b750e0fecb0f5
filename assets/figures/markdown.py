"""Markdown as Dagster shows it. What comes from files, models and presets is text and never becomes markup."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from typing import Any

SHOWN_CHARACTERS = 400
"""Of one text; the middle of a longer one is left out."""
INLINE_CHARACTERS = 999
"""Dagster shows a shorter Markdown value in place, and a longer one behind a button."""
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_ADDRESS = re.compile(r"(?i)(https?|ftp|mailto|xmpp|www)(?=\\?[:.])|(?<=\w)(?=\\?@)")


class Markdown(str):
    """A text that is markup already: `table` takes it as it is."""


def plain(value: Any, most: int = SHOWN_CHARACTERS) -> str:
    """One line as a person reads it: numbers to four digits, control and direction characters as escapes."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    return shortened("".join(c if c.isprintable() else repr(c)[1:-1] for c in str(value)), most)


def shortened(text: str, most: int) -> str:
    """The middle gives way: folders and file types stand at the ends."""
    if len(text) <= most:
        return text
    head = (most - 1) // 2
    return f"{text[:head]}\N{HORIZONTAL ELLIPSIS}{text[len(text) - (most - 1 - head) :]}"


def text(value: Any, most: int = SHOWN_CHARACTERS) -> Markdown:
    """Any value as text that Markdown shows letter by letter; addresses in it are no links."""
    if isinstance(value, int | float):
        return Markdown(plain(value))
    escaped = _PUNCTUATION.sub(r"\\\1", plain(value, most))
    return Markdown(_ADDRESS.sub(lambda found: f"{found[0]}\N{ZERO WIDTH SPACE}", escaped))


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Markdown:
    """Cells are escaped unless they are Markdown; numbers stand to the right. Empty when there is no row."""
    listed = [list(row) for row in rows]
    if not listed:
        return Markdown("")
    numeric = [all(isinstance(row[i], int | float) or row[i] is None for row in listed) for i in range(len(head))]
    lines: list[list[str]] = [[text(name) for name in head], ["--:" if right else "---" for right in numeric]]
    lines += [[cell if isinstance(cell, Markdown) else text(cell) for cell in row] for row in listed]
    return Markdown("".join(f"| {' | '.join(line)} |\n" for line in lines))


def image(data: bytes, alt: str) -> Markdown:
    """A PNG or JPEG inside the text: Dagster's page opens no address for it."""
    kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
    return Markdown(f"![{text(alt)}](data:image/{kind};base64,{base64.b64encode(data).decode()})")


def page(*parts: str) -> Markdown:
    """Parts below each other; empty ones are left out."""
    return Markdown("\n\n".join(part for part in parts if part))
