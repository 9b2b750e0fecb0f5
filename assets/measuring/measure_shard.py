"""The clips of a shard measured: only those that a scorer has not measured yet, one table a scorer.

Scores, embeddings and keyframe hashes are all filled here. A scorer that looks at pictures runs in workers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from ..lineage import Lineage
from ..models.catalogue import find_model
from ..store import Store, fingerprint, rows_to_table
from ..tables import CLIPS, KEYFRAMES, SCANS
from ..work import Counts, Engine, Failure, Outcome, Progress, Success
from .measure_clips import Item, MeasureClips, Row
from .scorer import Scorer

CLIPS_AN_ITEM = 50
ITEM_LIMIT_S, CLIP_LIMIT_S = 120.0, 120.0
WEIGHTS_IN_MEMORY = 3
"""Times the size of its weights that a loaded model may hold beside the worker's limit."""
LOST = "worker: "
"""How the reason of a clip begins that no scorer refused: another attempt may measure it."""

Rows = dict[str, dict[str, Row]]
"""By scorer, by clip."""


def measure_shard(
    store: Store, lineage: Lineage, shard: str, scorers: Sequence[Scorer], engine: Engine, progress: Progress,
    force: bool = False, retry_failed: bool = False,
) -> dict[str, Counts]:  # fmt: skip
    """Measure the clips of the shard that a scorer has not measured yet, and write each scorer's table."""
    clips = store.read(CLIPS, shard).to_pylist()
    rows = {s.name: {} if force else _measured_before(store, lineage, shard, s, retry_failed) for s in scorers}
    items = list(_items(clips, rows))
    counts = {s.name: Counts(rows=len(clips)) for s in scorers}
    for name in rows:
        counts[name].computed = sum(name in lacking for i in items for lacking in i.lacking)
        counts[name].reused = len(clips) - counts[name].computed
    progress.begin(_label(scorers), shard, sum(len(i.clips) for i in items), sum(i.video_s for i in items))
    lacking = [s for s in scorers if counts[s.name].computed]
    function = MeasureClips.of(store, shard, _state(store, shard), lineage.options.models, lacking)
    for item, outcome in _outcomes(function, items, lacking, engine):
        _take(rows, scorers, item, outcome)
        progress.advance(len(item.clips), item.video_s)
    progress.end()
    for scorer in scorers:
        listed = [rows[scorer.name][c["clip_id"]] for c in clips]
        counts[scorer.name].failed = sum(r["error"] is not None for r in listed)
        stamp = lineage.measured(scorer, shard)
        stamp = replace(stamp, extra={"lost": [r["clip_id"] for r in listed if lost(r["error"])]})
        store.write(scorer.table, shard, rows_to_table(scorer.table, listed), stamp)
    return counts


def _state(store: Store, shard: str) -> str:
    """Of the shard's files that are read."""
    stamps = [store.stamp(folder, shard) for folder in (SCANS.name, CLIPS.name)]
    return fingerprint([s.fingerprint if s else None for s in stamps], store.size(KEYFRAMES.name, shard))


def _label(scorers: Sequence[Scorer]) -> str:
    return scorers[0].step if len(scorers) == 1 or scorers[0].folder else "filter_scores"


def _measured_before(store: Store, lineage: Lineage, shard: str, scorer: Scorer, retry_failed: bool) -> dict[str, Row]:
    """Rows by clip that the same recipe made: a clip's id says which frames it holds."""
    if not lineage.reusable(scorer.step, shard, lineage.measured(scorer, shard)):
        return {}
    listed = store.read(scorer.table, shard).to_pylist()
    return {r["clip_id"]: r for r in listed if not (retry_failed and lost(r["error"]))}


def lost(error: str | None) -> bool:
    return error is not None and error.startswith(LOST)


def lost_clips(store: Store, scorer: Scorer, shard: str) -> int:
    """Clips of a stored table whose worker died, was too slow or too large."""
    return sum(map(lost, store.read(scorer.table, shard, ["error"])["error"].to_pylist()))


def _items(clips: list[Row], rows: Rows) -> Iterator[Item]:
    """The clips that lack a row, some of one video together."""
    lacking = [(c, tuple(name for name, known in rows.items() if c["clip_id"] not in known)) for c in clips]
    todo = [(c, names) for c, names in lacking if names]
    for video_id, group in groupby(todo, key=lambda pair: str(pair[0]["video_id"])):
        listed = sorted(group, key=lambda pair: int(pair[0]["start_frame"]))
        for start in range(0, len(listed), CLIPS_AN_ITEM):
            part = listed[start : start + CLIPS_AN_ITEM]
            yield Item(video_id, tuple(c for c, _ in part), tuple(names for _, names in part))


def _outcomes(
    function: MeasureClips, items: list[Item], scorers: Sequence[Scorer], engine: Engine
) -> Iterator[tuple[Item, Outcome[dict[str, dict[str, Row]]]]]:
    """Signals alone are measured here: to start a worker costs more than they do."""
    if not any(s.pictures for s in scorers):
        return ((item, Success(function(item))) for item in items)
    models = [find_model(s.model) for s in scorers if s.model]
    weights = sum(p.stat().st_size for m in models for p in function.models.files(m))
    workers = 1 if any(m.device == "gpu" for m in models) else None
    return engine.run(function, items, _limit_s, workers, WEIGHTS_IN_MEMORY * weights)


def _limit_s(item: Item) -> float:
    return ITEM_LIMIT_S + CLIP_LIMIT_S * len(item.clips)


def _take(rows: Rows, scorers: Sequence[Scorer], item: Item, outcome: Outcome[dict[str, dict[str, Row]]]) -> None:
    """Each clip's rows; of a lost worker's clips the reason."""
    for clip, names in zip(item.clips, item.lacking, strict=True):
        clip_id = clip["clip_id"]
        for scorer in (s for s in scorers if s.name in names):
            if isinstance(outcome, Failure):
                nothing = {c.name: None for c in scorer.columns}
                rows[scorer.name][clip_id] = nothing | {"clip_id": clip_id, "error": f"{LOST}{outcome.sentence}"}
            else:
                rows[scorer.name][clip_id] = outcome.value[clip_id][scorer.name]
