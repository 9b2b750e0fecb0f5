"""Named selections of assets: what a run by hand, the schedule and the UI start."""

from __future__ import annotations

import dagster as dg

from .batches import CAPTION_JOB, SHARD_JOB, TIER_JOB, Batch

ROOT_JOB, TIDY_JOB = "curate_root", "tidy_root"


def asset_keys(batch: Batch) -> list[dg.AssetKey]:
    """The assets that a run writes."""
    return [dg.AssetKey(name.split("/")) for name in batch.assets]


def build_jobs(
    over_all: list[dg.AssetsDefinition], captions: dg.AssetsDefinition
) -> list[dg.UnresolvedAssetJobDefinition]:
    """The shards' assets, those over all shards, and captions, which are by shard again and read the first tier."""
    tiers, told = dg.AssetSelection.assets(*over_all), dg.AssetSelection.assets(captions)
    return [
        dg.define_asset_job(SHARD_JOB, selection=dg.AssetSelection.all() - tiers - told,
                            description="Read, decode, cut, score and embed the shards of the run."),
        dg.define_asset_job(TIER_JOB, selection=tiers,
                            description="Duplicates, concepts, and the active preset's verdicts over all shards."),
        dg.define_asset_job(CAPTION_JOB, selection=told,
                            description="Caption the clips of the shards that the first tier keeps."),
        dg.define_asset_job(ROOT_JOB, selection=dg.AssetSelection.all(),
                            description="What the schedule `nightly` asks for; each of its runs is one stage of the "
                            "plan, by shards or over all shards, as its tags tell."),
    ]  # fmt: skip
