"""The rules of a tier in plain Python, clip by clip, and random clips to judge: what the SQL is compared with."""

from __future__ import annotations

import hashlib
import math
import random
from collections import Counter
from typing import Any

import duckdb
import pyarrow as pa
from synthetic import Row

from assets.tiers.bounds import Bound, Tier
from assets.tiers.sql import judge_sql
from assets.tiers.vocabulary import vocabulary

KNOWN = vocabulary()
SIDES = ("landscape", "portrait", "square")
RULES = """
[tier_1]
sharpness = { min = 20, max = 90, unmeasured = "hold" }
motion_mean = { min = 3 }
border_kind = { in = ["none", "letterbox"] }
[tier_2]
group_id = { keep_best = ["sharpness", "-luma_mean"], unmeasured = "keep" }
luma_mean = { keep_top = 0.7 }
orientation = { quota = { landscape = 0.6, portrait = 0.4 }, seed = 3 }
codec = { in = ["h264"] }
[tier_3]
sample = { share = 0.6, seed = 5 }
static_ratio = { max = 0.5, unmeasured = "keep" }
licence = { in = ["cc0", "cc-by"] }
sharpness = { min = 30 }
concept_id = { sqrt_sample = 0.6, preserve = "motion_mean", unmeasured = "keep" }
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
            "group_id": some(*(f"g{i}" for i in range(count // 2 + 1))),
            "concept_id": some(0, 0, 0, 0, 1, 1, 2),
        }
        for _ in range(count)
    ]


def hashed(text: str, seed: int) -> float:
    """The lower half of MD5 as a number in [0, 1)."""
    return int.from_bytes(hashlib.md5(f"{text}:{seed}".encode()).digest()[8:], "little") / 2**64


def reference(tier: Tier, clips: dict[str, Row]) -> dict[str, tuple[int, int, bool]]:
    """clip_id to (fail_mask, unmeasured_mask, kept), rule by rule as docs and the paper put it."""
    fail, none = dict.fromkeys(clips, 0), dict.fromkeys(clips, 0)
    passed = set(clips)
    for i, bound in enumerate(tier.bounds):
        values = {c: 0 if bound.column == "sample" else row[bound.column] for c, row in clips.items()}
        missing = {c for c, v in values.items() if v is None}
        rejected = _rejected(bound, {c: v for c, v in values.items() if v is not None}, passed, clips)
        for c in clips:
            fail[c] |= (c in rejected) << i
            none[c] |= (c in missing) << i
        passed -= rejected | (missing if bound.unmeasured == "hold" else set())
    return {c: (fail[c], none[c], c in passed) for c in clips}


def _rejected(bound: Bound, values: dict[str, Any], passed: set[str], clips: dict[str, Row]) -> set[str]:
    limit: Any = bound.value
    if bound.kind == "share":
        return {c for c in values if hashed(c, bound.seed) >= limit}
    if bound.kind in ("min", "max", "in"):
        good = {"min": lambda v: v >= limit, "max": lambda v: v <= limit, "in": lambda v: v in limit}[bound.kind]
        return {c for c, v in values.items() if not good(v)}
    asked = {c: v for c, v in values.items() if c in passed}
    if bound.kind == "keep_best":
        return set(asked) - {best_of(bound, members, clips) for members in groups(asked).values()}
    if bound.kind == "sqrt_sample":
        return set(asked) - drawn(bound, asked, clips)
    if bound.kind == "keep_top":
        best = sorted(asked, key=lambda c: (-values[c], c))
        return set(best[math.ceil(round(len(best) * limit, 9)) :])
    return _over_quota(bound, asked)


def _over_quota(bound: Bound, asked: dict[str, Any]) -> set[str]:
    limit: Any = bound.value
    counts = Counter(v for v in asked.values() if v in limit)
    size = min((n / limit[v] for v, n in counts.items()), default=0)
    rejected = set()
    for value in counts:
        ranked = sorted((c for c in asked if asked[c] == value), key=lambda c: (hashed(c, bound.seed), c))
        rejected |= set(ranked[max(1, math.floor(size * limit[value] + 1e-9)) :])
    return rejected


def groups(values: dict[str, Any]) -> dict[Any, list[str]]:
    """Clips by value."""
    listed: dict[Any, list[str]] = {}
    for clip, value in values.items():
        listed.setdefault(value, []).append(clip)
    return listed


def two_digits(value: float) -> float:
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    return math.copysign(math.floor(abs(value) / step + 0.5) * step, value)


def best_of(bound: Bound, members: list[str], clips: dict[str, Row]) -> str:
    """Of a group, the clip with the best first column to two digits, then the next, then the exact numbers; no value
    is worse than any.
    """

    def rank(clip: str) -> tuple[Any, ...]:
        exact = [(clips[clip][name], lower) for name, lower in bound.order]
        values = [(v and two_digits(v), lower) for v, lower in exact] + exact
        return (*((v is None, 0 if v is None else v if lower else -v) for v, lower in values), clip)

    return min(members, key=rank)


def stratum_of(bound: Bound, row: Row) -> int:
    """1 = the preserved column is above 0, 0 = it is not, 2 = it has no value."""
    if bound.preserved is None:
        return 0
    value = row[bound.preserved]
    return 2 if value is None else int(value > 0)


def drawn(bound: Bound, asked: dict[str, Any], clips: dict[str, Row]) -> set[str]:
    """Clips are let in one by one, each at its time, until a stratum's budget is used up; the first of each concept
    at once.
    """
    order = {c: (hashed(c, bound.seed), c) for c in asked}
    firsts = {min(members, key=lambda c: order[c]) for members in groups(asked).values()}
    sizes = Counter(asked.values())
    strata = groups({c: stratum_of(bound, clips[c]) for c in asked})
    chosen = set(firsts)
    for stratum, members in strata.items():
        times = {}
        for concept, part in groups({c: asked[c] for c in members}).items():
            start = hashed(f"{concept}/{stratum}", bound.seed)
            for rank, clip in enumerate(sorted(part, key=lambda c: order[c]), 1):
                times[clip] = -1 if clip in firsts else (rank - start) * math.sqrt(sizes[concept]) / len(part)
        budget = math.floor(len(members) * float(bound.value) + 0.5 + 1e-9)  # type: ignore[arg-type]
        chosen |= set(sorted(members, key=lambda c: (times[c], order[c]))[:budget])
    return chosen


def bound(column: str, kind: str, value: Any, **words: Any) -> Bound:
    """A rule made without a preset."""
    return Bound(column, kind, value, words.pop("unmeasured", "keep"), "ours", **words)


def clips(count: int, **columns: Any) -> list[Row]:
    """Clips with ids in the order of their numbers."""
    return [{"clip_id": f"{i:032x}", **columns} for i in range(count)]


SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("clip_id", "orientation", "group_id")]
    + [(name, pa.int64()) for name in ("short_side", "concept_id")]
    + [(name, pa.float64()) for name in ("sharpness", "luma_mean", "person_ratio")]
)
SCORED_CLIPS = "CREATE VIEW scored_clips AS SELECT * FROM clips JOIN filter_scores USING (clip_id)"
"""What tiers judge, where a test makes the two tables itself."""
VIEWS = {
    "clips": "clip_id, orientation, short_side",
    "filter_scores": "clip_id, sharpness, luma_mean, person_ratio",
    "duplicates": "clip_id, group_id",
    "concepts": "clip_id, concept_id",
}


def judged(rows: list[Row], *bounds: Bound) -> dict[str, bool]:
    """clip_id to kept, by the SQL of a tier of these bounds over the rows given."""
    listed = pa.Table.from_pylist([{"sharpness": 100.0, "luma_mean": 100.0} | row for row in rows], SCHEMA)
    with duckdb.connect() as connection:
        connection.register("listed", listed)
        for view, columns in VIEWS.items():
            connection.execute(f"CREATE VIEW {view} AS SELECT {columns} FROM listed")
        connection.execute(SCORED_CLIPS)
        tier = Tier("tier_1", bounds)
        return {r[0]: r[3] for r in connection.execute(judge_sql(tier, KNOWN, None)).fetchall()}
