"""Still overlays of known area on drawn pans, and the scenes in which nothing can be told."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl
import pytest
from conftest import SHARED_VIDEOS
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.filter_scores.scorers.overlays import overlays, persistence
from assets.measuring.clip_view import ClipView, Keyframe
from assets.measuring.measure_clips import measure
from demo.footage import Frame, barred, overlaid, pan, photograph, photograph_to_pan, still, with_disc

SIZE = (640, 360)
AREA = SIZE[0] * SIZE[1]


def view(pictures: Iterable[Frame], apart_s: float = 1.0, crop: tuple[int, int, int, int] | None = None) -> ClipView:
    """A clip whose keyframes are these pictures, `apart_s` seconds from each other. crop: x, y, width, height."""
    listed = list(pictures)
    height, width = listed[0].shape[:2]
    box = dict(zip(("crop_x", "crop_y", "crop_w", "crop_h"), crop or (0, 0, width, height), strict=True))
    clip = {"width": width, "height": height, "duration_s": len(listed) * apart_s} | box
    encoded = [cv2.imencode(".jpg", p[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes() for p in listed]
    keyframes = tuple(Keyframe(i * 24, i * apart_s, jpeg) for i, jpeg in enumerate(encoded))
    return ClipView(clip, pl.DataFrame(), pl.DataFrame(), lambda: keyframes)


def moving(name: str = "coffee", count: int = 6, speed: float = 6.0, angle: float = 20.0) -> Iterable[Frame]:
    return pan(photograph_to_pan(name, count, 1, speed, angle, SIZE), count, 1, speed, angle, SIZE)


def logo(width: int, height: int) -> Frame:
    """A framed badge with a disc and letters, no transparent part."""
    badge = np.full((height, width, 3), (20, 60, 140), np.uint8)
    cv2.rectangle(badge, (0, 0), (width - 1, height - 1), (250, 250, 250), 3)
    cv2.circle(badge, (width // 4, height // 2), height // 4, (250, 200, 30), -1)
    cv2.putText(badge, "TV", (width // 2, height * 2 // 3), cv2.FONT_HERSHEY_SIMPLEX, height / 50, (255, 255, 255), 2)
    return badge


def marked(text: str, x: int, y: int, opacity: float, scale: float = 0.9) -> Any:
    """Letters laid over each frame."""

    def over(shot: Iterable[Frame]) -> Iterable[Frame]:
        for frame in shot:
            drawn = frame.copy()
            cv2.putText(drawn, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), 2, cv2.LINE_AA)
            yield np.asarray(cv2.addWeighted(frame, 1 - opacity, drawn, opacity, 0), np.uint8)

    return over


def ratio(of: ClipView) -> float:
    told = measure(overlays, of)
    assert told["error"] is None, told["error"]
    value: float = told["overlay_ratio"]
    return value


def reason(of: ClipView) -> str:
    told = measure(overlays, of)
    assert told["overlay_ratio"] is None
    return str(told["error"])


@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket", "grass", "brick", "gravel", "astronaut"])
def test_a_moving_scene_has_no_overlay(name: str) -> None:
    assert ratio(view(moving(name))) == 0.0


@pytest.mark.parametrize(("width", "height"), [(64, 48), (120, 60), (200, 120)])
@pytest.mark.parametrize("name", ["coffee", "brick"])
def test_the_area_of_an_opaque_logo(name: str, width: int, height: int) -> None:
    clip = view(overlaid(moving(name), logo(width, height), 640 - width - 20, 16))
    assert ratio(clip) == pytest.approx(width * height / AREA, rel=0.15)


@pytest.mark.parametrize("opacity", [0.75, 0.5])
def test_the_area_of_a_half_transparent_logo(opacity: float) -> None:
    clip = view(overlaid(moving("chelsea"), logo(160, 80), 20, 260, opacity))
    assert ratio(clip) == pytest.approx(160 * 80 / AREA, rel=0.25)


@pytest.mark.parametrize("opacity", [1.0, 0.5])
def test_a_written_watermark(opacity: float) -> None:
    """The letters' box is some 230 x 22 px."""
    clip = view(marked("example.com", 30, 330, opacity)(moving()))
    assert 0.5 * 170 * 22 < ratio(clip) * AREA < 1.3 * 230 * 30


def test_overlays_add_up() -> None:
    one = ratio(view(overlaid(moving(), logo(120, 60), 500, 20)))
    two = ratio(view(overlaid(overlaid(moving(), logo(120, 60), 500, 20), logo(100, 80), 20, 260)))
    assert two - one == pytest.approx(100 * 80 / AREA, rel=0.15)


