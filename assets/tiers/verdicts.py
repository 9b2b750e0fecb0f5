"""A tier's verdicts as they come from the query, and what its stamp tells of them: tallies and prints of ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from ..tables import TIERS
from .tally import counted

ROWS_A_BATCH = 1 << 17
"""Rows that are judged, held and stored together: a row group of the tier's file."""
STORED = TIERS.schema.remove(TIERS.schema.get_field_index("rules_version"))
"""Columns that a query gives."""


class Verdicts:
    """Rows of a query with clip_id, fail_mask, unmeasured_mask, kept, length_us and, of the first tier, shard.

    `judged_ids` and `kept_ids` are prints of all ids, and of those that are kept, in their order: tier n has judged
    what tier n-1 keeps when the two are the same.
    """

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self.rows = self.kept = 0
        self._counts: list[pa.Table] = []
        self._judged, self._kept = xxhash.xxh3_128(), xxhash.xxh3_128()
        self._by_shard: dict[str, tuple[list[int], Any]] = {}
        self._batches = [self._taken(batch) for batch in batches]

    def _taken(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        ids, is_kept = batch["clip_id"], batch["kept"]
        kept_ids = ids.filter(is_kept)
        self.rows, self.kept = self.rows + len(ids), self.kept + len(kept_ids)
        self._counts.append(counted(pa.Table.from_batches([batch])))
        _add(self._judged, ids)
        _add(self._kept, kept_ids)
        if "shard" in batch.schema.names:
            self._add_shards(batch["shard"].filter(is_kept), kept_ids)
        return batch.select(STORED.names)

    def _add_shards(self, shards: pa.Array, kept_ids: pa.Array) -> None:
        start, runs = 0, pc.run_end_encode(shards)
        for shard, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            clips, hashed = self._by_shard.setdefault(shard, ([], xxhash.xxh3_64()))
            clips.append(end - start)
            _add(hashed, kept_ids.slice(start, end - start))
            start = end

    @property
    def judged_ids(self) -> str:
        return str(self._judged.hexdigest())

    @property
    def kept_ids(self) -> str:
        return str(self._kept.hexdigest())

    @property
    def kept_by_shard(self) -> dict[str, str]:
        """A print of each shard's clips that are kept: what tells captions whether they have others to do."""
        return {s: f"{sum(clips)}:{hashed.hexdigest()}" for s, (clips, hashed) in sorted(self._by_shard.items())}

    @property
    def counts(self) -> pa.Table:
        """Clips and time by masks."""
        return pa.concat_tables(self._counts) if self._counts else counted(TIERS.schema.empty_table())

    def tables(self, rules_version: str) -> Iterator[pa.Table]:
        """The rows as they are stored, a row group each; one without rows where there are none.

        Queries end a batch where one piece of what they read ends: the groups are of the same sizes all the same.
        """
        version = pa.repeat(pa.scalar(rules_version), ROWS_A_BATCH)
        rows = pa.Table.from_batches(self._batches, STORED)
        for start in range(0, max(self.rows, 1), ROWS_A_BATCH):
            part = rows.slice(start, ROWS_A_BATCH).combine_chunks()
            yield part.append_column("rules_version", version[: part.num_rows])


def _add(hashed: Any, ids: pa.Array) -> None:
    """The text of the ids without separators: they are of one length, so that no two lists of them have the same."""
    if len(ids):
        ends = np.frombuffer(ids.buffers()[1], np.int32)
        hashed.update(memoryview(ids.buffers()[2])[ends[ids.offset] : ends[ids.offset + len(ids)]])
