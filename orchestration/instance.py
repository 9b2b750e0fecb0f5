"""The Dagster instance that `run` and `ui` share, so that a run by hand is seen in the UI."""

from __future__ import annotations

import shutil
from pathlib import Path

import dagster as dg

from .settings import Settings

PROJECT = Path(__file__).parents[1]


def prepare_home(settings: Settings) -> Path:
    """The instance's folder, with the project's dagster.yaml in it when it has none."""
    home = settings.dagster_home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        shutil.copy(PROJECT / "dagster.yaml", home / "dagster.yaml")
    return home


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The instance over the settings' home. Close it with a `with` block."""
    return dg.DagsterInstance.from_config(str(prepare_home(settings)))
