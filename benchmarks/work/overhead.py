"""What a process of benchmarks/overhead.py does: every step of every shard of a finished root, run by Dagster.

    benchmarks.work.overhead ROOT FOLDER

The runner and the instance are those of the command `run`. Each asset finds each shard up to date: it takes the lock,
works out what the part should be, reads what it is, and tells Dagster. The instance lies in a new folder below FOLDER,
and is there before the clock starts.
"""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Any

from benchmarks.rounds import measured
from orchestration.flow import flow_of, is_global
from orchestration.instance import open_instance
from orchestration.plan import Task
from orchestration.resources import build_curation
from orchestration.run import STAGES, RunResult
from orchestration.runner import asset_keys, open_runner
from orchestration.settings import Settings


def run(settings: Settings) -> dict[str, Any]:
    """Raises RuntimeError when a step failed, or did anything but look."""
    curation, result = build_curation(settings), RunResult()
    curation.renews_views = False
    steps = [step for step in flow_of(curation).steps if not is_global(step)]
    shards = curation.lineage().shards
    tasks = [Task(step, shard, "asked for") for step in steps for shard in shards]
    runs: list[str] = []
    with open_runner(settings, curation, result, runs.append) as runner:
        for stage in STAGES:
            runner.run([task for task in tasks if stage(task)])
    if result.failures or curation.counts:
        raise RuntimeError(f"did {curation.counts}, failed {result.failures}")
    return {"assets": len(asset_keys(tasks)), "shards": len(shards), "runs": len(runs)}


def told_events(settings: Settings) -> set[int]:
    """How many shards of an asset Dagster knows to be materialized, of all assets."""
    curation = build_curation(settings)
    steps = [step for step in flow_of(curation).steps if not is_global(step)]
    with open_instance(settings) as instance:
        keys = asset_keys([Task(step, "", "") for step in steps])
        return {len(instance.get_materialized_partitions(key)) for key in keys}


if __name__ == "__main__":
    root, folder = sys.argv[1:]
    with tempfile.TemporaryDirectory(dir=folder) as home:
        os.environ["DAGSTER_HOME"] = home
        asked = Settings(root=root)
        open_instance(asked).dispose()
        measured(lambda: run(asked))
        if told_events(asked) != {len(build_curation(asked).lineage().shards)}:
            raise RuntimeError(f"Dagster was told of {told_events(asked)} shards of an asset")
