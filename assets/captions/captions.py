"""The asset `captions`: a structured caption of every clip that tier_1 keeps, by shard."""

import dagster as dg

from ..curation import Curation
from ..lineage import Lineage
from ..partitions import BACKFILL, SHARDS, Duty, forced, walk
from ..steps import CAPTIONS_STEP
from ..telling import OWNERS, Told, result, sound_spec, table_metadata
from ..tiers.judge import expected_stamp, folder
from ..work import Counts, Progress
from .answer import CaptionServerError
from .fill import fill_captions, kept_now
from .joined import caption_faults, kept_of_shard
from .tables import CAPTIONS


@dg.asset(
    partitions_def=SHARDS,
    backfill_policy=BACKFILL,
    deps=["clips", "keyframes", "filter_scores", "tier_1"],
    group_name="captions",
    kinds={"python", "parquet"},
    owners=OWNERS,
    code_version=str(CAPTIONS_STEP.version),
    metadata=table_metadata(CAPTIONS),
    check_specs=[sound_spec("captions")],
    pool="gpu",
)
def captions(context: dg.AssetExecutionContext, curation: dg.ResourceParam[Curation]) -> Told:
    """One row per clip of tier_1: its structured caption (HunyuanVideo, section 3.2), or why it has none.

    Clips that were ever in tier_1 keep theirs; only those without one of the same captioner are captioned.
    Captions of other captioners are kept, and shown while the one asked for has none. Stale when tier_1 keeps other
    clips of the shard, or their scores changed.
    """
    preset = curation.preset

    lineage = curation.lineage()
    if not lineage.is_fresh(folder(preset.name), "tier_1", expected_stamp(lineage, preset, 1)):
        raise dg.Failure("captions are of the clips of tier_1, which is missing or stale: materialize tier_1 first")

    asked: dict[str, tuple[set[str], str]] = {}

    def work(shard: str, lineage: Lineage, progress: Progress) -> Counts:
        kept, stamp = kept_now(curation, lineage, shard)
        asked[shard] = kept_of_shard(curation.store, shard, kept), stamp.fingerprint
        try:
            force = forced(context, curation, "captions")
            return fill_captions(curation, lineage, shard, kept, stamp, progress, force)
        except CaptionServerError as error:
            raise dg.Failure(f"{error}; captions that came are kept") from None

    duty = Duty("captions", "captions", Lineage.captions, work, {"clips": Lineage.clips})
    prints = walk(context, curation, duty)
    for shard, (_, made_of) in asked.items():
        prints[shard] = made_of  # tier_1 may have been judged again since

    def look(shard: str) -> list[str]:
        return caption_faults(curation.store, shard, asked[shard][0])

    yield from result(context, curation, CAPTIONS, "captions", prints, look)
