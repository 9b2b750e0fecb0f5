"""What is compared: a command line each, and how its results are read back and checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av

from ..inputs import Input

Programs = dict[str, Path]
"""Folder of programs by the name of an environment."""


class NotReal(RuntimeError):
    """A tool ended well and left no results, or not all of them."""


@dataclass(frozen=True)
class Outcome:
    """cuts: first frames of shots but the first one, None = the tool looks for none; told: what else it left."""

    cuts: tuple[int, ...] | None
    told: str = ""


def no_memory(video: Input) -> float:
    return 0.0


@dataclass(frozen=True)
class Tool:
    """command: of (video, empty folder, programs); read: of (video, the folder afterwards), raises NotReal.

    environment: whose programs it needs; None = this one's. decodes: what is known of its decodes of the source.
    memory_bytes: what it needs at least, where that grows with the video.
    """

    name: str
    environment: str | None
    command: Callable[[Path, Path, Programs], list[str]]
    read: Callable[[Input, Path], Outcome]
    decodes: str
    memory_bytes: Callable[[Input], float] = no_memory


def frames_of(path: Path) -> int:
    """Coded pictures in a file, counted without decoding. Raises NotReal when it is no video."""
    try:
        with av.open(str(path)) as container:
            return sum(1 for packet in container.demux(container.streams.video[0]) if packet.size)
    except (av.error.FFmpegError, IndexError) as error:
        raise NotReal(f"{path.name} is no video: {error}") from error


def cuts_of_files(clips: list[Path], video: Input) -> tuple[int, ...]:
    """Where the source was cut, by the lengths of the clips in their order. Raises NotReal when frames are missing."""
    ends, at = [], 0
    for clip in clips:
        at += frames_of(clip)
        ends.append(at)
    if at != video.frames:
        raise NotReal(f"{len(clips)} clips hold {at} frames of the {video.frames} of the source")
    return tuple(ends[:-1])
