"""Rows to a terminal, CSV or JSON. Data goes to stdout, everything else to stderr."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text


class Format(StrEnum):
    """How a result is printed."""

    table = "table"
    csv = "csv"
    json = "json"


class SqlFormat(StrEnum):
    """`sql` can also write Parquet to stdout."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


PLAIN_WIDTH = 100
COLOURS = {"fail": "red", "rejected": "red", "pass": "green", "kept": "green", "unmeasured": "yellow"}


def stdout() -> Console:
    """Colour only on a terminal; elsewhere a fixed width, so that files do not depend on the window."""
    return Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)


def stderr() -> Console:
    return Console(file=sys.stderr, highlight=False, width=None if sys.stderr.isatty() else PLAIN_WIDTH)


def emit(rows: Sequence[dict[str, Any]], form: Format | SqlFormat, title: str = "") -> None:
    """Print rows in a format; JSON is an array of objects."""
    if form == "json":
        json.dump([{k: _jsonable(v) for k, v in row.items()} for row in rows], sys.stdout, indent=1)
        sys.stdout.write("\n")
    elif form == "csv":
        _csv(rows)
    else:
        _table(rows, title)


def _csv(rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: _jsonable(v) for k, v in row.items()} for row in rows)


def _table(rows: Sequence[dict[str, Any]], title: str) -> None:
    if not rows:
        stdout().print("(no rows)")
        return
    if sum(len(name) + 3 for name in rows[0]) > stdout().width:
        _records(rows)
        return
    table = Table(title=Text(title) if title else None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in rows[0]:
        numeric = all(isinstance(r[name], int | float) or r[name] is None for r in rows)
        table.add_column(Text(cell(name)), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(v), style=COLOURS.get(str(v), "")) for v in row.values()))
    stdout().print(table)


def _records(rows: Sequence[dict[str, Any]]) -> None:
    """More columns than fit beside each other: a line a column, a block a row."""
    wide = max(len(name) for name in rows[0])
    for number, row in enumerate(rows, 1):
        stdout().print(Text(f"row {number}", style="bold"))
        for name, value in row.items():
            stdout().print(Text(f"  {name:<{wide}}  {cell(value)}", style=COLOURS.get(str(value), "")), soft_wrap=True)


def cell(value: Any) -> str:
    """A value as a person reads it. Text from files is never taken for markup, and control characters are shown."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, bytes):
        return f"({len(value)} bytes)"
    if isinstance(value, list) and all(isinstance(v, tuple) and len(v) == 2 for v in value):
        return "; ".join(f"{cell(k)}: {cell(v)}" for k, v in value)
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in str(value))


def _jsonable(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, list | tuple):
        pairs = value and all(isinstance(v, tuple) and len(v) == 2 for v in value)
        return _jsonable(dict(value)) if pairs else [_jsonable(v) for v in value]
    if isinstance(value, dict):
        return {str(k): _jsonable(v) for k, v in value.items()}
    return str(value)


def funnel_table(rows: Sequence[dict[str, Any]], title: str) -> None:
    """The funnel as a person reads it: what came in, what each rule took, what is left."""
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("tier and rule", no_wrap=True)
    table.add_column("bound", overflow="fold")
    for name in ("took", "time", "alone", "no value", "left", "time left"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        bold = row["rule"] in ("input", "kept")
        table.add_row(*_funnel_cells(row), style="bold" if bold else "", end_section=row["rule"] == "kept")
    stdout().print(table)


def _funnel_cells(row: dict[str, Any]) -> list[Text]:
    group = f" [{cell(row['group'])}]" if row["group"] is not None else ""
    if row["rule"] in ("input", "kept"):
        name = f"{row['tier']}{group} {row['rule']}"
        cells = [name, "", "", "", "", "", cell(row["clips"]), _hours(row["hours"])]
    elif row["taken"] is None:
        cells = [f"  {row['rule']}", row["bound"], *[""] * 6]
    else:
        cells = [f"  {row['rule']}", row["bound"], cell(row["taken"]), _hours(row["taken_hours"]), cell(row["failed"]),
                 cell(row["unmeasured"]), cell(row["clips"]), _hours(row["hours"])]  # fmt: skip
    return [Text(c) for c in cells]


def _hours(value: float | None) -> str:
    """h:mm:ss, which reads well for ten seconds and for ten thousand hours."""
    if value is None:
        return ""
    minutes, seconds = divmod(round(value * 3600), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
