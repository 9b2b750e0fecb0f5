"""The asset `concepts`: the nearest of the stored centroids for every clip, over all shards."""

from functools import partial

import dagster as dg

from ..checks import part_faults
from ..curation import Curation
from ..partitions import OWNERS, LogProgress, Result, figures, forced, sound, sound_spec, table_metadata, written
from ..steps import CONCEPTS_STEP
from ..store import WHOLE
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
def concepts(context: dg.AssetExecutionContext, curation: dg.ResourceParam[Curation]) -> Result:
    """One row per clip: its concept, by k-means over the embeddings (HunyuanVideo, section 3.1: about 10,000).

    The centroids are stored and stay: a new clip is assigned to one and moves no other. How many of a concept are
    kept is a rule of a tier (`sqrt_sample`). Over all embedded shards; stale when one of them changed.
    """
    lineage = curation.lineage()
    force = forced(context, curation, "concepts")
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
    look = partial(part_faults, curation.store, CONCEPTS)
    parts = written(curation, "concepts", [WHOLE])
    checked = sound(context, curation, context.asset_key, "concepts", parts, look)
    context.add_asset_metadata(figures(context, curation, "concepts", "concepts", parts))
    version = dg.DataVersion(stamp.fingerprint)
    return dg.MaterializeResult(metadata=facts, data_version=version, check_results=checked)
