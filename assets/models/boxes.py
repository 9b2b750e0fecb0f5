"""Boxes and scores of a network made into detections: a score floor, then non-maximum suppression a class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .model import Detection

Floats = npt.NDArray[np.float32]


def detections(boxes: Floats, scores: Floats, labels: Sequence[str], floor: float, iou: float) -> list[Detection]:
    """Detections of one picture, best first.

    `boxes` (candidates, 4) as x0, y0, x1, y1 in fractions of the picture, may reach past its edges; `scores`
    (candidates, labels). Each candidate counts for its best label only. Of two boxes of a label that
    overlap by more than `iou` the better one stays; `floor` is the lowest score that counts.
    """
    import cv2

    best = scores.argmax(axis=1)
    score = scores[np.arange(len(scores)), best]
    taken = score >= floor
    corners, score, best = boxes[taken].astype(np.float64), score[taken], best[taken]
    if not len(corners):
        return []
    sized = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxesBatched(sized.tolist(), score.tolist(), best.tolist(), 0.0, iou)
    ordered = sorted((int(i) for i in np.asarray(kept).ravel()), key=lambda i: (-float(score[i]), i))
    inside = np.clip(corners, 0.0, 1.0)
    return [Detection(_four(inside[i]), float(score[i]), labels[int(best[i])]) for i in ordered]


def _four(box: npt.NDArray[np.float64]) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (float(v) for v in box)
    return x0, y0, x1, y1
