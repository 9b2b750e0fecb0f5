"""The scorers as assets of two subsettable steps, and the wide table `filter_scores` written after them."""

from collections.abc import Iterator, Sequence
from functools import partial

import dagster as dg

from ..checks import shard_faults
from ..curation import Curation
from ..lineage import Lineage
from ..measuring.measure_shard import measure_shard
from ..measuring.scorer import Scorer
from ..models.catalogue import find_model
from ..partitions import (
    BACKFILL,
    SHARDS,
    Duty,
    LogProgress,
    Result,
    describe,
    forced,
    require,
    sound,
    sound_spec,
    table_metadata,
    walk,
    written,
)
from ..tables import FILTER_SCORES
from ..work import Counts, Progress
from .scorers import SCORERS
from .wide import write_wide

KEYS = {scorer.name: dg.AssetKey(["scores", scorer.name]) for scorer in SCORERS}


def _on_gpu(scorer: Scorer) -> bool:
    return scorer.model is not None and find_model(scorer.model).device == "gpu"


def _spec(scorer: Scorer) -> dg.AssetSpec:
    return dg.AssetSpec(
        KEYS[scorer.name],
        deps=["clips", "keyframes"] if scorer.pictures else ["clips"],
        skippable=True,
        group_name="filter_scores",
        kinds={"python", "parquet"},
        description=scorer.doc,
        code_version=str(scorer.version),
        metadata=table_metadata(scorer.table),
    )


def _scorers_asset(name: str, scorers: Sequence[Scorer], pool: str | None) -> list[dg.AssetsDefinition]:
    """One step for all of them; none when there is no such scorer."""
    if not scorers:
        return []

    @dg.multi_asset(
        name=name, specs=[_spec(s) for s in scorers], check_specs=[sound_spec(KEYS[s.name]) for s in scorers],
        partitions_def=SHARDS, backfill_policy=BACKFILL, can_subset=True, pool=pool,
    )  # fmt: skip
    def measured(
        context: dg.AssetExecutionContext, curation: dg.ResourceParam[Curation]
    ) -> Iterator[dg.MaterializeResult[None]]:
        """Measure every clip with the selected scorers; each video's rows are read once for all of them."""
        selected = [s for s in scorers if KEYS[s.name] in context.selected_asset_keys]
        prints: dict[str, dict[str, str]] = {s.name: {} for s in selected}
        for shard in context.partition_keys:
            with curation.store.locked(shard):
                for done, value in _measure(context, curation, selected, shard).items():
                    prints[done][shard] = value
        for scorer in selected:
            key = KEYS[scorer.name]
            if lack := curation.options.lack(scorer):  # left out, it would keep what follows from being done
                facts: dict[str, bool | str] = {"enabled": False, "lacks": lack}
                version = dg.DataVersion("not enabled")
            else:
                facts = {}
                version = describe(context, curation, key, scorer.step, scorer.step, prints[scorer.name])
            look = partial(shard_faults, curation.store, scorer.table, of_clips="same")
            parts = written(curation, scorer.step, prints[scorer.name])
            checked = sound(context, curation, key, scorer.step, parts, look)
            yield dg.MaterializeResult(asset_key=key, metadata=facts, data_version=version, check_results=checked)

    return [measured]


cpu_scorers = _scorers_asset("cpu_scorers", [s for s in SCORERS if not _on_gpu(s)], None)
gpu_scorers = _scorers_asset("gpu_scorers", [s for s in SCORERS if _on_gpu(s)], "gpu")


def _measure(
    context: dg.AssetExecutionContext, curation: Curation, selected: list[Scorer], shard: str
) -> dict[str, str]:
    """Bring the selected scorers that are enabled up to date on a shard; returns each one's fingerprint."""
    lineage = curation.lineage()
    require(lineage, shard, "scoring", {"clips": Lineage.clips})
    for scorer in [s for s in selected if s not in lineage.scorers]:
        context.log.info(f"{scorer.name} is not enabled: {curation.options.lack(scorer)}")
    enabled = [s for s in selected if s in lineage.scorers]
    expected = {s.name: lineage.measured(s, shard) for s in enabled}
    force = any(forced(context, curation, s.step) for s in enabled)
    retry = curation.retry_failed
    stale = [s for s in enabled if force or retry or not lineage.is_fresh(s.step, shard, expected[s.name])]
    if stale:
        progress = curation.progress or LogProgress(context)
        done = measure_shard(curation.store, lineage, shard, stale, curation.engine, progress, force, retry)
        curation.counts |= {(f"scores/{name}", shard): counts for name, counts in done.items()}
    return {name: stamp.fingerprint for name, stamp in expected.items()}


@dg.asset(
    partitions_def=SHARDS,
    backfill_policy=BACKFILL,
    deps=[*KEYS.values()],
    group_name="filter_scores",
    kinds={"python", "parquet"},
    metadata=table_metadata(FILTER_SCORES),
    check_specs=[sound_spec("filter_scores")],
)
def filter_scores(context: dg.AssetExecutionContext, curation: dg.ResourceParam[Curation]) -> Result:
    """One wide row per clip: every measured quantity, NULL with a reason in `errors` where it could not be measured.

    No threshold is applied here: the tiers judge.
    """

    def work(shard: str, lineage: Lineage, progress: Progress) -> Counts:
        return write_wide(curation.store, lineage, shard)

    needs = {s.step: lambda lineage, shard, s=s: lineage.measured(s, shard) for s in curation.lineage().scorers}
    duty = Duty("filter_scores", "filter_scores", Lineage.filter_scores, work, needs)
    prints = walk(context, curation, duty)
    version = describe(context, curation, context.asset_key, "filter_scores", "filter_scores", prints)
    look = partial(shard_faults, curation.store, FILTER_SCORES, of_clips="same")
    parts = written(curation, "filter_scores", prints)
    checked = sound(context, curation, context.asset_key, "filter_scores", parts, look)
    return dg.MaterializeResult(data_version=version, check_results=checked)
