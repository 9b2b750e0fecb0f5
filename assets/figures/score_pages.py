"""Pages of what is measured a clip: the scorers, the wide table, embeddings and hashes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from ..columns import Column
from ..embeddings.assign_concepts import vectors_of
from ..embeddings.tables import EMBEDDINGS
from ..filter_scores.scorers import SCORERS
from ..measuring.scorer import Scorer
from ..tables import CLIPS, FILTER_SCORES
from ..tiers.bounds import Preset
from ..tiers.words import show
from .album import CLIP_COLUMNS, Album, Row
from .charts import Numbers, histograms
from .choose import evenly, low_middle_high
from .histogram import bounds_on, histogram
from .markdown import Markdown, image, page, table
from .scene import FIGURES, Facts, Scene, Shown, clip_sheet, shown

CLIPS_A_STRIP = 4
KINDS_NAMED = 8
NEIGHBOURS_OF, NEIGHBOURS = 4, 4
EMBEDDED_MOST = 20_000
"""Clips among which neighbours are looked for: the first of the shard."""


def scorer_page(scene: Scene, scorer: Scorer) -> Facts:
    """Each column's range, histogram with the bounds of the active preset, and clips at its ends and in its middle."""
    rows, preset = scene.store.read(scorer.table, scene.part), scene.curation.preset
    numeric = [c for c in scorer.columns if pt.is_floating(c.type) or pt.is_integer(c.type)]
    values = {c.name: _numbers(rows[c.name]) for c in numeric}
    known = [c for c in numeric if not np.isnan(values[c.name]).all()]
    facts = {"values": _ranges(known, values), "bounds": _bounds(preset, known, values)}
    words = [c.name for c in scorer.columns if pt.is_string(c.type) and scorer in SCORERS]  # else they are hashes
    facts |= {name: _kinds(rows[name], name) for name in words}
    facts["unmeasured"] = _reasons(rows["error"])
    clips = scene.store.read(CLIPS, scene.part, CLIP_COLUMNS).to_pylist()
    with Album(scene.store, scene.part) as album:
        telling = sorted(known, key=lambda c: not bounds_on(preset, c.name))[:1]  # the first that a rule reads
        sheets = [_ends(album, clips, c, values[c.name]) for c in telling]
    facts[FIGURES] = page(_chart(preset, known, values), *sheets)
    return {name: told for name, told in facts.items() if told}


def _numbers(column: pa.ChunkedArray) -> Numbers:
    """NaN where there is no value."""
    found = np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), float)
    return np.where(np.isfinite(found), found, np.nan)


def _ranges(columns: Sequence[Column], values: dict[str, Numbers]) -> Markdown:
    rows = []
    for column in columns:
        found = values[column.name][~np.isnan(values[column.name])]
        middle = float(np.median(found))
        rows.append((column.name, len(found), float(found.min()), middle, float(found.max()), column.unit))
    return table(("column", "clips", "lowest", "median", "highest", "unit"), rows)


def _bounds(preset: Preset, columns: Sequence[Column], values: dict[str, Numbers]) -> Markdown:
    """How many of these clips each bound would reject by itself, whatever other rules say."""
    rows = []
    for column in columns:
        found = values[column.name]
        for number, bound in bounds_on(preset, column.name):
            assert isinstance(bound.value, int | float)
            failing = int((found < bound.value).sum() if bound.kind == "min" else (found > bound.value).sum())
            rows.append((preset.tiers[number - 1].name, bound.name, Markdown(show(bound.value)), failing))
    return table(("tier", "rule", "bound", "clips that it would reject"), rows)


def _kinds(column: pa.ChunkedArray, name: str) -> Markdown:
    counts = Counter(value for value in column.to_pylist() if value is not None)
    return table((name, "clips"), counts.most_common(KINDS_NAMED))


def _reasons(errors: pa.ChunkedArray) -> Markdown:
    counts = Counter(error for error in errors.to_pylist() if error is not None)
    return table(("why there is no value", "clips"), counts.most_common(KINDS_NAMED))


