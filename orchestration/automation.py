"""Two sensors and a schedule over one root. All of them ask for runs of the plan that `clipsieve run` would execute.

`new_files` and `nightly` are off until they are switched on in the UI: who opens it gets no run that she did not ask
for. `next_stage` is on, and asks for nothing unless one of the other two did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeAlias

import dagster as dg

from assets.curation import Curation
from assets.partitions import SHARDS_A_RUN
from assets.raw_videos.discover import InputError
from assets.store import Store

from .batches import ASKED_BY, BECAUSE, CAPTION_JOB, OF_SHARDS, SHARD_JOB, STEPS, TIER_JOB
from .jobs import ROOT_JOB, TIDY_JOB
from .next_runs import (
    NEW_FILES,
    NEXT_STAGE,
    NIGHTLY,
    Recent,
    automatic_runs,
    next_requests,
    recent,
    runs_at_work,
    shards_of,
    unfinished_runs,
)
from .report import plural
from .resources import active_input, build_curation
from .run import BusyError, root_lock
from .settings import Settings
from .watching import Look, as_cursor, look, lost_shards, recalled

TIDYING = "next_stage, at the end"
"""Who asked for a run that tidies: not counted as a run of automation, since nothing follows it."""
EVERY_S = 30
TURN_S = 2 * EVERY_S
"""After one of automation's runs has ended `new_files` asks for none so long: `next_stage` has its turn."""
Job: TypeAlias = "dg.UnresolvedAssetJobDefinition | dg.JobDefinition"
Current = Callable[[], Curation]
Answer = dg.SensorResult | dg.SkipReason


def build_automation(
    settings: Settings, jobs: list[Job], tiers: int
) -> tuple[list[dg.SensorDefinition], list[dg.ScheduleDefinition]]:
    """`jobs`: those that are asked for; `tiers`: how many they have. A tick looks at the root as it is then: with the
    preset of its last run.
    """
    by_name = {job.name: job for job in jobs}
    staged = [by_name[name] for name in (SHARD_JOB, TIER_JOB, CAPTION_JOB)]
    sensors = [_new_files(settings, staged, tiers), _next_stage(settings, [*staged, by_name[TIDY_JOB]], tiers)]
    return sensors, [_nightly(settings, by_name[ROOT_JOB], tiers)]


def _current(settings: Settings) -> Current:
    """A store of its own for each of them: ticks of two are at work side by side. It knows what it read before."""
    store = Store(settings.absolute_root)
    return lambda: build_curation(settings, store)


def is_busy(curation: Curation) -> bool:
    """Whether a run by hand, or another process that registers files, has the root."""
    try:
        with root_lock(curation):
            return False
    except BusyError:
        return True


NO_INPUT = (
    "No input is known: set CLIPSIEVE_INPUT to a folder or manifest and open the UI again, or start "
    "`clipsieve run --input FOLDER` once on this root."
)
BUSY = "`clipsieve run` works on this root; it does what is to be done"


def _new_files(settings: Settings, jobs: list[Job], tiers: int) -> dg.SensorDefinition:
    current, options = _current(settings), settings.automation

    @dg.sensor(
        name=NEW_FILES,
        jobs=jobs,
        minimum_interval_seconds=EVERY_S,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Watches the input of the root's last `clipsieve run` (or CLIPSIEVE_INPUT): files that nothing "
        f"has changed for {options.quiet_s:g} s are registered in shards, and a shard is run when it is full "
        f"({settings.shards.max_files} files) or nothing new came for {options.quiet_s:g} s. Opens no media. A large "
        "folder is gone through in several ticks; removed files are told gone when all of it was seen. "
        "Off until you switch it on.",
    )
    def new_files(context: dg.SensorEvaluationContext) -> Answer:
        curation = current()
        if reason := _waits(context.instance, curation, tiers):
            return dg.SkipReason(reason)
        source = active_input(settings, curation.store)
        if source is None:
            return dg.SkipReason(NO_INPUT)
        try:
            watch, lock = recalled(context.cursor, source), partial(root_lock, curation)
            found = look(curation.store, watch, settings.shards, options, lock)
        except BusyError:
            return dg.SkipReason(BUSY)
        except InputError as error:
            return dg.SkipReason(str(error))
        return _run_ready(context.instance, curation, found, options.runs_at_once)

    return new_files


