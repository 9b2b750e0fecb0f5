"""The canonical camera labels, and the words that Movie Gen and HunyuanVideo use for them.

Geometry of one clip does not tell a turning camera from a moving one: a pan from a truck, a tilt from a pedestal, a
zoom from a push in. The words of turning and zooming are used for both, so of Movie Gen's 16 classes truck left and
right, pedestal up and down, push in, pull out, arc shot and tracking shot are never given, nor of HunyuanVideo's 14
pan up and down, around left and right. A model that sees more may give them.
"""

from __future__ import annotations

LABELS = (
    "static",
    "pan left",
    "pan right",
    "tilt up",
    "tilt down",
    "roll clockwise",
    "roll counterclockwise",
    "zoom in",
    "zoom out",
    "handheld",
)
"""In the order in which `camera_labels` lists them."""

SEPARATOR = ", "

MOVIE_GEN_CLASSES = (
    "zoom in", "zoom out", "push in", "pull out", "pan right", "pan left", "truck right", "truck left", "tilt up",
    "tilt down", "pedestal up", "pedestal down", "arc shot", "tracking shot", "static shot", "handheld shot",
)  # fmt: skip
HUNYUAN_CLASSES = (
    "zoom in", "zoom out", "pan up", "pan down", "pan left", "pan right", "tilt up", "tilt down", "tilt left",
    "tilt right", "around left", "around right", "static shot", "handheld shot",
)  # fmt: skip

_SHARED = {
    **{label: label for label in LABELS if label.split()[0] in ("pan", "tilt", "zoom")},
    "static": "static shot",
    "handheld": "handheld shot",
}
_MOVIE_GEN = _SHARED
_HUNYUAN = _SHARED | {"roll clockwise": "tilt right", "roll counterclockwise": "tilt left"}


def movie_gen(labels: str | None) -> tuple[str, ...]:
    """Movie Gen's words (section 3.2.1, 16 classes) for a value of `camera_labels`, in the same order.

    A roll has no class there and is left out; NULL gives (). Raises ValueError for a label that is not canonical.
    """
    return _words(labels, _MOVIE_GEN)


def hunyuan(labels: str | None) -> tuple[str, ...]:
    """HunyuanVideo's words (section 3.2, 14 classes) for a value of `camera_labels`, in the same order.

    That paper does not say what tilt left and tilt right are; here they are the camera's roll, as leaning to a side.
    NULL gives (). Raises ValueError for a label that is not canonical.
    """
    return _words(labels, _HUNYUAN)


def _words(labels: str | None, words: dict[str, str]) -> tuple[str, ...]:
    listed = labels.split(SEPARATOR) if labels else []
    unknown = [label for label in listed if label not in LABELS]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no camera label; those are {SEPARATOR.join(LABELS)}")
    return tuple(words[label] for label in listed if label in words)
