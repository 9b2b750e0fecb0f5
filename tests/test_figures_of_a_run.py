"""Pages of stored parts, and what Dagster is told of them: once a run, never of what was up to date, never a failure."""

from __future__ import annotations

import base64
import io
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from conftest import call
from PIL import Image

from assets.captions.tables import CAPTIONS
from assets.curation import Curation
from assets.embeddings.tables import DUPLICATES
from assets.figures import pages
from assets.figures.album import Album
from assets.figures.library_pages import sizes_around
from assets.figures.pages import PAGES, page_of
from assets.figures.scene import FIGURES, Scene
from assets.partitions import SHARDS
from assets.store import WHOLE, Stamp, Store, rows_to_table
from assets.tables import CLIPS
from assets.views import connect
from benchmarks.roots import Library, known_root
from orchestration.definitions import build_definitions
from orchestration.jobs import SHARD_JOB, TIER_JOB
from orchestration.resources import build_curation
from orchestration.settings import Settings

SHARD = "shard-000001"
MOST_BYTES = 300_000
HOSTILE = "<img src=x onerror=alert(1)> ![a](http://evil.example) | [b](javascript:c) \u202e"


@pytest.fixture
def curation(curated: Path, tmp_path: Path) -> Curation:
    """Of a copy of the drawn library's root."""
    root = shutil.copytree(curated, tmp_path / "root")
    return build_curation(Settings(root=str(root), figures=True))


def pictures(told: str) -> list[Image.Image]:
    """Every picture inside a Markdown text, decoded."""
    found = re.findall(r"\(data:image/(png|jpeg);base64,([^)]*)\)", told)
    listed = [Image.open(io.BytesIO(base64.b64decode(data))) for _, data in found]
    for picture in listed:
        picture.load()
    return listed


def part_of(name: str) -> str:
    return name if name.startswith("tier_") else WHOLE if name in ("duplicates", "concepts") else SHARD


def test_every_asset_has_a_small_page(curation: Curation) -> None:
    stored = [s.step for s in curation.lineage().scorers]
    names = [n for n in PAGES if not n.startswith("scores/") or n in stored] + ["tier_1", "tier_2", "tier_3"]
    for name in sorted(set(names) - {"captions"}):
        facts = page_of(curation, name, part_of(name))
        assert facts and all(facts.values()), name
        assert sum(len(told.encode()) for told in facts.values()) < MOST_BYTES, name
        assert (FIGURES in facts) == (name not in ("raw_videos", "scans", "filter_scores")), name
        for picture in pictures(facts.get(FIGURES, "")):
            assert 150 < picture.width <= 920 and 80 < picture.height < 1500, name


def test_files_that_are_not_ok_are_told_with_their_sentence(curation: Curation) -> None:
    facts = page_of(curation, "raw_videos", SHARD)
    assert "notes\\.mp4" in facts["not ok"] and "unsupported" in facts["not ok"]
    assert "| video | mov | h264 | 3 |" in facts["kinds"]


def test_unmeasured_clips_and_bounds_are_counted(curation: Curation) -> None:
    facts = page_of(curation, "scores/motion", SHARD)
    with connect(curation.store, curation.preset.name) as connection:
        rule = next(b for b in curation.preset.tiers[0].bounds if b.name == "motion_mean.min")
        count = connection.execute("SELECT count(*) FROM filter_scores WHERE motion_mean < ?", [rule.value]).fetchall()
    line = next(line for line in facts["bounds"].splitlines() if line.startswith("| tier\\_1 | motion\\_mean\\.min"))
    assert line.endswith(f"| {count[0][0]} |")


def test_the_funnel_is_the_one_of_the_command_line(curation: Curation) -> None:
    rows = call("funnel", "--root", curation.store.root, "--format", "json").data
    told = page_of(curation, "tier_1", "tier_1")["funnel"]
    expected = [r for r in rows if r["tier"] == "tier_1" and r["taken"] is not None]
    assert expected
    for row, line in zip(expected, told.splitlines()[3:], strict=False):
        cells = [cell.strip() for cell in line.split("|")[3:-2]]
        assert cells == [str(row[name]) for name in ("taken", "failed", "unmeasured", "clips")]


def test_groups_of_duplicates_show_who_stays(curation: Curation) -> None:
    clips = curation.store.read(CLIPS, SHARD, ["clip_id"])["clip_id"].to_pylist()
    rows = [{"clip_id": c, "group_id": min(clips), "group_size": len(clips)} for c in clips]
    curation.store.write(DUPLICATES, WHOLE, rows_to_table(DUPLICATES, rows), Stamp("x"))
    told = page_of(curation, "duplicates", WHOLE)
    assert told["groups"].splitlines()[2] == f"| {len(clips)} | 1 |"
    assert told[FIGURES].count("stays\\,") == 1
    best = re.search(r"stays\\, .* \| ([0-9a-f]{32}) \|", told[FIGURES])
    with connect(curation.store, curation.preset.name) as connection:
        top = connection.sql("SELECT max(short_side) FROM clips").fetchall()[0][0]
        found = connection.sql(f"SELECT short_side FROM clips WHERE clip_id = '{best and best[1]}'").fetchall()
    assert found == [(top,)]


