"""How often a video is opened and decoded on its way to tier_1, and again after a change of mind.

    python -m benchmarks decodes

Counts told by `clipsieve run --format json`, in processes of its own, on a small drawn library. They are exact: one
round is enough, whatever `--rounds` says.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from demo.footage import cut, grain, pan, photograph, photograph_to_pan, write_video
from orchestration.report import plural

from .figures import Bench, Figure, Section
from .rounds import HOUSE

FPS, FRAMES, SIZE = 24, 96, (426, 240)
PHOTOGRAPHS = ("coffee", "chelsea", "rocket")
PRESET = "[tier_1]\nmotion_mean = {{ min = {} }}\n[tier_2]\n[tier_3]\n"


def section(bench: Bench) -> Section:
    """A first run, a run with another bound, one with other cuts, and one without a change."""
    with tempfile.TemporaryDirectory(dir=_there(bench.folder)) as scratch:
        videos, frames = library(Path(scratch) / "videos")
        first, tiered, cut_anew, again = runs(Path(scratch))
    whole = (first["videos"], first["frames_decoded"]) >= (videos, frames)
    if not whole or not cut_anew["clip_hours"] > first["clip_hours"]:
        raise RuntimeError(f"{videos} videos of {frames} frames were drawn; the runs told {first} and {cut_anew}")
    figures = (
        _count("containers opened for reading (hash, packets), a video", first["demux_opens"] / videos),
        _count("decodes of a video up to tier_1", first["decode_opens"] / videos, 1),
        _count("frames decoded for each frame there is", first["frames_decoded"] / frames, 1),
        _count("decodes after a bound of tier_1 was changed", tiered["decode_opens"], 0, _tasks(tiered)),
        _count("decodes after the trimming of clips was changed", cut_anew["decode_opens"], 0, _tasks(cut_anew)),
        _count("decodes when nothing was changed", again["decode_opens"], 0, _tasks(again)),
    )
    intro = f"Counted by `clipsieve run` on {videos} drawn videos of {frames} frames in all; one round."
    return Section("Opens and decodes", intro, figures)


def library(folder: Path) -> tuple[int, int]:
    """Two videos of one shot and one of three; returns how many videos and frames there are."""
    folder.mkdir()
    for name, angle in zip(PHOTOGRAPHS[:2], (0.0, 70.0), strict=True):
        wide = photograph_to_pan(name, FRAMES, FPS, 6, angle, SIZE)
        write_video(folder / f"{name}.mp4", grain(pan(wide, FRAMES, FPS, 6, angle, SIZE), 2), FPS)
    shots = (grain(pan(photograph(name, SIZE), FRAMES, FPS, 5), 2) for name in PHOTOGRAPHS)
    write_video(folder / "three shots.mp4", cut(*shots), FPS)
    return 3, 5 * FRAMES


def runs(scratch: Path) -> list[dict[str, Any]]:
    """What each run told."""
    preset = scratch / "mine.toml"
    preset.write_text(PRESET.format(1))
    told = [_run(scratch, preset)]
    preset.write_text(PRESET.format(2))
    told.append(_run(scratch, preset))
    whole = {"CLIPSIEVE_SHOTS__TRIM_WINDOW_S": "0"}
    return [*told, _run(scratch, preset, whole), _run(scratch, preset, whole)]


def _run(scratch: Path, preset: Path, settings: Mapping[str, str] | None = None) -> dict[str, Any]:
    """`clipsieve run` with this machine's models, and no other setting from outside. Raises RuntimeError."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CLIPSIEVE_", "DAGSTER_"))}
    models = {k: v for k, v in os.environ.items() if k == "CLIPSIEVE_MODELS"}
    command = [sys.executable, "-m", "orchestration.cli", "run", "--input", str(scratch / "videos"),
               "--root", str(scratch / "root"), "--preset", str(preset), "--until", "tier_1",
               "--format", "json"]  # fmt: skip
    env = clean | models | dict(settings or {})
    done = subprocess.run(command, env=env, cwd=HOUSE, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"`clipsieve run` ended with {done.returncode}: {done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout)[0]
    return told


def _count(what: str, value: float, bound: float | None = None, note: str = "") -> Figure:
    return Figure(what, (float(value),), "", bound, bound, note=note)


def _tasks(told: Mapping[str, Any]) -> str:
    """How many steps the run did, and from which to which."""
    steps = [task.split()[0] for task in told["tasks"]]
    return f"{plural(len(steps), 'step')}, {steps[0]} to {steps[-1]}" if steps else "no step"


def _there(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
