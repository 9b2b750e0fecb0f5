"""Embeddings of clips by any model that embeds pictures, and the choice between that and the default."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..measuring.scorer import ClipView, Scorer, Unmeasured, scorer
from .classical import COLUMNS, classical

PICTURES = 4
"""Keyframes of a clip that the model sees, evenly over it."""
DEFAULT = "classical"


def embedder(name: str) -> Scorer:
    """The scorer that fills `embeddings`: "classical", or a model's name or path for `by_model`.

    The name is not checked here; an unknown one is an error where the model is loaded.
    """
    return classical if name == DEFAULT else replace(by_model, model=name)


@scorer(*COLUMNS, version=1, pictures=True, model=DEFAULT, folder="embeddings", helpers=("embeddings/classical.py",))
def by_model(view: ClipView, model: Any) -> dict[str, Any]:
    """What a clip looks like to a model: mean of the unit vectors of at most 4 keyframes, again of unit length.

    `model` is an Embedder (models/model.py); its `name` is stored, or its class where it has none. The pictures are
    those inside the crop box, all in one call. Cosine says likeness on the model's own scale. Weakness: a mean of few
    pictures knows nothing of motion. Raises Unmeasured when the model gives a vector that is no direction.
    """
    pictures = [view.content(keyframe) for keyframe in view.spread(PICTURES)]
    vectors = np.asarray(model.embed(pictures), np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not lengths.all():
        raise Unmeasured("the model gave a vector without direction")
    mean = (vectors / lengths).mean(axis=0)
    length = float(np.linalg.norm(mean))
    if length < 1e-6:
        raise Unmeasured("the model's vectors of this clip cancel each other")
    return {"model": getattr(model, "name", type(model).__name__), "embedding": (mean / length).astype(np.float16)}
