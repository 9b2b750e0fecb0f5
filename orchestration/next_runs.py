"""What automation asks for next: the first stage of the plan that has something to do, as runs.

Its memory is the list of Dagster's runs: a tag tells which of them automation asked for. What one of them failed at is
left alone until the next night, so that nothing is tried over and over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from assets.curation import Curation
from assets.lineage import Lineage
from assets.partitions import SHARDS, SHARDS_A_RUN
from assets.store import fingerprint

from .batches import ASKED_BY, RANGE_END, RANGE_START, STAGES, Batch, batches
from .flow import ALIASES, CAPTIONS, Flow, flow_of
from .jobs import asset_keys
from .plan import LeftOut, Task, expected_print, make_plan

NIGHT = "clipsieve/night"
NEW_FILES, NEXT_STAGE, NIGHTLY = "new_files", "next_stage", "nightly"
AUTOMATIC_STAGES = STAGES[1:]
"""By shard in one run: shards are run in their order, the lowest first, and that one owns what several hold."""

UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.MANAGED,
]  # fmt: skip
ENDED_BADLY = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


@dataclass(frozen=True)
class Recent:
    """Automation's runs since the last night began. `night`: names that night."""

    night: str
    shards: frozenset[str]
    """Of all of them."""
    failed: frozenset[tuple[str, str | None]]
    """(step, shard) of the runs that did not end well."""


def automatic_runs(instance: dg.DagsterInstance, limit: int | None = None, **wanted: object) -> list[dg.RunRecord]:
    """The newest first. `wanted`: as in dagster.RunsFilter."""
    filters = dg.RunsFilter(tags={ASKED_BY: [NEW_FILES, NEXT_STAGE, NIGHTLY]}, **wanted)  # type: ignore[arg-type]
    return list(instance.get_run_records(filters, limit=limit))


def unfinished_runs(instance: dg.DagsterInstance) -> int:
    """How many of automation's runs wait or are at work. One of more than a day ago is taken for lost: who was killed
    tells nobody.
    """
    return len(automatic_runs(instance, statuses=UNFINISHED, created_after=_a_day_ago()))


def runs_at_work(instance: dg.DagsterInstance) -> int:
    """The same of all runs, whoever started them."""
    return int(instance.get_runs_count(dg.RunsFilter(statuses=UNFINISHED, created_after=_a_day_ago())))


def _a_day_ago() -> datetime:
    return datetime.now(UTC) - timedelta(days=1)


def recent(instance: dg.DagsterInstance, now: datetime | None = None) -> Recent:
    """Since the newest run that the schedule asked for, and at most a day."""
    now = now or datetime.now(UTC)
    since, night = now - timedelta(days=1), str(now.date())
    nightly = instance.get_run_records(dg.RunsFilter(tags={ASKED_BY: NIGHTLY}, created_after=since), limit=1)
    if nightly:
        night = nightly[0].dagster_run.tags[NIGHT]
        since = _began(instance, night)
    listed = instance.get_dynamic_partitions(SHARDS.name or "")
    records = [r for r in automatic_runs(instance) if r.create_timestamp.replace(tzinfo=UTC) >= since]
    runs = [(r.dagster_run, _range(r.dagster_run.tags, listed)) for r in records]
    bad: list[tuple[set[str], list[str | None]]]
    bad = [(_steps_of(run), [*shards] if shards else [None]) for run, shards in runs if run.status in ENDED_BADLY]
    failed = {(step, shard) for steps, shards in bad for step in steps for shard in shards}
    return Recent(night, frozenset(s for _, shards in runs for s in shards), frozenset(failed))


def _began(instance: dg.DagsterInstance, night: str) -> datetime:
    """When the first run of a night was asked for."""
    filters = dg.RunsFilter(tags={NIGHT: night, ASKED_BY: NIGHTLY})
    return min(r.create_timestamp.replace(tzinfo=UTC) for r in instance.get_run_records(filters))


