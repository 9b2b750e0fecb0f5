"""Rules in words: bounds as a person writes them, what a rule goes on without, the table of a tier's rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..figures.markdown import text
from .bounds import Bound, Preset, Tier


def show(value: Any) -> str:
    """A bound's value as a person writes it."""
    if isinstance(value, dict):
        return ", ".join(f"{k} {v:.12g}" for k, v in value.items())
    if isinstance(value, tuple | list):
        return ", ".join(str(v) for v in value)
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def bound_text(bound: Bound) -> str:
    """The bound as it is judged: columns that nothing fills are left out, the preserved one is named."""
    if bound.kind == "keep_best":
        return ", ".join(f"-{name}" if lower else name for name, lower in bound.order) or "clip_id"
    preserved = f", preserving {bound.preserved}" if bound.preserved else ""
    return f"{show(bound.value)}{preserved}"


def lacking(bound: Bound) -> str:
    """What an active rule goes on without, as a sentence; empty when it lacks nothing."""
    return f"goes on without {' and '.join(bound.without)}: no scorer fills it" if bound.without else ""


def notes_on_rules(preset: Preset) -> list[str]:
    """A sentence for every active rule that goes on without a column that it names."""
    return list(_notes(preset))


def _notes(preset: Preset) -> Iterator[str]:
    for tier in preset.tiers:
        for bound in tier.bounds:
            if told := lacking(bound):
                yield f"{tier.name}: {bound.name} {told}"


def rules_listed(tier: Tier) -> str:
    """The tier's rules as a Markdown list, which wraps where a table would be cut off: bound, source, what happens
    where the column is NULL, note.
    """
    lines = [_line(b, f"NULL is {'kept' if b.unmeasured == 'keep' else 'held back'}") for b in tier.bounds]
    lines += [_line(b, "inactive: no scorer fills it") for b in tier.inactive]
    return "\n".join(lines)


def _line(bound: Bound, where_null: str) -> str:
    note = "".join(f"; {text(told)}" for told in (lacking(bound), bound.note) if told)
    return f"- **{text(bound.name)} {text(bound_text(bound))}** ({bound.source}; {where_null}){note}"
