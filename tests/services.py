"""The real UI and daemon over a root, stopped at the end whatever happens, and questions to them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HOUSE = Path(__file__).parents[1]


@contextmanager
def served(root: Path, **environment: str) -> Iterator[str]:
    """`clipsieve ui` over a root; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "orchestration.cli", "ui", "--root", str(root), "--port", str(port)]
    # A shell's background job ignores SIGINT and SIGTERM; the services must not inherit that.
    process = subprocess.Popen(
        command, cwd=HOUSE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        env=os.environ | environment,
        preexec_fn=lambda: [signal.signal(s, signal.SIG_DFL) for s in (signal.SIGINT, signal.SIGTERM)],
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: _get(f"{address}/server_info"), 120)
        yield address
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """The services and the runs that they started."""
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


def _get(url: str) -> Any:
    try:
        return json.load(urllib.request.urlopen(url, timeout=5))
    except (urllib.error.URLError, OSError):
        return None


def wait_for(condition: Callable[[], Any], seconds: float) -> Any:
    """What the condition gives when it is true at last."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(1)
    raise AssertionError(f"not there after {seconds} s")


def graphql(address: str, query: str, **variables: Any) -> Any:
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{address}/graphql", body, {"content-type": "application/json"})
    answer = json.load(urllib.request.urlopen(request, timeout=30))
    assert "errors" not in answer, answer
    return answer["data"]
