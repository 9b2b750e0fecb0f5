"""A whole run over drawn footage: what is computed, what is left alone, what survives a crash. Real workers throughout."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import misbehaviour
import pytest
from conftest import FRAMES, SMALL, Clipsieve, call, digests

import assets.lineage as lineage_module
from assets.filter_scores.scorers import SCORERS
from assets.measuring.scorer import Scorer
from assets.scan import scan_shard
from assets.steps import Step, scorer_step
from assets.store import Stamp, Store, rows_to_table
from assets.tables import SOURCES
from demo.footage import grain, pan, photograph, write_video
from orchestration.settings import Settings

Run = Callable[..., dict[str, Any]]


ENABLED = [s for s in SCORERS if Settings().options.lack(s) is None]
"""Those that need no weights, without the reader of text (see conftest.py)."""


def steps_of(summary: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(task.split()[0] for task in summary["tasks"]))


@dataclass(frozen=True)
class Place:
    """A library and its root, as they were, and where each test finds them: sources go by their addresses."""

    folder: Path
    videos: Path
    root: Path

    def restore(self) -> None:
        for path in (self.videos, self.root):
            shutil.rmtree(path, ignore_errors=True)
            shutil.copytree(self.folder / path.name, path)


@pytest.fixture(scope="module")
def place(curated: Path, drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A root whose library was moved to the folder `videos`: the same bytes at other addresses."""
    here = tmp_path_factory.mktemp("place")
    videos, root = (
        here / "videos",
        Path(shutil.copytree(curated, here / "root", ignore=shutil.ignore_patterns(".dagster"))),
    )
    shutil.copytree(drawn, videos)
    store = Store(str(root))
    rows = [row | {"gone_at": row["first_seen"]} for row in store.read(SOURCES, "shard-000001").to_pylist()]
    store.write(SOURCES, "shard-000001", rows_to_table(SOURCES, rows), Stamp("moved"))
    answer = call("run", "--input", videos, "--root", root, "--format", "json")
    assert answer.code == 0 and answer.data[0]["decode_opens"] == 0, "moving files must not cost a decode"
    for path in (videos, root):
        shutil.copytree(path, here / "as it was" / path.name)
    return Place(here / "as it was", videos, root)


@pytest.fixture
def videos(place: Place) -> Path:
    place.restore()
    return place.videos


@pytest.fixture
def root(place: Place, videos: Path) -> Path:
    return place.root


def test_counts_add_up_from_files_to_tiers(curated: Path, drawn: Path, clipsieve: Clipsieve) -> None:
    rows = clipsieve("sql", "SELECT * FROM raw_videos", "--root", curated, "--format", "json").data
    on_disk = sum(p.is_file() for p in drawn.rglob("*"))
    assert sum(r["uri_count"] for r in rows) + 1 == on_disk
    status = {Path(r["uri"]).name: r["status"] for r in rows}
    assert status.pop("notes.mp4") == "unsupported"
    assert set(status.values()) == {"ok"}
    frames = {Path(r["uri"]).name.replace("копия's ", ""): r["frames_decoded"] for r in rows if r["frames_decoded"]}
    assert frames == FRAMES
    funnel = clipsieve("funnel", "--root", curated, "--format", "json").data
    clips = clipsieve("sql", "SELECT count(*) AS n FROM clips", "--root", curated, "--format", "json").data[0]["n"]
    assert clips == 5 and funnel[0]["clips"] == clips
    for tier in ("tier_1", "tier_2", "tier_3"):
        of_tier = [r for r in funnel if r["tier"] == tier]
        assert of_tier[0]["clips"] == of_tier[-1]["clips"] + sum(r["taken"] or 0 for r in of_tier)


def test_one_decode_a_source(
    drawn: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, clipsieve: Clipsieve
) -> None:
    """The product's own counter, and one that wraps av.open in every worker, agree with the frames that were drawn."""
    log = tmp_path / "log.tsv"
    monkeypatch.setenv(misbehaviour.LOG, str(log))
    monkeypatch.setattr(scan_shard, "scan_one", misbehaviour.logged_scan)
    summary = run(drawn, tmp_path / "root")
    seen = [line.split("\t") for line in log.read_text().splitlines()]
    assert sorted(int(frames) for _, _, frames in seen) == sorted(FRAMES.values())
    assert [int(opens) for _, opens, _ in seen] == [1] * len(FRAMES)
    assert summary["decode_opens"] == len(FRAMES)
    assert summary["frames_decoded"] == sum(FRAMES.values())


