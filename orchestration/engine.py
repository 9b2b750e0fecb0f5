"""A function over many items, in worker processes that may crash, hang or grow: an item is lost, never the run.

A cluster engine comes behind `run_items` with the same promise. Workers: worker.py.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from multiprocessing.connection import Connection, wait
from typing import Any, cast

from assets.work import Failure, FailureKind, Item, Outcome, Success, Value

from .worker import Waiting, Worker

Progress = Callable[[int, tuple[Any, ...]], None]

POLL_S = 0.2
START_FAILURES = 3


def run_items(
    function: Callable[[Item], Value],
    items: Iterable[Item],
    *,
    workers: int,
    time_limit_s: float | Callable[[Item], float],
    memory_limit_bytes: int,
    on_progress: Progress | None = None,
    waiting: Waiting | None = None,
) -> Iterator[tuple[Item, Outcome[Value]]]:
    """(item, outcome) of every item, in the order in which they finish; each worker has one item at a time.

    `function`, the items and the values are pickled; `function` is a top-level callable of an importable module.
    `time_limit_s`: seconds for one item, or a function of the item that gives them; loading `function` is not counted.
    `memory_limit_bytes`: resident size of a worker. Limits are looked at every 0.2 s while the caller waits.
    `on_progress(done, running)`: called after each item and every 0.2 s with the number of finished items and the
    items in work. Items are taken from their iterable one by one, when a worker is free. The workers end when the
    iterator is closed, when the parent gets an exception or Ctrl-C, and when it dies; those that have done all their
    items go to `waiting`, from which workers are taken, when that is given.
    Raises ValueError for a wrong argument, RuntimeError when workers cannot start or cannot load the function.
    """
    if workers < 1:
        raise ValueError(f"workers is {workers}; it must be 1 or more")
    if getattr(function, "__module__", None) == "__main__":
        raise ValueError(f"{function!r} is defined in the script that runs; move it to a module that can be imported")
    seconds = time_limit_s if callable(time_limit_s) else lambda item: time_limit_s
    crew = _Crew(pickle.dumps(function), seconds, memory_limit_bytes, workers, waiting)
    return _results(crew, iter(items), workers, on_progress or (lambda done, running: None))


class _Crew:
    """The workers that live, by their connection."""

    def __init__(
        self, function: bytes, seconds: Callable[[Any], float], memory_limit_bytes: int, most: int,
        waiting: Waiting | None,
    ) -> None:  # fmt: skip
        self.function, self.seconds, self.memory_limit_bytes = function, seconds, memory_limit_bytes
        self.most, self.kept = most, waiting
        self.waiting = waiting or Waiting()
        self.workers: dict[Connection, Worker] = {}
        self.failed_starts = 0
        self.next_look_s = 0.0

    @property
    def running(self) -> tuple[Any, ...]:
        return tuple(worker.item for worker in self.workers.values())

    def hire(self, item: Any) -> None:
        worker = self.waiting.take()
        worker.begin(self.function, item)
        self.workers[worker.connection] = worker

    def dismiss(self, worker: Worker) -> None:
        del self.workers[worker.connection]
        worker.stop()

    def release(self, worker: Worker) -> None:
        """Nothing is left to do for a worker that is well."""
        if self.kept is None:
            self.dismiss(worker)
        else:
            del self.workers[worker.connection]
            self.kept.give(worker, self.most, self.memory_limit_bytes)

    def news(self) -> Iterator[tuple[Worker, str, Any]]:
        """What has come within the next 0.2 s: (worker, tag, content)."""
        talking = [self.workers[c] for c in wait(list(self.workers), POLL_S) if isinstance(c, Connection)]
        for worker in talking:
            yield worker, *worker.hear()
        if time.monotonic() < self.next_look_s:
            return
        self.next_look_s = time.monotonic() + POLL_S
        for worker in [w for w in self.workers.values() if w not in talking]:
            reason = worker.look(self.memory_limit_bytes)
            if reason:
                yield worker, *reason

    def start_work(self, worker: Worker) -> None:
        worker.loaded, self.failed_starts = True, 0
        worker.give(worker.item, self.seconds(worker.item))

    def start_again(self, worker: Worker, tag: str, sentence: str) -> None:
        """Replace a worker that died before it had its item; raises RuntimeError when that does not help."""
        self.failed_starts += 1
        if tag == "broken" or self.failed_starts >= START_FAILURES:
            raise RuntimeError(f"no worker could load the function: {sentence}")
        self.dismiss(worker)
        self.hire(worker.item)

    def go_on(self, worker: Worker, tag: str, items: Iterator[Any]) -> None:
        """Give the next item to the worker, or to a new one when this one is lost; without an item, let it go."""
        lost = tag not in ("value", "error")
        if lost:
            self.dismiss(worker)
        for item in islice(items, 1):
            if lost:
                self.hire(item)
            else:
                worker.give(item, self.seconds(item))
            return
        if not lost:
            self.release(worker)


def _results(
    crew: _Crew, items: Iterator[Any], workers: int, on_progress: Progress
) -> Iterator[tuple[Any, Outcome[Any]]]:
    done = 0
    try:
        for item in islice(items, workers):
            crew.hire(item)
        while crew.workers:
            for worker, tag, content in crew.news():
                if tag == "loaded":
                    crew.start_work(worker)
                elif not worker.loaded:
                    crew.start_again(worker, tag, content)
                else:
                    item = worker.item
                    crew.go_on(worker, tag, items)
                    done += 1
                    on_progress(done, crew.running)
                    yield item, Success(content) if tag == "value" else Failure(cast(FailureKind, tag), content)
            on_progress(done, crew.running)
    finally:
        for worker in list(crew.workers.values()):
            crew.dismiss(worker)
