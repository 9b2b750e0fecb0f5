"""Single frames with known pixels, as a decoder would hand them out."""

from __future__ import annotations

import av
import cv2
import numpy as np
from skimage import data

from assets.scan.pictures import Geometry, Pictures

COFFEE = data.coffee()
"""(400, 600, 3) uint8 RGB photograph."""


def yuv(rgb: np.ndarray, pix_fmt: str = "yuv420p") -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24").reformat(format=pix_fmt)


def grey(luma: np.ndarray) -> av.VideoFrame:
    """A 4:2:0 frame with exactly this luma plane (limited range) and no colour."""
    height, width = luma.shape
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane, image in zip(frame.planes, (luma, None, None), strict=True):
        rows = np.full((plane.height, plane.line_size), 128, np.uint8)
        if image is not None:
            rows[:, :width] = image
        plane.update(rows.tobytes())
    return frame


def pictures(frame: av.VideoFrame, **options: bool) -> Pictures:
    return Pictures(frame, Geometry.of(frame), **options)


def moved(rgb: np.ndarray, dx: float = 0, dy: float = 0, roll: float = 0, scale: float = 1) -> np.ndarray:
    """The picture shifted right and down, turned clockwise by degrees about its centre, and scaled."""
    height, width = rgb.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -roll, scale)
    matrix[:, 2] += (dx, dy)
    return cv2.warpAffine(rgb, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
