"""docs/benchmarks.md: a part a section, each between two marks, so that one section can be measured again alone.

Every part says where and when it was measured: parts of one document may be from different machines.
"""

from __future__ import annotations

import math
import os
import platform
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from orchestration.report import plural

from .figures import Figure, Section

PACKAGES = ("av", "opencv-python-headless", "numpy", "duckdb", "polars", "pyarrow", "dagster")
OPENING = """# Benchmarks

Written by `make bench` (`python -m benchmarks`). Every variant is run once a round, each in a fresh process, after one
round that is not counted; the order is turned from round to round. A ratio is taken within its round. CPU is user +
system time of the work without interpreter and imports (with them where a section says so). `bar` is the bound that
has to hold, `aim` the one that is wished for; the verdict is the stricter one that the median keeps. Ratios of CPU
can be read from a busy machine, wall times only from a quiet one.
"""
HEAD = ("what", "median", "min .. max", "bar", "aim", "verdict", "note")
_PART = re.compile(r"<!-- section (?P<name>\S+) -->\n.*?<!-- end of (?P=name) -->\n", re.DOTALL)


@dataclass(frozen=True)
class Conditions:
    """When and how a section was measured; `load` is the one-minute load average before and after."""

    command: str
    rounds: int
    day: str
    load: tuple[float, float]

    def __str__(self) -> str:
        load = f"load average {self.load[0]:.1f} before and {self.load[1]:.1f} after"
        how = f"{self.day}, `{self.command}`, {plural(self.rounds, 'round')}, {load}"
        return f"{how}. {machine()}. {versions()}."


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def load_average() -> float:
    """Of the last minute."""
    return os.getloadavg()[0]


def machine() -> str:
    """CPU model, cores and memory."""
    memory = psutil.virtual_memory().total / 1e9
    return f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()}"


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def versions() -> str:
    """Python's and those of the packages that do the work."""
    return ", ".join([f"python {platform.python_version()}", *(f"{name} {version(name)}" for name in PACKAGES)])


def write_part(path: Path, name: str, section: Section, conditions: Conditions, order: Iterable[str]) -> None:
    """Put the section into the document in place of its older self; the other parts stay, in `order`."""
    parts = {m["name"]: m[0] for m in _PART.finditer(path.read_text())} if path.exists() else {}
    parts[name] = f"<!-- section {name} -->\n{markdown(section)}\n{conditions}\n<!-- end of {name} -->\n"
    known = list(order)
    names = sorted(parts, key=lambda n: (known.index(n) if n in known else len(known), n))
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".tmp")
    half.write_text("\n".join([OPENING, *(parts[n] for n in names)]))
    half.replace(path)


def markdown(section: Section) -> str:
    """Heading, introduction and table."""
    rows = [row(figure) for figure in section.figures]
    columns = HEAD if any(r[-1] for r in rows) else HEAD[:-1]
    lines = [columns, ["---"] * len(columns), *(r[: len(columns)] for r in rows)]
    table = "".join(f"| {' | '.join(c.replace('|', '/') for c in line)} |\n" for line in lines)
    return f"## {section.title}\n\n{section.intro}\n\n{table}"


def show(console: Console, section: Section) -> None:
    """The table on the terminal; what is missed in red."""
    table = Table(*HEAD, title=section.title, title_justify="left")
    for figure in section.figures:
        table.add_row(*row(figure), style="bold red" if figure.verdict == "MISSED" else None)
    console.print(section.intro, markup=False, highlight=False)
    console.print(table)


def row(figure: Figure) -> list[str]:
    """The cells of HEAD. One value has no range; NaN is what could not be measured, and the note says why."""
    if all(map(math.isnan, figure.values)):
        return [figure.what, "not run", "", "", "", "", figure.note]
    low, high = (number(of(figure.values), figure.unit) for of in (min, max))
    spread = "" if len(figure.values) == 1 else f"{low} .. {high}"
    bounds = ("" if b is None else _bound(figure, b) for b in (figure.bar, figure.aim))
    return [figure.what, _with_unit(figure.middle, figure.unit), spread, *bounds, figure.verdict, figure.note]


def _bound(figure: Figure, bound: float) -> str:
    return f"{'≥' if figure.more_is_better else '≤'} {_with_unit(bound, figure.unit)}"


def _with_unit(value: float, unit: str) -> str:
    return f"{number(value, unit)}{'' if unit in ('', 'x') else ' '}{unit}"


def number(value: float, unit: str = "") -> str:
    """Three significant digits, and all that stand before the point; a whole number without a unit has no point."""
    if abs(value) >= 100 or (not unit and value == int(value)):
        return f"{value:,.0f}"
    if abs(value) < 1 and unit != "x":
        return f"{value:.3g}"
    return f"{value:.{2 if abs(value) < 10 else 1}f}"
