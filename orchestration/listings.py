"""Answers that read better as lines than as a table: what a machine lacks, which models there are, who moves."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from .report import PLAIN_WIDTH, Row, cell, clock, stdout
from .tables import print_table

CHECK_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}
INDENT = " " * 21
TIMES = {"hours": "time", "hours_now": "time_now", "hours_then": "time_then", "hours_only_a": "time_a",
         "hours_only_b": "time_b", "hours_both": "time_both"}  # fmt: skip
"""Columns of hours, and their names where they are printed as h:mm:ss."""


def with_clocks(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows for a terminal: 0.009 hours says little, 0:00:33 does."""
    return [{TIMES.get(k, k): clock(v) if k in TIMES else v for k, v in row.items()} for row in rows]


def print_checks(rows: Sequence[dict[str, Any]]) -> None:
    """What `doctor` found: a line a check, and below it the command that mends it."""
    console = stdout()
    for row in rows:
        line = Text(f"{row['status']:<5}", CHECK_COLOURS.get(row["status"], "")) + Text(f" {row['check']:<14} ")
        _print_wrapped(console, line, row["meaning"])
        if row["mend"]:
            _print_wrapped(console, Text(INDENT), f"mend: {row['mend']}")


def _print_wrapped(console: Console, first: Text, told: str) -> None:
    width = max(min(console.width, PLAIN_WIDTH) - len(INDENT), 20)
    head, *others = textwrap.wrap(told, width, break_long_words=False, break_on_hyphens=False) or [""]
    console.print(first + Text(head), soft_wrap=True)
    for line in others:
        console.print(Text(INDENT + line), soft_wrap=True)


def print_models(rows: Sequence[dict[str, Any]]) -> None:
    """Each model with what it fills, its licence, and, when it is not here, where its files belong."""
    console = stdout()
    for row in rows:
        size = f"{row['bytes'] / 1e6:,.0f} MB" if row["bytes"] else "in its package"
        here = Text(f"{row['here']}", "green" if row["here"] == "yes" else "yellow")
        console.print(Text(f"{row['model']:<24} ") + here, soft_wrap=True)
        lines = [f"fills: {row['serves']}", f"{size}, {row['device']}, {row['licence']}; {row['offered']}"]
        if row["here"] != "yes":
            lines += ["belongs at:", *(f"  {path}" for path in row["path"].split(", "))]
        for line in lines:
            console.print(Text(f"    {line}"), soft_wrap=True)


def print_moves(rows: Sequence[dict[str, Any]]) -> None:
    """Who moves between two presets: counts as a table, and below it the rules that take them."""
    takes = ("b_takes", "a_takes")
    counted = with_clocks([{k: v for k, v in row.items() if k not in takes} for row in rows])
    listed: list[Row] = [tuple(row.values()) for row in counted]
    print_table(list(counted[0]) if counted else [], listed)
    console = stdout()
    for row in rows:
        for name in takes:
            if row[name]:
                console.print(Text(f"{row['tier']}: {name[0]} takes {cell(row[name])}"), soft_wrap=True)
