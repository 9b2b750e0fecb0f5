"""Whether the stored tiers of a preset add up: each judges what the one before keeps, and says what it holds."""

from __future__ import annotations

import duckdb

from ..checks import part_faults
from ..lineage import Lineage
from ..store import Store
from ..sums import candidates
from ..tables import TIERS
from .bounds import Preset
from .judge import folder, tier_rows
from .tally import Tally


def tier_faults(store: Store, preset: Preset, number: int, lineage: Lineage | None = None) -> list[str]:
    """Faults of tier `number` (from 1), as sentences. A clip stands in it once as it does in the one before, and in
    the scores. `lineage`: as when it was judged; with it tier_1 is held against the scores.
    """
    place, tier = folder(preset.name), preset.tiers[number - 1].name
    faults = part_faults(store, TIERS, tier, place, is_key_read=False)
    stamp = store.stamp(place, tier)
    if faults or stamp is None:
        return faults or [f"{place}/{tier} has no stamp"]
    tally = Tally.of(stamp.extra["tally"])
    faults = [f"{tier}: {fault}" for fault in _sums(tally, store.rows(place, tier))]
    if number == 1:
        wanted = candidates(lineage) if lineage else None
        differ = wanted is not None and wanted != tally.clips
        return [*faults, *([f"{tier} judged {tally.clips} of the {wanted} clips that are scored"] if differ else [])]
    before = preset.tiers[number - 2].name
    theirs = store.stamp(place, before)
    if theirs is not None and theirs.extra.get("kept_ids") == stamp.extra["judged_ids"]:
        return faults
    if strange := _strangers(*(tier_rows(store, preset.name, name) for name in (tier, before))):
        faults.append(f"{tier} judged {strange} clips that {before} does not keep")
    return faults


def _sums(tally: Tally, rows: int) -> list[str]:
    taken = sum(rule.taken for rule in tally.rules)
    us = sum(rule.taken_us for rule in tally.rules)
    faults = []
    if tally.clips != rows:
        faults.append(f"{tally.clips} clips were judged and {rows} rows are stored")
    if tally.kept + taken != tally.clips:
        faults.append(f"{tally.kept} kept and {taken} taken by rules are not the {tally.clips} clips that were judged")
    if tally.kept_us + us != tally.length_us:
        faults.append("the time of the clips that are kept and taken is not that of the clips that were judged")
    return faults


def _strangers(tier: str, before: str) -> int:
    """Clips of a tier that the one before does not keep."""
    kept = f"(SELECT clip_id FROM {before} WHERE kept)"
    query = f"SELECT count(*) FROM {tier} t ANTI JOIN {kept} b USING (clip_id)"
    with duckdb.connect() as connection:
        return int(connection.sql(query).fetchall()[0][0])
