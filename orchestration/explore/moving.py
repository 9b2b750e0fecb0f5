"""A bound moved to another number, so that the preset stays one: no later tier is looser than one before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from assets.tiers.bounds import MOVABLE, Bound, Preset, loosens

Wanted = Mapping[tuple[int, str], float]
"""Numbers that were asked for, by the number of the tier (from 1) and the rule."""


def with_moves(original: Preset, wanted: Wanted) -> Preset:
    """The preset with other numbers. A bound that would be looser than the same rule's in an earlier tier is that one:
    it stops there, and goes along when the earlier one is moved. What a tier selects does not change by it.
    """
    strictest: dict[str, Bound] = {}
    tiers = []
    for number, tier in enumerate(original.tiers, 1):
        bounds = []
        for bound in tier.bounds:
            if bound.kind in MOVABLE:
                bound = replace(bound, value=wanted.get((number, bound.name), bound.value))
                before = strictest.get(bound.name)
                if before is not None and loosens(before, bound):
                    bound = replace(bound, value=before.value)
                strictest[bound.name] = bound
            bounds.append(bound)
        tiers.append(replace(tier, bounds=tuple(bounds)))
    return replace(original, tiers=tuple(tiers))


def move_bound(preset: Preset, tier: int, rule: str, value: float) -> Preset:
    """The preset with `value` for a rule of tier number `tier` (from 1), as with_moves() has it."""
    return with_moves(preset, {(tier, rule): value})


def moves(original: Preset, preset: Preset) -> list[tuple[str, str, float, float]]:
    """(tier, rule, before, after) of every bound that has another number."""
    return [
        (tier.name, new.name, old.value, new.value)  # type: ignore[misc]
        for tier, was in zip(preset.tiers, original.tiers, strict=True)
        for new, old in zip(tier.bounds, was.bounds, strict=True)
        if new.kind in MOVABLE and new.value != old.value
    ]
