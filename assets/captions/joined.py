"""Whether the stored captions of a shard join with its clips: in their order, one current row a clip, and of each clip
that was asked for a caption, or the reason why it has none.
"""

from __future__ import annotations

from collections import Counter

from ..checks import MOST_NAMED
from ..store import Store
from ..tables import CLIPS
from .tables import CAPTIONS


def kept_of_shard(store: Store, shard: str, kept: set[str]) -> set[str]:
    """Of the clips that a tier keeps those of the shard."""
    return kept.intersection(_clips(store, shard))


def caption_faults(store: Store, shard: str, kept: set[str]) -> list[str]:
    """Faults of a shard's captions. `kept`: clips of the shard that tier_1 kept when they were made. What was paid for
    stays: captions of clips that are no more (other cuts) stand after those of the clips.
    """
    rows, clips = store.read(CAPTIONS, shard, ["clip_id", "is_current"]), _clips(store, shard)
    captioned = list(dict.fromkeys(rows["clip_id"].to_pylist()))
    current = Counter(rows.filter(rows["is_current"])["clip_id"].to_pylist())
    there, known = set(captioned), set(clips)
    faults = {
        "that tier_1 keeps have neither a caption nor a reason": sorted(kept - there),
        "have not one current caption": [c for c in captioned if current[c] != 1],
    }
    told = [f"captions/{shard}: {len(c)} clips {what}: {', '.join(c[:MOST_NAMED])}" for what, c in faults.items() if c]
    joined = [c for c in clips if c in there]
    if captioned[: len(joined)] != joined:
        strange = [c for c in captioned[: len(joined)] if c not in known]
        told.append(f"captions/{shard}: not in the order of clips; {len(strange)} of no clip stand among the first")
    return told


def _clips(store: Store, shard: str) -> list[str]:
    ids: list[str] = store.read(CLIPS, shard, ["clip_id"])["clip_id"].to_pylist()
    return ids
