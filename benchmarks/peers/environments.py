"""Virtual environments for other people's tools: made from a file of exact versions, kept while it is the same."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from threading import Timer

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

REQUIREMENTS = Path(__file__).parents[1]
NAMES = ("pyscenedetect", "data_juicer")
FREE_BYTES = 6 * 10**9
"""Asked for before an environment is made: Data-Juicer's takes 2.3 GB, and as much again while it is unpacked."""
TIME_LIMIT_S = 15 * 60.0
TOLD_LINES = 5


class EnvironmentFailed(RuntimeError):
    """An environment cannot be made; the message says why in one line."""


def requirements(name: str) -> Path:
    return REQUIREMENTS / f"peers_{name}.txt"


def environment(folder: Path, name: str) -> Path:
    """The folder of an environment's programs, an `ffmpeg` among them. Raises EnvironmentFailed."""
    place = folder / name
    wanted, made = _recipe(name), place / "made-from.txt"
    if not made.is_file() or made.read_text() != wanted:
        try:
            _make(place, requirements(name))
        except (OSError, subprocess.SubprocessError) as error:
            raise EnvironmentFailed(f"no environment for {name}: {error}") from error
        made.write_text(wanted)
    return place / "bin"


def _recipe(name: str) -> str:
    """What an environment is made from; its programs name their interpreter's path, so this Python belongs to it."""
    try:
        listed = requirements(name).read_text()
    except OSError as error:
        raise EnvironmentFailed(f"no environment for {name}: {error}") from error
    return f"# python {platform.python_version()} {sys.base_prefix}\n{listed}"


def _make(place: Path, listed: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    free = shutil.disk_usage(place).free
    if free < FREE_BYTES:
        raise OSError(f"{free / 1e9:.1f} GB are free, {FREE_BYTES / 1e9:.0f} are needed")
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, transient=True) as progress:
        task = progress.add_task(f"{place.name}: a virtual environment")
        venv.create(place, with_pip=True)
        _install(place / "bin" / "python", listed, lambda line: progress.update(task, description=line))
    _link_ffmpeg(place)


def _install(python: Path, listed: Path, tell: Callable[[str], None]) -> None:
    """Raises SubprocessError with pip's last words."""
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    command += ["-r", str(listed)]
    said: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        clock = Timer(TIME_LIMIT_S, pip.kill)
        clock.start()
        try:
            for line in pip.stdout or ():
                said.append(line.strip())
                tell(f"{listed.stem}: {line.strip()[:70]}")
        except BaseException:
            pip.kill()
            raise
        finally:
            clock.cancel()
    code = pip.returncode
    if code:
        errors = [line for line in said if "ERROR" in line] or said
        words = " / ".join(errors[-TOLD_LINES:])
        raise subprocess.SubprocessError(f"pip ended with {code} (time limit {TIME_LIMIT_S:.0f} s): {words}")


def _link_ffmpeg(place: Path) -> None:
    """The binary inside imageio-ffmpeg's wheel goes by the name that the tools look for on their path."""
    find = "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())"
    told = subprocess.run([str(place / "bin" / "python"), "-c", find], capture_output=True, text=True, check=True)
    (place / "bin" / "ffmpeg").symlink_to(told.stdout.strip())


def command_in(programs: Path, program: str, *arguments: str) -> list[str]:
    """A command line of an environment: its programs are first on the path, and it may fetch nothing as it runs."""
    path = os.pathsep.join((str(programs), os.environ.get("PATH", "")))
    still = ("UV_OFFLINE=1", "PIP_NO_INDEX=1", "HF_HUB_OFFLINE=1", "HF_DATASETS_OFFLINE=1")
    return ["env", "-u", "PYTHONPATH", f"PATH={path}", *still, str(programs / program), *arguments]
