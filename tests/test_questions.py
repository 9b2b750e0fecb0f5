"""What `sql`, `funnel`, `whatif` and `why` answer, asked of libraries whose scores are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from drawn_library import RULES, library_of
from synthetic import Row, ask, curation, judge, preset, root

from assets.curation import Curation
from assets.tiers.funnel import funnel, judge_in_memory
from assets.views import connect
from orchestration.questions import QuestionError, open_views, select, show_funnel, whatif
from orchestration.why import Explanation, why


@pytest.fixture
def library(tmp_path: Path) -> Curation:
    return library_of(tmp_path)


def test_a_select_is_answered(library: Curation) -> None:
    assert select(library, "SELECT count(*) AS n FROM clips").to_pylist() == [{"n": 120}]
    assert select(library, "  -- words\nWITH x AS (FROM clips) SELECT 1 AS one FROM x LIMIT 1;").to_pylist() == [
        {"one": 1}
    ]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("", "one SELECT is answered; this is nothing"),
        ("SELECT 1; SELECT 2", "SELECT, SELECT"),
        ("COPY clips TO '{root}/out.csv'", "COPY"),
        ("ATTACH '{root}/x.db'", "ATTACH"),
        ("CREATE TABLE t (a INT)", "CREATE"),
        ("DROP VIEW clips", "DROP"),
        ("SET threads = 1", "SET"),
        ("PRAGMA database_list", "PRAGMA"),
        ("EXPLAIN SELECT 1", "EXPLAIN"),
        ("SELECT * FROM nothing", "nothing does not exist"),
        ("SELEC 1", "syntax error"),
        ("SELECT 1 / 'a'", "Could not convert"),
        ("SELECT error('late')", "late"),
        ("SELECT * FROM read_text('/etc/hostname')", "Permission Error"),
    ],
)
def test_everything_else_is_refused_with_a_sentence(library: Curation, query: str, told: str) -> None:
    before = sorted(Path(library.store.root).rglob("*"))
    with pytest.raises(QuestionError) as error:
        select(library, query.format(root=library.store.root))
    assert told in str(error.value)
    assert sorted(Path(library.store.root).rglob("*")) == before


def test_names_of_python_are_no_tables(library: Curation) -> None:
    for name in ("query", "curation", "connection", "statements", "rows"):
        with pytest.raises(QuestionError, match=r"does not exist|Catalog"):
            select(library, f"SELECT * FROM {name}")


def test_the_funnel_of_stored_and_of_unstored_verdicts_is_the_same(library: Curation) -> None:
    before = show_funnel(library, None)
    judge(library.store, library.preset)
    assert show_funnel(library, None) == before
    assert [r["rule"] for r in before if r["bound"] == "inactive"] == ["dover_technical.max"]
    assert before[0] | {"hours": 0} == before[0] | {"tier": "tier_1", "rule": "input", "clips": 120, "hours": 0}


def test_the_funnel_of_other_rules_than_the_stored_ones_is_judged_anew(library: Curation) -> None:
    judge(library.store, library.preset)
    other = curation(library.store, preset(RULES.replace("min = 30", "min = 45")))
    changed = show_funnel(other, None)
    assert changed != show_funnel(library, None)
    assert next(r["bound"] for r in changed if r["rule"] == "sharpness.min") == "45"


def test_a_tier_without_rules_that_was_never_stored_is_shown(tmp_path: Path) -> None:
    asked = curation(root(tmp_path, [{}]), preset("[tier_1]\nsharpness = { min = 1 }"))
    judge(asked.store, asked.preset)
    asked.store.delete("tiers/mine", "tier_3")
    assert {r["tier"] for r in show_funnel(asked, None)} == {"tier_1", "tier_2", "tier_3"}


def test_the_funnel_splits_by_every_column_it_offers(tmp_path: Path) -> None:
    asked = curation(root(tmp_path, [{}]), preset("[tier_1]\nsharpness = { min = 1 }"))
    with pytest.raises(QuestionError, match="no column 'nothing'; choose one of ") as error:
        show_funnel(asked, "nothing")
    offered = str(error.value).split("choose one of ")[1].split(", ")
    assert {"orientation", "source", "codec", "bytes", "uri_count", "first_seen", "sharpness"} <= set(offered)
    with connect(asked.store, "mine") as connection:
        tiers = judge_in_memory(connection, asked.preset, asked.vocabulary)[:1]
        for column in offered:
            assert funnel(connection, tiers, f'"{column}"')[0].clips == 1, column
    with pytest.raises(QuestionError, match="no column"):
        show_funnel(asked, '1) FROM clips; DROP VIEW clips; --"')


def kept_of(rows: list[dict[str, Any]], key: str) -> dict[str, int]:
    return {r["tier"]: r[key] for r in rows}


@pytest.mark.parametrize(
    ("changes", "edits"),
    [
        (
            ["sharpness.min=70"],
            [
                ("sharpness = { min = 30", "sharpness = { min = 70"),
                ("sharpness = { min = 50", "sharpness = { min = 70"),
            ],
        ),
        (["tier_1.sharpness.min=45"], [("min = 30", "min = 45")]),
        (["tier_2.sharpness.min = 60.5", "motion_mean.max=4"], [("min = 50", "min = 60.5"), ("max = 8", "max = 4")]),
        (["luma_mean.keep_top=0.25"], [("keep_top = 0.5", "keep_top = 0.25")]),
        (["sample.share=0.2"], [("share = 0.7", "share = 0.2")]),
    ],
)
def test_whatif_is_the_same_as_editing_the_preset(
    library: Curation, changes: list[str], edits: list[tuple[str, str]]
) -> None:
    text = RULES
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    before = sorted(p for p in Path(library.store.root).rglob("*"))
    told = whatif(library, changes)
    assert sorted(p for p in Path(library.store.root).rglob("*")) == before, "nothing is written"
    judge(library.store, library.preset)
    judge(library.store, preset(text, "edited"))
    query = "SELECT tier, count(*) FILTER (kept) AS n FROM tiers WHERE preset = '{}' GROUP BY tier"
    for name, key in (("mine", "clips_now"), ("edited", "clips_then")):
        assert kept_of(ask(library.store, query.format(name)), "n") == kept_of(told, key)
    assert all(r["clips_change"] == r["clips_then"] - r["clips_now"] for r in told)
    assert kept_of(told, "clips_now") != kept_of(told, "clips_then")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("sharpness.min", "write [TIER.]COLUMN.min=NUMBER"),
        ("sharpness.min=much", "write [TIER.]COLUMN.min=NUMBER"),
        ("sharpness=2", "write sharpness.min=2"),
        ("tier_1.motion_mean=2", "write tier_1.motion_mean.max=2"),
        ("shutter=2", "write shutter.min=2 or .max=2"),
        ("sharpness.min=nan", "finite"),
        ("sharpness.min=inf", "finite"),
        ("luma_mean.keep_top=2", "up to 1"),
        ("sample.share=0", "above 0"),
        ("sharpness.max=1", "has no rule sharpness.max; it has"),
        ("tier_3.sharpness.min=1", "tier_3 of preset mine has no rule sharpness.min"),
        ("tier_9.sharpness.min=1", "preset mine has no tier_9; it has tier_1"),
        ("orientation.in=1", "has no rule orientation.in"),
        ("=1", "has no rule"),
    ],
)
def test_whatif_says_what_it_takes(library: Curation, change: str, told: str) -> None:
    with pytest.raises(QuestionError) as error:
        whatif(library, [change])
    assert told in str(error.value) and repr(change) in str(error.value)


def test_why_agrees_with_the_decisions(library: Curation) -> None:
    judge(library.store, library.preset)
    decisions = ask(library.store, "SELECT clip_id, tier, rule, value, bound, verdict FROM decisions")
    kept = {(r["tier"], r["clip_id"]): r["kept"] for r in ask(library.store, "SELECT tier, clip_id, kept FROM tiers")}
    for clip_id in sorted({r["clip_id"] for r in decisions})[::12]:
        answer = why(library, clip_id)
        assert isinstance(answer, Explanation)
        clip, rows = answer.clip, answer.rules
        assert clip["clip_id"] == clip_id and clip["uri"].startswith("/media/")
        told = {tuple(r[k] for k in ("tier", "rule", "value", "bound", "verdict")) for r in rows if r["rule"]}
        assert told == {
            tuple(r[k] for k in ("tier", "rule", "value", "bound", "verdict"))
            for r in decisions
            if r["clip_id"] == clip_id
        }
        ends = {r["tier"]: r["verdict"] for r in rows if not r["rule"]}
        words = {True: "kept", False: "rejected", None: "not reached"}
        assert ends == {t.name: words[kept.get((t.name, clip_id))] for t in library.preset.tiers}


def explained(asked: Curation, text: str) -> Explanation:
    answer = why(asked, text)
    assert isinstance(answer, Explanation)
    return answer


def test_why_takes_the_first_digits_or_a_part_of_a_file_name(tmp_path: Path) -> None:
    rows: list[Row] = [
        {"clip_id": "ab" + "0" * 30, "uri": "/in/Dark Street.mp4", "sharpness": 12.345678},
        {"clip_id": "ac" + "0" * 30, "uri": "/in/dark alley.mp4"},
        {"clip_id": "ba" + "0" * 30, "uri": "/in/50%.mp4", "motion_mean": None},
    ]
    asked = curation(root(tmp_path, rows), preset(RULES.split("[tier_3]")[0]))
    assert explained(asked, "ab").clip["clip_id"] == "ab" + "0" * 30
    assert explained(asked, "STREET").sentence == "rejected in tier_1 by sharpness.min: 12.35 against 30"
    assert explained(asked, "alley").sentence == "kept in tier_3"
    assert explained(asked, "0%").sentence == "rejected in tier_1 by motion_mean.max: no value"
    for text in ("a", "dark"):
        told = why(asked, text)
        assert isinstance(told, list)
        assert {(r["file"], r["tier"], r["kept_out_by"]) for r in told} == {
            ("Dark Street.mp4", "tier_1", "sharpness.min"),
            ("dark alley.mp4", "tier_3", None),
        }
    for text, message in (("f", "no clip has"), ("", "neither a clip id"), ("xyz", "no file"), ("ab'--", "no file")):
        with pytest.raises(QuestionError, match=message):
            why(asked, text)


def test_views_of_a_question_are_locked(library: Curation) -> None:
    with open_views(library) as connection, pytest.raises(Exception, match=r"Permission Error|disabled"):
        connection.execute("SELECT * FROM read_text('/etc/hostname')").fetchall()
