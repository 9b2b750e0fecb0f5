"""The comparison with other tools: what is asked of them, how their answers are read, and a row for what cannot run."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks import report
from benchmarks.figures import Bench, Figure, Section
from benchmarks.inputs import HD_H264, Input, made
from benchmarks.peers import data_juicer, environments, ours, pyscenedetect
from benchmarks.peers.compare import START_UP, compare, joins, measure
from benchmarks.peers.tools import NotReal, Outcome, Programs, Tool, cuts_of_files
from benchmarks.rounds import run

SCENES = """\
Timecode List:,00:00:05.867,00:00:12.100
Scene Number,Start Frame,Start Timecode,Start Time (seconds),End Frame,End Timecode,End Time (seconds)
1,1,00:00:00.000,0.000,176,00:00:05.867,5.867
2,177,00:00:05.867,5.867,363,00:00:12.100,12.100
3,364,00:00:12.100,12.100,515,00:00:17.167,17.167
"""
LOG = """\
2026-01-02 03:04:05.678 | INFO     | data_juicer.core.data.dj_dataset:310 - [1/6] OP [video_split_by_scene_mapper] Done in 206.405s. Left 1 samples.
2026-01-02 03:04:06.789 | INFO     | data_juicer.core.data.dj_dataset:310 - [2/6] OP [video_motion_score_filter] Done in 593.527s. Left 1 samples.
"""
BURN = "import time\nwhile time.process_time() < 0.7: pass"
LEAVE_A_CHILD_BURNING = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {BURN!r}])"


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"), rounds=1, tiny=True)


@pytest.fixture(scope="session")
def video(bench: Bench) -> Input:
    return made(bench, START_UP)


def python(name: str, code: str, **told: Any) -> Tool:
    """A tool that is a line of Python; it leaves no results."""

    def command(video: Path, folder: Path, programs: Programs) -> list[str]:
        return [sys.executable, "-c", code]

    return Tool(name, None, command, lambda video, folder: Outcome(None), "none", **told)


def rows(section: Section) -> dict[str, Figure]:
    return {figure.what: figure for figure in section.figures}


@pytest.mark.parametrize("split", [True, False])
def test_recipe_is_yaml_with_every_operator_and_all_files_in_the_folder(tmp_path: Path, split: bool) -> None:
    folder = tmp_path / "it's: a #folder"
    told = yaml.safe_load(data_juicer.recipe(folder, split))
    names = [next(iter(operator)) for operator in told["process"]]
    assert names == [data_juicer.SPLIT] * split + [*data_juicer.FILTERS, "video_deduplicator"]
    assert told["np"] == 1 and {Path(told[f"{of}_path"]).parent for of in ("dataset", "export")} == {folder}
    if split:
        assert told["process"][0][data_juicer.SPLIT] == {"save_dir": str(folder / "clips")}


def test_data_set_of_the_recipe_names_the_video(tmp_path: Path, video: Input) -> None:
    line = data_juicer.command(True, video.path, tmp_path, {data_juicer.ENVIRONMENT: tmp_path / "bin"})
    recipe = yaml.safe_load(Path(line[-1]).read_text())
    assert json.loads(Path(recipe["dataset_path"]).read_text())["videos"] == [str(video.path)]
    assert line[-3] == str(tmp_path / "bin" / "dj-process") and "PIP_NO_INDEX=1" in line


def test_scenes_are_read_from_the_table() -> None:
    assert pyscenedetect.scenes_of(SCENES) == ((0, 176, 363), 515)
    with pytest.raises(NotReal, match="empty"):
        pyscenedetect.scenes_of("Timecode List:\nScene Number,Start Frame\n")


def results(folder: Path, videos: list[str], measured: int, rows: int = 1) -> None:
    statistics = {column: [1.0] * measured for column in data_juicer.FILTERS.values()}
    (folder / "result.jsonl").write_text((json.dumps({"videos": videos, "text": ""}) + "\n") * rows)
    (folder / "result_stats.jsonl").write_text((json.dumps({"__dj__stats__": statistics}) + "\n") * rows)
    (folder / "log").write_text(LOG)
    (folder / "out").write_text("")


def test_data_juicers_clips_are_counted_and_its_times_read(tmp_path: Path, video: Input) -> None:
    results(tmp_path, [str(video.path)] * 2, measured=2)
    twice = Input(video.path, video.recipe, 2 * video.frames, 2 * video.seconds, video.bits)
    outcome = data_juicer.read(True, twice, tmp_path)
    assert outcome.cuts == (video.frames,) and "2 clip files" in outcome.told
    assert "206 s video_split_by_scene_mapper" in outcome.told and "594 s video_motion" in outcome.told


@pytest.mark.parametrize(("measured", "rows", "said"), [(0, 1, "measured 0 of 1"), (1, 0, "0 rows"), (1, 2, "2 rows")])
def test_dropped_rows_and_missing_statistics_are_no_result(
    tmp_path: Path, video: Input, measured: int, rows: int, said: str
) -> None:
    results(tmp_path, [str(video.path)], measured, rows)
    with pytest.raises(NotReal, match=said):
        data_juicer.read(False, video, tmp_path)


def test_clips_that_lack_frames_are_no_result(tmp_path: Path, video: Input) -> None:
    (tmp_path / "no video.mp4").write_text("none")
    with pytest.raises(NotReal, match=f"1 clips hold {video.frames} frames of the 999"):
        cuts_of_files([video.path], Input(video.path, video.recipe, 999, video.seconds, video.bits))
    with pytest.raises(NotReal, match="is no video"):
        cuts_of_files([tmp_path / "no video.mp4"], video)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lets a process adopt orphans")
def test_cpu_of_processes_that_nobody_waited_for_counts(tmp_path: Path) -> None:
    cost = run(["benchmarks.peers.child", str(tmp_path), sys.executable, "-c", LEAVE_A_CHILD_BURNING])
    assert cost.told == {"adopts": True} and 0.7 <= cost.cpu_s < 10


def test_a_command_that_fails_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"status 3: (?s:.*)no such thing"):
        run(["benchmarks.peers.child", str(tmp_path), sys.executable, "-c", "print('no such thing'); exit(3)"])


def test_what_cannot_run_is_a_row_with_its_reason_and_the_others_run(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "REQUIREMENTS", tmp_path)
    works, breaks = python("works", "print('done')"), python("breaks", "raise SystemExit('it is broken')")
    hungry = python("hungry", "", memory_bytes=lambda video: 1e18)
    section = compare(bench, tools=(pyscenedetect.TOOLS[0], breaks, works, hungry))
    told = rows(section)
    assert "peers_pyscenedetect.txt" in told[pyscenedetect.TOOLS[0].name].note
    assert "it is broken" in told["breaks"].note and "1000000000.0 GB of memory" in told["hungry"].note
    assert all(math.isnan(told[name].middle) for name in (pyscenedetect.TOOLS[0].name, "breaks", "hungry"))
    assert told["works"].middle > 0 and told["works, less its start-up"].middle < told["works"].middle
    assert "| breaks | not run |" in report.markdown(section)


@pytest.mark.slow
def test_clipsieve_is_measured_up_to_its_tiers(bench: Bench, video: Input, tmp_path: Path) -> None:
    """Settings of this process's environment (conftest's scorers among them) are not taken over."""
    cost, outcome = measure(ours.TOOLS[1], video, tmp_path / "scratch", {})
    assert cost.cpu_s > 0 and outcome.cuts == () and outcome.told.startswith("1 scorers; 1 clips, ")


def test_joins_are_those_of_the_drawn_footage(bench: Bench, video: Input) -> None:
    long = Input(video.path, HD_H264, 400, 400 / 30, 0)
    assert joins(bench, long) == (180, 360) and joins(bench, video) == ()


@pytest.mark.parametrize("name", environments.NAMES)
def test_requirements_are_exact_and_name_no_registry(name: str) -> None:
    text = environments.requirements(name).read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines and all(len(line.split("==")) == 2 for line in lines)
    assert "://" not in text and "+cpu" not in text and "--" not in text


def test_an_environment_is_kept_while_its_requirements_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "REQUIREMENTS", tmp_path)
    monkeypatch.setattr(environments, "FREE_BYTES", 10**18)
    (tmp_path / "peers_one.txt").write_text("one==1.0\n")
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "made-from.txt").write_text(environments._recipe("one"))
    assert environments.environment(tmp_path, "one") == tmp_path / "one" / "bin"
    (tmp_path / "peers_one.txt").write_text("one==1.1\n")
    with pytest.raises(environments.EnvironmentFailed, match=r"no environment for one: .* GB are free"):
        environments.environment(tmp_path, "one")


def test_what_pip_says_becomes_the_reason(tmp_path: Path) -> None:
    listed, said = tmp_path / "peers_none.txt", list[str]()
    listed.write_text("./no_such-1.0-py3-none-any.whl\n")
    with pytest.raises(subprocess.SubprocessError, match=r"pip ended with 1 .*no_such-1.0"):
        environments._install(Path(sys.executable), listed, said.append)
    assert said
