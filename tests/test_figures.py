"""What is shown of a part: the right clips, bounds as numbers, hostile words as text, pictures that stay small."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from markdown_it import MarkdownIt
from PIL import Image

from assets.figures.charts import funnel_chart, histograms, series_chart, sizes_chart
from assets.figures.choose import across_cuts, each_kind_first, evenly, largest_and_others, low_middle_high
from assets.figures.histogram import bounds_on, histogram
from assets.figures.markdown import Markdown, image, plain, table, text
from assets.figures.sheet import CELL, GUTTER, MOST_BYTES, Cell, Strip, fitted, sheet
from assets.tiers.funnel import FunnelRow
from assets.tiers.rules import Preset, parse_preset
from assets.tiers.vocabulary import vocabulary

HOSTILE = (
    "<script>alert(1)</script>", "![x](http://evil.example/p.png)", "[a](javascript:alert(1))", "a | b\n| c",
    "# head\n- list", "`code` **bold** _it_ ~~no~~", "&lt;b&gt; &#60;", "https://evil.example www.evil.example",
    "me@evil.example", "\u202egpj.exe", "\\", "| --- | --- |\n", "$x^2$",
)  # fmt: skip


def parsed(markdown: str) -> list[str]:
    """Kinds of all parts that a Markdown reader finds."""
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    return [t.type for t in tokens] + [c.type for t in tokens for c in t.children or ()]


@pytest.mark.parametrize("words", HOSTILE)
def test_words_of_strangers_are_text(words: str) -> None:
    assert set(parsed(text(words))) <= {"paragraph_open", "inline", "paragraph_close", "text", "text_special"}
    one = table(("name",), [(words,)])
    assert parsed(one).count("td_open") == 1 and parsed(one).count("th_open") == 1
    assert not {"html_inline", "html_block", "image", "link_open", "code_inline", "strong_open"} & set(parsed(one))


def test_addresses_in_words_are_no_links() -> None:
    """Dagster's reader makes links of bare addresses, after escapes are resolved."""
    for words in HOSTILE:
        seen = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text(words))
        assert not re.search(r"https?://|www\.|\w@\w", seen)


def test_control_and_direction_characters_are_shown_as_escapes() -> None:
    assert plain("a\u202eb\x1b[0m\n") == "a\\u202eb\\x1b[0m\\n"
    assert len(plain("x" * 10_000)) <= 400


def test_numbers_are_short_and_to_the_right() -> None:
    assert [plain(v) for v in (1234567, 0.123456, 54321.6, True, None)] == ["1,234,567", "0.1235", "54322", "yes", ""]
    assert table(("a", "b"), [(1, "x")]).splitlines()[1] == "| --: | --- |"
    assert table(("a",), []) == ""
    assert table(("a",), [(Markdown("**kept**"),)]).splitlines()[2] == "| **kept** |"


def test_lowest_middle_and_highest() -> None:
    values = np.array([5, np.nan, 1, 9, 3, 7, 2, 8, 4, 6], float)
    places = low_middle_high(values, 2)
    assert {name: values[listed].tolist() for name, listed in places.items()} == {
        "lowest": [1, 2], "middle": [4, 5], "highest": [8, 9],
    }  # fmt: skip


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 7])
def test_no_clip_is_shown_twice(count: int) -> None:
    shown = [i for listed in low_middle_high(np.arange(count, dtype=float), 4).values() for i in listed]
    assert sorted(shown) == list(range(count))


def test_every_kind_of_cut_is_shown_first() -> None:
    kinds = ["start", *["cut"] * 50, "fade", *["cut"] * 20, "dissolve"]
    chosen = each_kind_first(list(enumerate(kinds)), lambda pair: pair[1], 6)
    assert {kind for _, kind in chosen} == set(kinds) and len(chosen) == 6
    assert chosen == sorted(chosen)


def test_pictures_across_the_cuts() -> None:
    assert across_cuts([3, 8], [10, 20, 30, 40], [50, 60]) == [8, 10, 30, 40, 50]
    assert across_cuts([], [10], []) == [None, 10, None, None, None]
    assert across_cuts([8], [], [50]) == [8, None, None, None, 50]


def test_things_evenly_and_the_largest() -> None:
    assert evenly(range(100), 3) == [0, 50, 99] and evenly([1, 2], 5) == [1, 2]
    assert largest_and_others({"a": 2, "b": 9, "c": 5, "d": 2, "e": 2}, 3) == ["b", "c", "d"]


RULES = """
[tier_1]
motion_mean = { min = 1.0, max = 60 }
[tier_2]
motion_mean = { min = 1.5, max = 60 }
[tier_3]
motion_mean = { min = 1.5, max = 50 }
"""


@pytest.fixture
def preset() -> Preset:
    return parse_preset(RULES, "p.toml", "p", vocabulary())


