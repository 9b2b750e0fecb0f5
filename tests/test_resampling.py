"""Resampling by concept: in proportion to the square root of its size, people preserved, the same clips every time."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import Row
from tier_reference import bound, clips, drawn, judged

from assets.tiers.bounds import Bound

SIZES = st.lists(st.integers(1, 40), max_size=8)
SHARES = st.floats(0.02, 1.0)
PEOPLE = st.sampled_from([0.0, 0.25, 1.0, None])


def library(sizes: list[int], people: list[float | None] | None = None) -> list[Row]:
    """So many clips of concept 0, 1, ..; `people` are handed out in turn."""
    concepts = [i for i, size in enumerate(sizes) for _ in range(size)]
    shown = [people[i % len(people)] if people else 0.0 for i in range(len(concepts))]
    both = zip(clips(len(concepts)), concepts, shown, strict=True)
    return [c | {"concept_id": concept, "person_ratio": ratio} for c, concept, ratio in both]


def rule(share: float, **words: Any) -> Bound:
    return bound("concept_id", "sqrt_sample", share, **words)


def kept_of(rows: list[Row], *bounds: Bound) -> set[str]:
    return {c for c, kept in judged(rows, *bounds).items() if kept}


def by_concept(rows: list[Row], kept: set[str]) -> Counter[int]:
    return Counter(r["concept_id"] for r in rows if r["clip_id"] in kept)


def filled(sizes: list[int], budget: float) -> list[float]:
    """Water-filling: min(n, t sqrt(n)) for the t that makes the sum the budget, found by halving."""
    low, high = 0.0, math.sqrt(max(sizes, default=0))
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if sum(min(n, middle * math.sqrt(n)) for n in sizes) > budget else (middle, high)
    return [min(n, high * math.sqrt(n)) for n in sizes]


@settings(max_examples=25, deadline=None)
@given(SIZES, SHARES, st.lists(PEOPLE, min_size=1, max_size=7), st.integers(0, 5), st.booleans())
def test_the_sample_is_what_plain_python_draws(
    sizes: list[int], share: float, people: list[float | None], seed: int, preserve: bool
) -> None:
    rows = library(sizes, people)
    sample = rule(share, seed=seed, preserve="person_ratio" if preserve else "")
    table = {r["clip_id"]: r for r in rows}
    assert kept_of(rows, sample) == drawn(sample, {c: r["concept_id"] for c, r in table.items()}, table)


@settings(max_examples=25, deadline=None)
@given(SIZES, SHARES)
def test_a_concept_keeps_in_proportion_to_the_root_of_its_size_up_to_all(sizes: list[int], share: float) -> None:
    rows = library(sizes)
    kept = kept_of(rows, rule(share))
    counts, budget = by_concept(rows, kept), math.floor(len(rows) * share + 0.5)
    assert all(counts[i] >= 1 for i in range(len(sizes))), "no concept is lost"
    assert len(kept) == max(budget, len(sizes)), "the share is met to the clip, unless the concepts need more"
    free = filled(sizes, budget)
    if all(k >= 1 for k in free):
        # t is found for whole clips: it may lie a little beside the one of the exact water-filling.
        assert all(abs(counts[i] - k) < 2 for i, k in enumerate(free)), (counts, free)


def test_the_expected_number_is_that_of_the_water_filling() -> None:
    sizes = [400, 100, 25, 25, 4, 4, 4, 1, 1]
    rows = library(sizes)
    total: Counter[int] = Counter()
    for seed in range(40):
        total += by_concept(rows, kept_of(rows, rule(0.3, seed=seed)))
    expected = filled(sizes, round(0.3 * sum(sizes)))
    assert [n for n, k in zip(sizes, expected, strict=True) if k == n] == [4, 4, 4, 1, 1], "these are capped"
    assert [total[i] / 40 for i in range(len(sizes))] == pytest.approx(expected, abs=0.3)
    assert expected[0] / expected[1] == pytest.approx(2), "four times the size, twice the clips"


@settings(max_examples=12, deadline=None)
@given(SIZES, SHARES, SHARES, st.lists(PEOPLE, min_size=1, max_size=5), st.booleans())
def test_a_larger_share_contains_the_smaller_one(
    sizes: list[int], one: float, other: float, people: list[float | None], preserve: bool
) -> None:
    rows, words = library(sizes, people), {"preserve": "person_ratio" if preserve else ""}
    small, large = (kept_of(rows, rule(share, **words)) for share in sorted((one, other)))
    assert small <= large
    assert kept_of(rows, rule(1.0, **words)) == {r["clip_id"] for r in rows}


@settings(max_examples=20, deadline=None)
@given(SIZES, SHARES, st.lists(PEOPLE, min_size=1, max_size=7))
def test_the_share_of_people_stays(sizes: list[int], share: float, people: list[float | None]) -> None:
    rows = library(sizes, people)
    kept = kept_of(rows, rule(share, preserve="person_ratio"))
    strata = {r["clip_id"]: None if r["person_ratio"] is None else r["person_ratio"] > 0 for r in rows}
    firsts = kept_of(rows, rule(1e-9))
    for stratum, size in Counter(strata.values()).items():
        count = sum(strata[c] == stratum for c in kept)
        least = sum(strata[c] == stratum for c in firsts)
        assert count == max(math.floor(size * share + 0.5 + 1e-9), least), "its share, in whole clips"


def test_people_are_preserved_where_a_plain_sample_loses_them() -> None:
    """All people are in one large concept, which a plain sample thins out first."""
    rows = library([600, *[5] * 80], [0.0])
    rows = [r | {"person_ratio": 1.0} if r["concept_id"] == 0 else r for r in rows]

    def share_of_people(kept: set[str]) -> float:
        return sum(r["person_ratio"] > 0 for r in rows if r["clip_id"] in kept) / len(kept)

    assert share_of_people(kept_of(rows, rule(0.5))) < 0.3
    assert share_of_people(kept_of(rows, rule(0.5, preserve="person_ratio"))) == pytest.approx(0.6, abs=0.001)
    lost = rule(0.5, preserve="person_ratio", without=("person_ratio",))
    assert kept_of(rows, lost) == kept_of(rows, rule(0.5)), (
        "without the column the rule goes on as if it were not named"
    )


def test_rejected_clips_count_in_no_concept() -> None:
    rows = library([50, 10])
    dark = [r | {"luma_mean": 0.0} if i < 40 else r for i, r in enumerate(rows)]
    kept = kept_of(dark, bound("luma_mean", "min", 10.0), rule(0.5))
    assert by_concept(dark, kept) == {0: 5, 1: 5}, "ten of each are left"
    assert kept == kept_of([r for r in dark if r.get("luma_mean", 100) > 0], rule(0.5))


def test_a_clip_without_a_concept_is_not_drawn_and_not_counted() -> None:
    rows = library([20])
    rows = [r | {"concept_id": None} if i < 10 else r for i, r in enumerate(rows)]
    kept = kept_of(rows, rule(0.5))
    assert len(kept) == 15 and {r["clip_id"] for r in rows[:10]} <= kept
    assert len(kept_of(rows, rule(0.5, unmeasured="hold"))) == 5


def test_the_sample_depends_on_its_seed_and_not_on_the_order_of_rows() -> None:
    rows = library([60, 30, 9], [0.0, 1.0])
    one, same, other = (kept_of(r, rule(0.4, seed=s)) for r, s in ((rows, 1), (rows[::-1], 1), (rows, 2)))
    assert one == same != other


def test_any_column_of_texts_can_be_balanced() -> None:
    rows = [c | {"orientation": "portrait" if i < 4 else "landscape"} for i, c in enumerate(clips(104))]
    kept = kept_of(rows, bound("orientation", "sqrt_sample", 0.2))
    sides = Counter(r["orientation"] for r in rows if r["clip_id"] in kept)
    assert sides == {"portrait": 4, "landscape": 17}
