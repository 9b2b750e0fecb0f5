"""An embedder of the user's own, given by an .onnx file.

The graph takes one picture input (batch, 3, height, width), float32 or float16. Its vector is the output named
`embedding`, or else its only output of two dimensions. A batch size that is fixed in the graph is kept to.

How pictures are prepared stands in a JSON file beside it with the same name (`sscd.onnx`, `sscd.json`), every key
optional:

    {"size": [288, 288], "resize": "stretch", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}

`size` is height and width, by default the graph's own, or 224 where it leaves them open. `resize` is "stretch" (the
whole picture, its shape lost), or "crop" (the short side fitted, then the middle). The network is handed RGB
(value / 255 - mean) / std; without mean and std 0..1. The file is part of what the model is: changing it embeds anew.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..measuring.clip_view import Image
from .onnx_session import open_graph, stretched

SIDE = 224
DTYPES: dict[str, type[np.floating[Any]]] = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class Preparation(BaseModel):
    """What the JSON file states."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: tuple[int, int] | None = None
    resize: Literal["stretch", "crop"] = "stretch"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = Field(default=(1.0, 1.0, 1.0))


@dataclass(frozen=True)
class Ports:
    """The graph's input and output: `batch`, `height` and `width` are None where the graph leaves them open."""

    picture: str
    dtype: type[np.floating[Any]]
    batch: int | None
    height: int | None
    width: int | None
    embedding: str


class OnnxEmbedder:
    """One vector a picture, on one CPU thread, or on CUDA where the GPU build of onnxruntime is installed."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """`paths`: the graph, then its JSON file and outside weights where there are any.

        Raises ValueError when the graph is no embedder, or the JSON file is not as described.
        """
        self._graph = open_graph(paths[0], gpu=True)
        self.ports = ports(paths[0].name, self._graph.get_inputs(), self._graph.get_outputs())
        self.preparation = _preparation(next((p for p in paths[1:] if p.suffix == ".json"), None))

    def embed(self, images: Sequence[Image]) -> npt.NDArray[np.float32]:
        """(pictures, dimensions), not normalised."""
        if not images:
            return np.zeros((0, 0), np.float32)
        pictures = prepared(images, self.preparation, self.ports)
        step = self.ports.batch or len(pictures)
        parts = [self._run(pictures[i : i + step], step) for i in range(0, len(pictures), step)]
        return np.concatenate(parts)

    def _run(self, pictures: npt.NDArray[np.floating[Any]], step: int) -> npt.NDArray[np.float32]:
        """A last batch that is short is filled up with its last picture."""
        short = step - len(pictures)
        filled = np.concatenate([pictures, *[pictures[-1:]] * short]) if short else pictures
        found = self._graph.run([self.ports.embedding], {self.ports.picture: filled})[0]
        return np.asarray(found, np.float32)[: len(pictures)]


def ports(name: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> Ports:
    """Which input takes the picture, which output is the vector. Raises ValueError that says what is wrong."""
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type not in DTYPES:
        raise ValueError(f"{name} should take one input of float pictures (batch, 3, height, width)")
    batch, channels, height, width = (n if isinstance(n, int) else None for n in inputs[0].shape)
    if channels not in (3, None):
        raise ValueError(f"{name} takes pictures of {channels} channels; an embedder takes 3")
    flat = [o.name for o in outputs if len(o.shape) == 2]
    named = [o.name for o in outputs if o.name == "embedding"] or flat
    if len(named) != 1:
        raise ValueError(f"{name} should have an output named embedding, or one output of two dimensions, not {flat}")
    return Ports(inputs[0].name, DTYPES[inputs[0].type], batch, height, width, named[0])


def prepared(images: Sequence[Image], how: Preparation, into: Ports) -> npt.NDArray[np.floating[Any]]:
    """(pictures, 3, height, width) in the graph's own type."""
    height, width = how.size or (into.height or SIDE, into.width or SIDE)
    cut = [_middle(i, width / height) for i in images] if how.resize == "crop" else images
    mean, std = (np.array(v, np.float32).reshape(1, 3, 1, 1) for v in (how.mean, how.std))
    return np.asarray((stretched(cut, width, height) / 255 - mean) / std, into.dtype)


def _middle(image: Image, aspect: float) -> Image:
    """The largest part of the picture around its middle with the width / height that is asked for."""
    height, width = image.shape[:2]
    wide, high = max(1, min(width, round(height * aspect))), max(1, min(height, round(width / aspect)))
    x, y = (width - wide) // 2, (height - high) // 2
    return image[y : y + high, x : x + wide]


def _preparation(path: Path | None) -> Preparation:
    if path is None:
        return Preparation()
    try:
        return Preparation.model_validate(json.loads(path.read_text()))
    except (ValueError, ValidationError) as error:
        raise ValueError(f"{path.name} does not say how pictures are prepared: {_first(error)}") from error


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        told = error.errors()[0]
        return f"{'.'.join(map(str, told['loc']))}: {told['msg']}"
    return str(error)
