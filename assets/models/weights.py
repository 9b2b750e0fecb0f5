"""The folder that models lie in: what is there, what it is, and a loaded model once a process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import xxhash

from .catalogue import find_model
from .model import Model

BLOCK, BLOCKS = 1 << 16, 64


@dataclass(frozen=True)
class ModelFolder:
    """Weights by their path below one folder; an absolute path in the catalogue stands for itself."""

    path: str

    def paths(self, model: Model) -> list[Path]:
        """Every file of the model in the order of the catalogue; of the optional ones those that are there."""
        listed = ((Path(self.path) / w.path, w.optional) for w in model.weights)
        return [path for path, optional in listed if not optional or path.exists()]

    def files(self, model: Model) -> list[Path]:
        """Every file of the model that is there."""
        found = (p.rglob("*") if p.is_dir() else [p] for p in self.paths(model))
        return [p for listed in found for p in listed if p.is_file()]

    def lacks(self, model: Model) -> str | None:
        """What keeps the model from being used, as one sentence; None when it can be loaded."""
        if not all(p.exists() for p in self.paths(model)):
            return f"no weights of {model.name}"
        if absent := [p for p in model.packages if find_spec(p) is None]:
            return f"{model.name} needs the package {', '.join(absent)}"
        return None

    def identity(self, model: Model) -> str:
        """What the weights are, whatever the folder is called; empty when they are not there."""
        if self.lacks(model):
            return ""
        return xxhash.xxh3_128_hexdigest("".join(_digest(p) for p in self.paths(model)).encode())

    def load(self, name: str) -> Any:
        """The backend of a model, loaded once a process. Raises FileNotFoundError when it cannot be."""
        return _load(self, name, self.identity(find_model(name)))


@lru_cache(maxsize=4)
def _load(folder: ModelFolder, name: str, identity: str) -> Any:
    """`identity` tells weights that were replaced while a worker waited."""
    model = find_model(name)
    if lack := folder.lacks(model):
        raise FileNotFoundError(lack)
    module, _, attribute = model.backend.partition(":")
    backend = getattr(import_module(f"assets.models.{module}"), attribute)(folder.paths(model))
    backend.name = Path(model.name).name
    return backend


def _digest(path: Path) -> str:
    """Digest of a file, or of all files of a folder by name."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    named = (f"{p.relative_to(path) if p != path else ''}:{_of_file(str(p), *_state(p))}" for p in files)
    return xxhash.xxh3_128_hexdigest("\n".join(named).encode())


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


@lru_cache(maxsize=1024)
def _of_file(path: str, size: int, mtime_ns: int) -> str:
    """Of a large file 64 blocks of 64 KB stand for the whole: training changes them all, and a plan stays fast."""
    digest = xxhash.xxh3_128(str(size).encode())
    with open(path, "rb") as file:
        for offset in _offsets(size):
            file.seek(offset)
            digest.update(file.read(BLOCK))
    return digest.hexdigest()


def _offsets(size: int) -> Iterator[int]:
    if size <= BLOCK * BLOCKS:
        yield from range(0, size, BLOCK)
    else:
        yield from (round(i * (size - BLOCK) / (BLOCKS - 1)) for i in range(BLOCKS))
