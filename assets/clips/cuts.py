"""Hard cuts, replayed from the stored content metric with PySceneDetect's own adaptive detector.

Logic and defaults are those of the installed scenedetect: only the frame score is replaced by the stored one.
scenedetect, and with it cv2, is imported when cuts are looked for, not with this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from scenedetect.common import FrameTimecode
    from scenedetect.detectors import AdaptiveDetector

_TIME_BASE = Fraction(1, 1_000_000)


@dataclass(frozen=True)
class CutSettings:
    """Options of PySceneDetect's AdaptiveDetector; None keeps the installed library's default."""

    adaptive_threshold: float | None = None
    min_scene_len: int | float | str | None = None
    window_width: int | None = None
    min_content_val: float | None = None

    def options(self) -> dict[str, int | float | str]:
        """The options that were set."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def find_cuts(content_val: ArrayLike, pts_s: ArrayLike, fps: float, settings: CutSettings | None = None) -> list[int]:
    """Frames that begin a new shot after a hard cut, ascending; never 0.

    `content_val`: PySceneDetect's content metric, one a frame, 0 for the first. `pts_s`: the frames' timestamps in
    seconds; scenedetect counts `min_scene_len` in frames of `fps` over them, so VFR files behave as there.
    `fps`: average frame rate, 1/s; 25 where it is not positive.
    Raises ValueError when the two series differ in length or a score is missing.
    """
    from scenedetect.common import FrameTimecode, Timecode

    scores = np.asarray(content_val, np.float64)
    ticks = _ticks(np.asarray(pts_s, np.float64))
    if len(scores) != len(ticks):
        raise ValueError(f"content_val has {len(scores)} frames, pts_s {len(ticks)}: pass one value a frame in both")
    if np.isnan(scores).any():
        raise ValueError(f"content_val is missing for frame {int(np.argmax(np.isnan(scores)))}: scan the video again")
    detector = _replay(scores.tolist(), settings or CutSettings())
    rate = Fraction(fps).limit_denominator(100_000) if fps and np.isfinite(fps) and fps > 0 else Fraction(25)
    frame_of = {tick: frame for frame, tick in enumerate(ticks)}
    no_picture = np.empty((0, 0, 3), np.uint8)
    cuts: list[FrameTimecode] = []
    for tick in ticks:
        cuts += detector.process_frame(FrameTimecode(Timecode(tick, _TIME_BASE), fps=rate), no_picture)
    return sorted({frame_of[cut.pts] for cut in cuts} - {0})


def _replay(scores: Sequence[float], settings: CutSettings) -> AdaptiveDetector:
    """The library's detector, its frame scores taken from a list instead of pictures."""
    from scenedetect.detectors import AdaptiveDetector

    following = iter(scores)

    class Replay(AdaptiveDetector):  # type: ignore[misc]
        def _calculate_frame_score(self, timecode: FrameTimecode, frame_img: np.ndarray) -> float:
            return next(following)

    return Replay(**settings.options())


def _ticks(pts_s: np.ndarray) -> list[int]:
    """Microseconds from the first frame on, strictly rising even where timestamps repeat or run backwards."""
    if not len(pts_s):
        return []
    known = np.nan_to_num(pts_s, nan=-np.inf)
    ticks = np.rint((np.maximum.accumulate(known) - pts_s[0]) * 1e6).astype(np.int64)
    frames = np.arange(len(ticks))
    return [int(tick) for tick in np.maximum.accumulate(ticks - frames) + frames]
