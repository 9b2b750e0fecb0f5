"""The decoded frames of a quick scan laid on the clock of the source.

Fades and dissolves are known by how they run from frame to frame, and their detectors count in frames of the source.
So the frames that a quick scan left out are filled in between those that it decoded: a mix of two pictures lies on the
line between them, as the pictures of a dissolve do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

MOST_LEFT_OUT = 15
"""Frames between two decoded ones that are filled in; codecs leave out fewer. A longer wait is the source's own: it is
one step, as in a whole scan."""
_BLOCK = 1 << 14


@dataclass(frozen=True)
class SourceClock:
    """place: (decoded,) frame numbers of the decoded frames in the source, from 0, rising."""

    place: np.ndarray

    @classmethod
    def of(cls, pts_s: np.ndarray, fps: float) -> SourceClock:
        """`pts_s`: the decoded frames' timestamps, s, rising. `fps`: the source's average rate; nothing is filled in
        where it is not positive.
        """
        steps = np.diff(pts_s) * (fps if np.isfinite(fps) and fps > 0 else 0.0)
        whole = np.rint(np.nan_to_num(steps))
        whole = np.where((whole < 1) | (whole > MOST_LEFT_OUT + 1), 1, whole).astype(np.int64)
        return cls(np.concatenate([np.zeros(min(len(pts_s), 1), np.int64), np.cumsum(whole)]))

    @property
    def frames(self) -> int:
        return int(self.place[-1]) + 1 if len(self.place) else 0

    def of_source(self, decoded: int) -> int:
        """Place of a decoded frame; one past the last frame's is one past the last decoded."""
        return int(self.place[decoded]) if decoded < len(self.place) else self.frames

    def decoded(self, place: int) -> int:
        """The first decoded frame at or after a place."""
        return int(np.searchsorted(self.place, place))

    def filled(self, values: ArrayLike, cuts: list[int]) -> np.ndarray:
        """A value, or a row of values, for each frame of the source: (decoded, ...) to (frames, ...), same type.

        A left-out frame lies on the line from the one before to the one after; before a cut (`cuts`: decoded frames
        that begin a shot) it repeats the one before.
        """
        every = np.asarray(values)
        result = np.empty((self.frames, *every.shape[1:]), every.dtype)
        begins = np.isin(np.arange(len(every) + 1), cuts)
        for start in range(0, self.frames, _BLOCK):
            at = np.arange(start, min(start + _BLOCK, self.frames))
            after = np.searchsorted(self.place, at)
            before = np.maximum(np.where(self.place[after] == at, after, after - 1), 0)
            way = (at - self.place[before]) / np.maximum(self.place[after] - self.place[before], 1)
            way = np.where(begins[after], 0.0, way).reshape(-1, *[1] * (every.ndim - 1))
            mixed = every[before] * (1 - way) + every[after] * way
            result[at] = np.rint(mixed) if np.issubdtype(every.dtype, np.integer) else mixed
        return result
