"""A preset with moved bounds as a file: the text of the one that it was made from, with other numbers."""

from __future__ import annotations

import re
from pathlib import Path

import tomlkit

from assets.tiers.rules import Preset, parse_preset, preset_names
from assets.tiers.vocabulary import Vocabulary

from ..questions import QuestionError
from .moving import moves

NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")


def preset_text(original: Preset, preset: Preset, title: str) -> str:
    """The original's file, comments and all, with the numbers that were moved; those are marked `ours`."""
    document = tomlkit.parse(Path(original.path).read_text(encoding="utf-8"))
    document["title"] = title
    for tier, rule, _, value in moves(original, preset):
        column, _, kind = rule.rpartition(".")
        table = document[tier][column]  # type: ignore[index]
        table[kind] = int(value) if float(value).is_integer() else value  # type: ignore[index]
        if table.get("source") == "paper":  # type: ignore[union-attr]
            table["source"] = "ours"  # type: ignore[index]
    return tomlkit.dumps(document)


def save_preset(original: Preset, preset: Preset, vocabulary: Vocabulary, name: str, folder: Path) -> Path:
    """Write NAME.toml to the folder; nothing is ever overwritten. Raises QuestionError, and OSError of the disk."""
    if not NAME.fullmatch(name):
        raise QuestionError(f"{name!r}: a name is lower-case letters, digits and _, and starts with a letter")
    if name in preset_names():
        raise QuestionError(f"{name!r} is a preset that comes with the project; choose another name")
    path = folder / f"{name}.toml"
    changes = ", ".join(f"{tier}.{rule}={value:.12g}" for tier, rule, _, value in moves(original, preset))
    text = preset_text(original, preset, f"{original.title}; {original.name} with {changes or 'no other bounds'}")
    parse_preset(text, str(path), name, vocabulary)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise QuestionError(f"{path} is there already; choose another name") from None
    return path