def test_concepts_before_and_after_a_sample(curation: Curation, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    sample = 'concept_id = { sqrt_sample = 0.5, seed = 1, unmeasured = "keep" }'
    own.write_text(f"[tier_1]\nduration_s = {{ min = 1 }}\n{sample}\n[tier_2]\n[tier_3]\n")
    assert call("run", "--input", tmp_path, "--root", curation.store.root, "--preset", own).code in (0, 1)
    curation = build_curation(Settings(root=curation.store.root, preset=str(own)))
    scene, bound = Scene(curation, "tier_1"), curation.preset.tiers[0].bounds[1]
    before, after, share = sizes_around(scene, 1, bound, 10)
    with connect(curation.store, "own") as connection:
        reached = connection.sql(
            "SELECT count(*) FROM concepts JOIN clips USING (clip_id) WHERE duration_s >= 1 GROUP BY concept_id"
        ).fetchall()
        kept = connection.sql("SELECT count(*) FROM tier_1 JOIN concepts USING (clip_id)").fetchall()
    assert sorted(before) == sorted(n for (n,) in reached) and share == 1
    assert after.sum() == kept[0][0] and (after <= before).all() and (after >= 1).all()


def test_hostile_names_and_captions_are_text(curation: Curation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Album, "name", lambda self, video_id: HOSTILE)
    clips = curation.store.read(CLIPS, SHARD, ["clip_id"])["clip_id"].to_pylist()
    words = {"short": HOSTILE, "source_tags": [HOSTILE], "caption_status": "ok", "captioner": HOSTILE}
    hostile = [words | {"clip_id": c, "is_current": True} for c in clips]
    curation.store.write(CAPTIONS, SHARD, rows_to_table(CAPTIONS, hostile), Stamp("x"))
    assert len(pictures(page_of(curation, "captions", SHARD)[FIGURES])) == len(clips)
    for name in ("raw_videos", "clips", "captions", "scores/motion"):
        for told in page_of(curation, name, SHARD).values():
            words = re.sub(r"!\[[^]]*\]\(data:image/[^)]*\)", "", told)
            assert not re.search(r"(?<!\\)[<\[!]|\u202e|https?://", words), name


def executed(curation: Curation, job: str, names: Iterable[str], shard: str | None = SHARD) -> Any:
    """The job run in this process over some assets: the result."""
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(SHARDS.name or "", [SHARD])
        definitions = build_definitions(curation)
        keys = [dg.AssetKey(name.split("/")) for name in names]
        return definitions.resolve_job_def(job).execute_in_process(
            instance=instance, asset_selection=keys, partition_key=shard, raise_on_error=False
        )


def metadata(outcome: Any) -> dict[str, dict[str, Any]]:
    """By asset: what its materialization tells."""
    found = [e.materialization for e in outcome.all_events if e.event_type_value == "ASSET_MATERIALIZATION"]
    return {m.asset_key.to_user_string(): {k: v.value for k, v in m.metadata.items()} for m in found}


WRITTEN = ("clips", "scores/motion")


def test_a_run_tells_what_it_wrote(curation: Curation) -> None:
    curation.force = True
    told = metadata(executed(curation, SHARD_JOB, WRITTEN)) | metadata(executed(curation, TIER_JOB, ["tier_1"], None))
    assert told.keys() == {*WRITTEN, "tier_1"}
    assert all(pictures(facts[FIGURES]) for facts in told.values())
    assert told["clips"]["dagster/row_count"] == 5 and told["tier_1"]["funnel"].startswith("| rule |")


def test_nothing_is_drawn_of_what_was_up_to_date(curation: Curation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "page_of", lambda *_: pytest.fail("drawn"))
    told = metadata(executed(curation, SHARD_JOB, WRITTEN)) | metadata(executed(curation, TIER_JOB, ["tier_1"], None))
    assert told.keys() == {*WRITTEN, "tier_1"}
    assert not any({FIGURES, "values", "funnel", "boundaries"} & facts.keys() for facts in told.values())


def test_nothing_is_drawn_when_switched_off(curation: Curation) -> None:
    curation.force, curation.figures = True, False
    assert all(FIGURES not in facts for facts in metadata(executed(curation, SHARD_JOB, WRITTEN)).values())


def test_a_page_that_cannot_be_drawn_fails_nothing(curation: Curation, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise ValueError("no ink " * 100)

    monkeypatch.setattr(pages, "page_of", broken)
    curation.force = True
    outcome = executed(curation, SHARD_JOB, WRITTEN)
    assert outcome.success
    for facts in metadata(outcome).values():
        assert facts[FIGURES].startswith("not drawn: ValueError: no ink") and len(facts[FIGURES]) < 400


def test_a_run_over_many_shards_is_drawn_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known, drawn = known_root(tmp_path, Library(3, 1)), []
    for number in (1, 2, 3):
        (known.root / f"filter_scores/shard-{number:06d}.parquet").unlink()
    monkeypatch.setenv("CLIPSIEVE_FIGURES", "true")
    monkeypatch.setattr(pages, "page_of", lambda _, name, part: drawn.append((name, part)) or {FIGURES: f"of {part}"})
    answer = call("run", "--input", known.media, "--root", known.root)
    assert answer.code == 0, answer.err
    assert [part for name, part in drawn if name == "filter_scores"] == ["shard-000003"]
    assert len(drawn) == len(set(drawn))
    with dg.DagsterInstance.from_config(str(known.root / ".dagster")) as instance:
        last = instance.get_latest_materialization_event(dg.AssetKey("filter_scores"))
        assert last is not None and last.asset_materialization is not None
        shown = last.asset_materialization
    assert shown.partition == "shard-000003" and shown.metadata[FIGURES].value == "of shard-000003", "the page's event"
    assert (
        shown.metadata["fingerprint"].value
        == Store(str(known.root)).stamp("filter_scores", "shard-000003").fingerprint
    )


def test_a_page_that_is_too_large_is_left_out(curation: Curation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MOST_CHARACTERS", 2_000)
    facts = page_of(curation, "clips", SHARD)
    assert facts[FIGURES].startswith("left out") and facts["boundaries"].startswith("|")


def test_figures_are_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().figures is False, "the suite runs without"
    monkeypatch.delenv("CLIPSIEVE_FIGURES")
    assert Settings().figures is True
