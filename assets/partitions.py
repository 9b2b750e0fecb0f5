"""The shard partition, and how an asset walks over its shards: the glue that all assets share."""

import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg

from .checks import shard_faults
from .columns import Table
from .curation import Curation
from .lineage import Lineage
from .measuring.measure_shard import measure_shard
from .measuring.scorer import Scorer
from .store import Stamp, fingerprint
from .work import Counts, Progress

if TYPE_CHECKING:
    Result = dg.MaterializeResult[None]
else:
    Result = dg.MaterializeResult  # Dagster takes no parametrized one from an asset with a check

SHARDS = dg.DynamicPartitionsDefinition(name="shards")
"""A shard is some hours of video; its key is given by the register of sources."""

warnings.filterwarnings("ignore", message="Parameter `backfill_policy`", category=dg.BetaWarning)
"""The one beta parameter that we use on purpose: without it a backfill pays one run a shard."""

OWNERS = ["team:clipsieve"]
SHARDS_A_RUN = 20
BACKFILL = dg.BackfillPolicy.multi_run(max_partitions_per_run=SHARDS_A_RUN)
FORCE_TAG = "clipsieve/force"
LOG_EVERY_S = 10.0

RETRIED = ("raw_videos", "scan", "captions")
"""Steps that `retry_failed` runs again although they are up to date: some of their rows may be tried again."""

Work = Callable[[str, Lineage, Progress], Counts]
Expected = Callable[[Lineage, str], Stamp]


def table_metadata(table: Table) -> dict[str, object]:
    """Dagster's column schema of a table, with units in the descriptions."""
    columns = [
        dg.TableColumn(
            c.name,
            str(c.type),
            f"{c.doc} [{c.unit}]" if c.unit else c.doc,
            tags={"serves": "".join(ch if ch.isalnum() else "_" for ch in c.serves)[:60]} if c.serves else None,
        )
        for c in table.columns
    ]
    return {"dagster/column_schema": dg.TableSchema(columns=columns)}


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


def walk(context: dg.AssetExecutionContext, curation: Curation, duty: Duty) -> dict[str, str]:
    """Bring every shard of the run up to date, one process at a time; returns each shard's fingerprint.

    A stored part whose fingerprint is what it should be is left as it is. Raises dagster.Failure that says which
    upstream part is missing or stale.
    """
    prints, lineage = {}, curation.lineage()
    for shard in context.partition_keys:
        with curation.store.locked(shard):
            _bring_up_to_date(context, curation, lineage, duty, shard)
            stored = curation.store.stamp(duty.certificate, shard)
            prints[shard] = stored.fingerprint if stored else ""
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
) -> dict[str, dict[str, str]]:
    """Bring the tables of enabled scorers up to date on every shard of the run, one process at a time; returns by step
    each shard's fingerprint. Raises dagster.Failure when the clips are missing or stale.
    """
    prints: dict[str, dict[str, str]] = {s.step: {} for s in scorers}
    for shard in context.partition_keys:
        with curation.store.locked(shard):
            for step, stamp in _measure(context, curation, scorers, purpose, shard).items():
                prints[step][shard] = stamp.fingerprint
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


SOUND = "sound"
FAULTS_SHOWN = 20
TOLD_OF_AN_ERROR = 300


def sound_spec(key: str | dg.AssetKey) -> dg.AssetCheckSpec:
    """The check that every asset has. Blocking: what follows would be made of a wrong table."""
    return dg.AssetCheckSpec(
        SOUND,
        asset=key,
        blocking=True,
        description="Columns, keys, ranges, and rows that belong together, of the parts that the run wrote.",
    )


def written(curation: Curation, step: str, parts: Iterable[str]) -> list[str]:
    """The parts that this process wrote. What was up to date was looked at when it was written."""
    return [part for part in parts if (step, part) in curation.counts]


def sound(
    context: dg.AssetExecutionContext,
    curation: Curation,
    key: dg.AssetKey,
    folder: str,
    parts: Iterable[str],
    look: Callable[[str], list[str]],
) -> list[dg.AssetCheckResult]:
    """The result of the asset's check; `look` tells the faults of a part. A part that has any is set aside, so that
    neither this run nor the next one makes anything of it.
    """
    if dg.AssetCheckKey(key, SOUND) not in context.selected_asset_check_keys:
        return []
    found = {part: faults for part in parts if (faults := look(part))}
    facts: dict[str, Any] = {"faults": sum(map(len, found.values()))}
    if found:
        first = [fault for faults in found.values() for fault in faults][:FAULTS_SHOWN]
        facts["first"] = dg.MetadataValue.md("\n".join(f"- {fault}" for fault in first))
        facts["set aside"] = [curation.store.set_aside(folder, part) for part in found]
    return [dg.AssetCheckResult(passed=not found, asset_key=key, check_name=SOUND, metadata=facts)]


def figures(
    context: dg.AssetExecutionContext, curation: Curation, name: str, folder: str, parts: Sequence[str]
) -> dict[str, Any]:
    """Pictures and tables of the last of the parts that the run wrote: of one, so that the event log grows by the run
    and not by the shard. None of a part that was set aside. A page that cannot be drawn is told in a sentence and
    fails nothing.
    """
    if not (curation.figures and parts and curation.store.exists(folder, parts[-1])):
        return {}
    try:
        from .figures.pages import page_of

        return {key: dg.MetadataValue.md(told) for key, told in page_of(curation, name, parts[-1]).items()}
    except Exception as error:
        told = f"not drawn: {type(error).__name__}: {str(error)[:TOLD_OF_AN_ERROR]}"
        context.log.warning(f"{name}: figures were {told}")
        return {"figures": dg.MetadataValue.text(told)}


def describe(
    context: dg.AssetExecutionContext,
    curation: Curation,
    key: dg.AssetKey,
    folder: str,
    step: str,
    prints: Mapping[str, str],
) -> dg.DataVersion:
    """Attach fingerprint, rows and size to each shard's event; returns the run's data version.

    Dagster takes one data version a run: a run of one shard has that shard's fingerprint, a ranged one a hash of all.
    """
    for shard, value in prints.items():
        counts = curation.counts.get((step, shard))
        metadata = {
            "fingerprint": value,
            "bytes": curation.store.size(folder, shard),
            "dagster/uri": curation.store.path(folder, shard),
        }
        if counts is not None:
            metadata |= {"dagster/row_count": counts.rows} | counts.as_metadata()
        context.add_asset_metadata(metadata, asset_key=key, partition_key=shard)
    return dg.DataVersion(next(iter(prints.values())) if len(prints) == 1 else fingerprint(dict(prints)))


def result(
    context: dg.AssetExecutionContext, curation: Curation, table: Table, step: str, prints: Mapping[str, str]
) -> Result:
    """What Dagster is told of a table by shard: facts of each shard, the data version, and whether what was written is
    sound. `prints`: each shard's fingerprint, as `walk` and `measured` return them.
    """
    key = dg.AssetKey(table.name.split("/"))
    version = describe(context, curation, key, table.name, step, prints)
    parts, look = written(curation, step, prints), partial(shard_faults, curation.store, table)
    checked = sound(context, curation, key, table.name, parts, look)
    if drawn := figures(context, curation, table.name, table.name, parts):
        context.add_asset_metadata(drawn, asset_key=key, partition_key=parts[-1])
    return dg.MaterializeResult(asset_key=key, data_version=version, check_results=checked)
