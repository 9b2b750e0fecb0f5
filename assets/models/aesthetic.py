"""Aesthetic predictors that are a linear head on the normalised vector of CLIP or SigLIP.

LAION's improved-aesthetic-predictor (`simple_inference.py`) and aesthetic-predictor-v2-5 (`siglip_v2_5.py`): five
linear layers with dropout between them and no activation; in use the dropout does nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..measuring.clip_view import Image
from .transformers_embedder import TransformersEmbedder

LAYER = re.compile(r"(.*\.)(\d+)\.weight")


class AestheticHead:
    """One number a picture on the head's own scale, about 1 to 10; higher is liked more.

    Weaknesses: CLIP sees the middle square of a wide picture, SigLIP a squeezed one, and neither sees motion.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        """`paths`: the head (.pth or .safetensors), then the files of the tower's folder.

        Raises ValueError when the head is none, or is not one for this tower.
        """
        self._layers = head_layers(_read(paths[0]))
        self._tower = TransformersEmbedder([paths[1].parent])
        self._layers = [(w.to(self._tower.device), b.to(self._tower.device)) for w, b in self._layers]

    def score(self, images: Sequence[Image]) -> npt.NDArray[np.float32]:
        """(pictures, 1)."""
        import torch

        if not images:
            return np.zeros((0, 1), np.float32)
        vector = self._tower.features(images)
        wanted = self._layers[0][0].shape[1]
        if vector.shape[1] != wanted:
            raise ValueError(f"the tower gives {vector.shape[1]} numbers, the head takes {wanted}")
        vector = vector / vector.norm(dim=-1, keepdim=True)
        for weight, bias in self._layers:
            vector = torch.nn.functional.linear(vector, weight, bias)
        return np.asarray(vector.cpu().numpy(), np.float32)


def _read(path: Path) -> Mapping[str, Any]:
    """Tensors by name; a .pth file is read as weights only, so that it cannot run anything."""
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        tensors: Mapping[str, Any] = load_file(path)
        return tensors
    import torch

    loaded = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(loaded, Mapping):
        raise ValueError(f"{path.name} holds no weights by name")
    return loaded


def head_layers(tensors: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """Weight and bias of each linear layer in the order of their numbers (`layers.0.weight`, `scoring_head.0.weight`).

    Raises ValueError when they are no chain that ends in one number.
    """
    found = [m for name in tensors if (m := LAYER.fullmatch(name))]
    if len({m[1] for m in found}) != 1 or len(tensors) != 2 * len(found):
        raise ValueError("the head is no row of linear layers")
    names = [m[1] + m[2] for m in sorted(found, key=lambda m: int(m[2]))]
    try:
        layers = [(tensors[f"{name}.weight"].float(), tensors[f"{name}.bias"].float()) for name in names]
    except KeyError as missing:
        raise ValueError(f"the head lacks {missing}") from missing
    widths = [(w.shape[1], w.shape[0]) for w, _ in layers]
    if widths[-1][1] != 1 or any(a[1] != b[0] for a, b in pairwise(widths)):
        raise ValueError(f"the head's layers do not follow each other down to one number: {widths}")
    return layers
