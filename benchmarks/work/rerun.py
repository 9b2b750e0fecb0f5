"""What a measured process of benchmarks/rerun.py does: the command `run`, once, in a process that imported it.

benchmarks.work.rerun run FOLDER ROOT    the command, as a shell gives it
benchmarks.work.rerun plan ROOT          the plan alone
benchmarks.work.rerun connect ROOT       an in-memory connection with every view
"""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import orchestration.cli
import orchestration.curate
from assets.views import connect
from benchmarks.rounds import measured
from orchestration.plan import make_plan
from orchestration.resources import build_curation
from orchestration.settings import Settings

HEAVY = ("dagster", "torch", "cv2", "av", "transformers", "onnxruntime", "faiss", "rapidocr", "scipy", "skimage")


def run(media: str, root: str) -> dict[str, Any]:
    """The command's summary, and which heavy packages the process had to load. Raises RuntimeError when it failed."""
    out, told = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(told):
        arguments = ["run", "--input", media, "--root", root, "--format", "json"]
        code = orchestration.cli.app(arguments, standalone_mode=False)
    if code:
        raise RuntimeError(f"the run ended with {code}: {told.getvalue()}")
    summary: dict[str, Any] = json.loads(out.getvalue())[0]
    return summary | {"loaded": [name for name in HEAVY if name in sys.modules]}


def plan(root: str) -> dict[str, Any]:
    return {"tasks": len(make_plan(build_curation(Settings(root=root))))}


def open_views(root: str) -> dict[str, Any]:
    curation = build_curation(Settings(root=root))
    with connect(curation.store, curation.preset.name) as connection:
        return {"views": len(connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall())}


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    measured(lambda: {"run": run, "plan": plan, "connect": open_views}[what](*arguments))
