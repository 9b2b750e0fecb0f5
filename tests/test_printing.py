"""How answers are printed: as tables, JSON and CSV."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from drawn_library import library_of

from assets.curation import Curation
from orchestration.questions import rows_of, select
from orchestration.report import Format, SqlFormat, emit, emit_data, span
from orchestration.tables import funnel_table, print_table

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


@pytest.fixture
def library(tmp_path: Path) -> Curation:
    return library_of(tmp_path)


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
