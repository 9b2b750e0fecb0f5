"""Tiers as SQL against the same rules in plain Python, and the verdicts as a reader sees them."""

from __future__ import annotations

import hashlib
import math
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from synthetic import Row, ask, fill, judge, preset, root

from assets.lineage import Lineage
from assets.options import Options
from assets.store import Stamp, Store, fingerprint, rows_to_table
from assets.tables import FILTER_SCORES, TIERS
from assets.tiers.judge import bounds_of, expected_stamp, folder, hold_mask_of
from assets.tiers.rules import Bound, Preset, Tier
from assets.tiers.sql import decisions_sql, judge_sql, population_sql
from assets.tiers.vocabulary import vocabulary
from assets.views import connect

KNOWN = vocabulary()
SIDES = ("landscape", "portrait", "square")
RULES = """
[tier_1]
sharpness = { min = 20, max = 90, unmeasured = "hold" }
motion_mean = { min = 3 }
border_kind = { in = ["none", "letterbox"] }
[tier_2]
luma_mean = { keep_top = 0.7 }
orientation = { quota = { landscape = 0.6, portrait = 0.4 }, seed = 3 }
codec = { in = ["h264"] }
[tier_3]
sample = { share = 0.6, seed = 5 }
static_ratio = { max = 0.5, unmeasured = "keep" }
licence = { in = ["cc0", "cc-by"] }
sharpness = { min = 30 }
"""


def random_clips(seed: int, count: int) -> list[Row]:
    """Clips with holes, ties and every word."""
    chance = random.Random(seed)

    def some(*values: Any) -> Any:
        return None if chance.random() < 0.15 else chance.choice(values)

    return [
        {
            "sharpness": some(*range(0, 120, 10)),
            "motion_mean": some(1.0, 3.0, 5.5),
            "luma_mean": some(*range(6)),
            "border_kind": some("none", "letterbox", "pillarbox"),
            "orientation": some(*SIDES),
            "static_ratio": some(0.0, 0.5, 1.0),
            "codec": some("h264", "h264", "vp9"),
            "licence": some("cc0", "cc-by", "own"),
            "duration_s": chance.choice([0.0, 1.5, 8.0]),
        }
        for _ in range(count)
    ]


def hashed(clip_id: str, seed: int) -> float:
    """The lower half of MD5 as a number in [0, 1)."""
    return int.from_bytes(hashlib.md5(f"{clip_id}:{seed}".encode()).digest()[8:], "little") / 2**64


def reference(tier: Tier, clips: dict[str, Row]) -> dict[str, tuple[int, int, bool]]:
    """clip_id to (fail_mask, unmeasured_mask, kept), rule by rule as docs and the paper put it."""
    fail, none = dict.fromkeys(clips, 0), dict.fromkeys(clips, 0)
    passed = set(clips)
    for i, bound in enumerate(tier.bounds):
        values = {c: 0 if bound.column == "sample" else row[bound.column] for c, row in clips.items()}
        missing = {c for c, v in values.items() if v is None}
        rejected = _rejected(bound, {c: v for c, v in values.items() if v is not None}, passed)
        for c in clips:
            fail[c] |= (c in rejected) << i
            none[c] |= (c in missing) << i
        passed -= rejected | (missing if bound.unmeasured == "hold" else set())
    return {c: (fail[c], none[c], c in passed) for c in clips}


def _rejected(bound: Bound, values: dict[str, Any], passed: set[str]) -> set[str]:
    limit: Any = bound.value
    if bound.kind == "share":
        return {c for c in values if hashed(c, bound.seed) >= limit}
    if bound.kind in ("min", "max", "in"):
        good = {"min": lambda v: v >= limit, "max": lambda v: v <= limit, "in": lambda v: v in limit}[bound.kind]
        return {c for c, v in values.items() if not good(v)}
    asked = [c for c in values if c in passed]
    if bound.kind == "keep_top":
        best = sorted(asked, key=lambda c: (-values[c], c))
        return set(best[math.ceil(round(len(best) * limit, 9)) :])
    counts = Counter(values[c] for c in asked if values[c] in limit)
    size = min((n / limit[v] for v, n in counts.items()), default=0)
    rejected = set()
    for value in counts:
        ranked = sorted((c for c in asked if values[c] == value), key=lambda c: (hashed(c, bound.seed), c))
        rejected |= set(ranked[max(1, math.floor(size * limit[value] + 1e-9)) :])
    return rejected


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


def test_rows_are_in_the_order_of_their_ids_and_the_file_is_the_same_twice(tmp_path: Path) -> None:
    store = root(tmp_path, random_clips(1, 50), random_clips(2, 50))
    judge(store, preset(RULES))
    path = Path(store.path("tiers/mine", "tier_1"))
    ids = [r["clip_id"] for r in ask(store, f"SELECT clip_id FROM read_parquet('{path}')")]
    assert ids == sorted(ids) and len(ids) == 100
    before = path.read_bytes()
    judge(store, preset(RULES))
    assert path.read_bytes() == before


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


