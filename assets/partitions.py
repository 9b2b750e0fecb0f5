"""The shard partition, and how an asset walks over its shards: the glue that all assets share."""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from .curation import Curation
from .lineage import Lineage
from .measuring.measure_shard import measure_shard
from .measuring.scorer import Scorer
from .store import Stamp, Store
from .work import Counts, Progress

SHARDS = dg.DynamicPartitionsDefinition(name="shards")
"""A shard is some hours of video; its key is given by the register of sources."""

warnings.filterwarnings("ignore", message="Parameter `backfill_policy`", category=dg.BetaWarning)
"""The one beta parameter that we use on purpose: without it a backfill pays one run a shard."""

SHARDS_A_RUN = 20
BACKFILL = dg.BackfillPolicy.multi_run(max_partitions_per_run=SHARDS_A_RUN)
FORCE_TAG = "clipsieve/force"
LOG_EVERY_S = 10.0

RETRIED = ("raw_videos", "scan", "captions")
"""Steps that `retry_failed` runs again although they are up to date: some of their rows may be tried again."""

Work = Callable[[str, Lineage, Progress], Counts]
Expected = Callable[[Lineage, str], Stamp]


def forced(context: dg.AssetExecutionContext, curation: Curation, step: str) -> bool:
    """By the command line, or by a run's tag in the UI."""
    return curation.forces(step) or context.run.tags.get(FORCE_TAG, "").lower() == "true"


class LogProgress:
    """Progress lines in the run log, at most one every ten seconds."""

    def __init__(self, context: dg.AssetExecutionContext) -> None:
        self.log = context.log

    def begin(self, step: str, shard: str, items: int, video_s: float) -> None:
        self.name, self.items, self.video_s = f"{step} {shard}", items, video_s
        self.done, self.done_s, self.started = 0, 0.0, time.monotonic()
        self.next = self.started + LOG_EVERY_S

    def advance(self, items: int = 1, video_s: float = 0.0) -> None:
        self.done, self.done_s, now = self.done + items, self.done_s + video_s, time.monotonic()
        if now >= self.next:
            self.next = now + LOG_EVERY_S
            self.log.info(f"{self.name}: {self.done} of {self.items}{self._told(now)}")

    def end(self) -> None:
        now = time.monotonic()
        self.log.info(f"{self.name}: done, {self.items} in {now - self.started:.1f} s{self._told(now)}")

    def _told(self, now: float) -> str:
        """Video time, speed and what is left, of steps that count video time."""
        if not self.video_s:
            return ""
        speed = self.done_s / max(now - self.started, 1e-3)
        left = f", {(self.video_s - self.done_s) / speed:.0f} s left" if speed and self.done < self.items else ""
        hours = f"{self.done_s / 3600:.2f} of {self.video_s / 3600:.2f} video hours"
        return f", {hours}, {speed:.1f} times real time{left}"


@dataclass(frozen=True)
class Duty:
    """What an asset does for a shard. `certificate` is the folder whose stamp speaks for the step's tables.

    `needs` names upstream folders that must be what they should be before the work starts.
    """

    step: str
    certificate: str
    expected: Expected
    work: Work
    needs: Mapping[str, Expected]


class Prints(dict[str, str]):
    """The fingerprint that each shard of the run should have, and the state of the register that it follows from.
    `left`: the one that each had when the run let go of the shard; another run may write it again at any time.
    """

    def __init__(self, lineage: Lineage) -> None:
        super().__init__()
        self.lineage = lineage
        self.left: dict[str, str] = {}

    def leave(self, store: Store, folder: str, shard: str) -> None:
        """Remember what lies there now."""
        stored = store.stamp(folder, shard)
        self.left[shard] = stored.fingerprint if stored else ""


def walk(context: dg.AssetExecutionContext, curation: Curation, duty: Duty) -> Prints:
    """Bring every shard of the run up to date, one process at a time; returns each shard's expected fingerprint.

    A stored part whose fingerprint is what it should be is left as it is. Raises dagster.Failure that says which
    upstream part is missing or stale.
    """
    lineage = curation.lineage()
    prints = Prints(lineage)
    for shard in context.partition_keys:
        with curation.store.locked(shard):
            _bring_up_to_date(context, curation, lineage, duty, shard)
            prints[shard] = duty.expected(lineage, shard).fingerprint
            prints.leave(curation.store, duty.certificate, shard)
    return prints


def _bring_up_to_date(
    context: dg.AssetExecutionContext, curation: Curation, lineage: Lineage, duty: Duty, shard: str
) -> None:
    require(lineage, shard, duty.step, duty.needs)
    wanted = forced(context, curation, duty.step) or (curation.retry_failed and duty.step in RETRIED)
    if not wanted and lineage.is_fresh(duty.certificate, shard, duty.expected(lineage, shard)):
        context.log.info(f"{duty.step} {shard}: up to date")
        return
    progress = curation.progress or LogProgress(context)
    curation.counts[(duty.step, shard)] = duty.work(shard, lineage, progress)


def require(lineage: Lineage, shard: str, step: str, needs: Mapping[str, Expected]) -> None:
    """Raises dagster.Failure when an upstream part of the shard is not what it should be."""
    for folder, upstream in needs.items():
        if not lineage.is_fresh(folder, shard, upstream(lineage, shard)):
            raise dg.Failure(
                f"{step} of {shard} needs {folder}, which is missing or stale: materialize {folder} first"
            )


def measured(
    context: dg.AssetExecutionContext, curation: Curation, scorers: Sequence[Scorer], purpose: str
) -> dict[str, Prints]:
    """Bring the tables of enabled scorers up to date on every shard of the run, one process at a time; returns by step
    each shard's fingerprint. Raises dagster.Failure when the clips are missing or stale.
    """
    prints = {s.step: Prints(curation.lineage()) for s in scorers}
    for shard in context.partition_keys:
        with curation.store.locked(shard):
            for step, stamp in _measure(context, curation, scorers, purpose, shard).items():
                prints[step][shard] = stamp.fingerprint
                prints[step].leave(curation.store, step, shard)
    return prints


def _measure(
    context: dg.AssetExecutionContext, curation: Curation, scorers: Sequence[Scorer], purpose: str, shard: str
) -> dict[str, Stamp]:
    lineage, retry = curation.lineage(), curation.retry_failed
    require(lineage, shard, purpose, {"clips": Lineage.clips})
    expected = {s.step: lineage.measured(s, shard) for s in scorers}
    force = any(forced(context, curation, s.step) for s in scorers)
    stale = [s for s in scorers if force or retry or not lineage.is_fresh(s.step, shard, expected[s.step])]
    if stale:
        progress = curation.progress or LogProgress(context)
        done = measure_shard(curation.store, lineage, shard, stale, curation.engine, progress, force, retry)
        curation.counts |= {(s.step, shard): done[s.name] for s in stale}
    return expected
