"""Concepts: centroids of embeddings by spherical k-means, and the nearest one of each clip."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]

MOST_CONCEPTS = 10_000
"""As many as HunyuanVideo has (section 3.1)."""
CLIPS_A_CONCEPT = 20
POINTS_A_CONCEPT = 128
"""More clips than this for each centroid are not needed to place it: a sample is drawn."""
ITERATIONS = 12
BLOCK = 1 << 16


def default_count(clips: int) -> int:
    """Concepts of a library: the square root of its clips, at most one for 20 clips and 10,000 in all.

    100 clips have 5, 10,000 have 100, a million has 1,000 and 100 million have 10,000. At least 1 where there is a
    clip.
    """
    return max(min(1, clips), min(int(clips**0.5), clips // CLIPS_A_CONCEPT, MOST_CONCEPTS))


def train(embeddings: Vectors, count: int | None = None, seed: int = 0) -> Vectors:
    """Centroids (count, dimensions) float32, unit length, of (clips, dimensions).

    Spherical k-means (faiss) on at most 128 clips a centroid, drawn by `seed`, on one thread: the same clips in the
    same order give the same bytes. `count` None = default_count; never more than there are clips. Rows of zeros are
    left out. Only the sample is copied to float32, so float16 input of 10 million clips costs no second copy.
    """
    import faiss

    valid = _not_zero(embeddings)
    wanted = min(default_count(len(valid)) if count is None else count, len(valid))
    if not wanted:
        return np.zeros((0, embeddings.shape[1]), np.float32)
    rows = _unit(embeddings[_sample(valid, wanted * POINTS_A_CONCEPT, seed)])
    means = faiss.Kmeans(
        rows.shape[1], wanted, niter=ITERATIONS, seed=seed, spherical=True, min_points_per_centroid=1,
        max_points_per_centroid=POINTS_A_CONCEPT,
    )  # fmt: skip
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        means.train(rows)
    finally:
        faiss.omp_set_num_threads(threads)
    return np.asarray(means.centroids, np.float32)


def assign(embeddings: Vectors, centroids: Vectors) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """By clip: number of the nearest centroid (the smaller one of two alike) and its cosine, -1 to 1.

    Centroids do not move: a clip's concept depends on nothing but itself and them. In blocks of 65,536 clips, so that
    memory beside the input stays under 0.5 GB with 10,000 centroids of 512 numbers. Raises ValueError when the
    dimensions differ or there is no centroid.
    """
    if embeddings.ndim != 2 or not len(centroids) or embeddings.shape[1] != centroids.shape[1]:
        raise ValueError(f"embeddings {embeddings.shape} do not go with centroids {centroids.shape}")
    numbers, similarity = np.zeros(len(embeddings), np.int64), np.zeros(len(embeddings), np.float64)
    index = _index(centroids)
    for start in range(0, len(embeddings), BLOCK):
        part = slice(start, start + BLOCK)
        cosine, found = index.search(_unit(embeddings[part]), 1)
        numbers[part], similarity[part] = found[:, 0], np.clip(cosine[:, 0], -1, 1)
    return numbers, similarity


def _index(centroids: Vectors) -> Any:
    import faiss

    index = faiss.IndexFlatIP(centroids.shape[1])
    index.add(_unit(centroids))
    return index


def _unit(vectors: Vectors) -> Vectors:
    rows = np.asarray(vectors, np.float32)
    return np.ascontiguousarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))


def _not_zero(embeddings: Vectors) -> npt.NDArray[np.int64]:
    """Numbers of the rows that are a direction."""
    parts = [np.flatnonzero(np.any(embeddings[i : i + BLOCK], axis=1)) + i for i in range(0, len(embeddings), BLOCK)]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _sample(rows: npt.NDArray[np.int64], most: int, seed: int) -> npt.NDArray[np.int64]:
    """At most so many of the rows, in their order."""
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
