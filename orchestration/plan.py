"""What is stale, and why. `run`, `--dry-run` and later sensors and schedules all execute what is computed here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from assets.curation import Curation
from assets.filter_scores.scorers import SCORERS
from assets.lineage import Lineage
from assets.measuring.measure_shard import lost_clips
from assets.measuring.scorer import Scorer
from assets.raw_videos.read_shard import files_to_retry
from assets.scan.scan_shard import videos_to_decode
from assets.store import Stamp
from assets.tiers.judge import expected_stamp, folder

SHARD_STEPS = ("raw_videos", "scan", "clips", *(f"scores/{s.name}" for s in SCORERS), "filter_scores")
ALIASES = {"frame_signals": "scan", "keyframes": "scan", "scans": "scan"}
"""Assets that one step writes together."""

UPSTREAM = {"scan": "raw_videos", "clips": "scan", "filter_scores": "the scorers"} | {
    f"scores/{s.name}": "clips" for s in SCORERS
}


@dataclass(frozen=True)
class Task:
    """One step of one shard, or one tier (shard None), that is not what it should be."""

    step: str
    shard: str | None
    reason: str
    follows: bool = False
    """Stale only because the step before it is; it may turn out to be up to date."""


class PlanError(ValueError):
    """The plan was asked for something that does not exist."""


def make_plan(curation: Curation, until: str | None = None, only: str | None = None) -> list[Task]:
    """Every stale task in the order of the flow, up to `until`; of the scorers `only` one.

    Where another scorer is stale too, `only` leaves out the wide row and the tiers, which would lack it.
    Raises PlanError.
    """
    lineage = curation.lineage()
    disabled = {s.step for s in SCORERS if s not in lineage.scorers}
    steps = tuple(s for s in check_request(curation, until, only) if s not in disabled)
    tasks = [task for shard in lineage.shards for task in _shard_tasks(curation, lineage, shard, steps)]
    others = {t.shard for t in tasks if only and t.step.startswith("scores/") and t.step != f"scores/{only}"}
    tasks = [t for t in tasks if not only or not t.step.startswith("scores/") or t.step == f"scores/{only}"]
    tasks = [t for t in tasks if t.step != "filter_scores" or t.shard not in others]
    if not others:
        tasks += _tier_tasks(curation, lineage, steps, stale=bool(tasks))
    order = {step: i for i, step in enumerate(steps)}
    return sorted(tasks, key=lambda t: (order[t.step], t.shard or ""))


def check_request(curation: Curation, until: str | None, only: str | None) -> tuple[str, ...]:
    """The steps that a request names, without a look at any table. Raises PlanError."""
    if only is not None and only not in {s.name for s in SCORERS}:
        raise PlanError(f"no scorer {only!r}; choose one of {', '.join(s.name for s in SCORERS)}")
    return wanted_steps(curation, until)


def wanted_steps(curation: Curation, until: str | None) -> tuple[str, ...]:
    """The steps up to and with `until`, which may be any asset's name."""
    steps = (*SHARD_STEPS, *(t.name for t in curation.preset.tiers))
    if until is None:
        return steps
    last = ALIASES.get(until, f"scores/{until}" if f"scores/{until}" in steps else until)
    if last not in steps:
        raise PlanError(f"no asset {until!r}; choose one of {', '.join((*steps, *ALIASES))}")
    if last.startswith("scores/"):
        return (*SHARD_STEPS[:3], last)
    return steps[: steps.index(last) + 1]


def expected_of(lineage: Lineage, step: str, shard: str) -> Stamp:
    """The stamp that a step's certifying part should have."""
    if step.startswith("scores/"):
        return lineage.measured(_scorer(step), shard)
    stamp: Stamp = getattr(lineage, step)(shard)
    return stamp


def _scorer(step: str) -> Scorer:
    return next(s for s in SCORERS if s.step == step)


def _shard_tasks(curation: Curation, lineage: Lineage, shard: str, steps: tuple[str, ...]) -> Iterator[Task]:
    stale: set[str] = set()
    for step in (s for s in steps if s in SHARD_STEPS):
        before = [s for s in _before(step) if s in stale]
        if before:
            stale.add(step)
            yield Task(step, shard, f"follows {UPSTREAM[step]}", follows=True)
        elif reason := _reason(curation, lineage, step, shard):
            stale.add(step)
            yield Task(step, shard, reason)


def _before(step: str) -> tuple[str, ...]:
    if step == "filter_scores":
        return SHARD_STEPS[3:-1]
    return {"raw_videos": (), "scan": ("raw_videos",), "clips": ("scan",)}.get(step, ("clips",))


def _reason(curation: Curation, lineage: Lineage, step: str, shard: str) -> str | None:
    """Why the stored part is not what it should be; None when it is."""
    folder_name = "scans" if step == "scan" else step
    expected, stored = expected_of(lineage, step, shard), curation.store.stamp(folder_name, shard)
    if curation.force:
        return "forced"
    if lineage.is_fresh(folder_name, shard, expected):
        return _retry_reason(curation, lineage, step, shard) if curation.retry_failed else None
    detail = _detail(curation, lineage, step, shard)
    if stored is None:
        return f"missing{detail}"
    if stored.fingerprint == expected.fingerprint:
        return f"a table of the step is not the one that was written with it{detail}"
    if stored.recipe != expected.recipe:
        return f"version or settings of the step changed{detail}"
    return f"inputs changed{detail}"


def _retry_reason(curation: Curation, lineage: Lineage, step: str, shard: str) -> str | None:
    """What of an up-to-date part failed for a reason that another attempt may not meet."""
    if step == "raw_videos" and (files := files_to_retry(curation.store, shard)):
        return f"{files} files that could not be read are tried again"
    if step == "scan" and (videos := videos_to_decode(curation.store, lineage, shard, True)):
        return f"{videos} videos that failed are tried again"
    if step.startswith("scores/") and (clips := lost_clips(curation.store, _scorer(step), shard)):
        return f"{clips} clips whose worker was lost are tried again"
    return None


def _detail(curation: Curation, lineage: Lineage, step: str, shard: str) -> str:
    if step == "raw_videos":
        rows = lineage.sources.filter((lineage.sources["shard"] == shard) & lineage.sources["gone_at"].is_null())
        return f": {rows['video_id'].null_count()} of {len(rows)} files not read yet"
    if step == "scan":
        decodes = videos_to_decode(curation.store, lineage, shard, False)
        return f": {decodes} of {len(lineage.owned(shard))} videos to decode"
    return ""


def _tier_tasks(curation: Curation, lineage: Lineage, steps: tuple[str, ...], stale: bool) -> Iterator[Task]:
    preset = curation.preset
    population = None if stale else lineage.population()
    changed = stale
    for number, tier in enumerate(preset.tiers, 1):
        if tier.name not in steps:
            return
        stored = curation.store.stamp(folder(preset.name), tier.name)
        if changed:
            yield Task(
                tier.name, None, f"follows {'the shards' if number == 1 else preset.tiers[number - 2].name}", True
            )
            continue
        expected = expected_stamp(lineage, preset, number, population)
        if curation.force or stored is None or stored.fingerprint != expected.fingerprint:
            changed = True
            yield Task(tier.name, None, _tier_reason(curation.force, stored, expected))


def _tier_reason(force: bool, stored: Stamp | None, expected: Stamp) -> str:
    if force:
        return "forced"
    if stored is None:
        return "missing"
    same = stored.extra.get("bounds") == expected.extra["bounds"]
    return "scores or sources changed" if same else "bounds of the preset changed"
