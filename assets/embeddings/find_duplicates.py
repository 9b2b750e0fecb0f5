"""Pairs and groups of the clips of all compared shards, read and written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ..columns import Table
from ..lineage import Lineage
from ..store import WHOLE, Stamp, Store
from ..tables import CLIPS
from ..work import Counts, Progress
from .groups import group
from .hashes import KEYFRAME_HASHES
from .pairs import find_pairs
from .tables import DUPLICATE_PAIRS, DUPLICATES, EMBEDDINGS


def find_duplicates(store: Store, lineage: Lineage, stamp: Stamp, progress: Progress) -> Counts:
    """Write `duplicate_pairs` and `duplicates`; clips whose keyframes could not be hashed have no row."""
    shards = lineage.compared_shards
    small = [c for c in KEYFRAME_HASHES.names if c not in ("signature", "error")]
    hashes = _read(store, KEYFRAME_HASHES, shards, small)
    hashes = hashes.filter(pc.is_valid(hashes["pdq"]))
    progress.begin("duplicates", "all shards", hashes.num_rows, 0.0)
    clips = _read(store, CLIPS, shards, ["clip_id", "video_id", "start_s"])
    embeddings = _read(store, EMBEDDINGS, shards, ["clip_id", "embedding"])
    pairs = find_pairs(clips, hashes, embeddings, _Signatures(store, shards))
    rows = group(hashes["clip_id"].to_pylist(), pairs)
    store.write(DUPLICATE_PAIRS, WHOLE, pairs, stamp)
    store.write(DUPLICATES, WHOLE, rows, store.sealed(stamp, WHOLE, [DUPLICATE_PAIRS.name]))
    progress.advance(hashes.num_rows)
    progress.end()
    return Counts(computed=rows.num_rows, rows=rows.num_rows)


def _read(store: Store, table: Table, shards: Sequence[str], columns: list[str]) -> pa.Table:
    listed = [store.read(table, shard, columns) for shard in shards]
    return pa.concat_tables(listed) if listed else table.schema.empty_table().select(columns)


class _Signatures:
    """Signatures of the clips that are asked for, read from their shards: all of them would not fit in memory."""

    def __init__(self, store: Store, shards: Sequence[str]) -> None:
        self.store = store
        self.shards = {
            c: s for s in shards for c in store.read(KEYFRAME_HASHES, s, ["clip_id"])["clip_id"].to_pylist()
        }

    def __call__(self, wanted: Sequence[str]) -> Mapping[str, bytes]:
        found: dict[str, bytes] = {}
        for shard in sorted({self.shards[c] for c in wanted}):
            table = self.store.read(KEYFRAME_HASHES, shard, ["clip_id", "signature"])
            table = table.filter(pc.is_in(table["clip_id"], pa.array(wanted, pa.string())))
            found |= dict(zip(table["clip_id"].to_pylist(), table["signature"].to_pylist(), strict=True))
        return found
