"""What tells a copy of a clip: PDQ hashes of its keyframes and a signature of its light over time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ..columns import BINARY, DOUBLE, STRING, VECTOR, Column, Table
from ..measuring.scorer import ClipView, scorer
from ..store import fingerprint
from .pdq import pdq
from .signature import change, signature, summary, unpacked

MOST_KEYFRAMES = 64
"""Keyframes of a clip that are hashed, evenly over it."""


@scorer(
    Column("pdq", BINARY, "PDQ hashes of the keyframes inside the crop box, 32 bytes each, in time order."),
    Column("pdq_times_s", pa.list_(pa.float64()), "When each hashed keyframe is shown, from the clip's start.", "s"),
    Column("pdq_quality", pa.list_(pa.int64()), "PDQ's quality of each: 0 = featureless, 100 = rich.", "", 0, 100),
    Column("signature", BINARY, "Lumas inside the crop box over time: 8 a second, 8 rows x 12 columns of uint8."),
    Column("light", VECTOR, "Where the clip is bright and where it changes, unit length: finds candidates."),
    Column(
        "light_change", DOUBLE, "How much the signature changes over time; under 0.5 the clip is still.", "levels", 0
    ),
    Column("content", STRING, "Hash of pdq and of every frame's layout: equal where two clips hold the same frames."),
    version=1,
    pictures=True,
    folder="keyframe_hashes",
    helpers=("embeddings/pdq.py", "embeddings/signature.py"),
)
def keyframe_hashes(view: ClipView) -> dict[str, Any]:
    """Hashes of the keyframes.

    PDQ (Meta) of each keyframe inside the crop box, and the signature of all frames (signature.py). About 800 bytes
    a second. Weakness: see pdq.py; a clip under a second may hold no keyframe and has no row then.
    """
    keyframes = view.spread(MOST_KEYFRAMES)
    hashes = [pdq(view.content(k)) for k in keyframes]
    packed, light = b"".join(h for h, _ in hashes), signature(view.frames, view.clip)
    return {
        "pdq": packed,
        "pdq_times_s": [k.pts_s - view.clip["start_s"] for k in keyframes],
        "pdq_quality": [quality for _, quality in hashes],
        "signature": light,
        "light": summary(unpacked(light)).astype(np.float16),
        "light_change": change(unpacked(light)),
        "content": fingerprint(packed.hex(), b"".join(view.frames["layout"]).hex()),
    }


KEYFRAME_HASHES: Table = keyframe_hashes.table
"""One row a clip, in the order of `clips`."""
