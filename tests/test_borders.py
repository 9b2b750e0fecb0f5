"""Borders of drawn pictures, as they are after coding."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from drawn import COFFEE, pictures

from assets.scan.pictures import Pictures
from assets.scan.signals.borders import Borders


def coded(rgb: np.ndarray, tmp_path: Path, turn: float = 0) -> Pictures:
    """The picture after x264 at a low quality, as decoded."""
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "30"})
        stream.height, stream.width, stream.pix_fmt = *rgb.shape[:2], "yuv420p"
        if turn:
            stream.set_display_rotation(turn)
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())
    with av.open(str(path)) as container:
        return pictures(list(container.decode(video=0))[1])


def padded(colour: int | tuple[int, int, int], top: int, bottom: int, left: int, right: int) -> np.ndarray:
    """The photograph on a 960 x 540 canvas inside bands of one colour."""
    image = np.full((540, 960, 3), colour, np.uint8)
    inner = cv2.resize(COFFEE, (960 - left - right, 540 - top - bottom), interpolation=cv2.INTER_AREA)
    image[top : 540 - bottom, left : 960 - right] = inner
    return image


EDGES = ("border_top", "border_bottom", "border_left", "border_right")


@pytest.mark.parametrize("bands", [(70, 70, 0, 0), (0, 0, 140, 140), (37, 0, 0, 0), (40, 50, 60, 70)])
@pytest.mark.parametrize("colour", [0, 255, (20, 60, 160)])
def test_borders_are_found_within_2_px_after_compression(
    tmp_path: Path, bands: tuple[int, int, int, int], colour: int | tuple[int, int, int]
) -> None:
    found = Borders()(coded(padded(colour, *bands), tmp_path))
    assert [found[e] for e in EDGES] == pytest.approx(list(bands), abs=2)


def test_borders_are_told_in_displayed_orientation(tmp_path: Path) -> None:
    seen = coded(padded(0, 60, 0, 0, 0), tmp_path, turn=-90)
    assert (seen.geometry.turn, seen.geometry.width, seen.geometry.height) == (90, 540, 960)
    found = Borders()(seen)
    assert found["border_right"] == pytest.approx(60, abs=2)
    assert sum(found.values()) == found["border_right"]
    assert seen.luma.shape == (320, 180)
    assert seen.luma[:, -15:].max() < 30 < seen.luma[:, :-25].mean()


def test_a_night_scene_and_a_black_frame_have_no_borders(tmp_path: Path) -> None:
    night = np.zeros((540, 960), np.float32)
    cv2.circle(night, (500, 330), 120, 200, -1)
    night = 6 + cv2.GaussianBlur(night, (0, 0), 60) + np.random.default_rng(0).normal(0, 2, night.shape)
    dark = np.repeat(np.clip(night, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    assert set(Borders()(coded(dark, tmp_path)).values()) == {0}
    assert set(Borders()(coded(np.zeros((540, 960, 3), np.uint8), tmp_path)).values()) == {0}
    assert set(Borders()(coded(padded(0, 0, 0, 0, 0), tmp_path)).values()) == {0}
