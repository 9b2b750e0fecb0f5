"""The shard partition, and how an asset walks over its shards: the glue that all assets share."""

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from .checks import shard_faults, stamp_faults
from .columns import Table
from .curation import Curation
from .lineage import Lineage
from .measuring.measure_shard import measure_shard
from .measuring.scorer import Scorer
from .store import Stamp, fingerprint
from .sums import missing_rows
from .work import Counts, Progress

if TYPE_CHECKING:
    Result = dg.MaterializeResult[None]
else:
    Result = dg.MaterializeResult  # Dagster takes no parametrized one from an asset with a check
Faults = Mapping[str, list[str]]
"""Sentences, by the part that they are about."""
Told = Iterator[Any]
"""Results, check results and materializations, as an asset yields them."""

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
            speed = self.done_s / (now - self.started)
            self.log.info(
                f"{self.name}: {self.done} of {self.items}, {self.done_s / 3600:.2f} of "
                f"{self.video_s / 3600:.2f} video hours, {speed:.1f} times real time"
            )

    def end(self) -> None:
        self.log.info(f"{self.name}: done, {self.items} items in {time.monotonic() - self.started:.1f} s")


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
    """The fingerprint that each shard of the run should have, and the state of the register that it follows from."""

    def __init__(self, lineage: Lineage) -> None:
        super().__init__()
        self.lineage = lineage


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


def sound_spec(key: str | dg.AssetKey) -> dg.AssetCheckSpec:
    """The check that every asset has. Blocking: what follows would be made of a wrong table."""
    return dg.AssetCheckSpec(
        SOUND,
        asset=key,
        blocking=True,
        description="Columns, keys, ranges, counts and rows that belong together, and the fingerprint, of the parts "
        "that the run wrote. A part that fails is set aside, and its partition counts as failed.",
    )


class UnsoundPart(dg.Failure):
    """A part that was written breaks a promise, and was set aside. What is wrong was told by the check."""


def faults_of(
    context: dg.AssetExecutionContext, curation: Curation, key: dg.AssetKey, folder: str, parts: Iterable[str],
    look: Callable[[str], list[str]],
) -> Faults:  # fmt: skip
    """Of the parts that are not sound: their faults. Each is set aside, so that neither this run nor the next one
    makes anything of it. A run that does without the check looks at nothing.
    """
    if dg.AssetCheckKey(key, SOUND) not in context.selected_asset_check_keys:
        return {}
    found = {part: faults for part in parts if (faults := look(part))}
    for part in found:
        if curation.store.exists(folder, part):
            curation.store.set_aside(folder, part)
    return found


def checked(context: dg.AssetExecutionContext, key: dg.AssetKey, found: Faults) -> list[Any]:
    """The result of the asset's check; none when the run does without it."""
    if dg.AssetCheckKey(key, SOUND) not in context.selected_asset_check_keys:
        return []
    facts: dict[str, Any] = {"faults": sum(map(len, found.values()))}
    if found:
        first = [fault for faults in found.values() for fault in faults][:FAULTS_SHOWN]
        facts |= {"first": dg.MetadataValue.md("\n".join(f"- {fault}" for fault in first)), "set aside": [*found]}
    return [dg.AssetCheckResult(passed=not found, asset_key=key, check_name=SOUND, metadata=facts)]


def tell(
    context: dg.AssetExecutionContext, key: dg.AssetKey, found: Faults, version: str,
    facts: Mapping[str, Any], shards: Mapping[str, Mapping[str, Any]],
) -> Told:  # fmt: skip
    """What Dagster is told of an asset. `facts`: of the whole, `shards`: of each part. Where parts are not sound no
    result is told, so that Dagster counts them as failed, but that of the others. Raises UnsoundPart.
    """
    checks = checked(context, key, found)
    if not found:
        for shard, own in shards.items():
            context.add_asset_metadata(own, asset_key=key, partition_key=shard)
        data = dg.DataVersion(version)
        yield dg.MaterializeResult(asset_key=key, metadata=facts, data_version=data, check_results=checks)
        return
    for shard, own in shards.items():
        if shard not in found:
            tags = {"dagster/data_version": str(own["fingerprint"]), "dagster/data_version_is_user_provided": "true"}
            yield dg.AssetMaterialization(key, partition=shard, metadata=own, tags=tags)
    yield from checks
    raise UnsoundPart(f"{key.to_user_string()}: {', '.join(found)} set aside: not sound", allow_retries=False)


def every(tellings: Iterable[Told]) -> Told:
    """Of several assets, all of which are looked at. Raises the first UnsoundPart at the end."""
    first = None
    for telling in tellings:
        try:
            yield from telling
        except UnsoundPart as error:
            first = first or error
    if first:
        raise first


def written(curation: Curation, step: str, parts: Iterable[str]) -> list[str]:
    """The parts that this process wrote. What was up to date was looked at when it was written."""
    return [part for part in parts if (step, part) in curation.counts]


def _facts_of_shard(curation: Curation, folder: str, step: str, shard: str, value: str) -> dict[str, Any]:
    """Fingerprint, rows and size."""
    counts = curation.counts.get((step, shard))
    facts: dict[str, Any] = {
        "fingerprint": value,
        "bytes": curation.store.size(folder, shard),
        "dagster/uri": curation.store.path(folder, shard),
    }
    return facts if counts is None else facts | {"dagster/row_count": counts.rows} | counts.as_metadata()


def result(
    context: dg.AssetExecutionContext, curation: Curation, table: Table, step: str, prints: Prints,
    look: Callable[[str], list[str]] = lambda _: [],
) -> Told:  # fmt: skip
    """What Dagster is told of a table by shard: facts of each shard, the data version, and whether what was written is
    sound. `prints`: as `walk` and `measured` return them. `look`: faults that only this table can have. Dagster takes
    one data version a run: a run of one shard has that shard's fingerprint, a ranged one a hash of all.
    """
    store, key = curation.store, dg.AssetKey(table.name.split("/"))

    def faults(shard: str) -> list[str]:
        own = shard_faults(store, table, shard) or missing_rows(prints.lineage, table, shard) or look(shard)
        return own or stamp_faults(store, table.name, shard, prints[shard])

    found = faults_of(context, curation, key, table.name, written(curation, step, prints), faults)
    version = next(iter(prints.values())) if len(prints) == 1 else fingerprint(dict(prints))
    shards = {shard: _facts_of_shard(curation, table.name, step, shard, value) for shard, value in prints.items()}
    yield from tell(context, key, found, version, {}, shards)
