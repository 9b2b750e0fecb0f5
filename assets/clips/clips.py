"""The asset `clips`: spans of one shot each, computed from stored series."""

import dagster as dg

from ..curation import Curation
from ..lineage import Lineage
from ..partitions import BACKFILL, SHARDS, Duty, forced, walk
from ..steps import CLIPS_STEP
from ..tables import CLIPS
from ..telling import OWNERS, Told, result, sound_spec, table_metadata
from ..work import Counts, Progress
from .cut_shard import cut_shard


@dg.asset(
    partitions_def=SHARDS,
    backfill_policy=BACKFILL,
    deps=["frame_signals", "scans"],
    group_name="clips",
    kinds={"python", "parquet"},
    owners=OWNERS,
    code_version=str(CLIPS_STEP.version),
    metadata=table_metadata(CLIPS),
    check_specs=[sound_spec("clips")],
)
def clips(context: dg.AssetExecutionContext, curation: dg.ResourceParam[Curation]) -> Told:
    """One row per clip: a span of one shot, with its crop box. Cuts, fades and dissolves come from `frame_signals`.

    Every shot of a second or more is a clip; one over 16 s is divided into equal pieces. No file is cut and none is
    opened: a changed setting of cuts or lengths makes this stale, and is answered from the stored signals.
    """

    def work(shard: str, lineage: Lineage, progress: Progress) -> Counts:
        return cut_shard(curation.store, lineage, shard, progress, forced(context, curation, "clips"))

    duty = Duty("clips", "clips", Lineage.clips, work, {"scans": Lineage.scan})
    prints = walk(context, curation, duty)
    yield from result(context, curation, CLIPS, "clips", prints)
