"""An embedder given by a transformers folder: CLIP, SigLIP, DINOv2, ViT and others, from files alone.

The folder holds config.json, preprocessor_config.json and weights (model.safetensors; .bin files are read as weights
only, never as programs). Nothing is downloaded and no code of the folder is run. A model with a picture tower gives
what its `get_image_features` gives, another its pooled output, or the first token where it has none.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..measuring.clip_view import Image


class TransformersEmbedder:
    """One vector a picture in single precision: on CUDA when it is there, else on this worker's CPU thread."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """`paths`: the folder. Raises FileNotFoundError when a file of it is missing, ValueError when it is no vision
        model.
        """
        folder = paths[0]
        for needed in ("config.json", "preprocessor_config.json"):
            if not (folder / needed).is_file():
                raise FileNotFoundError(f"{folder} holds no {needed}: it is no transformers vision model")
        self.device, self._processor, self._model = _opened(folder)

    def embed(self, images: Sequence[Image]) -> npt.NDArray[np.float32]:
        """(pictures, dimensions), not normalised."""
        if not images:
            return np.zeros((0, 0), np.float32)
        return np.asarray(self.features(images).cpu().numpy(), np.float32)

    def features(self, images: Sequence[Image]) -> Any:
        """The same as a torch tensor on the model's device."""
        import torch
        from PIL import Image as Pictures

        pictures = [Pictures.fromarray(np.ascontiguousarray(image)) for image in images]
        pixels = self._processor(images=pictures, return_tensors="pt")["pixel_values"].to(self.device)
        with torch.inference_mode():
            if hasattr(self._model, "get_image_features"):
                return _vector(self._model.get_image_features(pixel_values=pixels))
            return _vector(self._model(pixel_values=pixels))


def _vector(found: Any) -> Any:
    """(pictures, dimensions) of what a model returned; older versions of the library return the tensor itself."""
    pooled = getattr(found, "pooler_output", None)
    if pooled is not None:
        return pooled.flatten(1)
    return found.last_hidden_state[:, 0] if hasattr(found, "last_hidden_state") else found


def _opened(folder: Path) -> tuple[Any, Any, Any]:
    """Device, processor and model. The text tower is let go: half of the memory of CLIP and SigLIP."""
    _hide_broken_torchvision()
    import torch
    from transformers import AutoImageProcessor, AutoModel
    from transformers.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    safe: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    processor: Any = AutoImageProcessor.from_pretrained(  # type: ignore[no-untyped-call]
        str(folder), backend="pil", **safe
    )
    model = AutoModel.from_pretrained(str(folder), dtype=torch.float32, **safe).eval()
    if hasattr(model, "get_image_features"):
        with suppress(AttributeError):
            del model.text_model
    elif getattr(model, "main_input_name", "") != "pixel_values":
        raise ValueError(f"{folder} holds {type(model).__name__}, which takes no pictures")
    return device, processor, model.to(device)


def _hide_broken_torchvision() -> None:
    """transformers imports a torchvision that is installed, and fails with one built for another torch. Without any,
    it prepares pictures with PIL, which is what is wanted here.
    """
    try:
        import_module("torchvision")
    except Exception:  # whatever it fails with, it is not there
        for name in [n for n in sys.modules if n.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        sys.modules["torchvision"] = None  # type: ignore[assignment]
