"""What commands print to a terminal of 100 columns: nothing wider, colour only where a terminal is, JSON everywhere."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Clipsieve

from orchestration.listings import print_checks, print_models, print_moves, with_clocks
from orchestration.report import PLAIN_WIDTH

ASKED = [
    ["funnel"], ["funnel", "--preset", "movie_gen"], ["funnel", "--by", "orientation"], ["why", "pan.mp4"],
    ["why", "mp4"], ["whatif", "motion_mean.min=2"], ["diff", "starter", "movie_gen"], ["doctor"], ["models", "list"],
]  # fmt: skip


@pytest.mark.parametrize("words", ASKED, ids=" ".join)
def test_an_answer_fits_100_columns_without_colour(words: list[str], curated: Path, clipsieve: Clipsieve) -> None:
    answer = clipsieve(*words, "--root", curated)
    assert answer.code == 0 and "\x1b" not in answer.out
    wide = [line for line in answer.out.splitlines() if len(line) > PLAIN_WIDTH and "/" not in line]
    assert not wide, "only a path may be wider"


@pytest.mark.parametrize("words", [*ASKED, ["sql", "SELECT 1 AS n"]], ids=" ".join)
def test_every_answer_is_there_as_json(words: list[str], curated: Path, clipsieve: Clipsieve) -> None:
    answer = clipsieve(*words, "--root", curated, "--format", "json")
    rows = json.loads(answer.out)
    assert rows and all(isinstance(row, dict) for row in rows)


def test_a_terminal_has_colour(curated: Path) -> None:
    """Asked in a pseudo-terminal, as a person asks."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "orchestration.cli", "why", "pan.mp4", "--root", str(curated)]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL, env=environment) as process:
        os.close(theirs)
        told = b""
        while chunk := _read(ours):
            told += chunk
        assert process.wait(60) == 0
    os.close(ours)
    assert b"\x1b[" in told and b"tier_1" in told


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux ends a pseudo-terminal by an error
        return b""


def test_times_are_clocks_and_mending_is_indented(capsys: pytest.CaptureFixture[str]) -> None:
    assert with_clocks([{"tier": "tier_1", "hours_now": 0.00925}]) == [{"tier": "tier_1", "time_now": "0:00:33"}]
    long = "a sentence that is longer than the line has room for, so that it goes on below its own beginning, twice"
    print_checks([{"status": "warn", "check": "models", "meaning": long, "mend": "clipsieve models pull NAME"}])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("warn  models         a sentence") and all(len(line) <= PLAIN_WIDTH for line in lines)
    assert lines[1].startswith(" " * 21) and lines[-1] == " " * 21 + "mend: clipsieve models pull NAME"
    print_models([{"model": "m", "here": "no", "serves": "x", "bytes": 3e6, "device": "cpu", "licence": "MIT",
                   "offered": "yes", "path": "/a/b, /a/c"}])  # fmt: skip
    assert capsys.readouterr().out.splitlines()[-2:] == ["      /a/b", "      /a/c"]
    print_moves([{"tier": "tier_1", "only_a": 2, "only_b": 0, "both": 1, "hours_only_a": 1.0, "hours_only_b": 0.0,
                  "hours_both": 0.5, "b_takes": "tier_1.sharpness.min 2", "a_takes": ""}])  # fmt: skip
    told = capsys.readouterr().out
    assert "1:00:00" in told and "tier_1: b takes tier_1.sharpness.min 2" in told and "a takes" not in told
