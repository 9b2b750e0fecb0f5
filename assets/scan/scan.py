"""The one decode, as one step with three assets: `frame_signals`, `keyframes`, `scans`."""

import dagster as dg

from ..columns import Table
from ..curation import Curation
from ..lineage import Lineage
from ..partitions import BACKFILL, SHARDS, Duty, forced, walk
from ..steps import SCAN_STEP
from ..tables import FRAME_SIGNALS, KEYFRAMES, SCANS
from ..telling import OWNERS, Told, every, result, sound_spec, table_metadata
from ..work import Counts, Progress
from .scan_shard import scan_shard

STALE = (
    "Stale when the shard has other videos, or frames are measured in another way; a video that is known is not "
    "decoded again."
)
DESCRIPTIONS = {
    FRAME_SIGNALS: "One row per decoded frame: cut metrics, light, sharpness, motion, camera, borders, noise. Cuts, "
    f"clips and scores are computed from these rows: no later threshold opens the video again. {STALE}",
    KEYFRAMES: "One row per stored picture (JPEG, long side at most 640 px): one a second, and both sides of each "
    f"peak of the cut metric. Models and people look at these instead of the video. {STALE}",
    SCANS: "One row per video: how its one decode ended, with the number of frames, a status, and a sentence where it "
    f"was not ok. A damaged file is a row here, never a failed run. {STALE}",
}


def _spec(table: Table) -> dg.AssetSpec:
    return dg.AssetSpec(
        table.name,
        deps=["raw_videos"],
        group_name="scan",
        kinds={"python", "parquet"},
        owners=OWNERS,
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
