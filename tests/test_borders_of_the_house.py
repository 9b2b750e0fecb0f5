"""Who may import whom, how large files and functions may be, and what loading the definitions may cost."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import assets

HOUSE = Path(__file__).parents[1]
ASSETS = sorted((HOUSE / "assets").rglob("*.py"))
ORCHESTRATION = sorted((HOUSE / "orchestration").rglob("*.py"))
CODE = [*ASSETS, *ORCHESTRATION, *sorted((HOUSE / "demo").rglob("*.py"))]
ASSET_FILES = (
    "raw_videos", "scan", "clips", "filter_scores", "embeddings", "duplicates", "concepts", "captions", "tiers",
)  # fmt: skip
MAY_IMPORT_DAGSTER = {"partitions.py", "telling.py", *(f"{name}.py" for name in ASSET_FILES)}
HEAVY = (
    "torch", "cv2", "av", "transformers", "onnxruntime", "scenedetect", "faiss", "rapidocr", "openai", "scipy",
    "matplotlib", "PIL",
)  # fmt: skip


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def relative(path: Path) -> str:
    return str(path.relative_to(HOUSE))


@pytest.mark.parametrize("path", ASSETS, ids=relative)
def test_assets_know_neither_orchestration_nor_mostly_dagster(path: Path) -> None:
    names = set(imports(path))
    assert "orchestration" not in names and "demo" not in names
    assert "dagster" not in names or path.name in MAY_IMPORT_DAGSTER


def test_only_the_decoder_opens_media() -> None:
    openers = [
        relative(p)
        for p in [*ASSETS, *ORCHESTRATION]
        if "av.open(" in p.read_text() or "VideoCapture" in p.read_text()
    ]
    assert sorted(openers) == ["assets/preview.py", "assets/scan/decoder.py"]
    written = [line for line in (HOUSE / "assets/preview.py").read_text().splitlines() if "av.open(" in line]
    assert written and all('"w"' in line for line in written), "a preview is written; its source the decoder opens"


@pytest.mark.parametrize("path", CODE, ids=relative)
def test_files_and_functions_are_small(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 300
    functions = (n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef))
    long = {f.name: f.end_lineno - f.lineno + 1 for f in functions if f.end_lineno and f.end_lineno - f.lineno >= 50}
    assert not long


@pytest.mark.parametrize("path", CODE, ids=relative)
def test_every_file_says_what_belongs_here(path: Path) -> None:
    text = path.read_text()
    assert not text.strip() or ast.get_docstring(ast.parse(text))


def test_definitions_load_without_heavy_imports() -> None:
    script = f"import sys, orchestration.definitions; print(sorted(set({HEAVY}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, cwd=HOUSE, check=True
    )
    assert done.stdout.strip() == "[]"


def test_assets_is_this_repository() -> None:
    """`assets` is an import name that others may use too."""
    assert assets.__file__ and Path(assets.__file__).is_relative_to(HOUSE)


def test_no_registry_or_machine_is_named() -> None:
    lock = (HOUSE / "requirements.lock").read_text()
    assert "://" not in lock and "+cpu" not in lock
