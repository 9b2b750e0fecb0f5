"""`python -m demo`: draw the planted library, run the product over it, and tell what caught each fault."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from assets.work import Failure
from orchestration.engine import run_items

from .facts import Facts, Row, facts_by_file
from .library import LIBRARY, Planted, draw

PRESET = "starter"
REPOSITORY = Path(__file__).parents[1]
CLIPSIEVE = [sys.executable, "-m", "orchestration.cli"]


def main() -> int:
    """Exit status: 0 when all that was planted was found, 1 when something was missed, 2 when a step failed."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("data-demo"), help="folder for videos and results")
    out = parser.parse_args().out.resolve()
    console = Console()
    videos, root = out / "videos", out / "root"
    try:
        draw_library(videos, console)
        clipsieve("run", "--input", str(videos), "--root", str(root), "--preset", PRESET)
        columns = [column for planted in LIBRARY for e in planted.expected for column in e.columns]
        facts = facts_by_file(lambda sql: select(sql, root), PRESET, sorted(set(columns)))
    except (subprocess.CalledProcessError, RuntimeError) as error:
        console.print(f"[red]The demo stopped:[/] {error}")
        return 2
    missed = report(LIBRARY, facts, console)
    command, where = os.path.relpath(Path(sys.executable).with_name("clipsieve")), os.path.relpath(root)
    print(f"Look at it:      {command} ui --root {where}")
    print(f"Ask it:          {command} sql \"SELECT * FROM decisions WHERE verdict = 'fail'\" --root {where}")
    print(f"Your own videos: {command} run --input FOLDER")
    return 1 if missed else 0


def draw_library(videos: Path, console: Console) -> None:
    """Draw the files that are absent. Raises RuntimeError when one cannot be drawn."""
    videos.mkdir(parents=True, exist_ok=True)
    absent = [planted for planted in LIBRARY if not (videos / planted.name).exists()]
    if not absent:
        console.print(f"{len(LIBRARY)} files are there: {videos}")
        return
    drafts = videos.parent / "drafts"
    drafts.mkdir(exist_ok=True)
    with console.status(f"Drawing {len(absent)} files") as status:
        for copies in (False, True):
            names = [planted.name for planted in absent if bool(planted.made_of) is copies]
            for name, outcome in _drawn(names, drafts, videos):
                if isinstance(outcome, Failure):
                    raise RuntimeError(f"{name} could not be drawn: {outcome.sentence}")
                (drafts / name).replace(videos / name)
                status.update(f"Drawing {len(absent)} files: {name} done")
    drafts.rmdir()
    console.print(f"Drew {len(absent)} files: {videos}")


def _drawn(names: Sequence[str], drafts: Path, videos: Path) -> Iterator[tuple[str, object]]:
    """Each name when its file lies in `drafts`, or with the failure."""
    tasks = [(name, str(drafts), str(videos)) for name in names]
    workers = min(4, os.cpu_count() or 1)
    for task, outcome in run_items(draw, tasks, workers=workers, time_limit_s=300, memory_limit_bytes=2_000_000_000):
        yield task[0], outcome


def clipsieve(*arguments: str) -> None:
    """Run the command line as a user would, its output on the terminal."""
    subprocess.run([*CLIPSIEVE, *arguments], check=True, cwd=REPOSITORY)


def select(sql: str, root: Path) -> list[Row]:
    """The rows of one SELECT through `clipsieve sql`."""
    command = [*CLIPSIEVE, "sql", sql, "--root", str(root), "--format", "json"]
    rows: list[Row] = json.loads(subprocess.run(command, check=True, cwd=REPOSITORY, stdout=subprocess.PIPE).stdout)
    return rows


def report(library: Sequence[Planted], facts: dict[str, Facts], console: Console) -> int:
    """Print one line an expectation; returns how many did not come true."""
    table = Table("planted", "must be", "found", "", title="What was planted, and what caught it")
    missed = 0
    for planted in library:
        for i, expectation in enumerate(planted.expected):
            verdict = expectation.judge(facts.get(planted.name))
            missed += not verdict.ok
            mark = "[green]ok[/]" if verdict.ok else "[bold red]MISSED[/]"
            what = f"[bold]{planted.name}[/]: {planted.what}" if i == 0 else ""
            table.add_row(what, str(expectation), verdict.found, mark)
    console.print(table)
    total = sum(len(planted.expected) for planted in library)
    console.print(f"{total - missed} of {total} found." if missed else f"All {total} found.")
    return missed


if __name__ == "__main__":
    sys.exit(main())
