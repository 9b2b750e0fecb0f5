"""One rule of a preset checked: parsed TOML to bounds, every fault with the line of the file on which it stands."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from .bounds import KINDS, MAX_BOUNDS, SHARES, WORDS, Bound, PresetError, Tier, Value
from .vocabulary import SAMPLE, Vocabulary


class _Fault(Exception):
    """One rule is wrong; the others are still read."""


def _names(key: str) -> list[str]:
    """The parts of a TOML key: `tier_1 . "sharpness"` is [tier_1, sharpness]."""
    return [part.strip().strip("\"'") for part in key.split(".")]


def _is_number(value: Any) -> bool:
    """TOML has nan and inf: they bound nothing."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


class Reader:
    """Turns parsed TOML into tiers, collects what is wrong, and knows on which line a key stands."""

    def __init__(self, path: str, text: str, vocabulary: Vocabulary) -> None:
        self.path, self.vocabulary = path, vocabulary
        self.lines = text.splitlines()
        self.faults: list[tuple[int, str]] = []

    def add(self, line: int, message: str) -> None:
        self.faults.append((line, message))

    def raise_faults(self) -> None:
        """Raises PresetError when there are faults: a line for each, in the order of the file."""
        if self.faults:
            told = sorted(self.faults, key=lambda fault: fault[0])
            raise PresetError("\n".join(f"{self.path}:{line}: {message}" for line, message in told))

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
        """The tier with all of its rules that are right; what is wrong with the others is collected."""
        bounds: list[Bound] = []
        for column, rule in table.items():
            try:
                bounds += list(_RuleReader(self, number, name, column).read(rule))
            except _Fault as fault:
                self.add(self.line(name, column), str(fault))
        if len(bounds) > MAX_BOUNDS:
            self.add(self.line(name, None), f"{name} has {len(bounds)} bounds; at most {MAX_BOUNDS} fit its mask")
        return Tier(name, tuple(bounds))


