"""`make demo` finds all that it planted, and says so when something was missed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import demo.__main__ as command
from demo.library import LIBRARY
from demo.verdicts import Facts

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


def test_the_demo_fails_when_something_was_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No file has a row, so that only the file that must be ignored is as expected."""
    nothing: dict[str, Facts] = {}
    monkeypatch.setattr(sys, "argv", ["demo", "--out", str(tmp_path)])
    monkeypatch.setattr(command, "draw_library", lambda videos, console: None)
    monkeypatch.setattr(command, "clipsieve", lambda *arguments: None)
    monkeypatch.setattr(command, "facts_by_file", lambda *arguments: nothing)
    assert command.main() == 1
    total = sum(len(planted.expected) for planted in LIBRARY)
    out = capsys.readouterr().out
    assert "MISSED" in out and f"1 of {total} found." in out