def test_decisions_spell_out_each_verdict(tmp_path: Path) -> None:
    store = root(
        tmp_path,
        [{"clip_id": "a" * 32, "sharpness": 25.5, "motion_mean": None}, {"clip_id": "b" * 32, "sharpness": 10.0}],
    )
    judge(
        store,
        preset(
            "[tier_1]\nsharpness = { min = 20.25 }\nmotion_mean = { max = 9 }\n"
            'orientation = { in = ["landscape", "square"] }\n'
            "[tier_2]\nmotion_mean = { max = 9 }\nsample = { share = 1 }"
        ),
    )
    rows = ask(
        store,
        "SELECT tier, clip_id[1] AS clip, rule, value, bound, verdict FROM decisions ORDER BY tier, clip_id, rule",
    )
    assert [tuple(r.values()) for r in rows if r["rule"] != "sample.share"] == [
        ("tier_1", "a", "motion_mean.max", None, "9", "unmeasured"),
        ("tier_1", "a", "orientation.in", "landscape", "landscape, square", "pass"),
        ("tier_1", "a", "sharpness.min", "25.5", "20.25", "pass"),
        ("tier_1", "b", "motion_mean.max", "5.0", "9", "pass"),
        ("tier_1", "b", "orientation.in", "landscape", "landscape, square", "pass"),
        ("tier_1", "b", "sharpness.min", "10.0", "20.25", "fail"),
        ("tier_2", "a", "motion_mean.max", None, "9", "unmeasured"),
    ]
    (sample,) = [r for r in rows if r["rule"] == "sample.share"]
    assert float(sample["value"]) == pytest.approx(hashed("a" * 32, 0)) and sample["verdict"] == "pass"


def test_a_rule_over_many_clips_has_a_verdict_only_for_those_it_was_asked_about(tmp_path: Path) -> None:
    store = root(tmp_path, [{"sharpness": s} for s in (1.0, 50.0, 60.0, 70.0)])
    judge(store, preset("[tier_1]\nsharpness = { min = 20, keep_top = 0.5 }"))
    rows = ask(store, "SELECT rule, verdict, count(*) n FROM decisions GROUP BY ALL ORDER BY ALL")
    assert [tuple(r.values()) for r in rows] == [
        ("sharpness.keep_top", "fail", 1),
        ("sharpness.keep_top", "pass", 2),
        ("sharpness.min", "fail", 1),
        ("sharpness.min", "pass", 3),
    ]


def test_a_stored_rule_on_a_column_that_is_gone_does_not_shift_the_others(tmp_path: Path) -> None:
    """`shake` was measured when the tier was judged, and no scorer fills it now."""
    store = root(tmp_path, [{"clip_id": "a" * 32}])
    rules = preset("[tier_1]\nsharpness = { min = 20 }\nmotion_mean = { min = 1 }")
    gone = replace(rules.tiers[0].bounds[0], column="shake")
    then = replace(rules, tiers=(replace(rules.tiers[0], bounds=(gone, *rules.tiers[0].bounds)), *rules.tiers[1:]))
    stamp = expected_stamp(Lineage(store, Options()), then, 1)
    row = {"clip_id": "a" * 32, "fail_mask": 0b010, "unmeasured_mask": 0, "kept": False, "rules_version": "x"}
    store.write(TIERS, "tier_1", rows_to_table(TIERS, [row]), stamp, folder("mine"))
    verdicts = ask(store, "SELECT rule, verdict FROM decisions ORDER BY rule")
    assert [tuple(r.values()) for r in verdicts] == [("motion_mean.min", "pass"), ("sharpness.min", "fail")]


def test_the_stamp_holds_the_rules_that_judged(tmp_path: Path) -> None:
    store, rules = root(tmp_path, random_clips(1, 20)), preset(RULES)
    judge(store, rules)
    for tier in rules.tiers:
        stamp = store.stamp(folder("mine"), tier.name)
        assert stamp is not None and tuple(bounds_of(stamp)) == tier.bounds and hold_mask_of(stamp) == tier.hold_mask


def prints(store: Store, rules: Preset) -> list[str]:
    lineage = Lineage(store, Options())
    return [expected_stamp(lineage, rules, n).fingerprint for n in (1, 2, 3)]


def test_only_the_tiers_that_depend_on_a_change_are_stale(tmp_path: Path) -> None:
    store = root(tmp_path, random_clips(1, 10))
    before = prints(store, preset(RULES))
    assert prints(store, preset(RULES.replace("share = 0.6", "share = 0.5")))[:2] == before[:2]
    assert prints(store, preset(RULES.replace("share = 0.6", "share = 0.5")))[2] != before[2]
    later = prints(store, preset(RULES.replace("min = 3 }", "min = 4 }")))
    assert all(a != b for a, b in zip(later, before, strict=True)), "a tier is made of the one before"
    rows = store.read(FILTER_SCORES, "shard-000001")
    store.write(FILTER_SCORES, "shard-000001", rows, Stamp(fingerprint("another version")))
    assert all(a != b for a, b in zip(prints(store, preset(RULES)), before, strict=True))


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


def test_judging_needs_no_order_of_the_rows() -> None:
    with duckdb.connect() as connection:
        tier = preset(RULES).tiers[1]
        judged = []
        for order in ("clip_id", "clip_id DESC"):
            connection.execute(
                "CREATE OR REPLACE TABLE clips AS SELECT * FROM (SELECT md5(i::VARCHAR) AS clip_id, 'v' AS video_id, "
                "['landscape', 'portrait'][1 + i % 2] AS orientation, i % 5 AS l FROM range(500) r(i)) "
                f"ORDER BY {order}"
            )
            connection.execute(
                "CREATE OR REPLACE TABLE filter_scores AS SELECT clip_id, l::DOUBLE AS luma_mean FROM clips"
            )
            connection.execute("CREATE OR REPLACE TABLE raw_videos AS SELECT 'v' AS video_id, 'h264' AS codec")
            judged.append(connection.execute(judge_sql(tier, KNOWN, None)).fetchall())
        assert judged[0] == judged[1]
