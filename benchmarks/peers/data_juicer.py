"""Data-Juicer's `dj-process` with a recipe of its video operators, all at their defaults."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

from ..inputs import Input
from .environments import command_in
from .tools import NotReal, Outcome, Programs, Tool, cuts_of_files

ENVIRONMENT = "data_juicer"
SPLIT = "video_split_by_scene_mapper"
FILTERS = {
    "video_motion_score_filter": "video_motion_score",
    "video_resolution_filter": "video_width",
    "video_duration_filter": "video_duration",
    "video_aspect_ratio_filter": "video_aspect_ratios",
}
"""Operators, and a statistic that each leaves of every video."""
RECIPE = """\
project_name: peers
dataset_path: {dataset}
export_path: {export}
ds_cache_dir: {cache}
np: 1
process:
{process}\
"""
PAIRS_A_S = 2
BYTES_A_PIXEL = 165
"""video_motion_score_filter turns every flow field into Python lists and holds those of all clips of a video: 18 GB
were seen for 139 pairs of 1280 x 720 in nine clips, 4.0 GB for 24 pairs in one; 140 and 163 bytes a pixel."""


def recipe(folder: Path, split: bool) -> str:
    """A YAML recipe whose files all lie in the folder.

    video_duration_filter reads by PyAV: its default asks for ffprobe, which imageio-ffmpeg does not carry.
    """
    lines = [f"  - {SPLIT}:\n      save_dir: {quoted(folder / 'clips')}\n"] if split else []
    for name in FILTERS:
        lines.append(f"  - {name}:\n      video_backend: av\n" if "duration" in name else f"  - {name}: {{}}\n")
    lines.append("  - video_deduplicator: {}\n")
    paths = {"dataset": folder / "videos.jsonl", "export": folder / "result.jsonl", "cache": folder / "cache"}
    return RECIPE.format(process="".join(lines), **{name: quoted(path) for name, path in paths.items()})


def quoted(path: Path) -> str:
    """A JSON string is one of YAML too."""
    return json.dumps(str(path))


def command(split: bool, video: Path, folder: Path, programs: Programs) -> list[str]:
    """Writes recipe and data set, and returns the command line."""
    (folder / "recipe.yaml").write_text(recipe(folder, split))
    (folder / "videos.jsonl").write_text(json.dumps({"videos": [str(video)], "text": "<__dj__video>"}) + "\n")
    return command_in(programs[ENVIRONMENT], "dj-process", "--config", str(folder / "recipe.yaml"))


def read(split: bool, video: Input, folder: Path) -> Outcome:
    """Raises NotReal when the row was dropped: that is what an operator that breaks does, with status 0."""
    clips = clips_of(_only_row(folder / "result.jsonl"), _only_row(folder / "result_stats.jsonl"))
    took = seconds_of((folder / "log").read_text(errors="replace") + (folder / "out").read_text(errors="replace"))
    told = ", ".join(f"{took[name]:.0f} s {name}" for name in (SPLIT, "video_motion_score_filter") if name in took)
    if not split:
        return Outcome(None, told)
    is_whole = clips == [video.path]  # a video of one scene is handed on as it is
    return Outcome(() if is_whole else cuts_of_files(clips, video), f"{len(clips)} clip files; wall: {told}")


def clips_of(row: dict[str, Any], statistics: dict[str, Any]) -> list[Path]:
    """The files of the row. Raises NotReal when an operator left no statistic of one of them."""
    clips = [Path(name) for name in row["videos"]]
    measured = statistics["__dj__stats__"]
    for name, column in FILTERS.items():
        if len(measured.get(column, ())) != len(clips):
            raise NotReal(f"{name} measured {len(measured.get(column, ()))} of {len(clips)} clips")
    return clips


def seconds_of(log: str) -> dict[str, float]:
    """Wall time of each operator, as the tool tells it."""
    return {name: float(s) for name, s in re.findall(r"OP \[(\w+)\] Done in ([\d.]+)s", log)}


def _only_row(path: Path) -> dict[str, Any]:
    lines = path.read_text().splitlines() if path.is_file() else []
    if len(lines) != 1:
        raise NotReal(f"{path.name} has {len(lines)} rows, one video was given")
    row: dict[str, Any] = json.loads(lines[0])
    return row


def memory_bytes(video: Input) -> float:
    width, height = video.recipe.size
    return BYTES_A_PIXEL * PAIRS_A_S * video.seconds * width * height + 1e9


def tool(name: str, split: bool, decodes: str) -> Tool:
    return Tool(name, ENVIRONMENT, partial(command, split), partial(read, split), decodes, memory_bytes)


TOOLS = (
    tool(
        "Data-Juicer's chain, with encoding", True, "1, about 1 more for the clips, and seeks in the clips for motion"
    ),
    tool("Data-Juicer's filters on the uncut file", False, "seeks for motion"),
)
