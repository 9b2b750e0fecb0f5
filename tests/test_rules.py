"""Presets: each spelling is read, and each fault is named with file and line."""

from __future__ import annotations

import pytest

from assets.columns import STRING, Column
from assets.planned import PLANNED_NUMBERS
from assets.tiers.rules import PresetError, parse_preset
from assets.tiers.vocabulary import Vocabulary, vocabulary

KNOWN = vocabulary()
END = "\n[tier_2]\n[tier_3]\n"


def read(text: str, known: Vocabulary = KNOWN) -> None:
    parse_preset(text, "my/preset.toml", "preset", known)


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
    "best by a text": ('group_id = { keep_best = ["codec"] }', ["group_id.keep_best = 'codec'", "numeric column"]),
    "best by nothing": ("group_id = { keep_best = [] }", ["group_id.keep_best = []", "a list of numeric columns"]),
    "best by one name": ('group_id = { keep_best = "clarity" }', ["keep_best = 'clarity'", "a list"]),
    "best by a number": ("group_id = { keep_best = [1] }", ["keep_best = [1]", "a list"]),
    "best twice": ('group_id = { keep_best = ["noise", "-noise"] }', ["each once"]),
    "best misspelt": ('group_id = { keep_best = ["clarty"] }', ["unknown column", "did you mean clarity"]),
    "best by a caption": ('group_id = { keep_best = ["caption_version"] }', ["captions", "only tier_2"]),
    "best of a number": ('sharpness = { keep_best = ["noise"] }', ["sharpness.keep_best", "names the group"]),
    "best of a flag": ('is_hdr = { keep_best = ["noise"] }', ["is_hdr.keep_best", "names the group"]),
    "sampled flag": ("is_hdr = { sqrt_sample = 0.5 }", ["is_hdr.sqrt_sample", "texts or whole numbers"]),
    "sampled number": ("sharpness = { sqrt_sample = 0.5 }", ["sharpness.sqrt_sample", "texts or whole numbers"]),
    "sampled above one": ("concept_id = { sqrt_sample = 1.1 }", ["concept_id.sqrt_sample = 1.1", "up to 1"]),
    "sample by root": ("sample = { sqrt_sample = 0.5 }", ["sample", "takes nothing else"]),
    "preserve alone": ('concept_id = { min = 1, preserve = "noise" }', ["preserve", "belongs to sqrt_sample"]),
    "preserve a text": ('concept_id = { sqrt_sample = 0.5, preserve = "codec" }', ["preserve = 'codec'", "numeric"]),
    "preserve a list": ("concept_id = { sqrt_sample = 0.5, preserve = [] }", ["preserve = []", "numeric"]),
    "reason of a failure": ('error = { in = ["x"] }', ["tier_1.error", "unknown column"]),
    "quota empty": ("orientation = { quota = {} }", ["orientation.quota"]),
}


@pytest.mark.parametrize(("rule", "told"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_named_with_file_and_line(rule: str, told: list[str]) -> None:
    with pytest.raises(PresetError) as error:
        read(f'title = "t"\n\n[tier_1]\n# a comment\nluma_mean = {{ min = 1 }}\n{rule}\n{END}')
    message = str(error.value)
    assert message.startswith("my/preset.toml:6: ")
    assert all(word in message for word in told), message


def test_all_faults_are_told_at_once_in_the_order_of_the_file() -> None:
    text = (
        "[tier_1]\nsharpnes = { min = 1 }\nsharpness = { min = 50 }\nmotion_mean = 3\n"
        "[tier_2]\nsharpness = { min = 40 }\nfps = { max = 'a' }\n[tier_3]\n"
    )
    with pytest.raises(PresetError) as error:
        read(text)
    lines = str(error.value).splitlines()
    assert [line.split(": ")[0] for line in lines] == [f"my/preset.toml:{n}" for n in (2, 4, 6, 7)]
    assert "unknown column" in lines[0] and "a rule is" in lines[1] and "looser" in lines[2] and "a number" in lines[3]


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
    numbers = [n for n in [*KNOWN.columns, *PLANNED_NUMBERS] if KNOWN.is_number(n) and not KNOWN.is_caption(n)]
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
