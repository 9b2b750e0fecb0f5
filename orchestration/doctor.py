"""`clipsieve doctor`: what this machine lacks, what that means, and the command that mends it.

Libraries that are slow to load or may take the process down are tried in processes of their own, side by side.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import psutil

from assets.models.catalogue import MODELS

from .settings import Settings

Row = dict[str, Any]
Status = Literal["ok", "warn", "fail"]

PYTHONS = ((3, 11), (3, 14))
CODECS = ("h264", "hevc", "vp9", "av1")
FREE_BYTES = 20 << 30
OPEN_FILES = 1024
TRIAL_S = 20.0
SETUP = "make setup"
TRIALS = {
    "cv2": "import cv2; print(json.dumps(cv2.__version__))",
    "av": f"import av; print(json.dumps([c for c in {CODECS} if c not in av.codecs_available]))",
    "onnxruntime": "import onnxruntime as o; print(json.dumps(o.get_available_providers()))",
}
"""What each process prints as JSON when the library loads."""
PACKAGES = {
    "faiss": ("faiss-cpu", "duplicates and concepts cannot be computed"),
    "rapidocr": ("rapidocr", "on-screen text is not measured"),
    "transformers": ("transformers", "aesthetic scores and embedders given by a folder cannot be used"),
}


def doctor(settings: Settings) -> list[Row]:
    """One row a check: check, status (ok, warn, fail), meaning, and the command that mends it where there is one.

    `fail`: a run cannot work. `warn`: something is not measured, or slower than it could be. Reads only, but for one
    small file written to the root's folder and removed again. Takes a few seconds and raises nothing.
    """
    trials = {name: _started(code) for name, code in TRIALS.items()}
    rows = [_python(), *_packages(), *_torch(), *_root(settings), _home(settings), _models(settings)]
    rows += [_open_files(), _memory(settings)]
    results = {name: _ended(trial) for name, trial in trials.items()}
    return [rows[0], _cv2(results["cv2"]), _av(results["av"]), _onnxruntime(results["onnxruntime"]), *rows[1:]]


def row(check: str, status: Status, meaning: str, mend: str = "") -> Row:
    return {"check": check, "status": status, "meaning": meaning, "mend": "" if status == "ok" else mend}


def _started(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", f"import json; {code}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _ended(trial: subprocess.Popen[str]) -> tuple[Any, str | None]:
    """What the process printed, or the last line of why it did not."""
    try:
        out, err = trial.communicate(timeout=TRIAL_S)
    except subprocess.TimeoutExpired:
        trial.kill()
        trial.communicate()
        return None, f"it did not load within {TRIAL_S:g} s"
    if trial.returncode:
        return None, (err.strip().splitlines() or [f"exit status {trial.returncode}"])[-1]
    return json.loads(out.strip().splitlines()[-1]), None


def _python() -> Row:
    version = ".".join(map(str, sys.version_info[:3]))
    fits = PYTHONS[0] <= sys.version_info[:2] < PYTHONS[1]
    low, high = (".".join(map(str, p)) for p in PYTHONS)
    told = f"Python {version}" if fits else f"Python {version}; wanted is {low} or newer, below {high}"
    return row("python", "ok" if fits else "fail", told, "install Python 3.11, then make clean setup")


def _cv2(result: tuple[Any, str | None]) -> Row:
    version, error = result
    if error is None:
        return row("cv2", "ok", f"OpenCV {version} loads")
    return row("cv2", "fail", f"OpenCV does not load, nothing can be decoded: {error}", _headless())


def _headless() -> str:
    """opencv-python wants libGL and the headless build does not; both write the same folder, the last one counts."""
    versions = [d.version for d in importlib.metadata.distributions(name="opencv-python")]
    build = "opencv-python-headless" + (f"=={versions[0]}" if versions else "")
    return f"pip install --force-reinstall --no-deps {build}; then, on Debian and Ubuntu: apt-get install libglib2.0-0"


def _av(result: tuple[Any, str | None]) -> Row:
    missing, error = result
    if error is not None:
        return row("av", "fail", f"PyAV does not load, nothing can be decoded: {error}", SETUP)
    if missing:
        told = f"PyAV has no decoder for {', '.join(missing)}: such files count as unsupported"
        return row("av", "warn", told, "pip install --force-reinstall --only-binary av av")
    return row("av", "ok", f"decodes {', '.join(CODECS)}")


def _onnxruntime(result: tuple[Any, str | None]) -> Row:
    providers, error = result
    if error is not None:
        return row("onnxruntime", "warn", f"subjects, faces and text are not measured: {error}", SETUP)
    place = "CUDA and CPU" if "CUDAExecutionProvider" in providers else "CPU"
    return row("onnxruntime", "ok", f"{importlib.metadata.version(_distribution('onnxruntime'))}, runs on {place}")


def _distribution(module: str) -> str:
    """onnxruntime and onnxruntime-gpu are two packages of one module."""
    return importlib.metadata.packages_distributions()[module][0]


def _packages() -> Iterator[Row]:
    for module, (package, loss) in PACKAGES.items():
        if find_spec(module) is None:
            yield row(module, "warn", f"not installed: {loss}", f"pip install {package}")
        else:
            yield row(module, "ok", importlib.metadata.version(package))


def _torch() -> Iterator[Row]:
    """torch says in a small file what it was built for: to load it takes seconds. Then what the driver says."""
    build, gpu = _torch_build(), _gpu()
    if build is None:
        yield row("torch", "warn", "not installed: models of transformers cannot be used", SETUP)
    else:
        yield row("torch", "ok", f"{build[0]}, built for {f'CUDA {build[1]}' if build[1] else 'CPU'}")
    if gpu is None:
        yield row("gpu", "ok", "none: models run on the CPU")
    elif build and build[1] is None:
        mend = "pip install --force-reinstall torch"
        yield row("gpu", "warn", f"{gpu}, and torch was built for CPU: models run on the CPU", mend)
    else:
        yield row("gpu", "ok", gpu)


def _torch_build() -> tuple[str, str | None] | None:
    """(version, CUDA version or None) of the torch that is installed."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    text = Path(spec.origin).with_name("version.py").read_text()
    cuda = re.search(r"^cuda\b.*=\s*['\"]([\d.]+)['\"]", text, re.MULTILINE)
    return importlib.metadata.version("torch"), cuda[1] if cuda else None


