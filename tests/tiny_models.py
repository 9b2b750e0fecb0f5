"""Tiny models made on the spot: transformers checkpoints with random weights, their preprocessing written out anew, and
an ONNX graph that gives the mean colour of a picture.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from assets.models.transformers_embedder import _hide_broken_torchvision

_hide_broken_torchvision()
TOWER = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 28,
    "patch_size": 14,
}  # fmt: skip
TEXT = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 99,
    "max_position_embeddings": 8, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "projection_size": 32,
}  # fmt: skip


@dataclass(frozen=True)
class Size:
    """How pictures become pixels: `middle` = the short side fitted and the middle cut out, else stretched."""

    middle: bool
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    side: int = 28

    def pixels(self, image: Any) -> torch.Tensor:
        """(3, 28, 28) of a square picture, bicubic by PIL: nothing is cut of a square."""
        from PIL import Image

        assert image.shape[0] == image.shape[1]
        small = np.asarray(Image.fromarray(image).resize((self.side, self.side), Image.Resampling.BICUBIC), np.float32)
        scaled = (small / 255 - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)
        return torch.from_numpy(scaled.transpose(2, 0, 1).copy())

    def config(self, old: bool = False) -> dict[str, Any]:
        """preprocessor_config.json; `old` as CLIP ViT-L/14 of 2021 has it."""
        if old:
            sizes = {"size": self.side, "crop_size": self.side, "image_mean": self.mean, "image_std": self.std}
            return sizes | {"do_center_crop": True, "do_normalize": True, "do_resize": True, "resample": 3}
        common = {
            "do_resize": True,
            "do_rescale": True,
            "do_normalize": True,
            "rescale_factor": 1 / 255,
            "resample": 3,
        }
        common |= {"image_mean": list(self.mean), "image_std": list(self.std)}
        if self.middle:
            sizes = {"size": {"shortest_edge": self.side}, "crop_size": {"height": self.side, "width": self.side}}
            return common | sizes | {"do_center_crop": True}
        return common | {"size": {"height": self.side, "width": self.side}}


OLD = "CLIPFeatureExtractor"
CLIP_SIZE = Size(True, (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
SIGLIP_SIZE = Size(False, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
DINO_SIZE = Size(True, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def save_clip(folder: Path) -> tuple[Any, Path]:
    """A CLIP of 16 dimensions and its folder."""
    from transformers import CLIPConfig, CLIPModel

    config = CLIPConfig(vision_config=dict(TOWER), text_config=dict(TEXT), projection_dim=16)
    return _saved(CLIPModel, config, folder, OLD, CLIP_SIZE)


def save_siglip(folder: Path) -> tuple[Any, Path]:
    """A SigLIP of 32 dimensions and its folder."""
    from transformers import SiglipConfig, SiglipModel

    config = SiglipConfig(vision_config=dict(TOWER), text_config=dict(TEXT))
    return _saved(SiglipModel, config, folder, "SiglipImageProcessor", SIGLIP_SIZE)


def save_dino(folder: Path) -> tuple[Any, Path]:
    """A DINOv2 of 32 dimensions and its folder; its pictures are prepared by BitImageProcessor, as the real one's."""
    from transformers import Dinov2Config, Dinov2Model

    return _saved(Dinov2Model, Dinov2Config(**TOWER), folder, "BitImageProcessor", DINO_SIZE)


def _saved(kind: Any, config: Any, folder: Path, processor: str, size: Size) -> tuple[Any, Path]:
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    torch.manual_seed(7)
    model = kind(config).eval()
    for parameter in model.parameters():  # fresh layers are so small that all pictures look alike
        torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    named = {"image_processor_type" if processor != OLD else "feature_extractor_type": processor}
    (folder / "preprocessor_config.json").write_text(json.dumps(named | size.config(processor == OLD)))
    return model, folder


def head_tensors(prefix: str, width: int, gaps: bool = False) -> tuple[torch.nn.Sequential, dict[str, torch.Tensor]]:
    """A head with random weights as torch layers, and as the tensors of a file, numbered as the published ones."""
    torch.manual_seed(11)
    widths = [width, 1024, 128, 64, 16, 1]
    layers = [torch.nn.Linear(a, b) for a, b in pairwise(widths)]
    numbers = [0, 2, 4, 6, 8] if gaps else [0, 2, 4, 6, 7]
    tensors = OrderedDict()
    for number, layer in zip(numbers, layers, strict=True):
        tensors[f"{prefix}.{number}.weight"] = layer.weight.detach()
        tensors[f"{prefix}.{number}.bias"] = layer.bias.detach()
    return torch.nn.Sequential(*layers).eval(), tensors


def save_mean_colour(path: Path, batch: int | str = "batch", side: int = 8, output: str = "embedding") -> Path:
    """An .onnx file whose vector is the mean of each channel of (batch, 3, side, side): GlobalAveragePool, Flatten."""
    nodes = b"".join(
        _field(1, _field(1, into) + _field(2, out) + _field(4, kind))
        for into, out, kind in ((b"x", b"m", b"GlobalAveragePool"), (b"m", output.encode(), b"Flatten"))
    )
    picture, vector = _tensor("x", (batch, 3, side, side)), _tensor(output, (batch, 3))
    graph = nodes + _field(2, b"mean colour") + _field(11, picture) + _field(12, vector)
    path.write_bytes(_number(1, 8) + _field(7, graph) + _field(8, _number(2, 13)))
    return path


def _tensor(name: str, shape: tuple[int | str, ...]) -> bytes:
    """A ValueInfoProto of single-precision numbers."""
    dims = (_number(1, n) if isinstance(n, int) else _field(2, n.encode()) for n in shape)
    kind = _number(1, 1) + _field(2, b"".join(_field(1, dim) for dim in dims))
    return _field(1, name.encode()) + _field(2, _field(1, kind))


def _field(number: int, content: bytes) -> bytes:
    """A protobuf field of bytes, as .onnx files are made of."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    low = value & 0x7F
    return bytes([low]) if value < 128 else bytes([low | 0x80]) + _varint(value >> 7)
