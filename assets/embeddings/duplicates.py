"""The asset `duplicates`: which clips show the same footage, over all shards."""

import dagster as dg

from ..checks import part_faults, stamp_faults
from ..curation import Curation
from ..partitions import LogProgress, forced
from ..steps import DUPLICATES_STEP
from ..store import WHOLE
from ..telling import OWNERS, Told, faults_of, figures, sound_spec, table_metadata, tell, written
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
def duplicates(context: dg.AssetExecutionContext, curation: dg.ResourceParam[Curation]) -> Told:
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

    def look(part: str) -> list[str]:
        faults = part_faults(curation.store, DUPLICATES, part)
        return faults or stamp_faults(curation.store, DUPLICATES.name, part, stamp.fingerprint)

    parts = written(curation, "duplicates", [WHOLE])
    found = faults_of(context, curation, context.asset_key, "duplicates", parts, look)
    if not found:
        context.add_asset_metadata(figures(context, curation, "duplicates", "duplicates", parts))
    yield from tell(context, context.asset_key, found, stamp.fingerprint, facts, {})
