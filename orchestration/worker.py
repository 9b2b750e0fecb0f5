"""One worker process: how the parent speaks with it, what it does, and workers that wait for their next function.

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
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

import psutil

START_LIMIT_S = 300.0
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}
HUGE_PAGES = "glibc.malloc.hugetlb=1"
"""glibc asks for huge pages where the system lets it: frames are read 5 % faster. Other C libraries ignore it."""

FUNCTION, ITEM = b"f", b"i"
"""The first byte of a message to a worker."""
_BOOT = (
    "import sys; from multiprocessing.connection import Connection; c = Connection(int(sys.argv[1])); "
    "sys.path[:] = c.recv(); from orchestration.worker import serve; serve(c)"
)


def worker_environment() -> dict[str, str]:
    """What a worker runs under: this process's variables, one thread a library, huge pages unless it says other."""
    return {"GLIBC_TUNABLES": HUGE_PAGES, **os.environ, **ONE_THREAD}


class Worker:
    """One process, and the item that it holds from the start of a work on."""

    def __init__(self, context: str) -> None:
        self.context = context
        self.connection, theirs = Pipe()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _BOOT, str(theirs.fileno())],
                stdin=subprocess.PIPE,
                stdout=2,  # A command's stdout carries data only.
                env=worker_environment(),
                pass_fds=(theirs.fileno(),),
                process_group=0,  # Ctrl-C in the terminal reaches the parent alone, which ends the workers.
            )
        self._send(pickle.dumps(sys.path))

    def begin(self, function: bytes, item: Any) -> None:
        """Load a function; the item is given when that is done."""
        self.item, self.loaded = item, False
        self.limit_s, self.started_s = START_LIMIT_S, time.monotonic()
        self._send(FUNCTION + function)

    def _send(self, message: bytes) -> None:
        with suppress(OSError):  # When the worker is dead, the next look at it finds the cause.
            self.connection.send_bytes(message)

    def give(self, item: Any, limit_s: float) -> None:
        self.item, self.limit_s, self.started_s = item, limit_s, time.monotonic()
        self._send(ITEM + pickle.dumps(item))

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


class Waiting:
    """Workers that have ended their work and wait for another: to start one costs a second of imports.

    Taken only by a caller with the same import path and environment as the one that started them.
    """

    def __init__(self) -> None:
        self.workers: list[Worker] = []
        self._lock = threading.Lock()  # previews are asked for by several threads

    def take(self) -> Worker:
        """One that waits, or a new one."""
        context = repr((sys.path, sorted(os.environ.items())))
        while (worker := self._pop()) is not None:
            if worker.context == context and worker.process.poll() is None:
                return worker
            worker.stop()
        return Worker(context)

    def _pop(self) -> Worker | None:
        with self._lock:
            return self.workers.pop() if self.workers else None

    def give(self, worker: Worker, most: int, memory_limit_bytes: int) -> None:
        """Let a worker wait, at most so many at once, unless it has grown."""
        if len(self.workers) < most and _rss_bytes(worker.process.pid) < memory_limit_bytes // 2:
            self.workers.append(worker)
        else:
            worker.stop()

    def stop(self) -> None:
        """End them all."""
        while (worker := self._pop()) is not None:
            worker.stop()


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
    """A worker's life: load a function, answer item by item, load the next one, until the parent hangs up."""
    os.set_inheritable(connection.fileno(), False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):  # The parent is gone: nobody is left to tell.
        _answer_all(connection)


def _answer_all(connection: Connection) -> None:
    function: Callable[[Any], Any] | None = None
    while True:
        message = connection.recv_bytes()
        if function is not None and message[:1] == ITEM:
            connection.send_bytes(_answer(function, message[1:]))
            continue
        try:
            function = pickle.loads(message[1:])
        except Exception as error:
            connection.send_bytes(pickle.dumps(("broken", _in_one_line(error))))
            return
        connection.send_bytes(pickle.dumps(("loaded", None)))


def _exit_with_parent() -> None:
    os.read(0, 1)
    os._exit(1)


def _answer(function: Callable[[Any], Any], message: bytes) -> bytes:
    try:
        return pickle.dumps(("value", function(pickle.loads(message))))
    except BaseException as error:
        return pickle.dumps(("error", _in_one_line(error)))
