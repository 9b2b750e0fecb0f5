"""Bad moments: a kill between two tables, two processes on one shard, files that change or go, reads that fail."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import misbehaviour
import pytest
from conftest import FRAMES, SMALL, Clipsieve, digests

from assets.raw_videos import read_shard
from assets.scan import scan_shard
from assets.store import Store
from demo.footage import pan, photograph, write_video

Run = Callable[..., dict[str, Any]]
HOUSE = Path(__file__).parents[1]


def frames_of(clipsieve: Clipsieve, root: Path) -> dict[str, tuple[int, int]]:
    """By file name: frames that the scan counted, and rows that are there."""
    query = (
        "SELECT v.uri, v.frames_decoded, (SELECT count(*) FROM frame_signals f WHERE f.video_id = v.video_id) AS n_rows "
        "FROM raw_videos v WHERE v.frames_decoded > 0"
    )
    rows = clipsieve("sql", query, "--root", root, "--format", "json").data
    return {Path(r["uri"]).name: (r["frames_decoded"], r["n_rows"]) for r in rows}


@pytest.mark.slow
def test_killed_between_two_tables_nothing_passes_for_fresh(
    videos: Path, tmp_path: Path, run: Run, clipsieve: Clipsieve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other settings, stopped after frame_signals and before scans, settings taken back: all frames are there again."""
    root = tmp_path / "root"
    run(videos, root)
    before = frames_of(clipsieve, root)

    def stop(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setenv("CLIPSIEVE_SCAN__MAX_FRAMES", "20")
        patch.setattr(Store, "sealed", stop)
        answer = clipsieve("run", "--input", videos, "--root", root)
        assert answer.code == 1 and "no space left" in answer.err
    assert frames_of(clipsieve, root) != before, "the stop must come after frame_signals was replaced"
    run(videos, root)
    assert frames_of(clipsieve, root) == before
    assert all(counted == rows for counted, rows in before.values())


OTHER_PROCESS = """
import sys
sys.path[:0] = {path!r}
import dagster as dg
import misbehaviour
from assets.scan import scan_shard
scan_shard.scan_one = misbehaviour.slow_logged_scan
from orchestration.definitions import build_definitions
from orchestration.instance import open_instance
from orchestration.resources import build_curation
from orchestration.settings import Settings
settings = Settings(root={root!r}, workers=1)
job = build_definitions(build_curation(settings)).resolve_job_def("curate_shards")
keys = [dg.AssetKey(name) for name in ("frame_signals", "keyframes", "scans")]
with open_instance(settings) as instance:
    assert job.execute_in_process(instance=instance, asset_selection=keys, partition_key="shard-000001").success
"""


def test_two_processes_on_one_shard_decode_it_once(
    videos: Path, tmp_path: Path, run: Run, clipsieve: Clipsieve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A materialization from the UI and a run by hand: the second waits for the first and finds its work done."""
    root, log = tmp_path / "root", tmp_path / "log.tsv"
    run(videos, root, "--until", "raw_videos")
    monkeypatch.setenv(misbehaviour.LOG, str(log))
    monkeypatch.setattr(scan_shard, "scan_one", misbehaviour.logged_scan)
    script = OTHER_PROCESS.format(path=[str(HOUSE / "tests"), str(HOUSE)], root=str(root))
    other = subprocess.Popen([sys.executable, "-W", "ignore", "-c", script], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    run(videos, root, "--until", "scans")
    assert other.wait(60) == 0
    assert len(log.read_text().splitlines()) == len(FRAMES)
    assert sorted(frames_of(clipsieve, root).values()) == sorted((n, n) for n in FRAMES.values())


@pytest.mark.slow
def test_a_removed_file_does_not_stop_its_shard(
    videos: Path, tmp_path: Path, run: Run, clipsieve: Clipsieve, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    run(videos, root)
    (videos / "still.mp4").unlink()
    run(videos, root)
    monkeypatch.setenv("CLIPSIEVE_SCAN__MAX_FRAMES", "1000")
    assert run(videos, root)["decode_opens"] == 2
    assert run(videos, root, "--force")["decode_opens"] == 2
    assert run(videos, root)["tasks"] == []
    counts = "SELECT (SELECT count(*) FROM clips) AS c, (SELECT count(*) FROM filter_scores) AS s, (SELECT count(*) FROM scans) AS v"
    assert clipsieve("sql", counts, "--root", root, "--format", "json").data == [{"c": 4, "s": 4, "v": 3}]


@pytest.mark.slow
def test_pixels_of_another_file_are_never_taken_for_a_video(tmp_path: Path, run: Run, clipsieve: Clipsieve) -> None:
    """One of two copies is overwritten between reading and decoding: the other copy is decoded."""
    folder, root = tmp_path / "videos", tmp_path / "root"
    (folder / "a").mkdir(parents=True)
    (folder / "b").mkdir()
    write_video(folder / "a" / "x.mp4", pan(photograph("coffee", SMALL), 40, 24, 5), 24)
    shutil.copy(folder / "a" / "x.mp4", folder / "b" / "x.mp4")
    run(folder, root, "--until", "raw_videos")
    write_video(folder / "a" / "x.mp4", pan(photograph("grass", SMALL), 70, 24, 5), 24)
    run(folder / "b", root)
    assert frames_of(clipsieve, root) == {"x.mp4": (40, 40)}
    run(folder, root)
    query = "SELECT uri, frames_decoded AS n FROM raw_videos ORDER BY uri"
    rows = clipsieve("sql", query, "--root", root, "--format", "json").data
    assert [(Path(r["uri"]).parent.name, r["n"]) for r in rows] == [("a", 70), ("b", 40)]


@pytest.mark.slow
def test_a_file_that_changes_while_it_is_decoded_gets_no_rows(tmp_path: Path, run: Run, clipsieve: Clipsieve) -> None:
    folder, root = tmp_path / "videos", tmp_path / "root"
    folder.mkdir()
    write_video(folder / "x.mp4", pan(photograph("coffee", SMALL), 40, 24, 5), 24)
    run(folder, root, "--until", "raw_videos")
    write_video(folder / "x.mp4", pan(photograph("grass", SMALL), 70, 24, 5), 24)
    other = tmp_path / "other"
    other.mkdir()
    summary = run(other, root)
    assert summary["clips"] == 0
    assert [(r["status"], "changed" in r["error"]) for r in summary["not_ok"]] == [("crashed", True)]
    summary = run(folder, root)
    assert summary["not_ok"] == [] and frames_of(clipsieve, root) == {"x.mp4": (70, 70)}


def test_a_worker_that_dies_after_staging_leaves_no_rows(
    videos: Path, tmp_path: Path, run: Run, clipsieve: Clipsieve, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    with monkeypatch.context() as patch:
        patch.setattr(scan_shard, "scan_one", misbehaviour.scan_that_dies_at_its_end)
        summary = run(videos, root)
        assert {r["status"] for r in summary["not_ok"]} == {"crashed", "unsupported"}
    query = "SELECT count(DISTINCT video_id) AS n FROM keyframes"
    assert clipsieve("sql", query, "--root", root, "--format", "json").data == [{"n": len(FRAMES) - 1}]
    assert run(videos, root, "--retry-failed")["clips"] == 5
    assert sorted(frames_of(clipsieve, root).values()) == sorted((n, n) for n in FRAMES.values())


@pytest.mark.slow
def test_a_read_that_failed_is_tried_again_when_asked(
    videos: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    with monkeypatch.context() as patch:
        patch.setattr(read_shard, "read_file", misbehaviour.failing_read)
        summary = run(videos, root)
        assert {r["status"] for r in summary["not_ok"]} == {"crashed"} and summary["clips"] == 0
        assert "Permission denied" in summary["not_ok"][0]["error"]
    assert run(videos, root)["tasks"] == [], "what failed is not tried again by itself"
    summary = run(videos, root, "--retry-failed")
    assert summary["clips"] == 5 and summary["decode_opens"] == len(FRAMES)


@pytest.mark.slow
def test_a_run_sweeps_what_a_kill_left(videos: Path, tmp_path: Path, run: Run) -> None:
    root = tmp_path / "root"
    run(videos, root)
    stale = root / ".staging" / "shard-000001" / "of-another-recipe"
    stale.mkdir(parents=True)
    (root / "clips" / "shard-000001.parquet.0123abcd.tmp").write_bytes(b"half")
    (videos / "still.mp4").unlink()
    os.utime(root / "clips" / "shard-000001.parquet.0123abcd.tmp", (0, 0))
    run(videos, root)
    assert not stale.exists() and not list(root.rglob("*.tmp"))


KILLED_RUN = """
import sys
sys.path[:0] = {path!r}
import misbehaviour
from assets.scan import scan_shard
scan_shard.scan_one = misbehaviour.slow_logged_scan
from orchestration.cli import app
app(["run", "--input", {videos!r}, "--root", {root!r}, "--workers", "1"])
"""


def test_kill_in_the_middle_of_a_shard(
    drawn: Path, curated: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After kill -9 the next run takes over what was finished and ends with the bytes of an undisturbed one."""
    root, log = tmp_path / "root", tmp_path / "log.tsv"
    monkeypatch.setenv(misbehaviour.LOG, str(log))
    path = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    script = KILLED_RUN.format(path=path, videos=str(drawn), root=str(root))
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    finished = [line.split("\t")[0] for line in log.read_text().splitlines()]
    assert 1 <= len(finished) < len(FRAMES), "the kill must come between the first and the last video"
    assert not (root / "scans").exists()
    monkeypatch.setattr(scan_shard, "scan_one", misbehaviour.logged_scan)
    summary = run(drawn, root)
    assert summary["decode_opens"] == len(FRAMES) - len(finished)
    again = [line.split("\t")[0] for line in log.read_text().splitlines()][len(finished) :]
    assert not set(again) & set(finished)
    assert digests(root) == digests(curated)
    assert not list(root.rglob("*.tmp")) and not list((root / ".staging").iterdir())
