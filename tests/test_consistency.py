"""What is made of what: later tables follow when earlier ones change, and nothing passes for fresh that is not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from conftest import SMALL, Clipsieve
from synthetic import InThisProcess
from synthetic import root as filled_root

from assets.filter_scores.scorers import SCORERS
from assets.lineage import Lineage
from assets.options import Options
from assets.store import Stamp, Store
from demo.footage import grain, pan, photograph, write_video
from orchestration.definitions import build_definitions
from orchestration.resources import build_curation
from orchestration.settings import Settings

Run = Callable[..., dict[str, Any]]
MOTION = SCORERS[0]
FOUR = "\n".join(f"[tier_{i}]\nduration_s = {{ min = {i / 10} }}" for i in (1, 2, 3, 4))


@pytest.fixture
def root(curated: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(curated, tmp_path / "root"))


def test_forced_steps_run_once(root: Path, videos: Path, run: Run) -> None:
    run(videos, root)
    summary = run(videos, root, "--force")
    assert len(summary["tasks"]) == len(set(summary["tasks"]))
    assert (summary["demux_opens"], summary["decode_opens"]) == (summary["files"], 3)


@pytest.mark.slow
def test_one_scorer_forced_beside_a_shard_that_lacks_the_others(
    videos: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIPSIEVE_SHARDS__MAX_FILES", "2")
    run(videos, tmp_path / "root")
    for name in ("a", "b"):
        write_video(videos / f"{name}.mp4", grain(pan(photograph("grass", SMALL), 40, 24, 5), 2), 24)
    summary = run(videos, tmp_path / "root", "--force", "--only", "motion")
    assert summary["failures"] == []


def test_a_tier_that_a_preset_gave_up_is_gone(
    root: Path, videos: Path, run: Run, clipsieve: Clipsieve, tmp_path: Path
) -> None:
    preset = tmp_path / "mine.toml"
    preset.write_text(FOUR)
    run(videos, root, "--preset", preset)
    assert clipsieve("sql", "SELECT count(*) FROM tier_4", "--root", root).code == 0
    preset.write_text(FOUR[: FOUR.index("[tier_4]")])
    run(videos, root, "--preset", preset)
    assert clipsieve("sql", "SELECT count(*) FROM tier_4", "--root", root).code == 2
    tiers = clipsieve(
        "sql", "SELECT DISTINCT tier FROM tiers WHERE preset = 'mine'", "--root", root, "--format", "json"
    )
    assert len(tiers.data) == 3


@pytest.mark.parametrize("until", ["captions", "clips"])
def test_the_stored_views_are_those_of_the_active_preset(
    root: Path, videos: Path, run: Run, clipsieve: Clipsieve, until: str
) -> None:
    run(videos, root, "--preset", "movie_gen", "--until", until)
    query = "SELECT count(*)::INT AS n FROM tier_1"
    with duckdb.connect(str(root / "clipsieve.duckdb"), read_only=True) as connection:
        stored = connection.execute(query).fetchall()[0][0]
    assert clipsieve("sql", query, "--root", root, "--format", "json").data == [{"n": stored}]


def test_tiers_without_caption_rules_do_not_wait_for_a_dead_server(
    root: Path, videos: Path, clipsieve: Clipsieve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset = tmp_path / "plain.toml"
    preset.write_text(FOUR)
    for name, value in {"CAPTIONER": "openai", "BASE_URL": "http://127.0.0.1:9/v1", "MODEL": "m"}.items():
        monkeypatch.setenv(f"CLIPSIEVE_CAPTIONS__{name}", value)
    monkeypatch.setenv("CLIPSIEVE_CAPTIONS__RETRIES", "0")
    answer = clipsieve("run", "--input", videos, "--root", root, "--preset", preset, "--format", "json")
    assert answer.code == 1 and "Traceback" not in answer.err and "dagster._core" not in answer.err
    stored = Store(str(root)).parts("tiers/plain")
    assert stored == ["tier_1", "tier_2", "tier_3", "tier_4"], "no rule of theirs reads a caption"


def test_a_tier_with_caption_rules_needs_the_captions(root: Path, tmp_path: Path) -> None:
    preset = tmp_path / "told.toml"
    rules = '[tier_1]\nduration_s = { min = 0.1 }\n[tier_2]\nshort = { in = ["x"] }\n[tier_3]\nshort = { in = ["x"] }'
    preset.write_text(rules)
    curation = replace(build_curation(Settings(root=str(root), preset=str(preset))), engine=InThisProcess())
    job = build_definitions(curation).resolve_job_def("curate_tiers")
    with dg.DagsterInstance.ephemeral() as instance:
        chosen = [dg.AssetKey("tier_1")]
        assert job.execute_in_process(instance=instance, asset_selection=chosen).success
        with pytest.raises(dg.Failure, match="reads captions, which are missing or stale for 1 shards"):
            job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey("tier_2")])


def test_what_follows_knows_which_measurements_were_lost(tmp_path: Path) -> None:
    """A retried clip has new rows under the same fingerprint: the wide row, duplicates and concepts are stale."""
    store = filled_root(tmp_path, [{}, {}])
    before = Lineage(store, Options())
    shard = before.shards[0]
    prints = before.filter_scores(shard), before.duplicates(), before.concepts()
    for scorer in (MOTION, before_embedder(before)):
        stamp = store.stamp(scorer.step, shard)
        assert stamp is not None
        lost = Stamp(stamp.fingerprint, stamp.recipe, {"lost": ["a" * 32]})
        store.write(scorer.table, shard, store.read(scorer.table, shard), lost)
    after = Lineage(store, Options())
    assert after.measured(MOTION, shard).fingerprint == before.measured(MOTION, shard).fingerprint
    now = after.filter_scores(shard), after.duplicates(), after.concepts()
    assert all(a.fingerprint != b.fingerprint for a, b in zip(prints, now, strict=True))


def before_embedder(lineage: Lineage) -> Any:
    from assets.embeddings.by_model import embedder

    return embedder(lineage.options.embedding)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("CLIPSIEVE_EMBEDDING", "nonsense", "no model 'nonsense'"),
        ("CLIPSIEVE_EMBEDDING", "rapidocr", "no embedder"),
        ("CLIPSIEVE_EMBEDDING", "/no/such/folder", "no weights of"),
        ("CLIPSIEVE_CONCEPTS__COUNT", "0", "allowed are 1 to"),
        ("CLIPSIEVE_WITHOUT", json.dumps(["nobody"]), "no scorer 'nobody'"),
    ],
)
def test_a_setting_that_cannot_be_is_told_before_any_work(
    name: str, value: str, told: str, videos: Path, tmp_path: Path, clipsieve: Clipsieve,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv(name, value)
    answer = clipsieve("run", "--input", videos, "--root", tmp_path / "root")
    assert answer.code == 2 and told in " ".join(answer.err.split()), answer.err