def test_again_is_nothing(root: Path, videos: Path, run: Run) -> None:
    summary = run(videos, root)
    assert summary["tasks"] == [] and summary["decode_opens"] == 0 and summary["demux_opens"] == 0


def test_one_file_added_costs_one_decode(root: Path, videos: Path, run: Run, clipsieve: Clipsieve) -> None:
    write_video(videos / "new.mp4", grain(pan(photograph("grass", SMALL), 60, 24, 5), 2), 24)
    summary = run(videos, root)
    assert (summary["new"], summary["demux_opens"], summary["decode_opens"], summary["frames_decoded"]) == (
        1,
        1,
        1,
        60,
    )
    assert summary["scorer_calls"] == len(ENABLED), "clips that were measured are not measured again"
    again = clipsieve("sql", "SELECT count(*) AS n FROM clips", "--root", root, "--format", "json").data
    assert again[0]["n"] == 6


def test_a_bound_changed_costs_sql_only(root: Path, videos: Path, run: Run, tmp_path: Path) -> None:
    preset = tmp_path / "mine.toml"
    preset.write_text(
        "[tier_1]\nduration_s = { min = 1 }\n[tier_2]\nmotion_mean = { min = 1 }\n[tier_3]\nsharpness = { min = 1 }\n"
    )
    assert steps_of(run(videos, root, "--preset", preset)) == ["tier_1", "captions", "tier_2", "tier_3"]
    preset.write_text(preset.read_text().replace("sharpness = { min = 1 }", "sharpness = { min = 2 }"))
    summary = run(videos, root, "--preset", preset)
    assert steps_of(summary) == ["tier_3"]
    assert summary["decode_opens"] == summary["demux_opens"] == summary["scorer_calls"] == 0
    assert (root / "tiers" / "starter" / "tier_3.parquet").exists(), "another preset's results must stay"


