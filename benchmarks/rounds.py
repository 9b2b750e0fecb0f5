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
from pathlib import Path
from typing import Any

from rich.progress import Progress

HOUSE = Path(__file__).parents[1]
TOLD = "measured: "
BYTES_A_COUNT = 1 if sys.platform == "darwin" else 1024
"""Of getrusage's ru_maxrss."""


@dataclass(frozen=True)
class Cost:
    """cpu_s, wall_s: of the work alone; before_cpu_s: interpreter and imports; told: what the work returned.

    peak_mb: resident memory of the process, or of its largest child that has ended, at its highest, in 10^6 bytes.
    """

    cpu_s: float
    wall_s: float
    before_cpu_s: float = 0.0
    peak_mb: float = 0.0
    told: dict[str, Any] = field(default_factory=dict)


def cpu_s() -> float:
    """CPU seconds of this process and of the children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def peak_mb() -> float:
    """This process's resident memory at its highest, in 10^6 bytes.

    On Linux ru_maxrss counts the parent's memory too: it starts with what the process had before it became another
    program. The kernel's own mark of the address space does not.
    """
    status = Path("/proc/self/status")
    if status.exists():
        marks = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        if marks:
            return int(marks[0]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES_A_COUNT / 1e6


def measured(work: Callable[[], dict[str, Any] | None]) -> None:
    """Called once in a measured process, after its imports: do the work and tell the parent what it cost."""
    before, started = cpu_s(), time.perf_counter()
    told = work() or {}
    spent, wall = cpu_s() - before, time.perf_counter() - started
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * BYTES_A_COUNT / 1e6
    cost = Cost(spent, wall, before, max(peak_mb(), children), told)
    print(TOLD + json.dumps(asdict(cost)), flush=True)


def alternate(
    commands: Mapping[str, Sequence[str]],
    rounds: int,
    title: str = "",
    environments: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, list[Cost]]:
    """Run every command once a round, `rounds` times, after one round that is not counted.

    A command that starts with a module name (`benchmarks.work`) is run with this interpreter. The order is turned
    round by round, so that no variant always follows the same one. `environments`: variables that a variant has
    beside those of this process. Raises RuntimeError with the command's own words when one fails.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    with Progress(transient=True) as progress:
        task = progress.add_task(title, total=(rounds + 1) * len(commands))
        for turn in range(rounds + 1):
            names = list(commands)
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                cost = run(commands[name], (environments or {}).get(name))
                if turn:
                    costs[name].append(cost)
                progress.advance(task)
    return costs


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """One process, waited for, with these variables beside our own. Raises RuntimeError when it fails."""
    line, env = list(command), {**os.environ, **(environment or {})}
    if line[0].startswith("benchmarks."):
        line = [sys.executable, "-m", *line]
        env["PYTHONPATH"] = os.pathsep.join(filter(None, (str(HOUSE), env.get("PYTHONPATH"))))
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    out, errors = process.communicate()
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise RuntimeError(f"{' '.join(line)} ended with {process.returncode}: {errors.strip()[-2000:]}")
    told = [text for text in out.splitlines() if text.startswith(TOLD)]
    if told:
        return Cost(**json.loads(told[-1].removeprefix(TOLD)))
    return Cost(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall)