def _run_ready(instance: dg.DagsterInstance, curation: Curation, found: Look, most: int) -> dg.SensorResult:
    """Runs of the shards that are ready, unless earlier ones are at work. Those that had no place wait."""
    known = recent(instance)
    if lost := lost_shards(curation.store, found.watch).difference(known.shards):
        found = replace(found, ready=tuple(sorted({*found.ready, *lost})))
    reason = _their_turn(instance) or (BUSY if found.ready and is_busy(curation) else None)
    if not found.ready or reason:
        told = f"{found.told}; {reason}" if found.ready else found.told
        return dg.SensorResult(skip_reason=told, cursor=as_cursor(found.watch))
    requests = next_requests(curation, instance, NEW_FILES, most, known, found.ready)
    asked = found.ready if len(requests) < most else shards_of(requests, instance)
    cursor = as_cursor(found.watch.without(asked))
    if not requests:
        return dg.SensorResult(skip_reason=f"{found.told}; all is up to date", cursor=cursor)
    return dg.SensorResult(run_requests=requests, cursor=cursor)


def _waits(instance: dg.DagsterInstance, curation: Curation, tiers: int) -> str | None:
    """Why nothing is registered now: a shard that takes a file while a run works on it would fail that run."""
    if waits := runs_at_work(instance):
        return f"Registers nothing while {plural(waits, 'run')} of this instance wait or are at work."
    return _outgrown(curation, tiers)


def _outgrown(curation: Curation, tiers: int) -> str | None:
    """`tiers`: of the preset that the code location was loaded with."""
    if len(curation.preset.tiers) <= tiers:
        return None
    return (
        f"The last run's preset {curation.preset.name} has more tiers than the one before: reload the code location."
    )


def _their_turn(instance: dg.DagsterInstance) -> str | None:
    if automatic_runs(instance, updated_after=datetime.now(UTC) - timedelta(seconds=TURN_S)):
        return "shards that are ready wait for the stages that follow the last runs"
    return None


def _next_stage(settings: Settings, jobs: list[Job], tiers: int) -> dg.SensorDefinition:
    current = _current(settings)

    @dg.sensor(
        name=NEXT_STAGE,
        jobs=jobs,
        minimum_interval_seconds=EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Carries on what `new_files` and `nightly` began: when none of their runs waits or is at work any "
        "more, asks for the next stage of the plan (duplicates, concepts and tier_1; then captions; then the other "
        "tiers), at last for one that tidies the root. What failed is left alone until the next night. "
        "Asks for nothing unless one of the other two did, and so it is on.",
    )
    def next_stage(context: dg.SensorEvaluationContext) -> Answer:
        instance = context.instance
        seen = float(context.cursor) if context.cursor else 0.0
        ended = automatic_runs(instance, updated_after=datetime.fromtimestamp(seen, UTC))
        if not ended:
            return dg.SkipReason("No run of automation has ended since the last look.")
        if waits := unfinished_runs(instance):
            return dg.SkipReason(f"Waits for {plural(waits, 'run')} of automation.")
        curation = current()
        if reason := BUSY if is_busy(curation) else _outgrown(curation, tiers):
            return dg.SkipReason(reason)
        known = recent(instance)
        requests = next_requests(curation, instance, NEXT_STAGE, settings.automation.runs_at_once, known, known.shards)
        newest = max(r.update_timestamp.replace(tzinfo=UTC).timestamp() for r in ended)
        return dg.SensorResult(run_requests=requests or [_tidying(newest)], cursor=repr(newest))

    return next_stage


def _tidying(newest: float) -> dg.RunRequest:
    tags = {STEPS: "tidy", OF_SHARDS: "all", BECAUSE: "the runs before it have ended", ASKED_BY: TIDYING}
    return dg.RunRequest(run_key=f"tidy-{newest!r}", job_name=TIDY_JOB, tags=tags)


def _nightly(settings: Settings, job: Job, tiers: int) -> dg.ScheduleDefinition:
    current, options = _current(settings), settings.automation

    @dg.schedule(
        name=NIGHTLY,
        job=job,
        cron_schedule=options.nightly,
        execution_timezone=options.timezone,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=f"Looks at the whole root and asks for what is missing, failed or stale, by the plan that "
        f"`clipsieve run` would execute: at most {options.runs_a_night} runs a night, of up to {SHARDS_A_RUN} shards; "
        "`next_stage` asks for what follows. Off until you switch it on.",
    )
    def nightly(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        instance, curation = context.instance, current()
        if waits := unfinished_runs(instance):
            return dg.SkipReason(f"{plural(waits, 'run')} of automation still wait or are at work.")
        if reason := BUSY if is_busy(curation) else _outgrown(curation, tiers):
            return dg.SkipReason(reason)
        night = Recent(str(context.scheduled_execution_time), frozenset(), frozenset())
        requests = next_requests(curation, instance, NIGHTLY, options.runs_a_night, night, None, ROOT_JOB)
        return requests or dg.SkipReason("Everything is up to date.")

    return nightly
