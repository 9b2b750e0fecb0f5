"""The scorers as assets of one subsettable step, and the wide table `filter_scores` written after them."""

from collections.abc import Iterator

import dagster as dg

from ..curation import Curation
from ..lineage import Lineage
from ..partitions import BACKFILL, SHARDS, Duty, LogProgress, describe, forced, require, table_metadata, walk
from ..tables import FILTER_SCORES
from ..work import Counts, Progress
from .score_shard import score_shard, scorer_table, write_wide
from .scorers import SCORERS
from .scorers.scorer import Scorer

KEYS = {scorer.name: dg.AssetKey(["scores", scorer.name]) for scorer in SCORERS}
SPECS = [
    dg.AssetSpec(
        KEYS[scorer.name],
        deps=["clips"],
        skippable=True,
        group_name="filter_scores",
        kinds={"python", "parquet"},
        description=scorer.doc,
        code_version=str(scorer.version),
        metadata=table_metadata(scorer_table(scorer)),
    )
    for scorer in SCORERS
]


@dg.multi_asset(specs=SPECS, partitions_def=SHARDS, backfill_policy=BACKFILL, can_subset=True)
def cpu_scorers(
    context: dg.AssetExecutionContext, curation: dg.ResourceParam[Curation]
) -> Iterator[dg.MaterializeResult[None]]:
    """Measure every clip with the selected scorers; each video's rows are read once for all of them."""
    selected = [s for s in SCORERS if KEYS[s.name] in context.selected_asset_keys]
    prints: dict[str, dict[str, str]] = {s.name: {} for s in selected}
    for shard in context.partition_keys:
        with curation.store.locked(shard):
            for name, value in _score(context, curation, selected, shard).items():
                prints[name][shard] = value
    for name, shards in prints.items():
        version = describe(context, curation, KEYS[name], f"scores/{name}", f"scores/{name}", shards)
        yield dg.MaterializeResult(asset_key=KEYS[name], data_version=version)


def _score(
    context: dg.AssetExecutionContext, curation: Curation, selected: list[Scorer], shard: str
) -> dict[str, str]:
    """Bring the selected scorers of a shard up to date; returns each one's fingerprint."""
    lineage = curation.lineage()
    require(lineage, shard, "scoring", {"clips": Lineage.clips})
    expected = {s.name: lineage.scorer(s.name, shard) for s in selected}
    force = forced(context, curation)
    stale = [s for s in selected if force or not lineage.is_fresh(f"scores/{s.name}", shard, expected[s.name])]
    if stale:
        done = score_shard(curation.store, lineage, shard, stale, curation.progress or LogProgress(context), force)
        curation.counts |= {(f"scores/{name}", shard): counts for name, counts in done.items()}
    return {name: stamp.fingerprint for name, stamp in expected.items()}


@dg.asset(
    partitions_def=SHARDS,
    backfill_policy=BACKFILL,
    deps=[*KEYS.values()],
    group_name="filter_scores",
    kinds={"python", "parquet"},
    metadata=table_metadata(FILTER_SCORES),
)
def filter_scores(
    context: dg.AssetExecutionContext, curation: dg.ResourceParam[Curation]
) -> dg.MaterializeResult[None]:
    """One wide row per clip: every measured quantity, NULL with a reason in `errors` where it could not be measured.

    No threshold is applied here: the tiers judge.
    """

    def work(shard: str, lineage: Lineage, progress: Progress) -> Counts:
        return write_wide(curation.store, lineage, shard)

    needs = {f"scores/{s.name}": lambda lineage, shard, name=s.name: lineage.scorer(name, shard) for s in SCORERS}
    duty = Duty("filter_scores", "filter_scores", Lineage.filter_scores, work, needs)
    prints = walk(context, curation, duty)
    version = describe(context, curation, context.asset_key, "filter_scores", "filter_scores", prints)
    return dg.MaterializeResult(data_version=version)
