"""Hard cuts: the replay gives what PySceneDetect's detector gives when it sees the pictures."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from scenedetect.common import FrameTimecode, Timecode
from scenedetect.detectors import AdaptiveDetector

from assets.clips.cuts import CutSettings, find_cuts

FPS = 30.0


class Recorder(AdaptiveDetector):
    """The library's detector, which also keeps its frame scores."""

    def __init__(self, **options):
        super().__init__(**options)
        self.scores = []

    def process_frame(self, timecode, frame_img):
        cuts = super().process_frame(timecode, frame_img)
        self.scores.append(self._frame_score)
        return cuts


def footage(lengths: list[int], seed: int) -> np.ndarray:
    """Moving noisy photographs, one a shot, (frames, 144, 256, 3)."""
    rng = np.random.default_rng(seed)
    photos = [skimage.data.astronaut(), skimage.data.coffee(), skimage.data.chelsea(), skimage.data.rocket()]
    frames = []
    for shot, length in enumerate(lengths):
        photo = cv2.resize(photos[shot % len(photos)], (400, 300))
        speed = rng.uniform(0, 3)
        for k in range(length):
            x = int(min(k * speed, 143))
            frames.append(photo[60:204, x : x + 256] + rng.normal(0, 3, (144, 256, 1)))
    return np.clip(frames, 0, 255).astype(np.uint8)


def library(frames: np.ndarray, pts_s: np.ndarray, **options) -> tuple[list[int], list[float]]:
    """Cuts and frame scores of PySceneDetect's detector on the pictures."""
    detector = Recorder(**options)
    ticks = [round(float(at) * 90000) for at in pts_s]
    cuts = []
    for tick, frame in zip(ticks, frames, strict=True):
        position = FrameTimecode(Timecode(tick, Fraction(1, 90000)), fps=Fraction(30))
        cuts += detector.process_frame(position, frame)
    return [ticks.index(cut.pts) for cut in cuts], detector.scores


@pytest.mark.parametrize("options", [{}, {"adaptive_threshold": 1.5, "min_scene_len": 30}, {"window_width": 4}])
def test_replay_equals_the_detector_on_the_pictures(options):
    frames = footage([40, 25, 8, 60, 33, 14, 15, 16, 45], seed=3)
    pts_s = np.arange(len(frames)) / FPS
    expected, scores = library(frames, pts_s, **options)
    assert len(expected) >= 4
    assert find_cuts(scores, pts_s, FPS, CutSettings(**options)) == expected


def test_cuts_are_the_first_frames_of_the_shots():
    frames = footage([40, 50, 60], seed=1)
    pts_s = np.arange(len(frames)) / FPS
    assert find_cuts(library(frames, pts_s)[1], pts_s, FPS) == [40, 90]


def test_shortest_scene_is_counted_in_time_where_frames_were_dropped():
    frames = footage([40, 12, 60], seed=2)
    dense = np.arange(len(frames)) / FPS
    sparse = np.cumsum(np.where(np.arange(len(frames)) % 3 == 2, 2, 1)) / FPS
    scores = library(frames, dense)[1]
    assert find_cuts(scores, dense, FPS) == [40] == library(frames, dense)[0]
    assert find_cuts(scores, sparse, FPS) == [40, 52] == library(frames, sparse)[0]


def test_short_and_empty_series_have_no_cut():
    assert find_cuts([], [], FPS) == []
    assert find_cuts([0.0], [0.0], FPS) == []
    assert find_cuts([0.0, 200.0], [0.0, 0.04], 0.0) == []


def test_repeated_timestamps_do_not_stop_the_replay():
    scores = [0.0] * 20 + [90.0] + [0.0] * 20
    assert find_cuts(scores, [0.1 * (i // 2) for i in range(41)], FPS) == [20]


def test_wrong_series_say_what_is_wrong():
    with pytest.raises(ValueError, match="3 frames, pts_s 2"):
        find_cuts([0, 1, 2], [0, 1], FPS)
    with pytest.raises(ValueError, match="missing for frame 1"):
        find_cuts([0, float("nan")], [0, 1], FPS)


def test_settings_load_without_scenedetect():
    code = "import sys, assets.clips.shots; assert not {'cv2', 'scenedetect', 'av'} & set(sys.modules), 'loaded'"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])
