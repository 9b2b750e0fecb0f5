"""Rules that look at more than one clip: the best share, the best of a group, quotas, samples that stay the same."""

from __future__ import annotations

from collections import Counter
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tier_reference import KNOWN, best_of, bound, clips, groups, judged

from assets.tiers.rules import Tier
from assets.tiers.sql import judge_sql


@pytest.mark.parametrize(
    ("count", "share", "kept"),
    [
        (10, 0.3, 3),
        (10, 0.31, 4),
        (100, 0.07, 7),
        (100, 0.29, 29),
        (30, 0.1, 3),
        (1, 0.01, 1),
        (7, 1.0, 7),
        (0, 0.5, 0),
        (3, 1e-5, 1),
    ],
)
def test_the_best_share_is_counted_up_to_a_whole_clip(count: int, share: float, kept: int) -> None:
    rows = [c | {"sharpness": float(i)} for i, c in enumerate(clips(count))]
    result = judged(rows, bound("sharpness", "keep_top", share))
    assert [c for c, k in result.items() if k] == [r["clip_id"] for r in rows[count - kept :]]


def test_ties_are_broken_by_id() -> None:
    result = judged(clips(10), bound("sharpness", "keep_top", 0.4))
    assert [k for _, k in sorted(result.items())] == [True] * 4 + [False] * 6


def test_missing_values_are_not_last_but_not_counted() -> None:
    rows = [c | {"sharpness": float(i) if i < 4 else None} for i, c in enumerate(clips(8))]
    kept = judged(rows, bound("sharpness", "keep_top", 0.5))
    assert [kept[r["clip_id"]] for r in rows] == [False, False, True, True] + [True] * 4
    held = judged(rows, bound("sharpness", "keep_top", 0.5, unmeasured="hold"))
    assert [held[r["clip_id"]] for r in rows] == [False, False, True, True] + [False] * 4


def test_rejected_clips_do_not_count_among_the_best() -> None:
    rows = [c | {"sharpness": float(i), "luma_mean": 0.0 if i >= 6 else 50.0} for i, c in enumerate(clips(10))]
    kept = judged(rows, bound("luma_mean", "min", 10.0), bound("sharpness", "keep_top", 0.5))
    assert [i for i, r in enumerate(rows) if kept[r["clip_id"]]] == [3, 4, 5]
    other = judged(rows, bound("sharpness", "keep_top", 0.5), bound("luma_mean", "min", 10.0))
    assert [i for i, r in enumerate(rows) if other[r["clip_id"]]] == [5], "the order of the preset decides"


def test_two_windows_one_after_the_other() -> None:
    rows = [c | {"sharpness": float(i), "luma_mean": float(-i)} for i, c in enumerate(clips(16))]
    kept = judged(rows, bound("sharpness", "keep_top", 0.5), bound("luma_mean", "keep_top", 0.5))
    assert [i for i, r in enumerate(rows) if kept[r["clip_id"]]] == [8, 9, 10, 11]


QUOTA = {"landscape": 0.6, "portrait": 0.4}


def by_side(counts: dict[str | None, int], shares: dict[str, float], seed: int = 0) -> Counter[str | None]:
    sides = [side for side, n in counts.items() for _ in range(n)]
    rows = [c | {"orientation": s} for c, s in zip(clips(len(sides)), sides, strict=True)]
    kept = judged(rows, bound("orientation", "quota", shares, seed=seed))
    return Counter(r["orientation"] for r in rows if kept[r["clip_id"]])


