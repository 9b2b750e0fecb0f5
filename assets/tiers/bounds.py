"""What a preset is made of: bounds, tiers, presets; when one bound is looser than another.

How they are read from TOML: rules.py and reader.py. Nothing here touches data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from ..store import fingerprint

KINDS = ("min", "max", "in", "keep_top", "quota", "share", "keep_best", "sqrt_sample")
WORDS = ("unmeasured", "source", "note", "seed", "preserve")
MOVABLE = ("min", "max", "keep_top", "share", "sqrt_sample")
"""Kinds whose bound is one number: `whatif` takes another one for it."""
SHARES = ("keep_top", "share", "sqrt_sample")
"""Kinds whose number is a share of the clips, above 0 and up to 1."""
MAX_BOUNDS = 63
"""Bounds of one tier fit an unsigned 64-bit mask."""

Value = float | str | bool | tuple[Any, ...] | dict[str, float]


class PresetError(ValueError):
    """A preset breaks a rule; the message names file and line and says what is allowed, a line for each fault."""


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
    preserve: str = ""
    """Of sqrt_sample: the numeric column whose share of values above 0 stays what it is. Empty = none."""
    without: tuple[str, ...] = ()
    """Columns of `keep_best` or `preserve` that no scorer fills: the rule goes on without them."""

    @property
    def name(self) -> str:
        """As it is spelled in `decisions.rule` and on the command line: COLUMN.min."""
        return f"{self.column}.{self.kind}"

    @property
    def order(self) -> tuple[tuple[str, bool], ...]:
        """Of keep_best: (column, whether a lower value is better), the first one decides. Empty for other kinds."""
        if self.kind != "keep_best":
            return ()
        assert isinstance(self.value, tuple)
        listed = ((name.removeprefix("-"), name.startswith("-")) for name in self.value)
        return tuple(pair for pair in listed if pair[0] not in self.without)

    @property
    def preserved(self) -> str | None:
        """The column whose share stays what it is; None when there is none, or nothing fills it."""
        return self.preserve if self.preserve and self.preserve not in self.without else None

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the bound reads, its own first."""
        others = (*(name for name, _ in self.order), self.preserved)
        return tuple(dict.fromkeys(name for name in (self.column, *others) if name))

    def identity(self) -> list[Any]:
        """What a verdict depends on: columns that the rule goes on without are not part of it."""
        value = self.order if self.kind == "keep_best" else self.value
        more = [self.preserved] if self.preserved else []
        return [self.column, self.kind, value, self.unmeasured, self.seed, *more]


@dataclass(frozen=True)
class Tier:
    """Rules of one tier, in order. `bounds` are the active ones; `inactive` those without a measured column."""

    name: str
    bounds: tuple[Bound, ...]
    inactive: tuple[Bound, ...] = ()
    views: tuple[str, ...] = ()
    """Which of duplicates, concepts and captions its bounds read: the tier is made of these as well."""

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
        hit = [b.name == rule and b.kind in MOVABLE and tier in (None, t.name) for b in t.bounds]
        bounds = tuple(replace(b, value=value) if h else b for b, h in zip(t.bounds, hit, strict=True))
        tiers.append(replace(t, bounds=bounds))
        if any(hit):
            changed.append(t.name)
    return replace(preset, tiers=tuple(tiers)), changed
