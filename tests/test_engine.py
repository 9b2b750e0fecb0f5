"""The engine against functions that misbehave: a bad item costs itself and nothing else."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from assets.work import Failure, Outcome, Success
from orchestration.engine import run_items
from orchestration.resources import WAITING
from orchestration.worker import Waiting

REPOSITORY = Path(__file__).parents[1]
GB = 10**9


@pytest.fixture(autouse=True)
def nobody_waits() -> None:
    """Other tests of this process may have left workers that wait for work: here children are counted."""
    WAITING.stop()


def misbehave(item: str) -> object:
    """What the item says: `ok N`, `crash`, `sleep`, `grow`, `raise`, `exit`, `big N`, `unpicklable`."""
    what, _, argument = item.partition(" ")
    if what == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if what == "sleep":
        time.sleep(float(argument or 3600))
    if what == "grow":
        hoard = []
        while True:
            hoard.append(b"x" * 20_000_000)
            time.sleep(0.005)
    if what == "raise":
        raise ValueError("no picture\nin this file")
    if what == "exit":
        os._exit(3)
    if what == "unpicklable":
        return lambda: None
    if what == "big":
        return bytes([int(argument)]) * 50_000_000
    return item


def environment(name: str) -> tuple[str | None, int]:
    return os.environ.get(name), os.getpid()


def outcomes(items: list[str], workers: int = 2, limit_s: Any = 60.0, memory: int = GB) -> dict[str, Outcome[Any]]:
    results = list(run_items(misbehave, items, workers=workers, time_limit_s=limit_s, memory_limit_bytes=memory))
    assert sorted(item for item, _ in results) == sorted(items), "every item has exactly one outcome"
    return dict(results)


def live_children() -> list[psutil.Process]:
    return [c for c in psutil.Process().children() if c.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture(autouse=True)
def no_child_is_left() -> Iterator[None]:
    before = {c.pid for c in live_children()}
    yield
    assert {c.pid for c in live_children()} <= before


@pytest.mark.parametrize("workers", [1, 3])
def test_one_bad_item_costs_itself_alone(workers: int) -> None:
    bad = ["crash", "sleep", "grow", "raise", "exit", "unpicklable"]
    good = [f"ok {n}" for n in range(30)]
    items = [*good[:10], *bad, *good[10:]]
    found = outcomes(items, workers, lambda item: 1.0 if item == "sleep" else 30.0, 300_000_000)
    assert all(found[item] == Success(item) for item in good)
    assert found["crash"] == Failure("crashed", "the worker died by SIGSEGV")
    assert found["exit"] == Failure("crashed", "the worker ended itself with exit status 3")
    assert found["raise"] == Failure("error", "ValueError: no picture in this file")
    assert found["sleep"] == Failure("timeout", "not finished after 1 s, which is the limit")
    memory, unpicklable = found["grow"], found["unpicklable"]
    assert isinstance(memory, Failure) and memory.kind == "memory" and memory.sentence.endswith("the limit is 300 MB")
    assert isinstance(unpicklable, Failure) and unpicklable.kind == "error"


def test_workers_are_kept_from_item_to_item_and_have_one_thread_each() -> None:
    names = ["OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"] * 20
    results = run_items(environment, names, workers=2, time_limit_s=60, memory_limit_bytes=GB)
    values = [outcome.value for _, outcome in results if isinstance(outcome, Success)]
    assert {value for value, _ in values} == {"1"} and len(values) == 40
    assert 1 <= len({pid for _, pid in values}) <= 2
    assert os.getpid() not in {pid for _, pid in values}


def test_results_come_as_they_finish() -> None:
    items = ["sleep 1.5", "ok 1", "ok 2"]
    order = [i for i, _ in run_items(misbehave, items, workers=2, time_limit_s=60, memory_limit_bytes=GB)]
    assert order == ["ok 1", "ok 2", "sleep 1.5"]


def test_big_results_come_whole() -> None:
    found = outcomes([f"big {n}" for n in range(4)])
    for n in range(4):
        outcome = found[f"big {n}"]
        assert isinstance(outcome, Success) and outcome.value == bytes([n]) * 50_000_000


def test_items_are_taken_only_when_a_worker_is_free_and_closing_ends_the_workers() -> None:
    taken = itertools.count()
    items = (f"ok {n}" for n in taken)
    results = run_items(misbehave, items, workers=2, time_limit_s=60, memory_limit_bytes=GB)
    for _ in range(5):
        next(results)
    assert len(live_children()) == 2
    results.close()  # type: ignore[attr-defined]
    assert next(taken) <= 5 + 2 + 1
    assert live_children() == []


def test_no_more_workers_than_items_and_none_for_nothing() -> None:
    seen = []
    items = ["sleep 0.3", "sleep 0.3 "]
    options: dict[str, Any] = {"time_limit_s": 60, "memory_limit_bytes": GB}
    options["on_progress"] = lambda *_: seen.append(len(live_children()))
    assert len(list(run_items(misbehave, items, workers=8, **options))) == 2 and max(seen) == 2
    assert list(run_items(misbehave, [], workers=8, **options)) == []


def test_a_worker_killed_from_outside_loses_its_item_only() -> None:
    lost, pids = [], []
    for n, (_, outcome) in enumerate(
        run_items(environment, ["HOME"] * 500, workers=2, time_limit_s=60, memory_limit_bytes=GB)
    ):
        if n == 100:
            os.kill(pids[-1], signal.SIGKILL)
        if isinstance(outcome, Success):
            pids.append(outcome.value[1])
        else:
            lost.append((outcome.kind, outcome.sentence[:26]))
    assert lost == [("crashed", "the worker died by SIGKILL")] and len(pids) == 499


def test_progress_counts_up_and_names_the_running_items() -> None:
    seen: list[tuple[int, tuple[str, ...]]] = []
    items = ["sleep 0.5", "ok 1", "ok 2"]
    list(
        run_items(
            misbehave,
            items,
            workers=2,
            time_limit_s=60,
            memory_limit_bytes=GB,
            on_progress=lambda *state: seen.append(state),
        )
    )
    counts = [done for done, _ in seen]
    assert counts == sorted(counts) and counts[-1] == 3 and seen[-1][1] == ()
    assert any(running == ("sleep 0.5",) for _, running in seen)


def test_wrong_arguments_say_what_to_do() -> None:
    with pytest.raises(ValueError, match="workers is 0; it must be 1 or more"):
        run_items(misbehave, ["ok 1"], workers=0, time_limit_s=1, memory_limit_bytes=GB)


def test_a_function_that_workers_cannot_load_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    import types

    module = types.ModuleType("only_here")
    exec("def function(item): return item", module.__dict__)
    monkeypatch.setitem(sys.modules, "only_here", module)
    with pytest.raises(RuntimeError, match="no worker could load the function: ModuleNotFoundError"):
        list(run_items(module.function, [1, 2], workers=2, time_limit_s=1, memory_limit_bytes=GB))


def test_an_exception_of_the_items_or_of_the_caller_ends_the_workers() -> None:
    def items() -> Iterator[str]:
        yield "ok 1"
        raise LookupError("the list ends here")

    with pytest.raises(LookupError):
        list(run_items(misbehave, items(), workers=1, time_limit_s=60, memory_limit_bytes=GB))


def test_from_a_thread() -> None:
    found: list[dict[str, Outcome[Any]]] = []
    thread = threading.Thread(target=lambda: found.append(outcomes(["ok 1", "crash", "ok 2"])))
    thread.start()
    thread.join(60)
    assert found and sum(isinstance(o, Success) for o in found[0].values()) == 2


SCRIPT = """
import sys
print("main is imported", flush=True)
sys.path[:0] = {paths!r}
from test_engine import misbehave
from orchestration.engine import run_items
for item, outcome in run_items(misbehave, {items!r}, workers=2, time_limit_s=60, memory_limit_bytes=10**9):
    print(item, type(outcome).__name__, flush=True)
