"""A preset read: its file is found, its tiers are in order, no later tier is looser. How one rule is read: reader.py.

A tier is a table of COLUMN = { min, max, in, keep_top, quota, share, keep_best, sqrt_sample, preserve, unmeasured,
source, note, seed }. Each bound of a rule is one bit of the tier's masks, in the order of the file. All faults of a
file are told at once. Nothing here touches data.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from .bounds import Bound, Preset, PresetError, Tier, loosens, with_bound
from .reader import Reader
from .vocabulary import LATER_VIEWS, Vocabulary

__all__ = [
    "Bound",
    "Preset",
    "PresetError",
    "Tier",
    "load_preset",
    "loosens",
    "parse_preset",
    "preset_names",
    "with_bound",
]

PRESETS = Path(__file__).parent / "presets"


def preset_names() -> list[str]:
    """The presets that come with the project."""
    return sorted(p.stem for p in PRESETS.glob("*.toml"))


def load_preset(name_or_path: str, vocabulary: Vocabulary) -> Preset:
    """A preset by name or by the path of a TOML file. Raises PresetError."""
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = PRESETS / f"{name_or_path}.toml"
    elif path.stem in preset_names() and path.resolve().parent != PRESETS.resolve():
        raise PresetError(
            f"{path}: a preset of your own cannot be called {path.stem!r}, the results of the one that "
            "comes with the project lie under that name; rename the file"
        )
    if not path.is_file():
        raise PresetError(
            f"no preset {name_or_path!r}; choose one of {', '.join(preset_names())}, or the path of a .toml file"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PresetError(f"{path}: not UTF-8 text: {error}") from error
    return parse_preset(text, str(path), path.stem, vocabulary)


def parse_preset(text: str, path: str, name: str, vocabulary: Vocabulary) -> Preset:
    """Parse and validate the text of a preset. Raises PresetError with a line `path:line: ...` for each fault."""
    reader = Reader(path, text, vocabulary)
    document = _document(reader, text)
    tables = {k: v for k, v in document.items() if isinstance(v, dict)}
    _check_names(reader, list(tables))
    tiers = tuple(reader.tier(number, key, table) for number, (key, table) in enumerate(tables.items(), 1))
    _check_order(reader, tiers)
    reader.raise_faults()
    return Preset(name, str(document.get("title", name)), tuple(_split(t, vocabulary) for t in tiers), path)


def _document(reader: Reader, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        told = re.search(r"at line (\d+)", str(error))
        line = int(told[1]) if told else len(reader.lines)
        raise PresetError(f"{reader.path}:{line}: not valid TOML: {error}") from error


def _check_names(reader: Reader, tables: list[str]) -> None:
    """Without the right tiers nothing else is told: a misspelt header makes faults of all that follows."""
    expected = [f"tier_{i + 1}" for i in range(max(len(tables), 3))]
    if tables == expected:
        return
    first = next((reader.line(k, None) for k, e in zip(tables, expected, strict=False) if k != e), 1)
    reader.add(
        first,
        f"tiers are {', '.join(tables) or 'absent'}; a preset has three or more, in order: {', '.join(expected)}",
    )
    reader.raise_faults()


def _check_order(reader: Reader, tiers: tuple[Tier, ...]) -> None:
    """Tier n selects from tier n-1 and may not loosen a bound."""
    strictest: dict[tuple[str, str], tuple[Bound, str]] = {}
    for tier in tiers:
        for bound in tier.bounds:
            before = strictest.get((bound.column, bound.kind))
            if before and loosens(before[0], bound):
                reader.add(
                    bound.line,
                    f"{tier.name}.{bound.name} = {bound.value} is looser than {before[1]}'s "
                    f"{before[0].value}; a later tier selects from it and may only be stricter",
                )
            strictest[(bound.column, bound.kind)] = (bound, tier.name)


def _split(tier: Tier, vocabulary: Vocabulary) -> Tier:
    active = tuple(b for b in tier.bounds if b.active)
    read = {vocabulary.views.get(column) for bound in active for column in bound.columns}
    views = tuple(view for view in LATER_VIEWS if view in read)
    return Tier(tier.name, active, tuple(b for b in tier.bounds if not b.active), views)
