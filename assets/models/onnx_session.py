"""An ONNX graph opened for one worker, and pictures made into its input."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..measuring.clip_view import Image


def open_graph(path: Path, gpu: bool = False) -> Any:
    """An onnxruntime session with one thread: workers are the parallelism. `gpu`: on CUDA where that build is here."""
    import onnxruntime  # type: ignore[import-untyped]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    there = onnxruntime.get_available_providers()
    wanted = ["CUDAExecutionProvider"] if gpu else []
    providers = [p for p in (*wanted, "CPUExecutionProvider") if p in there]
    return onnxruntime.InferenceSession(str(path), options, providers=providers)


def stretched(images: Sequence[Image], width: int, height: int) -> npt.NDArray[np.float32]:
    """(pictures, 3, height, width), 0..255: each whole picture stretched to the size, bilinear, without bars."""
    import cv2

    small = [cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR) for image in images]
    return np.stack(small).transpose(0, 3, 1, 2).astype(np.float32)
