"""The command line as a person meets it: what it prints where, what a mistake costs, manifests, settings, many shards."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Clipsieve
from filelock import FileLock

Run = Callable[..., dict[str, Any]]
HOUSE = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "--input", "/no/such/folder"], "does not exist"),
        (["run", "--input", "s3://bucket/videos"], "only local"),
        (["run", "--input", ".", "--preset", "no_such"], "choose one of hunyuan_video, movie_gen, starter"),
        (["run", "--input", ".", "--until", "nowhere"], "no asset 'nowhere'"),
        (["run", "--input", ".", "--only", "nothing"], "no scorer 'nothing'"),
        (["sql", "DROP VIEW clips"], "one SELECT"),
        (["sql", "SELECT nothing FROM clips"], "nothing"),
        (["sql", "SELECT * FROM read_text('/etc/hostname')"], "disabled"),
        (["run", "--input", ""], "--input is empty"),
        (["funnel"], "yet: clipsieve run --input FOLDER"),
        (["whatif", "motion_mean.min=1"], "yet: clipsieve run --input FOLDER"),
        (["why", "0123"], "yet: clipsieve run --input FOLDER"),
        (["funnel", "--root", "foo://bar"], "'foo://bar' is neither a folder nor s3://bucket/prefix"),
        (["run", "--input", ".", "--root", "/etc/hostname"], "/etc/hostname is a file"),
        (["run", "--input", ".", "--root", "/etc/hostname/below"], "/etc/hostname is a file"),
    ],
    ids=lambda v: v if isinstance(v, str) else " ".join(v),
)
def test_a_mistake_is_one_message_and_status_2(
    arguments: list[str], told: str, tmp_path: Path, clipsieve: Clipsieve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rooted = arguments if "--root" in arguments else [*arguments, "--root", str(tmp_path / "root")]
    answer = clipsieve(*rooted)
    assert answer.code == 2 and answer.out == ""
    assert told in " ".join(answer.err.split()), answer.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["funnel", "--by", "1; DROP TABLE x"], "no column"),
        (["whatif", "nonsense"], "write [TIER.]COLUMN.min=NUMBER"),
        (["whatif", "motion_mean=2"], "write motion_mean.min=2 or .max=2"),
        (["whatif", "motion_mean.keep_top=0.5"], "has no rule motion_mean.keep_top"),
        (["why", "no id"], "no clip has an id"),
        (["why", "notes"], "notes.mp4 is there (unsupported"),
    ],
    ids=lambda v: v if isinstance(v, str) else " ".join(v),
)
def test_a_question_that_has_no_answer(arguments: list[str], told: str, curated: Path, clipsieve: Clipsieve) -> None:
    answer = clipsieve(*arguments, "--root", curated)
    assert answer.code == 2 and answer.out == ""
    assert told in " ".join(answer.err.split()), answer.err


def test_a_bucket_that_cannot_be_opened_is_one_message(clipsieve: Clipsieve) -> None:
    answer = clipsieve("funnel", "--root", "s3://no-such-bucket/x?colour=red")
    assert answer.code == 2 and len(answer.err.strip().splitlines()) == 1


@pytest.mark.parametrize(("text", "told"), [(None, "no such file"), ("root = [", "no TOML"), ("rooot = 'x'", "rooot")])
def test_a_bad_file_of_settings_is_one_message(
    text: str | None, told: str, tmp_path: Path, clipsieve: Clipsieve, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "clipsieve.toml"
    if text is not None:
        config.write_text(text)
    monkeypatch.setenv("CLIPSIEVE_CONFIG", str(config))
    answer = clipsieve("sql", "SELECT 1", "--root", tmp_path / "root")
    assert answer.code == 2 and told in answer.err and "Traceback" not in answer.err


def test_a_preset_of_the_last_run_that_is_gone_is_named(tmp_path: Path, clipsieve: Clipsieve) -> None:
    gone = tmp_path / "mine.toml"
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "active_preset.json").write_text(json.dumps({"preset": str(gone)}))
    answer = clipsieve("sql", "SELECT 1", "--root", tmp_path / "root")
    assert answer.code == 2 and f"the preset of the last run, {gone}, is gone: pass --preset" in answer.err


def test_a_folder_without_media(tmp_path: Path, clipsieve: Clipsieve) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "words.txt").write_text("nothing to see")
    answer = clipsieve("run", "--input", folder, "--root", tmp_path / "root")
    assert answer.code == 0
    assert f"no media files in {folder} (1 other file)" in " ".join(answer.err.split())


def test_a_query_ends_at_ctrl_c(curated: Path) -> None:
    query = "SELECT count(*) FROM range(1000000000) a, range(1000000) b WHERE a.range + b.range < 0"
    command = [sys.executable, "-m", "orchestration.cli", "sql", query, "--root", str(curated)]
    with subprocess.Popen(command, cwd=HOUSE, stderr=subprocess.PIPE, text=True) as asked:
        time.sleep(6)
        asked.send_signal(signal.SIGINT)
        started = time.monotonic()
        _, told = asked.communicate(timeout=20)
    assert asked.returncode == 130 and time.monotonic() - started < 5
    assert told.strip() == "clipsieve: stopped"


def test_why_says_it_in_a_sentence(curated: Path, clipsieve: Clipsieve) -> None:
    one = clipsieve("why", "still", "--root", curated)
    assert one.code == 0 and one.err.startswith("rejected in tier_1 by duration_s.min: "), one.err
    several = clipsieve("why", "THREE SHOTS", "--root", curated, "--format", "json").data
    assert [r["file"] for r in several] == ["three shots.mp4"] * 3


def test_a_run_names_its_preset_and_ends_with_the_funnel(
    curated: Path, drawn: Path, tmp_path: Path, clipsieve: Clipsieve
) -> None:
    root = shutil.copytree(curated, tmp_path / "root")
    again = clipsieve("run", "--input", drawn, "--root", root)
    assert "preset starter" in again.err.splitlines()[0] + again.err.splitlines()[1]
    assert "starter: mild" in again.out and "tier_3 kept" in again.out and "up to date" in again.err
    assert clipsieve("run", "--input", drawn, "--root", root, "--until", "clips").out == ""


def test_the_version(clipsieve: Clipsieve) -> None:
    assert clipsieve("--version").out.startswith("clipsieve ")


def test_the_ui_says_that_its_port_is_taken(tmp_path: Path, clipsieve: Clipsieve) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = clipsieve("ui", "--root", tmp_path / "root", "--port", str(port))
    assert answer.code == 2 and f"port {port} is taken; use --port" in answer.err


def test_a_preset_is_refused_before_anything_runs(tmp_path: Path, drawn: Path, clipsieve: Clipsieve) -> None:
    preset = tmp_path / "mine.toml"
    preset.write_text("[tier_1]\nmotion_meen = { min = 1 }\n[tier_2]\n[tier_3]\n")
    answer = clipsieve("run", "--input", drawn, "--root", tmp_path / "root", "--preset", preset)
    assert answer.code == 2 and not (tmp_path / "root").exists()
    assert "mine.toml:2: tier_1.motion_meen: unknown column; did you mean motion_mean" in " ".join(answer.err.split())


def test_a_setting_that_is_not_valid_is_named(
    tmp_path: Path, clipsieve: Clipsieve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIPSIEVE_WORKERS", "many")
    answer = clipsieve("sql", "SELECT 1", "--root", tmp_path)
    assert answer.code == 2 and "workers" in answer.err


def test_settings_come_from_a_file(
    curated: Path, tmp_path: Path, clipsieve: Clipsieve, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "clipsieve.toml"
    config.write_text(f'root = "{curated}"\npreset = "movie_gen"\n[shots]\nmax_clip_s = 8\n')
    monkeypatch.setenv("CLIPSIEVE_CONFIG", str(config))
    monkeypatch.chdir(tmp_path)
    assert "Movie Gen" in clipsieve("funnel").out


def test_stdout_holds_data_only(curated: Path) -> None:
    """As another program would call it: a real process, its output piped."""
    command = [
        sys.executable,
        "-m",
        "orchestration.cli",
        "sql",
        "SELECT count(*) AS n FROM clips",
        "--root",
        str(curated),
    ]
    done = subprocess.run([*command, "--format", "csv"], cwd=HOUSE, capture_output=True, text=True, check=True)
    assert done.stdout == "n\n5\n"
    parquet = subprocess.run([*command, "--format", "parquet"], cwd=HOUSE, capture_output=True, check=True)
    assert parquet.stdout[:4] == parquet.stdout[-4:] == b"PAR1"


def test_one_run_a_root(tmp_path: Path, drawn: Path, clipsieve: Clipsieve) -> None:
    (tmp_path / "root" / ".locks").mkdir(parents=True)
    with FileLock(tmp_path / "root" / ".locks" / "run.lock"):
        answer = clipsieve("run", "--input", drawn, "--root", tmp_path / "root")
    assert answer.code == 2 and "another run" in answer.err


@pytest.mark.slow
def test_hostile_names_are_shown_as_text(tmp_path: Path, clipsieve: Clipsieve) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    (folder / "[red]\x1b[2Jboom.mp4").write_text("not a video")
    answer = clipsieve("run", "--input", folder, "--root", tmp_path / "root")
    assert answer.code == 0 and "\x1b[2J" not in answer.err
    assert "[red]" in answer.err


@pytest.mark.slow
def test_a_manifests_words_become_rules(tmp_path: Path, drawn: Path, run: Run, clipsieve: Clipsieve) -> None:
    manifest = tmp_path / "list.csv"
    rows = [f"{drawn / 'pan.mp4'},CC0,bbc", f"{drawn / 'still.mp4'},unknown,web", "gone.mp4,CC0,web"]
    manifest.write_text("\n".join(["uri,licence,source,license", *(f"{row},x" for row in rows)]) + "\n")
    preset = tmp_path / "free.toml"
    preset.write_text('[tier_1]\nlicence = { in = ["CC0"] }\n[tier_2]\n[tier_3]\n')
    answer = clipsieve("run", "--input", manifest, "--root", tmp_path / "root", "--preset", preset)
    assert answer.code == 0 and "listed but not there" in answer.err
    assert "nothing reads: license (did you mean licence?)" in answer.err
    query = "SELECT s.title, s.licence FROM tier_1 JOIN raw_videos USING (video_id) JOIN sources s USING (uri)"
    kept = clipsieve("sql", query, "--root", tmp_path / "root", "--format", "json").data
    assert kept == [{"title": None, "licence": "CC0"}]
    by_source = clipsieve("funnel", "--by", "source", "--root", tmp_path / "root", "--format", "json").data
    assert {r["group"]: r["clips"] for r in by_source if r["tier"] == "tier_1" and r["rule"] == "kept"} == {
        "bbc": 1,
        "web": 0,
    }
    manifest.write_text(manifest.read_text().replace("unknown", "CC0"))
    summary = run(manifest, tmp_path / "root", "--preset", preset)
    assert summary["decode_opens"] == summary["demux_opens"] == 0
    assert len(clipsieve("sql", "SELECT * FROM tier_1", "--root", tmp_path / "root", "--format", "json").data) == 2


@pytest.mark.slow
def test_many_shards_give_the_rows_of_one(
    curated: Path, drawn: Path, tmp_path: Path, run: Run, clipsieve: Clipsieve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five shards of one file each: compacted for reading, the copy owned by the lower shard, the same clips and verdicts."""
    monkeypatch.setenv("CLIPSIEVE_SHARDS__MAX_FILES", "1")
    root = tmp_path / "root"
    summary = run(drawn, root)
    assert summary["decode_opens"] == 3, "the copy lies in another shard and is not decoded again"
    assert list((root / "compacted" / "clips").glob("*.parquet"))
    for query in (
        "SELECT * EXCLUDE (shard) FROM clips ORDER BY clip_id",
        "SELECT * FROM filter_scores ORDER BY clip_id",
        "SELECT tier, clip_id, rule, value, verdict FROM decisions ORDER BY ALL",
    ):
        many, one = (clipsieve("sql", query, "--root", r, "--format", "json").data for r in (root, curated))
        assert many == one
    assert run(drawn, root)["tasks"] == []
    copy = Path(shutil.copytree(drawn, tmp_path / "videos"))
    assert run(copy, root)["decode_opens"] == 0
