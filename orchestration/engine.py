"""A function over many items, in worker processes that may crash, hang or grow: an item is lost, never the run.

Only this file starts worker processes. A cluster engine comes behind `run_items` with the same promise.

Workers are fresh interpreters and not `multiprocessing` processes: those import the caller's `__main__` again (1 s
and 70 MB each under a console script that imports Dagster), need a change to the parent's environment and leave a
resource tracker behind. Each worker has a socket of its own, and a pipe on stdin that only the parent holds open;
workers share nothing, so killing one cannot block another.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any, cast

import psutil

from assets.work import Failure, FailureKind, Item, Outcome, Success, Value

Progress = Callable[[int, tuple[Any, ...]], None]

POLL_S = 0.2
START_LIMIT_S = 300.0
START_FAILURES = 3
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}
_BOOT = (
    "import sys; from multiprocessing.connection import Connection; c = Connection(int(sys.argv[1])); "
    "sys.path[:] = c.recv(); from orchestration.engine import serve; serve(c)"
)


def run_items(
    function: Callable[[Item], Value],
    items: Iterable[Item],
    *,
    workers: int,
    time_limit_s: float | Callable[[Item], float],
    memory_limit_bytes: int,
    on_progress: Progress | None = None,
) -> Iterator[tuple[Item, Outcome[Value]]]:
    """(item, outcome) of every item, in the order in which they finish; each worker has one item at a time.

    `function`, the items and the values are pickled; `function` is a top-level callable of an importable module.
    `time_limit_s`: seconds for one item, or a function of the item that gives them; loading `function` is not counted.
    `memory_limit_bytes`: resident size of a worker. Limits are looked at every 0.2 s while the caller waits.
    `on_progress(done, running)`: called after each item and every 0.2 s with the number of finished items and the
    items in work. Items are taken from their iterable one by one, when a worker is free. The workers end when the
    iterator is closed, when the parent gets an exception or Ctrl-C, and when it dies.
    Raises ValueError for a wrong argument, RuntimeError when workers cannot start or cannot load the function.
    """
    if workers < 1:
        raise ValueError(f"workers is {workers}; it must be 1 or more")
    if getattr(function, "__module__", None) == "__main__":
        raise ValueError(f"{function!r} is defined in the script that runs; move it to a module that can be imported")
    seconds = time_limit_s if callable(time_limit_s) else lambda item: time_limit_s
    crew = _Crew(pickle.dumps(function), seconds, memory_limit_bytes)
    return _results(crew, iter(items), workers, on_progress or (lambda done, running: None))


class _Worker:
    """One process, and the item that it holds from its start on."""

    def __init__(self, function: bytes, item: Any) -> None:
        self.item = item
        self.loaded = False
        self.limit_s = START_LIMIT_S
        self.started_s = time.monotonic()
        self.connection, theirs = Pipe()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _BOOT, str(theirs.fileno())],
                stdin=subprocess.PIPE,
                stdout=2,  # A command's stdout carries data only.
                env={**os.environ, **ONE_THREAD},
                pass_fds=(theirs.fileno(),),
                process_group=0,  # Ctrl-C in the terminal reaches the parent alone, which ends the workers.
            )
        self._send(pickle.dumps(sys.path))
        self._send(function)

    def _send(self, message: bytes) -> None:
        with suppress(OSError):  # When the worker is dead, the next look at it finds the cause.
            self.connection.send_bytes(message)

    def give(self, item: Any, limit_s: float) -> None:
        self.item, self.limit_s, self.started_s = item, limit_s, time.monotonic()
        self._send(pickle.dumps(item))

    def hear(self) -> tuple[str, Any]:
        """The message that has come: a tag and its content; a worker that died counts as `crashed`."""
        try:
            message = self.connection.recv_bytes()
        except (EOFError, OSError):
            return "crashed", _cause_of_death(self.process)
        try:
            tag, content = pickle.loads(message)
        except Exception as error:
            return "error", f"the result could not be read: {_in_one_line(error)}"
        return tag, content

    def look(self, memory_limit_bytes: int) -> tuple[str, Any] | None:
        """A reason to end the worker, or None."""
        if self.connection.poll():
            return None
        if self.process.poll() is not None:
            return "crashed", _cause_of_death(self.process)
        rss = _rss_bytes(self.process.pid)
        if rss > memory_limit_bytes:
            return "memory", f"the worker held {rss / 1e6:,.0f} MB; the limit is {memory_limit_bytes / 1e6:,.0f} MB"
        if time.monotonic() - self.started_s > self.limit_s:
            return "timeout", f"not finished after {self.limit_s:g} s, which is the limit"
        return None

    def stop(self) -> None:
        self.process.kill()
        self.connection.close()
        if self.process.stdin:
            self.process.stdin.close()
        self.process.wait()


class _Crew:
    """The workers that live, by their connection."""

    def __init__(self, function: bytes, seconds: Callable[[Any], float], memory_limit_bytes: int) -> None:
        self.function, self.seconds, self.memory_limit_bytes = function, seconds, memory_limit_bytes
        self.workers: dict[Connection, _Worker] = {}
        self.failed_starts = 0
        self.next_look_s = 0.0

    @property
    def running(self) -> tuple[Any, ...]:
        return tuple(worker.item for worker in self.workers.values())

    def hire(self, item: Any) -> None:
        worker = _Worker(self.function, item)
        self.workers[worker.connection] = worker

    def dismiss(self, worker: _Worker) -> None:
        del self.workers[worker.connection]
        worker.stop()

    def news(self) -> Iterator[tuple[_Worker, str, Any]]:
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

    def start_work(self, worker: _Worker) -> None:
        worker.loaded, self.failed_starts = True, 0
        worker.give(worker.item, self.seconds(worker.item))

    def start_again(self, worker: _Worker, tag: str, sentence: str) -> None:
        """Replace a worker that died before it had its item; raises RuntimeError when that does not help."""
        self.failed_starts += 1
        if tag == "broken" or self.failed_starts >= START_FAILURES:
            raise RuntimeError(f"no worker could load the function: {sentence}")
        self.dismiss(worker)
        self.hire(worker.item)

    def go_on(self, worker: _Worker, tag: str, items: Iterator[Any]) -> None:
        """Give the next item to the worker, or to a new one when this one is lost; without an item, let it go."""
        lost = tag not in ("value", "error")
        if lost:
            self.dismiss(worker)
        for item in islice(items, 1):
            return self.hire(item) if lost else worker.give(item, self.seconds(item))
        if not lost:
            self.dismiss(worker)


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


def _cause_of_death(process: subprocess.Popen[bytes]) -> str:
    try:
        code = process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        return "the worker closed its connection"
    if code >= 0:
        return f"the worker ended itself with exit status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"the worker died by {name}" + (" (often: the machine is out of memory)" if name == "SIGKILL" else "")


def _rss_bytes(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def _in_one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(": ")[:1000]


def serve(connection: Connection) -> None:
    """A worker's life: load the function, then answer item by item until the parent hangs up."""
    os.set_inheritable(connection.fileno(), False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):  # The parent is gone: nobody is left to tell.
        _answer_all(connection)


def _answer_all(connection: Connection) -> None:
    try:
        function = pickle.loads(connection.recv_bytes())
    except Exception as error:
        connection.send_bytes(pickle.dumps(("broken", _in_one_line(error))))
        return
    connection.send_bytes(pickle.dumps(("loaded", None)))
    while True:
        connection.send_bytes(_answer(function, connection.recv_bytes()))


def _exit_with_parent() -> None:
    os.read(0, 1)
    os._exit(1)


def _answer(function: Callable[[Any], Any], message: bytes) -> bytes:
    try:
        return pickle.dumps(("value", function(pickle.loads(message))))
    except BaseException as error:
        return pickle.dumps(("error", _in_one_line(error)))
