"""The presets that come with the project: what they hold, whose each number is, with and without models."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from synthetic import ask, curation, judge, root

from assets.filter_scores.scorers import SCORERS
from assets.planned import PLANNED_NUMBERS, PLANNED_TEXTS
from assets.tiers.bounds import Bound, PresetError, Tier, loosens
from assets.tiers.rules import PRESETS, load_preset, preset_names
from assets.tiers.sampling import WINDOWED
from assets.tiers.vocabulary import vocabulary
from orchestration.questions import show_funnel

KNOWN = vocabulary()
NEEDS_A_MODEL = [c.name for s in SCORERS if s.model for c in s.columns]
NO_LOOKS = ["group_id", "group_size", "concept_id", "concept_similarity"]
END = "\n[tier_2]\n[tier_3]\n"


def rules_of(tier: Tier) -> dict[str, Bound]:
    return {b.name: b for b in (*tier.bounds, *tier.inactive)}


def test_the_presets_that_exist() -> None:
    assert preset_names() == ["hunyuan_video", "movie_gen", "starter"]
    for name in preset_names():
        shipped = load_preset(name, KNOWN)
        assert shipped.name == name and shipped.title != name
    assert len(load_preset("hunyuan_video", KNOWN).tiers) == 5


@pytest.mark.parametrize("unfilled", [[], NEEDS_A_MODEL, [*NEEDS_A_MODEL, *NO_LOOKS]])
@pytest.mark.parametrize("name", preset_names())
def test_a_preset_is_valid_with_and_without_models(name: str, unfilled: list[str]) -> None:
    shipped = load_preset(name, vocabulary(unfilled))
    missing = {*unfilled, *PLANNED_NUMBERS, *PLANNED_TEXTS}
    for tier in shipped.tiers:
        assert tier.bounds, f"{tier.name} has an active rule"
        assert {b.column for b in tier.bounds}.isdisjoint(missing) and {b.column for b in tier.inactive} <= missing
        assert not {column for b in tier.bounds for column in b.columns} & missing
    whole = load_preset(name, KNOWN)
    assert [list(rules_of(t)) for t in shipped.tiers] != [] and {n for t in whole.tiers for n in rules_of(t)} == {
        n for t in shipped.tiers for n in rules_of(t)
    }, "a rule that is inactive is still named"


@pytest.mark.parametrize("name", preset_names())
def test_no_bound_is_loosened_even_where_a_tier_between_is_silent(name: str) -> None:
    before: dict[str, Bound] = {}
    for tier in load_preset(name, KNOWN).tiers:
        for rule, bound in rules_of(tier).items():
            assert rule not in before or not loosens(before[rule], bound), (tier.name, rule)
        before |= rules_of(tier)


@pytest.mark.parametrize("name", preset_names())
def test_rules_over_many_clips_are_the_last_of_their_tier(name: str) -> None:
    for tier in load_preset(name, KNOWN).tiers:
        windowed = [b.kind in WINDOWED for b in tier.bounds]
        assert windowed == sorted(windowed), tier.name


def test_every_rule_says_where_its_number_is_from() -> None:
    """The presets of papers mix their numbers with ours: no rule may leave it to the default."""
    for name in ("movie_gen", "hunyuan_video"):
        for tier in tables(name).values():
            assert all("source" in rule for rule in tier.values())
    assert not any("source" in rule for tier in tables("starter").values() for rule in tier.values()), "all are ours"


def tables(name: str) -> dict[str, dict[str, Any]]:
    document = tomllib.loads((PRESETS / f"{name}.toml").read_text())
    return {key: value for key, value in document.items() if isinstance(value, dict)}


PAPER: dict[str, list[dict[str, Any]]] = {
    "movie_gen": [
        {"duration_s.min": 4.0, "duration_s.max": 16.1, "short_side.min": 720.0, "vmaf_motion.min": 2.0,
         "content_cut_rate.max": 0.85, "text_max_confidence.max": 0.6, "aesthetic_laion.min": 4.0,
         "orientation.quota": {"landscape": 0.6, "portrait": 0.4}},
        {"short_side.min": 768.0, "concept_id.sqrt_sample": 0.817,
         "orientation.quota": {"landscape": 0.8, "portrait": 0.2}},
        {"duration_s.min": 12.0, "duration_s.max": 16.1, "orientation.in": ("landscape",)},
    ],
    "hunyuan_video": [
        {"motion_mean.keep_top": 0.733}, {"clarity.keep_top": 0.753}, {"aesthetic_laion.keep_top": 0.48}, {}, {},
    ],
    "starter": [{}, {}, {}],
}  # fmt: skip
"""Every number that is the paper's, tier by tier; a share of HunyuanVideo's was measured from its Figure 4."""


@pytest.mark.parametrize("name", preset_names())
def test_the_numbers_of_the_papers(name: str) -> None:
    marked = [
        {b.name: b.value for b in rules_of(t).values() if b.source == "paper"} for t in load_preset(name, KNOWN).tiers
    ]
    assert marked == PAPER[name]


def test_shares_that_were_measured_say_so() -> None:
    for tier in load_preset("hunyuan_video", KNOWN).tiers:
        for bound in rules_of(tier).values():
            assert (bound.source == "paper") == bound.note.startswith("measured from the plot"), bound.name


def test_the_share_of_the_resampling_is_the_last_row_of_the_table() -> None:
    bound = rules_of(load_preset("movie_gen", KNOWN).tiers[1])["concept_id.sqrt_sample"]
    assert bound.value == round(0.94 / 1.15, 3) and bound.preserve == "person_ratio"


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_judges_a_library(name: str, tmp_path: Path) -> None:
    """Two good clips of one group and one of another: the better of the group stays to the end."""
    good = {"duration_s": 14.0, "text_area_ratio": 0.0, "text_max_confidence": 0.0, "overlay_ratio": 0.0}
    ids = ("a" * 32, "b" * 32, "c" * 32)
    groups = (("g", 1080), ("g", 2160), ("h", 1080))
    rows = [good | {"clip_id": i, "group_id": g, "short_side": s} for i, (g, s) in zip(ids, groups, strict=True)]
    store, shipped = root(tmp_path, rows), load_preset(name, KNOWN)
    judge(store, shipped)
    last = shipped.tiers[-1].name
    kept = {r["clip_id"] for r in ask(store, f"SELECT clip_id FROM {last}", name)}
    assert ids[0] not in kept and kept, "a share may take one of the two that are left"
    rejected = ask(store, "SELECT clip_id FROM decisions WHERE rule = 'group_id.keep_best' AND verdict = 'fail'", name)
    assert [r["clip_id"] for r in rejected] == [ids[0]]
    assert show_funnel(curation(store, shipped), None)[-1]["clips"] == len(kept)


def test_presets_that_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(PresetError, match=r"no preset 'nothing'; choose one of .*starter"):
        load_preset("nothing", KNOWN)
    with pytest.raises(PresetError, match="no preset"):
        load_preset(str(tmp_path / "absent.toml"), KNOWN)
    (tmp_path / "starter.toml").write_text("[tier_1]" + END)
    with pytest.raises(PresetError, match="rename the file"):
        load_preset(str(tmp_path / "starter.toml"), KNOWN)
    (tmp_path / "bytes.toml").write_bytes(b"title = '\xff'\n")
    with pytest.raises(PresetError, match=r"bytes.toml.*UTF-8"):
        load_preset(str(tmp_path / "bytes.toml"), KNOWN)
    (tmp_path / "mine.toml").write_text("[tier_1]" + END)
    assert load_preset(str(tmp_path / "mine.toml"), KNOWN).name == "mine"
