"""Camera movement, shake and slideshows against drawn movements of known speed, through the real scan."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl
import pytest
from conftest import SHARED_VIDEOS
from hypothesis import given
from hypothesis import strategies as st
from scanned import DIAGONAL, FPS, SIZE, measured, moved, scanned
from synthetic import Row

from assets.filter_scores.scorers.camera import DIRECTIONS, camera, named
from assets.filter_scores.scorers.camera_fit import CameraFit, camera_fit
from assets.filter_scores.scorers.camera_parts import camera_parts
from assets.filter_scores.scorers.camera_words import (
    HUNYUAN_CLASSES,
    LABELS,
    MOVIE_GEN_CLASSES,
    SEPARATOR,
    hunyuan,
    movie_gen,
)
from assets.filter_scores.scorers.shake import shake
from assets.filter_scores.scorers.slideshow import slideshow
from assets.measuring.clip_view import ClipView, Unmeasured
from assets.measuring.measure_clips import measure
from demo.footage import Frame, barred, grain, photograph, shake_offsets, still, with_disc

Shot = Iterable[Frame]


def a_pan_of(percent: float) -> float:
    """Widths per second of a shift in % of the diagonal per second."""
    return percent / 100 * DIAGONAL / SIZE[0]


MOVES: list[tuple[str, dict[str, float], str, str, float]] = [
    ("coffee", {"dx": 6}, "pan left", "camera_pan", -a_pan_of(6)),
    ("chelsea", {"dx": -25}, "pan right", "camera_pan", a_pan_of(25)),
    ("grass", {"dy": 8}, "tilt up", "camera_tilt", 0.08 * DIAGONAL / SIZE[1]),
    ("coffee", {"dy": -8}, "tilt down", "camera_tilt", -0.08 * DIAGONAL / SIZE[1]),
    ("chelsea", {"roll": 8}, "roll counterclockwise", "camera_roll", -8),
    ("astronaut", {"roll": -8}, "roll clockwise", "camera_roll", 8),
    ("coffee", {"zoom": 0.1}, "zoom in", "camera_zoom", 0.1),
    ("grass", {"zoom": -0.1}, "zoom out", "camera_zoom", -0.1),
]


@pytest.mark.parametrize(("photo", "move", "label", "column", "value"), MOVES, ids=lambda v: str(v))
def test_a_known_movement_has_its_label_and_its_speed(
    tmp_path: Path, photo: str, move: Row, label: str, column: str, value: float
) -> None:
    told = measured(camera, scanned(tmp_path, moved(photo, **move)))
    assert told["camera_labels"] == label and told["camera_confidence"] > 0.6
    assert told[column] == pytest.approx(value, rel=0.1), "roll and zoom read up to a tenth slow"
    others = {"camera_pan": 0.01, "camera_tilt": 0.01, "camera_roll": 0.6, "camera_zoom": 0.01}
    assert all(abs(told[c]) < bound for c, bound in others.items() if c != column)


def test_two_movements_at_once_have_two_labels(tmp_path: Path) -> None:
    told = measured(camera, scanned(tmp_path, moved("chelsea", dx=-5, zoom=0.1)))
    assert told["camera_labels"] == "pan right, zoom in"
    assert told["camera_pan"] == pytest.approx(a_pan_of(5), rel=0.1)
    assert told["camera_zoom"] == pytest.approx(0.1, rel=0.1)


def test_a_tripod_with_a_moving_subject_is_static(tmp_path: Path) -> None:
    shot = with_disc(grain(still(photograph("coffee", SIZE), 48), 2), FPS, 40, (60, 90), (100, 0))
    told = measured(camera, scanned(tmp_path, shot))
    assert told["camera_labels"] == "static" and told["camera_confidence"] > 0.6
    assert max(abs(told[f"camera_{c}"]) for c in ("pan", "tilt", "zoom")) < 0.01


def patches(camera_dx: float, subject_dx: float, side: int) -> Iterator[Frame]:
    """One photograph before another, `side` px wide, each at its own speed, % of the diagonal per second."""
    size = (side, SIZE[1] - 20)
    backs, fronts = moved("grass", dx=camera_dx), moved("coffee", dx=subject_dx)
    for back, front in zip(backs, fronts, strict=True):
        frame = back.copy()
        frame[10 : 10 + size[1], 100 : 100 + side] = front[: size[1], :side]
        yield frame


@pytest.mark.parametrize(("camera_dx", "label"), [(0, "static"), (-6, "pan right")])
def test_a_subject_over_a_third_of_the_picture_is_not_the_camera(tmp_path: Path, camera_dx: float, label: str) -> None:
    told = measured(camera, scanned(tmp_path, patches(camera_dx, 15, 110)))
    assert told["camera_labels"] == label
    assert told["camera_pan"] == pytest.approx(a_pan_of(-camera_dx), abs=0.01)


@pytest.mark.parametrize("bars", [{"top": 30, "bottom": 30}, {"left": 80, "right": 80}])
def test_bars_change_neither_label_nor_unit(tmp_path: Path, bars: dict[str, int]) -> None:
    wide, high = SIZE[0] - bars.get("left", 0) * 2, SIZE[1] - bars.get("top", 0) * 2
    crop = {"crop_x": bars.get("left", 0), "crop_y": bars.get("top", 0), "crop_w": wide, "crop_h": high}
    told = measured(camera, scanned(tmp_path, barred(moved("chelsea", dx=8), **bars), **crop))
    assert told["camera_labels"] == "pan left"
    assert told["camera_pan"] == pytest.approx(-a_pan_of(8) * SIZE[0] / wide, rel=0.1)


def test_doubled_frames_do_not_shake(tmp_path: Path) -> None:
    """Twelve pictures a second shown at 24: pairs of the flow clock span one or two of them."""
    doubled = (frame for frame in moved("coffee", 24, 12, dx=12) for _ in range(2))
    view = scanned(tmp_path, doubled)
    assert measured(shake, view)["shake"] < 0.6
    told = measured(camera, view)
    assert told["camera_labels"] == "pan left" and told["camera_pan"] == pytest.approx(-a_pan_of(12), rel=0.1)


def seen_shake(offsets: np.ndarray[Any, np.dtype[np.float64]], every: int = 3) -> float:
    """What is left of known offsets (% of the diagonal) at the flow clock: speeds less their mean over a second."""
    speeds = np.diff(offsets[::every], axis=0) * FPS / every
    rest = [s - speeds[max(i - 4, 0) : i + 5].mean(axis=0) for i, s in enumerate(speeds)]
    return float(np.sqrt((np.array(rest) ** 2).sum(axis=1).mean()))


@pytest.mark.parametrize(("rms", "dx"), [(0.2, 0.0), (0.5, 0.0), (0.2, -10.0)])
def test_a_known_tremor_is_measured_and_handheld(tmp_path: Path, rms: float, dx: float) -> None:
    offsets = shake_offsets(60, FPS, rms)
    shot = moved("chelsea", 60, dx=dx, wobble=lambda i: (offsets[i, 0], offsets[i, 1]))
    view = scanned(tmp_path, shot)
    assert measured(shake, view)["shake"] == pytest.approx(seen_shake(offsets), rel=0.1)
    assert measured(camera, view)["camera_labels"] == ("pan right, handheld" if dx else "handheld")


def test_shake_of_a_tripod_and_of_a_smooth_pan_is_the_flow_s_noise(tmp_path: Path) -> None:
    tripod = scanned(tmp_path, grain(still(photograph("coffee", SIZE), 48), 3))
    assert measured(shake, tripod)["shake"] < 0.2
    assert measured(shake, scanned(tmp_path, moved("coffee", dx=10)))["shake"] < 0.3


def test_a_still_that_is_held_or_moved_is_a_slideshow(tmp_path: Path) -> None:
    assert measured(slideshow, scanned(tmp_path, still(photograph("rocket", SIZE), 48)))["slideshow"] > 0.8
    assert measured(slideshow, scanned(tmp_path, moved("coffee", dx=4)))["slideshow"] > 0.5
    assert measured(slideshow, scanned(tmp_path, moved("chelsea", zoom=0.06)))["slideshow"] > 0.7
    two = [*still(photograph("rocket", SIZE), 30), *still(photograph("coffee", SIZE), 30)]
    assert measured(slideshow, scanned(tmp_path, two))["slideshow"] > 0.7, "stills one after the other"


def test_what_a_camera_sees_is_no_slideshow(tmp_path: Path) -> None:
    disc = with_disc(still(photograph("coffee", SIZE), 48), FPS, 20, (60, 90), (60, 0))
    assert measured(slideshow, scanned(tmp_path, disc))["slideshow"] < 0.1, "a subject moves"
    assert measured(slideshow, scanned(tmp_path, patches(-6, 4, 110)))["slideshow"] < 0.3, "parallax"
    offsets = shake_offsets(48, FPS, 0.2)
    hand = moved("coffee", dx=8, wobble=lambda i: (offsets[i, 0], offsets[i, 1]))
    assert measured(slideshow, scanned(tmp_path, hand))["slideshow"] < 0.1, "a hand shakes"
    noisy = grain(still(photograph("coffee", SIZE), 48), 3)
    assert measured(slideshow, scanned(tmp_path, noisy))["slideshow"] < 0.1, "a tripod with sensor noise"


@pytest.mark.parametrize("scorer", [camera, shake, slideshow], ids=lambda s: s.name)
def test_one_frame_has_no_movement_and_a_reason(tmp_path: Path, scorer: Any) -> None:
    values = measure(scorer, scanned(tmp_path, still(photograph("coffee", SIZE), 1)))
    assert all(v is None for k, v in values.items() if k != "error") and "no flow pair" in values["error"]


def test_black_is_given_a_label_and_no_confidence(tmp_path: Path) -> None:
    told = measured(camera, scanned(tmp_path, still(np.zeros((SIZE[1], SIZE[0], 3), np.uint8), 48)))
    assert told["camera_labels"] == "static" and told["camera_confidence"] == 0


def field(view: ClipView, dx: float, dy: float, roll: float, zoom: float) -> ClipView:
    """The same clip with an exact field of flow in every pair."""
    x = (np.arange(16) + 0.5) / 16 * SIZE[0] - SIZE[0] / 2
    y = (np.arange(9) + 0.5) / 9 * SIZE[1] - SIZE[1] / 2
    place = (x[None, :] + 1j * y[:, None]) * 100 / DIAGONAL
    dt_s = 0.125
    flow = dx + 1j * dy + (np.exp((zoom + 1j * roll) * dt_s) - 1) / dt_s * place
    raw = np.stack([flow.real, flow.imag], axis=-1).astype(np.float16).tobytes()
    pairs = view.pairs.with_columns(flow_grid=pl.lit(raw), flow_dt_s=pl.lit(dt_s, pl.Float32))
    return ClipView(view.clip, view.frames, pairs)


@pytest.fixture(scope="module")
def any_view(tmp_path_factory: pytest.TempPathFactory) -> ClipView:
    return scanned(tmp_path_factory.mktemp("any"), moved("coffee", 24, dx=5))


@given(st.floats(-20, 20), st.floats(-20, 20), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
def test_an_exact_field_is_fitted_exactly(any_view: ClipView, dx: float, dy: float, roll: float, zoom: float) -> None:
    fit = camera_fit(field(any_view, dx, dy, roll, zoom))
    for found, true, slack in ((fit.dx, dx, 0.05), (fit.dy, dy, 0.05), (fit.roll, roll, 2e-3), (fit.zoom, zoom, 2e-3)):
        assert found == pytest.approx(np.full(len(found), true), abs=slack)
    assert fit.agreement == pytest.approx(1.0)


def test_a_flow_that_is_no_number_is_unmeasured(any_view: ClipView) -> None:
    with pytest.raises(Unmeasured, match="finite"):
        camera_fit(field(any_view, math.inf, 0, 0, 0))


speeds = st.lists(st.floats(-40, 40), min_size=6, max_size=30)


@given(speeds, speeds, st.floats(0, 1))
def test_there_is_always_a_label_and_a_confidence(dx: list[float], dy: list[float], agreement: float) -> None:
    n = min(len(dx), len(dy))
    none, dt_s = np.zeros(n), np.full(n, 0.125)
    share = np.full(n, agreement)
    fit = CameraFit(np.array(dx[:n]), np.array(dy[:n]), none, none, share, none, np.ones(n), dt_s, dt_s.cumsum())
    labels = named(camera_parts(fit))
    assert labels and set(labels) <= set(LABELS) and all(0 <= v <= 1 for v in labels.values())
    assert ("static" in labels) <= (len(labels) == 1)


def test_every_label_has_its_words_in_both_papers() -> None:
    assert {label for label, _, _ in DIRECTIONS} | {"static", "handheld"} == set(LABELS)
    assert len(MOVIE_GEN_CLASSES) == 16 and len(HUNYUAN_CLASSES) == 14
    every = SEPARATOR.join(LABELS)
    assert set(movie_gen(every)) <= set(MOVIE_GEN_CLASSES) and set(hunyuan(every)) <= set(HUNYUAN_CLASSES)
    assert movie_gen("pan right, zoom in") == ("pan right", "zoom in") == hunyuan("pan right, zoom in")
    assert movie_gen("static") == hunyuan("static") == ("static shot",)
    assert movie_gen("roll clockwise, handheld") == ("handheld shot",)
    assert hunyuan("roll clockwise") == ("tilt right",) and hunyuan("roll counterclockwise") == ("tilt left",)
    assert movie_gen(None) == hunyuan(None) == movie_gen("") == ()
    with pytest.raises(ValueError, match="dolly"):
        movie_gen("dolly zoom")


@pytest.mark.skipif(not SHARED_VIDEOS.exists(), reason="no shared footage here")
@pytest.mark.parametrize(
    ("file", "label"),
    [("clear/sam2__05_default_juggle.mp4", "static"), ("research_only/panda-70m__2jKXlH_ceCo.11.mp4", "pan left")],
)
def test_real_shots(tmp_path: Path, file: str, label: str) -> None:
    """The first 2 s of a tripod shot of a man who plays with a ball, and of a slow pan over a landscape."""
    path = SHARED_VIDEOS / file
    if not path.exists():
        pytest.skip(f"{file} is not here")
    capture = cv2.VideoCapture(str(path))
    shrunk = [cv2.resize(capture.read()[1], SIZE, interpolation=cv2.INTER_AREA) for _ in range(48)]
    capture.release()
    frames = (np.asarray(cv2.cvtColor(f, cv2.COLOR_BGR2RGB), np.uint8) for f in shrunk)
    told = measured(camera, scanned(tmp_path, frames))
    assert told["camera_labels"].split(", ")[0] == label and told["camera_confidence"] > 0.4