@pytest.mark.parametrize(
    ("counts", "kept"),
    [
        ({"landscape": 60, "portrait": 40}, {"landscape": 60, "portrait": 40}),
        ({"landscape": 90, "portrait": 10}, {"landscape": 15, "portrait": 10}),
        ({"landscape": 10, "portrait": 90}, {"landscape": 10, "portrait": 6}),
        ({"landscape": 50}, {"landscape": 50}),
        ({"portrait": 7}, {"portrait": 7}),
        ({"landscape": 1, "portrait": 50}, {"landscape": 1, "portrait": 1}),
        ({"landscape": 30, "portrait": 20, "square": 5}, {"landscape": 30, "portrait": 20, "square": 5}),
        ({"square": 5}, {"square": 5}),
        ({"landscape": 3, None: 4}, {"landscape": 3, None: 4}),
        ({}, {}),
    ],
)
def test_quotas(counts: dict[str | None, int], kept: dict[str | None, int]) -> None:
    assert by_side(counts, QUOTA) == kept


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)
)
def test_a_quota_is_exact_within_one_clip_and_as_large_as_it_can_be(
    landscape: int, portrait: int, square: int, a: int, b: int, c: int
) -> None:
    shares = {"landscape": a / (a + b + c), "portrait": b / (a + b + c), "square": c / (a + b + c)}
    counts: dict[str | None, int] = {"landscape": landscape, "portrait": portrait, "square": square}
    kept = by_side(counts, shares)
    there = {side for side, n in counts.items() if n}
    assert set(kept) == there, "no value that is there is lost"
    size = min((counts[s] / shares[str(s)] for s in there), default=0.0)
    for side in there:
        assert kept[side] <= counts[side]
        assert abs(kept[side] - size * shares[str(side)]) <= 1 + 1e-6
    assert not there or any(kept[s] == counts[s] for s in there), "the scarcest value is taken whole"


def test_a_quota_chooses_by_its_seed_and_stays() -> None:
    rows = [c | {"orientation": "landscape" if i < 40 else "portrait"} for i, c in enumerate(clips(50))]
    chosen = [judged(rows, bound("orientation", "quota", QUOTA, seed=s)) for s in (1, 1, 2)]
    assert chosen[0] == chosen[1] != chosen[2] and sum(chosen[0].values()) == sum(chosen[2].values()) == 25
    assert judged(rows[::-1], bound("orientation", "quota", QUOTA, seed=1)) == chosen[0]


def test_rejected_clips_never_fill_a_quota() -> None:
    rows = [
        c | {"orientation": "portrait" if i < 40 else "landscape", "sharpness": 0.0 if i < 38 else 100.0}
        for i, c in enumerate(clips(100))
    ]
    kept = judged(rows, bound("sharpness", "min", 10.0), bound("orientation", "quota", QUOTA))
    assert Counter(r["orientation"] for r in rows if kept[r["clip_id"]]) == {"portrait": 2, "landscape": 3}


def sample(share: float, seed: int = 0, count: int = 2000) -> set[str]:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE clips AS SELECT md5(i::VARCHAR) AS clip_id FROM range({count}) r(i)")
        connection.execute("CREATE VIEW scored_clips AS FROM clips")
        tier = Tier("tier_1", (bound("sample", "share", share, seed=seed),))
        return {r[0] for r in connection.execute(judge_sql(tier, KNOWN, None)).fetchall() if r[3]}


def test_a_larger_sample_contains_the_smaller_one() -> None:
    small, middle, large, all_ = (sample(s) for s in (0.1, 0.3, 0.9, 1.0))
    assert small < middle < large < all_ and len(all_) == 2000
    assert all(abs(len(chosen) / 2000 - share) < 0.04 for chosen, share in ((small, 0.1), (middle, 0.3), (large, 0.9)))


def test_a_sample_depends_on_its_seed_and_on_nothing_else() -> None:
    assert sample(0.5, 1) == sample(0.5, 1) != sample(0.5, 2)
    assert sample(0.5, 1, 1000) == sample(0.5, 1) & sample(1.0, 1, 1000), "more clips change none of the others"
    both = len(sample(0.5, 1) & sample(0.5, 2)) / 2000
    assert abs(both - 0.25) < 0.04, "seeds choose independently"


