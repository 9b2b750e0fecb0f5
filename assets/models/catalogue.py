"""Every model that the project knows by name, and how a model given by its path is used."""

from __future__ import annotations

from .model import Model

MODELS: tuple[Model, ...] = ()


def find_model(name: str) -> Model:
    """A model by its name, or by the path of an .onnx file or of a transformers folder.

    Raises KeyError that lists the names.
    """
    for model in MODELS:
        if model.name == name:
            return model
    raise KeyError(f"no model {name!r}; known: {', '.join(m.name for m in MODELS)}")
