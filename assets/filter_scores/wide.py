"""The wide row: the scorers' tables joined by clip, in the order of `clips`."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ..lineage import Lineage
from ..store import Store
from ..tables import CLIPS, ERRORS, FILTER_SCORES
from ..work import Counts
from .scorers import SCORERS


def write_wide(store: Store, lineage: Lineage, shard: str) -> Counts:
    """Write `filter_scores`. Columns of a scorer that is not enabled are NULL, and the reason says what it lacks."""
    order = store.read(CLIPS, shard, ["clip_id"])["clip_id"].to_pylist()
    columns: dict[str, list[Any]] = {"clip_id": order}
    reasons: list[dict[str, str]] = [{} for _ in order]
    for scorer in SCORERS:
        lack = lineage.options.lack(scorer)
        by_clip = {} if lack else {r["clip_id"]: r for r in store.read(scorer.table, shard).to_pylist()}
        for column in scorer.columns:
            columns[column.name] = [by_clip[c][column.name] if by_clip else None for c in order]
        for reason, clip in zip(reasons, order, strict=True):
            if error := lack or by_clip[clip]["error"]:
                reason[scorer.name] = error
    columns[ERRORS.name] = [list(r.items()) for r in reasons]
    wide = pa.table({c.name: pa.array(columns[c.name], c.type) for c in FILTER_SCORES.columns}, FILTER_SCORES.schema)
    store.write(FILTER_SCORES, shard, wide, lineage.filter_scores(shard))
    return Counts(computed=len(order), rows=len(order))