def test_a_banner_over_the_whole_width() -> None:
    """With a rule above and below its letters all of it counts, without them the part around the letters."""
    banner = np.full((40, 640, 3), (150, 20, 30), np.uint8)
    cv2.putText(banner, "LATEST NEWS: NOTHING MOVES DOWN HERE", (10, 29), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (255,) * 3, 2)
    plain = ratio(view(overlaid(moving(), banner, 0, 300)))
    assert 0.4 * 640 * 40 < plain * AREA < 640 * 40
    banner[1:4] = banner[-4:-1] = 255
    assert ratio(view(overlaid(moving(), banner, 0, 300))) == pytest.approx(640 * 40 / AREA, rel=0.15)


def test_bars_are_no_overlay_and_the_area_is_the_contents() -> None:
    shot = barred(overlaid(moving(), logo(120, 60), 500, 80), top=50, bottom=50)
    clip = view(shot, crop=(0, 50, 640, 260))
    assert ratio(clip) == pytest.approx(120 * 60 / (640 * 260), rel=0.15)
    assert ratio(view(barred(moving(), top=50, bottom=50), crop=(0, 50, 640, 260))) == 0.0


def test_an_edge_along_the_movement_is_no_overlay() -> None:
    """A horizon under a level pan stays where it is, as a logo does, and has one direction only."""
    picture = photograph("grass", (900, 360)).copy()
    picture[180:190] = 255
    assert ratio(view(pan(picture, 6, 1, 6.0, 0.0, SIZE))) == 0.0


def test_a_frame_around_the_picture_is_not_filled() -> None:
    framed = []
    for frame in moving():
        cv2.rectangle(frame, (6, 6), (633, 353), (255, 255, 255), 6)
        framed.append(frame)
    assert ratio(view(framed)) < 0.1


def test_a_still_camera_is_unmeasured_with_or_without_a_logo() -> None:
    scene = photograph("coffee", SIZE)
    disc = with_disc(still(scene, 6), 1, 40, (100, 180), (80, 0))
    for shot in (still(scene, 6), overlaid(still(scene, 6), logo(120, 60), 500, 20), disc):
        assert "stands still" in reason(view(shot))


def test_too_few_moments_are_unmeasured() -> None:
    assert "fewer than 3" in reason(view(itertools.islice(moving(), 2)))
    assert "fewer than 3" in reason(view(moving(), apart_s=0.04)), "neighbouring frames show the same"
    assert "no keyframe" in reason(ClipView({}, pl.DataFrame(), pl.DataFrame()))


def test_a_logo_that_is_shown_half_the_time_is_not_still() -> None:
    """Known weakness: it has to stay for the whole clip."""
    plain, with_logo = list(moving()), list(overlaid(moving(), logo(120, 60), 500, 20))
    assert ratio(view(with_logo[:3] + plain[3:])) == 0.0


@settings(max_examples=20, deadline=None)
@given(st.integers(3, 8), st.integers(0, 2**32 - 1))
def test_noise_does_not_persist(count: int, seed: int) -> None:
    lumas = np.random.default_rng(seed).integers(0, 256, (count, 40, 60)).astype(np.uint8)
    found = persistence(lumas)
    assert found.persistent.mean() < 0.05 and 0 <= found.static_share <= 0.2 and found.moving_share > 0.9
    assert persistence(lumas[:1].repeat(count, axis=0)).moving_share == 0.0


@pytest.mark.slow
@pytest.mark.skipif(not SHARED_VIDEOS.exists(), reason="the shared videos are not here")
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("clear/threatexchange__chair-22-with-large-logo-bar.mp4", 0.01, 0.12),
        ("clear/threatexchange__chair-22-with-small-logo-bar.mp4", 0.001, 0.02),
        ("clear/threatexchange__chair-orig-22-sd-bar.mp4", 0.0, 0.0),
    ],
)
def test_copies_of_one_video_with_and_without_a_logo(name: str, low: float, high: float) -> None:
    found = ratio(scanned(SHARED_VIDEOS / name))
    assert low <= found <= high


def scanned(path: Path) -> ClipView:
    """The whole file as one clip, bars cut away as these files have them: 480 x 720 with 32 px left and right."""
    from assets.scan.scan_video import scan_video

    rows = scan_video(path, "0" * 32).keyframes.to_pylist()
    keyframes = tuple(Keyframe(r["frame"], r["pts_s"], r["jpeg"]) for r in rows)
    clip = {"width": 480, "height": 720, "crop_x": 32, "crop_y": 0, "crop_w": 416, "crop_h": 720}
    return ClipView(clip, pl.DataFrame(), pl.DataFrame(), lambda: keyframes)