def _chart(preset: Preset, columns: Sequence[Column], values: dict[str, Numbers]) -> Markdown:
    if not columns:
        return Markdown("")
    panels = []
    for column in columns:
        found = values[column.name][~np.isnan(values[column.name])]
        panels.append(histogram(column.name, column.unit, found, bounds_on(preset, column.name)))
    return image(histograms(panels), "histograms")


def _ends(album: Album, clips: Sequence[Row], column: Column, values: Numbers) -> Markdown:
    places = low_middle_high(values, CLIPS_A_STRIP)
    strips = {
        f"{end} {column.name}": [shown(album, clips[i], f"{values[i]:.4g}") for i in listed]
        for end, listed in places.items()
    }
    return clip_sheet(strips, f"{column.name}: lowest, middle and highest", column.name)


def filter_scores(scene: Scene) -> Facts:
    """Columns that have no value for some clips, and the scorers that are not run."""
    names = [c.name for c in FILTER_SCORES.columns if c.name not in ("clip_id", "errors")]
    rows = scene.store.read(FILTER_SCORES, scene.part, [*names, "errors"])
    reasons: dict[str, Counter[str]] = {s.name: Counter() for s in SCORERS}
    for errors in rows["errors"].to_pylist():
        for name, reason in errors or ():
            reasons.setdefault(name, Counter())[reason] += 1
    listed, off = [], []
    for scorer in SCORERS:
        if lack := scene.curation.options.lack(scorer):
            off.append((scorer.name, ", ".join(c.name for c in scorer.columns), lack))
            continue
        most = reasons[scorer.name].most_common(1)
        without = [(c.name, rows[c.name].null_count) for c in scorer.columns if rows[c.name].null_count]
        listed += [(name, scorer.name, count, most[0][0] if most else "") for name, count in without]
    found = table(("column", "scorer", "clips without a value", "most frequent reason"), listed)
    facts = {"unmeasured": found or Markdown("Every column of an enabled scorer has a value for every clip.")}
    return facts | ({"not run": table(("scorer", "columns", "why"), off)} if off else {})


def embeddings(scene: Scene) -> Facts:
    """Model and dimensions, and what the vectors take for alike: clips with their nearest neighbours of the shard."""
    rows = scene.store.read(EMBEDDINGS, scene.part)
    places = [i for i, v in enumerate(rows["embedding"].is_valid().to_pylist()) if v][:EMBEDDED_MOST]
    facts: Facts = {"unmeasured": _reasons(rows["error"])}
    if places:
        vectors = vectors_of(rows["embedding"].take(places))
        models = ", ".join(sorted(set(rows["model"].drop_null().to_pylist())))
        listed = [(models, vectors.shape[1], len(places))]
        facts["vectors"] = table(("model", "dimensions", "clips"), listed)
        facts[FIGURES] = _neighbours(scene, places, vectors)
    return {name: told for name, told in facts.items() if told}


def _neighbours(scene: Scene, places: Sequence[int], vectors: np.ndarray) -> Markdown:
    clips = scene.store.read(CLIPS, scene.part, CLIP_COLUMNS).to_pylist()
    strips: dict[str, list[Shown]] = {}
    with Album(scene.store, scene.part) as album:
        for number, one in enumerate(evenly(range(len(places)), NEIGHBOURS_OF), 1):
            cosines = vectors @ vectors[one]
            nearest = [int(i) for i in np.argsort(-cosines, kind="stable") if i != one][:NEIGHBOURS]
            own = shown(album, clips[places[one]], "a clip", framed=True)
            others = [shown(album, clips[places[i]], f"cosine {cosines[i]:.3f}") for i in nearest]
            strips[f"clip {number} and the clips of this shard most like it"] = [own, *others]
    return clip_sheet(strips, "clips and their nearest neighbours", "likeness")
