"""Named selections of assets: what a run by hand, the schedule and the UI start."""

from __future__ import annotations

import dagster as dg

SHARD_JOB = "curate_shards"
TIER_JOB = "curate_tiers"


def build_jobs(tiers: list[dg.AssetsDefinition]) -> list[dg.UnresolvedAssetJobDefinition]:
    """One job over the shards' assets, one over the tiers: the first is partitioned, the second is not."""
    selection = dg.AssetSelection.assets(*tiers)
    return [
        dg.define_asset_job(SHARD_JOB, selection=dg.AssetSelection.all() - selection,
                            description="Read, decode, cut and score the shards of the run."),
        dg.define_asset_job(TIER_JOB, selection=selection,
                            description="Judge every clip of all complete shards by the active preset."),
    ]  # fmt: skip
