"""Which captioner writes the caption of a clip, when two share the work."""

from __future__ import annotations

from ..store import fingerprint


def unit(*parts: object) -> float:
    """A number in [0, 1) from a hash: equal parts give equal numbers on every machine."""
    return int(fingerprint(*parts)[:13], 16) / 16**13


def is_second(clip_id: str, share: float, seed: int) -> bool:
    """Whether the second captioner has the clip; `share` 0..1 is its part of all clips.

    Stable: the answer depends on nothing else. Nested: a larger share keeps the clips of a smaller one. Independent
    of the samples that tiers draw with the same seed.
    """
    return unit("captioner", clip_id, seed) < share
