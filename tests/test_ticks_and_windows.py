"""What is measured on a clock or in windows: ticks, and the hook for a transition model."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from drawn import pictures, yuv
from hypothesis import given
from hypothesis import strategies as st

from assets.scan.pictures import Pictures
from assets.scan.signals.ticks import Ticks
from assets.scan.signals.transition import Transition


@given(st.lists(st.floats(1e-4, 0.5), max_size=200), st.sampled_from([1.0, 4.0, 8.0]), st.floats(-100, 1e4))
def test_ticks_never_exceed_their_rate(gaps: list[float], rate: float, start: float) -> None:
    ticks = Ticks(rate)
    times = start + np.concatenate([[0.0], np.cumsum(gaps)])
    chosen = [float(t) - start for t in times if ticks(float(t))]
    assert chosen[0] == 0
    slots = [int((t + 2e-6) * rate) for t in chosen]
    assert all(a < b for a, b in pairwise(slots)) or max(abs(start), 1) > 1e3


def test_slow_footage_has_every_frame_at_a_tick() -> None:
    ticks = Ticks(8)
    assert all(ticks(i / 5) for i in range(20))


class Recorder:
    """Stands in for a detector: keeps the windows, answers with the red level of each frame."""

    def __init__(self) -> None:
        self.windows: list[np.ndarray] = []

    def __call__(self, window: np.ndarray) -> np.ndarray:
        self.windows.append(window)
        return window[:, 13, 24, 0] / 255


def solid(level: int) -> Pictures:
    return pictures(yuv(np.full((90, 160, 3), (level, 0, 0), np.uint8)))


def test_transition_windows_cover_every_frame_once() -> None:
    model = Recorder()
    transition = Transition(model)
    for i in range(130):
        transition(solid(i + 60))
    transition.finish()
    assert [w.shape for w in model.windows] == [(100, 27, 48, 3)] * 3
    assert model.windows[0].dtype == np.uint8
    red = [w[:, 13, 24, 0].astype(int) for w in model.windows]
    assert np.allclose(red[0], 60 + np.clip(np.arange(-25, 75), 0, 129), atol=3)
    assert np.allclose(red[2], 60 + np.clip(np.arange(75, 175), 0, 129), atol=3)
    assert sorted(transition.probability) == list(range(130))
    assert transition.probability[100] == pytest.approx(160 / 255, abs=0.02)


def test_a_transition_model_sees_only_doubtful_windows_and_none_without_it() -> None:
    model = Recorder()
    transition = Transition(model)
    for i in range(260):
        transition(solid(100), doubtful=i == 120)
    transition.finish()
    assert len(model.windows) == 1
    assert sorted(transition.probability) == list(range(100, 150))
    idle = Transition()
    idle(solid(100))
    idle.finish()
    assert idle.probability == {}