def test_bounds_of_each_tier_are_drawn(preset: Preset) -> None:
    values = np.linspace(0, 40, 200)
    drawn = histogram("motion_mean", "%", values, bounds_on(preset, "motion_mean"))
    assert [(m.label, m.value, m.tier, m.outside) for m in drawn.marks] == [
        ("tier_1 min 1", 1.0, 1, False),
        ("tier_2, tier_3 min 1.5", 1.5, 2, False),
        ("tier_3 max 50", 50.0, 3, False),
        ("tier_1, tier_2 max 60", 60.0, 1, False),
    ]
    assert drawn.counts.sum() == 200 and drawn.beyond == 0
    assert drawn.edges[0] == 0 and drawn.edges[-1] == 60


def test_a_bound_far_away_is_told_and_does_not_press_the_bars(preset: Preset) -> None:
    drawn = histogram("motion_mean", "%", np.linspace(2, 3, 50), bounds_on(preset, "motion_mean"))
    assert {m.label: m.outside for m in drawn.marks}["tier_3 max 50"]
    assert drawn.edges[-1] <= 4 and drawn.edges[0] == 1.0


def test_a_few_extremes_are_counted_and_not_drawn() -> None:
    values = np.concatenate([np.linspace(0, 1, 500), [1000.0, 2000.0]])
    drawn = histogram("noise", "levels", values, [])
    assert drawn.beyond == 2 and drawn.edges[-1] < 2 and drawn.counts.sum() == 500


def test_words_in_charts_are_no_formulas_and_need_no_glyph(preset: Preset) -> None:
    for title in ("$x^{2", "\\frac", "中文字幕.mp4", "a_b^c"):
        coded = series_chart([(title, np.arange(3.0), {"luma": np.arange(3.0)})])
        assert Image.open(io.BytesIO(coded)).format == "PNG"
        panel = histogram(title, "%", np.arange(9.0), bounds_on(preset, "motion_mean"))
        assert Image.open(io.BytesIO(histograms([panel] * 4))).width < 900


def test_charts_of_nothing() -> None:
    """A tier without candidates, and a library without concepts."""
    rows = [FunnelRow("tier_1", name, "", "", 0, 0.0) for name in ("input", "kept")]
    assert funnel_chart(rows).startswith(b"\x89PNG")
    assert sizes_chart({"clips": np.zeros(0)}, "none").startswith(b"\x89PNG")


def test_one_value_has_a_histogram() -> None:
    drawn = histogram("x", "", np.array([3.0, 3.0]), [])
    assert drawn.counts.sum() == 2 and drawn.edges[0] < 3 < drawn.edges[-1]


def jpeg(picture: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG")
    return out.getvalue()


def test_a_sheet_has_its_pictures_in_their_places() -> None:
    red, blue = (jpeg(np.full((90, 160, 3), colour, np.uint8)) for colour in ((255, 0, 0), (0, 0, 255)))
    coded = sheet([Strip("", (Cell(red, ("one",)), Cell(blue, ("two",), cut=True), Cell(None)))])
    drawn = np.asarray(Image.open(io.BytesIO(coded)).convert("RGB"), int)
    middle, step = GUTTER + CELL[1] // 2, CELL[0] + GUTTER
    found = [drawn[middle, GUTTER + CELL[0] // 2 + i * step] for i in range(3)]
    assert found[0][0] > 200 > 60 > found[0][2] and found[1][2] > 200 > 60 > found[1][0]
    assert found[2].min() > 200
    cut = drawn[middle, GUTTER + step - GUTTER // 2]
    assert cut[0] > 150 and cut[1] < 100


def test_a_sheet_of_noise_stays_small() -> None:
    noise = jpeg(np.random.default_rng(0).integers(0, 255, (360, 640, 3), np.uint8))
    assert len(sheet([Strip(f"{i}", (Cell(noise, ("a", "b")),) * 5) for i in range(5)])) <= MOST_BYTES


def test_what_is_no_picture_is_an_empty_place() -> None:
    assert sheet([Strip("", (Cell(b"no picture"), Cell(jpeg(np.zeros((1, 1, 3), np.uint8)))))])
    assert sheet([])


def test_names_fit_below_their_pictures() -> None:
    assert fitted("short.mp4", 160) == "short.mp4"
    assert len(fitted("a very long name of a file " * 9 + ".mp4", 160)) < 40
    assert fitted("копия's pan \u202e.mp4", 400).startswith("копия")


def test_pictures_are_inside_the_text() -> None:
    told = image(jpeg(np.zeros((8, 8, 3), np.uint8)), "a [x](y) picture")
    kind, data = re.search(r"\(data:image/(\w+);base64,([^)]*)\)", told).groups()  # type: ignore[union-attr]
    assert kind == "jpeg" and Image.open(io.BytesIO(base64.b64decode(data))).size == (8, 8)
    assert "link_open" not in parsed(told)
