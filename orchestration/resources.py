"""Settings to the objects that assets are handed: the store, the engine, the preset."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from assets.curation import Curation
from assets.filter_scores.scorers import SCORERS
from assets.options import Options
from assets.registers import Register
from assets.store import Store
from assets.tiers.rules import Preset, load_preset, preset_names
from assets.tiers.vocabulary import vocabulary
from assets.work import Item, Outcome, Value

from .engine import run_items
from .quick import following
from .settings import Settings
from .worker import Waiting

DEFAULT_PRESET = "starter"
ACTIVE_PRESET = "active_preset.json"
ACTIVE_INPUT = "active_input.json"


@dataclass(frozen=True)
class ActivePreset:
    """Name, or path, of the preset that the root's last run judged by."""

    preset: str


_REGISTER = Register(ActivePreset)


@dataclass(frozen=True)
class ActiveInput:
    """Folder, manifest or media file that the root's last run looked at."""

    input: str


_INPUTS = Register(ActiveInput)

WAITING = Waiting()
"""Of this process: a run goes through several steps and shards."""
atexit.register(WAITING.stop)


@dataclass(frozen=True)
class LocalEngine:
    """Worker processes on this machine."""

    workers: int
    memory_limit_bytes: int

    def run(
        self,
        function: Callable[[Item], Value],
        items: Iterable[Item],
        time_limit_s: Callable[[Item], float] | float,
        workers: int | None = None,
        extra_memory_bytes: int = 0,
    ) -> Iterator[tuple[Item, Outcome[Value]]]:
        return run_items(
            function,
            items,
            workers=min(self.workers, workers or self.workers),
            time_limit_s=time_limit_s,
            memory_limit_bytes=self.memory_limit_bytes + extra_memory_bytes,
            waiting=WAITING,
        )


def build_curation(settings: Settings, store: Store | None = None) -> Curation:
    """Everything that assets need. `store`: one of the same root, which knows what it read before. Raises PresetError
    when the preset is not valid.
    """
    store = store or Store(settings.absolute_root)
    options = following(settings.options, store)
    known = vocabulary(unfilled_columns(options))
    preset = load_preset(settings.preset or active_preset(store), known)
    engine = LocalEngine(settings.workers, settings.memory_limit_mb * 1024**2)
    return Curation(store, options, engine, preset, known, figures=settings.figures)


def unfilled_columns(options: Options) -> list[str]:
    """Columns of scorers whose model is not here."""
    return [c.name for s in SCORERS if options.lack(s) for c in s.columns]


def active_preset(store: Store) -> str:
    """Name or path of the preset that the root's last run judged by."""
    told = _REGISTER.read(store, ACTIVE_PRESET)
    return told.preset if told else DEFAULT_PRESET


def remember_preset(store: Store, preset: Preset) -> None:
    """Make a preset the root's active one: `sql`, `funnel` and the UI follow it. One of our own is kept by name."""
    kept = preset.name if preset.name in preset_names() else os.path.abspath(preset.path)
    _REGISTER.write(store, ACTIVE_PRESET, ActivePreset(kept))


def active_input(settings: Settings, store: Store) -> str | None:
    """What automation watches: the setting, else the input of the root's last run; None when there is neither."""
    told = _INPUTS.read(store, ACTIVE_INPUT)
    source = settings.input or (told.input if told else None)
    return source if source is None or "://" in source else os.path.abspath(os.path.expanduser(source))


def remember_input(store: Store, source: str) -> None:
    """Keep a run's input, as a whole path."""
    _INPUTS.write(store, ACTIVE_INPUT, ActiveInput(os.path.abspath(os.path.expanduser(source))))
