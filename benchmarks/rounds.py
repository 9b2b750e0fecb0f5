"""Alternated rounds: every variant once a round, each in a fresh process that tells what it cost.

A measured process is a Python program that calls `measured` around its work, or any other command (then the whole
process counts). CPU is user + system of the process and of the children that it waited for.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.progress import Progress

TOLD = "measured: "
KILOBYTES_A_MB = 1e3


@dataclass(frozen=True)
class Cost:
    """cpu_s, wall_s: of the work alone; before_cpu_s: interpreter and imports; told: what the work returned.

    peak_mb: resident memory of the process, or of its largest child, at its highest (Linux counts in kB).
    """

    cpu_s: float
    wall_s: float
    before_cpu_s: float = 0.0
    peak_mb: float = 0.0
    told: dict[str, Any] = field(default_factory=dict)


def cpu_s() -> float:
    """CPU seconds of this process and of the children that have ended."""
    t = os.times()
    return t.user + t.system + t.children_user + t.children_system


def measured(work: Callable[[], dict[str, Any] | None]) -> None:
    """Called once in a measured process, after its imports: do the work and tell the parent what it cost."""
    before, started = cpu_s(), time.perf_counter()
    told = work() or {}
    spent, wall = cpu_s() - before, time.perf_counter() - started
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cost = Cost(spent, wall, before, peak / KILOBYTES_A_MB, told)
    print(TOLD + json.dumps(asdict(cost)), flush=True)


def alternate(commands: Mapping[str, Sequence[str]], rounds: int, title: str = "") -> dict[str, list[Cost]]:
    """Run every command once a round, `rounds` times, after one round that is not counted.

    A command that starts with a module name (`benchmarks.work`) is run with this interpreter. The order is turned
    round by round, so that no variant always follows the same one. Raises RuntimeError with the command's own words
    when one fails.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    with Progress(transient=True) as progress:
        task = progress.add_task(title, total=(rounds + 1) * len(commands))
        for turn in range(rounds + 1):
            names = list(commands)
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                cost = run(commands[name])
                if turn:
                    costs[name].append(cost)
                progress.advance(task)
    return costs


def run(command: Sequence[str]) -> Cost:
    """One process, waited for. Raises RuntimeError when it fails."""
    line = list(command)
    if line[0].startswith("benchmarks."):
        line = [sys.executable, "-m", *line]
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, errors = process.communicate()
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise RuntimeError(f"{' '.join(line)} ended with {process.returncode}: {errors.strip()[-2000:]}")
    told = [text for text in out.splitlines() if text.startswith(TOLD)]
    if told:
        return Cost(**json.loads(told[-1].removeprefix(TOLD)))
    return Cost(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall)
