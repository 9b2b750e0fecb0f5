"""Which frames become small pictures, and how they are drawn.

Loaded only by workers that read media (it imports cv2).
"""

from __future__ import annotations

import cv2
import numpy as np

from .pictures import LIMITED_SPAN, Pictures, shrunk
from .signals.ticks import Ticks

LONG_SIDE = 640
JPEG_QUALITY = 85
RATE = 1.0
PEAK_FLOOR = 12.0
"""content_val from which a local maximum gets pictures of both sides; detectors cut at 15 (adaptive) and 27."""
PEAK_PROMINENCE = 2.0
"""Times the mean of its two neighbours: steady fast motion has a local maximum every third frame."""
PEAK_ALWAYS = 25.0
"""content_val from which a local maximum needs no prominence."""
PEAKS_PER_S = 3
LUMA_WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}


class Keyframes:
    """One picture a second from the first frame on, and both sides of every peak of the content metric.

    A peak is a frame whose content_val is above its predecessor's and not below its successor's, at least PEAK_FLOOR,
    and either twice the mean of the two or at least PEAK_ALWAYS; its sides are its predecessor and itself, at most
    three such pairs in any one second. `rows` maps frame number to (pts_s, width, height, jpeg). At most the two
    frames before the current one are held.
    """

    def __init__(self) -> None:
        self.rows: dict[int, tuple[float, int, int, bytes]] = {}
        self._due = Ticks(RATE)
        self._peaks: list[float] = []
        self._recent: list[tuple[int, float, float, Pictures]] = []

    def __call__(self, frame: int, pts_s: float, content_val: float, pictures: Pictures) -> None:
        if self._due(pts_s):
            self._add(frame, pts_s, pictures)
        self._recent.append((frame, pts_s, content_val, pictures))
        if len(self._recent) == 3:
            self._check_peak(content_val)
            del self._recent[0]

    def finish(self) -> None:
        """The last frame has no successor: it may be a peak."""
        if len(self._recent) == 2:
            self._recent.append(self._recent[-1])
            self._check_peak(0.0)
        self._recent.clear()

    def _check_peak(self, following: float) -> None:
        before, peak = self._recent[0], self._recent[1]
        if not is_peak(before[2], peak[2], following):
            return
        self._peaks = [pts for pts in self._peaks if peak[1] - pts < 1.0]
        if len(self._peaks) >= PEAKS_PER_S:
            return
        self._peaks.append(peak[1])
        for frame, pts_s, _, pictures in (before, peak):
            self._add(frame, pts_s, pictures)

    def _add(self, frame: int, pts_s: float, pictures: Pictures) -> None:
        if frame in self.rows:
            return
        image = drawn(pictures)
        _, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        self.rows[frame] = (pts_s, image.shape[1], image.shape[0], jpeg.tobytes())


def is_peak(before: float, value: float, following: float) -> bool:
    """Is the middle one of three successive content_val a peak worth two pictures?"""
    if value < PEAK_FLOOR or value <= before or value < following:
        return False
    return value >= PEAK_ALWAYS or value >= PEAK_PROMINENCE * (before + following) / 2


def drawn(pictures: Pictures) -> np.ndarray:
    """The frame as displayed, (h, w, 3) uint8 BGR, long side at most 640, never enlarged.

    The file's own matrix and range are undone; an HDR transfer curve is kept as it is (the picture looks flat).
    """
    geometry, planes = pictures.geometry, pictures.planes
    size = geometry.coded(geometry.keyframe(LONG_SIDE))
    y = shrunk(pictures.at_least(size), size)
    if planes.u is None or planes.v is None:
        u = v = np.full_like(y, 128)
    else:
        u, v = shrunk(planes.u, size), shrunk(planes.v, size)
    bgr = cv2.transform(cv2.merge((y, u, v)), bgr_matrix(planes.matrix, planes.full_range))
    return geometry.turned(bgr)


def bgr_matrix(name: str, full_range: bool) -> np.ndarray:
    """(3, 4) matrix from stored Y, U, V levels and 1 to B, G, R levels (ITU-R BT.601, 709, 2020)."""
    red, blue = LUMA_WEIGHTS[name]
    green = 1 - red - blue
    gain_y, gain_c, black = (1.0, 1.0, 0.0) if full_range else (255 / LIMITED_SPAN, 255 / 224, 16.0)
    blue_u, red_v = 2 * (1 - blue) * gain_c, 2 * (1 - red) * gain_c
    rows = np.array([[gain_y, blue_u, 0], [gain_y, -blue_u * blue / green, -red_v * red / green], [gain_y, 0, red_v]])
    offset = -rows @ np.array([black, 128.0, 128.0])
    return np.column_stack([rows, offset])
