"""The hook for a neural shot-transition detector that reads windows of 48 x 27 frames (TransNetV2's form)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import cv2
import numpy as np

from ..pictures import Pictures

WIDTH, HEIGHT = 48, 27
WINDOW, STRIDE = 100, 50
MARGIN = (WINDOW - STRIDE) // 2

TransitionModel = Callable[[np.ndarray], np.ndarray]
"""(100, 27, 48, 3) uint8 RGB frames to 100 probabilities 0-1 that a frame lies in a transition."""


class Transition:
    """transition_probability: the model's output for the middle 50 frames of each window of 100, by frame number.

    Windows advance by 50; the first and last frame are repeated for 25 frames at the ends. A window is evaluated only
    when one of its middle 50 frames was pushed as doubtful. Without a model nothing is kept and nothing computed.
    """

    def __init__(self, model: TransitionModel | None = None) -> None:
        self._model = model
        self._ring: deque[np.ndarray] = deque(maxlen=WINDOW)
        self._doubtful: set[int] = set()
        self._frames, self._pushed = 0, 0
        self.probability: dict[int, float] = {}

    def __call__(self, pictures: Pictures, doubtful: bool = True) -> None:
        if self._model is None:
            return
        small = cv2.resize(pictures.bgr, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        rgb = cv2.cvtColor(small, cv2.COLOR_BGR2RGB)
        if doubtful:
            self._doubtful.add(self._frames)
        self._frames += 1
        for _ in range(1 + MARGIN if self._frames == 1 else 1):
            self._push(rgb)

    def finish(self) -> None:
        """Evaluate what is left after the last frame."""
        if self._frames == 0:
            return
        needed = -(-self._frames // STRIDE) * STRIDE + 2 * MARGIN
        while self._pushed < needed:
            self._push(self._ring[-1])

    def _push(self, rgb: np.ndarray) -> None:
        self._ring.append(rgb)
        self._pushed += 1
        if self._pushed < WINDOW or (self._pushed - WINDOW) % STRIDE:
            return
        first = self._pushed - WINDOW
        middle = range(first, min(first + STRIDE, self._frames))
        if self._model is None or self._doubtful.isdisjoint(middle):
            return
        output = np.asarray(self._model(np.stack(self._ring)), dtype=np.float64).ravel()
        for frame in middle:
            self.probability[frame] = float(output[MARGIN + frame - first])
