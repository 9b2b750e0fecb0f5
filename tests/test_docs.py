"""The generated pages: they are what the code says today, and leave out no view, column, scorer or preset."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assets.filter_scores.scorers import SCORERS
from assets.tiers.rules import load_preset, preset_names
from assets.tiers.vocabulary import vocabulary
from docs.__main__ import FOLDER, PAGES
from docs.columns import REPEATED, VIEWS, columns_of_views, page
from docs.markdown import table

TIER = re.compile(r"tier_\d+")


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_is_what_the_code_says(name: str) -> None:
    assert (FOLDER / name).read_text() == PAGES[name](), "run `make docs`"


def test_every_view_is_described_with_its_columns_in_their_order() -> None:
    seen = {view: names for view, names in columns_of_views().items() if not TIER.fullmatch(view)}
    assert set(seen) == {*VIEWS, *REPEATED} - {"tier_1"}
    text = page()
    for view in VIEWS:
        part = text.split(f"\n## {view}\n", 1)[1].split("\n## ", 1)[0]
        listed = re.findall(r"^\| `(\w+)`", part, re.MULTILINE)
        expected = sorted if view == "filter_scores" else list
        assert expected(listed) == expected(seen[view])


def test_every_scorer_says_what_it_does_and_what_it_needs() -> None:
    text = page()
    for scorer in SCORERS:
        part = text.split(f"\n### {scorer.name}\n", 1)[1].split("\n### ", 1)[0]
        assert scorer.doc in part and (scorer.model is None or f"`{scorer.model}`" in part)


def test_every_rule_of_every_preset_is_listed() -> None:
    text = PAGES["presets.md"]()
    for name in preset_names():
        for tier in load_preset(name, vocabulary()).tiers:
            part = text.split(f"\n### {name}: {tier.name}\n", 1)[1].split("\n#", 1)[0]
            listed = re.findall(r"^\| `([\w.]+)`", part, re.MULTILINE)
            assert sorted(listed) == sorted(b.name for b in (*tier.bounds, *tier.inactive))


def test_cells_cannot_break_a_table() -> None:
    assert table(["a", "b", "c"], [["x|y", "", "1\n2"]]) == "| a | c |\n| --- | --- |\n| x\\|y | 1 2 |\n"


def test_pages_name_files_that_exist() -> None:
    house = Path(FOLDER).parent
    for name in PAGES:
        for named in re.findall(r"\]\((\w+\.md)\)", (FOLDER / name).read_text()):
            assert (FOLDER / named).is_file()
        for named in re.findall(r"`(assets/[\w/]+\.py)`", (FOLDER / name).read_text()):
            assert (house / named).is_file()
