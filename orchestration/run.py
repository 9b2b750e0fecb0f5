"""One run, headless: find new files, make shards, materialize what is stale (runner.py)."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePath

from filelock import Timeout
from pyarrow.fs import LocalFileSystem

from assets.compaction import COMPACTED, compact, sweep
from assets.curation import Curation
from assets.file_states import file_state
from assets.footers import remember
from assets.raw_videos.discover import discover
from assets.raw_videos.sources import Registration, closed_shards, known_files, preview, read_sources, register
from assets.scan.staging import sweep_staging
from assets.store import Store, fingerprint
from assets.tiers.judge import drop_beyond
from assets.views import DATABASE, view_statements, write_database

from .batches import STAGES
from .flow import FIRST_TIER
from .plan import Task, make_plan, wanted_steps
from .resources import active_preset, remember_input, remember_preset
from .settings import Settings

RUN_LOCK = "run"
_OF_THREADS: dict[str, threading.RLock] = {}
"""By root: a lock file is one process's, and ticks of sensors are threads of one."""
VIEWS_NOTE = ".views"
"""Below a local root: tells whether ROOT/clipsieve.duckdb is what it should be."""


class BusyError(RuntimeError):
    """Another run works on the same root."""


@dataclass
class RunResult:
    """What a run found and did. `failures` is empty when every asset of the plan materialized."""

    registration: Registration | None = None
    ignored: int = 0
    missing: list[str] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    interrupted: bool = False
    """Ctrl-C, or the system's SIGTERM: what was finished is kept."""
    unused_columns: list[str] = field(default_factory=list)
    """Columns of the manifest that nothing reads."""


@contextmanager
def root_lock(curation: Curation, wait_s: float = 0.0) -> Iterator[None]:
    """One run a root at a time; a sensor that registers files is waited for. Raises BusyError."""
    with ExitStack() as held:
        threads = _OF_THREADS.setdefault(curation.store.root, threading.RLock())
        if not threads.acquire(timeout=wait_s):
            raise BusyError(f"another thread works on {curation.store.root}")
        held.callback(threads.release)
        try:
            held.enter_context(curation.store.locked(RUN_LOCK, wait_s))
        except Timeout as error:
            root = curation.store.root
            raise BusyError(f"another run works on {root}; wait for it, or give this one another --root") from error
        yield


def find(
    curation: Curation, settings: Settings, source: str, limit: int | None, result: RunResult, dry_run: bool = False
) -> None:
    """Register what the input holds; in a dry run the register stays, and the plan is made for one as it would be."""
    found = discover(source, known_files(read_sources(curation.store)))
    result.ignored, result.missing, result.unused_columns = found.ignored, found.missing, found.unused_columns
    now = datetime.now(UTC)
    if dry_run:
        result.registration, curation.register = preview(curation.store, found, now, settings.shards, limit)
    else:
        remember_input(curation.store, source)
        result.registration = register(curation.store, found, now, settings.shards, limit)


def execute(
    curation: Curation, settings: Settings, until: str | None, only: str | None, result: RunResult,
    say: Callable[[str], None],
) -> None:  # fmt: skip
    """Run the plan in the order of its stages. After a stage that worked the rest is planned anew: it may have less,
    or more, to do.
    """
    if FIRST_TIER in wanted_steps(curation, until):
        remember_preset(curation.store, curation.preset)
    tasks = make_plan(curation, until, only)
    worked = bool(tasks)
    if worked:
        from .runner import open_runner  # Dagster: a second of imports, which a run that has nothing to do is spared

        with open_runner(settings, curation, result, say) as runner:
            for stage in STAGES:
                if runner.run([t for t in tasks if stage(t)]):
                    tasks = make_plan(curation, until, only)
    finish(curation, settings, worked)


def finish(curation: Curation, settings: Settings, worked: bool) -> None:
    """Compact closed shards, then swap the views, then drop what the old views read and what a kill left behind."""
    store = curation.store
    closed = closed_shards(read_sources(store), settings.shards) if worked else []
    for table in COMPACTED:  # where nothing was done too: the root may have been moved
        compact(store, table, closed)
    active = PurePath(active_preset(store)).stem
    if active == curation.preset.name:
        drop_beyond(store, curation.preset)
    _renew_views(store, active)
    for table in COMPACTED if worked else ():
        sweep(store, table)
    if worked:
        sweep_staging(store, curation.lineage())
    with store.snapshot():
        remember(store)


def _renew_views(store: Store, preset: str) -> None:
    """Write ROOT/clipsieve.duckdb, unless it is the file that a run wrote last and would hold the same views: to make
    them opens every Parquet file.
    """
    if not store.is_local:
        return
    database, note = os.path.join(store.root, DATABASE), Path(store.root, VIEWS_NOTE)
    views = fingerprint(list(view_statements(store, preset)))
    if not note.is_file() or note.read_bytes() != _note_on_views(views, database).encode():
        write_database(store, preset)
        note.write_text(_note_on_views(views, database))


def _note_on_views(views: str, database: str) -> str:
    """What the file holds and which file it was: whoever writes another one makes the note void."""
    return fingerprint(views, file_state(LocalFileSystem(), database, is_local=True))
