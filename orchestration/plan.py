"""What is stale, and why. `run`, `--dry-run`, sensors and the schedule all execute what is computed here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import polars as pl

from assets.captions.fill import failed_captions
from assets.curation import Curation
from assets.embeddings.by_model import embedder
from assets.embeddings.hashes import keyframe_hashes
from assets.filter_scores.scorers import SCORERS
from assets.footers import recall
from assets.lineage import Lineage
from assets.measuring.measure_shard import lost_clips
from assets.models.catalogue import find_model
from assets.raw_videos.read_shard import files_to_retry
from assets.scan.scan_shard import videos_to_decode
from assets.store import WHOLE, Stamp
from assets.tiers.judge import expected_stamp, folder

from .flow import SCORES, TIER, Flow, flow_of, is_global, scorer_names

SCORER_OF = {scorer.step: scorer for scorer in SCORERS}


@dataclass(frozen=True)
class Task:
    """One step of one shard, or of all (shard None), that is not what it should be."""

    step: str
    shard: str | None
    reason: str
    follows: bool = False
    """Stale only because a step before it is; it may turn out to be up to date."""


class PlanError(ValueError):
    """The plan was asked for something that cannot be done."""


LeftOut = Callable[[Lineage, str, str | None], bool]
"""Of a lineage, a step and a shard: whether the plan does without it, and looks at what follows as if it were done."""


def make_plan(
    curation: Curation, until: str | None = None, only: str | None = None, left_out: LeftOut | None = None
) -> list[Task]:
    """Every stale task in the order of the flow, up to `until`; of the scorers `only` one.

    Where another scorer is stale too, `only` leaves out the wide row and the tiers, which would lack it.
    Raises PlanError.
    """
    steps = check_request(curation, until, only)
    planner = _Planner(curation, flow_of(curation), left_out)
    with curation.store.snapshot():
        recall(curation.store)
        for step in steps:
            planner.look_at(step)
    return planner.tasks if only is None else _only(planner.tasks, planner.flow, f"{SCORES}{only}")


def _only(tasks: list[Task], flow: Flow, mine: str) -> list[Task]:
    """Of a plan what leads to one scorer, the wide row and the tiers, as far as these lack nothing that is stale."""
    wanted = {*flow.up_to(mine), "filter_scores"}
    left_out = {(t.step, t.shard) for t in tasks if t.step not in wanted and not t.step.startswith(TIER)}
    shards = {shard for step, shard in left_out if step.startswith(SCORES)}
    stale = {step for step, _ in left_out}

    def lacks_nothing(task: Task) -> bool:
        if task.step.startswith(TIER):
            return not stale & set(flow.up_to(task.step))
        return task.step in wanted and not (task.step == "filter_scores" and task.shard in shards)

    return [task for task in tasks if lacks_nothing(task)]


def check_request(curation: Curation, until: str | None, only: str | None) -> tuple[str, ...]:
    """The steps that a request names, without a look at any table. Raises PlanError."""
    if only is not None and only not in scorer_names():
        raise PlanError(f"no scorer {only!r}; choose one of {', '.join(scorer_names())}")
    if only is not None and (lack := curation.options.lack(next(s for s in SCORERS if s.name == only))):
        raise PlanError(f"scorer {only} is not enabled: {lack} (clipsieve models list)")
    _check_embedding(curation)
    return wanted_steps(curation, until)


def _check_embedding(curation: Curation) -> None:
    """A model that was asked for by name and cannot be used is a mistake, not an absence."""
    name = curation.options.embedding
    try:
        model = embedder(name).model
        lack = curation.options.models.lacks(find_model(model)) if model else None
    except (KeyError, ValueError) as error:
        raise PlanError(f"embedding = {name!r}: {error.args[0] if error.args else error}") from error
    if lack:
        raise PlanError(f"embedding = {name!r}: {lack} (clipsieve models list)")


def wanted_steps(curation: Curation, until: str | None) -> tuple[str, ...]:
    """The steps that lead to `until`, which may be any asset's name; all of them when it is None."""
    flow = flow_of(curation)
    if until is None:
        return flow.steps
    last = flow.find(until)
    if last is None:
        if until in scorer_names() or until.removeprefix(SCORES) in scorer_names():
            check_request(curation, None, until.removeprefix(SCORES))
        raise PlanError(f"no asset {until!r}; choose one of {', '.join(flow.steps)}")
    return flow.up_to(last)


