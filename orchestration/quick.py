"""Whether a root's scans are quick ones: a run decides it, and every other command and the UI follow the last run."""

from __future__ import annotations

from dataclasses import dataclass, replace

from assets.options import Options
from assets.registers import Register
from assets.steps import SCAN_STEP
from assets.store import Store
from assets.tables import SCANS

from .settings import Settings

ACTIVE_SCAN = "active_scan.json"


@dataclass(frozen=True)
class ActiveScan:
    """What the root's last run was asked for."""

    quick: bool


_REGISTER = Register(ActiveScan)


def decided(settings: Settings) -> Settings:
    """A run's settings: unless it was asked to be quick, it leaves out nothing, whatever the last one did."""
    scan = replace(settings.scan, quick=bool(settings.scan.quick))
    return settings.model_copy(update={"scan": scan})


def following(options: Options, store: Store) -> Options:
    """The options with the root's last decision where they hold none."""
    if options.scan.quick is not None:
        return options
    return replace(options, scan=replace(options.scan, quick=was_quick(store)))


def was_quick(store: Store) -> bool:
    """Whether the root's last run was quick."""
    told = _REGISTER.read(store, ACTIVE_SCAN)
    return told is not None and told.quick


def remember_quick(store: Store, quick: bool) -> None:
    """Keep a run's decision. A root that never had a quick run has no such file."""
    if quick != was_quick(store):
        _REGISTER.write(store, ACTIVE_SCAN, ActiveScan(quick))


def whole_scans(store: Store, options: Options) -> int:
    """Shards whose stored scans are whole and of this version: a quick run would replace them by coarser ones."""
    whole = SCAN_STEP.recipe(replace(options, scan=replace(options.scan, quick=False)))
    stamps = (store.stamp(SCANS.name, shard) for shard in store.parts(SCANS.name))
    return sum(stamp is not None and stamp.recipe == whole for stamp in stamps)
