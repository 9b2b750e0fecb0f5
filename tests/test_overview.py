"""Totals, and what is told about empty answers, tiers and rules that judge nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from drawn_library import RULES, library_of
from synthetic import Row, curation, fill, judge, preset, root

from assets.curation import Curation
from assets.store import Store
from orchestration.overview import (
    blind_rules,
    emptied,
    not_ok,
    notes_on_query,
    notes_on_scores,
    require_sources,
    totals,
)
from orchestration.questions import QuestionError, open_views, show_funnel, whatif


@pytest.fixture
def library(tmp_path: Path) -> Curation:
    return library_of(tmp_path)


def test_totals_and_what_is_not_ok(tmp_path: Path) -> None:
    twin = {"video_id": "a" * 32, "duration_s": 3600.0}
    bad = {"status": "truncated", "error": "it ends early"}
    asked = curation(
        root(
            tmp_path,
            [twin, {**twin, "uri": "/in/copy.mp4", "start_s": 9.0, "clip_id": "c" * 32}, bad | {"uri": "/in/bad"}],
        ),
        preset(RULES),
    )
    with open_views(asked) as views:
        assert totals(views) == {
            "files": 3,
            "videos": 2,
            "hours": pytest.approx(1.0, abs=0.01),
            "clips": 3,
            "clip_hours": pytest.approx(2.0, abs=0.01),
        }
        assert not_ok(views) == [{"uri": "/in/bad", "status": "truncated", "error": "it ends early"}]


def test_every_copy_of_a_bad_file_is_named(tmp_path: Path) -> None:
    bad: Row = {"video_id": "b" * 32, "status": "corrupt", "error": "no frame"}
    asked = curation(root(tmp_path, [bad | {"uri": "/in/one"}], [bad | {"uri": "/in/two"}]), preset(RULES))
    with open_views(asked) as views:
        assert [r["uri"] for r in not_ok(views)] == ["/in/one", "/in/two"]


def test_stored_verdicts_are_not_shown_once_words_or_scores_changed(tmp_path: Path) -> None:
    asked = curation(root(tmp_path, [{"licence": "CC0"}]), preset('[tier_1]\nlicence = { in = ["CC0"] }'))
    judge(asked.store, asked.preset)
    assert [r["clips"] for r in show_funnel(asked, None) if r["rule"] == "kept"] == [1, 1, 1]
    fill(asked.store, {"shard-000001": [{"licence": "unknown"}]})
    assert [r["clips"] for r in show_funnel(asked, None) if r["rule"] == "kept"] == [0, 0, 0]


def test_what_makes_an_answer_empty_is_told(library: Curation, tmp_path: Path) -> None:
    assert notes_on_query(library, "SELECT * FROM clips") == []
    assert notes_on_query(library, "FROM tier_1") == [
        "preset mine was not judged on this root yet: its tier views are empty"
    ]
    judge(library.store, library.preset)
    require_sources(library)
    assert notes_on_query(library, "FROM tier_1") == [] == notes_on_scores(library)
    library.store.delete("filter_scores", "shard-000002")
    assert notes_on_scores(library) == ["40 clips are not scored yet"]
    empty = curation(Store(str(tmp_path / "new")), preset(RULES))
    told = f"nothing at {tmp_path / 'new'} yet: clipsieve run --input FOLDER --root {tmp_path / 'new'}"
    assert notes_on_query(empty, "SELECT 1") == [told]
    with pytest.raises(QuestionError) as error:
        require_sources(empty)
    assert str(error.value) == told


def test_a_rule_that_judged_nothing_is_told(tmp_path: Path) -> None:
    rules = '[tier_1]\nlicence = { in = ["CC0"] }\nsharpness = { min = 1 }'
    asked = curation(root(tmp_path, [{}, {"sharpness": None}]), preset(rules))
    assert blind_rules(show_funnel(asked, None)) == ["licence.in could judge none of 2 clips (tier_1)"]


def test_nothing_breaks_on_an_empty_root(tmp_path: Path) -> None:
    asked = curation(Store(str(tmp_path / "new")), preset(RULES))
    assert [r["clips"] for r in show_funnel(asked, None) if r["rule"] == "kept"] == [0, 0, 0]
    assert whatif(asked, ["sharpness.min=1"])[0]["clips_then"] == 0
    with open_views(asked) as views:
        assert totals(views)["clips"] == 0 and not_ok(views) == []
    assert emptied(asked, show_funnel(asked, None)) == []
    assert show_funnel(asked, "orientation")[0]["clips"] == 0


def test_an_empty_tier_gets_a_bound_that_would_keep_half(tmp_path: Path) -> None:
    asked = curation(
        root(tmp_path, [{"sharpness": float(s)} for s in (10, 20, 30, 40)]),
        preset("[tier_1]\nsharpness = { min = 90 }"),
    )
    (advice,) = emptied(asked, show_funnel(asked, None))
    assert (advice["tier"], advice["rule"], advice["taken"], advice["try"]) == (
        "tier_1",
        "sharpness.min",
        4,
        "tier_1.sharpness.min=25",
    )
    assert whatif(asked, [advice["try"]])[0]["clips_then"] == 2


def test_a_tier_emptied_by_missing_values_gets_no_number(tmp_path: Path) -> None:
    asked = curation(
        root(tmp_path, [{"sharpness": None}]), preset("[tier_1]\nsharpness = { min = 90, unmeasured = 'hold' }")
    )
    (advice,) = emptied(asked, show_funnel(asked, None))
    assert advice["rule"] == "sharpness.min" and "try" not in advice
