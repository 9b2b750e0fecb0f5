"""The one Definitions object: these assets, these resources, these jobs. Nothing here knows what a frame is."""

from __future__ import annotations

import dagster as dg

from assets.captions.captions import captions
from assets.clips.clips import clips
from assets.curation import Curation
from assets.embeddings.concepts import concepts
from assets.embeddings.duplicates import duplicates
from assets.embeddings.embeddings import build_embeddings
from assets.filter_scores.filter_scores import cpu_scorers, filter_scores, gpu_scorers
from assets.raw_videos.raw_videos import raw_videos
from assets.scan.scan import scan
from assets.tiers.tiers import build_tiers

from .jobs import build_jobs
from .resources import build_curation
from .settings import Settings


def build_definitions(curation: Curation) -> dg.Definitions:
    """The graph for one root and preset. Steps run in one process: the engine has its own workers."""
    over_all = [duplicates, concepts, *build_tiers(curation.preset)]
    return dg.Definitions(
        assets=[
            raw_videos,
            scan,
            clips,
            *cpu_scorers,
            *gpu_scorers,
            filter_scores,
            build_embeddings(curation.options),
            *over_all,
            captions,
        ],
        jobs=build_jobs(over_all, captions),
        resources={"curation": curation},
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What `dagster dev` and the code server load."""
    return build_definitions(build_curation(Settings()))
