"""Contrast and colour."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...columns import DOUBLE, Column
from ...measuring.scorer import ClipView, Unmeasured, scorer
from .bars import content_share, inside, series


@scorer(
    Column("contrast", DOUBLE, "Mean over the frames of the standard deviation of luma; higher has more contrast.",
           "levels", 0, 128, serves="contrast"),
    Column("colorfulness", DOUBLE, "Mean colourfulness of the frames; 0 = grey, higher is more colourful.", "", 0,
           serves="colour (HunyuanVideo)"),
    Column("saturation", DOUBLE, "Mean HSV saturation; 0 = grey, 1 = pure colours.", "", 0, 1,
           serves="colour (HunyuanVideo)"),
    version=1,
    helpers=("filter_scores/scorers/bars.py",),
)  # fmt: skip
def colour(view: ClipView) -> dict[str, Any]:
    """Contrast, colourfulness and saturation of the content box.

    Each is found frame by frame and then averaged, so that a slow change of light or colour adds nothing.
    Colourfulness is sqrt(rg_std^2 + yb_std^2) + 0.3 sqrt(rg_mean^2 + yb_mean^2): under 15 hardly any colour, 33
    moderate, over 80 extreme in the source's scale. Black bars are taken out exactly. Weakness: white and coloured
    bars are not; in dark pictures saturation is noise; contrast says nothing of its scale: black text on white is
    extreme. Source: Hasler and Suesstrunk 2003.
    """
    share = content_share(view)
    luma_std, saturation = series(view, "luma_std"), series(view, "saturation")
    if not len(luma_std) or not len(saturation):
        raise Unmeasured("no sample inside the clip: it lies between two ticks of the slow clock")
    _, contrast = inside(series(view, "luma_mean"), luma_std, share)
    (rg_mean, rg_std), (yb_mean, yb_std) = (
        inside(series(view, f"{axis}_mean"), series(view, f"{axis}_std"), share) for axis in ("rg", "yb")
    )
    colorfulness = np.hypot(rg_std, yb_std) + 0.3 * np.hypot(rg_mean, yb_mean)
    return {
        "contrast": min(float(contrast.mean()), 128.0),
        "colorfulness": float(colorfulness.mean()),
        "saturation": min(float(saturation.mean()) / 255 / share, 1.0),
    }