"""


def start_script(folder: Path, items: list[str]) -> subprocess.Popen[str]:
    """A script without the `__main__` guard, which a worker that imported it again would start for ever."""
    path = folder / "script.py"
    path.write_text(SCRIPT.format(paths=[str(REPOSITORY), str(REPOSITORY / "tests")], items=items))
    return subprocess.Popen(
        [sys.executable, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        process_group=0,
    )


def workers_of(parent: subprocess.Popen[str], count: int) -> list[psutil.Process]:
    assert parent.stdout
    while not parent.stdout.readline().startswith("ok"):
        assert parent.poll() is None
    children = psutil.Process(parent.pid).children()
    assert len(children) == count
    return children


def test_a_script_is_not_imported_again(tmp_path: Path) -> None:
    out, err = start_script(tmp_path, ["ok 1", "ok 2", "crash"]).communicate(timeout=60)
    assert sorted(out.splitlines()) == ["crash Failure", "main is imported", "ok 1 Success", "ok 2 Success"]
    assert err == ""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_worker_outlives_its_parent(tmp_path: Path, how: signal.Signals) -> None:
    parent = start_script(tmp_path, ["ok 1", "sleep", "sleep 3000"])
    children = workers_of(parent, 2)
    os.killpg(parent.pid, how)
    _, err = parent.communicate(timeout=10)
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []
    assert err.count("Traceback") == (1 if how == signal.SIGINT else 0), "the parent's own KeyboardInterrupt only"


def test_a_worker_that_is_well_waits_for_the_next_work() -> None:
    waiting = Waiting()
    limits: dict[str, Any] = {"time_limit_s": 60, "memory_limit_bytes": GB, "waiting": waiting}
    try:
        pids = {outcome.value for _, outcome in run_items(pid_of, [1, 2], workers=1, **limits)}
        assert len(pids) == 1 and len(waiting.workers) == 1
        assert {outcome.value for _, outcome in run_items(same_pid_of, [1, 2], workers=1, **limits)} == pids
        results = dict(run_items(misbehave, ["crash"], workers=1, **limits))
        assert isinstance(results["crash"], Failure) and not waiting.workers, "one that died does not wait"
    finally:
        waiting.stop()
    assert not live_children()


def test_workers_of_another_environment_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Waiting()
    limits: dict[str, Any] = {"time_limit_s": 60, "memory_limit_bytes": GB, "waiting": waiting}
    try:
        before = [outcome.value for _, outcome in run_items(pid_of, [1], workers=1, **limits)]
        monkeypatch.setenv("CLIPSIEVE_TEST_WORD", "other")
        assert [outcome.value for _, outcome in run_items(pid_of, [1], workers=1, **limits)] != before
    finally:
        waiting.stop()


def pid_of(item: int) -> int:
    return os.getpid()


def same_pid_of(item: int) -> int:
    """Another function than pid_of."""
    return os.getpid()