GROUP = bound("group_id", "keep_best", ("short_side", "sharpness"))


def test_the_best_of_each_group_stays() -> None:
    rows = [
        c | {"group_id": g, "short_side": side, "sharpness": sharp}
        for c, (g, side, sharp) in zip(
            clips(7),
            [
                ("a", 720, 9.0),
                ("a", 1080, 1.0),
                ("a", 1080, 2.0),
                ("b", 360, 0.0),
                ("c", 720, 5.0),
                ("c", 720, 5.0),
                (None, 1, 0.0),
            ],
            strict=True,
        )
    ]
    kept = judged(rows, GROUP)
    assert [i for i, r in enumerate(rows) if kept[r["clip_id"]]] == [2, 3, 4, 6], "size, then sharpness, then the id"
    held = judged(rows, bound("group_id", "keep_best", ("short_side",), unmeasured="hold"))
    assert not held[rows[6]["clip_id"]], "a clip that was not compared is unmeasured"


def test_a_missing_value_is_worse_than_any_and_a_minus_turns_the_order() -> None:
    rows = [c | {"group_id": "a", "sharpness": v} for c, v in zip(clips(3), (None, -5.0, 7.0), strict=True)]
    for order, best in ((("sharpness",), 2), (("-sharpness",), 1)):
        kept = judged(rows, bound("group_id", "keep_best", order))
        assert [i for i, r in enumerate(rows) if kept[r["clip_id"]]] == [best]
    gone = judged(rows, bound("group_id", "keep_best", ("sharpness",), without=("sharpness",)))
    assert [k for _, k in sorted(gone.items())] == [True, False, False], "without any column the id decides"


def test_a_rejected_clip_never_kills_its_group() -> None:
    rows = [c | {"group_id": "a", "short_side": 4320 - i, "luma_mean": float(i)} for i, c in enumerate(clips(3))]
    kept = judged(rows, bound("luma_mean", "min", 1.0), GROUP)
    assert [k for _, k in sorted(kept.items())] == [False, True, False], "the largest is too dark: the next one stays"
    late = judged(rows, GROUP, bound("luma_mean", "min", 1.0))
    assert not any(late.values()), "the order of the preset decides"


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c", None]),
            st.sampled_from([360, 720, None]),
            st.sampled_from([0.0, 1.5, None]),
            st.sampled_from([0.0, 100.0]),
        ),
        max_size=30,
    )
)
def test_groups_say_what_plain_python_says(values: list[tuple[Any, ...]]) -> None:
    rows = [
        c | {"group_id": g, "short_side": side, "sharpness": sharp, "luma_mean": luma}
        for c, (g, side, sharp, luma) in zip(clips(len(values)), values, strict=True)
    ]
    best = bound("group_id", "keep_best", ("-short_side", "sharpness"))
    kept = judged(rows, bound("luma_mean", "min", 50.0), best)
    passed = {r["clip_id"]: r for r in rows if r["luma_mean"] >= 50.0}
    members = groups({c: r["group_id"] for c, r in passed.items() if r["group_id"]})
    alone = {c for c, r in passed.items() if r["group_id"] is None}
    expected = alone | {best_of(best, listed, passed) for listed in members.values()}
    assert {c for c, k in kept.items() if k} == expected
    assert len(expected) == len(alone) + len(members), "one of each group"


def test_a_third_digit_does_not_decide_which_copy_stays() -> None:
    """A truncated copy of a film was kept for a clarity of 0.9422 against 0.9420."""
    values = [{"sharpness": 0.9422, "luma_mean": 5.9}, {"sharpness": 0.9420, "luma_mean": 9.6}]
    rows = [clip | value for clip, value in zip(clips(2, group_id="g"), values, strict=True)]
    kept = judged(rows, bound("group_id", "keep_best", ("sharpness", "luma_mean")))
    assert [kept[r["clip_id"]] for r in rows] == [False, True]
