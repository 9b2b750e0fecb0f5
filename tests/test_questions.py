"""What the command line answers, asked of libraries whose scores are known."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from synthetic import Row, ask, curation, fill, judge, preset, root

import assets.lineage as lineage_module
from assets.curation import Curation
from assets.store import Store
from assets.tiers.funnel import funnel, judge_in_memory
from assets.views import connect
from orchestration.overview import (
    blind_rules,
    emptied,
    not_ok,
    notes_on_query,
    notes_on_scores,
    require_sources,
    totals,
)
from orchestration.plan import PlanError, make_plan
from orchestration.questions import QuestionError, open_views, rows_of, select, show_funnel, whatif
from orchestration.report import Format, SqlFormat, emit, emit_data, span
from orchestration.tables import funnel_table, print_table
from orchestration.why import Explanation, why

RULES = """
[tier_1]
sharpness = { min = 30 }
dover_technical = { max = 1 }
motion_mean = { max = 8, unmeasured = "hold" }
[tier_2]
sharpness = { min = 50 }
luma_mean = { keep_top = 0.5 }
[tier_3]
sample = { share = 0.7, seed = 2 }
orientation = { in = ["landscape"] }
"""


def random_clips(seed: int, count: int) -> list[Row]:
    chance = random.Random(seed)
    return [
        {
            "sharpness": chance.choice([None, *range(100)]),
            "motion_mean": chance.choice([None, *range(10)]),
            "luma_mean": chance.choice([None, *range(100)]),
            "orientation": chance.choice(["landscape", "portrait"]),
        }
        for _ in range(count)
    ]


@pytest.fixture
def library(tmp_path: Path) -> Curation:
    return curation(root(tmp_path, random_clips(1, 80), random_clips(2, 40)), preset(RULES))


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
        ("tier_9.sharpness.min=1", "tier_9 of preset mine has no rule"),
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


def test_views_of_a_question_are_locked(library: Curation) -> None:
    with open_views(library) as connection, pytest.raises(Exception, match=r"Permission Error|disabled"):
        connection.execute("SELECT * FROM read_text('/etc/hostname')").fetchall()


VALUES: list[dict[str, Any]] = [
    {
        "a": 1,
        "[/b]": float("nan"),
        "c": [("x", "y")],
        "d": {"k": [1.5, None]},
        "e": b"\x01",
        "f": True,
        "g": "[red]\x1b[31m",
    },
    {"a": None, "[/b]": 0.5, "c": [], "d": None, "e": None, "f": None, "g": 'a,b\n"c"'},
]


def test_json_is_valid_whatever_the_values_are(capsys: pytest.CaptureFixture[str]) -> None:
    emit(VALUES, Format.json)
    one, two = json.loads(capsys.readouterr().out, parse_constant=lambda c: pytest.fail(f"{c} is no JSON"))
    assert one == {
        "a": 1,
        "[/b]": None,
        "c": {"x": "y"},
        "d": {"k": [1.5, None]},
        "e": "01",
        "f": True,
        "g": "[red]\x1b[31m",
    }
    assert two["[/b]"] == 0.5
    emit([], Format.json)
    assert json.loads(capsys.readouterr().out) == []


def test_tables_take_no_text_for_markup(capsys: pytest.CaptureFixture[str]) -> None:
    emit(VALUES, Format.table, "title [/x] [red]")
    funnel_table(
        [{"tier": "tier_1", "rule": "input", "group": "[/g]", "clips": 1, "hours": 1.0, "bound": "", "taken": None}],
        "mine: [/title]",
        split=True,
    )
    told = capsys.readouterr().out
    assert "[/b]" in told and "[/x]" in told and "[/title]" in told and "[/g]" in told and "\x1b" not in told


def test_csv_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    emit([{"a": 'x,"y"\nz', "b": None}], Format.csv)
    assert capsys.readouterr().out == 'a,b\n"x,""y""\nz",\n'


def test_csv_and_json_keep_columns_of_the_same_name(capsys: pytest.CaptureFixture[str]) -> None:
    emit_data(["a", "a", "a_2"], [(1, 2, 3)], SqlFormat.csv)
    emit_data(["a", "b"], [], SqlFormat.csv)
    assert capsys.readouterr().out == "a,a,a_2\n1,2,3\na,b\n"
    emit_data(["a", "a", "a_2"], [(1, 2, 3)], SqlFormat.json)
    assert sorted(json.loads(capsys.readouterr().out)[0].values()) == [1, 2, 3]


def printed(capsys: pytest.CaptureFixture[str], names: list[str], rows: list[tuple[Any, ...]]) -> str:
    print_table(names, rows, exact=True)
    return capsys.readouterr().out


CLIP = "0123456789abcdef" * 2


def test_a_table_keeps_ids_and_numbers_whole(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["clip_id", "video_id", "uri", "note", "value"]
    row = (CLIP, CLIP[::-1], "/in/" + "deep/" * 20 + "end.mp4", "words " * 20, 123456.789)
    few, many = printed(capsys, names, [row] * 10), printed(capsys, names, [row] * 11)
    assert few.startswith("row 1\n") and row[2] in few
    lines = [line for line in many.splitlines() if CLIP in line]
    assert len(lines) == 11 and all(CLIP[::-1] in line and "123456.789" in line for line in lines)
    assert "\u2026" in lines[0] and "end.mp4" in lines[0] and row[2] not in many


def test_a_table_of_a_few_columns_shortens_texts_to_fit(capsys: pytest.CaptureFixture[str]) -> None:
    told = printed(capsys, ["clip_id", "uri"], [(CLIP, "/in/" + "deep/" * 40 + "end.mp4")])
    assert CLIP in told and "end.mp4" in told and max(map(len, told.splitlines())) <= 100
    assert "/in/" + "x" * 300 in printed(capsys, ["uri"], [("/in/" + "x" * 300,)]).replace("\n", "")


def test_numbers_are_shown_as_asked(library: Curation, capsys: pytest.CaptureFixture[str]) -> None:
    table = select(
        library, "SELECT 0.1::FLOAT AS f, 1234567.25::DOUBLE AS d, 1e7::DOUBLE AS e, NULL AS n, 'a\nb' AS t"
    )
    told = printed(capsys, table.column_names, rows_of(table))
    assert told.splitlines()[3].split() == ["0.1", "1234567.25", "10000000", "NULL", "a\\nb"]
    emit([{"value": 123456.7, "none": None}], Format.table)
    assert "123457" in capsys.readouterr().out
    assert printed(capsys, ["first", "second"], []) == "first, second\n(no rows)\n"


def test_hours_in_a_sentence() -> None:
    assert (span(0.5), span(12.5), span(None)) == ("0:30:00", "12.50 hours", "0:00:00")


def test_a_filled_root_has_only_its_tiers_to_judge(library: Curation) -> None:
    assert make_plan(library)[0].reason == "missing"
    assert [t.step for t in make_plan(library)] == ["tier_1", "captions", "captions", "tier_2", "tier_3"]
    assert [t.step for t in make_plan(library, until="tier_1")] == ["tier_1"]
    assert make_plan(library, until="filter_scores") == []
    judge(library.store, library.preset)
    assert make_plan(library) == []
    other = curation(library.store, preset(RULES.replace("share = 0.7", "share = 0.6")))
    assert [(t.step, t.reason) for t in make_plan(other)] == [("tier_3", "bounds of the preset changed")]


def test_clips_and_what_follows_are_stale_when_the_probe_changes(
    library: Curation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clips take rate and size of the picture from raw_videos; the decode does not."""

    def prints() -> list[str]:
        fresh = library.lineage()
        stamps = [fresh.scan, fresh.raw_videos, fresh.clips, fresh.filter_scores]
        return [*(stamp("shard-000001").fingerprint for stamp in stamps), fresh.population]

    before = prints()
    monkeypatch.setattr(lineage_module, "RAW_VIDEOS_STEP", replace(lineage_module.RAW_VIDEOS_STEP, version=99))
    changed = [a != b for a, b in zip(prints(), before, strict=True)]
    assert changed == [False, True, True, True, True]


def test_what_is_missing_is_planned_with_all_that_follows(library: Curation) -> None:
    judge(library.store, library.preset)
    library.store.delete("scores/motion", "shard-000002")
    tasks = [(t.step, t.shard, t.follows) for t in make_plan(library)]
    assert tasks == [
        ("scores/motion", "shard-000002", False),
        ("filter_scores", "shard-000002", True),
        ("tier_1", None, True),
        *(("captions", f"shard-{i:06d}", True) for i in (1, 2)),
        ("tier_2", None, True),
        ("tier_3", None, True),
    ]
    with pytest.raises(PlanError, match="no asset 'nothing'; choose one of"):
        make_plan(library, until="nothing")
    with pytest.raises(PlanError, match="no scorer 'nothing'; choose one of motion"):
        make_plan(library, only="nothing")
