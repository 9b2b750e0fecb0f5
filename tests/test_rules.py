"""Presets: each spelling is read, each fault is named with file and line, and no text of a preset becomes SQL."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import preset

from assets.columns import STRING, Column
from assets.planned import PLANNED_NUMBERS
from assets.tiers.literals import literal, quoted
from assets.tiers.rules import Bound, PresetError, load_preset, loosens, parse_preset, preset_names, with_bound
from assets.tiers.sql import decisions_sql, judge_sql
from assets.tiers.vocabulary import Vocabulary, vocabulary

KNOWN = vocabulary()
END = "\n[tier_2]\n[tier_3]\n"


def read(text: str, known: Vocabulary = KNOWN) -> None:
    parse_preset(text, "my/preset.toml", "preset", known)


def bounds(text: str) -> dict[str, Bound]:
    return {b.name: b for b in preset(text).tiers[0].bounds}


FAULTS = {
    "unknown column": ("sharpnes = { min = 1 }", ["tier_1.sharpnes", "unknown column", "did you mean sharpness"]),
    "no column like it": ("zzzzqqqq = { min = 1 }", ["unknown column", "known: ", "motion_mean"]),
    "text for a number": ('sharpness = { min = "1" }', ["sharpness.min = '1'", "a number"]),
    "truth for a number": ("sharpness = { min = true }", ["sharpness.min = True", "a number"]),
    "number for a text": ("orientation = { min = 1 }", ["orientation.min", "for texts use `in`"]),
    "not a number": ("sharpness = { min = nan }", ["sharpness.min", "a number"]),
    "endless": ("sharpness = { max = inf }", ["sharpness.max", "a number"]),
    "list without values": ("orientation = { in = [] }", ["orientation.in", "at least one value"]),
    "text for a list": ('orientation = { in = "portrait" }', ["orientation.in", "a list"]),
    "number in a list of texts": ("orientation = { in = [1] }", ["orientation.in", "another type"]),
    "text in a list of numbers": ('fps = { in = [25, "30"] }', ["fps.in: '30'", "another type"]),
    "truth in a list of numbers": ("fps = { in = [true] }", ["fps.in: True", "another type"]),
    "text for a flag": ('is_hdr = { in = ["false"] }', ["is_hdr.in", "another type"]),
    "number for a flag": ("is_hdr = { in = [0] }", ["is_hdr.in", "another type"]),
    "empty range": ("duration_s = { min = 5, max = 4 }", ["tier_1.duration_s", "empty range", "min 5", "max 4"]),
    "unknown word": ("sharpness = { min = 1, minimum = 2 }", ["unknown word 'minimum'", "keep_top"]),
    "no bound": ('sharpness = { note = "x" }', ["a rule is { min, max"]),
    "bare number": ("sharpness = 5", ["a rule is { min, max"]),
    "unmeasured": ('sharpness = { min = 1, unmeasured = "drop" }', ["unmeasured = 'drop'", "keep or hold"]),
    "source": ('sharpness = { min = 1, source = "me" }', ["source = 'me'", "paper or ours"]),
    "source list": ("sharpness = { min = 1, source = [] }", ["source = []", "paper or ours"]),
    "note": ("sharpness = { min = 1, note = 3 }", ["note is a text"]),
    "seed text": ('sample = { share = 0.5, seed = "a" }', ["seed is a whole number"]),
    "seed truth": ("sample = { share = 0.5, seed = true }", ["seed is a whole number"]),
    "seed fraction": ("sample = { share = 0.5, seed = 1.5 }", ["seed is a whole number"]),
    "share of a column": ("sharpness = { share = 0.5 }", ["`share` belongs to the word `sample`"]),
    "share of nothing": ("sample = { share = 0 }", ["sample.share = 0", "a share above 0"]),
    "share above one": ("sample = { share = 1.5 }", ["sample.share = 1.5", "up to 1"]),
    "sample by value": ('sample = { in = ["a"] }', ["sample", "takes nothing else"]),
    "sample by quota": ("sample = { quota = { a = 0.5, b = 0.5 } }", ["sample", "takes nothing else"]),
    "sample by top": ("sample = { keep_top = 0.5 }", ["sample", "takes nothing else"]),
    "top of a text": ("orientation = { keep_top = 0.5 }", ["orientation.keep_top", "numeric column"]),
    "top above one": ("sharpness = { keep_top = 2 }", ["sharpness.keep_top", "up to 1"]),
    "quota of a number": ("sharpness = { quota = { a = 0.5, b = 0.5 } }", ["sharpness.quota", "text column"]),
    "quota of a flag": ("is_hdr = { quota = { yes = 0.5, other = 0.5 } }", ["is_hdr.quota", "text column"]),
    "quota sum": ("orientation = { quota = { landscape = 0.6, portrait = 0.3 } }", ["sum to 1"]),
    "quota zero": ("orientation = { quota = { landscape = 1.0, portrait = 0.0 } }", ["above 0"]),
    "quota text": ('orientation = { quota = { landscape = "0.6", portrait = 0.4 } }', ["orientation.quota"]),
    "quota list": ("orientation = { quota = [0.6, 0.4] }", ["orientation.quota"]),
    "quota empty": ("orientation = { quota = {} }", ["orientation.quota"]),
}


@pytest.mark.parametrize(("rule", "told"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_named_with_file_and_line(rule: str, told: list[str]) -> None:
    with pytest.raises(PresetError) as error:
        read(f'title = "t"\n\n[tier_1]\n# a comment\nluma_mean = {{ min = 1 }}\n{rule}\n{END}')
    message = str(error.value)
    assert message.startswith("my/preset.toml:6: ")
    assert all(word in message for word in told), message


@pytest.mark.parametrize(
    ("later", "told"),
    [
        ("sharpness = { min = 49 }", ["tier_2.sharpness.min = 49.0", "looser than tier_1's 50.0"]),
        ("sharpness = { max = 600 }", ["tier_2.sharpness.max = 600.0", "looser"]),
        ('orientation = { in = ["landscape", "square"] }', ["tier_2.orientation.in", "looser"]),
    ],
)
def test_a_later_tier_may_not_be_looser(later: str, told: list[str]) -> None:
    first = '[tier_1]\nsharpness = { min = 50, max = 500 }\norientation = { in = ["landscape", "portrait"] }\n'
    with pytest.raises(PresetError) as error:
        read(f"{first}[tier_2]\n{later}\n[tier_3]\n")
    assert str(error.value).startswith("my/preset.toml:5: ") and all(word in str(error.value) for word in told)
    with pytest.raises(PresetError, match=r"preset.toml:6: tier_3.*looser than tier_1"):
        read(f"{first}[tier_2]\n[tier_3]\n{later}\n")


@pytest.mark.parametrize(
    "later",
    [
        "sharpness = { min = 50 }",
        "sharpness = { min = 51, max = 400 }",
        'orientation = { in = ["portrait"] }',
        "sharpness = { keep_top = 0.9 }",
    ],
)
def test_a_later_tier_may_be_as_strict_or_stricter(later: str) -> None:
    read(
        f'[tier_1]\nsharpness = {{ min = 50, max = 500 }}\norientation = {{ in = ["portrait", "square"] }}\n'
        f"[tier_2]\n{later}\n[tier_3]\n"
    )


@given(st.floats(-10, 10), st.floats(-10, 10), st.sampled_from(["min", "max"]))
def test_loosened_means_letting_in_what_was_kept_out(before: float, after: float, kind: str) -> None:
    def passes(bound: float, value: float) -> bool:
        return value >= bound if kind == "min" else value <= bound

    one, two = (Bound("sharpness", kind, v, "keep", "ours") for v in (before, after))
    values = sorted({before, after, (before + after) / 2, before - 1, before + 1})
    assert loosens(one, two) == any(passes(after, v) and not passes(before, v) for v in values)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[tier_1]\n[tier_2]\n", 1),
        ("", 1),
        ("[tier_1]\n[tier_3]\n[tier_2]\n", 2),
        ("[tier_1]\n[tier_2]\n[tier_3]\n[tier_5]\n", 4),
        ("[tier_1]\n[tier_2]\n[teir_3]\n", 3),
    ],
)
def test_tiers_are_numbered_from_one_and_at_least_three(text: str, line: int) -> None:
    with pytest.raises(PresetError, match="three or more, in order: tier_1, tier_2, tier_3") as error:
        read(text)
    assert str(error.value).startswith(f"my/preset.toml:{line}: ")


def test_captions_may_be_used_from_tier_2_on() -> None:
    known = Vocabulary(
        KNOWN.columns | {"caption": Column("caption", STRING, "Text.")}, KNOWN.views | {"caption": "captions"}
    )
    rule = 'caption = { in = ["a dog"] }'
    with pytest.raises(PresetError, match=r"^my/preset.toml:2: tier_1.caption: captions .* only tier_2"):
        read(f"[tier_1]\n{rule}{END}", known)
    read(f"[tier_1]\n[tier_2]\n{rule}\n[tier_3]\n", known)


def test_syntax_faults_name_the_line() -> None:
    for text, line in (
        ("[tier_1]\nsharpness = { min = }\n", 2),
        ("[tier_1]\na = { min = 1 }\na = { min = 2 }\n", 3),
        ("x = \n[", 1),
    ):
        with pytest.raises(PresetError, match=rf"^my/preset.toml:{line}: not valid TOML: "):
            read(text)
    with pytest.raises(PresetError, match=r"^my/preset.toml:2: not valid TOML"):
        read('[tier_1]\nx = """never closed')


