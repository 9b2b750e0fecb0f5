"""What a person sees of a broken file: a run makes the part again, or one sentence names it; never a traceback."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import Clipsieve


def tables(quick: str, *slow: str) -> list[Any]:
    """One table in the fast suite, the others in the slow one."""
    return [quick, *(pytest.param(table, marks=pytest.mark.slow) for table in slow)]


SELECT = ("sql", "SELECT count(*) FROM clips JOIN filter_scores USING (clip_id)")


@pytest.fixture
def root(curated: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(curated, tmp_path / "root"))


def cut_short(root: Path, table: str) -> Path:
    path = next((root / table).glob("*.parquet"))
    os.truncate(path, path.stat().st_size // 2)
    return path


@pytest.mark.parametrize("table", tables("clips", "sources", "filter_scores", "frame_signals", "captions"))
def test_a_broken_part_is_named_in_one_sentence(root: Path, clipsieve: Clipsieve, table: str) -> None:
    """A question over it ends with status 2."""
    path = cut_short(root, table)
    answer = clipsieve(*SELECT, "--root", root)
    assert answer.code == 2 and path.name in answer.err and "Traceback" not in answer.err


@pytest.mark.parametrize(
    "table",
    tables("clips", "scans", "shot_counts", "scores/motion", "filter_scores", "embeddings", "keyframe_hashes",
           "duplicates", "concepts"),
)  # fmt: skip
def test_a_run_makes_a_broken_part_again(root: Path, drawn: Path, clipsieve: Clipsieve, table: str) -> None:
    """Where nothing of the old one would be taken over: what cannot be read is as good as missing."""
    path = cut_short(root, table)
    answer = clipsieve("run", "--input", drawn, "--root", root, "--workers", "1")
    assert answer.code == 0, answer.err
    assert clipsieve(*SELECT, "--root", root).code == 0 and path.is_file()


@pytest.mark.parametrize(
    "table", tables("frame_signals", "sources", "source_ids", "raw_videos", "keyframes", "captions")
)
def test_a_run_names_a_part_whose_rows_are_lost(root: Path, drawn: Path, clipsieve: Clipsieve, table: str) -> None:
    """It would have taken rows over, and paid for others: the user decides. Without the file it is made again."""
    path = cut_short(root, table)
    answer = clipsieve("run", "--input", drawn, "--root", root, "--workers", "1")
    assert answer.code and path.name in answer.err and "Traceback" not in answer.err
    path.unlink()
    assert clipsieve("run", "--input", drawn, "--root", root, "--workers", "1").code == 0
    assert clipsieve(*SELECT, "--root", root).code == 0 and path.is_file()


@pytest.mark.parametrize("name", ["active_scan.json", "active_preset.json"])
@pytest.mark.parametrize("told", ["", "[]", "null", "7"])
def test_a_broken_note_on_the_last_run_is_passed_over(root: Path, clipsieve: Clipsieve, name: str, told: str) -> None:
    """As if there were none."""
    (root / name).write_text(told)
    assert clipsieve(*SELECT, "--root", root).code == 0


def test_a_broken_note_on_the_views_is_passed_over(root: Path, drawn: Path, clipsieve: Clipsieve) -> None:
    """The views are made again."""
    (root / ".views").write_bytes(b"\xff\xfe")
    assert clipsieve("run", "--input", drawn, "--root", root).code == 0
