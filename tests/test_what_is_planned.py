"""Which steps a plan finds stale, and why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from drawn_library import RULES, library_of
from synthetic import curation, judge, preset

import assets.lineage as lineage_module
from assets.curation import Curation
from orchestration.plan import PlanError, make_plan


@pytest.fixture
def library(tmp_path: Path) -> Curation:
    return library_of(tmp_path)


def test_a_filled_root_has_only_its_tiers_to_judge(library: Curation) -> None:
    assert make_plan(library)[0].reason == "missing"
    assert [t.step for t in make_plan(library)] == ["tier_1", "captions", "captions", "tier_2", "tier_3"]
    assert [t.step for t in make_plan(library, until="tier_1")] == ["tier_1"]
    assert make_plan(library, until="filter_scores") == []
    judge(library.store, library.preset)
    assert make_plan(library) == []
    other = curation(library.store, preset(RULES.replace("share = 0.7", "share = 0.6")))
    assert [(t.step, t.reason) for t in make_plan(other)] == [("tier_3", "bounds of the preset changed")]


def test_clips_and_what_follows_are_stale_when_the_probe_changes(
    library: Curation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clips take rate and size of the picture from raw_videos; the decode does not."""

    def prints() -> list[str]:
        fresh = library.lineage()
        stamps = [fresh.scan, fresh.raw_videos, fresh.clips, fresh.filter_scores]
        return [*(stamp("shard-000001").fingerprint for stamp in stamps), fresh.population]

    before = prints()
    monkeypatch.setattr(lineage_module, "RAW_VIDEOS_STEP", replace(lineage_module.RAW_VIDEOS_STEP, version=99))
    changed = [a != b for a, b in zip(prints(), before, strict=True)]
    assert changed == [False, True, True, True, True]


def test_what_is_missing_is_planned_with_all_that_follows(library: Curation) -> None:
    judge(library.store, library.preset)
    library.store.delete("scores/motion", "shard-000002")
    tasks = [(t.step, t.shard, t.follows) for t in make_plan(library)]
    assert tasks == [
        ("scores/motion", "shard-000002", False),
        ("filter_scores", "shard-000002", True),
        ("tier_1", None, True),
        *(("captions", f"shard-{i:06d}", True) for i in (1, 2)),
        ("tier_2", None, True),
        ("tier_3", None, True),
    ]
    with pytest.raises(PlanError, match="no asset 'nothing'; choose one of"):
        make_plan(library, until="nothing")
    with pytest.raises(PlanError, match="no scorer 'nothing'; choose one of motion"):
        make_plan(library, only="nothing")
