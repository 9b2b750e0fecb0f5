"""Scorers on drawn series of known value."""

from __future__ import annotations

import math

import numpy as np
import pytest
from drawn_signals import LETTERBOX, PILLARBOX, WIDE, clip, frames, grid, scores
from hypothesis import given
from hypothesis import strategies as st
from synthetic import Row

from assets.filter_scores.scorers.borders import borders
from assets.filter_scores.scorers.exposure import exposure
from assets.filter_scores.scorers.motion import inside_crop, motion
from assets.filter_scores.scorers.sharpness import sharpness


def test_a_constant_flow_is_its_own_speed() -> None:
    told = scores(motion, frames(48, [grid(3, 4)]), clip(0, 48))
    assert told == {
        "motion_mean": pytest.approx(5),
        "motion_p95": pytest.approx(5),
        "static_ratio": 0.0,
        "error": None,
    }


@pytest.mark.parametrize("box", [LETTERBOX, PILLARBOX])
def test_speed_is_in_the_unit_of_the_crop_and_bars_do_not_count(box: Row) -> None:
    inside = inside_crop(box)
    flow = np.where(inside[..., None], grid(3, 4), 1000.0)
    ratio = math.hypot(1600, 900) / math.hypot(box["crop_w"], box["crop_h"])
    told = scores(motion, frames(48, [flow]), clip(0, 48, box))
    assert told["motion_mean"] == pytest.approx(5 * ratio) and told["motion_p95"] == pytest.approx(5 * ratio)


def test_cells_are_inside_by_their_centre() -> None:
    assert inside_crop(WIDE).all()
    assert inside_crop(LETTERBOX).sum(axis=1).tolist() == [0, 0, 16, 16, 16, 16, 16, 0, 0]
    assert inside_crop(PILLARBOX).sum(axis=0).tolist() == [0] * 4 + [9] * 8 + [0] * 4
    tiny = WIDE | {"crop_x": 3, "crop_y": 3, "crop_w": 4, "crop_h": 4}
    assert inside_crop(tiny).all(), "a crop between the centres takes all"


def test_a_still_is_static_and_one_moving_cell_is_not() -> None:
    assert scores(motion, frames(48, [grid(0, 0)]), clip(0, 48))["static_ratio"] == 1.0
    one = grid(0, 0).copy()
    one[4, 8] = (2, 0)
    assert scores(motion, frames(48, [one]), clip(0, 48))["static_ratio"] == 0.0
    assert scores(motion, frames(49, [grid(0, 0), one]), clip(0, 49))["static_ratio"] == 0.5
    assert scores(motion, frames(48, [grid(0.3, 0.2)]), clip(0, 48))["static_ratio"] == 1.0, "the flow's own noise"


def test_the_fast_moment_shows_in_p95() -> None:
    told = scores(motion, frames(61, [grid(1, 0)] * 19 + [grid(21, 0)]), clip(0, 61))
    assert told["motion_mean"] == pytest.approx(2.0) and told["motion_p95"] == pytest.approx(
        np.percentile([1.0] * 19 + [21.0], 95)
    )


def test_pairs_that_begin_before_the_clip_do_not_count() -> None:
    """The pair ends on frame 24 and began on frame 21, in the shot before."""
    signals = frames(48, [grid(100, 0) if i == 7 else grid(1, 0) for i in range(15)])
    assert scores(motion, signals, clip(22, 48))["motion_mean"] == pytest.approx(1.0)
    assert scores(motion, signals, clip(21, 48))["motion_mean"] > 10
    assert scores(motion, signals, clip(24, 48))["motion_mean"] == pytest.approx(1.0)


@pytest.mark.parametrize(("start", "end"), [(0, 1), (0, 3), (22, 24)])
def test_no_pair_is_unmeasured_with_a_reason(start: int, end: int) -> None:
    told = scores(motion, frames(48, [grid(1, 0)]), clip(start, end))
    assert told["motion_mean"] is told["motion_p95"] is told["static_ratio"] is None
    assert "no flow pair" in told["error"]


def test_a_flow_that_is_no_number_is_no_value() -> None:
    told = scores(motion, frames(48, [grid(math.inf, 0)]), clip(0, 48))
    assert told["motion_mean"] is None and told["error"]
    assert scores(motion, frames(48, [grid(math.nan, 0)]), clip(0, 48))["motion_mean"] is None


@pytest.mark.parametrize(
    ("box", "ratio", "kind"),
    [
        (WIDE, 0.0, "none"),
        (LETTERBOX, 4 / 9, "letterbox"),
        (PILLARBOX, 0.5, "pillarbox"),
        (LETTERBOX | {"crop_x": 400, "crop_w": 800}, 1 - 0.5 * 5 / 9, "windowbox"),
        (WIDE | {"crop_y": 90, "crop_h": 810}, 0.1, "letterbox"),
        (WIDE | {"crop_x": 1, "crop_w": 1599}, 1 / 1600, "pillarbox"),
    ],
)
def test_borders(box: Row, ratio: float, kind: str) -> None:
    assert scores(borders, frames(2), clip(0, 2, box)) == {
        "border_ratio": pytest.approx(ratio),
        "border_kind": kind,
        "error": None,
    }


QUARTER = WIDE | {"crop_x": 200, "crop_w": 1200}


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 255))
def test_black_bars_are_taken_out_exactly(dark: float, bright: float, luma: float) -> None:
    """A quarter of the picture is bars of luma 0; inside are known shares and a known mean."""
    signals = frames(4, dark_ratio=0.25 + 0.75 * dark, bright_ratio=0.75 * bright, luma_mean=0.75 * luma)
    told = scores(exposure, signals, clip(0, 4, QUARTER))
    assert told["underexposed_ratio"] == pytest.approx(dark, abs=1e-6)
    assert told["overexposed_ratio"] == pytest.approx(bright, abs=1e-6)
    assert told["luma_mean"] == pytest.approx(luma, abs=1e-4)
    assert 0 <= told["underexposed_ratio"] <= 1 and 0 <= told["overexposed_ratio"] <= 1 and told["luma_mean"] <= 255


def test_exposure_without_bars_and_with_white_ones() -> None:
    series = frames(4, dark_ratio=[0.1, 0.2, 0.3, 0.4], bright_ratio=0.5, luma_mean=[10.0, 20.0, 30.0, 40.0])
    assert scores(exposure, series, clip(0, 4)) == {
        "luma_mean": pytest.approx(25),
        "underexposed_ratio": pytest.approx(0.25),
        "overexposed_ratio": pytest.approx(0.5),
        "error": None,
    }
    assert scores(exposure, series, clip(0, 4, PILLARBOX))["overexposed_ratio"] == pytest.approx(0.5), (
        "the bars are not dark"
    )


def test_sharpness_is_the_median_of_its_own_frames() -> None:
    series = frames(7, sharpness=[9e9, 10.0, 20.0, 30.0, 1.0, 1000.0, 9e9])
    assert scores(sharpness, series, clip(1, 6)) == {"sharpness": 20.0, "error": None}
    assert scores(sharpness, series, clip(3, 4)) == {"sharpness": 30.0, "error": None}
    assert scores(sharpness, frames(2, sharpness=None), clip(0, 2))["sharpness"] is None