def test_a_mask_has_room_for_63_bounds() -> None:
    numbers = [n for n in [*KNOWN.columns, *PLANNED_NUMBERS] if KNOWN.is_number(n)]
    rules = [f"{n} = {{ min = 0, max = 1 }}" for n in numbers[:32]]
    read("[tier_1]\n" + "\n".join([*rules[:31], f"{numbers[31]} = {{ min = 0 }}"]) + END)
    with pytest.raises(PresetError, match=r"^my/preset.toml:1: tier_1 has 64 bounds; at most 63"):
        read("[tier_1]\n" + "\n".join(rules) + END)


SPELLINGS = {
    "inline": ("[tier_1]\nluma_mean = { min = 1 }\nsharpness = { min = 9, max = 5 }", 3),
    "quoted": ('[tier_1]\nluma_mean.min = 1\n"sharpness" = { min = 9, max = 5 }', 3),
    "dotted": ("[tier_1]\nluma_mean.min = 1\nsharpness.min = 9\nsharpness.max = 5", 3),
    "sub-table": ("[tier_1]\nluma_mean.min = 1\n[tier_1.sharpness]\nmin = 9\nmax = 5", 3),
    "spaced": ("[ tier_1 ]\nluma_mean.min = 1\n[ tier_1 . sharpness ]\nmin = 9\nmax = 5", 3),
    "from the top": ("tier_1.luma_mean.min = 1\ntier_1.sharpness = { min = 9, max = 5 }", 2),
    "dotted from the top": ("tier_1.luma_mean.min = 1\ntier_1.sharpness.min = 9\ntier_1.sharpness.max = 5", 2),
    "words of another rule": ('[tier_1.luma_mean]\nmin = 1\nsource = "ours"\n[tier_1.sharpness]\nmin = 9\nmax = 5', 4),
    "longer name before": (
        "[tier_1]\nsharpness_2 = 3\nsharpness = { min = 9, max = 5 }".replace("sharpness_2 = 3", "# sharpness"),
        3,
    ),
    "same rule in another tier": (
        "[tier_1]\nsharpness = { min = 9, max = 5 }\n[tier_2]\nsharpness.min = 10\n[tier_3]",
        2,
    ),
}


