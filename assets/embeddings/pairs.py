"""Pairs of clips that show the same footage: candidates, each verified by laying the two over each other in time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from .candidates import Pairs, Search, by_cosine, by_hash, joined
from .groups import centre, components
from .library import Library, ReadSignatures, library_of
from .overlay import NOISE_LEVELS, Overlay, lay_over
from .pdq import BITS
from .tables import DUPLICATE_PAIRS

BLOCK = 2_000
"""Pairs verified with their signatures in memory: at most some 50 MB."""

SMALL_SET = 32
"""Clips that hang together are all compared with each other up to this number."""

Verified = dict[tuple[int, int], Overlay]


@dataclass(frozen=True)
class Bounds:
    """What a pair must show to be a copy. Chosen on the tuning half of the copies of benchmarks/duplicates.py."""

    shorter: float = 0.6
    """Least share of the shorter clip that has its counterpart."""
    longer: float = 0.5
    """The share of the longer clip must be above this: two pieces of one shot then never match one clip both."""
    likeness: float = 0.85
    motion: float = 0.9
    """Least agreement in time where a clip moves much; less where it moves so little that noise lowers it."""
    excess_bits: float = 48
    """Greatest distance of keyframes beyond what their distance in time excuses."""
    sure_motion: float = 0.975
    sure_likeness: float = 0.93
    """Pairs that agree so well may differ more in detail: a crop, fast motion between two clocks."""
    sure_excess_bits: float = 72
    gain: float = 2.0
    """The one may change at most so many times as much as the other."""
    still_levels: float = 0.5
    """A clip that changes less over time is still."""
    still_likeness: float = 0.95
    still_longer: float = 0.75
    still_bits: float = 24
    """Greatest median distance of the keyframes of still clips."""
    faint_levels: float = 1.0
    """Clips that change less than this over time, but are not still, must look as alike as still ones."""


def find_pairs(
    clips: pa.Table,
    hashes: pa.Table,
    embeddings: pa.Table | None = None,
    signatures: ReadSignatures | None = None,
    search: Search | None = None,
    bounds: Bounds | None = None,
) -> pa.Table:
    """Verified pairs, rows of DUPLICATE_PAIRS in the order of their ids, the same whatever the order of the inputs.

    clips: clip_id, video_id, start_s. hashes: rows of KEYFRAME_HASHES; `signature` is needed only where `signatures`
    is None, which else is asked for those of some thousand clips at a time. embeddings: clip_id, embedding, may lack
    clips. A clip without a keyframe of good quality is in no pair: featureless pictures say nothing.

    Two clips are copies when, at one shift in time, most of the shorter and over half of the longer have their
    counterpart; the light of the cells correlates over space, and in its course over time; and keyframes shown at the
    same time have near hashes. Another take, another piece of the same shot and a card of the same design have not.
    Found are other sizes, codecs, rates, borders that the crop box takes off, grey and sepia, small logos, crops of
    some 5 % and clips up to twice as long. A mirrored copy is none: it is another picture to train on.

    Clips that are still (they change less than 0.5 levels over time) have no course in time. They are copies when
    their keyframes are almost the same (24 bits) and they come from different videos; of several still pieces of one
    video only the one at the nearest time is paired. Weakness: two locked-off takes, in two files, in which nothing
    moves pass for copies.

    Memory: some 4 KB a clip, beside the signatures of 2,000 pairs. Time: about 5 ms a candidate pair on one core, and
    the searches (candidates.py).
    """
    library, bounds = library_of(clips, hashes, embeddings, signatures), bounds or Bounds()
    exact, representatives = _exact(library, bounds)
    verified = _verify(library, _candidates(library, representatives, search or Search()), bounds)
    verified |= _verify(library, _unseen_links(verified), bounds)
    rows = [_row(library, pair, "exact", 0.0, 1.0) for pair in exact]
    for pair, overlay in _nearest_of_still(library, verified, bounds).items():
        method = "light" if overlay.pdq_distance is None else "pdq"
        rows.append(_row(library, pair, method, overlay.pdq_distance, overlay.shorter))
    rows.sort(key=lambda row: (row["clip_id_a"], row["clip_id_b"]))
    return pa.Table.from_pylist(rows, schema=DUPLICATE_PAIRS.schema)


def _row(
    library: Library, pair: tuple[int, int], method: str, distance: float | None, overlap: float
) -> dict[str, Any]:
    return {
        "clip_id_a": library.ids[pair[0]],
        "clip_id_b": library.ids[pair[1]],
        "method": method,
        "pdq_distance": distance,
        "overlap": overlap,
        "cosine": library.cosine(*pair),
    }


def _exact(library: Library, bounds: Bounds) -> tuple[list[tuple[int, int]], np.ndarray]:
    """Pairs of each clip with the first of equal content, and the numbers of the first ones.

    Still pieces of one video may be equal and are no copies of each other: the k-th such piece of a video only
    equals the k-th of others.
    """
    first: dict[tuple[str, int], int] = {}
    seen: dict[tuple[str, int], int] = defaultdict(int)
    pairs = []
    for number in np.lexsort((np.arange(len(library)), library.starts_s)).tolist():
        content, video = library.content[number], int(library.videos[number])
        piece = seen[content, video] if library.change[number] < bounds.still_levels else 0
        seen[content, video] += 1
        one = first.setdefault((content, piece), number)
        if one != number:
            pairs.append((min(one, number), max(one, number)))
    return pairs, np.sort(np.fromiter(first.values(), np.int64, len(first)))


def _candidates(library: Library, representatives: np.ndarray, search: Search) -> Pairs:
    """Pairs of representatives that any search finds."""
    light, vectors = library.light[representatives], library.vectors[representatives]
    return joined(
        by_hash(library, representatives, search),
        representatives[by_cosine(light, search.light_cosine, search)],
        representatives[by_cosine(vectors, search.embedding_cosine, search)],
    )


def _verify(library: Library, pairs: Pairs, bounds: Bounds) -> Verified:
    """The pairs that are copies."""
    copies: Verified = {}
    for start in range(0, len(pairs), BLOCK):
        block = pairs[start : start + BLOCK]
        numbers = np.unique(block).tolist()
        stored = library.read([library.ids[n] for n in numbers])
        looks = {n: library.look(n, stored[library.ids[n]]) for n in numbers}
        for one, other in block.tolist():
            overlay = lay_over(looks[one], looks[other])
            same_video = bool(library.videos[one] == library.videos[other])
            if overlay and is_copy(overlay, same_video, bounds):
                copies[one, other] = overlay
    return copies


def is_copy(overlay: Overlay, same_video: bool, bounds: Bounds) -> bool:
    """Whether two clips that lie so over each other are copies; see find_pairs."""
    less, more = sorted(overlay.levels)
    if overlay.shorter < bounds.shorter or overlay.longer <= bounds.longer:
        return False
    if more < bounds.still_levels:
        alike = overlay.likeness >= bounds.still_likeness and overlay.longer >= bounds.still_longer
        distance = BITS if overlay.pdq_distance is None else overlay.pdq_distance
        return not same_video and alike and distance <= bounds.still_bits
    if more > bounds.gain * less or (less * more < bounds.faint_levels**2 and not _near(overlay, same_video, bounds)):
        return False
    needed = bounds.motion * less * more / (less * more + NOISE_LEVELS**2)
    close = overlay.excess is not None and overlay.excess <= bounds.excess_bits
    if close and overlay.motion >= needed and overlay.likeness >= bounds.likeness:
        return True
    sure = overlay.motion >= bounds.sure_motion and overlay.likeness >= bounds.sure_likeness
    return sure and (overlay.excess is None or overlay.excess <= bounds.sure_excess_bits)


def _near(overlay: Overlay, same_video: bool, bounds: Bounds) -> bool:
    """Whether pictures that move faintly are near enough: their course in time says little."""
    told = not same_video or overlay.motion >= bounds.motion
    near = overlay.excess is not None and overlay.excess <= bounds.still_bits
    return told and near and overlay.likeness >= bounds.still_likeness


def _unseen_links(verified: Verified) -> Pairs:
    """Pairs that no search found, of clips that hang together: all of a small set, else those with its centre."""
    pairs = np.array(sorted(verified), np.int64).reshape(-1, 2)
    wanted: set[tuple[int, int]] = set()
    for members, inside in components(pairs):
        ends = members if len(members) <= SMALL_SET else [centre(inside)]
        wanted.update((min(one, other), max(one, other)) for one in ends for other in members if one != other)
    return np.array(sorted(wanted - set(verified)), np.int64).reshape(-1, 2)


def _nearest_of_still(library: Library, verified: Verified, bounds: Bounds) -> Verified:
    """All pairs that move; of still ones those that are, for both, the nearest in start time of the other's video."""
    best: dict[tuple[int, int], tuple[float, tuple[int, int]]] = {}
    still = {pair for pair, overlay in verified.items() if max(overlay.levels) < bounds.still_levels}
    for pair in sorted(still):
        apart = abs(float(library.starts_s[pair[0]] - library.starts_s[pair[1]]))
        for key in _ends(library, pair):
            best[key] = min(best.get(key, (np.inf, pair)), (apart, pair))
    return {
        pair: overlay
        for pair, overlay in verified.items()
        if pair not in still or all(best[key][1] == pair for key in _ends(library, pair))
    }


def _ends(library: Library, pair: tuple[int, int]) -> list[tuple[int, int]]:
    """Each clip of a pair with the other's video."""
    return [(pair[0], int(library.videos[pair[1]])), (pair[1], int(library.videos[pair[0]]))]
