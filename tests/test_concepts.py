"""Concepts of vectors whose clusters are known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.embeddings import clusters
from assets.embeddings.clusters import assign, default_count, train

Vectors = npt.NDArray[np.float32]


def heaps(sizes: list[int], noise: float = 0.05, seed: int = 0) -> tuple[Vectors, npt.NDArray[np.int64]]:
    """Unit vectors around orthogonal directions, mixed, and the heap of each."""
    random = np.random.default_rng(seed)
    heap = random.permutation(np.repeat(np.arange(len(sizes)), sizes))
    vectors = np.eye(32)[heap] + random.normal(0, noise, (len(heap), 32))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), heap


def test_each_heap_is_a_concept() -> None:
    vectors, heap = heaps([50, 40, 60, 45])
    centroids = train(vectors, 4)
    assert centroids.shape == (4, 32) and np.linalg.norm(centroids, axis=1) == pytest.approx(1, abs=1e-5)
    concepts, similarity = assign(vectors, centroids)
    assert len(set(zip(heap.tolist(), concepts.tolist(), strict=True))) == 4
    assert similarity == pytest.approx((vectors * centroids[concepts]).sum(axis=1), abs=1e-5)
    assert similarity.dtype == np.float64 and concepts.dtype == np.int64


def test_training_twice_gives_the_same_bytes_and_another_seed_may_not() -> None:
    vectors, _ = heaps([300] * 5, noise=0.4)
    assert train(vectors, 12, 3).tobytes() == train(vectors, 12, 3).tobytes() != train(vectors, 12, 4).tobytes()


def test_new_clips_are_assigned_without_moving_the_old() -> None:
    vectors, _ = heaps([30, 30, 30])
    centroids = train(vectors, 3)
    before = centroids.copy(), assign(vectors, centroids)[0]
    more, _ = heaps([5, 90, 0], seed=1)
    together = assign(np.concatenate([vectors, more]), centroids)[0]
    assert (centroids == before[0]).all() and (together[: len(vectors)] == before[1]).all()


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, _ = heaps([40, 30, 20], noise=0.3)
    centroids = train(vectors, 5)
    whole = assign(vectors, centroids)
    monkeypatch.setattr(clusters, "BLOCK", 7)
    assert all((a == b).all() for a, b in zip(whole, assign(vectors, centroids), strict=True))
    assert train(vectors, 5).tobytes() == centroids.tobytes()


def test_half_precision_and_rows_without_direction() -> None:
    vectors, _ = heaps([20, 20])
    stored = np.concatenate([vectors, np.zeros((3, 32))]).astype(np.float16)
    centroids = train(stored, 2)
    concepts, similarity = assign(stored, centroids)
    assert np.isfinite(centroids).all() and set(concepts.tolist()) == {0, 1}
    assert similarity[-3:].tolist() == [0, 0, 0]


def test_few_or_no_clips() -> None:
    vectors, _ = heaps([1, 1])
    assert train(vectors, 10).shape == (2, 32)
    assert train(np.zeros((0, 32), np.float32)).shape == (0, 32)
    assert train(np.zeros((4, 32), np.float32), 2).shape == (0, 32)


def test_vectors_of_another_model_are_refused() -> None:
    with pytest.raises(ValueError, match="do not go with"):
        assign(np.ones((2, 8), np.float32), np.ones((3, 32), np.float32))
    with pytest.raises(ValueError, match="do not go with"):
        assign(np.ones((2, 8), np.float32), np.zeros((0, 8), np.float32))


@given(st.integers(0, 10**9))
def test_the_default_number_of_concepts(clips: int) -> None:
    count = default_count(clips)
    assert (count == 0) == (clips == 0) and count <= min(10_000, max(1, clips))
    assert default_count(clips + 1) >= count


def test_the_default_at_known_sizes() -> None:
    assert [default_count(n) for n in (1, 100, 10_000, 10**6, 10**8, 10**9)] == [1, 5, 100, 1000, 10_000, 10_000]
