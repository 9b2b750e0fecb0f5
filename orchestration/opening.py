"""A root opened for a command: what goes wrong there is told in words."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from assets.curation import Curation
from assets.store import Store
from assets.tiers.rules import PresetError

from .resources import active_preset, build_curation
from .settings import Settings


class RootError(ValueError):
    """The root cannot be reached; the message says why."""


def open_root(settings: Settings) -> Curation:
    """Everything that a command needs. Raises PresetError and RootError."""
    try:
        return _with_known_preset(settings)
    except (OSError, pa.ArrowException) as error:
        raise RootError(f"root {settings.absolute_root} cannot be reached: {error}") from error


def _with_known_preset(settings: Settings) -> Curation:
    try:
        return build_curation(settings)
    except PresetError as error:
        remembered = active_preset_path(settings)
        if remembered is None or remembered.is_file():
            raise
        raise PresetError(f"the preset of the last run, {remembered}, is gone: pass --preset") from error


def active_preset_path(settings: Settings) -> Path | None:
    """The file of the root's last preset; None when one is named now, or the last was one of the project's."""
    if settings.preset is not None:
        return None
    remembered = active_preset(Store(settings.absolute_root))
    return Path(remembered) if remembered.endswith(".toml") else None