def test_a_scorers_version_costs_that_scorer(
    root: Path, videos: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raised(scorer: Scorer) -> Step:
        step = scorer_step(scorer)
        return replace(step, version=step.version + (scorer.name == "sharpness"))

    monkeypatch.setattr(lineage_module, "scorer_step", raised)
    summary = run(videos, root)
    assert steps_of(summary) == ["scores/sharpness", "filter_scores", "tier_1", "captions", "tier_2", "tier_3"]
    assert summary["scorer_calls"] == 5 and summary["decode_opens"] == 0


def test_other_cuts_cost_no_decode(root: Path, videos: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIPSIEVE_SHOTS__MIN_SHOT_S", "1.8")
    summary = run(videos, root)
    assert steps_of(summary)[0] == "clips" and summary["decode_opens"] == summary["demux_opens"] == 0
    assert summary["clips"] == 2, "the three shots of 1.7 s are too short now"


def test_a_removed_file_leaves_the_views_and_comes_back_for_nothing(
    root: Path, videos: Path, run: Run, clipsieve: Clipsieve, tmp_path: Path
) -> None:
    shutil.move(videos / "still.mp4", tmp_path / "still.mp4")
    summary = run(videos, root)
    assert summary["gone"] == 1 and steps_of(summary) == ["tier_1", "captions", "tier_2", "tier_3"]
    assert summary["clips"] == 4
    shutil.move(tmp_path / "still.mp4", videos / "still.mp4")
    summary = run(videos, root)
    assert summary["decode_opens"] == 0 and steps_of(summary) == ["tier_1", "captions", "tier_2", "tier_3"]
    clips = clipsieve("sql", "SELECT count(*) AS n FROM clips", "--root", root, "--format", "json").data
    assert clips[0]["n"] == 5


def test_a_replaced_file_is_a_new_video(root: Path, videos: Path, run: Run) -> None:
    write_video(videos / "still.mp4", grain(pan(photograph("gravel", SMALL), 50, 24, 5), 2), 24)
    summary = run(videos, root)
    assert (summary["replaced"], summary["decode_opens"], summary["frames_decoded"]) == (1, 1, 50)


def test_until_and_only(videos: Path, tmp_path: Path, run: Run) -> None:
    assert steps_of(run(videos, tmp_path / "a", "--until", "raw_videos")) == ["raw_videos"]
    assert steps_of(run(videos, tmp_path / "a", "--until", "keyframes")) == ["scan"]
    summary = run(videos, tmp_path / "a", "--only", "motion")
    assert steps_of(summary) == ["clips", "scores/motion"] and summary["decode_opens"] == 0


@pytest.mark.slow
def test_limit_takes_the_rest_next_time(videos: Path, tmp_path: Path, run: Run) -> None:
    assert run(videos, tmp_path / "root", "--limit", "2")["new"] == 2
    assert run(videos, tmp_path / "root")["new"] == 3


def test_dry_run_says_why_and_opens_nothing(videos: Path, root: Path, clipsieve: Clipsieve) -> None:
    write_video(videos / "new.mp4", pan(photograph("grass", SMALL), 30, 24, 5), 24)
    before = digests(root)
    answer = clipsieve("run", "--input", videos, "--root", root, "--dry-run", "--format", "json")
    assert answer.code == 0 and digests(root) == before
    assert answer.data[0] == {
        "step": "raw_videos",
        "shard": "shard-000001",
        "reason": "inputs changed: 1 of 6 files not read yet",
    }
    assert [r["step"] for r in answer.data][-1] == "tier_3"
    assert clipsieve(
        "sql", "SELECT count(*) AS n FROM sources WHERE gone_at IS NULL", "--root", root, "--format", "json"
    ).data == [{"n": 5}]


def test_dry_run_leaves_no_trace(videos: Path, tmp_path: Path, clipsieve: Clipsieve) -> None:
    answer = clipsieve("run", "--input", videos, "--root", tmp_path / "root", "--dry-run")
    assert answer.code == 0 and not (tmp_path / "root").exists()


def test_a_preset_that_was_judged_before_becomes_active_again(
    root: Path, videos: Path, run: Run, clipsieve: Clipsieve
) -> None:
    run(videos, root, "--preset", "movie_gen")
    assert clipsieve("funnel", "--root", root).out.startswith("movie_gen")
    assert run(videos, root, "--preset", "starter")["tasks"] == []
    assert clipsieve("funnel", "--root", root).out.startswith("starter")


def test_a_moved_root_is_read_where_it_lies_now(root: Path, videos: Path, run: Run, tmp_path: Path) -> None:
    moved = Path(shutil.move(root, tmp_path / "moved"))
    assert run(videos, moved)["tasks"] == []
    with duckdb.connect(str(moved / "clipsieve.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM clips").fetchall() == [(5,)]


def test_same_bytes_for_any_number_of_workers(drawn: Path, curated: Path, tmp_path: Path, run: Run) -> None:
    run(drawn, tmp_path / "root", "--workers", "1")
    assert digests(tmp_path / "root") == digests(curated)


@pytest.mark.slow
def test_a_video_that_takes_its_worker_with_it_costs_itself(
    drawn: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, clipsieve: Clipsieve
) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    for number, name in enumerate(("segfault.mp4", "hang.mp4", "grow.mp4", "raise.mp4", "good.mp4")):
        write_video(folder / name, pan(photograph("coffee", SMALL), 30 + number, 24, 5), 24)
    monkeypatch.setattr(scan_shard, "scan_one", misbehaviour.misbehaving_scan)
    monkeypatch.setattr(scan_shard, "BASE_LIMIT_S", 4.0)
    monkeypatch.setattr(scan_shard, "LIMIT_PER_VIDEO_S", 0.0)
    monkeypatch.setenv("CLIPSIEVE_MEMORY_LIMIT_MB", "900")
    summary = run(folder, tmp_path / "root")
    status = {Path(r["uri"]).name: (r["status"], r["error"]) for r in summary["not_ok"]}
    assert {name: s for name, (s, _) in status.items()} == {
        "segfault.mp4": "crashed", "hang.mp4": "timeout", "grow.mp4": "crashed", "raise.mp4": "crashed",
    }  # fmt: skip
    assert "SIGSEGV" in status["segfault.mp4"][1] and "a fault of the product" in status["raise.mp4"][1]
    assert summary["clips"] == 1
    monkeypatch.undo()
    assert run(folder, tmp_path / "root")["tasks"] == [], "what failed is not tried again by itself"
    summary = run(folder, tmp_path / "root", "--retry-failed")
    assert summary["not_ok"] == [] and summary["decode_opens"] == 4 and summary["clips"] == 5
