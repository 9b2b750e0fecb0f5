"""A preset: named tiers of rules, read from TOML and validated before anything runs.

A tier is a table of COLUMN = { min, max, in, keep_top, quota, share, unmeasured, source, note }. Each bound of a
rule is one bit of the tier's masks, in the order of the file. Nothing here touches data.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ..store import fingerprint
from .vocabulary import Vocabulary

PRESETS = Path(__file__).parent / "presets"
KINDS = ("min", "max", "in", "keep_top", "quota", "share")
WORDS = ("unmeasured", "source", "note", "seed")
MAX_BOUNDS = 63
"""Bounds of one tier fit an unsigned 64-bit mask."""

Value = float | str | bool | tuple[Any, ...] | dict[str, float]


class PresetError(ValueError):
    """A preset breaks a rule; the message names file and line and says what is allowed."""


@dataclass(frozen=True)
class Bound:
    """One bit of a tier: a column, one bound on it, and what happens where the column is NULL."""

    column: str
    kind: str
    value: Value
    unmeasured: Literal["keep", "hold"]
    source: Literal["paper", "ours"]
    note: str = ""
    seed: int = 0
    active: bool = True
    line: int = 0

    @property
    def name(self) -> str:
        """As it is spelled in `decisions.rule` and on the command line: COLUMN.min."""
        return f"{self.column}.{self.kind}"

    def identity(self) -> list[Any]:
        """What a verdict depends on."""
        return [self.column, self.kind, self.value, self.unmeasured, self.seed]


@dataclass(frozen=True)
class Tier:
    """Rules of one tier, in order. `bounds` are the active ones; `inactive` those without a measured column."""

    name: str
    bounds: tuple[Bound, ...]
    inactive: tuple[Bound, ...] = ()

    @property
    def hold_mask(self) -> int:
        """Bits whose missing value keeps a clip out."""
        return sum(1 << i for i, b in enumerate(self.bounds) if b.unmeasured == "hold")

    @property
    def version(self) -> str:
        return fingerprint("rules", [b.identity() for b in self.bounds])


@dataclass(frozen=True)
class Preset:
    """A named list of progressively stricter tiers."""

    name: str
    title: str
    tiers: tuple[Tier, ...]
    path: str = ""

    def tier(self, name: str) -> Tier:
        """Raises KeyError when the preset has no such tier."""
        return {t.name: t for t in self.tiers}[name]


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
    """Parse and validate the text of a preset. Raises PresetError that names `path` and the line."""
    reader = _Reader(path, text, vocabulary)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        told = re.search(r"at line (\d+)", str(error))
        raise PresetError(f"{path}:{told[1] if told else len(reader.lines)}: not valid TOML: {error}") from error
    tables = {k: v for k, v in document.items() if isinstance(v, dict)}
    expected = [f"tier_{i + 1}" for i in range(max(len(tables), 3))]
    if list(tables) != expected:
        reader.fail(
            next((reader.line(k, None) for k, e in zip(tables, expected, strict=False) if k != e), 1),
            f"tiers are {', '.join(tables) or 'absent'}; a preset has three or more, in order: {', '.join(expected)}",
        )
    tiers = tuple(reader.tier(number, key, table) for number, (key, table) in enumerate(tables.items(), 1))
    reader.check_order(tiers)
    return Preset(name, str(document.get("title", name)), tuple(_split(t) for t in tiers), path)


def _split(tier: Tier) -> Tier:
    return Tier(tier.name, tuple(b for b in tier.bounds if b.active), tuple(b for b in tier.bounds if not b.active))


def _names(key: str) -> list[str]:
    """The parts of a TOML key: `tier_1 . "sharpness"` is [tier_1, sharpness]."""
    return [part.strip().strip("\"'") for part in key.split(".")]


def _is_number(value: Any) -> bool:
    """TOML has nan and inf: they bound nothing."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


