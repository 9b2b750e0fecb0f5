"""Runs sections and writes docs/benchmarks.md: `python -m benchmarks [NAMES] [--rounds N]`, all of them by default.

Exit status 0 when every bar was kept. A section that breaks is told, and the others are run all the same.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from . import report
from .figures import Bench, Section
from .rounds import HOUSE

SECTIONS = ("scan", "memory", "workers", "decodes", "rerun", "overhead", "tiers", "explore", "compaction", "growth")
"""Modules beside this one with a function `section(bench)`, in the order of the document."""

FOLDER = Path("data-bench")
WIDTH = 150
"""Of tables in a file."""

OUT = HOUSE / "docs" / "benchmarks.md"
SHARED_VIDEOS = HOUSE.parent / "shared" / "data" / "videos"


def arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SECTIONS)}; none = all")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count (5)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="inputs and scratch, kept between runs")
    parser.add_argument("--out", type=Path, default=OUT, help="the document whose sections are replaced")
    parser.add_argument("--videos", type=Path, default=SHARED_VIDEOS, help="real footage; absent = footage is drawn")
    parsed = parser.parse_args(given)
    if unknown := [name for name in parsed.names if name not in SECTIONS]:
        parser.error(f"no section {unknown[0]!r}; there are {', '.join(SECTIONS)}")
    if parsed.rounds < 1:
        parser.error(f"--rounds is {parsed.rounds}; it must be 1 or more")
    return parsed


def main(given: Sequence[str] | None = None) -> int:
    asked = arguments(sys.argv[1:] if given is None else given)
    videos = asked.videos if asked.videos.is_dir() else None
    bench = Bench(asked.folder.absolute(), asked.rounds, shared_videos=videos)
    console, missed = Console(width=None if sys.stdout.isatty() else WIDTH), []
    for name in asked.names or SECTIONS:
        try:
            section = run(name, bench, asked.out)
        except Exception:
            console.print_exception()
            missed.append(f"{name} broke")
            continue
        report.show(console, section)
        missed += [f"{name}: {figure.what}" for figure in section.figures if figure.verdict == "MISSED"]
    for line in missed:
        console.print(f"MISSED {line}", markup=False, style="bold red")
    return 1 if missed else 0


def run(name: str, bench: Bench, out: Path) -> Section:
    """Measure one section and write it down."""
    before = report.load_average()
    section: Section = importlib.import_module(f".{name}", __package__).section(bench)
    rounds = min(bench.rounds, max(len(figure.values) for figure in section.figures))  # some need no more than one
    conditions = report.Conditions(
        f"python -m benchmarks {name}", rounds, report.today(), (before, report.load_average())
    )
    report.write_part(out, name, section, conditions, SECTIONS)
    return section


if __name__ == "__main__":
    sys.exit(main())
