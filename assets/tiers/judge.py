"""Tiers judged and written: one file a preset and tier under tiers/<preset>/."""

from __future__ import annotations

import os
import re
from dataclasses import asdict, dataclass, replace
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import fs as pafs

from ..lineage import Lineage
from ..registers import Register
from ..steps import TIERS_STEP
from ..store import Stamp, Store, fingerprint
from ..tables import TIERS
from .bounds import Bound, Preset, PresetError
from .literals import literal
from .rules import preset_names
from .sql import LENGTH_US, SHARD, judge_sql
from .tally import tallies
from .verdicts import ROWS_A_BATCH, Verdicts
from .vocabulary import Vocabulary

TIER_FOLDER = "tiers"
TIER_NAME = re.compile(r"tier_\d+")
Flags = npt.NDArray[np.bool_]


def folder(preset: str) -> str:
    return f"{TIER_FOLDER}/{preset}"


def tier_rows(store: Store, preset: str, tier: str) -> str:
    """SQL of a stored tier's rows."""
    return f"read_parquet({literal(store.path(folder(preset), tier))})"


def expected_stamp(lineage: Lineage, preset: Preset, number: int) -> Stamp:
    """Stamp of tier `number` (from 1): made of the tier before, or of the population, of its own rules, and of the
    views beside the scores that these read.
    """
    tier = preset.tiers[number - 1]
    recipe = TIERS_STEP.recipe(lineage.options)
    made_of = lineage.population if number == 1 else expected_stamp(lineage, preset, number - 1).fingerprint
    extra = {
        "title": preset.title,
        "bounds": [asdict(b) | {"value": _plain(b.value), "without": list(b.without)} for b in tier.bounds],
        "inactive": [b.name for b in tier.inactive],
        "hold_mask": tier.hold_mask,
    }
    parts = {view: lineage.part(view) for view in tier.views}
    return Stamp(fingerprint(recipe, made_of, tier.version, parts), recipe, extra)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


OWNER = "preset.json"
"""Beside a preset's tiers: which file of ours it was read from."""


@dataclass(frozen=True)
class Owner:
    """path: of the preset's file."""

    path: str


_REGISTER = Register(Owner)


def claim(store: Store, preset: Preset) -> None:
    """Take the folder that the preset's name stands for, before anything is written there.

    Two files of the same name in two folders would overwrite each other's tiers. The second one is refused with
    PresetError, as long as the first one is there; a file that was moved takes its results with it.
    """
    if preset.name in preset_names() or not os.path.isfile(preset.path):
        return
    path, own = os.path.realpath(preset.path), f"{folder(preset.name)}/{OWNER}"
    taken = _owner(store, own)
    if taken == path:
        return
    if taken is not None and os.path.isfile(taken):
        raise PresetError(
            f"{preset.path}: the results of another preset called {preset.name!r}, {taken}, lie on this root; "
            "rename one of the two files"
        )
    _REGISTER.write(store, own, Owner(path))


def _owner(store: Store, own: str) -> str | None:
    told = _REGISTER.read(store, own)
    return told.path if told else None


@dataclass(frozen=True)
class Judged:
    """How a tier ended."""

    rows: int
    kept: int


def write_tier(
    store: Store,
    connection: duckdb.DuckDBPyConnection,
    preset: Preset,
    number: int,
    vocabulary: Vocabulary,
    stamp: Stamp,
) -> Judged:
    """Judge tier `number` of the preset over the connection's views and store its verdicts.

    Raises PresetError when the results of another preset lie under the same name.
    """
    claim(store, preset)
    tier = preset.tiers[number - 1]
    verdicts = _judged(store, connection, preset, number, vocabulary)
    tally = tallies(verdicts.counts, tier.bounds, tier.hold_mask)[0][1]
    extra: dict[str, Any] = {"tally": tally.told(), "kept_ids": verdicts.kept_ids}
    extra["judged_ids"] = verdicts.judged_ids
    if number == 1:
        extra["kept"] = verdicts.kept_by_shard
    with store.writer(TIERS, tier.name, replace(stamp, extra=stamp.extra | extra), folder(preset.name)) as out:
        for table in verdicts.tables(tier.version):
            out.add(table)
    return Judged(verdicts.rows, verdicts.kept)


