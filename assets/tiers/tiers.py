"""The tiers as assets: SQL over the scores of all complete shards, one asset a tier of the active preset."""

import dagster as dg

from ..checks import stamp_faults
from ..curation import Curation
from ..figures.markdown import text
from ..lineage import Lineage
from ..partitions import forced
from ..steps import TIERS_STEP
from ..store import WHOLE, Stamp
from ..tables import TIERS
from ..telling import OWNERS, Told, faults_of, figures, sound_spec, table_metadata, tell
from ..views import connect
from .judge import drop_beyond, expected_stamp, folder, write_tier
from .nesting import tier_faults
from .rules import Preset, Tier
from .words import rules_listed


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
        metadata=table_metadata(TIERS) | {"preset": preset.name, "rules": dg.MetadataValue.md(rules_listed(tier))},
        check_specs=[sound_spec(tier.name)],
    )
    def tier_asset(context: dg.AssetExecutionContext, curation: dg.ResourceParam[Curation]) -> Told:
        yield from _materialize(context, curation, number)

    return tier_asset


def _materialize(context: dg.AssetExecutionContext, curation: Curation, number: int) -> Told:
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
        return tell(context, context.asset_key, {}, stamp.fingerprint, facts, {})
    _need_views(lineage, tier)
    if number > 1:
        _need_previous(curation, number)
    with connect(store, preset.name) as connection:
        judged = write_tier(store, connection, preset, number, curation.vocabulary, stamp)
    drop_beyond(store, preset)
    curation.renew_views()
    facts |= {"dagster/row_count": judged.kept, "candidates": judged.rows, "rejected": judged.rows - judged.kept}
    key, place = context.asset_key, folder(preset.name)
    found = faults_of(context, curation, key, place, [tier.name], lambda _: _faults(curation, lineage, number, stamp))
    if not found:
        context.add_asset_metadata(figures(context, curation, tier.name, place, [tier.name]))
    return tell(context, key, found, stamp.fingerprint, facts, {})


def _faults(curation: Curation, lineage: Lineage, number: int, stamp: Stamp) -> list[str]:
    """Where the files have changed meanwhile the sum with the scores is left out: the tier is stale already."""
    store, preset = curation.store, curation.preset
    is_summed = number == 1 and curation.lineage().population == lineage.population
    faults = tier_faults(store, preset, number, lineage if is_summed else None)
    return faults or stamp_faults(store, folder(preset.name), preset.tiers[number - 1].name, stamp.fingerprint)


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
