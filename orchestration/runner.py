"""Stages of a plan executed as Dagster runs, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import dagster as dg

from assets.curation import Curation
from assets.partitions import SHARDS, SHARDS_A_RUN

from .batches import Batch, batches
from .definitions import build_definitions
from .flow import flow_of
from .instance import open_instance
from .jobs import asset_keys
from .plan import Task
from .run import RunResult
from .settings import Settings

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
INTERRUPTS = ("DagsterExecutionInterruptedError", "KeyboardInterrupt")
BY_HAND = "clipsieve run"


@contextmanager
def open_runner(
    settings: Settings, curation: Curation, result: RunResult, say: Callable[[str], None]
) -> Iterator[Runner]:
    """Over the instance of the settings' home."""
    definitions = build_definitions(curation)
    with open_instance(settings) as instance:
        yield Runner(definitions, instance, curation, result, say)


class Runner:
    """Executes tasks as Dagster runs in this process."""

    def __init__(
        self, definitions: dg.Definitions, instance: dg.DagsterInstance, curation: Curation, result: RunResult,
        say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.definitions, self.instance, self.curation = definitions, instance, curation
        self.result, self.say = result, say
        self.flow = flow_of(curation)
        self.done: set[tuple[str, str | None]] = set()
        self.failed: set[str] = set()

    def run(self, tasks: list[Task]) -> bool:
        """One stage: all its tasks are by shard, or all are over all shards. What was done is not done again, though
        it is planned again where all is forced. Returns whether there was anything to do.
        """
        tasks = [t for t in tasks if (t.step, t.shard) not in self.done]
        shards = sorted({t.shard for t in tasks if t.shard})
        self.instance.add_dynamic_partitions(SHARDS.name or "", shards)
        listed = self.instance.get_dynamic_partitions(SHARDS.name or "")
        for batch in batches(tasks, listed, SHARDS_A_RUN):
            self._run(batch)
        return bool(tasks)

    def _note(self, check: dg.AssetCheckEvaluation) -> None:
        """A check that did not pass is a failure of the run."""
        if not check.passed:
            told = check.metadata.get("first")
            self.result.failures.append(f"{check.asset_key.to_user_string()}: {told.value if told else 'not sound'}")

    def _run(self, batch: Batch) -> None:
        spoilt = {step for step in batch.steps if self.failed & set(self.flow.up_to(step))}
        batch = replace(batch, tasks=tuple(t for t in batch.tasks if t.step not in spoilt))
        if not batch.tasks or self.result.interrupted:
            return
        self.done |= {(t.step, t.shard) for t in batch.tasks}
        self.say(", ".join(batch.steps) + (f" of {batch.first}" if batch.first else ""))
        outcome = self.definitions.resolve_job_def(batch.job).execute_in_process(
            instance=self.instance, asset_selection=asset_keys(batch), tags=batch.tags(BY_HAND), run_config=QUIET,
            raise_on_error=False,
        )  # fmt: skip
        self.result.tasks += batch.tasks
        for event in outcome.all_events:
            if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                self._note(event.asset_check_evaluation_data)
            if event.is_step_failure and not _is_of_a_check(event.step_failure_data.error):
                error = event.step_failure_data.error
                told = event.step_failure_data.user_failure_data
                self.result.interrupted |= getattr(error, "cls_name", "") in INTERRUPTS
                self.result.failures.append(f"{event.step_key}: {(told and told.description) or root_cause(error)}")
        if not outcome.success:
            self.failed |= set(batch.steps)


def _is_of_a_check(error: object) -> bool:
    """What the check found was told by its own event."""
    return getattr(error, "cls_name", "") in ("DagsterAssetCheckFailedError", "UnsoundPart")


def root_cause(error: object) -> str:
    """The innermost message of a serialized error: what a user can act on."""
    while (cause := getattr(error, "cause", None)) is not None:
        error = cause
    return str(getattr(error, "message", error)).strip()
