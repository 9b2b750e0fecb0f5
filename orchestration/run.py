"""One run, headless: find new files, make shards, materialize what is stale, in Dagster and in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePath

import dagster as dg
from filelock import Timeout

from assets.compaction import COMPACTED, compact, sweep
from assets.curation import Curation
from assets.partitions import SHARDS, SHARDS_A_RUN
from assets.raw_videos.discover import discover
from assets.raw_videos.sources import Registration, closed_shards, known_files, preview, read_sources, register
from assets.scan.staging import sweep_staging
from assets.tiers.judge import drop_beyond
from assets.views import write_database

from .definitions import build_definitions
from .flow import ALIASES, BEFORE_TIERS, CAPTIONS, FIRST_TIER, flow_of
from .instance import open_instance
from .jobs import CAPTION_JOB, SHARD_JOB, TIER_JOB
from .plan import Task, make_plan, wanted_steps
from .resources import active_preset, remember_preset
from .settings import Settings

RUN_LOCK = "run"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
INTERRUPTS = ("DagsterExecutionInterruptedError", "KeyboardInterrupt")
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


class BusyError(RuntimeError):
    """Another run works on the same root."""


@dataclass
class RunResult:
    """What a run found and did. `failures` is empty when every asset of the plan materialized."""

    registration: Registration | None = None
    ignored: int = 0
    missing: list[str] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    interrupted: bool = False
    """Ctrl-C, or the system's SIGTERM: what was finished is kept."""
    unused_columns: list[str] = field(default_factory=list)
    """Columns of the manifest that nothing reads."""


@contextmanager
def root_lock(curation: Curation) -> Iterator[None]:
    """One run a root at a time. Raises BusyError."""
    with ExitStack() as held:
        try:
            held.enter_context(curation.store.locked(RUN_LOCK, wait_s=0))
        except Timeout as error:
            root = curation.store.root
            raise BusyError(f"another run works on {root}; wait for it, or give this one another --root") from error
        yield


def find(
    curation: Curation, settings: Settings, source: str, limit: int | None, result: RunResult, dry_run: bool = False
) -> None:
    """Register what the input holds; in a dry run the register stays, and the plan is made for one as it would be."""
    found = discover(source, known_files(read_sources(curation.store)))
    result.ignored, result.missing, result.unused_columns = found.ignored, found.missing, found.unused_columns
    now = datetime.now(UTC)
    if dry_run:
        result.registration, curation.register = preview(curation.store, found, now, settings.shards, limit)
    else:
        result.registration = register(curation.store, found, now, settings.shards, limit)


def execute(
    curation: Curation, settings: Settings, until: str | None, only: str | None, result: RunResult,
    say: Callable[[str], None],
) -> None:  # fmt: skip
    """Run the plan in the order of its stages. After a stage that worked the rest is planned anew: it may have less,
    or more, to do.
    """
    if FIRST_TIER in wanted_steps(curation, until):
        remember_preset(curation.store, curation.preset)
    tasks = make_plan(curation, until, only)
    worked = bool(tasks)
    if worked:
        definitions = build_definitions(curation)
        with open_instance(settings) as instance:
            runner = _Runner(definitions, instance, curation, result, say)
            for stage in STAGES:
                if runner.run([t for t in tasks if stage(t)]):
                    tasks = make_plan(curation, until, only)
    _finish(curation, settings, worked)


STAGES: tuple[Callable[[Task], bool], ...] = (
    lambda task: task.step == "raw_videos",  # Ownership of copies follows from it.
    lambda task: task.shard is not None and task.step != CAPTIONS,
    lambda task: task.shard is None and task.step in (*BEFORE_TIERS, FIRST_TIER),
    lambda task: task.step == CAPTIONS,  # Of the clips that the first tier keeps.
    lambda task: task.shard is None,
)


class _Runner:
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

    def shards(self, job: str, tasks: list[Task]) -> None:
        """Ranged runs over neighbouring shards that have the same steps to do."""
        by_shard: dict[str, list[Task]] = {}
        for task in tasks:
            by_shard.setdefault(task.shard or "", []).append(task)
        alike: dict[tuple[str, ...], list[str]] = {}
        for shard in sorted(by_shard):
            alike.setdefault(tuple(t.step for t in by_shard[shard]), []).append(shard)
        every = self.curation.lineage().shards
        for listed in alike.values():
            for start in range(0, len(listed), SHARDS_A_RUN):
                for first, last in _ranges(listed[start : start + SHARDS_A_RUN], every):
                    mine = [t for t in tasks if t.shard in listed and first <= t.shard <= last]
                    self._run(job, mine, {RANGE_START: first, RANGE_END: last})

    def _run(self, job: str, tasks: list[Task], tags: dict[str, str]) -> None:
        tasks = [t for t in tasks if not self.failed & set(self.flow.up_to(t.step))]
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
            if event.is_step_failure:
                error = event.step_failure_data.error
                told = event.step_failure_data.user_failure_data
                self.result.interrupted |= getattr(error, "cls_name", "") in INTERRUPTS
                self.result.failures.append(f"{event.step_key}: {(told and told.description) or root_cause(error)}")
        if not outcome.success:
            self.failed |= {t.step for t in tasks}


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


def _ranges(chunk: list[str], every: list[str]) -> Iterator[tuple[str, str]]:
    """Runs of neighbouring shards: a range of Dagster's takes every key between its ends."""
    wanted, first, last = set(chunk), None, ""
    for shard in [*every, None]:
        if shard in wanted:
            first, last = first or str(shard), str(shard)
        elif first is not None:
            yield first, last
            first = None


def _finish(curation: Curation, settings: Settings, worked: bool) -> None:
    """Compact closed shards, then swap the views, then drop what the old views read and what a kill left behind."""
    store = curation.store
    closed = closed_shards(read_sources(store), settings.shards) if worked else []
    for table in COMPACTED if worked else ():
        compact(store, table, closed)
    active = PurePath(active_preset(store)).stem
    if active == curation.preset.name:
        drop_beyond(store, curation.preset)
    write_database(store, active)
    for table in COMPACTED if worked else ():
        sweep(store, table)
    if worked:
        sweep_staging(store, curation.lineage())
