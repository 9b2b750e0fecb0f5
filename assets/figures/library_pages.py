"""Pages of the assets over all shards: duplicates, concepts, tiers. Pictures are read of a few clips only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import duckdb
import numpy as np

from ..tiers.bounds import Bound, Preset
from ..tiers.funnel import FunnelRow, funnel, stored_funnel_tiers
from ..tiers.judge import tier_rows
from ..tiers.literals import literal, quoted
from ..tiers.sampling import rejected_sql
from ..tiers.sql import population_sql
from ..views import connect
from .album import CLIP_COLUMNS, Album, Row
from .charts import Numbers, funnel_chart, sizes_chart
from .choose import evenly, largest_and_others
from .markdown import Markdown, image, page, table, text
from .scene import FIGURES, Facts, Scene, Shown, clip_sheet, seconds, shown, size_of

GROUPS_SHOWN, MEMBERS_SHOWN = 5, 5
CONCEPTS_SHOWN = 4
SIZES_LISTED = 12
COUNTED_MOST = 2_000_000
"""Candidates of a tier whose concepts are counted one by one; of more, a share chosen by the start of their ids."""


def duplicates(scene: Scene) -> Facts:
    """How large groups are, what verified their pairs, and some groups as filmstrips."""
    with connect(scene.store, scene.curation.preset.name) as connection:
        # A group's id is one of its clips: one row a group.
        query = "SELECT group_id, group_size FROM _duplicates WHERE clip_id = group_id AND group_size > 1 ORDER BY ALL"
        sizes = dict(connection.sql(query).fetchall())
        query = "SELECT method, count(*) FROM _duplicate_pairs GROUP BY ALL ORDER BY ALL"
        methods = connection.sql(query).fetchall()
    groups = sorted(Counter(sizes.values()).items())
    facts = {
        "groups": table(("clips in the group", "groups"), groups[:SIZES_LISTED])
        or Markdown("No two clips show the same footage."),
        "pairs": table(("verified by", "pairs"), methods),
        FIGURES: _filmstrips(scene, largest_and_others(sizes, GROUPS_SHOWN), sizes),
    }
    return {name: told for name, told in facts.items() if told}


def _filmstrips(scene: Scene, groups: Sequence[str], sizes: dict[str, int]) -> Markdown:
    if not groups:
        return Markdown("")
    preset = scene.curation.preset
    with connect(scene.store, preset.name) as connection:
        ids = ", ".join(map(literal, groups))
        members = connection.sql(f"SELECT clip_id, group_id FROM duplicates WHERE group_id IN ({ids})").fetchall()
        stays = _who_stays(scene, connection, ids)
        clips = _clips(connection, [clip_id for clip_id, _ in members])
    strips: dict[str, list[Shown]] = {}
    with _Albums(scene) as albums:
        for number, group in enumerate(groups, 1):
            mine = sorted((c for c, g in members if g == group and c in clips), key=lambda c: (c not in stays, c))
            title = f"group {number}: {sizes[group]} clips"
            strips[title] = [
                albums.shown(clips[c], f"{'stays, ' if c in stays else ''}{size_of(clips[c])}", c in stays)
                for c in mine[:MEMBERS_SHOWN]
            ]
    words = Markdown(
        f"Groups of clips that show the same footage. Green: the one that `keep_best` of preset {text(preset.name)} "
        "prefers, if rules before it let the whole group through."
        if stays
        else "Groups of clips that show the same footage."
    )
    return page(words, clip_sheet(strips, "groups of duplicates", "picture"))


def _who_stays(scene: Scene, connection: duckdb.DuckDBPyConnection, ids: str) -> set[str]:
    """Of each group the clip that the preset's first `keep_best` prefers; none where no rule says or scores are
    missing.
    """
    rule = _first_rule(scene.curation.preset, "keep_best")
    if rule is None:
        return set()
    columns = population_sql(rule.columns, scene.curation.vocabulary, None)
    asked = f"(SELECT *, row_number() OVER () AS row_ FROM ({columns}) WHERE group_id IN ({ids}))"
    connection.execute(f"CREATE TEMP TABLE asked AS SELECT * FROM {asked}")
    kept = f"SELECT clip_id FROM asked WHERE row_ NOT IN ({rejected_sql(rule, 'asked')})"
    return {row[0] for row in connection.sql(kept).fetchall()}


def _first_rule(preset: Preset, kind: str) -> Bound | None:
    return next((b for tier in preset.tiers for b in tier.bounds if b.kind == kind), None)


def _clips(connection: duckdb.DuckDBPyConnection, ids: Iterable[str]) -> dict[str, Row]:
    """Rows of `clips` with their shard, by clip_id."""
    columns = [*CLIP_COLUMNS, "shard"]
    listed = ", ".join(map(literal, ids))
    found = connection.sql(f"SELECT {', '.join(columns)} FROM clips WHERE clip_id IN ({listed or 'NULL'})").fetchall()
    return {row[0]: dict(zip(columns, row, strict=True)) for row in found}


class _Albums:
    """Albums of the shards that are asked for."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.open: dict[str, Album] = {}

    def shown(self, clip: Row, value: str, framed: bool = False) -> Shown:
        shard = clip["shard"]
        if shard not in self.open:
            self.open[shard] = Album(self.scene.store, shard)
        return shown(self.open[shard], clip, value, framed)

    def __enter__(self) -> _Albums:
        return self

    def __exit__(self, *_: object) -> None:
        for album in self.open.values():
            album.__exit__()


