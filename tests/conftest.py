"""Fixtures: a small drawn library, the command line called in this process, and where shared footage may lie."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from demo.footage import cut, grain, pan, photograph, still, write_video
from orchestration.cli import app

LEFT_OUT = (
    "text", "overlays", "shake", "slideshow", "repeats", "cut_rate", "vmaf", "compression", "colour", "clarity",
)  # fmt: skip
os.environ |= {
    "CLIPSIEVE_MODELS": "no models",
    "CLIPSIEVE_WITHOUT": json.dumps(LEFT_OUT),
    "CLIPSIEVE_FIGURES": "false",
}
"""Of every test and the processes it starts: no weights that this machine may have, and few scorers. Each is an asset
with events of its own, and reading text takes longer than all else together. No figures: matplotlib's import alone is 0.7 s. Tests of scorers call them; the demo's
test and that of the shared library run all.
"""

SMALL = (320, 180)
SHARED_VIDEOS = Path(__file__).parents[2] / "shared" / "data" / "videos"


@dataclass
class Answer:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The JSON on stdout; a run prints one object."""
        rows = json.loads(self.out)
        return rows


Clipsieve = Callable[..., Answer]


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DAGSTER_HOME", "CLIPSIEVE_ROOT", "CLIPSIEVE_PRESET", "CLIPSIEVE_CONFIG", "CLIPSIEVE_WORKERS"):
        monkeypatch.delenv(name, raising=False)


def call(*arguments: str | Path) -> Answer:
    """One command in this process. An exception is not swallowed: it would be a traceback for the user."""
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Answer(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def clipsieve() -> Clipsieve:
    return call


def digests(root: Path) -> dict[str, str]:
    """Content of every table but `sources`, which holds times."""
    files = (p for p in root.rglob("*.parquet") if p.relative_to(root).parts[0] != "sources")
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture
def run(clipsieve: Clipsieve) -> Callable[..., dict[str, Any]]:
    """`clipsieve run` that must end with status 0; returns the summary as an object."""

    def run_once(videos: Path, root: Path, *arguments: str | Path) -> dict[str, Any]:
        answer = clipsieve("run", "--input", videos, "--root", root, "--format", "json", *arguments)
        assert answer.code == 0, answer.err
        summary: dict[str, Any] = answer.data[0]
        return summary

    return run_once


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five media files, one of them a text and one a copy, and a file to ignore. 2 to 5 s of 320 x 180 at 24 fps."""
    folder = tmp_path_factory.mktemp("drawn")
    coffee, chelsea, rocket = (photograph(name, SMALL) for name in ("coffee", "chelsea", "rocket"))
    write_video(folder / "pan.mp4", grain(pan(coffee, 72, 24, 8), 2), 24)
    write_video(folder / "still.mp4", still(rocket, 48), 24)
    shots = cut(*(grain(pan(p, 40, 24, 6), 2) for p in (coffee, chelsea, rocket)))
    write_video(folder / "three shots.mp4", shots, 24)
    (folder / "notes.mp4").write_text("These are notes.\n" * 50)
    (folder / "deeper").mkdir()
    shutil.copy(folder / "pan.mp4", folder / "deeper" / "копия's pan.mp4")
    (folder / "list.txt").write_text("nothing to see\n")
    return folder


FRAMES = {"pan.mp4": 72, "still.mp4": 48, "three shots.mp4": 120}
"""Frames of the drawn library's distinct videos."""


@pytest.fixture
def videos(drawn: Path, tmp_path: Path) -> Path:
    """A copy of the drawn library that a test may change."""
    return Path(shutil.copytree(drawn, tmp_path / "videos"))


@pytest.fixture(scope="session")
def curated(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A root on which the drawn library was run once. Do not change it; copy it."""
    root = tmp_path_factory.mktemp("curated") / "root"
    answer = call("run", "--input", drawn, "--root", root, "--workers", "2")
    assert answer.code == 0, answer.err
    yield root
