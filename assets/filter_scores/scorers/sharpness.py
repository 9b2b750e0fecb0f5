"""Sharpness of the picture, from the stored Laplacian energy."""

from __future__ import annotations

from typing import Any

from ...columns import DOUBLE, Column
from ...measuring.scorer import ClipView, scorer


@scorer(
    Column("sharpness", DOUBLE, "Median energy of the Laplacian of luma at 320 px; higher is sharper.", "levels^2", 0,
           serves="blur (HunyuanVideo's clarity)"),
    version=1,
)  # fmt: skip
def sharpness(view: ClipView) -> dict[str, Any]:
    """How much fine detail the picture holds at 320 px, whatever its own resolution.

    Median over the clip's frames, so that one blurred moment does not decide. Out of focus below about 30, ordinary
    footage 200 to 2,000. Weakness: it measures detail, not focus: a sharp picture of a plain wall scores low, grain
    scores high. Source: HunyuanVideo section 3.1 names OpenCV's Laplacian; the size of 320 px is ours.
    """
    return {"sharpness": view.frames["sharpness"].median()}