def _gpu() -> str | None:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    query = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        told = subprocess.run(query, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    return "; ".join(told.splitlines()) or None


def _root(settings: Settings) -> Iterator[Row]:
    """Whether the root takes files and has room, and what ended runs left on it."""
    if "://" in settings.root:
        yield row("root", "ok", f"{settings.root}: an object store, not tried")
        return
    root = Path(settings.absolute_root)
    nearest = next(p for p in (root, *root.parents) if p.exists())
    yield _writable(root, nearest)
    free = shutil.disk_usage(nearest).free
    told = f"{free / 1e9:,.0f} GB free at {nearest}"
    low = f"{told}: an hour of footage takes some 0.2 GB of signals and keyframes"
    yield row("disk", *(("ok", told) if free >= FREE_BYTES else ("warn", low)), "set CLIPSIEVE_ROOT to a larger disk")
    if root.is_dir():
        yield _leftovers(root)


def _writable(root: Path, nearest: Path) -> Row:
    trial = nearest / f".clipsieve-{os.getpid()}"
    try:
        trial.write_bytes(b"")
        trial.unlink()
    except OSError as error:
        told = f"{nearest} cannot be written: {error.strerror or error}"
        return row("root", "fail", told, f"chown -R $USER {nearest}, or set CLIPSIEVE_ROOT")
    return row("root", "ok", f"{root} can be written" if nearest == root else f"{root} can be made")


def _leftovers(root: Path) -> Row:
    """Files that a killed run left: the next run takes staged videos over and removes the rest."""
    files = [p for p in root.rglob("*.tmp") if p.is_file()]
    staged = [p for p in (root / ".staging").rglob("*") if p.is_file()]
    total = sum(_size(p) for p in {*files, *staged})
    if not files and not staged:
        return row("leftovers", "ok", "none")
    told = f"{len(staged)} staged and {len(files)} temporary files, {total / 1e6:,.0f} MB: a run goes on, or was ended"
    return row("leftovers", "warn", told, "clipsieve run --input FOLDER takes them over or removes them")


def _size(path: Path) -> int:
    """A run may be removing it at this moment."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _home(settings: Settings) -> Row:
    home = os.environ.get("DAGSTER_HOME")
    if home is None:
        return row("dagster_home", "ok", f"not set: {settings.dagster_home} is used")
    if not os.path.isabs(home):
        return row("dagster_home", "fail", f"DAGSTER_HOME={home} is not absolute", "unset DAGSTER_HOME")
    if not Path(home).is_dir():
        return row("dagster_home", "warn", f"DAGSTER_HOME={home} is not there yet", f"mkdir -p {home}")
    return row("dagster_home", "ok", f"DAGSTER_HOME={home}")


def _models(settings: Settings) -> Row:
    """Absent models are no fault: their columns stay NULL and rules on them are inactive."""
    folder = settings.options.models
    absent = [m.name for m in MODELS if folder.lacks(m)]
    if not absent:
        return row("models", "ok", f"all {len(MODELS)} at {folder.path}")
    told = f"{len(MODELS) - len(absent)} of {len(MODELS)} at {folder.path}; without {', '.join(absent)}"
    mend = "clipsieve models list; clipsieve models pull NAME"
    return row("models", "warn", f"{told}: their columns stay empty", mend)


def _open_files() -> Row:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    enough = limit == resource.RLIM_INFINITY or limit >= OPEN_FILES
    told = f"{'no limit' if limit == resource.RLIM_INFINITY else limit} on open files"
    return row("open_files", "ok" if enough else "warn", told, f"ulimit -n {OPEN_FILES}")


def _memory(settings: Settings) -> Row:
    total, wanted = psutil.virtual_memory().total, settings.workers * settings.memory_limit_mb * 1024**2
    told = f"{settings.workers} workers may hold {wanted / 1e9:,.0f} GB, this machine has {total / 1e9:,.0f} GB"
    fewer = max(1, int(total // (settings.memory_limit_mb * 1024**2)))
    return row("memory", "ok" if wanted <= total else "warn", told, f"export CLIPSIEVE_WORKERS={fewer}")
