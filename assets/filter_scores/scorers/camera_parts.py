"""A camera's movement in one unit, divided into the slow part that is meant and the fast part that is not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .camera_fit import CameraFit

SLOW_WINDOW_S = 1.0
"""The slow part is the mean over a second, so what repeats faster than about once a second is fast."""
ROLL_REACH = 100 / np.sqrt(12)
"""Root mean square distance of a picture's points from its centre, in % of its diagonal."""
DISTRUSTED, TRUSTED = 0.15, 0.5
"""Shares of the picture that follow the fit, between which trust in a pair rises from 0 to 1."""
RAYLEIGH = 1.2
"""Root mean square over median of a length whose two parts are normal."""

Series = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CameraParts:
    """slow, fast: (4, pairs), rows dx, dy, roll, zoom, in % of the crop's diagonal per second.

    A roll of 1 radian and a zoom of e per second count as what they move at the root mean square distance from the
    centre, 28.9 %. weight: (pairs,), sums to 1: length of the pair times trust in its fit.
    """

    slow: Series
    fast: Series
    weight: Series

    @property
    def shake(self) -> float:
        """Root mean square speed of the fast shifts, % of the crop's diagonal per second."""
        return float(np.sqrt((self.weight * (self.fast[:2] ** 2).sum(axis=0)).sum()))

    @property
    def usual_shake(self) -> float:
        """The same from the median over time: one jolt does not count."""
        return RAYLEIGH * weighted_median(np.hypot(self.fast[0], self.fast[1]), self.weight)

    def over_time(self, values: Series) -> float:
        """Weighted mean of a series, (pairs,)."""
        return float((self.weight * values).sum())


def camera_parts(fit: CameraFit) -> CameraParts:
    """The parts of a fitted movement."""
    every = np.stack([fit.dx, fit.dy, fit.roll * ROLL_REACH, fit.zoom * ROLL_REACH])
    trust = trust_of(fit)
    weight = fit.dt_s * (trust if trust.any() else np.ones_like(trust))
    middle_s = fit.end_s - fit.dt_s / 2
    near = np.abs(middle_s[:, None] - middle_s) <= SLOW_WINDOW_S / 2 + 1e-6
    kernel = near * (weight + 1e-9 * fit.dt_s)
    slow = every @ (kernel / kernel.sum(axis=1, keepdims=True)).T
    return CameraParts(slow, every - slow, weight / weight.sum())


def trust_of(fit: CameraFit) -> Series:
    """0 to 1 for each pair, by the share of the picture that follows the fit."""
    trust: Series = np.clip((fit.agreement - DISTRUSTED) / (TRUSTED - DISTRUSTED), 0.0, 1.0)
    return trust


def weighted_median(values: Series, weight: Series) -> float:
    """The smallest value at which half of the weight is reached."""
    order = np.argsort(values)
    reached = np.cumsum(weight[order])
    return float(values[order][min(np.searchsorted(reached, reached[-1] / 2), len(values) - 1)])