@pytest.mark.parametrize(("text", "line"), SPELLINGS.values(), ids=SPELLINGS.keys())
def test_the_line_is_right_in_each_spelling(text: str, line: int) -> None:
    with pytest.raises(PresetError, match="empty range") as error:
        read(text + ("" if "[tier_2]" in text else END))
    assert str(error.value).startswith(f"my/preset.toml:{line}: ")


def test_a_rule_on_a_manifest_column_named_like_a_word_has_its_own_line() -> None:
    with pytest.raises(PresetError, match=r"^my/preset.toml:4: tier_1.source.in"):
        read(f'[tier_1.luma_mean]\nmin = 1\nsource = "ours"\n[tier_1.source]\nin = []\n{END}')


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
    tier = preset("[tier_1]\naesthetic_laion = { min = 4 }\nsharpness = { min = 5 }\nshake = { max = 1 }").tiers[0]
    assert [b.name for b in tier.bounds] == ["sharpness.min"]
    assert [b.name for b in tier.inactive] == ["aesthetic_laion.min", "shake.max"] and tier.hold_mask == 0
    with pytest.raises(PresetError, match="a number"):
        read(f'[tier_1]\naesthetic_laion = {{ min = "4" }}{END}')


def test_the_version_follows_what_a_verdict_depends_on() -> None:
    base = "[tier_1]\nsharpness = { min = 5 }\nsample = { share = 0.5, seed = 1 }"
    same = [
        base.replace("min = 5", "min = 5.0"),
        base.replace("min = 5 }", "min = 5, note = 'x', source = 'paper' }"),
        "# comment\n" + base,
        base + "\naesthetic_laion = { min = 4 }",
    ]
    other = [
        base.replace("= 5", "= 6"),
        base.replace("seed = 1", "seed = 2"),
        base.replace("min = 5", "min = 5, unmeasured = 'hold'"),
        base.replace("sharpness", "luma_mean"),
    ]
    version = preset(base).tiers[0].version
    assert all(preset(t).tiers[0].version == version for t in same)
    assert len({preset(t).tiers[0].version for t in other} | {version}) == 5


