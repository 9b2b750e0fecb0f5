"""Repeats, cut rate, VMAF motion, coding, colour and clarity: drawn footage of known value, and drawn series."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scanned import FPS, SIZE, measured, moved, scanned
from synthetic import Row

from assets.filter_scores.scorers.bars import inside
from assets.filter_scores.scorers.clarity import clarity
from assets.filter_scores.scorers.colour import colour
from assets.filter_scores.scorers.compression import compression
from assets.filter_scores.scorers.cut_rate import cut_rate
from assets.filter_scores.scorers.repeated_frames import first_shown_s, repeated_frames
from assets.filter_scores.scorers.repeats import repeats
from assets.filter_scores.scorers.vmaf import vmaf
from assets.measuring.clip_view import ClipView
from assets.measuring.measure_clips import clip_view, measure
from assets.store import rows_to_table
from assets.tables import FRAME_SIGNALS
from demo.footage import Frame, barred, blurred, cut, grain, photograph, still

ORDINARY: Row = {
    "video_id": "v", "content_val": 3.0, "diff_max": 10.0, "luma_mean": 110.0, "luma_std": 50.0, "dark_ratio": 0.05,
    "bright_ratio": 0.02, "sharpness": 600.0, "vmaf_motion": 4.0, "saturation": 90.0, "rg_mean": 5.0, "rg_std": 20.0,
    "yb_mean": 8.0, "yb_std": 25.0, "blockiness": 1.0, "noise": 0.5,
}  # fmt: skip
BOX: Row = {"width": 1600, "height": 900, "crop_x": 0, "crop_y": 0, "crop_w": 1600, "crop_h": 900}


def view(count: int, box: Row = BOX, fps: float = FPS, **columns: Any) -> ClipView:
    """A clip of ordinary frames; a column is one value or a list of them."""
    rows = [
        ORDINARY | {"frame": i, "pts_s": i / fps} | {k: v[i] if isinstance(v, list) else v for k, v in columns.items()}
        for i in range(count)
    ]
    frames = pl.from_arrow(rows_to_table(FRAME_SIGNALS, rows))
    assert isinstance(frames, pl.DataFrame)
    span: Row = {"start_frame": 0, "end_frame": count, "start_s": 0.0, "end_s": count / fps}
    return clip_view(span | {"duration_s": count / fps if count > 1 else 0.0} | box, frames)


def shown(shot: Iterable[Frame], times: int) -> Iterator[Frame]:
    return (frame for frame in shot for _ in range(times))


@pytest.mark.parametrize(("times", "ratio"), [(1, 0.0), (2, 0.5), (3, 2 / 3)])
def test_frames_that_are_shown_more_than_once(tmp_path: Path, times: int, ratio: float) -> None:
    shot = shown(grain(moved("coffee", 48 // times, FPS / times, dx=6), 2), times)
    assert measured(repeats, scanned(tmp_path, shot))["duplicate_frame_ratio"] == pytest.approx(ratio, abs=0.04)


def test_a_still_repeats_and_a_tripod_does_not(tmp_path: Path) -> None:
    coffee = photograph("coffee", SIZE)
    held = measured(repeats, scanned(tmp_path, still(coffee, 48)))["duplicate_frame_ratio"]
    assert held > 0.85, "the encoder refines the first few frames"
    assert measured(repeats, view(48, diff_max=0.0))["duplicate_frame_ratio"] == 1
    assert measured(repeats, scanned(tmp_path, grain(still(coffee, 48), 3)))["duplicate_frame_ratio"] < 0.05


def test_repeats_by_hand() -> None:
    film = [None, 20.0, 0.8, 22.0, 19.0, 0.9, 21.0, 20.0, 1.0, 18.0]
    flags = repeated_frames(view(10, diff_max=film).frames)
    assert flags.tolist() == [False, False, True, False, False, True, False, False, True, False]
    assert measured(repeats, view(10, diff_max=film))["duplicate_frame_ratio"] == pytest.approx(3 / 9)
    refresh = [None, 0.5, 0.5, 9.0, 0.5, 0.5, 0.5, 0.5]
    assert not repeated_frames(view(8, diff_max=refresh).frames).any(), "quiet frames beside one jump are no repeats"
    assert first_shown_s(view(4, fps=10, diff_max=[None, 0.0, 9.0, 0.1]).frames).tolist() == [0, 0, 0.2, 0.2]


@given(st.lists(st.one_of(st.none(), st.floats(0, 255)), min_size=2, max_size=40))
def test_repeats_are_a_share(changes: list[float | None]) -> None:
    assert 0 <= measured(repeats, view(len(changes), diff_max=changes))["duplicate_frame_ratio"] <= 1


def test_cut_rate_counts_flashes_and_not_the_cut_that_opens_the_clip(tmp_path: Path) -> None:
    calm, other = photograph("coffee", SIZE), photograph("rocket", SIZE)
    flashes = cut(still(calm, 20), still(other, 2), still(calm, 26))
    assert measured(cut_rate, scanned(tmp_path, flashes))["content_cut_rate"] == pytest.approx(2 / 2.0)
    assert measured(cut_rate, scanned(tmp_path, still(calm, 48)))["content_cut_rate"] == 0
    assert measured(cut_rate, view(24, content_val=[90.0] + [0.0] * 23))["content_cut_rate"] == 0


@given(st.lists(st.floats(0, 100), min_size=2, max_size=60))
def test_cut_rate_by_hand(values: list[float]) -> None:
    told = measured(cut_rate, view(len(values), content_val=values))["content_cut_rate"]
    assert told == pytest.approx(sum(v >= 27 for v in values[1:]) / (len(values) / FPS))


LETTERBOX = BOX | {"crop_y": 225, "crop_h": 450}


def test_vmaf_motion_is_the_mean_of_the_clip_s_own_pairs() -> None:
    values = [77.0, 1.0, 2.0, 6.0]
    assert measured(vmaf, view(4, vmaf_motion=values)) == {"vmaf_motion": pytest.approx(3.0)}
    assert measured(vmaf, view(4, LETTERBOX, vmaf_motion=values, dark_ratio=0.6)) == {
        "vmaf_motion": pytest.approx(6.0)
    }
    assert measured(vmaf, view(4, LETTERBOX, vmaf_motion=values, dark_ratio=0.1)) == {
        "vmaf_motion": pytest.approx(3.0)
    }


def test_vmaf_motion_through_the_scan(tmp_path: Path) -> None:
    """Against the definition: 5-tap blur, mean absolute difference, on luma enlarged to a short side of 540."""
    frames = list(moved("coffee", 12, dx=10))
    kernel = np.array([0.054488685, 0.244201342, 0.402619947, 0.244201342, 0.054488685])
    lumas = [cv2.cvtColor(f, cv2.COLOR_RGB2YUV_I420)[: SIZE[1]].astype(np.float64) for f in frames]
    large = [cv2.resize(y, (960, 540), interpolation=cv2.INTER_LINEAR) for y in lumas]
    soft = [cv2.sepFilter2D(y, -1, kernel, kernel) for y in large]
    truth = np.mean([np.abs(b - a).mean() for a, b in pairwise(soft)])
    assert measured(vmaf, scanned(tmp_path, frames))["vmaf_motion"] == pytest.approx(truth, rel=0.05)


def blocky(shot: Iterable[Frame], quality: int) -> Iterator[Frame]:
    for frame in shot:
        jpeg = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        yield np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)


def test_blocks_of_a_coarse_jpeg_show(tmp_path: Path) -> None:
    shot = list(moved("coffee", 12, dx=4))
    told = [
        measured(compression, scanned(tmp_path, s))["blockiness"] for s in (shot, blocky(shot, 20), blocky(shot, 5))
    ]
    assert told[0] == pytest.approx(1.0, abs=0.1) and told[0] + 0.2 < told[1] < told[2] - 0.2


def test_noise_rises_with_the_grain(tmp_path: Path) -> None:
    flat = np.full((SIZE[1], SIZE[0], 3), 120, np.uint8)
    told = [measured(compression, scanned(tmp_path, grain(still(flat, 8), s)))["noise"] for s in (1, 3, 6, 12)]
    assert told == sorted(told) and told[1:] == [pytest.approx(s, rel=0.3) for s in (3, 6, 12)]


def test_an_edge_of_a_bar_is_no_block() -> None:
    pillars = BOX | {"crop_x": 600, "crop_w": 400}
    values = measure(compression, view(8, pillars, blockiness=3.0))
    assert values["blockiness"] is None and values["noise"] == 0.5 and "blockiness" in values["error"]
    assert measured(compression, view(8, BOX | {"crop_x": 400, "crop_w": 800}, blockiness=3.0))["blockiness"] == 3


def hasler(frame: Frame) -> float:
    red, green, blue = (frame[..., i].astype(float) for i in range(3))
    rg, yb = red - green, (red + green) / 2 - blue
    return float(math.hypot(rg.std(), yb.std()) + 0.3 * math.hypot(rg.mean(), yb.mean()))


@pytest.mark.parametrize("photo", ["coffee", "astronaut", "chelsea"])
def test_colour_of_a_photograph_is_that_of_its_pixels(tmp_path: Path, photo: str) -> None:
    picture = photograph(photo, SIZE)
    told = measured(colour, scanned(tmp_path, still(picture, 8)))
    assert told["colorfulness"] == pytest.approx(hasler(picture), rel=0.1)
    hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
    assert told["saturation"] == pytest.approx(hsv[..., 1].mean() / 255, abs=0.04)
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    assert told["contrast"] == pytest.approx(luma.std(), rel=0.05)


def test_grey_has_no_colour_and_half_the_contrast_is_half(tmp_path: Path) -> None:
    grey = photograph("camera", SIZE)
    told = measured(colour, scanned(tmp_path, still(grey, 8)))
    assert told["colorfulness"] < 1 and told["saturation"] < 0.02
    half = np.asarray(64 + grey.astype(float) / 2, np.uint8)
    assert measured(colour, scanned(tmp_path, still(half, 8)))["contrast"] == pytest.approx(
        told["contrast"] / 2, rel=0.05
    )


def test_black_bars_take_nothing_from_colour(tmp_path: Path) -> None:
    picture = photograph("coffee", SIZE)
    crop = {"crop_x": 0, "crop_y": 40, "crop_w": 320, "crop_h": 100}
    inner = np.ascontiguousarray(picture[40:140])
    told = measured(colour, scanned(tmp_path, barred(still(picture, 8), top=40, bottom=40), **crop))
    assert told["colorfulness"] == pytest.approx(hasler(inner), rel=0.1)
    assert told["contrast"] == pytest.approx(cv2.cvtColor(inner, cv2.COLOR_RGB2GRAY).std(), rel=0.05)


@given(st.floats(0.1, 1), st.lists(st.floats(0, 255), min_size=2, max_size=50))
def test_statistics_inside_black_bars_are_exact(share: float, lumas: list[float]) -> None:
    content, weights = np.array(lumas), np.full(len(lumas), share / len(lumas))
    mean = float((weights * content).sum())
    std = math.sqrt(max(float((weights * content**2).sum()) - mean**2, 0))
    found_mean, found_std = inside(np.array([mean]), np.array([std]), share)
    assert found_mean[0] == pytest.approx(content.mean(), abs=1e-6)
    assert found_std[0] == pytest.approx(content.std(), abs=0.01)


def test_a_change_of_colour_over_time_is_no_colour() -> None:
    """Frames that are all red or all green are plain, each of them; pooled pixels would call the clip colourful."""
    told = measured(colour, view(8, rg_mean=[60.0, -60.0] * 4, rg_std=0.0, yb_mean=0.0, yb_std=0.0))
    assert told["colorfulness"] == pytest.approx(18)


def test_every_fault_costs_clarity(tmp_path: Path) -> None:
    good = list(moved("coffee", 12, dx=4))
    dark = [np.asarray(f * 0.08, np.uint8) for f in good]
    faults = [*(blurred(good, s) for s in (2, 6)), grain(good, 10), blocky(good, 5), dark]
    clear = measured(clarity, scanned(tmp_path, good))["clarity"]
    told = [measured(clarity, scanned(tmp_path, f))["clarity"] for f in faults]
    assert clear > 0.8 and max(told) < clear - 0.02 and told[1] < told[0] - 0.1 and told[4] < 0.4


GETTING_WORSE = {
    "sharpness": [5000.0, 900.0, 300.0, 60.0, 5.0, 0.0],
    "blockiness": [0.9, 1.2, 1.5, 1.9, 3.0],
    "noise": [0.0, 3.0, 8.0, 14.0, 40.0],
    "dark_ratio": [0.0, 0.4, 0.7, 0.9, 0.98],
    "luma_std": [60.0, 30.0, 20.0, 10.0, 1.0],
}


@pytest.mark.parametrize("signal", GETTING_WORSE)
def test_clarity_never_rises_with_a_fault(signal: str) -> None:
    told = [measured(clarity, view(4, **{signal: value}))["clarity"] for value in GETTING_WORSE[signal]]
    assert told == sorted(told, reverse=True) and told[0] > told[-1] and all(0 <= v <= 1 for v in told)


def test_grain_is_not_taken_for_detail() -> None:
    """Noise of 5 levels at 320 px makes a Laplacian energy of 500 on its own."""
    small = {"width": 320, "height": 180, "crop_x": 0, "crop_y": 0, "crop_w": 320, "crop_h": 180}
    noisy = measured(clarity, view(4, small, sharpness=500.0, noise=5.0))["clarity"]
    assert noisy < 0.2 < measured(clarity, view(4, small, sharpness=500.0, noise=0.5))["clarity"]


MOVING = (repeats, cut_rate, vmaf)


@pytest.mark.parametrize("scorer", MOVING, ids=lambda s: s.name)
def test_an_image_has_no_motion_and_a_reason(scorer: Any) -> None:
    values = measure(scorer, view(1))
    assert all(v is None for k, v in values.items() if k != "error") and values["error"] == "the clip has one frame"


def test_an_image_has_colour_and_clarity(tmp_path: Path) -> None:
    one = scanned(tmp_path, still(photograph("coffee", SIZE), 1))
    for scorer in (colour, clarity, compression):
        assert all(v is not None for v in measured(scorer, one).values())


@pytest.mark.parametrize("scorer", [colour, clarity, compression], ids=lambda s: s.name)
def test_a_clip_between_two_ticks_is_unmeasured(scorer: Any) -> None:
    slow = dict.fromkeys(("saturation", "rg_mean", "rg_std", "yb_mean", "yb_std", "blockiness", "noise"))
    assert "between two ticks" in measure(scorer, view(2, **slow))["error"]
