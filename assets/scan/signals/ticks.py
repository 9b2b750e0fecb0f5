"""The fixed clock that says which frames get the dearer signals."""

from __future__ import annotations

EARLY_S = 1e-6


class Ticks:
    """Frames on a clock of `rate` a second that starts with the first frame; calls must be in order of time."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._start: float | None = None
        self._next = 0

    def __call__(self, pts_s: float) -> bool:
        """True for the first frame at or after a tick that no frame has had."""
        if self._start is None:
            self._start = pts_s
        elapsed = (pts_s - self._start + EARLY_S) * self.rate
        if elapsed < self._next:
            return False
        self._next = int(elapsed) + 1
        return True