class _Planner:
    """Walks the flow: a step is stale when one that it reads is, or when its stored stamp is not the expected one."""

    def __init__(self, curation: Curation, flow: Flow, left_out: LeftOut | None) -> None:
        self.curation, self.flow, self.lineage, self.left_out = curation, flow, curation.lineage(), left_out
        self.tasks: list[Task] = []
        self.stale: set[tuple[str, str | None]] = set()

    def look_at(self, step: str) -> None:
        for shard in [None] if is_global(step) else self.lineage.shards:
            if self.left_out is not None and self.left_out(self.lineage, step, shard):
                continue
            follows = self._stale_before(step, shard)
            reason = f"follows {follows}" if follows else self._reason(step, shard)
            if reason:
                self.stale |= {(step, shard), (step, "any")}
                self.tasks.append(Task(step, shard, reason, follows is not None))

    def _stale_before(self, step: str, shard: str | None) -> str | None:
        """The first step before this one that is stale, as a person calls it."""
        for before in self.flow.reads[step]:
            key = None if is_global(before) else shard if shard is not None else "any"
            if (before, key) in self.stale:
                return "the scorers" if before.startswith(SCORES) else before
        return None

    def _reason(self, step: str, shard: str | None) -> str | None:
        if shard is None:
            return _global_reason(self.curation, self.lineage, step)
        return _shard_reason(self.curation, self.lineage, step, shard)


def expected_of(lineage: Lineage, step: str, shard: str) -> Stamp:
    """The stamp that a step's certifying part should have."""
    if step.startswith(SCORES):
        return lineage.measured(SCORER_OF[step], shard)
    stamp: Stamp = getattr(lineage, step)(shard)
    return stamp


def expected_print(curation: Curation, lineage: Lineage, task: Task) -> str:
    """Fingerprint that what the task writes should have, as far as it is known before the steps that it follows."""
    if task.shard is not None:
        return expected_of(lineage, task.step, task.shard).fingerprint
    if task.step.startswith(TIER):
        number = 1 + [t.name for t in curation.preset.tiers].index(task.step)
        return expected_stamp(lineage, curation.preset, number).fingerprint
    stamp: Stamp = getattr(lineage, task.step)()
    return stamp.fingerprint


def _shard_reason(curation: Curation, lineage: Lineage, step: str, shard: str) -> str | None:
    """Why the stored part is not what it should be; None when it is."""
    folder_name = "scans" if step == "scan" else step
    expected, stored = expected_of(lineage, step, shard), curation.store.stamp(folder_name, shard)
    if curation.forces(step):
        return "forced"
    if lineage.is_fresh(folder_name, shard, expected):
        return _retry_reason(curation, lineage, step, shard) if curation.retry_failed else None
    detail = _detail(curation, lineage, step, shard)
    if stored is None:
        return f"missing{detail}"
    if stored.fingerprint == expected.fingerprint:
        return f"a table of the step is not the one that was written with it{detail}"
    if stored.recipe != expected.recipe:
        return f"version, settings or model of the step changed{detail}"
    return f"inputs changed{detail}"


def _retry_reason(curation: Curation, lineage: Lineage, step: str, shard: str) -> str | None:
    """What of an up-to-date part failed for a reason that another attempt may not meet."""
    failed: dict[str, tuple[Callable[[], int], str]] = {
        "raw_videos": (lambda: files_to_retry(curation.store, shard), "files that could not be read"),
        "scan": (lambda: videos_to_decode(curation.store, lineage, shard, True), "videos that failed"),
        "captions": (lambda: failed_captions(curation.store, shard), "clips without a caption"),
    }
    measured = [*SCORERS, keyframe_hashes, embedder(curation.options.embedding)]
    failed |= {
        s.step: (partial(lost_clips, curation.store, s, shard), "clips whose worker was lost") for s in measured
    }
    if step not in failed:
        return None
    count, what = failed[step]
    return f"{n} {what} are tried again" if (n := count()) else None


def _detail(curation: Curation, lineage: Lineage, step: str, shard: str) -> str:
    if step == "raw_videos":
        rows = lineage.registered(shard).filter(pl.col("gone_at").is_null())
        return f": {rows['video_id'].null_count()} of {len(rows)} files not read yet"
    if step == "scan":
        decodes = videos_to_decode(curation.store, lineage, shard, False)
        return f": {decodes} of {len(lineage.owned(shard))} videos to decode"
    return ""


def _global_reason(curation: Curation, lineage: Lineage, step: str) -> str | None:
    if step.startswith(TIER):
        return _tier_reason(curation, lineage, step)
    expected: Stamp = getattr(lineage, step)()
    stored = curation.store.stamp(step, WHOLE)
    if curation.forces(step):
        return "forced"
    if lineage.is_fresh(step, WHOLE, expected):
        return None
    if stored is None:
        return "missing"
    return "clips changed" if stored.recipe == expected.recipe else "version or settings of the step changed"


def _tier_reason(curation: Curation, lineage: Lineage, step: str) -> str | None:
    preset = curation.preset
    number = 1 + [t.name for t in preset.tiers].index(step)
    expected, stored = expected_stamp(lineage, preset, number), curation.store.stamp(folder(preset.name), step)
    if curation.forces(step):
        return "forced"
    if stored is None:
        return "missing"
    if stored.fingerprint == expected.fingerprint:
        return None
    same = stored.extra.get("bounds") == expected.extra["bounds"]
    return "scores or sources changed" if same else "bounds of the preset changed"