def _judged(
    store: Store, connection: duckdb.DuckDBPyConnection, preset: Preset, number: int, vocabulary: Vocabulary
) -> Verdicts:
    """Verdicts on the clips that the tier before keeps: found by their place, and by their ids where clips have moved
    since that tier was judged.
    """
    if query := sql_by_place(store, connection, preset, number, vocabulary):
        verdicts = Verdicts(connection.sql(query).to_arrow_reader(ROWS_A_BATCH))
        if number == 1 or verdicts.judged_ids == _kept_ids(store, preset, number - 1):
            return verdicts
    previous = tier_rows(store, preset.name, preset.tiers[number - 2].name)
    beside = _registered(connection, _there(connection))
    query = judge_sql(preset.tiers[number - 1], vocabulary, previous, beside, [LENGTH_US])
    return Verdicts(connection.sql(query).to_arrow_reader(ROWS_A_BATCH))


def _kept_ids(store: Store, preset: Preset, number: int) -> str | None:
    """Print of the ids that a stored tier keeps; None when an older version wrote it."""
    stamp = store.stamp(folder(preset.name), preset.tiers[number - 1].name)
    return stamp.extra.get("kept_ids") if stamp else None


def sql_by_place(
    store: Store, connection: duckdb.DuckDBPyConnection, preset: Preset, number: int, vocabulary: Vocabulary
) -> str | None:
    """SQL of a tier's verdicts that takes the clips which stand where those stood that the tier before kept. None when
    the stored tiers do not go together.
    """
    reached = _there(connection)
    for before in range(1, number):
        kept = _kept(store, preset, before)
        if (len(kept) if reached is None else np.count_nonzero(reached)) != len(kept):
            return None
        reached = _narrowed(reached, kept)
    facts = [LENGTH_US, *([SHARD] if number == 1 else [])]
    return judge_sql(preset.tiers[number - 1], vocabulary, None, _registered(connection, reached), facts)


def _there(connection: duckdb.DuckDBPyConnection) -> Flags | None:
    """Whether a file of it is there, of each clip in the order of `_scored_clips`; None when no file was removed."""
    gone = connection.sql("SELECT video_id FROM _gone").to_arrow_table()["video_id"].combine_chunks()
    if not len(gone):
        return None
    batches = connection.sql("SELECT video_id FROM _scored_clips").to_arrow_reader(ROWS_A_BATCH)
    listed = [np.asarray(pc.invert(pc.is_in(batch["video_id"], gone))) for batch in batches]
    return np.concatenate([np.zeros(0, bool), *listed])


def _narrowed(reached: Flags | None, kept: Flags) -> Flags:
    """Flags of which those that are set are set to `kept`, one after the other."""
    if reached is None:
        return kept
    reached[reached] = kept
    return reached


def _registered(connection: duckdb.DuckDBPyConnection, reached: Flags | None) -> str | None:
    """The name under which a query finds the flags; None = all clips."""
    if reached is None:
        return None
    connection.register("reached_before", pa.table({"reached": reached}))
    return "reached_before"


def _kept(store: Store, preset: Preset, number: int) -> Flags:
    """Whether a stored tier keeps it, of each clip that it judged."""
    path = store.path(folder(preset.name), preset.tiers[number - 1].name)
    return np.array(store.read_files(TIERS, [path], ["kept"])["kept"])


def drop_beyond(store: Store, preset: Preset) -> None:
    """Delete tiers that the preset had once and does not define any more."""
    names = {tier.name for tier in preset.tiers}
    for tier in store.parts(folder(preset.name)):
        if tier not in names and TIER_NAME.fullmatch(tier):
            store.delete(folder(preset.name), tier)


def stored_tiers(store: Store) -> list[tuple[str, str, Stamp]]:
    """(preset, tier, stamp) of every stored tier, presets in the order of their names."""
    found = []
    for preset in preset_folders(store):
        names = [name for name in store.parts(folder(preset)) if TIER_NAME.fullmatch(name)]
        for tier in sorted(names, key=lambda name: int(name.removeprefix("tier_"))):
            stamp = store.stamp(folder(preset), tier)
            if stamp is not None:
                found.append((preset, tier, stamp))
    return found


def preset_folders(store: Store) -> list[str]:
    """Names of the presets that have results."""
    selector = pafs.FileSelector(f"{store.root}/{TIER_FOLDER}", allow_not_found=True)
    return sorted(i.base_name for i in store.fs.get_file_info(selector) if i.type == pafs.FileType.Directory)


def bounds_of(stamp: Stamp) -> list[Bound]:
    """The bounds that a stored tier was judged by."""
    return [_bound(told) for told in stamp.extra["bounds"]]


def _bound(told: dict[str, Any]) -> Bound:
    """Lists of a stamp are tuples again."""
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in told.items()}
    return Bound(**fields)


def hold_mask_of(stamp: Stamp) -> int:
    return int(stamp.extra["hold_mask"])
