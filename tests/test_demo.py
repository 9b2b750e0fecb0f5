"""`make demo` finds all that it planted, and says so when something was missed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_demo_finds_every_planted_fault(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "demo", "--out", str(tmp_path / "demo")],
        cwd=HOUSE,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All" in done.stdout and "MISSED" not in done.stdout
    assert len(list((tmp_path / "demo" / "videos").iterdir())) >= 12
