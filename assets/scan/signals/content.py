"""PySceneDetect's content metric, value for value."""

from __future__ import annotations

import cv2
import numpy as np

from ..pictures import Pictures


class Content:
    """content_val, delta_hue, delta_sat, delta_lum: mean absolute change of hue (0-179), saturation and value (0-255).

    Unit: levels, 0 up; higher = more change. content_val is the mean of the three, 0 for the first frame, where the
    deltas are None. Source: ContentDetector._calculate_frame_score of PySceneDetect 0.7 with its default weights, on
    a frame about 256 px wide. Known weakness: hue is noise in grey and dark pictures; dissolves change too slowly.
    """

    def __init__(self) -> None:
        self._last: np.ndarray | None = None

    def __call__(self, pictures: Pictures) -> dict[str, float | None]:
        last, self._last = self._last, pictures.hsv
        if last is None:
            return {"content_val": 0.0, "delta_hue": None, "delta_sat": None, "delta_lum": None}
        sums = cv2.sumElems(cv2.absdiff(self._last, last))
        pixels = float(last.shape[0] * last.shape[1])
        hue, sat, lum = (value / pixels for value in sums[:3])
        return {"content_val": (hue + sat + lum) / 3.0, "delta_hue": hue, "delta_sat": sat, "delta_lum": lum}
