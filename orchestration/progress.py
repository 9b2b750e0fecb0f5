"""How far a run is, on the terminal: items, video hours, times real time, time left."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from .report import clock

LINE_EVERY_S = 15.0


class TerminalProgress:
    """A bar a step on a terminal; a line now and then where there is none. Implements assets.work.Progress."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.live: Progress | None = None
        self.task: TaskID | None = None

    def begin(self, step: str, shard: str, items: int, video_s: float) -> None:
        self.label, self.items, self.video_s = f"{step} {shard}", items, video_s
        self.done, self.done_s = 0, 0.0
        self.started = self.last_line = time.monotonic()
        if self.console.is_terminal and items:
            self.live = Progress(
                TextColumn("{task.description}"), BarColumn(24), MofNCompleteColumn(),
                TextColumn("{task.fields[speed]}"), TimeRemainingColumn(), console=self.console, transient=True,
            )  # fmt: skip
            self.live.start()
            self.task = self.live.add_task(self.label, total=items, speed=self._speed())

    def advance(self, items: int = 1, video_s: float = 0.0) -> None:
        self.done, self.done_s = self.done + items, self.done_s + video_s
        if self.live is not None and self.task is not None:
            self.live.update(self.task, completed=self.done, speed=self._speed())
        elif time.monotonic() - self.last_line >= LINE_EVERY_S:
            self.last_line = time.monotonic()
            self.console.print(f"  {self.label}: {self.done} of {self.items}, {self._speed()}, {self._left()} left")

    def end(self) -> None:
        if self.live is not None:
            self.live.stop()
            self.live = self.task = None
        took = time.monotonic() - self.started
        if self.items:
            self.console.print(f"  {self.label}: {self.done} done in {took:.1f} s, {self._speed()}")

    def _speed(self) -> str:
        elapsed = max(time.monotonic() - self.started, 1e-3)
        if not self.video_s:
            return f"{self.done / elapsed:.0f} a second"
        of_all = f"{clock(self.done_s / 3600)} of {clock(self.video_s / 3600)}"
        return f"{of_all}, {self.done_s / elapsed:.1f} x real time"

    def _left(self) -> str:
        share = self.done_s / self.video_s if self.video_s else self.done / max(self.items, 1)
        if share <= 0:
            return "unknown time"
        return f"{(time.monotonic() - self.started) * (1 / share - 1):.0f} s"