def concepts(scene: Scene) -> Facts:
    """How large concepts are, and the most typical clips of a few."""
    with connect(scene.store, scene.curation.preset.name) as connection:
        query = "SELECT concept_id, count(*) FROM _concepts GROUP BY ALL ORDER BY count(*) DESC, concept_id"
        counts = dict(connection.sql(query).fetchall())
        if not counts:
            return {}
        typical = _typical(connection, evenly(list(counts), CONCEPTS_SHOWN))
        clips = _clips(connection, [clip_id for listed in typical.values() for clip_id, _ in listed])
    sizes = np.array(list(counts.values()), float)
    chart = sizes_chart({"clips": sizes}, f"{sizes.sum():,.0f} clips in {len(sizes):,} concepts")
    with _Albums(scene) as albums:
        strips = {
            f"concept {concept}: {counts[concept]:,} clips, the most typical first": [
                albums.shown(clips[clip_id], f"cosine {cosine:.3f}") for clip_id, cosine in listed if clip_id in clips
            ]
            for concept, listed in typical.items()
        }
    return {FIGURES: page(image(chart, "concept sizes"), clip_sheet(strips, "clips of some concepts", "typical"))}


def _typical(connection: duckdb.DuckDBPyConnection, chosen: Sequence[int]) -> dict[int, list[tuple[str, float]]]:
    """Of each concept the clips nearest to its centroid: (clip_id, cosine), the nearest first."""
    place = "row_number() OVER (PARTITION BY concept_id ORDER BY concept_similarity DESC, clip_id)"
    rows = connection.sql(
        f"SELECT concept_id, clip_id, concept_similarity FROM _concepts WHERE concept_id IN "
        f"({', '.join(map(str, chosen))}) QUALIFY {place} <= {MEMBERS_SHOWN} ORDER BY {place}"
    ).fetchall()
    return {concept: [(clip_id, cosine) for c, clip_id, cosine in rows if c == concept] for concept in chosen}


def tier(scene: Scene) -> Facts:
    """What each rule took, as chart and table, and what a sample did to the concepts. Counted when it was judged."""
    store, preset = scene.store, scene.curation.preset
    with duckdb.connect() as nothing:
        rows = funnel(nothing, stored_funnel_tiers(store, preset.name, [scene.part]))
    facts = {"funnel": funnel_table(rows, preset.tier(scene.part).inactive)}
    figures = [image(funnel_chart(rows), f"funnel of {scene.part}")]
    for index, bound in enumerate(preset.tier(scene.part).bounds):
        if bound.kind == "sqrt_sample":
            figures.append(_balanced(scene, index, bound, rows[0].clips))
    return facts | {FIGURES: page(*figures)}


def funnel_table(rows: Sequence[FunnelRow], inactive: Sequence[Bound]) -> Markdown:
    """As `clipsieve funnel` words it."""
    listed: list[tuple[object, ...]] = []
    for row in rows:
        if row.rule == "kept":
            listed += [(b.name, "inactive: no scorer fills it", None, None, None, None, None) for b in inactive]
        ends = row.rule in ("input", "kept")
        numbers = (None,) * 3 if ends else (row.taken, row.failed, row.unmeasured)
        name = Markdown(f"**{row.tier} {row.rule}**") if ends else row.rule
        listed.append((name, row.bound, *numbers, row.clips, seconds(row.hours * 3600)))
    return table(("rule", "bound", "took", "alone", "no value", "left", "time left"), listed)


def _balanced(scene: Scene, index: int, bound: Bound, candidates: int) -> Markdown:
    """Clips of each concept that reached the sample, and that it left."""
    before, after, share = sizes_around(scene, index, bound, candidates)
    if not len(before):
        return Markdown("")
    order = np.argsort(-before, kind="stable")
    told = f", from one clip in {round(1 / share)}" if share < 1 else ""
    title = (
        f"{bound.name}: {before.sum():,.0f} clips in {len(before):,} concepts before, {after.sum():,.0f} after{told}"
    )
    return image(sizes_chart({"before": before[order], "after": after[order]}, title), "concepts before and after")


def sizes_around(scene: Scene, index: int, bound: Bound, candidates: int) -> tuple[Numbers, Numbers, float]:
    """By concept: clips that passed the rules before the bound, and those that passed it as well; the share of the
    clips that was counted.
    """
    store, preset = scene.store, scene.curation.preset
    share = min(1.0, COUNTED_MOST / max(candidates, 1))
    some = "true" if share == 1 else f"clip_id < {literal(f'{int(share * 16**8):08x}')}"
    hold = preset.tier(scene.part).hold_mask
    passed = f"((fail_mask | (unmeasured_mask & {hold}::UBIGINT)) & {{}}::UBIGINT) = 0"
    with connect(store, preset.name) as connection:
        query = (
            f"SELECT count(*) / {share}, count(*) FILTER ({passed.format((2 << index) - 1)}) / {share} "
            f"FROM (SELECT * FROM {tier_rows(store, preset.name, scene.part)} WHERE {some}) "
            f"JOIN concepts USING (clip_id) WHERE {passed.format((1 << index) - 1)} "
            f"AND {quoted(bound.column)} IS NOT NULL GROUP BY {quoted(bound.column)}"
        )
        found = connection.sql(query).fetchall()
    numbers = np.array(found, float).reshape(-1, 2)
    return numbers[:, 0], numbers[:, 1], share
