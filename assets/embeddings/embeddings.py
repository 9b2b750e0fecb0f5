"""The assets `embeddings` and `keyframe_hashes`: what clips look like, by shard; their keyframes are decoded once."""

import dagster as dg

from ..curation import Curation
from ..measuring.scorer import Scorer
from ..models.catalogue import find_model
from ..options import Options
from ..partitions import BACKFILL, SHARDS, measured
from ..telling import OWNERS, Told, every, result, sound_spec, table_metadata
from .by_model import embedder
from .hashes import keyframe_hashes

SERVES = {
    "embeddings": "`duplicates` and `concepts` compare clips by it.",
    "keyframe_hashes": "`duplicates` verifies copies by it.",
}
ROWS = (
    "One row per clip, NULL with a sentence where it could not be measured. Stale when the clips changed, or what "
    "measures them; clips measured before keep their rows."
)


def build_embeddings(options: Options) -> dg.AssetsDefinition:
    """One step with both assets, in the pool `gpu` when the embedding's model asks for one."""
    looks = (keyframe_hashes, embedder(options.embedding))
    on_gpu = any(s.model and find_model(s.model).device == "gpu" for s in looks)

    @dg.multi_asset(
        name="looks", specs=[_spec(s) for s in looks], check_specs=[sound_spec(s.step) for s in looks],
        partitions_def=SHARDS, backfill_policy=BACKFILL, can_subset=True, pool="gpu" if on_gpu else None,
    )  # fmt: skip
    def measure_clips(context: dg.AssetExecutionContext, curation: dg.ResourceParam[Curation]) -> Told:
        """Hash and embed the keyframes of every clip that has no row yet."""
        selected = [s for s in looks if dg.AssetKey(s.step) in context.selected_asset_keys]
        prints = measured(context, curation, selected, "embedding")
        yield from every(result(context, curation, s.table, s.step, prints[s.step]) for s in selected)

    return measure_clips


def _spec(scorer: Scorer) -> dg.AssetSpec:
    return dg.AssetSpec(
        scorer.step,
        deps=["clips", "keyframes"],
        skippable=True,
        group_name="embeddings",
        kinds={"python", "parquet"},
        owners=OWNERS,
        description=f"{scorer.doc}\n\n{SERVES[scorer.step]} {ROWS}",
        code_version=str(scorer.version),
        metadata=table_metadata(scorer.table) | ({"model": scorer.model} if scorer.model else {}),
    )
