"""Tiers as SQL against the same rules in plain Python, and the verdicts as a reader sees them."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest
from synthetic import ask, fill, judge, preset, root
from tier_reference import RULES, random_clips, reference

from assets.store import Store
from assets.tiers.funnel import judge_in_memory
from assets.tiers.rules import Bound, Tier
from assets.tiers.sql import decisions_sql, judge_sql, population_sql
from assets.tiers.vocabulary import vocabulary
from assets.views import connect

KNOWN = vocabulary()


def stored(store: Store, tier: str, name: str = "mine") -> dict[str, tuple[int, int, bool]]:
    rows = ask(
        store,
        f"SELECT clip_id, fail_mask, unmeasured_mask, kept FROM tiers WHERE tier = '{tier}' AND preset = '{name}'",
    )
    return {r["clip_id"]: (r["fail_mask"], r["unmeasured_mask"], r["kept"]) for r in rows}


@pytest.mark.parametrize(("seed", "count"), [(1, 300), (2, 40), (3, 7), (4, 1), (5, 0)])
def test_tiers_say_what_plain_python_says(tmp_path: Path, seed: int, count: int) -> None:
    clips = random_clips(seed, count)
    store = Store(str(tmp_path))
    ids = fill(store, {"shard-000001": clips[: count // 2], "shard-000002": clips[count // 2 :]})
    rules, left = preset(RULES), dict(zip(ids, clips, strict=True))
    judge(store, rules)
    for tier in rules.tiers:
        judged = reference(tier, left)
        assert stored(store, tier.name) == judged
        left = {c: left[c] for c, (_, _, kept) in judged.items() if kept}
        assert {r["clip_id"] for r in ask(store, f"SELECT clip_id FROM {tier.name}")} == set(left)
    if count == 300:
        assert left, "the example is no empty one"


def test_each_tier_is_a_part_of_the_one_before(tmp_path: Path) -> None:
    store = root(tmp_path, random_clips(7, 200))
    judge(store, preset(RULES))
    for before, after in (("tier_1", "tier_2"), ("tier_2", "tier_3")):
        kept = {c for c, v in stored(store, before).items() if v[2]}
        assert set(stored(store, after)) == kept, "every clip that was kept is judged, no other"


def test_a_missing_value_is_kept_first_and_held_later(tmp_path: Path) -> None:
    store = root(tmp_path, [{"sharpness": None}, {}])
    judge(store, preset("[tier_1]\nsharpness = { min = 20 }\n[tier_2]\nsharpness = { min = 20 }"))
    assert sorted(stored(store, "tier_1").values()) == [(0, 0, True), (0, 1, True)]
    assert sorted(stored(store, "tier_2").values()) == [(0, 0, True), (0, 1, False)]
    judge(store, preset("[tier_1]\nsharpness = { min = 20, unmeasured = 'hold' }\n[tier_2]\n[tier_3]", "other"))
    assert [r["n"] for r in ask(store, "SELECT count(*) n FROM tier_1", "other")] == [1]


def test_bounds_are_inclusive_and_exact(tmp_path: Path) -> None:
    value = 0.12345678901234567
    store = root(tmp_path, [{"sharpness": v} for v in (value, math.nextafter(value, 0), math.nextafter(value, 1))])
    for word, kept in (("min", 2), ("max", 2)):
        judge(store, preset(f"[tier_1]\nsharpness = {{ {word} = {value!r} }}"))
        assert ask(store, "SELECT count(*) n FROM tier_1") == [{"n": kept}]
    judge(store, preset(f"[tier_1]\nsharpness = {{ in = [{value!r}] }}"))
    assert ask(store, "SELECT count(*) n FROM tier_1") == [{"n": 1}]


def test_every_column_of_the_vocabulary_can_be_asked_for(tmp_path: Path) -> None:
    examples: dict[str, tuple[str, Any]] = {"number": ("min", 1.0), "flag": ("in", (True,)), "text": ("in", ("a",))}
    with connect(Store(str(tmp_path)), None) as connection:
        for column in sorted(KNOWN.columns):
            kind, value = examples[
                "number" if KNOWN.is_number(column) else "flag" if KNOWN.is_flag(column) else "text"
            ]
            tier = Tier("tier_1", (Bound(column, kind, value, "keep", "ours"),))
            assert connection.execute(population_sql([column], KNOWN, None)).description[1][0] == column
            connection.execute(f"CREATE OR REPLACE TEMP TABLE judged AS {judge_sql(tier, KNOWN, None)}")
            assert connection.execute(decisions_sql("judged", tier.bounds, 0, KNOWN)).fetchall() == []


def test_flags_and_whole_numbers(tmp_path: Path) -> None:
    store = root(tmp_path, [{"has_audio": True, "bytes": 2**53 + 1}, {"has_audio": False}, {"has_audio": None}])
    judge(store, preset("[tier_1]\nhas_audio = { in = [true], unmeasured = 'hold' }\nbytes = { min = 1500000 }"))
    assert sorted(v[2] for v in stored(store, "tier_1").values()) == [False, False, True]
    assert {r["bound"] for r in ask(store, "SELECT bound FROM decisions")} == {"True", "1500000"}


def test_clips_without_their_row_of_scores_wait(tmp_path: Path) -> None:
    """A shard that was cut and not scored yet is not complete: its clips are no survivors of tier_1."""
    store = root(tmp_path, [{}], [{}, {}])
    store.delete("filter_scores", "shard-000002")
    judge(store, preset("[tier_1]\nduration_s = { min = 1 }"))
    assert ask(store, "SELECT count(*) n FROM tiers WHERE tier = 'tier_1'") == [{"n": 1}]


def test_a_mask_holds_63_bits(tmp_path: Path) -> None:
    bounds = tuple(Bound("sharpness", "min", float(i), "keep", "ours") for i in range(63))
    store = root(tmp_path, [{"sharpness": 61.5}, {"sharpness": 62.0}, {"sharpness": None}])
    with connect(store, None) as connection:
        connection.execute(f"CREATE TEMP TABLE judged AS {judge_sql(Tier('tier_1', bounds), KNOWN, None)}")
        rows = sorted(connection.execute("SELECT fail_mask, unmeasured_mask, kept FROM judged").fetchall())
        assert rows == [(0, 0, True), (0, 2**63 - 1, True), (1 << 62, 0, False)]
        verdicts = connection.execute(decisions_sql("judged", bounds, 0, KNOWN)).fetchall()
        assert len(verdicts) == 3 * 63 and Counter(v[4] for v in verdicts) == {
            "pass": 125,
            "fail": 1,
            "unmeasured": 63,
        }


def test_a_tier_without_rules_keeps_all(tmp_path: Path) -> None:
    store = root(tmp_path, random_clips(1, 5))
    judge(store, preset("[tier_1]\n[tier_2]\n[tier_3]"))
    for tier in ("tier_1", "tier_2", "tier_3"):
        assert list(stored(store, tier).values()) == [(0, 0, True)] * 5
    assert ask(store, "SELECT count(*) n FROM decisions") == [{"n": 0}]


def test_a_column_with_bounds_that_exclude_each_other_has_both_bits(tmp_path: Path) -> None:
    """whatif may ask for a range that is empty."""
    bounds = (
        Bound("sharpness", "min", 50.0, "keep", "ours"),
        Bound("motion_mean", "max", 1e9, "hold", "ours"),
        Bound("sharpness", "max", 40.0, "keep", "ours"),
        Bound("sharpness", "in", (45.0, 60.0), "keep", "ours"),
    )
    store = root(tmp_path, [{"sharpness": v} for v in (45.0, 60.0, 30.0, None)])
    with connect(store, None) as connection:
        rows = connection.execute(judge_sql(Tier("tier_1", bounds), KNOWN, None)).fetchall()
    expected = [(0, 0b1101, True), (0b0100, 0, False), (0b0101, 0, False), (0b1001, 0, False)]
    assert sorted(r[1:] for r in rows) == expected


@pytest.mark.parametrize("seed", [1, 2])
def test_all_tiers_in_one_pass_say_what_they_say_one_by_one(tmp_path: Path, seed: int) -> None:
    store, rules = root(tmp_path, random_clips(seed, 150), random_clips(seed + 10, 150)), preset(RULES)
    judge(store, rules)
    with connect(store, "mine") as connection:
        for name, relation, _, _ in judge_in_memory(connection, rules, KNOWN):
            rows = connection.execute(f"SELECT clip_id, fail_mask, unmeasured_mask, kept FROM {relation}").fetchall()
            assert {r[0]: r[1:] for r in rows} == stored(store, name)


def test_judging_needs_no_order_of_the_rows() -> None:
    with duckdb.connect() as connection:
        tier = preset(RULES).tiers[1]
        judged = []
        for order in ("clip_id", "clip_id DESC"):
            connection.execute(
                "CREATE OR REPLACE TABLE scored_clips AS SELECT * FROM (SELECT md5(i::VARCHAR) AS clip_id, 'v' AS video_id, "
                "['landscape', 'portrait'][1 + i % 2] AS orientation, (i % 5)::DOUBLE AS luma_mean, 1.0 AS sharpness "
                f"FROM range(500) r(i)) ORDER BY {order}"
            )
            connection.execute(
                "CREATE OR REPLACE TABLE duplicates AS SELECT clip_id, left(clip_id, 2) AS group_id FROM scored_clips"
            )
            connection.execute("CREATE OR REPLACE TABLE raw_videos AS SELECT 'v' AS video_id, 'h264' AS codec")
            rows = connection.execute(judge_sql(tier, KNOWN, None)).fetchall()
            assert [r[0] for r in rows] == sorted((r[0] for r in rows), reverse="DESC" in order), "as they come"
            judged.append(sorted(rows))
        assert judged[0] == judged[1]
