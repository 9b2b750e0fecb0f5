"""Values and names as SQL: whatever a text holds, it stays a text."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import preset

from assets.tiers.literals import literal, quoted
from assets.tiers.sql import decisions_sql, judge_sql
from assets.tiers.vocabulary import vocabulary

KNOWN = vocabulary()


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=30).filter(lambda t: "\x00" not in t))
def test_a_text_is_a_literal_whatever_it_holds(text: str) -> None:
    with duckdb.connect() as connection:
        assert connection.execute(f"SELECT {literal(text)}").fetchall() == [(text,)]
        assert connection.execute(f"SELECT 1 AS {quoted('x' + text)}").description[0][0] == "x" + text


@settings(max_examples=40, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_the_same_number_in_sql(value: float) -> None:
    with duckdb.connect() as connection:
        told, kind = connection.execute(f"SELECT {literal(value)}, typeof({literal(value)})").fetchall()[0]
        assert told == value and kind == "DOUBLE"


EVIL = [
    "x'; DROP TABLE clips; --",
    "a' OR '1'='1",
    "') UNION SELECT 1 --",
    "\\' \" ; /*",
    "ü\n\t",
    "{braces}",
    "%s ? $1",
]


@pytest.mark.parametrize("text", EVIL)
def test_texts_of_a_preset_never_become_sql(text: str) -> None:
    """Lists, quota keys and notes hold whatever a user writes; the statement still judges two clips."""
    key = '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'
    rules = preset(
        f'[tier_1]\nlicence = {{ in = [{key}, "cc0"], note = {key} }}\n'
        f"orientation = {{ quota = {{ {key} = 0.5, landscape = 0.5 }} }}"
    )
    assert rules.tiers[0].bounds[0].value == (text, "cc0")
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE clips AS SELECT * FROM (VALUES ('a', 'v', 'landscape'), ('b', 'w', ?)) "
            "t(clip_id, video_id, orientation)",
            [text],
        )
        connection.execute("CREATE VIEW scored_clips AS FROM clips")
        connection.execute("CREATE TABLE raw_videos AS SELECT * FROM (VALUES ('v', 'u'), ('w', 'x')) t(video_id, uri)")
        connection.execute(
            "CREATE TABLE sources AS SELECT uri, NULL AS gone_at, ?::VARCHAR AS licence FROM raw_videos", [text]
        )
        connection.execute(f"CREATE TABLE judged AS {judge_sql(rules.tiers[0], KNOWN, None)}")
        assert connection.execute("SELECT clip_id, fail_mask, kept FROM judged").fetchall() == [
            ("a", 0, True),
            ("b", 0, True),
        ]
        rows = connection.execute(decisions_sql("judged", rules.tiers[0].bounds, 0, KNOWN)).fetchall()
        assert {r[4] for r in rows} == {"pass"} and len(rows) == 4
