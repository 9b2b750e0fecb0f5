"""The funnel: what each rule took, and that the counts add up whatever the clips are."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from synthetic import Row, judge, preset, root

from assets.store import Store
from assets.tiers.funnel import FunnelRow, funnel, judge_in_memory, stored_funnel_tiers
from assets.tiers.rules import Preset
from assets.tiers.vocabulary import vocabulary
from assets.views import connect

RULES = """
[tier_1]
sharpness = { min = 30, unmeasured = "hold" }
motion_mean = { min = 2, max = 8 }
border_ratio = { keep_top = 0.8 }
[tier_2]
orientation = { quota = { landscape = 0.5, portrait = 0.5 } }
sharpness = { min = 50 }
[tier_3]
sample = { share = 0.7 }
luma_mean = { max = 90 }
"""


def random_clips(seed: int, count: int) -> list[Row]:
    chance = random.Random(seed)

    def some(values: Any) -> Any:
        return None if chance.random() < 0.2 else chance.choice(values)

    return [
        {
            "sharpness": some(range(100)),
            "motion_mean": some(range(10)),
            "border_ratio": some([0.0, 0.1, 0.2]),
            "luma_mean": some(range(120)),
            "orientation": some(["landscape", "portrait", "square"]),
            "duration_s": chance.choice([0.0, 4.0, 10.0]),
            "licence": some(["cc0", "own"]),
        }
        for _ in range(count)
    ]


def rows_of(store: Store, rules: Preset, by: str | None = None) -> list[FunnelRow]:
    with connect(store, rules.name) as connection:
        return funnel(connection, judge_in_memory(connection, rules, vocabulary()), by)


def of(rows: list[FunnelRow], tier: str, group: str | None = None) -> list[FunnelRow]:
    return [r for r in rows if r.tier == tier and r.group == group]


def check_sums(rows: list[FunnelRow]) -> None:
    """Taken and kept add up to the input, line by line, in clips and in hours."""
    first, *rules, last = rows
    assert (first.rule, last.rule) == ("input", "kept")
    assert first.clips - sum(r.taken or 0 for r in rules) == last.clips
    assert first.hours - sum(r.taken_hours or 0 for r in rules) == pytest.approx(last.hours, abs=1e-5)
    left = first
    for rule in rules:
        assert rule.taken is not None and rule.failed is not None and rule.unmeasured is not None
        assert rule.clips == left.clips - rule.taken and rule.hours == pytest.approx(
            left.hours - (rule.taken_hours or 0), abs=1e-5
        )
        assert rule.taken <= rule.failed + rule.unmeasured <= first.clips
        left = rule


@pytest.mark.parametrize(("seed", "count"), [(1, 400), (2, 13), (3, 1), (4, 0)])
def test_taken_and_kept_are_the_input(tmp_path: Path, seed: int, count: int) -> None:
    store, rules = root(tmp_path, random_clips(seed, count)), preset(RULES)
    rows, before = rows_of(store, rules), count
    for tier in rules.tiers:
        mine = of(rows, tier.name)
        assert [r.rule for r in mine] == ["input", *(b.name for b in tier.bounds), "kept"]
        assert mine[0].clips == before
        check_sums(mine)
        before = mine[-1].clips


def test_counts_of_a_known_library(tmp_path: Path) -> None:
    clips = [
        {"sharpness": 10.0, "motion_mean": 1.0, "duration_s": 3600.0},
        {"sharpness": 50.0, "motion_mean": 1.0, "duration_s": 7200.0},
        {"sharpness": None, "motion_mean": 1.0, "duration_s": 0.0},
        {"duration_s": 1800.0},
    ]
    rules = preset("[tier_1]\nsharpness = { min = 20, unmeasured = 'hold' }\nmotion_mean = { min = 2 }")
    told = [
        (r.rule, r.bound, r.clips, r.hours, r.taken, r.taken_hours, r.failed, r.unmeasured)
        for r in of(rows_of(root(tmp_path, clips), rules), "tier_1")
    ]
    assert told == [
        ("input", "", 4, 3.5, None, None, None, None),
        ("sharpness.min", "20", 2, 2.5, 2, 1.0, 1, 1),
        ("motion_mean.min", "2", 1, 0.5, 1, 2.0, 3, 0),
        ("kept", "", 1, 0.5, None, None, None, None),
    ]


def test_a_split_funnel_adds_up_group_by_group_and_over_the_groups(tmp_path: Path) -> None:
    store, rules = root(tmp_path, random_clips(5, 200)), preset(RULES)
    whole = rows_of(store, rules)
    for by in ("orientation", "licence", "border_kind"):
        rows = rows_of(store, rules, f'"{by}"')
        for tier in rules.tiers:
            groups = {r.group for r in rows if r.tier == tier.name}
            for group in groups:
                check_sums(of(rows, tier.name, group))
            for i, line in enumerate(of(whole, tier.name)):
                parts = [of(rows, tier.name, g)[i] for g in groups]
                assert sum(p.clips for p in parts) == line.clips and sum(p.taken or 0 for p in parts) == (
                    line.taken or 0
                )
    assert None in {r.group for r in rows_of(store, rules, '"licence"')}, "clips without the word are a group too"


def test_tiers_that_are_reached_by_nothing_are_shown(tmp_path: Path) -> None:
    store = root(tmp_path, [{"sharpness": 1.0}])
    rules = preset(RULES)
    for by in (None, '"orientation"'):
        rows = rows_of(store, rules, by)
        assert [(r.tier, r.clips) for r in rows if r.rule == "kept"] == [("tier_1", 0), ("tier_2", 0), ("tier_3", 0)]
        assert [r.rule for r in rows if r.tier == "tier_3"] == ["input", "sample.share", "luma_mean.max", "kept"]


def test_stored_verdicts_give_the_same_funnel(tmp_path: Path) -> None:
    store, rules = root(tmp_path, random_clips(6, 150)), preset(RULES)
    names = [t.name for t in rules.tiers]
    assert stored_funnel_tiers(store, "mine", names) == []
    judge(store, rules)
    with connect(store, "mine") as connection:
        assert funnel(connection, stored_funnel_tiers(store, "mine", names)) == rows_of(store, rules)
