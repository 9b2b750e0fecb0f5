"""The tiers as assets: SQL over the scores of all complete shards, one asset a tier of the active preset."""

from functools import partial

import dagster as dg

from ..curation import Curation
from ..figures.markdown import text
from ..lineage import Lineage
from ..partitions import OWNERS, Result, figures, forced, sound, sound_spec, table_metadata
from ..steps import TIERS_STEP
from ..store import WHOLE, Stamp
from ..tables import TIERS
from ..views import connect
from .judge import drop_beyond, expected_stamp, folder, write_tier
from .nesting import tier_faults
from .rules import Preset, Tier
from .words import rules_table


def build_tiers(preset: Preset) -> list[dg.AssetsDefinition]:
    """One asset a tier; tier n reads tier n-1."""
    return [_tier_asset(preset, number) for number in range(1, len(preset.tiers) + 1)]


def _tier_asset(preset: Preset, number: int) -> dg.AssetsDefinition:
    tier = preset.tiers[number - 1]
    before = [preset.tiers[number - 2].name] if number > 1 else []

    @dg.asset(
        name=tier.name,
        deps=["raw_videos", "clips", "filter_scores", *before, *sorted(tier.views)],
        group_name="tiers",
        kinds={"duckdb", "sql", "parquet"},
        owners=OWNERS,
        code_version=str(TIERS_STEP.version),
        description=_description(preset, tier),
        metadata=table_metadata(TIERS) | {"preset": preset.name, "rules": dg.MetadataValue.md(rules_table(tier))},
        check_specs=[sound_spec(tier.name)],
    )
    def tier_asset(context: dg.AssetExecutionContext, curation: dg.ResourceParam[Curation]) -> Result:
        return _materialize(context, curation, number)

    return tier_asset


def _materialize(context: dg.AssetExecutionContext, curation: Curation, number: int) -> Result:
    store, preset, lineage = curation.store, curation.preset, curation.lineage()
    tier = preset.tiers[number - 1]
    stamp = expected_stamp(lineage, preset, number)
    facts: dict[str, str | int] = {
        "fingerprint": stamp.fingerprint,
        "shards": len(lineage.shards),
        "complete_shards": len(lineage.complete_shards),
    }
    if not forced(context, curation, tier.name) and lineage.is_fresh(folder(preset.name), tier.name, stamp):
        context.log.info(f"{tier.name}: up to date")
        return _result(context, curation, number, facts, stamp, [])
    _need_views(lineage, tier)
    if number > 1:
        _need_previous(curation, number)
    with connect(store, preset.name) as connection:
        judged = write_tier(store, connection, preset, number, curation.vocabulary, stamp)
    drop_beyond(store, preset)
    curation.renew_views()
    facts |= {"dagster/row_count": judged.kept, "candidates": judged.rows, "rejected": judged.rows - judged.kept}
    return _result(context, curation, number, facts, stamp, [tier.name])


def _result(
    context: dg.AssetExecutionContext, curation: Curation, number: int, facts: dict[str, str | int], stamp: Stamp,
    written: list[str],
) -> Result:  # fmt: skip
    store, preset = curation.store, curation.preset
    look = partial(tier_faults, store, preset)
    checked = sound(context, curation, context.asset_key, folder(preset.name), written, lambda _: look(number))
    drawn = figures(context, curation, preset.tiers[number - 1].name, folder(preset.name), written)
    context.add_asset_metadata(drawn)
    version = dg.DataVersion(stamp.fingerprint)
    return dg.MaterializeResult(metadata=facts, data_version=version, check_results=checked)


def _need_previous(curation: Curation, number: int) -> None:
    """Raises dagster.Failure when the tier before is missing or was judged by other rules or scores."""
    lineage, preset = curation.lineage(), curation.preset
    before = preset.tiers[number - 2].name
    if not lineage.is_fresh(folder(preset.name), before, expected_stamp(lineage, preset, number - 1)):
        raise dg.Failure(
            f"{preset.tiers[number - 1].name} selects from {before}, which is missing or stale: "
            f"materialize {before} first"
        )


def _need_views(lineage: Lineage, tier: Tier) -> None:
    """Raises dagster.Failure when a table that the rules read beside the scores is missing or stale."""
    expected = {"duplicates": lineage.duplicates, "concepts": lineage.concepts}
    for view in sorted(set(tier.views) & expected.keys()):
        if not lineage.is_fresh(view, WHOLE, expected[view]()):
            raise dg.Failure(f"{tier.name} reads {view}, which is missing or stale: materialize {view} first")
    lacking = [s for s in lineage.complete_shards if not lineage.is_fresh("captions", s, lineage.captions(s))]
    if "captions" in tier.views and lacking:
        raise dg.Failure(
            f"{tier.name} reads captions, which are missing or stale for {len(lacking)} shards, the first is "
            f"{lacking[0]}: materialize captions first"
        )


def _description(preset: Preset, tier: Tier) -> str:
    named = f"{text(preset.name)} ({text(preset.title)})"
    return (
        f"Clips that pass {tier.name} of preset {named}. Every candidate has a row with its "
        "verdict as bits; the view `decisions` spells them out. Moving a bound reruns this SQL and nothing else. "
        "Stale when the rules changed, or the scores, the tier before or another table that they read."
    )
