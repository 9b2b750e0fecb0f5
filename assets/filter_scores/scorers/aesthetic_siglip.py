"""The score of aesthetic-predictor-v2-5 of the middle keyframe."""

from __future__ import annotations

from typing import Any

from ...columns import DOUBLE, Column
from ...measuring.scorer import ClipView, scorer
from ...models.model import ImageScorer


@scorer(
    Column("aesthetic_siglip", DOUBLE, "How much people like the middle keyframe, on the scale of "
           "aesthetic-predictor-v2-5: 5.5 is very good; higher is better.", "about 1 to 10", serves="aesthetics"),
    version=1,
    model="siglip-aesthetic-v2-5",
)  # fmt: skip
def aesthetic_siglip(view: ClipView, model: ImageScorer) -> dict[str, Any]:
    """aesthetic-predictor-v2-5 (SigLIP so400m, 384 px) inside the content box, on the middle frame.

    Its scale is not LAION's: a bound for one means nothing for the other. Weakness: a wide picture is squeezed to a
    square.
    """
    return {"aesthetic_siglip": float(model.score([view.content(view.spread(1)[0])])[0, 0])}