class _RuleReader:
    """One rule of a tier. Every method raises _Fault with a sentence that says what is allowed."""

    def __init__(self, reader: Reader, number: int, tier: str, column: str) -> None:
        self.vocabulary = reader.vocabulary
        self.number, self.column, self.where = number, column, f"{tier}.{column}"
        self.file_line = reader.line(tier, column)

    def read(self, rule: Any) -> Iterator[Bound]:
        """A bound for each kind that the rule names."""
        if not isinstance(rule, dict) or not set(rule) & set(KINDS):
            raise _Fault(
                f"{self.where} = {rule!r}: a rule is {{ min, max, in, keep_top, quota, share, keep_best or "
                "sqrt_sample, unmeasured, source, note }"
            )
        if unknown := sorted(set(rule) - set(KINDS) - set(WORDS)):
            raise _Fault(f"{self.where}: unknown word {unknown[0]!r}; allowed: {', '.join(KINDS + WORDS)}")
        self.check_column(self.where, self.column)
        self.check_words(rule)
        values = {kind: self.value(kind, rule[kind]) for kind in KINDS if kind in rule}
        if "min" in rule and "max" in rule and rule["min"] > rule["max"]:
            raise _Fault(f"{self.where}: empty range, min {rule['min']} is above max {rule['max']}")
        return (self.bound(kind, value, rule) for kind, value in values.items())

    def bound(self, kind: str, value: Value, rule: dict[str, Any]) -> Bound:
        preserve = rule.get("preserve", "") if kind == "sqrt_sample" else ""
        others = [preserve] if preserve else list(self.listed(value)) if kind == "keep_best" else []
        return Bound(
            self.column,
            kind,
            value,
            rule.get("unmeasured", "keep" if self.number == 1 else "hold"),
            rule.get("source", "ours"),
            rule.get("note", ""),
            rule.get("seed", 0),
            self.vocabulary.is_active(self.column),
            self.file_line,
            preserve,
            tuple(name for name in others if not self.vocabulary.is_active(name)),
        )

    def check_column(self, where: str, column: str) -> None:
        if not self.vocabulary.knows(column):
            raise _Fault(f"{where}: unknown column; {self.vocabulary.nearest(column)}")
        if self.number == 1 and self.vocabulary.is_caption(column):
            raise _Fault(f"{where}: captions are written for clips of tier_1, so only tier_2 and up may use them")

    def check_words(self, rule: dict[str, Any]) -> None:
        allowed = {"unmeasured": ("keep", "hold"), "source": ("paper", "ours")}
        for word, values in allowed.items():
            if rule.get(word, values[0]) not in values:
                raise _Fault(f"{self.where}: {word} = {rule[word]!r}; allowed: {' or '.join(values)}")
        if type(rule.get("seed", 0)) is not int or not isinstance(rule.get("note", ""), str):
            raise _Fault(f"{self.where}: seed is a whole number, note is a text")
        if "preserve" in rule:
            if "sqrt_sample" not in rule:
                raise _Fault(f"{self.where}.preserve: the word belongs to sqrt_sample")
            self.check_numeric(f"{self.where}.preserve", rule["preserve"])

    def check_numeric(self, where: str, column: Any) -> None:
        """A column that a rule names beside its own: it must be there, and be a number."""
        if not isinstance(column, str):
            raise _Fault(f"{where} = {column!r}: the name of a numeric column is needed")
        self.check_column(f"{where} = {column!r}", column)
        if not self.vocabulary.is_number(column):
            raise _Fault(f"{where} = {column!r}: the name of a numeric column is needed")

    def value(self, kind: str, value: Any) -> Value:
        """The checked bound. Numbers for numeric columns, lists of texts for `in`, shares from 0 to 1."""
        if (kind == "share") != (self.column == SAMPLE):
            raise _Fault(f"{self.where}.{kind}: `share` belongs to the word `sample`, and `sample` takes nothing else")
        if kind in ("min", "max"):
            return self.number_of(kind, value)
        if kind in SHARES:
            return self.share(kind, value)
        if kind == "quota":
            return self.quota(value)
        if kind == "keep_best":
            return self.best(value)
        if not isinstance(value, list) or not value:
            raise _Fault(f"{self.where}.in = {value!r}: a list with at least one value is needed")
        if wrong := [v for v in value if not self.is_value(v)]:
            raise _Fault(f"{self.where}.in: {wrong[0]!r} has another type than the column")
        return tuple(value)

    def number_of(self, kind: str, value: Any) -> float:
        if not _is_number(value) or not self.vocabulary.is_number(self.column):
            told = "a number on a numeric column is needed; for texts use `in`"
            raise _Fault(f"{self.where}.{kind} = {value!r}: {told}")
        return float(value)

    def share(self, kind: str, value: Any) -> float:
        numeric, groups = self.vocabulary.is_number(self.column), self.vocabulary.is_group(self.column)
        fits = {"keep_top": numeric, "sqrt_sample": groups, "share": True}[kind]
        if not _is_number(value) or not 0 < value <= 1 or not fits:
            on = {"keep_top": ", on a numeric column", "sqrt_sample": ", on a column of texts or whole numbers"}
            raise _Fault(f"{self.where}.{kind} = {value!r}: a share above 0 and up to 1 is needed{on.get(kind, '')}")
        return float(value)

    def is_value(self, value: Any) -> bool:
        """Whether a value has the column's type."""
        if self.vocabulary.is_number(self.column):
            return _is_number(value)
        return isinstance(value, bool if self.vocabulary.is_flag(self.column) else str)

    def quota(self, value: Any) -> dict[str, float]:
        shares = value if isinstance(value, dict) else {}
        wrong = [k for k, v in shares.items() if not _is_number(v) or not 0 < v < 1]
        other = self.vocabulary.is_number(self.column) or self.vocabulary.is_flag(self.column)
        if not shares or wrong or other or abs(sum(shares.values()) - 1) > 1e-6:
            raise _Fault(
                f"{self.where}.quota = {value!r}: shares above 0 of the values of a text column, that sum to 1, "
                "are needed, such as { landscape = 0.6, portrait = 0.4 }"
            )
        return {k: float(v) for k, v in shares.items()}

    def best(self, value: Any) -> tuple[str, ...]:
        """The order of keep_best: names of numeric columns, each once; a minus in front: lower is better."""
        where, told = f"{self.where}.keep_best", "a list of numeric columns, each once, the first decides"
        if not self.vocabulary.is_group(self.column):
            raise _Fault(f"{where}: a column of texts or whole numbers that names the group is needed")
        if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
            raise _Fault(f"{where} = {value!r}: {told}; -noise means that lower is better")
        names = list(self.listed(value))
        if len(set(names)) < len(names):
            raise _Fault(f"{where} = {value!r}: {told}")
        for name in names:
            self.check_numeric(where, name)
        return tuple(value)

    @staticmethod
    def listed(value: Any) -> Iterator[str]:
        return (name.removeprefix("-") for name in value)
