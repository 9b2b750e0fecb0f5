"""A bound moved to another number, so that the preset stays one: no later tier is looser than one before it."""

from __future__ import annotations

from dataclasses import replace

from assets.tiers.bounds import MOVABLE, Bound, Preset, loosens


def move_bound(preset: Preset, tier: int, rule: str, value: float) -> Preset:
    """The preset with `value` for a rule of tier number `tier` (from 1).

    A bound stops at that of an earlier tier, which it may not loosen, and takes along those of later tiers that would
    loosen it: what these select does not change by that.
    """
    same = {n: b for n, t in enumerate(preset.tiers, 1) for b in t.bounds if b.name == rule and b.kind in MOVABLE}
    if tier not in same:
        return preset
    moved = replace(same[tier], value=value)
    for number, bound in same.items():
        if number < tier and loosens(bound, moved):
            moved = replace(moved, value=bound.value)
    same[tier] = moved
    for number, bound in same.items():
        if number > tier and loosens(moved, bound):
            same[number] = replace(bound, value=moved.value)
    return replace(preset, tiers=tuple(replace(t, bounds=tuple(_placed(t.bounds, rule, same.get(n))))
                                       for n, t in enumerate(preset.tiers, 1)))  # fmt: skip


def _placed(bounds: tuple[Bound, ...], rule: str, bound: Bound | None) -> list[Bound]:
    return [bound if bound is not None and b.name == rule else b for b in bounds]


def moves(original: Preset, preset: Preset) -> list[tuple[str, str, float, float]]:
    """(tier, rule, before, after) of every bound that has another number."""
    return [
        (tier.name, new.name, old.value, new.value)  # type: ignore[misc]
        for tier, was in zip(preset.tiers, original.tiers, strict=True)
        for new, old in zip(tier.bounds, was.bounds, strict=True)
        if new.kind in MOVABLE and new.value != old.value
    ]
