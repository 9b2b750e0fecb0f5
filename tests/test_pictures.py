"""The small pictures of a frame: every format alike, in displayed orientation, shrunk as the libraries would."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn import COFFEE, grey, pictures, yuv
from hypothesis import given
from hypothesis import strategies as st

from assets.scan.pictures import Pictures, bilinear, displayed_size, shrunk
from assets.scan.signals.luma import luma_columns

GRAIN = np.random.default_rng(0).integers(0, 256, (720, 1280), np.uint8)


def luma_mean(seen: Pictures) -> float:
    return luma_columns(seen.histogram[None])["luma_mean"].item()


@pytest.mark.parametrize(
    "pix_fmt",
    ["yuvj420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv444p12le", "yuva420p", "gray", "rgb24", "nv12", "bgra"],
)
def test_all_pixel_formats_show_the_same_picture(pix_fmt: str) -> None:
    reference, other = pictures(yuv(COFFEE)), pictures(yuv(COFFEE, pix_fmt))
    if pix_fmt != "gray":
        assert cv2.absdiff(reference.bgr, other.bgr).mean() < 2.5
    assert luma_mean(other) == pytest.approx(luma_mean(reference), abs=1.5)
    assert other.full_range(other.luma).mean() == pytest.approx(reference.full_range(reference.luma).mean(), abs=1.5)


def test_one_field_hides_combing() -> None:
    photo = cv2.cvtColor(cv2.resize(COFFEE, (720, 480)), cv2.COLOR_RGB2GRAY)
    combed = photo.copy()
    combed[1::2] = np.roll(photo, 12, axis=1)[1::2]
    field, clean = (pictures(grey(image), field_only=True) for image in (combed, photo))
    assert field.planes.y.shape == (240, 720)
    assert field.luma.shape == pictures(grey(combed)).luma.shape
    assert np.array_equal(field.luma, clean.luma)
    assert np.array_equal(field.bgr, clean.bgr)


@pytest.mark.parametrize(
    ("coded_size", "aspect", "turn", "shown"),
    [((720, 576), 64 / 45, 0, (1024, 576)), ((1440, 1080), 4 / 3, 0, (1920, 1080)), ((640, 480), 1, 90, (480, 640)),
     ((640, 480), 1000, 0, (640, 480)), ((1, 1), 1, 0, (1, 1))],
)  # fmt: skip
def test_displayed_size(coded_size: tuple[int, int], aspect: float, turn: int, shown: tuple[int, int]) -> None:
    assert displayed_size(*coded_size, aspect, turn) == shown


@given(
    st.integers(1, 8), st.integers(1, 8), st.integers(1, 80), st.integers(1, 50), st.integers(0, 2), st.integers(0, 2)
)
def test_bilinear_is_opencv_s(x: int, y: int, width: int, height: int, more_x: int, more_y: int) -> None:
    image = np.ascontiguousarray(GRAIN[: min(720, y * height + more_y), : min(1280, x * width + more_x)])
    out = np.empty((height, width), np.uint8)
    bilinear(image, (width, height), out)
    assert np.array_equal(out, cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR))


@pytest.mark.parametrize("size", [(1280, 720), (854, 480), (1278, 540), (400, 300)])
def test_a_picture_out_of_the_pyramid_is_that_of_the_whole_plane(size: tuple[int, int]) -> None:
    seen = pictures(grey(cv2.resize(GRAIN, size)))
    for wanted in ((640, 360), (320, 180), (200, 100)):
        if wanted[0] <= size[0] and wanted[1] <= size[1]:
            assert np.array_equal(shrunk(seen.at_least(wanted), wanted), shrunk(seen.planes.y, wanted))
