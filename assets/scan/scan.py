"""The one decode, as one step with three assets: `frame_signals`, `keyframes`, `scans`."""

import dagster as dg

from ..columns import Table
from ..curation import Curation
from ..lineage import Lineage
from ..partitions import BACKFILL, SHARDS, Duty, Told, every, forced, result, sound_spec, table_metadata, walk
from ..steps import SCAN_STEP
from ..tables import FRAME_SIGNALS, KEYFRAMES, SCANS
from ..work import Counts, Progress
from .scan_shard import scan_shard

DESCRIPTIONS = {
    FRAME_SIGNALS: "One row per decoded frame: cut metrics, light, sharpness, motion, camera, borders, noise. Cuts, "
    "clips "
    "and scores are computed from these rows: no later threshold opens the video again.",
    KEYFRAMES: "Small pictures, one a second and both sides of each peak of the cut metric: what models look at.",
    SCANS: "How each video's one decode ended: frames, status, and a sentence where it was not ok.",
}


def _spec(table: Table) -> dg.AssetSpec:
    return dg.AssetSpec(
        table.name,
        deps=["raw_videos"],
        group_name="scan",
        kinds={"python", "parquet"},
        description=DESCRIPTIONS[table],
        code_version=str(SCAN_STEP.version),
        metadata=table_metadata(table),
    )


@dg.multi_asset(
    specs=[_spec(table) for table in DESCRIPTIONS],
    check_specs=[sound_spec(table.name) for table in DESCRIPTIONS],
    partitions_def=SHARDS,
    backfill_policy=BACKFILL,
)
def scan(context: dg.AssetExecutionContext, curation: dg.ResourceParam[Curation]) -> Told:
    """Decode each video of the shard once, in isolated workers."""

    def work(shard: str, lineage: Lineage, progress: Progress) -> Counts:
        return scan_shard(
            curation.store,
            lineage,
            shard,
            curation.engine,
            progress,
            forced(context, curation, "scan"),
            curation.retry_failed,
        )

    duty = Duty("scan", SCANS.name, Lineage.scan, work, {"raw_videos": Lineage.raw_videos})
    prints = walk(context, curation, duty)
    yield from every(result(context, curation, table, "scan", prints) for table in DESCRIPTIONS)
