"""Stages of a plan executed as Dagster runs, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg

from assets.curation import Curation
from assets.partitions import SHARDS, SHARDS_A_RUN

from .definitions import build_definitions
from .flow import ALIASES, CAPTIONS, flow_of
from .instance import open_instance
from .jobs import CAPTION_JOB, SHARD_JOB, TIER_JOB
from .plan import Task
from .run import RunResult
from .settings import Settings

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
INTERRUPTS = ("DagsterExecutionInterruptedError", "KeyboardInterrupt")
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


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
        if shards:
            self.shards(CAPTION_JOB if tasks[0].step == CAPTIONS else SHARD_JOB, tasks)
        elif tasks:
            self._run(TIER_JOB, tasks, {})
        return bool(tasks)

    def _note(self, check: dg.AssetCheckEvaluation) -> None:
        """A check that did not pass is a failure of the run."""
        if not check.passed:
            told = check.metadata.get("first")
            self.result.failures.append(f"{check.asset_key.to_user_string()}: {told.value if told else 'not sound'}")

    def shards(self, job: str, tasks: list[Task]) -> None:
        """Ranged runs over neighbouring shards that have the same steps to do. Neighbours are those of Dagster's list,
        in which shards stand as it learned of them: a range is every key between its ends there.
        """
        place = {shard: i for i, shard in enumerate(self.instance.get_dynamic_partitions(SHARDS.name or ""))}
        by_shard: dict[str, list[Task]] = {}
        for task in tasks:
            by_shard.setdefault(task.shard or "", []).append(task)
        alike: dict[tuple[str, ...], list[str]] = {}
        for shard in sorted(by_shard, key=place.__getitem__):
            alike.setdefault(tuple(t.step for t in by_shard[shard]), []).append(shard)
        order = list(dict.fromkeys(t.step for t in tasks))
        for listed in alike.values():
            for neighbours in _neighbours(listed, place):
                mine = [t for shard in neighbours for t in by_shard[shard]]
                mine.sort(key=lambda t: order.index(t.step))
                self._run(job, mine, {RANGE_START: neighbours[0], RANGE_END: neighbours[-1]})

    def _run(self, job: str, tasks: list[Task], tags: dict[str, str]) -> None:
        spoilt = {step for step in {t.step for t in tasks} if self.failed & set(self.flow.up_to(step))}
        tasks = [t for t in tasks if t.step not in spoilt]
        if not tasks or self.result.interrupted:
            return
        keys = asset_keys(tasks)
        self.done |= {(t.step, t.shard) for t in tasks}
        self.say(f"{', '.join(dict.fromkeys(t.step for t in tasks))}" + (f" of {tags[RANGE_START]}" if tags else ""))
        outcome = self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance, asset_selection=keys, tags=tags, run_config=QUIET, raise_on_error=False
        )
        self.result.tasks += tasks
        for event in outcome.all_events:
            if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                self._note(event.asset_check_evaluation_data)
            if event.is_step_failure and not _is_of_a_check(event.step_failure_data.error):
                error = event.step_failure_data.error
                told = event.step_failure_data.user_failure_data
                self.result.interrupted |= getattr(error, "cls_name", "") in INTERRUPTS
                self.result.failures.append(f"{event.step_key}: {(told and told.description) or root_cause(error)}")
        if not outcome.success:
            self.failed |= {t.step for t in tasks}


def _is_of_a_check(error: object) -> bool:
    """What the check found was told by its own event."""
    return getattr(error, "cls_name", "") == "DagsterAssetCheckFailedError"


def root_cause(error: object) -> str:
    """The innermost message of a serialized error: what a user can act on."""
    while (cause := getattr(error, "cause", None)) is not None:
        error = cause
    return str(getattr(error, "message", error)).strip()


def asset_keys(tasks: list[Task]) -> list[dg.AssetKey]:
    """The assets that the tasks' steps write."""
    keys: dict[dg.AssetKey, None] = {}
    for task in tasks:
        names = [asset for asset, step in ALIASES.items() if step == task.step] or [task.step]
        keys |= {dg.AssetKey(name.split("/")): None for name in names}
    return list(keys)


def _neighbours(shards: list[str], place: dict[str, int]) -> Iterator[list[str]]:
    """Shards in the order of their places, cut where one is missing in between, and after SHARDS_A_RUN."""
    start = 0
    for end in range(1, len(shards) + 1):
        is_last = end == len(shards) or place[shards[end]] != place[shards[end - 1]] + 1
        if is_last or end - start == SHARDS_A_RUN:
            yield shards[start:end]
            start = end
