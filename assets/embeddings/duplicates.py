"""The asset `duplicates`: which clips show the same footage, over all shards."""

from functools import partial

import dagster as dg

from ..checks import part_faults
from ..curation import Curation
from ..partitions import OWNERS, LogProgress, Result, figures, forced, sound, sound_spec, table_metadata, written
from ..steps import DUPLICATES_STEP
from ..store import WHOLE
from .find_duplicates import find_duplicates
from .tables import DUPLICATES


@dg.asset(
    deps=["keyframe_hashes", "embeddings"],
    group_name="embeddings",
    kinds={"python", "parquet"},
    owners=OWNERS,
    code_version=str(DUPLICATES_STEP.version),
    metadata=table_metadata(DUPLICATES),
    check_specs=[sound_spec("duplicates")],
)
def duplicates(context: dg.AssetExecutionContext, curation: dg.ResourceParam[Curation]) -> Result:
    """One row per clip: the group of clips that show the same footage, from verified pairs (`duplicate_pairs`).

    Nobody is dropped here: which clip of a group is kept is a rule of a tier (`keep_best`), over the clips that passed
    the rules before it. Over all shards that are hashed and embedded; stale when one of them changed.
    """
    lineage = curation.lineage()
    stamp = lineage.duplicates()
    facts: dict[str, str | int] = {
        "fingerprint": stamp.fingerprint,
        "shards": len(lineage.shards),
        "complete_shards": len(lineage.compared_shards),
    }
    if not forced(context, curation, "duplicates") and lineage.is_fresh(DUPLICATES.name, WHOLE, stamp):
        context.log.info("duplicates: up to date")
    else:
        progress = curation.progress or LogProgress(context)
        counts = find_duplicates(curation.store, lineage, stamp, progress)
        curation.counts[("duplicates", WHOLE)] = counts
        curation.renew_views()
        facts["dagster/row_count"] = counts.rows
    look = partial(part_faults, curation.store, DUPLICATES)
    parts = written(curation, "duplicates", [WHOLE])
    checked = sound(context, curation, context.asset_key, "duplicates", parts, look)
    context.add_asset_metadata(figures(context, curation, "duplicates", "duplicates", parts))
    version = dg.DataVersion(stamp.fingerprint)
    return dg.MaterializeResult(metadata=facts, data_version=version, check_results=checked)
