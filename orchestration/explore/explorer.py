"""What all visitors of the page share: a root, its libraries by preset, its media."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from assets.tiers.rules import preset_names

from ..opening import open_root
from ..settings import Settings
from .library import Library
from .media import Media
from .spread import Axis, axis_of


class Explorer:
    """Opens the root; raises what open_root does. `folder`: where presets are saved."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings, self.folder = settings, folder
        curation = open_root(settings)
        self.root, self.first = curation.store.root, curation.preset.name
        self.preset_paths: dict[str, str | None] = {name: name for name in preset_names()} | {
            self.first: settings.preset
        }
        self.media = Media(curation.store, curation.engine)
        self._libraries: dict[str, Library] = {}
        self._axes: dict[tuple[int, str], Axis] = {}
        self._lock = threading.Lock()

    def library(self, preset: str, again: bool = False) -> Library:
        """The clips as far as a preset reads them; read once, and `again` when asked to."""
        with self._lock:
            if again or preset not in self._libraries:
                path = self.preset_paths[preset]
                settings = self.settings if path is None else self.settings.model_copy(update={"preset": path})
                self._libraries[preset] = Library(open_root(settings))
            return self._libraries[preset]

    def axes(self, library: Library) -> dict[str, Axis]:
        """The axis of every rule of the library's preset, by the rule's name."""
        bounds = [bound for tier in library.preset.tiers for bound in tier.bounds]
        for bound in bounds:
            key = (id(library), bound.name)
            if key not in self._axes:
                self._axes[key] = axis_of(library, replace(bound), bounds)
        return {bound.name: self._axes[(id(library), bound.name)] for bound in bounds}

    def close(self) -> None:
        self.media.close()
