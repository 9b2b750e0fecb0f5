"""What Dagster is told of an asset: facts, pictures, and whether what was written is sound."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from .checks import shard_faults, stamp_faults
from .columns import Table
from .curation import Curation
from .partitions import Prints
from .store import fingerprint
from .sums import missing_rows

if TYPE_CHECKING:
    Result = dg.MaterializeResult[None]
else:
    Result = dg.MaterializeResult  # Dagster takes no parametrized one from an asset with a check
Faults = Mapping[str, list[str]]
"""Sentences, by the part that they are about."""
Told = Iterator[Any]
"""Results, check results and materializations, as an asset yields them."""

OWNERS = ["team:clipsieve"]
TOLD_OF_AN_ERROR = 300


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
    found: dict[str, list[str]] = {}
    for part in parts:
        with curation.store.locked(part):
            if faults := look(part):
                found[part] = faults
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
            yield _materialized(key, shard, own)
    yield from checks
    raise UnsoundPart(f"{key.to_user_string()}: {', '.join(found)} set aside: not sound", allow_retries=False)


def _materialized(key: dg.AssetKey, shard: str, facts: Mapping[str, Any]) -> dg.AssetMaterialization:
    tags = {"dagster/data_version": str(facts["fingerprint"]), "dagster/data_version_is_user_provided": "true"}
    return dg.AssetMaterialization(key, partition=shard, metadata=facts, tags=tags)


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
        stored = store.stamp(table.name, shard)
        if stored is not None and stored.fingerprint != prints.left[shard]:
            return []  # another run has written it since, and looks at it
        own = shard_faults(store, table, shard) or missing_rows(prints.lineage, table, shard) or look(shard)
        return own or stamp_faults(store, table.name, shard, prints[shard])

    parts = written(curation, step, prints)
    found = faults_of(context, curation, key, table.name, parts, faults)
    version = next(iter(prints.values())) if len(prints) == 1 else fingerprint(dict(prints))
    shards = {shard: _facts_of_shard(curation, table.name, step, shard, value) for shard, value in prints.items()}
    sound = [part for part in parts if part not in found]
    drawn = figures(context, curation, table.name, table.name, sound)
    if len(shards) == 1 and drawn:
        shards[sound[-1]] |= drawn
    yield from tell(context, key, found, version, {}, shards)
    if (
        len(shards) > 1 and drawn
    ):  # Dagster tells of a run's shards in no order, and an asset's page shows the last event
        yield _materialized(key, sound[-1], shards[sound[-1]] | drawn)
