"""The assets `embeddings` and `keyframe_hashes`: what clips look like, by shard; their keyframes are decoded once."""

from collections.abc import Iterator
from functools import partial

import dagster as dg

from ..checks import shard_faults
from ..curation import Curation
from ..lineage import Lineage
from ..measuring.measure_shard import measure_shard
from ..measuring.scorer import Scorer
from ..models.catalogue import find_model
from ..options import Options
from ..partitions import (
    BACKFILL,
    SHARDS,
    LogProgress,
    describe,
    forced,
    require,
    sound,
    sound_spec,
    table_metadata,
    written,
)
from .by_model import embedder
from .hashes import keyframe_hashes


def build_embeddings(options: Options) -> dg.AssetsDefinition:
    """One step with both assets, in the pool `gpu` when the embedding's model asks for one."""
    looks = (keyframe_hashes, embedder(options.embedding))
    on_gpu = any(s.model and find_model(s.model).device == "gpu" for s in looks)

    @dg.multi_asset(
        name="looks", specs=[_spec(s) for s in looks], check_specs=[sound_spec(s.step) for s in looks],
        partitions_def=SHARDS, backfill_policy=BACKFILL, can_subset=True, pool="gpu" if on_gpu else None,
    )  # fmt: skip
    def measured(
        context: dg.AssetExecutionContext, curation: dg.ResourceParam[Curation]
    ) -> Iterator[dg.MaterializeResult[None]]:
        """Hash and embed the keyframes of every clip that has no row yet."""
        selected = [s for s in looks if dg.AssetKey(s.step) in context.selected_asset_keys]
        prints: dict[str, dict[str, str]] = {s.step: {} for s in selected}
        for shard in context.partition_keys:
            with curation.store.locked(shard):
                for step, value in _measure(context, curation, selected, shard).items():
                    prints[step][shard] = value
        for scorer in selected:
            key, step, shards = dg.AssetKey(scorer.step), scorer.step, prints[scorer.step]
            version = describe(context, curation, key, step, step, shards)
            look = partial(shard_faults, curation.store, scorer.table, of_clips="same")
            checked = sound(context, curation, key, step, written(curation, step, shards), look)
            yield dg.MaterializeResult(asset_key=key, data_version=version, check_results=checked)

    return measured


def _spec(scorer: Scorer) -> dg.AssetSpec:
    return dg.AssetSpec(
        scorer.step,
        deps=["clips", "keyframes"],
        skippable=True,
        group_name="embeddings",
        kinds={"python", "parquet"},
        description=scorer.doc,
        code_version=str(scorer.version),
        metadata=table_metadata(scorer.table) | ({"model": scorer.model} if scorer.model else {}),
    )


def _measure(
    context: dg.AssetExecutionContext, curation: Curation, selected: list[Scorer], shard: str
) -> dict[str, str]:
    """Bring the selected tables of a shard up to date; returns each one's fingerprint."""
    lineage = curation.lineage()
    require(lineage, shard, "embedding", {"clips": Lineage.clips})
    expected = {s.step: lineage.measured(s, shard) for s in selected}
    force = any(forced(context, curation, s.step) for s in selected)
    retry = curation.retry_failed
    stale = [s for s in selected if force or retry or not lineage.is_fresh(s.step, shard, expected[s.step])]
    if stale:
        progress = curation.progress or LogProgress(context)
        done = measure_shard(curation.store, lineage, shard, stale, curation.engine, progress, force, retry)
        curation.counts |= {(s.step, shard): done[s.name] for s in stale}
    return {step: stamp.fingerprint for step, stamp in expected.items()}
