"""The asset `raw_videos`: each source file read once, in sequence; nothing is decoded."""

import dagster as dg

from ..curation import Curation
from ..lineage import Lineage
from ..partitions import BACKFILL, SHARDS, Duty, forced, walk
from ..steps import RAW_VIDEOS_STEP
from ..tables import RAW_VIDEOS
from ..telling import OWNERS, Told, result, sound_spec, table_metadata
from ..work import Counts, Progress
from .read_shard import read_shard


@dg.asset(
    partitions_def=SHARDS,
    backfill_policy=BACKFILL,
    group_name="sources",
    kinds={"python", "parquet"},
    owners=OWNERS,
    code_version=str(RAW_VIDEOS_STEP.version),
    metadata=table_metadata(RAW_VIDEOS),
    check_specs=[sound_spec("raw_videos")],
)
def raw_videos(context: dg.AssetExecutionContext, curation: dg.ResourceParam[Curation]) -> Told:
    """One row per distinct file content: a hash of the bytes, and what the container says (codec, size, duration).

    Copies of the same bytes are one video with several addresses. A file that cannot be read keeps its row, with a
    status and a sentence. Nothing is decoded here. Stale when a file of the shard is new, replaced or removed.
    """

    def work(shard: str, lineage: Lineage, progress: Progress) -> Counts:
        force = forced(context, curation, "raw_videos")
        return read_shard(curation.store, lineage, shard, curation.engine, progress, force, curation.retry_failed)

    duty = Duty("raw_videos", "raw_videos", Lineage.raw_videos, work, {})
    prints = walk(context, curation, duty)
    yield from result(context, curation, RAW_VIDEOS, "raw_videos", prints)
