"""Still overlays: logos, station idents, watermarks and banners, found by edges that stay while the picture moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...columns import DOUBLE, Column
from ...measuring.clip_view import Keyframe
from ...measuring.scorer import ClipView, Unmeasured, scorer

MOST, FEWEST, APART_S = 8, 3, 0.4
"""Keyframes that are compared, and how far they lie apart at least: neighbours of a cut show the same."""
EDGE = 40.0
"""Sobel response of the 3 x 3 mean: a step of about 15 levels."""
DEVIATION, CONSISTENT = 0.5, 0.85
"""A gradient persists where it stays within half its median length of its median in so many of the pictures."""
RIM = 2
"""Pixels at the content's edge that are not looked at: bars end there."""
REACH = 0.02
"""Edges this share of the diagonal apart are one overlay: the letters of a word, the lines of a logo."""
SMALLEST = 0.0003
"""Share of the picture that an overlay's edges fill at least: a logo of 30 x 12 px in 640 x 360."""
OWN_EDGES, TWO_WAYS = 0.4, 0.1
"""Share of the edges in an overlay's place that persist; the weaker of the two directions of its edges."""
LARGEST_HOLE = 0.25
"""A larger hole that persistent edges enclose is the picture inside a frame."""
STILL, STABLE = 6.0, 0.9
"""Levels (std over time) up to which a pixel keeps its colour; share of such pixels in a hole at the picture's rim."""
TILES, TILE_EDGES = 12, 0.02
"""The picture is divided into 12 x 12 tiles; share of a tile that edges fill for it to be asked."""
STATIC_SHARE, MOVING_SHARE = 0.3, 0.4
"""With more of the tiles persistent, or less of the picture changing, the scene itself stands still. Of 132 real clips
none lies between 0.20 and 0.33."""

Mask = npt.NDArray[np.bool_]
Real = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Persistence:
    """What stays in the pictures of a clip; arrays (height, width). `gradient`: medians over time, (2, height, width).

    `edges`: in which share of the pictures a pixel is an edge; `deviation`: std over time of the luma less its mean.
    """

    persistent: Mask
    gradient: Real
    edges: Real
    deviation: Real

    @property
    def static_share(self) -> float:
        """Share of the tiles with edges whose edges mostly persist, 0..1: 1 when camera and scene stand still.

        Tiles, not edges: a banner full of letters may hold half of all edges, and lies in one place.
        """
        import cv2

        own, every = (
            cv2.resize(a, (TILES, TILES), interpolation=cv2.INTER_AREA)
            for a in (self.persistent.astype(np.float32), self.edges)
        )
        busy = every >= TILE_EDGES
        return float((busy & (own >= OWN_EDGES * every)).sum() / max(int(busy.sum()), 1))

    @property
    def moving_share(self) -> float:
        """Share of the pixels that change."""
        return float((self.deviation > STILL).mean())


@scorer(
    Column("overlay_ratio", DOUBLE, "Share of the content box under still overlays; higher is more covered, 0 = none.",
           "", 0, 1, serves="watermarks and logos (HunyuanVideo, Wan)"),
    version=1,
    pictures=True,
)  # fmt: skip
def overlays(view: ClipView) -> dict[str, Any]:
    """Area of logos, station idents, watermarks and banners that stay in place for the whole clip.

    After Dekel et al. (CVPR 2017): the median over time of the gradient keeps what is laid over moving pictures and
    loses the pictures. Persistent edges near each other make an overlay when they outnumber the passing edges at
    their place and run in two directions (a horizon or a lane runs in one); its area is theirs with the gaps and
    holes filled. Unmeasured when the scene stands still, since an overlay then cannot be told from it, and below three
    keyframes. Weakness: what the camera carries along (a bonnet, a frame, the player's own figure) counts as overlay;
    one that is shown for a part of the clip, that moves, or that is fainter than some 15 levels is not found; and of
    plain areas (the band of a ticker) only what lies between edges of their own counts: the rim of a plain area
    against a moving scene is no constant edge.
    """
    keyframes = _apart(view)
    if len(keyframes) < FEWEST:
        raise Unmeasured(f"fewer than {FEWEST} keyframes {APART_S} s apart: what stays cannot be told")
    found = persistence(np.stack([_luma(view, k) for k in keyframes]))
    if found.moving_share < MOVING_SHARE or found.static_share > STATIC_SHARE:
        raise Unmeasured("the scene stands still: an overlay cannot be told from it")
    return {"overlay_ratio": float(overlay_mask(found).mean())}


