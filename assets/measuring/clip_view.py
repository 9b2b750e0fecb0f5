"""What a measurement sees of a clip: its row, its frames' signals and its small pictures. Nothing opens the video."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import polars as pl

Derived = TypeVar("Derived")
Image = npt.NDArray[np.uint8]
"""A picture: (height, width, 3) uint8, RGB."""


class Unmeasured(Exception):
    """Raised by a measurement that cannot be made of a clip; the message becomes the reason."""


@dataclass(frozen=True)
class Keyframe:
    """A stored picture of the clip. `frame` counts in the video; the long side is at most 640 px."""

    frame: int
    pts_s: float
    jpeg: bytes

    @cached_property
    def image(self) -> Image:
        """The whole picture, decoded at its first use and kept while the clip is measured."""
        import cv2

        bgr = cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR)
        if bgr is None:
            raise ValueError(f"keyframe {self.frame} is no picture")
        return np.ascontiguousarray(bgr[..., ::-1])


@dataclass(frozen=True)
class ClipView:
    """One clip as scorers see it.

    `clip` is the row of `clips`; `frames` the rows of `frame_signals` from start_frame to end_frame; `pairs` those
    among them whose flow pair lies wholly inside the clip. Keyframes are read at their first use.
    """

    clip: dict[str, Any]
    frames: pl.DataFrame
    pairs: pl.DataFrame
    read_keyframes: Callable[[], tuple[Keyframe, ...]] = field(default=tuple, repr=False)
    known: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What `once_a_clip` keeps."""

    @cached_property
    def keyframes(self) -> tuple[Keyframe, ...]:
        """The clip's pictures in time order: one a second and both sides of each peak of the content metric.

        Raises Unmeasured when there is none: the clip lies between two ticks, or its keyframes were dropped.
        """
        found = self.read_keyframes()
        if not found:
            raise Unmeasured("no keyframe inside the clip")
        return found

    def box(self, keyframe: Keyframe) -> tuple[int, int, int, int]:
        """The crop box in pixels of the picture: x0, y0, x1, y1, at least one pixel each way."""
        clip, (height, width) = self.clip, keyframe.image.shape[:2]
        x_scale, y_scale = width / clip["width"], height / clip["height"]
        x0, y0 = round(clip["crop_x"] * x_scale), round(clip["crop_y"] * y_scale)
        x1 = round((clip["crop_x"] + clip["crop_w"]) * x_scale)
        y1 = round((clip["crop_y"] + clip["crop_h"]) * y_scale)
        x0, y0 = min(x0, width - 1), min(y0, height - 1)
        return x0, y0, max(min(x1, width), x0 + 1), max(min(y1, height), y0 + 1)

    def content(self, keyframe: Keyframe) -> Image:
        """The picture inside the crop box: what is left when borders are cut away."""
        x0, y0, x1, y1 = self.box(keyframe)
        return keyframe.image[y0:y1, x0:x1]

    def spread(self, count: int) -> tuple[Keyframe, ...]:
        """At most `count` keyframes, evenly over the clip; the middle one when `count` is 1."""
        every = self.keyframes
        if count >= len(every):
            return every
        return tuple(every[int((i + 0.5) * len(every) / count)] for i in range(count))


def once_a_clip(derive: Callable[[ClipView], Derived]) -> Callable[[ClipView], Derived]:
    """What several scorers derive from a clip alike is worked out by the first of them."""

    def remembered(view: ClipView) -> Derived:
        name = f"{derive.__module__}.{derive.__qualname__}"
        if name not in view.known:
            view.known[name] = derive(view)
        found: Derived = view.known[name]
        return found

    return wraps(derive)(remembered)
