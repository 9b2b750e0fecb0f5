"""Every step of the flow: its explicit version and the source files that define its result.

Raise a version when the rows that a step writes change. tests/test_step_versions.py fails when a step's source
has changed and its version has not.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import PurePath
from typing import Any

from .filter_scores.scorers import SCORERS
from .measuring.scorer import Scorer
from .models.catalogue import MODELS
from .models.model import Model
from .options import Options
from .store import fingerprint


@dataclass(frozen=True)
class Step:
    """A step, its version, its sources (globs below assets/), and libraries whose version is part of its result."""

    name: str
    version: int
    sources: tuple[str, ...]
    libraries: tuple[str, ...] = ()

    def recipe(self, options: Options) -> str:
        """What makes this step's result apart from its inputs, as a fingerprint."""
        return fingerprint(self.name, self.version, options.of(self.name), self._versions())

    def _versions(self) -> dict[str, Any]:
        return {name: version(name) for name in self.libraries}


RAW_VIDEOS_STEP = Step("raw_videos", 1, ("raw_videos/probe.py", "scan/decoder.py"))
SCAN_STEP = Step("scan", 3, ("scan/*.py", "scan/signals/*.py"))
CLIPS_STEP = Step("clips", 2, ("clips/*.py",), libraries=("scenedetect",))
MEASURING = ("measuring/clip_view.py", "measuring/scorer.py", "measuring/measure_clips.py")


def scorer_step(scorer: Scorer) -> Step:
    """The step of a scorer: its file, its helpers, and what it is handed."""
    own = scorer.measure.__module__.removeprefix("assets.").replace(".", "/") + ".py"
    return Step(scorer.step, scorer.version, (own, *scorer.helpers, *MEASURING), scorer.libraries)


def model_step(model: Model) -> Step:
    """The step of a model's backend, with what that shares with others."""
    files = (model.backend.partition(":")[0], *model.helpers)
    return Step(f"models/{PurePath(model.name).name}", model.version, tuple(f"models/{file}.py" for file in files))


DUPLICATES_STEP = Step(
    "duplicates", 1,
    tuple(f"embeddings/{f}.py" for f in ("pairs", "groups", "candidates", "library", "overlay", "pdq", "signature")),
    libraries=("faiss-cpu",),
)  # fmt: skip
CONCEPTS_STEP = Step("concepts", 1, ("embeddings/clusters.py",), libraries=("faiss-cpu",))
CAPTIONS_STEP = Step(
    "captions", 1, tuple(f"captions/{name}.py" for name in ("answer", "camera", "caption_shard", "hygiene", "measured",
                                                            "openai_server", "prompt", "schema", "split")),
)  # fmt: skip
TIERS_STEP = Step(
    "tiers", 5, tuple(f"tiers/{f}.py" for f in ["bounds", "rules", "reader", "sql", "sampling", "literals"])
)

STEPS = (
    RAW_VIDEOS_STEP,
    SCAN_STEP,
    CLIPS_STEP,
    *map(scorer_step, SCORERS),
    *map(model_step, MODELS),
    DUPLICATES_STEP,
    CONCEPTS_STEP,
    CAPTIONS_STEP,
    TIERS_STEP,
)
