"""A step's source may not change while its version stays: rows of two makings would pass for the same.

`make versions` writes the lock anew after a version was raised, or after a change that alters no row.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
import xxhash

from assets.steps import STEPS, Step

ASSETS = Path(__file__).parents[1] / "assets"
LOCK = Path(__file__).parent / "step_versions.json"


def without_words(path: Path) -> str:
    """The code of a file without comments and docstrings: words change no row."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [n for n in body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))]  # type: ignore[attr-defined]
    return ast.dump(tree)


def source_hash(step: Step) -> str:
    files = sorted({path for pattern in step.sources for path in ASSETS.glob(pattern)})
    assert files, f"{step.name} names no file that exists"
    return xxhash.xxh3_64_hexdigest("".join(f"{p.relative_to(ASSETS)}{without_words(p)}" for p in files).encode())


def now() -> dict[str, list[object]]:
    return {step.name: [step.version, source_hash(step)] for step in STEPS}


@pytest.mark.parametrize("step", STEPS, ids=lambda s: s.name)
def test_version_rises_with_the_source(step: Step) -> None:
    version, source = json.loads(LOCK.read_text())[step.name]
    if source_hash(step) == source:
        assert step.version == version, f"the version of {step.name} changed: run `make versions`"
    else:
        assert step.version > version, (
            f"the source of {step.name} changed and its version {version} did not: raise it where the step is declared "
            "if its rows change, then run `make versions`"
        )
        pytest.fail(f"the version of {step.name} rose: run `make versions` to write it down")


if __name__ == "__main__":
    LOCK.write_text(json.dumps(now(), indent=1) + "\n")
    print(f"wrote {LOCK}")
