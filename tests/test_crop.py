"""Content box: borders that stay are cut off, all else is kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.clips.crop import content_box

NAN = np.nan


def box(width, height, top=0, bottom=0, left=0, right=0, luma_std=None):
    sides = np.broadcast_arrays(*(np.asarray(side, float) for side in (top, bottom, left, right)))
    return content_box(width, height, tuple(np.atleast_1d(side) for side in sides), luma_std)


def test_letterbox_and_pillarbox():
    assert box(854, 480, top=[58] * 20, bottom=[58] * 20) == (0, 58, 854, 364)
    assert box(640, 360, left=[81] * 20, right=[79] * 20) == (82, 0, 478, 360)


def test_frames_without_a_sample_say_nothing():
    top = [60 if i % 8 == 0 else NAN for i in range(80)]
    assert box(854, 480, top=top, bottom=top) == (0, 60, 854, 360)


def test_a_border_of_some_frames_is_content():
    assert box(640, 360, top=[60] * 8 + [0] * 12) == (0, 0, 640, 360)
    assert box(640, 360, top=np.linspace(0, 120, 40)) == (0, 0, 640, 360)


def test_a_few_doubtful_samples_do_not_lose_the_border():
    assert box(640, 360, top=[60] * 17 + [0, 90, 61]) == (0, 60, 640, 300)


def test_dark_samples_say_nothing():
    top, contrast = [60] * 10 + [0] * 10, [40.0] * 10 + [2.0] * 10
    assert box(640, 360, top=top, luma_std=contrast) == (0, 60, 640, 300)
    assert box(640, 360, top=[60] * 10, luma_std=[2.0] * 10) == (0, 0, 640, 360)
    assert box(640, 360, top=[180] * 9 + [60], bottom=[180] * 9 + [60]) == (0, 60, 640, 240)


def test_narrow_bands_and_impossible_boxes_are_ignored():
    assert box(640, 360, top=[3] * 10) == (0, 0, 640, 360)
    assert box(640, 360, left=[300] * 10, right=[300] * 10) == (0, 0, 640, 360)


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (199, 101)])
def test_without_borders_the_whole_picture(size):
    assert box(*size) == (0, 0, *size)
    assert box(*size, top=[NAN] * 5) == (0, 0, *size)


side = st.lists(st.one_of(st.just(NAN), st.integers(0, 500)), min_size=6, max_size=6)


@given(st.integers(1, 500), st.integers(1, 500), side, side, side, side)
def test_box_is_inside_and_never_empty(width, height, top, bottom, left, right):
    x, y, w, h = content_box(width, height, (top, bottom, left, right))
    assert 0 <= x < x + w <= width and 0 <= y < y + h <= height
    for offset, length, size in ((x, w, width), (y, h, height)):
        assert length == size or (offset % 2 == 0 and length % 2 == 0)
