"""Groups of clips that show the same footage, from verified pairs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .tables import DUPLICATES

Pairs = npt.NDArray[np.int64]


def group(clip_ids: Sequence[str], pairs: pa.Table) -> pa.Table:
    """A row of DUPLICATES for every compared clip, in the order of clip_id.

    pairs: clip_id_a, clip_id_b, method; ids that are not in clip_ids are an error (KeyError). Equal clips (method
    exact) always stay together. Other links do not chain: the most linked clip of a connected set and its neighbours
    are a group, with those that are linked to more than half of them; then the most linked of the rest. So a clip
    belongs to a group by its centre or by most of its members, and clips that slide along a long shot are not glued
    into one.
    """
    ids = sorted(set(clip_ids))
    number = {clip_id: i for i, clip_id in enumerate(ids)}
    links = np.array(
        [[number[p[c]] for c in ("clip_id_a", "clip_id_b")] for p in pairs.to_pylist()], np.int64
    ).reshape(-1, 2)
    exact = np.array(pairs["method"].to_pylist(), object) == "exact"
    equal = _labels(len(ids), links[exact])
    between = np.unique(np.sort(equal[links[~exact]], axis=1), axis=0).reshape(-1, 2)
    leads = np.arange(len(ids))
    for _, inside in components(between):
        for middle, around in _stars(inside):
            leads[around] = middle
    group_of = leads[equal]
    smallest = np.full(len(ids), len(ids))
    np.minimum.at(smallest, group_of, np.arange(len(ids)))
    columns = {
        "clip_id": ids,
        "group_id": [ids[smallest[g]] for g in group_of],
        "group_size": np.bincount(group_of, minlength=len(ids))[group_of],
    }
    return pa.table(columns, schema=DUPLICATES.schema)


def _labels(count: int, pairs: Pairs) -> npt.NDArray[np.int64]:
    """By clip: the smallest number of the clips that it hangs together with."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    labels = connected_components(graph, directed=False)[1]
    smallest = np.full(count, count)
    np.minimum.at(smallest, labels, np.arange(count))
    return np.asarray(smallest[labels], np.int64)


def components(pairs: Pairs) -> list[tuple[list[int], Pairs]]:
    """Sets of clips that hang together: the clips in order, and the pairs among them."""
    clips, at = np.unique(pairs, return_inverse=True)
    labels = _labels(len(clips), at.reshape(-1, 2))
    members: dict[int, list[int]] = defaultdict(list)
    for clip, label in zip(clips.tolist(), labels.tolist(), strict=True):
        members[label].append(clip)
    of_pair = labels[at.reshape(-1, 2)[:, 0]]
    order = np.argsort(of_pair, kind="stable")
    parts = np.split(pairs[order], np.flatnonzero(np.diff(of_pair[order])) + 1)
    return [(members[label], part) for label, part in zip(sorted(members), parts, strict=False)]


def centre(pairs: Pairs) -> int:
    """The clip with most links; of several the smallest."""
    clips, links = np.unique(pairs, return_counts=True)
    return int(clips[np.argmax(links)])


def _stars(pairs: Pairs) -> list[tuple[int, list[int]]]:
    """Centres, each with its group, as often as links are left."""
    stars = []
    while len(pairs):
        middle = centre(pairs)
        around = np.unique(pairs[(pairs == middle).any(axis=1)])
        inside = np.isin(pairs, around)
        outer, links = np.unique(pairs[inside.sum(axis=1) == 1][~inside[inside.sum(axis=1) == 1]], return_counts=True)
        joined = np.concatenate([around, outer[links > len(around) / 2]]).tolist()
        stars.append((middle, joined))
        pairs = pairs[~np.isin(pairs, joined).any(axis=1)]
    return stars
