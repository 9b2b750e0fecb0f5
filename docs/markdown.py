"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns that are empty in every row are left out."""
    listed = [list(row) for row in rows]
    used = [i for i in range(len(head)) if any(row[i] for row in listed)]
    lines = [[head[i] for i in used], ["---"] * len(used), *([cell(row[i]) for i in used] for row in listed)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