def _apart(view: ClipView) -> list[Keyframe]:
    """At most MOST keyframes, evenly over those that are APART_S from each other."""
    kept: list[Keyframe] = []
    for keyframe in view.keyframes:
        if not kept or keyframe.pts_s - kept[-1].pts_s >= APART_S:
            kept.append(keyframe)
    count = min(MOST, len(kept))
    return [kept[int((i + 0.5) * len(kept) / count)] for i in range(count)]


def _luma(view: ClipView, keyframe: Keyframe) -> npt.NDArray[np.uint8]:
    """Averaged over 3 x 3 pixels, which takes the codec's noise."""
    import cv2

    return np.asarray(cv2.blur(cv2.cvtColor(view.content(keyframe), cv2.COLOR_RGB2GRAY), (3, 3)), np.uint8)


def persistence(lumas: npt.NDArray[np.uint8]) -> Persistence:
    """lumas: (pictures, height, width)."""
    import cv2

    ways = ((1, 0), (0, 1))
    slopes = np.array([[cv2.Sobel(luma, cv2.CV_16S, dx, dy) for dx, dy in ways] for luma in lumas], np.float32)
    lengths = np.hypot(slopes[:, 0], slopes[:, 1])
    gradient = np.median(slopes, axis=0).astype(np.float32)
    length = np.hypot(*gradient)
    away = np.hypot(slopes[:, 0] - gradient[0], slopes[:, 1] - gradient[1])
    persistent = (length > EDGE) & ((away < DEVIATION * length).mean(axis=0) >= CONSISTENT)
    persistent[:RIM] = persistent[-RIM:] = persistent[:, :RIM] = persistent[:, -RIM:] = False
    levels = lumas - lumas.mean(axis=(1, 2), keepdims=True, dtype=np.float32)
    edges = (lengths > EDGE).mean(axis=0, dtype=np.float32)
    return Persistence(persistent, gradient, edges, levels.std(axis=0).astype(np.float32))


def overlay_mask(found: Persistence) -> Mask:
    """Which pixels lie under an overlay, shape (height, width)."""
    import cv2

    joined = _joined(found.persistent)
    count, labels = cv2.connectedComponents(joined.astype(np.uint8), connectivity=8)
    chosen = _are_overlays(found, labels, count)
    mask: Mask = chosen[labels]
    return _filled(mask, found.deviation <= STILL)


def _joined(persistent: Mask) -> Mask:
    """Gaps up to REACH closed, also beside the picture's edge."""
    import cv2

    side = max(3, round(REACH * float(np.hypot(*persistent.shape)))) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    padded = np.pad(persistent.astype(np.uint8), side)
    return np.asarray(cv2.morphologyEx(padded, cv2.MORPH_CLOSE, kernel)[side:-side, side:-side], np.bool_)


def _are_overlays(found: Persistence, labels: npt.NDArray[np.int32], count: int) -> Mask:
    """For each label whether its edges are enough, mostly persistent, and of more than one direction; (count,)."""
    flat, weight = labels.ravel(), found.persistent.ravel().astype(np.float64)
    own = np.bincount(flat, weight, count)
    every = np.bincount(flat, found.edges.ravel(), count)
    x, y = (found.gradient / np.maximum(np.hypot(*found.gradient), 1e-6)).reshape(2, -1).astype(np.float64)
    xx, yy, xy = (np.bincount(flat, weight * product, count) for product in (x * x, y * y, x * y))
    weaker = (xx + yy) / 2 - np.hypot((xx - yy) / 2, xy)
    many, mostly = own >= SMALLEST * labels.size, own >= OWN_EDGES * every
    chosen: Mask = many & mostly & (weaker >= TWO_WAYS * own)
    chosen[0] = False
    return chosen


def _filled(mask: Mask, still: Mask) -> Mask:
    """The mask with its holes. One that the picture's rim helps to close counts when its colours keep still."""
    import cv2

    count, holes = cv2.connectedComponents((~mask).astype(np.uint8), connectivity=4)
    sizes = np.bincount(holes.ravel(), minlength=count)
    steady = np.bincount(holes.ravel(), still.ravel(), count) / np.maximum(sizes, 1)
    at_rim = np.zeros(count, np.bool_)
    at_rim[np.concatenate([holes[0], holes[-1], holes[:, 0], holes[:, -1]])] = True
    filled = (sizes <= LARGEST_HOLE * mask.size) & (~at_rim | (steady >= STABLE))
    filled[0] = False
    result: Mask = mask | (filled[holes] & mask.any())
    return result
