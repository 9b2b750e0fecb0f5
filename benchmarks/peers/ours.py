"""`clipsieve run` on the file, from finding it to its tiers."""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from pathlib import Path

import duckdb

from orchestration.flow import scorer_names

from ..inputs import Input
from .tools import NotReal, Outcome, Programs, Tool

PRESET = "starter"
OF_THE_CHAIN = ("motion",)
"""Scorers with a counterpart in Data-Juicer's chain; sizes, durations and duplicates need none."""
OTHERS = tuple(name for name in scorer_names() if name not in OF_THE_CHAIN)


def command(without: tuple[str, ...], video: Path, folder: Path, programs: Programs) -> list[str]:
    """One worker, no weights, no setting from outside."""
    unset = [part for name in os.environ if name.startswith(("CLIPSIEVE_", "DAGSTER_")) for part in ("-u", name)]
    given = [f"CLIPSIEVE_MODELS={folder / 'no weights'}", f"CLIPSIEVE_WITHOUT={json.dumps(without)}"]
    arguments = ["--input", str(video), "--root", str(folder / "root"), "--preset", PRESET]
    program = [sys.executable, "-m", "orchestration.cli", "run", "--workers", "1", "--format", "json"]
    return ["env", *unset, *given, *program, *arguments]


def read(without: tuple[str, ...], video: Input, folder: Path) -> Outcome:
    """Raises NotReal when frames were left out, tiers are missing, or another set of scorers ran."""
    told = json.loads((folder / "out").read_text())[0]
    if told["frames_decoded"] != video.frames or told["decode_opens"] != 1 or told["failures"]:
        raise NotReal(f"{told['frames_decoded']} frames of {video.frames} in {told['decode_opens']} decodes")
    if ran := [name for name in without if any(f"scores/{name} " in task for task in told["tasks"])]:
        raise NotReal(f"{', '.join(ran)} ran")
    with duckdb.connect(folder / "root" / "clipsieve.duckdb", read_only=True) as tables:
        kept = [tables.execute(f"SELECT count(*) FROM tier_{n}").fetchall()[0][0] for n in (1, 2, 3)]
        cuts = tables.execute(
            "SELECT DISTINCT unnest([CASE boundary_in WHEN 'cut' THEN shot_start_frame END, "
            "CASE boundary_out WHEN 'cut' THEN shot_end_frame END]) AS frame FROM clips ORDER BY ALL"
        ).fetchall()
    found = tuple(frame for (frame,) in cuts if frame is not None)
    scorers = sum(task.startswith("scores/") for task in told["tasks"])
    return Outcome(
        found, f"{scorers} scorers; {told['clips']} clips, {kept[0]} / {kept[1]} / {kept[2]} in tiers 1 to 3"
    )


def tool(name: str, without: tuple[str, ...] = ()) -> Tool:
    return Tool(name, None, partial(command, without), partial(read, without), "1")


TOOLS = (tool("clipsieve run, all scorers"), tool("clipsieve run, scorers of the chain", OTHERS))
