"""What every asset is handed: where the tables lie, what is computed, who does the work, who is told."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from .lineage import Lineage
from .options import Options
from .store import Store
from .tiers.rules import Preset
from .tiers.vocabulary import Vocabulary
from .views import write_database
from .work import Counts, Engine, Progress


@dataclass
class Curation:
    """One root with one set of options. Made by orchestration; the assets know nothing of settings or hosts."""

    store: Store
    options: Options
    engine: Engine
    preset: Preset
    vocabulary: Vocabulary
    progress: Progress | None = None
    """None = progress goes to the run's log."""
    force: bool = False
    """Compute although the stored result is what it should be."""
    only: str | None = None
    """Force this scorer alone, and what is made of its rows at no cost: the wide row and the tiers."""
    retry_failed: bool = False
    """Decode again what crashed or timed out."""
    register: pl.DataFrame | None = None
    """Stands in for the stored register: a plan for files that are not registered (dry run)."""
    renews_views: bool = True
    """Assets renew ROOT/clipsieve.duckdb when they wrote a table over all shards; a run does it once, at its end."""
    figures: bool = True
    """Draw pictures of what was written for Dagster's pages (figures/)."""
    counts: dict[tuple[str, str], Counts] = field(default_factory=dict)
    """What was done, by (step, shard), for the summary of a run in this process."""

    def forces(self, step: str) -> bool:
        """Whether the step is to be computed although its result is what it should be."""
        if self.only is None:
            return self.force
        return self.force and (step in (f"scores/{self.only}", "filter_scores") or step.startswith("tier_"))

    def renew_views(self) -> None:
        """Let ROOT/clipsieve.duckdb show what is stored now."""
        if self.renews_views:
            write_database(self.store, self.preset.name)

    def lineage(self) -> Lineage:
        """The state of the register now."""
        return Lineage(self.store, self.options, self.register, self.preset.name)