class _Reader:
    """Turns parsed TOML into tiers, and knows on which line a key stands."""

    def __init__(self, path: str, text: str, vocabulary: Vocabulary) -> None:
        self.path, self.vocabulary = path, vocabulary
        self.lines = text.splitlines()

    def fail(self, line: int, message: str) -> None:
        raise PresetError(f"{self.path}:{line}: {message}")

    def line(self, tier: str, key: str | None) -> int:
        """Line on which a tier, or a key of it, is first named; 1 when it cannot be found."""
        wanted, section = [tier] if key is None else [tier, key], []
        for number, text in enumerate(self.lines, 1):
            if header := re.match(r"\s*\[([^\[\]]+)\]\s*(#.*)?$", text):
                section = named = _names(header[1])
            else:
                named = section + _names(text.partition("=")[0]) if "=" in text else []
            if named[: len(wanted)] == wanted:
                return number
        return 1

    def tier(self, number: int, name: str, table: dict[str, Any]) -> Tier:
        bounds = tuple(b for key, rule in table.items() for b in self.rule(number, name, key, rule))
        if len(bounds) > MAX_BOUNDS:
            self.fail(self.line(name, None), f"{name} has {len(bounds)} bounds; at most {MAX_BOUNDS} fit its mask")
        return Tier(name, bounds)

    def rule(self, number: int, tier: str, column: str, rule: Any) -> Iterator[Bound]:
        line = self.line(tier, column)
        if not isinstance(rule, dict) or not set(rule) & set(KINDS):
            self.fail(
                line,
                f"{tier}.{column} = {rule!r}: a rule is {{ min, max, in, keep_top, quota or share, "
                "unmeasured, source, note }",
            )
        if unknown := sorted(set(rule) - set(KINDS) - set(WORDS)):
            self.fail(line, f"{tier}.{column}: unknown word {unknown[0]!r}; allowed: {', '.join(KINDS + WORDS)}")
        self.check_column(line, tier, column, number)
        self.check_words(line, f"{tier}.{column}", rule)
        default = "keep" if number == 1 else "hold"
        for kind in (k for k in KINDS if k in rule):
            yield Bound(
                column,
                kind,
                self.value(line, f"{tier}.{column}", column, kind, rule[kind]),
                rule.get("unmeasured", default),
                rule.get("source", "ours"),
                rule.get("note", ""),
                rule.get("seed", 0),
                self.vocabulary.is_active(column),
                line,
            )
        if "min" in rule and "max" in rule and rule["min"] > rule["max"]:
            self.fail(line, f"{tier}.{column}: empty range, min {rule['min']} is above max {rule['max']}")

    def check_column(self, line: int, tier: str, column: str, number: int) -> None:
        if not self.vocabulary.knows(column):
            near = self.vocabulary.nearest(column)
            self.fail(line, f"{tier}.{column}: unknown column; {near}")
        if number == 1 and self.vocabulary.is_caption(column):
            self.fail(
                line, f"tier_1.{column}: captions are written for clips of tier_1, so only tier_2 and up may use them"
            )

    def check_words(self, line: int, where: str, rule: dict[str, Any]) -> None:
        allowed = {"unmeasured": ("keep", "hold"), "source": ("paper", "ours")}
        for word, values in allowed.items():
            if rule.get(word, values[0]) not in values:
                self.fail(line, f"{where}: {word} = {rule[word]!r}; allowed: {' or '.join(values)}")
        if type(rule.get("seed", 0)) is not int or not isinstance(rule.get("note", ""), str):
            self.fail(line, f"{where}: seed is a whole number, note is a text")

    def value(self, line: int, where: str, column: str, kind: str, value: Any) -> Value:
        """The checked bound. Numbers for numeric columns, lists of texts for `in`, shares from 0 to 1."""
        numeric = _is_number(value)
        if (kind == "share") != (column == "sample"):
            self.fail(line, f"{where}.{kind}: `share` belongs to the word `sample`, and `sample` takes nothing else")
        if kind in ("min", "max"):
            if not numeric or not self.vocabulary.is_number(column):
                self.fail(
                    line, f"{where}.{kind} = {value!r}: a number on a numeric column is needed; for texts use `in`"
                )
            return float(value)
        if kind in ("keep_top", "share"):
            if not numeric or not 0 < value <= 1 or (kind == "keep_top" and not self.vocabulary.is_number(column)):
                self.fail(
                    line,
                    f"{where}.{kind} = {value!r}: a share above 0 and up to 1 is needed"
                    f"{', on a numeric column' if kind == 'keep_top' else ''}",
                )
            return float(value)
        if kind == "quota":
            return self.quota(line, where, column, value)
        if not isinstance(value, list) or not value:
            self.fail(line, f"{where}.in = {value!r}: a list with at least one value is needed")
        if wrong := [v for v in value if not self.is_value(column, v)]:
            self.fail(line, f"{where}.in: {wrong[0]!r} has another type than the column")
        return tuple(value)

    def is_value(self, column: str, value: Any) -> bool:
        """Whether a value has the column's type."""
        if self.vocabulary.is_number(column):
            return _is_number(value)
        return isinstance(value, bool if self.vocabulary.is_flag(column) else str)

    def quota(self, line: int, where: str, column: str, value: Any) -> dict[str, float]:
        shares = value if isinstance(value, dict) else {}
        wrong = [k for k, v in shares.items() if not _is_number(v) or not 0 < v < 1]
        other = self.vocabulary.is_number(column) or self.vocabulary.is_flag(column)
        if not shares or wrong or other or abs(sum(shares.values()) - 1) > 1e-6:
            self.fail(
                line,
                f"{where}.quota = {value!r}: shares above 0 of the values of a text column, that sum to 1, "
                "are needed, such as { landscape = 0.6, portrait = 0.4 }",
            )
        return {k: float(v) for k, v in shares.items()}

    def check_order(self, tiers: tuple[Tier, ...]) -> None:
        """Tier n selects from tier n-1 and may not loosen a bound."""
        strictest: dict[tuple[str, str], tuple[Bound, str]] = {}
        for tier in tiers:
            for bound in tier.bounds:
                before = strictest.get((bound.column, bound.kind))
                if before and loosens(before[0], bound):
                    self.fail(
                        bound.line,
                        f"{tier.name}.{bound.name} = {bound.value} is looser than {before[1]}'s "
                        f"{before[0].value}; a later tier selects from it and may only be stricter",
                    )
                strictest[(bound.column, bound.kind)] = (bound, tier.name)


def loosens(before: Bound, after: Bound) -> bool:
    """Whether `after` would let in what `before`, in an earlier tier, keeps out."""
    if after.kind == "min":
        return after.value < before.value  # type: ignore[operator]
    if after.kind == "max":
        return after.value > before.value  # type: ignore[operator]
    return after.kind == "in" and not set(after.value) <= set(before.value)  # type: ignore[arg-type]


def with_bound(preset: Preset, tier: str | None, rule: str, value: float) -> tuple[Preset, list[str]]:
    """The preset with another number for a bound, and the tiers it changed: all that have it unless one is named."""
    changed, tiers = [], []
    for t in preset.tiers:
        hit = [b.name == rule and isinstance(b.value, float) and tier in (None, t.name) for b in t.bounds]
        bounds = tuple(replace(b, value=value) if h else b for b, h in zip(t.bounds, hit, strict=True))
        tiers.append(replace(t, bounds=bounds))
        if any(hit):
            changed.append(t.name)
    return replace(preset, tiers=tuple(tiers)), changed
