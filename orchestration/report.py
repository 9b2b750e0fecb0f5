"""Rows as CSV or JSON, values as text. Data goes to stdout, all else to stderr. How a table is laid out: tables.py."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any

from rich.console import Console

SHORT_DIGITS = 4
"""Significant digits in tables that are read for their order of magnitude."""
EXACT_DIGITS = 12
"""Significant digits of an answer to a query."""


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

Row = Sequence[Any]


def stdout() -> Console:
    """Colour only on a terminal; elsewhere a fixed width, so that files do not depend on the window."""
    return Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)


def stderr() -> Console:
    return Console(file=sys.stderr, highlight=False, width=None if sys.stderr.isatty() else PLAIN_WIDTH)


def emit(rows: Sequence[dict[str, Any]], form: Format | SqlFormat, title: str = "") -> None:
    """Print rows that have the same keys; numbers of a table are shown to a few digits."""
    from .tables import print_table

    names = list(rows[0]) if rows else []
    listed = [tuple(row.values()) for row in rows]
    if form == "table":
        print_table(names, listed, title)
    else:
        emit_data(names, listed, form)


def emit_data(names: Sequence[str], rows: Sequence[Row], form: Format | SqlFormat) -> None:
    """CSV with a header line, or a JSON array of objects, in which a name that comes again is NAME_2."""
    if form == "json":
        keys = _distinct(names)
        objects = [dict(zip(keys, map(_jsonable, row), strict=True)) for row in rows]
        json.dump(objects, sys.stdout, indent=1)
        sys.stdout.write("\n")
    elif names:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_jsonable(value) for value in row] for row in rows)


def _distinct(names: Sequence[str]) -> list[str]:
    taken: list[str] = []
    for name in names:
        number, key = 1, name
        while key in taken or (number > 1 and key in names):
            number += 1
            key = f"{name}_{number}"
        taken.append(key)
    return taken


def cell(value: Any, digits: int = SHORT_DIGITS) -> str:
    """A value on one line as a person reads it.

    Text from files is never taken for markup; control characters and line ends are shown as escapes.
    """
    if value is None:
        return ""
    if isinstance(value, float):
        return number(value, digits)
    if isinstance(value, bytes):
        return f"({len(value)} bytes)"
    if isinstance(value, list) and all(isinstance(v, tuple) and len(v) == 2 for v in value):
        return "; ".join(f"{cell(k, digits)}: {cell(v, digits)}" for k, v in value)
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(value))


def number(value: float, digits: int) -> str:
    """So many significant digits; a large number keeps all that stand before its point and gets no exponent."""
    text = f"{value:.{digits}g}"
    return f"{value:.0f}" if "e+" in text else text


def plural(count: int, word: str, many: str = "") -> str:
    """`1 copy`, `2 copies`."""
    return f"{count} {word if count == 1 else many or word + 's'}"


def clock(hours: float | None) -> str:
    """h:mm:ss, which reads well for ten seconds and for ten thousand hours."""
    if hours is None:
        return ""
    minutes, seconds = divmod(round(hours * 3600), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def span(hours: float | None) -> str:
    """A length in a sentence: `12.50 hours`, or h:mm:ss below one hour."""
    return f"{hours:.2f} hours" if hours and hours >= 1 else clock(hours or 0.0)


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
