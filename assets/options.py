"""The settings that change what is computed. Each enters the fingerprint of the step that reads it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from .captions.options import CaptionOptions
from .columns import UNMEASURED
from .measuring.scorer import Scorer
from .models.catalogue import find_model
from .models.weights import ModelFolder

NOT_IN_QUICK = "not measured by a quick scan"
"""Why a scorer that needs every frame is not enabled."""


@dataclass(frozen=True)
class ScanOptions:
    """What the one decode refuses, and what it leaves out."""

    max_pixels: int = 8192 * 4320
    """Coded width times height; a larger picture is `unsupported`."""
    max_frames: int = 2_000_000
    max_duration_s: float = 12 * 3600.0
    quick: bool | None = None
    """Leave out frames that no other frame refers to (scan/leaving_out.py): a triage. None = as the last run on the
    root did; a run itself leaves out nothing."""

    def recipe(self) -> dict[str, Any]:
        """What a step's fingerprint holds. A whole scan does not know of quick ones: its rows are the same."""
        held = asdict(self)
        return held if self.quick else {name: value for name, value in held.items() if name != "quick"}


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
class ConceptOptions:
    """How clips are clustered into concepts."""

    count: int | None = None
    """Centroids; None = from the number of clips, at most 10,000 (HunyuanVideo, section 3.1)."""
    seed: int = 0
    settled_at: int = 10_000
    """Centroids that were made of fewer clips are made again once there are twice as many."""

    def __post_init__(self) -> None:
        if self.count is not None and not 1 <= self.count <= 1_000_000:
            raise ValueError(f"concepts.count is {self.count}, allowed are 1 to 1000000")
        if self.settled_at < 0:
            raise ValueError(f"concepts.settled_at is {self.settled_at}; it must be 0 or more")


@dataclass(frozen=True)
class Options:
    """All of them. `workers` and limits on time and memory are not here: they change no row of a good file."""

    scan: ScanOptions = ScanOptions()
    shots: ShotOptions = ShotOptions()
    embedding: str = "classical"
    """`classical`, a model of the catalogue, the path of an .onnx file or of a transformers folder."""
    concepts: ConceptOptions = ConceptOptions()
    captions: CaptionOptions = field(default_factory=CaptionOptions)
    models: ModelFolder = field(default_factory=lambda: ModelFolder("models"))
    """Where weights lie. What they are enters the fingerprints, the folder does not."""

    without: tuple[str, ...] = ()
    """Scorers that are not run."""

    def lack(self, scorer: Scorer) -> str | None:
        """What keeps a scorer from being used; None when it is enabled."""
        if scorer.name in self.without:
            return "left out by the setting `without`"
        if scorer.quick == UNMEASURED and self.scan.quick:
            return NOT_IN_QUICK
        return self.models.lacks(find_model(scorer.model)) if scorer.model else None

    def of(self, step: str) -> dict[str, Any]:
        """The options that a step's recipe holds."""
        held: dict[str, Any] = {"clips": self.shots, "concepts": self.concepts}
        if step in ("scan", "captions"):
            return self.scan.recipe() if step == "scan" else self.captions.recipe()
        return asdict(held[step]) if step in held else {}
