"""The settings that change what is computed. Each enters the fingerprint of the step that reads it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from .models.catalogue import find_model
from .models.weights import ModelFolder


@dataclass(frozen=True)
class ScanOptions:
    """What the one decode refuses."""

    max_pixels: int = 8192 * 4320
    """Coded width times height; a larger picture is `unsupported`."""
    max_frames: int = 2_000_000
    max_duration_s: float = 12 * 3600.0


@dataclass(frozen=True)
class ShotOptions:
    """How decoded frames become clips. None = the detector's own default, read from scenedetect at run time."""

    adaptive_threshold: float | None = None
    min_content_val: float | None = None
    min_scene_len: int | None = None
    """Frames that must pass between two cuts."""
    min_shot_s: float = 1.0
    max_clip_s: float = 16.0
    trim_window_s: float = 0.5
    """The clip starts at the sharpest frame of this first part of its shot (HunyuanVideo, section 3.1)."""


@dataclass(frozen=True)
class Options:
    """All of them. `workers` and limits on time and memory are not here: they change no row of a good file."""

    scan: ScanOptions = ScanOptions()
    shots: ShotOptions = ShotOptions()
    models: ModelFolder = field(default_factory=lambda: ModelFolder("models"))
    """Where weights lie. What they are enters the fingerprints, the folder does not."""

    def lack(self, model: str | None) -> str | None:
        """What keeps a scorer's model from being used; None when nothing does, or when it needs none."""
        return self.models.lacks(find_model(model)) if model else None

    def of(self, step: str) -> dict[str, Any]:
        """The options that a step's recipe holds."""
        return {"scan": asdict(self.scan), "clips": asdict(self.shots)}.get(step, {})
