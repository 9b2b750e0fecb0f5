"""Tables on a terminal: what fits beside each other, what is shortened, and what never is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .report import EXACT_DIGITS, SHORT_DIGITS, Row, cell, clock, stdout

COLOURS = {"fail": "red", "rejected": "red", "pass": "green", "kept": "green", "unmeasured": "yellow"}
GAP = 3
"""Characters between two columns."""
MARGIN = 2
"""Characters outside the columns."""
FEW_ROWS = 10
"""So many rows at most are printed a line a column when they do not fit beside each other."""
WIDE_TEXT, NARROW_TEXT = 36, 16
"""A text is not shortened below the first while that makes the table fit, and never below the second."""
CLIP_ID = re.compile(r"[0-9a-f]{32}")


def print_table(names: Sequence[str], rows: Sequence[Row], title: str = "", exact: bool = False) -> None:
    """Rows as a table, or a block a row where few rows are too wide. `exact`: all digits, and NULL is written."""
    console = stdout()
    if not rows:
        console.print(Text(", ".join(map(cell, names)), style="bold") if names else "", end="\n" if names else "")
        console.print("(no rows)")
        return
    digits = EXACT_DIGITS if exact else SHORT_DIGITS
    cells = [["NULL" if exact and v is None else cell(v, digits) for v in row] for row in rows]
    heads = [cell(name) for name in names]
    limit = text_limit(heads, rows, cells, console.width)
    if limit is None:
        _records(console, heads, rows, cells)
    else:
        pairs = [zip(texts, row, strict=True) for texts, row in zip(cells, rows, strict=True)]
        shown = [[_shortened(text, value, limit) for text, value in pair] for pair in pairs]
        _grid(console, heads, rows, shown, title)


def text_limit(heads: Sequence[str], rows: Sequence[Row], cells: Sequence[Sequence[str]], width: int) -> int | None:
    """How long a text may be, 0 = any length; None when the rows are better printed a line a column."""
    longest = max(cell_len(c) for row in cells for c in row)
    if len(heads) == 1 or _width(heads, rows, cells, longest) <= width:
        return 0
    floor = WIDE_TEXT if len(rows) <= FEW_ROWS else NARROW_TEXT
    fitting = [n for n in range(min(longest, width), floor - 1, -1) if _width(heads, rows, cells, n) <= width]
    if fitting:
        return fitting[0]
    return None if len(rows) <= FEW_ROWS else NARROW_TEXT


def _width(heads: Sequence[str], rows: Sequence[Row], cells: Sequence[Sequence[str]], limit: int) -> int:
    """Width of the table when texts are shortened to `limit`."""
    widths = [cell_len(head) for head in heads]
    for row, texts in zip(rows, cells, strict=True):
        for i, (value, text) in enumerate(zip(row, texts, strict=True)):
            wide = cell_len(text)
            widths[i] = max(widths[i], min(wide, limit) if _may_be_shortened(value) else wide)
    return sum(widths) + GAP * (len(widths) - 1) + MARGIN


def _may_be_shortened(value: Any) -> bool:
    """Words may; ids, numbers and times may not."""
    return isinstance(value, str | list | tuple | dict) and not (isinstance(value, str) and CLIP_ID.fullmatch(value))


def _shortened(text: str, value: Any, limit: int) -> str:
    """The middle gives way: folders and file types stand at the ends."""
    if not limit or len(text) <= limit or not _may_be_shortened(value):
        return text
    head = (limit - 1) // 2
    return f"{text[:head]}\N{HORIZONTAL ELLIPSIS}{text[len(text) - (limit - 1 - head) :]}"


def _grid(
    console: Console, heads: Sequence[str], rows: Sequence[Row], cells: Sequence[Sequence[str]], title: str
) -> None:
    table = Table(title=Text(title) if title else None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for i, head in enumerate(heads):
        numeric = all(isinstance(row[i], int | float | Decimal) or row[i] is None for row in rows)
        table.add_column(Text(head), justify="right" if numeric else "left", no_wrap=True)
    for row, texts in zip(rows, cells, strict=True):
        table.add_row(*(Text(text, style=_style(value, text)) for value, text in zip(row, texts, strict=True)))
    unbounded = console.options.update(width=1_000_000)
    console.width = max(console.width, console.measure(table, options=unbounded).maximum)
    console.print(table, soft_wrap=False)


def _style(value: Any, text: str) -> str:
    return "dim" if value is None and text else COLOURS.get(text, "")


def _records(console: Console, heads: Sequence[str], rows: Sequence[Row], cells: Sequence[Sequence[str]]) -> None:
    """A line a column, a block a row."""
    wide = max(cell_len(head) for head in heads)
    for index, (row, texts) in enumerate(zip(rows, cells, strict=True), 1):
        console.print(Text(f"row {index}", style="bold"))
        for head, value, text in zip(heads, row, texts, strict=True):
            line = Text(f"  {head:<{wide}}  ") + Text(text, style=_style(value, text))
            console.print(line, soft_wrap=True)


def funnel_table(rows: Sequence[dict[str, Any]], title: str, split: bool = False) -> None:
    """The funnel as a person reads it: what came in, what each rule took, what is left. `split` = it has groups."""
    table = Table(title=Text(cell(title)), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("tier and rule", no_wrap=True)
    table.add_column("bound", overflow="fold")
    for name in ("took", "time", "alone", "no value", "left", "time left"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        bold = row["rule"] in ("input", "kept")
        table.add_row(*_funnel_cells(row, split), style="bold" if bold else "", end_section=row["rule"] == "kept")
    stdout().print(table)


def _funnel_cells(row: dict[str, Any], split: bool) -> list[Text]:
    named = "(none)" if row["group"] is None else cell(row["group"])
    group = f" [{named}]" if split or row["group"] is not None else ""
    if row["rule"] in ("input", "kept"):
        name = f"{row['tier']}{group} {row['rule']}"
        cells = [name, "", "", "", "", "", cell(row["clips"]), clock(row["hours"])]
    elif row["taken"] is None:
        cells = [f"  {row['rule']}", row["bound"], *[""] * 6]
    else:
        cells = [f"  {row['rule']}", row["bound"], cell(row["taken"]), clock(row["taken_hours"]), cell(row["failed"]),
                 cell(row["unmeasured"]), cell(row["clips"]), clock(row["hours"])]  # fmt: skip
    return [Text(c) for c in cells]
