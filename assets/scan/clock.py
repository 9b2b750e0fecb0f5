"""When a frame is shown, made of what the file says."""

from __future__ import annotations

BACKWARD_JUMP_S = 1.0
SMALLEST_STEP_S = 0.001


class Clock:
    """Strictly increasing timestamps out of the file's own.

    A frame without a timestamp follows its predecessor by the nominal interval. A repeated timestamp, or one up to
    1 s back, becomes its predecessor + 1 ms. A larger step back is a restarted clock (joined streams): that frame
    follows by the nominal interval and all later ones are shifted alike. Gaps forward stay.
    """

    def __init__(self, interval_s: float) -> None:
        self.interval_s = interval_s
        self.last: float | None = None
        self.shift = 0.0

    def __call__(self, pts_s: float | None) -> float:
        last = self.last
        if last is None:
            now = 0.0 if pts_s is None else pts_s
        elif pts_s is None:
            now = last + self.interval_s
        else:
            now = pts_s + self.shift
            if now < last - BACKWARD_JUMP_S:
                self.shift += last + self.interval_s - now
                now = last + self.interval_s
            elif now <= last:
                now = last + SMALLEST_STEP_S
        self.last = now
        return now
