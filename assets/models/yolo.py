"""Yolo-Fastest 1.1: things of 80 classes, or people only, told by the number of scores that the graph gives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..measuring.clip_view import Image
from .boxes import Floats, detections
from .coco import COCO_NAMES
from .model import Detection
from .onnx_session import open_graph, stretched

SIDE = 320
FLOOR, IOU = 0.3, 0.45
"""The lowest score that is told; above 0.25 the published precision is 0.43. IoU as in Darknet."""


class YoloFastest:
    """Reads RGB in 0..1, the whole picture stretched to 320 x 320. 17 to 26 ms a picture on one CPU thread.

    Weaknesses: near close-ups and small things are missed, crowds have doubled boxes, horses are cows, cars from above
    are cell phones.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._graph = open_graph(paths[0])

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """Detections of each picture, best first, with COCO names in Darknet's spelling; score at least 0.3."""
        if not images:
            return []
        boxes, scores = self._graph.run(["boxes", "scores"], {"images": stretched(images, SIDE, SIDE) / 255})
        return [decode(b, s) for b, s in zip(boxes, scores, strict=True)]


def decode(boxes: Floats, scores: Floats) -> list[Detection]:
    """From (candidates, 4) centre x, centre y, width, height in fractions, and (candidates, 80 or 1) scores."""
    centre, half = boxes[:, :2], boxes[:, 2:] / 2
    corners = np.concatenate([centre - half, centre + half], axis=1)
    labels = COCO_NAMES if scores.shape[1] == len(COCO_NAMES) else ("person",)
    return detections(corners, scores, labels, FLOOR, IOU)
