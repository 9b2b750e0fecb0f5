"""Tiers judged and written: one file a preset and tier under tiers/<preset>/."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import fs as pafs

from ..lineage import Lineage
from ..steps import TIERS_STEP
from ..store import Stamp, Store, fingerprint
from ..tables import TIERS
from .bounds import Bound, Preset, PresetError
from .literals import literal
from .rules import preset_names
from .sql import judge_sql
from .vocabulary import Vocabulary

TIER_FOLDER = "tiers"


def folder(preset: str) -> str:
    return f"{TIER_FOLDER}/{preset}"


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


def claim(store: Store, preset: Preset) -> None:
    """Take the folder that the preset's name stands for, before anything is written there.

    Two files of the same name in two folders would overwrite each other's tiers. The second one is refused with
    PresetError, as long as the first one is there; a file that was moved takes its results with it.
    """
    if preset.name in preset_names() or not os.path.isfile(preset.path):
        return
    path, own = os.path.realpath(preset.path), f"{store.root}/{folder(preset.name)}/{OWNER}"
    taken = _owner(store, own)
    if taken == path:
        return
    if taken is not None and os.path.isfile(taken):
        raise PresetError(
            f"{preset.path}: the results of another preset called {preset.name!r}, {taken}, lie on this root; "
            "rename one of the two files"
        )
    store.fs.create_dir(os.path.dirname(own), recursive=True)
    with store.fs.open_output_stream(own) as stream:
        stream.write(json.dumps({"path": path}).encode())


def _owner(store: Store, own: str) -> str | None:
    try:
        with store.fs.open_input_stream(own) as stream:
            return str(json.loads(stream.read())["path"])
    except (FileNotFoundError, KeyError, ValueError):
        return None


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
    previous = None
    if number > 1:
        previous = f"read_parquet({literal(store.path(folder(preset.name), preset.tiers[number - 2].name))})"
    table = connection.sql(judge_sql(tier, vocabulary, previous)).to_arrow_table()
    table = table.append_column("rules_version", pa.repeat(pa.scalar(tier.version), table.num_rows))
    if number == 1:
        stamp = replace(stamp, extra=stamp.extra | {"kept": _kept_by_shard(connection, table)})
    with store.writer(TIERS, tier.name, stamp, folder(preset.name)) as out:
        for start in range(0, max(table.num_rows, 1), 1_000_000):
            out.add(table.slice(start, 1_000_000))
    return Judged(table.num_rows, pc.sum(table["kept"]).as_py() or 0)


def _kept_by_shard(connection: duckdb.DuckDBPyConnection, judged: pa.Table) -> dict[str, str]:
    """A print of the clips of each shard that are kept: what tells captions whether they have others to do."""
    connection.register("judged_now", judged)
    query = (
        "SELECT shard, count(*) || ':' || bit_xor(md5_number_lower(clip_id)) FROM judged_now "
        "JOIN clips USING (clip_id) WHERE kept GROUP BY shard ORDER BY shard"
    )
    return dict(connection.execute(query).fetchall())


def drop_beyond(store: Store, preset: Preset) -> None:
    """Delete tiers that the preset had once and does not define any more."""
    names = {tier.name for tier in preset.tiers}
    for tier in store.parts(folder(preset.name)):
        if tier not in names:
            store.delete(folder(preset.name), tier)


def stored_tiers(store: Store) -> list[tuple[str, str, Stamp]]:
    """(preset, tier, stamp) of every stored tier, presets in the order of their names."""
    found = []
    for preset in preset_folders(store):
        for tier in sorted(store.parts(folder(preset)), key=lambda t: int(t.rsplit("_", 1)[1])):
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
