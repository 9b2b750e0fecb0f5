"""What all visitors of the page share: a root, its libraries by preset, its media."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.tiers.rules import preset_names

from ..opening import open_root
from ..questions import QuestionError
from ..settings import Settings
from .library import Library
from .media import Media, clip_row
from .spread import Axis, axis_of, bars


@dataclass(frozen=True)
class Shelf:
    """A library, and of each rule its axis and the bars of all clips, by the rule's name."""

    library: Library
    axes: dict[str, Axis]
    small: dict[str, list[int]]


class Explorer:
    """Opens the root; raises what open_root does. `folder`: where presets are saved."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings, self.folder = settings, folder
        curation = open_root(settings)
        self.root, self.first = curation.store.root, curation.preset.name
        self.presets: dict[str, str | None] = {}
        self.presets.update({name: name for name in preset_names()})
        self.presets[self.first] = curation.preset.path if self.first not in preset_names() else self.first
        self.media = Media(curation.store, curation.engine)
        self._shelves: dict[str, Shelf] = {}
        self._lock = threading.Lock()

    def shelf(self, preset: str, again: bool = False) -> Shelf:
        """The clips as far as a preset reads them; read once, and `again` when asked to. Takes seconds a million."""
        with self._lock:
            if again or preset not in self._shelves:
                path = self.presets[preset]
                settings = self.settings if path is None else self.settings.model_copy(update={"preset": path})
                self._shelves.pop(preset, None)
                self._shelves[preset] = shelf_of(Library(open_root(settings)))
            return self._shelves[preset]

    def clip(self, clip_id: str) -> dict[str, Any] | None:
        """The clip's row of `clips` and the address of its file, by what was read last; None when there is none."""
        shelves = list(self._shelves.values())
        rows = (clip_row(shelf.library, clip_id) for shelf in reversed(shelves))
        return next((row for row in rows if row is not None), None)

    def close(self) -> None:
        for shelf in self._shelves.values():
            shelf.library.interrupt()
        self.media.close()


def shelf_of(library: Library) -> Shelf:
    """A library with what its sliders need. Raises QuestionError when there is no clip, or no
    rule of its preset is active.
    """
    bounds = [bound for tier in library.preset.tiers for bound in tier.bounds]
    if not library.clips:
        raise QuestionError(f"no clip on {library.curation.store.root} has scores: `clipsieve funnel` tells why")
    if not bounds:
        raise QuestionError(f"no rule of preset {library.preset.name} is active: there is no bound to move")
    axes: dict[str, Axis] = {}
    small: dict[str, list[int]] = {}
    for bound in bounds:
        if bound.name not in axes:
            axes[bound.name] = axis_of(library, bound, bounds)
            counted = bars(library, library.preset, bound.column, axes[bound.name])
            small[bound.name] = [sum(bar) for bar in zip(*counted, strict=True)]
    return Shelf(library, axes, small)
