"""Sensors and the schedule: what they register, what they ask for, and that they leave alone what is done or failed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from automatic import Automation, automation, steps
from conftest import Clipsieve

from assets.store import Stamp
from assets.tables import RAW_VIDEOS
from orchestration import automation as module
from orchestration.plan import make_plan
from orchestration.resources import active_input, build_curation, remember_input
from orchestration.run import root_lock
from orchestration.settings import Settings

UNSET = Settings()


@pytest.fixture(autouse=True)
def no_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """`new_files` does not wait for the turn of `next_stage`."""
    monkeypatch.setattr(module, "TURN_S", -60)


@pytest.fixture
def auto(tmp_path: Path) -> Iterator[Automation]:
    with automation(tmp_path) as made:
        yield made


def test_nothing_is_on_that_a_person_did_not_switch_on(auto: Automation) -> None:
    dg.Definitions.validate_loadable(auto.definitions)
    files, nightly = (
        auto.definitions.resolve_sensor_def("new_files"),
        auto.definitions.resolve_schedule_def("nightly"),
    )
    assert files.default_status is dg.DefaultSensorStatus.STOPPED
    assert nightly.default_status is dg.DefaultScheduleStatus.STOPPED
    assert "until you switch it on" in (files.description or "") and "until you switch it on" in (
        nightly.description or ""
    )
    assert auto.follow() == ([], "No run of automation has ended since the last look.")


def test_without_an_input_a_sentence_says_what_to_set(auto: Automation, tmp_path: Path) -> None:
    auto.settings = auto.settings.model_copy(update={"input": None})
    auto.reload()
    assert "CLIPSIEVE_INPUT" in auto.files()[1]
    remember_input(auto.store, str(auto.media))
    assert auto.files()[1].startswith(str(auto.media))
    auto.media.rmdir()
    assert "does not exist" in auto.files()[1]


def test_a_run_by_hand_is_followed(auto: Automation, clipsieve: Clipsieve) -> None:
    """Its input is watched from then on, its runs say what they do, and nobody carries them on."""
    auto.drop("a.mp4")
    arguments = ("run", "--input", auto.media, "--root", auto.root, "--until", "clips", "--workers", "1")
    assert clipsieve(*arguments, "--dry-run").code == 0 and active_input(UNSET, auto.store) is None
    assert clipsieve(*arguments).code == 0 and active_input(UNSET, auto.store) == str(auto.media)
    runs = [record.dagster_run.tags for record in auto.instance.get_run_records()]
    assert [(r["clipsieve/asked_by"], r["clipsieve/steps"], r["clipsieve/because"]) for r in runs] == [
        ("clipsieve run", "scan, clips", "scan missing: 0 of 1 videos to decode"),
        ("clipsieve run", "raw_videos", "raw_videos missing: 1 of 1 files not read yet"),
    ]
    assert auto.follow()[0] == []


def test_a_dropped_file_is_registered_and_run_to_the_last_tier(auto: Automation) -> None:
    auto.drop("a.mp4", "b.mp4", "notes.txt")
    requests, _ = auto.files()
    assert auto.registered() == [("a.mp4", "shard-000001"), ("b.mp4", "shard-000001")]
    assert [(r.job_name, r.tags["clipsieve/shards"]) for r in requests] == [("curate_shards", "shard-000001")]
    assert requests[0].tags["clipsieve/because"] == "raw_videos missing: 2 of 2 files not read yet"
    done = []
    while requests[0].job_name != "tidy_root":
        assert all(auto.execute(requests))
        requests, _ = auto.follow()
        done += steps(requests)
    assert done[0].startswith("duplicates, concepts, tier_1") and done[-1] == "tidy"
    assert auto.execute(requests) == [True]
    assert make_plan(build_curation(auto.settings)) == [] and (auto.root / "clipsieve.duckdb").exists()
    assert auto.follow()[0] == auto.files()[0] == auto.night() == []
    (auto.root / "tiers" / "starter" / "tier_2.parquet").unlink()
    requests = auto.night()
    assert [(r.job_name, *steps([r])) for r in requests] == [("curate_root", "tier_2, tier_3")]
    assert auto.execute(requests) == [True] and make_plan(build_curation(auto.settings)) == []


def test_a_large_folder_takes_several_ticks_and_no_file_two_shards(tmp_path: Path) -> None:
    with automation(tmp_path, listing_s=0.0, quiet_s=0.0) as auto:
        names = [f"{folder}/{i}.mp4" for folder in ("b", "a", "a/c") for i in range(3)]
        auto.drop(*names)
        ticks = 0
        while len(auto.registered()) < len(names):
            auto.files()
            ticks += 1
        assert ticks > len(names), "one entry a tick, folders too"
        for _ in range(2 * ticks):
            auto.files()
        assert [name for name, _ in auto.registered()] == sorted(names)
        shards = [shard for _, shard in auto.registered()]
        assert {shard: shards.count(shard) for shard in shards} == {f"shard-00000{i}": 3 for i in (1, 2, 3)}


def test_a_file_that_is_being_written_waits(tmp_path: Path) -> None:
    with automation(tmp_path, quiet_s=30.0) as auto:
        auto.drop("a.mp4")
        os.utime(auto.media / "a.mp4", (0, 0))
        requests, told = auto.files()
        assert (requests, auto.registered()) == ([], []), "an old time of change is easily set"
        assert "1 file changed a moment ago and waits" in told


def read(auto: Automation, *shards: str) -> None:
    """As the runs that were asked for leave them."""
    for shard in shards:
        auto.store.write(RAW_VIDEOS, shard, RAW_VIDEOS.schema.empty_table(), Stamp("read"))


def test_what_a_tick_lost_is_asked_for_by_the_next(auto: Automation) -> None:
    """Registered, and the cursor never stored: a tick that was cut short."""
    auto.drop("a.mp4")
    auto.files()
    auto.cursors.clear()
    assert [r.tags["clipsieve/shards"] for r in auto.files()[0]] == ["shard-000001"]


def test_a_full_shard_is_run_and_an_open_one_waits_for_quiet(
    auto: Automation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.watching._is_quiet", lambda *_: False)
    auto.drop(*(f"{i}.mp4" for i in range(5)))
    requests, _ = auto.files()
    assert [r.tags["clipsieve/shards"] for r in requests] == ["shard-000001"] and auto.waiting() == ["shard-000002"]
    read(auto, "shard-000001")
    auto.drop("5.mp4")
    requests, _ = auto.files()
    assert [r.tags["clipsieve/shards"] for r in requests] == ["shard-000002"], "it has taken three files now"


def test_runs_wait_for_those_before_them(auto: Automation) -> None:
    auto.drop("a.mp4", "b.mp4", "c.mp4")
    [request] = auto.files()[0]
    job = auto.definitions.resolve_job_def(request.job_name or "")
    run = auto.instance.create_run_for_job(job, tags=dict(request.tags), status=dg.DagsterRunStatus.STARTED)
    auto.drop("d.mp4")
    requests, told = auto.files()
    assert requests == [] and "Registers nothing while 1 run" in told and len(auto.registered()) == 3
    assert "No run of automation has ended" in auto.follow()[1] or "Waits for 1 run" in auto.follow()[1]
    assert auto.night() == []
    auto.instance.delete_run(run.run_id)
    read(auto, "shard-000001")
    assert [r.tags["clipsieve/shards"] for r in auto.files()[0]] == ["shard-000002"]


def test_removed_files_are_told_gone_by_a_pass_that_saw_all(tmp_path: Path) -> None:
    with automation(tmp_path, listing_s=0.0) as auto:
        auto.drop("a.mp4", "b.mp4", "c.mp4")
        while len(auto.registered()) < 3:
            auto.files()
        while auto.waiting():
            auto.files()
        read(auto, *{shard for _, shard in auto.registered()})
        (auto.media / "a.mp4").unlink()
        auto.files()
        assert len(auto.registered()) == 3, "the pass is not at its end"
        for _ in range(3):
            auto.files()
        assert [name for name, _ in auto.registered()] == ["b.mp4", "c.mp4"]
        for name in ("b.mp4", "c.mp4"):
            (auto.media / name).unlink()
        told = auto.files()[1]
        assert len(auto.registered()) == 2 and "if they were removed and the disk is mounted" in told


def test_a_run_by_hand_has_the_root_for_itself(auto: Automation) -> None:
    """Within a process a lock may be entered again: the other run is another process."""
    auto.drop("a.mp4")
    script = (
        "import sys, time; sys.path.insert(0, '.'); from assets.store import Store\n"
        f"with Store({str(auto.root)!r}).locked('run'): print('mine', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", script], stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]
    )
    try:
        assert holder.stdout and holder.stdout.readline() == b"mine\n"
        assert "`clipsieve run` works on this root" in auto.files()[1] and auto.registered() == []
    finally:
        holder.kill()
        holder.wait()
        assert holder.stdout and holder.stdout.close() is None
    with root_lock(build_curation(auto.settings)):
        pass
    assert len(auto.files()[0]) == 1


def test_the_night_asks_for_what_is_missing_up_to_its_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestration.next_runs.SHARDS_A_RUN", 1)
    with automation(tmp_path, runs_a_night=2) as auto:
        auto.drop(*(f"{i}.mp4" for i in range(9)))
        auto.files()
        requests = auto.night(1)
        assert [r.tags["clipsieve/shards"] for r in requests] == ["shard-000001", "shard-000002"]
        assert {r.job_name for r in requests} == {"curate_root"}
        assert auto.execute(requests) == [True, True]
        assert steps(auto.follow()[0])[0].startswith("duplicates, concepts, tier_1"), "of the shards of this night"
        assert [r.tags["clipsieve/shards"] for r in auto.night(2)] == ["shard-000003"]


def test_what_failed_is_left_alone_until_the_next_night(auto: Automation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestration.next_runs.SHARDS_A_RUN", 1)
    auto.drop(*(f"{i}.mp4" for i in range(6)))
    assert auto.night(1) == [], "nothing is registered"
    requests = auto.files()[0]
    bad = requests[0]

    def fails(*_: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr("assets.clips.clips.cut_shard", fails)
        assert auto.execute([bad]) == [False]
    assert auto.execute(requests[1:]) == [True]
    seen = []
    while (requests := auto.follow()[0])[0].job_name != "tidy_root":
        assert all(auto.execute(requests))
        seen += [r.tags["clipsieve/shards"] for r in requests]
    assert "shard-000001" not in seen and "all" in seen, "tiers are judged without it"
    assert auto.follow()[0] == []
    again = auto.night(2)
    assert [r.tags["clipsieve/shards"] for r in again] == ["shard-000001"]
    assert auto.execute(again) == [True]
    assert steps(auto.follow()[0])[0].startswith("duplicates")
