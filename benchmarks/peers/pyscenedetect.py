"""PySceneDetect's command line: its detectors alone, and with its cutting of clips by ffmpeg."""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path

from ..inputs import Input
from .environments import command_in
from .tools import NotReal, Outcome, Programs, Tool, frames_of

ENVIRONMENT = "pyscenedetect"


def command(detector: str, split: bool, video: Path, folder: Path, programs: Programs) -> list[str]:
    """All defaults. Clips are encoded with libx264 `veryfast`, crf 22, one ffmpeg a clip."""
    arguments = ["-i", str(video), "-o", str(folder), detector, "list-scenes", "-q"]
    return command_in(programs[ENVIRONMENT], "scenedetect", *arguments, *(["split-video", "-q"] if split else []))


def read(split: bool, video: Input, folder: Path) -> Outcome:
    tables = list(folder.glob("*-Scenes.csv"))
    if len(tables) != 1:
        raise NotReal(f"{len(tables)} lists of scenes")
    scenes, frames = scenes_of(tables[0].read_text())
    if frames != video.frames:
        raise NotReal(f"the scenes end at frame {frames} of {video.frames}")
    if not split:
        return Outcome(scenes[1:])
    clips = sorted(folder.glob("*-Scene-*.mp4"))
    if len(clips) != len(scenes) or not all(frames_of(clip) for clip in clips):
        raise NotReal(f"{len(clips)} clips of {len(scenes)} scenes")
    return Outcome(scenes[1:], f"{len(clips)} clip files")


def scenes_of(table: str) -> tuple[tuple[int, ...], int]:
    """First frame of every scene, counted from 0, and the number of frames. Raises NotReal for another table."""
    lines = table.splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith("Scene Number")), None)
    if start is None or len(lines) < start + 2:
        raise NotReal("the list of scenes is empty")
    rows = list(csv.DictReader(lines[start:]))
    return tuple(int(row["Start Frame"]) - 1 for row in rows), int(rows[-1]["End Frame"])


def tool(name: str, detector: str, split: bool = False) -> Tool:
    decodes = "1, and about 1 more for the clips" if split else "1"
    return Tool(name, ENVIRONMENT, partial(command, detector, split), partial(read, split), decodes)


TOOLS = (
    tool("PySceneDetect detect-adaptive", "detect-adaptive"),
    tool("PySceneDetect detect-content", "detect-content"),
    tool("PySceneDetect detect-adaptive split-video", "detect-adaptive", split=True),
)
