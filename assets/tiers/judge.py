"""Tiers judged and written: one file a preset and tier under tiers/<preset>/."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import fs as pafs

from ..lineage import Lineage
from ..steps import TIERS_STEP
from ..store import Stamp, Store, fingerprint
from ..tables import TIERS
from .literals import literal
from .rules import Bound, Preset
from .sql import judge_sql
from .vocabulary import Vocabulary

TIER_FOLDER = "tiers"


def folder(preset: str) -> str:
    return f"{TIER_FOLDER}/{preset}"


def expected_stamp(lineage: Lineage, preset: Preset, number: int, population: str | None = None) -> Stamp:
    """Stamp of tier `number` (from 1): made of the tier before, or of the population, and of its own rules."""
    tier = preset.tiers[number - 1]
    recipe = TIERS_STEP.recipe(lineage.options)
    if number == 1:
        made_of = population or lineage.population()
    else:
        made_of = expected_stamp(lineage, preset, number - 1, population).fingerprint
    extra = {
        "title": preset.title,
        "bounds": [asdict(b) | {"value": _plain(b.value)} for b in tier.bounds],
        "inactive": [b.name for b in tier.inactive],
        "hold_mask": tier.hold_mask,
    }
    return Stamp(fingerprint(recipe, made_of, tier.version), recipe, extra)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


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
    """Judge tier `number` of the preset over the connection's views and store its verdicts."""
    tier = preset.tiers[number - 1]
    previous = None
    if number > 1:
        previous = f"read_parquet({literal(store.path(folder(preset.name), preset.tiers[number - 2].name))})"
    table = connection.sql(judge_sql(tier, vocabulary, previous)).to_arrow_table()
    table = table.append_column("rules_version", pa.repeat(pa.scalar(tier.version), table.num_rows))
    with store.writer(TIERS, tier.name, stamp, folder(preset.name)) as out:
        for start in range(0, max(table.num_rows, 1), 1_000_000):
            out.add(table.slice(start, 1_000_000))
    return Judged(table.num_rows, pc.sum(table["kept"]).as_py() or 0)


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
    return [
        Bound(**(b | {"value": tuple(b["value"]) if isinstance(b["value"], list) else b["value"]}))
        for b in stamp.extra["bounds"]
    ]


def hold_mask_of(stamp: Stamp) -> int:
    return int(stamp.extra["hold_mask"])
