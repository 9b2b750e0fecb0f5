"""Borders around the content: letterbox, pillarbox, both."""

from __future__ import annotations

from typing import Any

from ...columns import DOUBLE, STRING, Column
from ...measuring.scorer import ClipView, scorer


@scorer(
    Column("border_ratio", DOUBLE, "Share of the picture's area outside the content box; 0 = no border.", "", 0, 1,
           serves="borders (Movie Gen)"),
    Column("border_kind", STRING, "none, letterbox (top or bottom), pillarbox (left or right) or windowbox (both)."),
    version=1,
)  # fmt: skip
def borders(view: ClipView) -> dict[str, Any]:
    """How much of the picture is a uniform frame around the content, and on which sides.

    The content box is found once per clip (clips/crop.py) and is the crop of `clips`. Weakness: blurred-fill borders
    are content to it; a picture whose edge is uniform through the whole clip (a night sky) may count as a border.
    Source: Movie Gen section 3.2.1 removes bordered clips; the method there is not published.
    """
    clip = view.clip
    outside = 1.0 - clip["crop_w"] * clip["crop_h"] / (clip["width"] * clip["height"])
    tall, wide = clip["crop_h"] < clip["height"], clip["crop_w"] < clip["width"]
    kind = {(False, False): "none", (True, False): "letterbox", (False, True): "pillarbox"}.get(
        (tall, wide), "windowbox"
    )
    return {"border_ratio": max(outside, 0.0), "border_kind": kind}
