"""PDQ, Meta's published perceptual hash of a picture: 256 bits and a quality, in NumPy and OpenCV.

Follows the reference implementation (facebook/ThreatExchange, pdq/cpp: hashing/pdqhashing.cpp and
downscaling/downscaling.cpp) and the paper beside it. Known weakness: a crop, a border, a turn or a large overlay
changes many bits; a featureless picture gives bits that mean nothing, which its quality says.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..measuring.clip_view import Image

BYTES = 32
BITS = 8 * BYTES
SMALL = 64
"""Side of the blurred picture that is transformed."""
KEPT = 16
"""Frequencies kept each way; the constant one is left out."""
PASSES = 2
SMALLEST_SIDE = 5
"""A picture narrower than this has quality 0 and a hash of zeros."""
GOOD_QUALITY = 50
"""The reference's advice: below this the hash says little."""

Floats = npt.NDArray[np.float32]


def pdq(image: Image) -> tuple[bytes, int]:
    """The hash, 32 bytes whose hex is Meta's text form, and its quality 0 (featureless) to 100."""
    small = reduced(image)
    if small is None:
        return bytes(BYTES), 0
    return hash_bits(small), quality(small)


def reduced(image: Image) -> Floats | None:
    """Luma (BT.601 weights) blurred by two passes of box filters each way and sampled at 64 x 64; None when a side
    is under 5 pixels."""
    import cv2

    if min(image.shape[:2]) < SMALLEST_SIDE:
        return None
    red, green, blue = (np.float32(weight) for weight in (0.299, 0.587, 0.114))
    luma = image[..., 0] * red + image[..., 1] * green + image[..., 2] * blue
    if luma.shape != (SMALL, SMALL):
        high, wide = (-(-side // (2 * SMALL)) for side in luma.shape)
        anchor = (wide - (wide + 2) // 2, high - (high + 2) // 2)
        box: dict[str, Any] = {"anchor": anchor, "normalize": False, "borderType": cv2.BORDER_CONSTANT}
        inside = cv2.boxFilter(np.ones_like(luma), -1, (wide, high), **box)
        for _ in range(PASSES):
            luma = cv2.boxFilter(luma, -1, (wide, high), **box) / inside
    rows, columns = (((np.arange(SMALL) + 0.5) * side / SMALL).astype(int) for side in luma.shape)
    sampled: Floats = luma[np.ix_(rows, columns)].astype(np.float32)
    return sampled


def hash_bits(small: Floats) -> bytes:
    """Which of the 16 x 16 lowest frequencies of a 64 x 64 picture are above their median."""
    basis = _cosines()
    waves = (basis @ small @ basis.T).ravel()
    bits = waves > np.sort(waves)[len(waves) // 2 - 1]
    return np.packbits(bits[::-1]).tobytes()


def quality(small: Floats) -> int:
    """Sum of the steps between neighbours of a 64 x 64 picture, those under 1 % of the range left out; 0 to 100."""
    steps = (np.trunc(np.abs(np.diff(small, axis=axis)) * (100 / 255)).sum() for axis in (0, 1))
    return min(100, int(sum(steps)) // 90)


@lru_cache(maxsize=1)
def _cosines() -> Floats:
    """Rows 1 to 16 of the DCT-II matrix of 64 samples."""
    wave, sample = np.arange(1, KEPT + 1)[:, None], np.arange(SMALL)[None, :]
    matrix = np.sqrt(2 / SMALL) * np.cos(np.pi / (2 * SMALL) * wave * (2 * sample + 1))
    return np.asarray(matrix, np.float32)


def unpacked(hashes: bytes) -> npt.NDArray[np.uint8]:
    """n x 32 bytes as an (n, 32) array."""
    return np.frombuffer(hashes, np.uint8).reshape(-1, BYTES)


def hamming(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Bits that differ between hashes, over the last axis of two arrays that broadcast; 0 to 256, random about 128."""
    differing: npt.NDArray[np.int64] = np.bitwise_count(one ^ other).sum(axis=-1, dtype=np.int64)
    return differing
