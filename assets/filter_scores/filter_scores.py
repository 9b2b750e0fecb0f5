"""The scorers as assets of two subsettable steps, and the wide table `filter_scores` written after them."""

from collections.abc import Sequence

import dagster as dg

from ..curation import Curation
from ..lineage import Lineage
from ..measuring.scorer import Scorer
from ..models.catalogue import find_model
from ..partitions import BACKFILL, SHARDS, Duty, measured, walk
from ..tables import FILTER_SCORES
from ..telling import OWNERS, Told, every, result, sound_spec, table_metadata, tell
from ..work import Counts, Progress
from .scorers import SCORERS
from .wide import write_wide

ROWS = (
    "One row per clip, NULL with a sentence where it could not be measured. No threshold is applied: tiers judge. "
    "Stale when the clips changed or the scorer has a new version; clips measured before keep their rows."
)
KEYS = {scorer.name: dg.AssetKey(["scores", scorer.name]) for scorer in SCORERS}


def _on_gpu(scorer: Scorer) -> bool:
    return scorer.model is not None and find_model(scorer.model).device == "gpu"


def _spec(scorer: Scorer) -> dg.AssetSpec:
    return dg.AssetSpec(
        KEYS[scorer.name],
        deps=["clips", "keyframes"] if scorer.pictures else ["clips"],
        skippable=True,
        group_name="filter_scores",
        kinds={"python", "parquet"},
        owners=OWNERS,
        description=f"{scorer.doc}\n\n{ROWS}",
        code_version=str(scorer.version),
        metadata=table_metadata(scorer.table),
    )


def _scorers_asset(name: str, scorers: Sequence[Scorer], pool: str | None) -> list[dg.AssetsDefinition]:
    """One step for all of them; none when there is no such scorer."""
    if not scorers:
        return []

    @dg.multi_asset(
        name=name, specs=[_spec(s) for s in scorers], check_specs=[sound_spec(KEYS[s.name]) for s in scorers],
        partitions_def=SHARDS, backfill_policy=BACKFILL, can_subset=True, pool=pool,
    )  # fmt: skip
    def measure_clips(context: dg.AssetExecutionContext, curation: dg.ResourceParam[Curation]) -> Told:
        """Measure every clip with the selected scorers; each video's rows are read once for all of them."""
        selected = [s for s in scorers if KEYS[s.name] in context.selected_asset_keys]
        lacks = {s.name: lack for s in selected if (lack := curation.options.lack(s))}
        for name, lack in lacks.items():
            context.log.info(f"{name} is not enabled: {lack}")
        prints = measured(context, curation, [s for s in selected if s.name not in lacks], "scoring")
        yield from every(
            _not_enabled(context, scorer, lacks[scorer.name])  # left out, it would keep what follows from being done
            if scorer.name in lacks
            else result(context, curation, scorer.table, scorer.step, prints[scorer.step])
            for scorer in selected
        )

    return [measure_clips]


cpu_scorers = _scorers_asset("cpu_scorers", [s for s in SCORERS if not _on_gpu(s)], None)
gpu_scorers = _scorers_asset("gpu_scorers", [s for s in SCORERS if _on_gpu(s)], "gpu")


def _not_enabled(context: dg.AssetExecutionContext, scorer: Scorer, lack: str) -> Told:
    facts = {"enabled": dg.MetadataValue.bool(False), "lacks": dg.MetadataValue.text(lack)}
    return tell(context, KEYS[scorer.name], {}, "not enabled", facts, {})


@dg.asset(
    partitions_def=SHARDS,
    backfill_policy=BACKFILL,
    deps=[*KEYS.values()],
    group_name="filter_scores",
    kinds={"python", "parquet"},
    owners=OWNERS,
    metadata=table_metadata(FILTER_SCORES),
    check_specs=[sound_spec("filter_scores")],
)
def filter_scores(context: dg.AssetExecutionContext, curation: dg.ResourceParam[Curation]) -> Told:
    """One wide row per clip: every measured quantity, NULL with a reason in `errors` where it could not be measured.

    No threshold is applied here: the tiers judge. Joined from the scorers' tables, and stale when one of them changed.
    """

    def work(shard: str, lineage: Lineage, progress: Progress) -> Counts:
        return write_wide(curation.store, lineage, shard)

    needs = {s.step: lambda lineage, shard, s=s: lineage.measured(s, shard) for s in curation.lineage().scorers}
    duty = Duty("filter_scores", "filter_scores", Lineage.filter_scores, work, needs)
    prints = walk(context, curation, duty)
    yield from result(context, curation, FILTER_SCORES, "filter_scores", prints)
