"""The steps of the graph in order, and what each reads: by shard up to the embeddings, then over all shards, and
captions by shard again between the first tier and the others.
"""

from __future__ import annotations

from dataclasses import dataclass

from assets.curation import Curation
from assets.filter_scores.scorers import SCORERS

ALIASES = {"frame_signals": "scan", "keyframes": "scan", "scans": "scan"}
"""Assets that one step writes together."""

SCORES = "scores/"
TIER, FIRST_TIER = "tier_", "tier_1"
BEFORE_TIERS = ("duplicates", "concepts")
CAPTIONS = "captions"


@dataclass(frozen=True)
class Flow:
    """`reads`: every step, in the order of the flow, with the steps whose tables it reads."""

    reads: dict[str, tuple[str, ...]]

    @property
    def steps(self) -> tuple[str, ...]:
        return tuple(self.reads)

    def find(self, name: str) -> str | None:
        """The step that writes an asset; a scorer may go by its own name."""
        step = ALIASES.get(name, name if name in self.reads else f"{SCORES}{name}")
        return step if step in self.reads else None

    def up_to(self, last: str) -> tuple[str, ...]:
        """The step and all that it needs, in order."""
        wanted = {last}
        for step in reversed(self.steps):
            if step in wanted:
                wanted |= set(self.reads[step])
        return tuple(s for s in self.steps if s in wanted)


def is_global(step: str) -> bool:
    """Whether a step is done once over all shards."""
    return step in BEFORE_TIERS or step.startswith(TIER)


def flow_of(curation: Curation) -> Flow:
    """The graph for the active preset and the scorers that are enabled."""
    scorers = {s.step: ("clips",) for s in curation.lineage().scorers}
    reads: dict[str, tuple[str, ...]] = {"raw_videos": (), "scan": ("raw_videos",), "clips": ("scan",), **scorers}
    reads |= {
        "filter_scores": tuple(scorers),
        "keyframe_hashes": ("clips",),
        "embeddings": ("clips",),
        "duplicates": ("keyframe_hashes", "embeddings"),
        "concepts": ("embeddings",),
    }
    before = ("filter_scores",)
    for tier in curation.preset.tiers:
        reads[tier.name] = (*before, *sorted(tier.views))
        if tier.name == FIRST_TIER:
            reads[CAPTIONS] = (FIRST_TIER,)
        before = (tier.name,)
    return Flow(reads)


def scorer_names() -> list[str]:
    return [s.name for s in SCORERS]
