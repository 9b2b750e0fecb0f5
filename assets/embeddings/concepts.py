"""The asset `concepts`: the nearest of the stored centroids for every clip, over all shards."""

import dagster as dg

from ..checks import part_faults, stamp_faults
from ..curation import Curation
from ..lineage import Lineage
from ..partitions import LogProgress, forced
from ..steps import CONCEPTS_STEP
from ..store import WHOLE
from ..telling import OWNERS, Told, faults_of, figures, sound_spec, table_metadata, tell, written
from .assign_concepts import assign_concepts
from .tables import CONCEPTS


@dg.asset(
    deps=["embeddings"],
    group_name="embeddings",
    kinds={"python", "parquet"},
    owners=OWNERS,
    code_version=str(CONCEPTS_STEP.version),
    metadata=table_metadata(CONCEPTS),
    check_specs=[sound_spec("concepts")],
)
def concepts(context: dg.AssetExecutionContext, curation: dg.ResourceParam[Curation]) -> Told:
    """One row per clip: its concept, by k-means over the embeddings (HunyuanVideo, section 3.1: about 10,000).

    The centroids are stored and stay: a new clip is assigned to one and moves no other. How many of a concept are
    kept is a rule of a tier (`sqrt_sample`). Over all embedded shards; stale when one of them changed.
    """
    lineage = curation.lineage()
    force, made_of = forced(context, curation, "concepts"), _inputs(lineage)
    facts: dict[str, str | int] = {"shards": len(lineage.shards), "complete_shards": len(lineage.embedded_shards)}
    if not force and lineage.is_fresh(CONCEPTS.name, WHOLE, lineage.concepts()):
        context.log.info("concepts: up to date")
    else:
        progress = curation.progress or LogProgress(context)
        counts = assign_concepts(curation.store, lineage, curation.lineage, progress, force)
        curation.counts[("concepts", WHOLE)] = counts
        curation.renew_views()
        facts["dagster/row_count"] = counts.rows
    stamp = curation.lineage().concepts()
    facts["fingerprint"] = stamp.fingerprint

    def look(part: str) -> list[str]:
        faults = part_faults(curation.store, CONCEPTS, part)
        if _inputs(curation.lineage()) != made_of:
            return faults  # embeddings came meanwhile: it is stale already
        return faults or stamp_faults(curation.store, CONCEPTS.name, part, stamp.fingerprint)

    parts = written(curation, "concepts", [WHOLE])
    found = faults_of(context, curation, context.asset_key, "concepts", parts, look)
    if not found:
        context.add_asset_metadata(figures(context, curation, "concepts", "concepts", parts))
    yield from tell(context, context.asset_key, found, stamp.fingerprint, facts, {})


def _inputs(lineage: Lineage) -> dict[str, str]:
    """The embeddings that are assigned, by shard."""
    return {shard: lineage.embeddings(shard).fingerprint for shard in lineage.embedded_shards}
