"""From a decoded frame to its luma and chroma planes: 8 bits, no copy where the format allows it.

Loaded only by workers that read media (it imports av and cv2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import av
import cv2
import numpy as np

PLANAR = re.compile(r"(?:yuva?j?(?:420|422|440|444|411|410)p|gray)(9|10|12|14|16)?(?:le)?")
COLORSPACES = {0: "bt709", 1: "bt709", 4: "bt601", 5: "bt601", 6: "bt601", 7: "bt601", 9: "bt2020", 10: "bt2020"}
FULL_RANGE = 2
HD_LINES = 720


@dataclass(frozen=True)
class Planes:
    """One frame: y is (h, w) uint8, u and v are uint8 at the file's chroma size, None for grey.

    The arrays may be views of the decoder's memory: they keep the frame alive and must not be written to.
    full_range: luma spans 0-255 (else 16-235). matrix: bt601, bt709 or bt2020.
    """

    y: np.ndarray
    u: np.ndarray | None
    v: np.ndarray | None
    full_range: bool
    matrix: str


def planes_of(frame: av.VideoFrame, field_only: bool = False) -> Planes:
    """Planes of a frame; `field_only` takes every second line, so that combing is not measured as detail.

    Planar YUV and grey of 8 bits are views; of 9-16 bits they are rounded to 8; every other format (RGB, palette,
    semi-planar) is converted by libav to limited-range 4:2:0.
    """
    name, planes = frame.format.name, frame.planes
    bits = planar_bits(name)
    if bits is None or planes[0].line_size <= 0:
        frame = frame.reformat(format="yuv420p", dst_colorspace="ITU601", dst_color_range="MPEG")
        name, planes, bits = "yuv420p", frame.planes, 8
        full_range, matrix = False, "bt601"
    else:
        full_range = frame.color_range == FULL_RANGE or name.startswith("yuvj")
        matrix = COLORSPACES.get(int(frame.colorspace), "bt709" if frame.height >= HD_LINES else "bt601")
    step = 2 if field_only else 1
    y = _eight_bits(planes[0], bits)[::step]
    if name.startswith("gray"):
        return Planes(y, None, None, full_range, matrix)
    u, v = (_eight_bits(planes[i], bits)[::step] for i in (1, 2))
    return Planes(y, u, v, full_range, matrix)


@lru_cache(maxsize=64)
def planar_bits(name: str) -> int | None:
    """Bits a sample of a planar YUV or grey format in this machine's byte order; None for every other format."""
    match = PLANAR.fullmatch(name)
    return int(match[1] or 8) if match else None


def _eight_bits(plane: av.video.plane.VideoPlane, bits: int) -> np.ndarray:
    width, height = plane.width, plane.height
    if bits == 8:
        rows = np.frombuffer(plane, np.uint8, plane.line_size * height).reshape(height, plane.line_size)
        return rows[:, :width]
    words = plane.line_size // 2
    deep = np.frombuffer(plane, np.uint16, words * height).reshape(height, words)[:, :width]
    return cv2.convertScaleAbs(deep, alpha=1 / (1 << (bits - 8)))
