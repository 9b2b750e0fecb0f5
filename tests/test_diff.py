"""Who moves between two presets, told by the rules that tell them apart, against plain Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synthetic import ask, curation, judge, preset, root
from tier_reference import random_clips

from assets.curation import Curation
from orchestration.diff import diff

A = """
[tier_1]
sharpness = { min = 20 }
[tier_2]
sharpness = { min = 40 }
luma_mean = { keep_top = 0.6 }
[tier_3]
orientation = { in = ["landscape"] }
"""
B = """
[tier_1]
sharpness = { min = 50, unmeasured = "hold" }
[tier_2]
motion_mean = { min = 3 }
[tier_3]
orientation = { in = ["landscape", "portrait"] }
"""


def library(tmp_path: Path) -> Curation:
    return curation(root(tmp_path, random_clips(3, 200)), preset(A, "first"))


def kept(asked: Curation, name: str, tier: str) -> dict[str, float]:
    query = (
        f"SELECT clip_id, duration_s FROM tiers JOIN clips USING (clip_id) "
        f"WHERE preset = '{name}' AND tier = '{tier}' AND kept"
    )
    return {r["clip_id"]: r["duration_s"] for r in ask(asked.store, query, name)}


def hours(clips: dict[str, float], ids: set[str]) -> float:
    return round(sum(clips[i] for i in ids) / 3600, 6)


def test_the_counts_are_those_of_the_stored_tiers(tmp_path: Path) -> None:
    asked, a, b = library(tmp_path), preset(A, "first"), preset(B, "second")
    before = sorted(Path(asked.store.root).rglob("*"))
    rows = diff(asked, a, b)
    assert sorted(Path(asked.store.root).rglob("*")) == before, "nothing is written"
    judge(asked.store, a)
    judge(asked.store, b)
    assert [r["tier"] for r in rows] == ["tier_1", "tier_2", "tier_3"]
    for row in rows:
        mine, other = kept(asked, "first", row["tier"]), kept(asked, "second", row["tier"])
        only_a, only_b, both = set(mine) - set(other), set(other) - set(mine), set(mine) & set(other)
        assert (row["only_a"], row["only_b"], row["both"]) == (len(only_a), len(only_b), len(both))
        assert (row["hours_only_a"], row["hours_only_b"]) == (hours(mine, only_a), hours(other, only_b))
        assert row["hours_both"] == hours(mine, both)
    assert all(r["only_a"] for r in rows) and rows[1]["only_b"], "the example is no empty one"


def test_the_rules_that_tell_them_apart_add_up(tmp_path: Path) -> None:
    asked = library(tmp_path)
    rows = diff(asked, preset(A, "first"), preset(B, "second"))
    assert rows[0]["b_takes"] == f"tier_1.sharpness.min {rows[0]['only_a']}" and rows[0]["a_takes"] == ""
    for row in rows:
        for side, moved in (("b_takes", "only_a"), ("a_takes", "only_b")):
            named = dict(part.rsplit(" ", 1) for part in row[side].split(", ") if part)
            assert sum(map(int, named.values())) == row[moved], "a clip is counted at its first rule"
    assert "tier_1.sharpness.min" in rows[2]["b_takes"] and "tier_3.orientation.in" in rows[2]["a_takes"]


def test_clips_that_move_are_listed_with_the_rule_that_moves_them(tmp_path: Path) -> None:
    asked, a, b = library(tmp_path), preset(A, "first"), preset(B, "second")
    counts, clips = diff(asked, a, b), diff(asked, a, b, clips=True)
    for row in counts:
        mine = [c for c in clips if c["tier"] == row["tier"]]
        assert sum(c["kept_by"] == "a" for c in mine) == row["only_a"]
        assert sum(c["kept_by"] == "b" for c in mine) == row["only_b"]
    judge(asked.store, b)
    decisions = ask(asked.store, "SELECT tier || '.' || rule AS rule, clip_id, verdict FROM decisions", "second")
    verdicts = {(r["clip_id"], r["rule"]): r["verdict"] for r in decisions}
    for clip in clips:
        if clip["kept_by"] == "a":
            assert verdicts[clip["clip_id"], clip["kept_out_by"]] in ("fail", "unmeasured")


def test_a_preset_against_itself_moves_nobody(tmp_path: Path) -> None:
    asked = library(tmp_path)
    rows = diff(asked, preset(A, "first"), preset(A, "again"))
    assert all(r["only_a"] == r["only_b"] == 0 and r["a_takes"] == r["b_takes"] == "" for r in rows)
    assert diff(asked, preset(A), preset(A), clips=True) == []


def test_presets_with_more_and_fewer_tiers(tmp_path: Path) -> None:
    clips: list[dict[str, Any]] = [{}, {"sharpness": 1.0}]
    asked = curation(root(tmp_path, clips), preset(A))
    three, four = (
        preset("[tier_1]\n[tier_2]\n[tier_3]", "three"),
        preset("[tier_1]\n[tier_2]\n[tier_3]\n[tier_4]", "four"),
    )
    (*_, last) = diff(asked, three, four)
    assert (last["tier"], last["only_a"], last["only_b"], last["both"]) == ("tier_4", 0, 2, 0)
    assert (last["a_takes"], last["b_takes"]) == ("three has no tier_4", "")
    (*_, last) = diff(asked, four, three)
    assert (last["only_a"], last["b_takes"], last["a_takes"]) == (2, "three has no tier_4", "")


def test_more_rules_than_fit_are_counted(tmp_path: Path) -> None:
    rows = [{"sharpness": 0.0}, {"motion_mean": 0.0}, {"luma_mean": 0.0}, {"fps": 1.0}, {"fps": 1.0}]
    strict = "[tier_1]\nsharpness.min = 1\nmotion_mean.min = 1\nluma_mean.min = 1\nfps.min = 2\n"
    asked = curation(root(tmp_path, rows), preset(A))
    row = diff(asked, preset("[tier_1]\n"), preset(strict))[0]
    assert row["b_takes"] == "tier_1.fps.min 2, tier_1.luma_mean.min 1, tier_1.motion_mean.min 1, 1 more"


def test_an_empty_root(tmp_path: Path) -> None:
    rows = diff(curation(root(tmp_path, []), preset(A)), preset(A), preset(B))
    assert [(r["only_a"], r["only_b"], r["both"], r["hours_both"]) for r in rows] == [(0, 0, 0, 0.0)] * 3
