"""The one Definitions object: these assets, resources, jobs, sensors. Nothing here knows what a frame is."""

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

from .automation import build_automation
from .jobs import build_jobs
from .resources import build_curation
from .settings import Settings
from .tidy import build_tidy_job


def build_definitions(curation: Curation, settings: Settings | None = None) -> dg.Definitions:
    """The graph for one root and preset. Steps run in one process: the engine has its own workers. `settings`: with
    them there are sensors and a schedule too, which a run by hand has no use for.
    """
    over_all = [duplicates, concepts, *build_tiers(curation.preset)]
    jobs = build_jobs(over_all, captions)
    tidying = [build_tidy_job(settings)] if settings else []
    sensors, schedules = (
        build_automation(settings, [*jobs, *tidying], len(curation.preset.tiers)) if settings else ([], [])
    )
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
        jobs=[*jobs, *tidying],
        sensors=sensors,
        schedules=schedules,
        resources={"curation": curation},
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What `dagster dev` and the code server load."""
    settings = Settings()
    return build_definitions(build_curation(settings), settings)
