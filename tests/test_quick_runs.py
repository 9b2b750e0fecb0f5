"""`clipsieve run --quick`: what a person gets, and how a root goes from a quick scan to a whole one."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import LEFT_OUT, SMALL, Answer, Clipsieve, call

from assets.options import NOT_IN_QUICK
from demo.footage import grain, pan, photograph, write_video
from orchestration.cli_app import settings_of
from orchestration.quick import decided
from orchestration.resources import build_curation
from orchestration.settings import Settings

Run = Callable[..., dict[str, Any]]
NEED_EVERY_FRAME = ("repeats", "vmaf")
FRAMES = {"with b-frames.mp4": 72, "without.mp4": 60}
PYRAMID = {"bf": "3", "x264-params": "b-pyramid=normal:b-adapt=0:scenecut=0"}
TO_SCORES, TO_REPEATS = ("--until", "filter_scores"), ("--until", "repeats")


@pytest.fixture(scope="module", autouse=True)
def scorers_that_need_every_frame() -> Iterator[None]:
    """The other tests leave them out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLIPSIEVE_WITHOUT", json.dumps([name for name in LEFT_OUT if name not in NEED_EVERY_FRAME]))
        yield


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    shots = zip(FRAMES.items(), ("coffee", "rocket"), (PYRAMID, {"bf": "0"}), strict=True)
    for (name, frames), picture, options in shots:
        write_video(folder / name, grain(pan(photograph(picture, SMALL), frames, 24, 8), 2), 24, options=options)
    return folder


def ask(root: Path, query: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = call("sql", query, "--root", root, "--format", "json").data
    return rows


def digests(root: Path) -> dict[str, str]:
    """Content of every table but `sources`, which holds times."""
    files = (p for p in root.rglob("*.parquet") if p.relative_to(root).parts[0] != "sources")
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def first(library: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Answer]:
    """A root after one quick run, and what that printed. Do not change it; copy it."""
    root = tmp_path_factory.mktemp("quick") / "root"
    answer = call("run", "--input", library, "--root", root, "--quick", *TO_SCORES)
    assert answer.code == 0, answer.err
    return root, answer


@pytest.fixture
def root(first: tuple[Path, Answer], tmp_path: Path) -> Path:
    return Path(shutil.copytree(first[0], tmp_path / "root", ignore=shutil.ignore_patterns(".dagster")))


def test_a_quick_run_says_what_it_is(first: tuple[Path, Answer]) -> None:
    root, answer = first
    videos = {Path(r["uri"]).name: r for r in ask(root, "SELECT uri, s.*, packet_count, fps FROM scans s "
                                                       "JOIN raw_videos USING (video_id)")}  # fmt: skip
    assert {name: r["packet_count"] for name, r in videos.items()} == FRAMES
    some, whole = videos.values() if next(iter(videos)).startswith("with ") else reversed(videos.values())
    assert some["quick"] and 30 <= some["frames_decoded"] <= 44
    assert not whole["quick"] and whole["frames_decoded"] == 60
    told = f"{some['frames_decoded']} of 72 frames of 1 video decoded"
    assert "Quick scan" in answer.err and told in answer.err and "vmaf_motion unmeasured" in answer.err


def test_what_needs_every_frame_is_null_with_a_reason_and_its_rules_are_inactive(
    first: tuple[Path, Answer], clipsieve: Clipsieve
) -> None:
    root, _ = first
    rows = ask(root, "SELECT * FROM filter_scores")
    assert len(rows) == 2
    for row in rows:
        assert row["duplicate_frame_ratio"] is None and row["vmaf_motion"] is None and row["sharpness"] > 0
        errors = row["errors"] if isinstance(row["errors"], dict) else dict(row["errors"])
        assert [errors[name] for name in NEED_EVERY_FRAME] == [NOT_IN_QUICK] * 2
    funnel = clipsieve("funnel", "--root", root, "--format", "json")
    assert "Quick scan" in funnel.err
    bounds = {r["rule"]: r["bound"] for r in funnel.data if r["tier"] == "tier_2"}
    assert bounds["duplicate_frame_ratio.max"] == "inactive" != bounds["static_ratio.max"]


def test_other_commands_follow_the_last_run(root: Path, library: Path, run: Run, clipsieve: Clipsieve) -> None:
    """As the UI does, whose definitions are built of the same."""
    assert build_curation(Settings(root=str(root))).options.scan.quick is True
    again = run(library, root, "--quick", *TO_SCORES)
    assert again["tasks"] == [] and again["quick_videos"] == 1
    before = digests(root)
    clip = ask(root, "SELECT clip_id FROM clips LIMIT 1")[0]["clip_id"]
    assert clipsieve("why", clip, "--root", root).code == 0
    assert clipsieve("whatif", "motion_mean.min=2", "--root", root).code == 0
    assert digests(root) == before


def test_without_the_flag_what_was_left_out_is_decoded(root: Path, library: Path, tmp_path: Path, run: Run) -> None:
    summary = run(library, root, *TO_REPEATS)
    assert (summary["decode_opens"], summary["frames_decoded"]) == (1, 72), "the other one was decoded whole before"
    assert summary["quick_videos"] == 0
    assert ask(root, "SELECT bool_or(quick) AS quick FROM scans") == [{"quick": False}]
    assert build_curation(Settings(root=str(root))).options.scan.quick is False
    run(library, tmp_path / "straight", *TO_REPEATS)
    straight = digests(tmp_path / "straight")
    assert {"scans/shard-000001.parquet", "scores/repeats/shard-000001.parquet"} <= straight.keys()
    assert straight.items() <= digests(root).items(), "nothing is left of the quick scan"
    assert_whole_scans_stay(root, library)


def assert_whole_scans_stay(root: Path, library: Path) -> None:
    before = digests(root)
    refused = call("run", "--input", library, "--root", root, "--quick")
    assert refused.code == 2 and "--force" in refused.err and "1 shard" in refused.err
    assert digests(root) == before


def test_a_setting_may_ask_for_quick_scans_and_a_flag_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    assert decided(Settings()).scan.quick is False
    monkeypatch.setenv("CLIPSIEVE_SCAN__QUICK", "true")
    monkeypatch.setenv("CLIPSIEVE_SCAN__MAX_FRAMES", "77")
    assert decided(settings_of(None)).scan.quick is True
    asked = settings_of(None, quick=False).scan
    assert (asked.quick, asked.max_frames) == (False, 77)
    monkeypatch.delenv("CLIPSIEVE_SCAN__QUICK")
    assert settings_of(None, quick=True).scan.quick is True
