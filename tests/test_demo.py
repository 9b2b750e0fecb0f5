"""`make demo` finds all that it planted, and says so when something was missed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

import demo.__main__ as command
from assets.tables import FILTER_SCORES
from assets.tiers.rules import load_preset
from assets.tiers.vocabulary import vocabulary
from demo.facts import Facts
from demo.library import LIBRARY, Planted
from demo.verdicts import HasStatus, Ignored, RejectedBy

HOUSE = Path(__file__).parents[1]
TOTAL = sum(len(planted.expected) for planted in LIBRARY)
COLUMNS = {column for planted in LIBRARY for e in planted.expected for column in e.columns}


@pytest.mark.slow
def test_the_demo_finds_every_planted_fault(tmp_path: Path) -> None:
    """As a user runs it: with the text scorer, which conftest.py leaves out of the other runs."""
    done = subprocess.run(
        [sys.executable, "-m", "demo", "--out", str(tmp_path / "demo")],
        cwd=HOUSE,
        env={name: value for name, value in os.environ.items() if name != "CLIPSIEVE_WITHOUT"},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"All {TOTAL} found." in done.stdout and "MISSED" not in done.stdout
    assert {path.name for path in (tmp_path / "demo" / "videos").iterdir()} == {planted.name for planted in LIBRARY}


def test_every_kind_of_fault_is_planted() -> None:
    rules = {rule for planted in LIBRARY for e in planted.expected if isinstance(e, RejectedBy) for rule in e.rules}
    tiers = load_preset(command.PRESET, vocabulary()).tiers
    assert rules <= {bound.name for tier in tiers for bound in tier.bounds}, "rules of the preset that the demo runs"
    assert {"text_area_ratio.max", "slideshow.max", "group_id.keep_best", "sharpness.min"} <= rules
    assert {"duplicate_frame_ratio", "overlay_ratio", "subtitle_top", "camera_labels"} <= COLUMNS


def test_columns_that_are_expected_exist() -> None:
    assert set(FILTER_SCORES.names) >= COLUMNS


def test_copies_are_made_of_files_drawn_before_and_nothing_is_drawn_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = ("copy_of_pan.mp4", "notes.mp4", "pan.mp4")
    monkeypatch.setattr(command, "LIBRARY", tuple(planted for planted in LIBRARY if planted.name in wanted))
    command.draw_library(tmp_path / "videos", Console())
    drawn = {path.name: path.read_bytes() for path in (tmp_path / "videos").iterdir()}
    assert set(drawn) == set(wanted) and drawn["pan.mp4"] == drawn["copy_of_pan.mp4"] != b""
    assert [path.name for path in tmp_path.iterdir()] == ["videos"], "no draft is left"
    command.draw_library(tmp_path / "videos", Console())
    assert "3 files are there" in capsys.readouterr().out


def test_a_file_that_cannot_be_drawn_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = Planted("unknown.mp4", "in no library", lambda path, drawn: None, (Ignored(),))
    monkeypatch.setattr(command, "LIBRARY", (unknown,))
    with pytest.raises(RuntimeError, match=r"unknown\.mp4 could not be drawn"):
        command.draw_library(tmp_path, Console())


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
    out = capsys.readouterr().out
    assert "MISSED" in out and f"1 of {TOTAL} found." in out


def test_one_miss_among_many_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fine = Planted("fine.mp4", "", lambda path, drawn: None, (HasStatus("ok"), HasStatus("ok")))
    missed = Planted("missed.mp4", "", lambda path, drawn: None, (HasStatus("truncated"),))
    facts = {"fine.mp4": Facts("ok"), "missed.mp4": Facts("ok")}
    monkeypatch.setattr(sys, "argv", ["demo", "--out", str(tmp_path)])
    monkeypatch.setattr(command, "draw_library", lambda videos, console: None)
    monkeypatch.setattr(command, "clipsieve", lambda *arguments: None)
    monkeypatch.setattr(command, "facts_by_file", lambda *arguments: facts)
    for library, status in (((fine,), 0), ((fine, missed), 1)):
        monkeypatch.setattr(command, "LIBRARY", library)
        assert command.main() == status


def test_a_step_that_fails_stops_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["demo", "--out", str(tmp_path)])
    monkeypatch.setattr(command, "draw_library", lambda videos, console: None)
    monkeypatch.setattr(command, "CLIPSIEVE", [sys.executable, "-c", "raise SystemExit(1)"])
    assert command.main() == 2
    assert "The demo stopped" in capsys.readouterr().out
