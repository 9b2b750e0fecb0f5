"""One command as a measured process: its CPU with that of everything it started, its wall time, its largest process.

    python -m benchmarks.peers.child FOLDER COMMAND...

The command runs in FOLDER; what it prints goes to FOLDER/out and FOLDER/log (stderr). On Linux this process adopts
what the command leaves behind and waits for it: Data-Juicer's workers belong to a fork server that nobody waits for,
and the kernel counts CPU only of children that were waited for.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from ..rounds import measured

PR_SET_CHILD_SUBREAPER = 36
PATIENCE_S = 30.0
"""For processes that outlive the command."""
LINES_TOLD = 15


def run(folder: Path, command: list[str]) -> dict[str, Any]:
    """Raises RuntimeError with its last words when the command fails, or leaves processes that do not end."""
    adopts = adopt_orphans()
    with (folder / "out").open("w") as out, (folder / "log").open("w") as log:
        code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=log, cwd=folder).returncode
    if code:
        said = [line for name in ("out", "log") for line in (folder / name).read_text(errors="replace").splitlines()]
        raise RuntimeError(f"status {code}: " + "\n".join(said[-LINES_TOLD:]))
    wait_for_orphans(PATIENCE_S)
    return {"adopts": adopts}


def adopt_orphans() -> bool:
    """From here on children of ended children become this process's own; False where the system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    return int(ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)) == 0


def wait_for_orphans(patience_s: float) -> None:
    """Until no child is left. Raises RuntimeError, and kills them, when some are still there after `patience_s`."""
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not ended:
            time.sleep(0.02)
    left = psutil.Process().children(recursive=True)
    names = [process.name() for process in left]
    for process in left:
        process.kill()
    raise RuntimeError(f"the command ended and left {len(left)} processes: {', '.join(names)}")


if __name__ == "__main__":
    where, *line = sys.argv[1:]
    measured(lambda: run(Path(where), line))
