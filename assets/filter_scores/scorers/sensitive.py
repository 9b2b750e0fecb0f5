"""How likely a clip is pornographic, and how much it looks drawn."""

from __future__ import annotations

from typing import Any

from ...columns import DOUBLE, Column
from ...measuring.scorer import ClipView, scorer
from ...models.model import ImageScorer

KEYFRAMES = 4
DRAWING, HENTAI, PORN = 0, 1, 3
"""Where these classes stand in the model's five numbers (assets/models/nsfw.py)."""


@scorer(
    Column("sensitive_score", DOUBLE, "Probability of pornography, photographed or drawn, mean over up to 4 "
           "keyframes; higher is more likely.", "", 0, 1, serves="sensitive content (HunyuanVideo)"),
    Column("is_graphic", DOUBLE, "Probability of a drawing (cartoon, test card, title card), mean over up to 4 "
           "keyframes; higher is more likely.", "", 0, 1, serves="synthetic footage"),
    version=1,
    model="nsfw-mobilenetv2",
)  # fmt: skip
def sensitive(view: ClipView, model: ImageScorer) -> dict[str, Any]:
    """Probabilities of nsfwjs' MobileNet v2 inside the content box, averaged over keyframes.

    sensitive_score adds the classes Porn and Hentai; Sexy (swimwear, bare skin) is left out, since it is no ground to
    drop a clip. False alarms are common: of 181 ordinary clips 19 score above 0.5 (plumage, hands, faces in the dark)
    and 2 above 0.8. Use it to choose what to look at, not to reject alone. Whether it finds what it is named for was
    not tested. is_graphic adds Drawing and Hentai: of the same clips 20 score above 0.5, all of them cartoons, test
    cards, title cards, black pictures or a game; slides, screen recordings and rendered films score low.
    """
    mean = model.score([view.content(k) for k in view.spread(KEYFRAMES)]).mean(axis=0)
    return {"sensitive_score": float(mean[PORN] + mean[HENTAI]), "is_graphic": float(mean[DRAWING] + mean[HENTAI])}
