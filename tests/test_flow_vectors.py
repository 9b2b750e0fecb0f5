"""Flow at half size is OpenCV's own, stopped at half size, bit for bit."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn import COFFEE, moved
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.scan.signals.flow import HalfSizeDis


def views(width: int, height: int, count: int = 3) -> list[np.ndarray]:
    """A photograph that pans, turns and grows, in grey."""
    grey = cv2.cvtColor(COFFEE, cv2.COLOR_RGB2GRAY)
    wide = [moved(grey, 3.0 * i, 1.0 * i, 0.6 * i, 1 + 0.01 * i) for i in range(count)]
    return [cv2.resize(view, (width, height), interpolation=cv2.INTER_AREA) for view in wide]


def of_opencv(last: np.ndarray, picture: np.ndarray) -> np.ndarray:
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    dis.setFinestScale(1)
    return dis.calc(last, picture, None)


@pytest.mark.parametrize("size", [(160, 90), (90, 160), (160, 120), (160, 67), (160, 160), (160, 32), (33, 161)])
def test_the_same_as_opencv_of_the_whole_picture(size: tuple[int, int]) -> None:
    vectors, shown = HalfSizeDis(), views(*size)
    assert vectors(shown[0]) is None
    for last, picture in zip(shown, shown[1:], strict=False):
        flow = vectors(picture)
        assert flow is not None and np.array_equal(flow, of_opencv(last, picture))


@settings(max_examples=30, deadline=None)
@given(st.integers(32, 160), st.booleans())
def test_the_same_at_every_size_of_a_flow_picture(short: int, portrait: bool) -> None:
    vectors, (last, picture) = HalfSizeDis(), views(*((short, 160) if portrait else (160, short)), 2)
    vectors(last)
    flow = vectors(picture)
    assert flow is not None and np.array_equal(flow, of_opencv(last, picture))