def shards_of(requests: Iterable[dg.RunRequest], instance: dg.DagsterInstance) -> list[str]:
    """All shards of the ranges that are asked for."""
    listed = instance.get_dynamic_partitions(SHARDS.name or "")
    return [shard for request in requests for shard in _range(request.tags, listed)]


def _range(tags: Mapping[str, str], listed: Sequence[str]) -> list[str]:
    first, last = tags.get(RANGE_START), tags.get(RANGE_END)
    if first not in listed or last not in listed:
        return []
    return list(listed[listed.index(first) : listed.index(last) + 1])


def _steps_of(run: dg.DagsterRun) -> set[str]:
    names = {key.to_user_string() for key in run.asset_selection or ()}
    return {ALIASES.get(name, name) for name in names}


def next_tasks(curation: Curation, known: Recent, shards: Iterable[str] | None) -> list[Task]:
    """The first stage of the plan that has something to do, over `shards` (None = all) and what is over all shards.
    What failed, and what needs it, is left out. Nothing of a root without files.
    """
    if not curation.lineage().shards:
        return []
    wanted = None if shards is None else frozenset(shards)
    plan = make_plan(curation, left_out=_left_out(flow_of(curation), known.failed, wanted))
    stages = ([task for task in plan if stage(task)] for stage in AUTOMATIC_STAGES)
    return next((tasks for tasks in stages if tasks), [])


def _left_out(flow: Flow, failed: frozenset[tuple[str, str | None]], wanted: frozenset[str] | None) -> LeftOut:
    """Captions are of the clips that tier_1 keeps, which may change in any shard that has its scores."""
    needs = {step: set(flow.up_to(step)) for step in flow.steps}
    of_shard: dict[str | None, set[str]] = {}
    for step, shard in failed:
        of_shard.setdefault(shard, set()).add(step)

    def is_left_out(lineage: Lineage, step: str, shard: str | None) -> bool:
        if of_shard.get(shard, set()) & needs[step]:
            return True
        if wanted is None or shard is None or shard in wanted:
            return False
        return step != CAPTIONS or shard not in lineage.complete_shards

    return is_left_out


def next_requests(
    curation: Curation, instance: dg.DagsterInstance, asked_by: str, most: int, known: Recent,
    shards: Iterable[str] | None, job: str | None = None,
) -> list[dg.RunRequest]:  # fmt: skip
    """At most `most` runs, by the same plan and the same ranges as `clipsieve run`. Shards that Dagster does not know
    are made known to it. `job`: in place of the batches' own; a schedule has one. The same work on the same input has
    the same key after the same run, so that it is asked for once.
    """
    tasks = next_tasks(curation, known, shards)
    instance.add_dynamic_partitions(SHARDS.name or "", sorted({t.shard for t in tasks if t.shard}))
    listed = instance.get_dynamic_partitions(SHARDS.name or "")
    lineage, newest = curation.lineage(), automatic_runs(instance, limit=1)
    after = newest[0].dagster_run.run_id if newest else ""
    with curation.store.snapshot():
        return [
            _request(
                batch,
                job or batch.job,
                asked_by,
                known.night,
                after,
                [expected_print(curation, lineage, t) for t in batch.tasks],
            )
            for batch in batches(tasks, listed, SHARDS_A_RUN)[:most]
        ]


def _request(batch: Batch, job: str, asked_by: str, night: str, after: str, prints: list[str]) -> dg.RunRequest:
    """`after`: the run that it follows. What came back to a state that it had before is asked for again."""
    key = fingerprint(night, after, batch.job, [(t.step, t.shard) for t in batch.tasks], prints)
    tags = batch.tags(asked_by) | ({NIGHT: night} if asked_by == NIGHTLY else {})
    return dg.RunRequest(run_key=key, job_name=job, asset_selection=asset_keys(batch), tags=tags)
