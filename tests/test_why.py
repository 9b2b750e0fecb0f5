"""Rules over many clips as a person asks about them: why one went, what another share would do, which notes belong
to them.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from synthetic import ask, curation, judge, preset, root
from tier_reference import random_clips

from assets.curation import Curation
from assets.tiers.rules import parse_preset
from assets.tiers.vocabulary import vocabulary
from orchestration.questions import QuestionError, show_funnel, whatif
from orchestration.why import Explanation, why

RULES = """
[tier_1]
sharpness = { min = 30 }
group_id = { keep_best = ["short_side"] }
[tier_2]
concept_id = { sqrt_sample = 0.5, seed = 1 }
"""
IDS = tuple(c * 32 for c in "abcdef")


def library(tmp_path: Path) -> Curation:
    """a is not sharp, b and c are of its group; d, e, f are of one concept."""
    rows = [
        {"group_id": "g", "short_side": 2160, "sharpness": 1.0},
        {"group_id": "g", "short_side": 720},
        {"group_id": "g", "short_side": 1080},
        *({"concept_id": 7},) * 3,
    ]
    return curation(root(tmp_path, [r | {"clip_id": i} for r, i in zip(rows, IDS, strict=True)]), preset(RULES))


def sentence(asked: Curation, clip_id: str) -> str:
    answer = why(asked, clip_id)
    assert isinstance(answer, Explanation)
    return answer.sentence


def test_why_names_the_clip_that_stays_of_a_group(tmp_path: Path) -> None:
    asked = library(tmp_path)
    assert sentence(asked, IDS[0]) == "rejected in tier_1 by sharpness.min: 1 against 30"
    told = f"rejected in tier_1 by group_id.keep_best: not the best of its group by short_side; {IDS[2]} stays"
    assert sentence(asked, IDS[1]) == told
    assert sentence(asked, IDS[2]).startswith("kept in")


def test_why_says_of_which_concept_a_clip_was_not_drawn(tmp_path: Path) -> None:
    asked = library(tmp_path)
    told = [sentence(asked, i) for i in IDS[3:]]
    rejected = [s for s in told if "rejected" in s]
    assert len(rejected) == 2 and set(rejected) == {
        "rejected in tier_2 by concept_id.sqrt_sample: not drawn of concept_id 7, which the sample of 0.5 thins out"
    }


def test_another_share_is_tried_without_writing(tmp_path: Path) -> None:
    asked = curation(root(tmp_path, random_clips(4, 120)), preset(RULES))
    told = whatif(asked, ["concept_id.sqrt_sample=0.25"])
    judge(asked.store, preset(RULES.replace("0.5", "0.25"), "edited"))
    query = "SELECT tier, count(*) FILTER (kept) AS n FROM tiers WHERE preset = 'edited' GROUP BY tier"
    assert {r["tier"]: r["clips_then"] for r in told} == {r["tier"]: r["n"] for r in ask(asked.store, query)}
    assert told[1]["clips_then"] < told[1]["clips_now"]
    for change, answer in (
        ("concept_id.sqrt_sample=0", "sqrt_sample are above 0 and up to 1"),
        ("concept_id=0.5", "write concept_id.sqrt_sample=0.5"),
        ("group_id.keep_best=1", "has no rule group_id.keep_best"),
        ("concept_id.sqrt_sample=x", r"\(or max, keep_top, share, sqrt_sample\)"),
    ):
        with pytest.raises(QuestionError, match=answer):
            whatif(asked, [change])


def test_the_funnel_shows_the_rule_as_it_is_judged(tmp_path: Path) -> None:
    store = library(tmp_path).store
    text = RULES.replace('["short_side"]', '["clarity", "-noise", "short_side"]') + "[tier_3]"
    rules = parse_preset(text, "mine.toml", "mine", vocabulary(["clarity"]))
    rows = {r["rule"]: r for r in show_funnel(curation(store, rules), None) if r["bound"]}
    assert rows["group_id.keep_best"]["bound"] == "-noise, short_side" and rows["group_id.keep_best"]["taken"] == 1
    by_concept = show_funnel(curation(store, rules), "concept_id")
    assert {r["group"] for r in by_concept if r["tier"] == "tier_1" and r["rule"] == "input"} == {"0", "1", "2", "7"}


def test_a_clip_held_for_no_value_is_told_what_its_scorer_said(tmp_path: Path) -> None:
    rows = [{"overlay_ratio": None, "errors": [("overlays", "the scene stands still")]}]
    asked = curation(root(tmp_path, rows), preset('[tier_1]\noverlay_ratio = { max = 0.1, unmeasured = "hold" }'))
    clip_id = why_id(asked)
    assert sentence(asked, clip_id).endswith("by overlay_ratio.max: no value (the scene stands still)")


def why_id(asked: Curation) -> str:
    (row,) = ask(asked.store, "SELECT clip_id FROM clips")
    return str(row["clip_id"])
