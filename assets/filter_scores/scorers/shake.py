"""Shake: how fast the picture is thrown about."""

from __future__ import annotations

from typing import Any

from ...columns import APPROXIMATE, DOUBLE, Column
from ...measuring.scorer import ClipView, Unmeasured, scorer
from .camera_fit import camera_fit
from .camera_parts import camera_parts

FEWEST_PAIRS = 4


@scorer(
    Column("shake", DOUBLE, "Root mean square speed of the camera's fast shifts, what is left when the mean over a "
           "second is taken off; higher shakes more.", "% of the diagonal per s", 0, serves="jittery motion"),
    version=1,
    helpers=tuple(f"filter_scores/scorers/{name}.py" for name in ("camera_fit", "camera_parts", "repeated_frames")),
    quick=APPROXIMATE,
)  # fmt: skip
def shake(view: ClipView) -> dict[str, Any]:
    """Speed of the camera's shifts faster than about 1 Hz, inside the crop box and in the unit of its diagonal.

    A tripod scores under 0.3, a hand that stands still 0.5 to 4, a walking one over 10. Weakness: flow has at most 8
    pairs a second, so that tremor over 4 Hz is seen in part; the start and stop of a fast pan count; where subjects
    fill the picture their movement does. Source: Movie Gen 3.2.1 removes jittery motion; this measure of it is ours.
    """
    fit = camera_fit(view)
    if len(fit.dt_s) < FEWEST_PAIRS:
        raise Unmeasured(f"fewer than {FEWEST_PAIRS} flow pairs inside the clip")
    return {"shake": camera_parts(fit).shake}