def test_shipped_presets_load_and_mark_each_number() -> None:
    assert {"starter", "movie_gen"} <= set(preset_names())
    for name in preset_names():
        shipped = load_preset(name, KNOWN)
        assert shipped.name == name and shipped.title != name and len(shipped.tiers) >= 3
        for tier in shipped.tiers:
            assert tier.bounds, f"{name} {tier.name} has an active rule"
            assert {b.source for b in (*tier.bounds, *tier.inactive)} <= {"paper", "ours"}
    assert {b.source for t in load_preset("starter", KNOWN).tiers for b in t.bounds} == {"ours"}
    film = load_preset("movie_gen", KNOWN)
    marked = {b.name: (b.value, b.source) for b in (*film.tiers[0].bounds, *film.tiers[0].inactive)}
    assert marked["short_side.min"] == (720.0, "paper") and marked["vmaf_motion.min"] == (2.0, "paper")
    assert marked["content_cut_rate.max"] == (0.85, "paper") and marked["motion_mean.min"][1] == "ours"
    assert marked["text_max_confidence.max"] == (0.6, "paper") and marked["border_ratio.max"][1] == "ours"


def test_every_shipped_rule_says_where_its_number_is_from() -> None:
    """movie_gen mixes the paper's numbers with ours: no rule may leave it to the default."""
    for line in (Path(__file__).parents[1] / "assets/tiers/presets/movie_gen.toml").read_text().splitlines():
        if "= {" in line and not line.startswith("#"):
            assert 'source = "' in line, line


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
        connection.execute("CREATE TABLE filter_scores AS SELECT clip_id FROM clips")
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
