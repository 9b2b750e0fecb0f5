"""The job `tidy_root`: what `clipsieve run` does at its end, after the runs that automation asked for."""

import dagster as dg

from assets.curation import Curation

from .jobs import TIDY_JOB
from .run import BusyError, finish, root_lock
from .settings import Settings


def build_tidy_job(settings: Settings) -> dg.JobDefinition:
    """What `clipsieve run` does at its end."""

    @dg.op
    def tidy(context: dg.OpExecutionContext, curation: dg.ResourceParam[Curation]) -> None:
        """Join small files of closed shards, renew ROOT/clipsieve.duckdb, remove what killed runs left behind."""
        try:
            with root_lock(curation):
                finish(curation, settings, worked=True)
        except BusyError:
            context.log.info("`clipsieve run` works on this root, and tidies it at its end")

    @dg.job(
        name=TIDY_JOB,
        description="Join small files of closed shards, renew the views, remove what kills left.",
        executor_def=dg.in_process_executor,
    )
    def tidy_root() -> None:
        tidy()

    return tidy_root
