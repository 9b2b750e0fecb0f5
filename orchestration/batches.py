"""Tasks of a plan grouped into runs: which job, which assets, which neighbouring shards, and how a person is told.

`run` and automation (automation.py) both execute these. Nothing here knows Dagster.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .flow import ALIASES, BEFORE_TIERS, CAPTIONS, FIRST_TIER, SCORES
from .plan import Task

SHARD_JOB = "curate_shards"
TIER_JOB = "curate_tiers"
CAPTION_JOB = "caption_shards"

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
STEPS, OF_SHARDS, BECAUSE, ASKED_BY = (f"clipsieve/{name}" for name in ("steps", "shards", "because", "asked_by"))
LONGEST_TAG = 200
"""Characters of a tag's value. Dagster's databases take 255 and more; the Runs page shows fewer."""

Stage = Callable[[Task], bool]

RAW_STAGE: Stage = lambda task: task.step == "raw_videos"  # noqa: E731
STAGES: tuple[Stage, ...] = (
    RAW_STAGE,  # Ownership of copies follows from it.
    lambda task: task.shard is not None and task.step != CAPTIONS,
    lambda task: task.shard is None and task.step in (*BEFORE_TIERS, FIRST_TIER),
    lambda task: task.step == CAPTIONS,  # Of the clips that the first tier keeps.
    lambda task: task.shard is None,
)
"""A plan is executed stage by stage, and made anew after each that had something to do."""


@dataclass(frozen=True)
class Batch:
    """What one run does. `first` and `last` are shards, None in a run over all shards."""

    job: str
    tasks: tuple[Task, ...]
    first: str | None = None
    last: str | None = None

    @property
    def steps(self) -> tuple[str, ...]:
        """In the order of the plan."""
        return tuple(dict.fromkeys(task.step for task in self.tasks))

    @property
    def shards(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(task.shard for task in self.tasks if task.shard))

    @property
    def assets(self) -> tuple[str, ...]:
        """Names of the assets that the steps write; a `/` parts a name."""
        return assets_of(self.steps)

    @property
    def range_tags(self) -> dict[str, str]:
        """What makes Dagster run the range as one."""
        return {RANGE_START: self.first, RANGE_END: self.last} if self.first and self.last else {}

    def tags(self, asked_by: str) -> dict[str, str]:
        """The range, and what a person reads on the Runs page: what is done, of which shards, why, who asked."""
        told = {STEPS: _steps(self.steps), OF_SHARDS: _shards(self), BECAUSE: _reasons(self), ASKED_BY: asked_by}
        return self.range_tags | {name: short(value) for name, value in told.items()}


def batches(tasks: Sequence[Task], listed: Sequence[str], most: int) -> list[Batch]:
    """Runs of one stage, all of whose tasks are by shard, or all over all shards: ranges of neighbouring shards that
    have the same steps to do, `most` shards a run. `listed`: Dagster's list of shards, in which they stand as it
    learned of them; a range is every key between its ends there.
    """
    if not tasks or tasks[0].shard is None:
        return [Batch(TIER_JOB, tuple(tasks))] if tasks else []
    job = CAPTION_JOB if tasks[0].step == CAPTIONS else SHARD_JOB
    return [_ranged(job, mine) for mine in _alike(tasks, {shard: i for i, shard in enumerate(listed)}, most)]


def _alike(tasks: Sequence[Task], place: dict[str, int], most: int) -> Iterator[list[list[Task]]]:
    """Tasks of neighbouring shards with the same steps, by shard."""
    by_shard: dict[str, list[Task]] = {}
    for task in tasks:
        by_shard.setdefault(task.shard or "", []).append(task)
    alike: dict[tuple[str, ...], list[str]] = {}
    for shard in sorted(by_shard, key=place.__getitem__):
        alike.setdefault(tuple(t.step for t in by_shard[shard]), []).append(shard)
    for shards in alike.values():
        for neighbours in _neighbours(shards, place, most):
            yield [by_shard[shard] for shard in neighbours]


def _ranged(job: str, by_shard: list[list[Task]]) -> Batch:
    """All shards have the same steps: the tasks step by step."""
    tasks = [task for of_one_step in zip(*by_shard, strict=True) for task in of_one_step]
    return Batch(job, tuple(tasks), by_shard[0][0].shard, by_shard[-1][0].shard)


def _neighbours(shards: list[str], place: dict[str, int], most: int) -> Iterator[list[str]]:
    """Shards in the order of their places, cut where one is missing in between, and after `most`."""
    start = 0
    for end in range(1, len(shards) + 1):
        is_last = end == len(shards) or place[shards[end]] != place[shards[end - 1]] + 1
        if is_last or end - start == most:
            yield shards[start:end]
            start = end


def assets_of(steps: Sequence[str]) -> tuple[str, ...]:
    """Names of the assets that steps write."""
    written = [[asset for asset, step in ALIASES.items() if step == name] or [name] for name in steps]
    return tuple(dict.fromkeys(asset for names in written for asset in names))


def _steps(steps: Sequence[str]) -> str:
    """Scorers are counted: there may be twenty."""
    scorers = [step.removeprefix(SCORES) for step in steps if step.startswith(SCORES)]
    told = f"{len(scorers)} scorers" if len(scorers) > 2 else ", ".join(scorers)
    return ", ".join(dict.fromkeys(told if step.startswith(SCORES) else step for step in steps))


def _shards(batch: Batch) -> str:
    if not batch.first:
        return "all"
    count = len(batch.shards)
    return batch.first if count == 1 else f"{_number(batch.first)}-{_number(batch.last)} ({count})"


def _number(shard: str | None) -> str:
    """The Runs page shows some 30 characters of a tag."""
    return (shard or "").removeprefix("shard-")


def _reasons(batch: Batch) -> str:
    """Every reason of the plan once, those that only follow from a step of the same run left out."""
    own = [task for task in batch.tasks if not task.follows] or list(batch.tasks)
    scored = [f"{'scorers' if t.step.startswith(SCORES) else t.step} {t.reason}" for t in own]
    return "; ".join(f"{told} ({n} times)" if n > 1 else told for told, n in Counter(scored).items())


def short(value: str) -> str:
    """Cut to what a tag holds."""
    return value if len(value) <= LONGEST_TAG else value[: LONGEST_TAG - 4] + " ..."
