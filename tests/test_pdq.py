"""PDQ against the reference implementation's hashes, and its arithmetic."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st

from assets.embeddings.pdq import BITS, BYTES, hamming, pdq, unpacked
from assets.measuring.clip_view import Image

# name, hash and quality by the package pdqhash 0.2.8, which wraps Meta's C++, on the same pixels
REFERENCE = [
    ("astronaut", "2d6b1af3a956c529e79ca3d2526fa834d4196c81cedd04de0a26b855fc99b724", 100),
    ("camera", "dc9c9d3b746978f888f40ce6e5c3f70f7266623e8d989cb99f21f2010841e1c7", 100),
    ("chelsea 321x181", "5fab7331f05ca156c98e2b772da5d2430412cdbd23f48942464522317db32ffd", 100),
    ("coffee", "8c629e779a663698b9a33866c026726c21a679f61eb6e1f8c79ba7e23c8299e0", 100),
    ("coins 37x50", "2eedd2196df8eaa552b515e6e405e0319b8f1aaea4a5d915cd4a664a1b56a555", 100),
    ("moon", "131645cde366d981e1e371b264d8b25b9e4d13771d8c4f366d946ca57133d0c9", 83),
    ("rocket 64x64", "8792786c879370e4af1bc0e03f1fc0e03f1cc2f33f24c2537cec821b34e4f376", 100),
    ("retina", "83d22b5802d238191b87b1f8bf1ad487fc0f55f8405adc011fafa8f4ebfc2a59", 100),
    ("rings", "2a5dc760825e3f70387d3d70c25ec7662a7d3d712a5ee73183717d89bb00448b", 100),
]
MATCH_BITS = 31
"""Meta's advice for what counts as the same picture."""
TOLERANCE_BITS = 2
"""Coefficients within a rounding error of the median may fall on either side on another processor."""


def picture(name: str) -> Image:
    if name == "rings":
        y, x = np.mgrid[0:360, 0:640]
        return np.stack([127 + 127 * np.sin(np.hypot(x - 200, y - 150) / 20)] * 3, -1).astype(np.uint8)
    photograph, _, size = name.partition(" ")
    pixels = getattr(skimage.data, photograph)()
    pixels = pixels if pixels.ndim == 3 else np.stack([pixels] * 3, -1)
    if size:
        width, height = map(int, size.split("x"))
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(pixels, np.uint8)


def distance(one: Image, other: Image) -> int:
    return int(hamming(unpacked(pdq(one)[0]), unpacked(pdq(other)[0]))[0])


@pytest.mark.parametrize(("name", "expected", "quality"), REFERENCE)
def test_pdq_equals_the_reference(name: str, expected: str, quality: int) -> None:
    found, found_quality = pdq(picture(name))
    assert hamming(unpacked(found), unpacked(bytes.fromhex(expected)))[0] <= TOLERANCE_BITS
    assert found_quality == pytest.approx(quality, abs=1)


def test_copies_are_near_and_others_far() -> None:
    coffee = picture("coffee")
    assert distance(coffee, cv2.resize(coffee, (150, 100), interpolation=cv2.INTER_AREA)) <= MATCH_BITS
    assert distance(coffee, np.clip(coffee * 0.8 + 20, 0, 255).astype(np.uint8)) <= 16
    assert distance(coffee, picture("astronaut")) > 90
    assert distance(coffee, coffee[:, ::-1]) > 90


@pytest.mark.parametrize("size", [(360, 640), (4, 200), (1, 1), (64, 64)])
def test_featureless_pictures_have_no_quality(size: tuple[int, int]) -> None:
    found, quality = pdq(np.full((*size, 3), 90, np.uint8))
    assert quality == 0 and len(found) == BYTES


def test_a_soft_gradient_has_little_quality() -> None:
    ramp = np.repeat(np.linspace(80, 120, 640)[None, :, None], 360, axis=0)
    assert pdq(np.repeat(ramp, 3, axis=2).astype(np.uint8))[1] < 50


@given(st.binary(min_size=BYTES, max_size=BYTES), st.binary(min_size=BYTES, max_size=BYTES))
def test_hamming_counts_bits(one: bytes, other: bytes) -> None:
    expected = (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()
    assert hamming(unpacked(one), unpacked(other)).tolist() == [expected]
    assert hamming(unpacked(one), ~unpacked(one)).tolist() == [BITS]
