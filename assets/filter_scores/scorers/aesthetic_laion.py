"""LAION's aesthetic score of the middle keyframe."""

from __future__ import annotations

from typing import Any

from ...columns import DOUBLE, Column
from ...measuring.scorer import ClipView, scorer
from ...models.model import ImageScorer


@scorer(
    Column("aesthetic_laion", DOUBLE, "How much people like the middle keyframe, on LAION's scale; higher is better.",
           "about 1 to 10", serves="aesthetics (Movie Gen: 4.0 and up)"),
    version=1,
    model="laion-aesthetic-v2",
)  # fmt: skip
def aesthetic_laion(view: ClipView, model: ImageScorer) -> dict[str, Any]:
    """LAION's improved aesthetic predictor (sac+logos+ava1, CLIP ViT-L/14) inside the content box.

    The middle frame alone, as Movie Gen has it (section 3.2.1): a mean over several frames found no more. Weakness:
    CLIP's preprocessing cuts a wide picture to its middle square.
    """
    return {"aesthetic_laion": float(model.score([view.content(view.spread(1)[0])])[0, 0])}
