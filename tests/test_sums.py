"""Counts that add up from files to tier_1, captions that join, fingerprints that match, and what Dagster is told of a
part that does not.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import dagster as dg
import pytest
from automatic import automation
from synthetic import Row, judge, preset, root
from test_checks import RULES, SHARD, change, told

from assets.captions.joined import caption_faults, kept_of_shard
from assets.captions.tables import CAPTIONS
from assets.checks import stamp_faults
from assets.columns import Table
from assets.curation import Curation
from assets.store import Stamp, Store, rows_to_table
from assets.sums import candidates, missing_rows
from assets.tables import CLIPS, RAW_VIDEOS, SCANS, SOURCE_IDS, SOURCES
from assets.tiers.nesting import tier_faults
from orchestration.resources import build_curation
from orchestration.settings import Settings


@pytest.fixture
def run_root(curated: Path, tmp_path: Path) -> Curation:
    """A copy of the curated root."""
    return build_curation(Settings(root=str(shutil.copytree(curated, tmp_path / "root"))))


def test_what_a_run_leaves_adds_up(run_root: Curation) -> None:
    lineage, store = run_root.lineage(), run_root.store
    assert [missing_rows(lineage, table, SHARD) for table in (RAW_VIDEOS, SCANS, CLIPS)] == [[], [], []]
    assert candidates(lineage) == store.rows(CLIPS.name, SHARD) > 0
    assert tier_faults(store, run_root.preset, 1, lineage) == []
    assert stamp_faults(store, "clips", SHARD, lineage.clips(SHARD).fingerprint) == []


def test_every_registered_file_has_a_video_and_every_video_a_row(run_root: Curation) -> None:
    lineage, store = run_root.lineage(), run_root.store
    change(store, SOURCE_IDS, lambda rows: [r for r in rows if not r["uri"].endswith("still.mp4")])
    [unread, videos] = missing_rows(lineage, RAW_VIDEOS, SHARD)
    assert "1 of 5 files have no video" in unread and "by source_key: " in unread
    assert "4 rows; its files hold 3 videos" in videos


def test_every_video_is_scanned_and_clips_are_of_scanned_videos(run_root: Curation) -> None:
    lineage, store = run_root.lineage(), run_root.store
    video = store.read(CLIPS, SHARD, ["video_id"])["video_id"][0].as_py()
    change(store, SCANS, lambda rows: [r for r in rows if r["video_id"] != video])
    assert missing_rows(lineage, SCANS, SHARD) == [f"scans/{SHARD}: 3 rows; the shard owns 4 videos"]
    assert "of a video that the shard has no scan of" in told(store, CLIPS)


def test_tier_1_judges_every_scored_clip_whose_file_is_there(run_root: Curation) -> None:
    store, rules = run_root.store, run_root.preset
    place = f"tiers/{rules.name}"
    clips = store.rows(CLIPS.name, SHARD)
    assert store.rows(place, "tier_1") == clips
    still = {r["uri"]: r for r in store.read(SOURCES, SHARD).to_pylist() if r["uri"].endswith("still.mp4")}
    change(
        store, SOURCES, lambda rows: [r | ({"gone_at": r["first_seen"]} if r["uri"] in still else {}) for r in rows]
    )
    assert candidates(run_root.lineage()) == clips - 1, "the clip of a file that is gone is not judged"
    assert tier_faults(store, rules, 1, run_root.lineage()) == [
        f"tier_1 judged {clips} of the {clips - 1} clips that are scored"
    ]


def test_a_sum_is_left_out_where_a_shard_is_not_up_to_date(tmp_path: Path) -> None:
    store = root(tmp_path, [{"sharpness": 10.0 * i} for i in range(6)])
    judge(store, preset(RULES))
    curation = build_curation(Settings(root=str(tmp_path)))
    if curation.lineage().complete_shards:
        assert candidates(curation.lineage()) == 6
    store.delete(CLIPS.name, SHARD)
    assert candidates(curation.lineage()) in (None, 0)


def test_captions_join_with_clips(tmp_path: Path) -> None:
    store = root(tmp_path, [{} for _ in range(4)])
    rows: list[Row] = [{"clip_id": c["clip_id"], "is_current": True} for c in store.read(CLIPS, SHARD).to_pylist()]
    store.write(CAPTIONS, SHARD, rows_to_table(CAPTIONS, rows), Stamp("captions"))
    kept = {row["clip_id"] for row in rows}
    assert caption_faults(store, SHARD, kept) == [] and kept_of_shard(store, SHARD, {*kept, "0" * 32}) == kept
    change(store, CAPTIONS, lambda rows: rows[1:])
    [lacking] = caption_faults(store, SHARD, kept)
    assert "1 clips that tier_1 keeps have neither a caption nor a reason" in lacking and rows[0]["clip_id"] in lacking
    change(store, CAPTIONS, lambda rows: [*rows, rows[0] | {"clip_id": "f" * 32}])
    assert caption_faults(store, SHARD, set()) == [], "of a clip that is no more, after the others"
    change(store, CAPTIONS, lambda rows: rows[::-1])
    assert "1 of no clip stand among the first" in caption_faults(store, SHARD, set())[0]
    change(store, CAPTIONS, lambda rows: [r | {"is_current": False} for r in rows[::-1]])
    assert "have not one current caption" in caption_faults(store, SHARD, set())[0]


def test_a_fingerprint_is_that_of_the_inputs(run_root: Curation) -> None:
    [fault] = stamp_faults(run_root.store, "clips", SHARD, "0" * 32)
    assert f"and not {'0' * 32} as of its inputs" in fault
    assert "its fingerprint is None" in stamp_faults(run_root.store, "clips", "shard-000009", "0" * 32)[0]


def test_dagster_counts_a_part_that_was_set_aside_as_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other shards of the run count as materialized: they are stored, and sound."""

    def unsound(store: Store, table: Table, shard: str) -> list[str]:
        return ["2 clips overlap"] if (table, shard) == (CLIPS, "shard-000002") else []

    with automation(tmp_path, max_files=1) as auto, monkeypatch.context() as broken:
        auto.drop("a.mp4", "b.mp4", "c.mp4")
        [request] = auto.files()[0]
        broken.setattr("assets.telling.shard_faults", unsound)
        assert auto.execute([request]) == [False]
        stored = [f"shard-00000{i}" for i in (1, 3)]
        key = dg.AssetKey("clips")
        assert sorted(auto.instance.get_materialized_partitions(key)) == stored == auto.store.parts("clips")
        assert sorted(auto.instance.get_materialized_partitions(dg.AssetKey("scans"))) == [
            "shard-000001",
            "shard-000002",
            "shard-000003",
        ]
        checks = auto.instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(key, "sound"), limit=1
        )
        assert checks[0].status.value == "FAILED"
        broken.undo()
        [record] = auto.instance.get_run_records(limit=1)
        assert record.dagster_run.status is dg.DagsterRunStatus.FAILURE
        assert all(auto.execute(auto.night(1)))
        assert len(auto.instance.get_materialized_partitions(key)) == 3
