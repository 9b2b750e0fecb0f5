"""RapidOCR: PP-OCRv6 small as ONNX, text found by a segmentation network and read by a recogniser; both in the wheel.

Source: Differentiable Binarization (arXiv 1911.08947) and PP-OCR, in the packaging of RapidAI/RapidOCR. The library's
own call enlarges every picture to a short side of 736 px, which costs five times as much as the picture's own size,
and sorts the boxes but not their scores; therefore its parts are called here one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..measuring.clip_view import Image
from .model import TextLine

LONG_SIDE = 640
"""Larger pictures are shrunk to it before text is looked for; smaller ones are read as they are."""
GRAIN = 32
"""The detector wants sides that are multiples of it; pictures are padded, not stretched."""
BOX_SCORE = 0.3
"""Boxes below this mean probability are not read; the library's own is 0.5. Faint text is found at lower ones."""
SETTINGS = {
    "Global.log_level": "error",
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    "Det.limit_type": "max",
    "Det.limit_side_len": LONG_SIDE,
    "Det.box_thresh": BOX_SCORE,
}


class RapidOcr:
    """Reads pictures on one CPU thread: about 0.25 s for 640 x 352 pixels, and 0.02 s a line of text."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """`paths` is empty: the wheel holds the weights. Raises FileNotFoundError when it does not."""
        from rapidocr import RapidOCR
        from rapidocr.ch_ppocr_det import TextDetector
        from rapidocr.ch_ppocr_rec import TextRecognizer

        class Unsorted(TextDetector):  # type: ignore[misc]
            """Boxes stay in the order of their scores."""

            @staticmethod
            def sorted_boxes(dt_boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
                return dt_boxes

        settings = RapidOCR(params=SETTINGS).cfg
        for part, name in ((settings.Det, "det"), (settings.Rec, "rec")):
            part.engine_cfg = settings.EngineConfig.onnxruntime
            part.model_path = str(_in_wheel(name))
        settings.Rec.font_path = None
        self._detector, self._recognizer = Unsorted(settings.Det), TextRecognizer(settings.Rec)

    def read(self, images: Sequence[Image], detail: float = 1.0) -> list[list[TextLine]]:
        """The lines of text in each picture, in no order. A box in which nothing can be read has an empty text.

        detail: lines are looked for in a picture shrunk by this factor, 0..1, and read in the whole one.
        """
        found = [self._detect(image, detail) for image in images]
        texts = iter(self._recognize([crop for _, _, crops in found for crop in crops]))
        return [
            [
                TextLine(_fractions(box, image), text, float(score), sureness)
                for box, score, (text, sureness) in zip(boxes, scores, texts, strict=False)
            ]
            for image, (boxes, scores, _) in zip(images, found, strict=True)
        ]

    def _detect(self, image: Image, detail: float) -> tuple[npt.NDArray[np.float32], list[float], list[Any]]:
        """Corners in pixels of the picture (boxes, 4, 2), their scores, and the boxes cut out upright."""
        from rapidocr.utils.process_img import get_rotate_crop_image

        padded, scale = _prepared(image, detail)
        found = self._detector(padded)
        if found.boxes is None:
            return np.zeros((0, 4, 2), np.float32), [], []
        boxes = np.asarray(found.boxes / scale, np.float32)
        bgr = np.ascontiguousarray(image[..., ::-1])
        return boxes, found.scores, [get_rotate_crop_image(bgr, box) for box in boxes]

    def _recognize(self, crops: list[Any]) -> list[tuple[str, float]]:
        """Text and mean probability of its characters, 0..1, for each cut-out."""
        from rapidocr.ch_ppocr_rec import TextRecInput

        if not crops:
            return []
        read = self._recognizer(TextRecInput(img=crops))
        return [(str(text).strip(), float(score)) for text, score in zip(read.txts, read.scores, strict=True)]


def _prepared(image: Image, detail: float) -> tuple[npt.NDArray[np.uint8], float]:
    """BGR, shrunk, its sides padded to multiples of 32; and by which factor it was shrunk."""
    import cv2

    scale = min(detail, LONG_SIDE / max(image.shape[:2]), 1.0)
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
    below, right = -small.shape[0] % GRAIN, -small.shape[1] % GRAIN
    padded = cv2.copyMakeBorder(small[..., ::-1], 0, below, 0, right, cv2.BORDER_REPLICATE)
    return np.asarray(padded, np.uint8), scale


def _fractions(box: npt.NDArray[np.float32], image: Image) -> tuple[tuple[float, float], ...]:
    height, width = image.shape[:2]
    corners = np.clip(box / (width, height), 0.0, 1.0)
    return tuple((float(x), float(y)) for x, y in corners)


def _in_wheel(part: str) -> Path:
    import rapidocr

    folder = Path(rapidocr.__file__).parent / "models"
    found = sorted(folder.glob(f"*_{part}_*.onnx"))
    if len(found) != 1:
        raise FileNotFoundError(f"rapidocr's wheel should hold one {part} model, it holds {len(found)}")
    return found[0]
