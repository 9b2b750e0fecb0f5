"""Exposure: brightness, and how much of the picture is lost in black or white."""

from __future__ import annotations

from typing import Any

from ...columns import DOUBLE, Column
from ...measuring.scorer import ClipView, scorer


@scorer(
    Column("luma_mean", DOUBLE, "Mean luma, full range; higher is brighter.", "levels", 0, 255,
           serves="exposure"),
    Column("underexposed_ratio", DOUBLE, "Share of pixels with luma of at most 16 of 255; higher is darker.", "", 0, 1,
           serves="exposure"),
    Column("overexposed_ratio", DOUBLE, "Mean share of pixels with luma of at least 239 of 255; higher is more blown "
           "out.", "", 0, 1, serves="exposure"),
    version=1,
)  # fmt: skip
def exposure(view: ClipView) -> dict[str, Any]:
    """Brightness of the content box over the clip's frames.

    Black bars are taken out: their share of the area is known, and they are dark (luma 0). Weakness: white or
    coloured bars are not taken out; night scenes and white studios are legitimate and score far out.
    """
    frames, clip = view.frames, view.clip
    content = clip["crop_w"] * clip["crop_h"] / (clip["width"] * clip["height"])
    dark, luma = float(frames["dark_ratio"].mean()), float(frames["luma_mean"].mean())  # type: ignore[arg-type]
    bars_are_black = content < 1.0 and dark >= (1.0 - content) * 0.98
    share = content if bars_are_black else 1.0
    return {
        "luma_mean": min(luma / share, 255.0),
        "underexposed_ratio": max(dark - (1.0 - share), 0.0) / share,
        "overexposed_ratio": min(float(frames["bright_ratio"].mean()) / share, 1.0),  # type: ignore[arg-type]
    }
