"""What a rule means once it is read: defaults, identity, order, what may be moved."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import preset

from assets.tiers.bounds import Bound, Preset, PresetError, Tier, loosens, with_bound
from assets.tiers.rules import parse_preset
from assets.tiers.vocabulary import vocabulary
from assets.tiers.words import bound_text, notes_on_rules, rules_listed

END = "\n[tier_2]\n[tier_3]\n"


@given(st.floats(-10, 10), st.floats(-10, 10), st.sampled_from(["min", "max"]))
def test_loosened_means_letting_in_what_was_kept_out(before: float, after: float, kind: str) -> None:
    def passes(bound: float, value: float) -> bool:
        return value >= bound if kind == "min" else value <= bound

    one, two = (Bound("sharpness", kind, v, "keep", "ours") for v in (before, after))
    values = sorted({before, after, (before + after) / 2, before - 1, before + 1})
    assert loosens(one, two) == any(passes(after, v) and not passes(before, v) for v in values)


def test_all_spellings_mean_the_same() -> None:
    inline = "[tier_1]\nsharpness = { min = 5, max = 9, unmeasured = 'hold' }"
    dotted = "[tier_1]\nsharpness.min = 5\nsharpness.max = 9\nsharpness.unmeasured = 'hold'"
    nested = "[tier_1.sharpness]\nmin = 5\nmax = 9\nunmeasured = 'hold'"
    assert len({preset(t).tiers[0].version for t in (inline, dotted, nested)}) == 1


def test_defaults() -> None:
    rules = preset("[tier_1]\nsharpness = { min = 5 }\n[tier_2]\nsharpness = { min = 6 }\n[tier_3]\n")
    one, two = rules.tiers[0].bounds[0], rules.tiers[1].bounds[0]
    assert (one.unmeasured, two.unmeasured, one.source, one.seed) == ("keep", "hold", "ours", 0)
    assert (rules.tiers[0].hold_mask, rules.tiers[1].hold_mask, rules.tiers[2].bounds) == (0, 1, ())
    assert rules.title == "mine" and rules.tier("tier_2") is rules.tiers[1]
    with pytest.raises(KeyError):
        rules.tier("tier_4")


def test_a_rule_without_a_scorer_is_inactive() -> None:
    known = vocabulary(["shake", "aesthetic_laion"])
    rules = "[tier_1]\naesthetic_laion = { min = 4 }\nsharpness = { min = 5 }\nshake = { max = 1 }"
    tier = parse_preset(rules + END, "p.toml", "p", known).tiers[0]
    assert [b.name for b in tier.bounds] == ["sharpness.min"]
    assert [b.name for b in tier.inactive] == ["aesthetic_laion.min", "shake.max"] and tier.hold_mask == 0
    with pytest.raises(PresetError, match="a number"):
        parse_preset('[tier_1]\naesthetic_laion = { min = "4" }' + END, "p.toml", "p", known)


def test_the_version_follows_what_a_verdict_depends_on() -> None:
    base = "[tier_1]\nsharpness = { min = 5 }\nsample = { share = 0.5, seed = 1 }"
    known = vocabulary(["aesthetic_laion"])
    same = [
        base.replace("min = 5", "min = 5.0"),
        base.replace("min = 5 }", "min = 5, note = 'x', source = 'paper' }"),
        "# comment\n" + base,
    ]
    other = [
        base.replace("= 5", "= 6"),
        base.replace("seed = 1", "seed = 2"),
        base.replace("min = 5", "min = 5, unmeasured = 'hold'"),
        base.replace("sharpness", "luma_mean"),
    ]
    version = preset(base).tiers[0].version
    assert all(preset(t).tiers[0].version == version for t in same)
    inactive = parse_preset(base + "\naesthetic_laion = { min = 4 }" + END, "p.toml", "p", known)
    assert inactive.tiers[0].version == version
    assert len({preset(t).tiers[0].version for t in other} | {version}) == 5


def test_another_bound_in_one_tier_or_in_all() -> None:
    rules = preset(
        "[tier_1]\nsharpness = { min = 5 }\n[tier_2]\nsharpness = { min = 6 }\n[tier_3]\nluma_mean = { max = 9 }"
    )
    both, tiers = with_bound(rules, None, "sharpness.min", 1.0)
    assert tiers == ["tier_1", "tier_2"] and [t.bounds[0].value for t in both.tiers] == [1.0, 1.0, 9.0]
    one, tiers = with_bound(rules, "tier_2", "sharpness.min", 1.0)
    assert tiers == ["tier_2"] and [t.bounds[0].value for t in one.tiers] == [5.0, 1.0, 9.0]
    assert with_bound(rules, None, "sharpness.max", 1.0) == (rules, [])
    assert with_bound(rules, "tier_9", "sharpness.min", 1.0)[1] == []


GROUPS = """[tier_1]
group_id = { keep_best = ["short_side", "-noise"], unmeasured = "hold" }
concept_id = { sqrt_sample = 0.5, seed = 3, preserve = "person_ratio" }
"""


def read(text: str, *unfilled: str) -> Tier:
    return parse_preset(text + END, "p.toml", "p", vocabulary(unfilled)).tiers[0]


def test_a_bound_knows_every_column_that_it_reads() -> None:
    best, drawn = read(GROUPS).bounds
    assert best.columns == ("group_id", "short_side", "noise") and drawn.columns == ("concept_id", "person_ratio")
    assert best.order == (("short_side", False), ("noise", True)) and drawn.preserved == "person_ratio"
    assert read("[tier_1]\nsharpness = { min = 1, keep_top = 0.5 }").bounds[1].columns == ("sharpness",)


def test_a_rule_goes_on_without_columns_that_nothing_fills() -> None:
    best, drawn = read(GROUPS, "noise", "person_ratio").bounds
    assert best.columns == ("group_id", "short_side") and best.without == ("noise",)
    assert drawn.columns == ("concept_id",) and drawn.preserved is None and drawn.without == ("person_ratio",)
    assert bound_text(best) == "short_side" and bound_text(drawn) == "0.5"
    assert [bound_text(b) for b in read(GROUPS).bounds] == ["short_side, -noise", "0.5, preserving person_ratio"]
    tier = read(GROUPS, "noise", "person_ratio")
    assert notes_on_rules(Preset("p", "p", (tier,))) == [
        "tier_1: group_id.keep_best goes on without noise: no scorer fills it",
        "tier_1: concept_id.sqrt_sample goes on without person_ratio: no scorer fills it",
    ]
    assert "goes on without noise" in rules_listed(tier) and notes_on_rules(Preset("p", "p", (read(GROUPS),))) == []
    assert read(GROUPS, "group_id").inactive[0].name == "group_id.keep_best"


def test_views_beside_the_scores_are_known_when_the_preset_is_read() -> None:
    assert read(GROUPS).views == ("duplicates", "concepts")
    assert read(GROUPS, "group_id").views == ("concepts",), "inactive rules read nothing"
    assert read("[tier_1]\nsharpness = { min = 1 }").views == ()
    moved, _ = with_bound(Preset("p", "p", (read(GROUPS),)), None, "concept_id.sqrt_sample", 0.25)
    assert moved.tiers[0].views == ("duplicates", "concepts") and moved.tiers[0].bounds[1].value == 0.25


def test_the_identity_holds_order_and_what_is_preserved() -> None:
    edits = [
        ('["short_side", "-noise"]', '["-noise", "short_side"]'),
        ('"-noise"', '"noise"'),
        ('["short_side", "-noise"]', '["short_side"]'),
        (', preserve = "person_ratio"', ""),
        ('"person_ratio"', '"face_count"'),
        ("seed = 3", "seed = 4"),
        ("0.5", "0.6"),
    ]
    versions = {read(GROUPS.replace(old, new)).version for old, new in edits} | {read(GROUPS).version}
    assert len(versions) == len(edits) + 1
    assert read(GROUPS, "noise").version == read(GROUPS.replace(', "-noise"', "")).version
    assert read(GROUPS, "person_ratio").version == read(GROUPS.replace(', preserve = "person_ratio"', "")).version
    best = read(GROUPS).bounds[0]
    assert replace(best, note="x", line=9, source="paper").identity() == best.identity()
