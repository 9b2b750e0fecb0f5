"""A clip's signature: its light over time on a small grid inside the crop box, on a clock that all clips share.

Made of `layout`, the 16 x 9 luma means of every frame, so that it costs no decode. Two copies have the same signature
up to a shift in time, whatever their borders, size, frame rate or colour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import polars as pl

ROWS, COLUMNS = 8, 12
CELLS = ROWS * COLUMNS
RATE = 8.0
"""Rows a second."""
LAYOUT = (9, 16)
"""Rows and columns of the stored layout of the whole picture."""
SAMPLES = 4
"""Points over which a cell's mean is taken, along each side."""

Floats = npt.NDArray[np.float32]


def signature(frames: pl.DataFrame, clip: dict[str, Any]) -> bytes:
    """The frames of a clip, rows of frame_signals, as uint8 lumas: ticks x 8 rows x 12 columns, 768 bytes a second."""
    return np.rint(on_clock(inside_crop(layouts(frames), clip), *frame_spans(frames, clip))).astype(np.uint8).tobytes()


def unpacked(stored: bytes) -> Floats:
    """(ticks, 96) lumas 0 to 255."""
    return np.frombuffer(stored, np.uint8).reshape(-1, CELLS).astype(np.float32)


def summary(light: Floats) -> Floats:
    """(192,) unit length, of (ticks, 96): where it is bright on average and where it changes, whatever the contrast.

    It does not depend on when frames are sampled, and finds copies that no keyframe hash does.
    """
    mean, spread = light.mean(axis=0), light.std(axis=0)
    parts = [part / max(float(np.linalg.norm(part)), 1e-6) for part in (mean - mean.mean(), spread - spread.mean())]
    weight = min(1.0, change(light))
    joined = np.concatenate([parts[0], np.float32(weight / 2) * parts[1]])
    return np.asarray(joined / max(float(np.linalg.norm(joined)), 1e-6), np.float32)


def change(light: Floats) -> float:
    """How much the cells of (ticks, 96) change over time: standard deviation around a straight drift, levels."""
    return float(np.sqrt((detrended(light) ** 2).mean()))


def detrended(light: Floats) -> npt.NDArray[np.float64]:
    """Each cell's course in time without its mean and its straight drift: two still shots may brighten alike."""
    time = np.arange(len(light)) - (len(light) - 1) / 2
    course = light.astype(np.float64) - light.mean(axis=0)
    return np.asarray(course - np.outer(time, time @ course / max(float(time @ time), 1e-9)), np.float64)


def layouts(frames: pl.DataFrame) -> Floats:
    """(frames, 9, 16) lumas."""
    return np.frombuffer(b"".join(frames["layout"]), np.uint8).reshape(-1, *LAYOUT).astype(np.float32)


def frame_spans(frames: pl.DataFrame, clip: dict[str, Any]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """When each frame begins and ends, seconds from the clip's start."""
    starts = frames["pts_s"].to_numpy() - clip["start_s"]
    return starts, np.append(starts[1:], max(clip["duration_s"], starts[-1]))


def inside_crop(pictures: Floats, clip: dict[str, Any]) -> Floats:
    """(frames, 9, 16) of whole pictures as (frames, 8, 12) of what lies inside the crop box.

    Cells across the box's edge hold some border; what they hold is taken off, at the light of the cells outside
    (black where there is none).
    """
    y, x = (clip["crop_y"], clip["crop_h"], clip["height"]), (clip["crop_x"], clip["crop_w"], clip["width"])
    rows, outside_rows = _axis(LAYOUT[0], ROWS, y[0] / y[2], y[1] / y[2])
    columns, outside_columns = _axis(LAYOUT[1], COLUMNS, x[0] / x[2], x[1] / x[2])
    outside = outside_rows[:, None] | outside_columns[None, :]
    border = pictures[:, outside].mean(axis=1)[:, None, None] if outside.any() else np.float32(0)
    small = np.einsum("rh,fhw,cw->frc", rows, pictures - border, columns, optimize=True) + border
    return np.asarray(np.clip(small, 0, 255), np.float32)


def _axis(cells: int, wanted: int, start: float, length: float) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """(wanted, cells) weights, and which cells lie wholly outside [start, start + length].

    The weights give means over equal parts of the box of the line through the cells' middles. A cell of which less
    than half is inside has no weight, unless all are so.
    """
    edges = np.arange(cells + 1) / cells
    low, high = np.maximum(edges[:-1], start), np.minimum(edges[1:], start + length)
    share = np.maximum(high - low, 0) * cells
    used = np.flatnonzero(share >= min(0.5, share.max()))
    points = start + (np.arange(wanted * SAMPLES) + 0.5) / (wanted * SAMPLES) * length
    weights = np.zeros((wanted * SAMPLES, cells), np.float32)
    for i, cell in enumerate(used):
        weights[:, cell] = np.interp(points, (low[used] + high[used]) / 2, np.eye(len(used))[i]) / share[cell]
    return weights.reshape(wanted, SAMPLES, cells).mean(axis=1), share <= 0


def on_clock(
    values: Floats, starts: npt.NDArray[np.float64], ends: npt.NDArray[np.float64], rate: float = RATE
) -> Floats:
    """(frames, ...) as (ticks, cells): the mean of what is shown during each tick of the clip's own clock.

    At least one tick; a frame that is shown over several ticks is in all of them.
    """
    flat = values.reshape(len(values), -1).astype(np.float64)
    ticks = max(1, round(float(ends[-1]) * rate))
    shown = np.maximum(ends - starts, 0.0)
    total = np.concatenate([np.zeros((1, flat.shape[1])), np.cumsum(flat * shown[:, None], axis=0)])
    at = np.concatenate([starts, ends[-1:]])
    edges = np.clip(np.arange(ticks + 1) / rate, at[0], at[-1])
    light = np.stack([np.interp(edges, at, column) for column in total.T], axis=1)
    length = np.diff(edges)
    nearest = np.clip(np.searchsorted(starts, edges[:-1], side="right") - 1, 0, len(starts) - 1)
    means = np.diff(light, axis=0) / np.maximum(length, 1e-9)[:, None]
    return np.where((length > 1e-6)[:, None], means, flat[nearest]).astype(np.float32)
