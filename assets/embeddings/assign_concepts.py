"""Centroids trained when there are none that hold, and every embedded clip assigned to the nearest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePath

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..lineage import Lineage
from ..store import WHOLE, Stamp, Store, fingerprint
from ..work import Counts, Progress
from .tables import CONCEPT_CENTROIDS, CONCEPTS, EMBEDDINGS

Vectors = npt.NDArray[np.float32]


def assign_concepts(
    store: Store, lineage: Lineage, lineage_now: Callable[[], Lineage], progress: Progress, force: bool
) -> Counts:
    """Write `concepts`, and `concept_centroids` before it when they are to be trained."""
    from .clusters import assign

    shards = lineage.embedded_shards
    progress.begin("concepts", "all shards", len(shards), 0.0)
    if force or lineage.centroids() is None:
        _train(store, lineage)
        lineage = lineage_now()
    centroids = vectors_of(store.read(CONCEPT_CENTROIDS, WHOLE)["centroid"])
    counts = Counts()
    with store.writer(CONCEPTS, WHOLE, lineage.concepts()) as out:
        for ids, vectors in _embedded(store, shards):
            if len(centroids):
                numbers, similarities = assign(vectors, centroids)
                out.add(pa.table([pa.array(ids), pa.array(numbers), pa.array(similarities)], CONCEPTS.names))
            progress.advance(1)
        counts.rows = counts.computed = out.rows
    progress.end()
    return counts


def _train(store: Store, lineage: Lineage) -> None:
    """Centroids of all embedded clips. Their fingerprint is that of the clips: the same clips give the same ones."""
    from .clusters import assign, train

    shards, options = lineage.embedded_shards, lineage.options
    listed = [vectors for _, vectors in _embedded(store, shards)]
    vectors = np.concatenate(listed) if listed else np.zeros((0, 1), np.float32)
    centroids = train(vectors, options.concepts.count, options.concepts.seed)
    nearest = assign(vectors, centroids)[0] if len(centroids) else np.zeros(0, np.int64)
    columns = {
        "concept_id": pa.array(np.arange(len(centroids))),
        "model": pa.array([PurePath(options.embedding).name] * len(centroids), pa.string()),
        "centroid": pa.array(list(centroids.astype(np.float16)), CONCEPT_CENTROIDS.column("centroid").type),
        "clips_at_training": pa.array(np.bincount(nearest, minlength=len(centroids))),
    }
    recipe = lineage.concept_recipe()
    made_of = fingerprint(recipe, {s: lineage.embeddings(s).fingerprint for s in shards})
    rows = sum(store.rows(EMBEDDINGS.name, s) for s in shards)
    stamp = Stamp(made_of, recipe, {"clips": rows})
    store.write(CONCEPT_CENTROIDS, WHOLE, pa.table(columns), stamp)


def _embedded(store: Store, shards: list[str]) -> Iterator[tuple[list[str], Vectors]]:
    """Ids and vectors of a shard's clips that have one; shards without any are passed by."""
    for shard in shards:
        table = store.read(EMBEDDINGS, shard, ["clip_id", "embedding"])
        table = table.filter(pc.is_valid(table["embedding"]))
        if table.num_rows:
            yield table["clip_id"].to_pylist(), vectors_of(table["embedding"])


def vectors_of(column: pa.ChunkedArray) -> Vectors:
    """(rows, dimensions) of a column of vectors of one length, without NULLs."""
    flat = column.combine_chunks().flatten() if column.num_chunks else pa.array([], pa.float16())
    values = np.asarray(flat.to_numpy(zero_copy_only=False), np.float32)
    return values.reshape(len(column), -1) if len(column) else np.zeros((0, 1), np.float32)
