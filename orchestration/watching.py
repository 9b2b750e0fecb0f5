"""One look at the watched input: what is registered, and which shards are ready to be run. The sensor `new_files`
keeps the state between looks as its cursor. Nothing here knows Dagster.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import polars as pl
from pydantic import TypeAdapter, ValidationError

from assets.raw_videos.discover import FoundFile
from assets.raw_videos.sources import Registration, ShardLimits, identified, read_sources, register
from assets.raw_videos.watch import Known, Leg, Pass, discovery, gone_files, next_leg
from assets.store import Store
from assets.tables import RAW_VIDEOS, SOURCE_IDS, SOURCES

from .report import plural
from .settings import AutomationOptions

Lock = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class Watch:
    """What is remembered between looks."""

    source: str = ""
    passed: Pass = field(default_factory=Pass)
    waiting: tuple[str, ...] = ()
    """Shards whose files changed and that no run was asked for yet."""
    changed_at: float = 0.0
    """When the register last changed, in seconds since 1970."""

    def without(self, shards: Iterable[str]) -> Watch:
        """These do not wait any more."""
        return replace(self, waiting=tuple(sorted({*self.waiting}.difference(shards))))


_FORM = TypeAdapter(Watch)


def recalled(cursor: str | None, source: str) -> Watch:
    """The state that a cursor holds. Of another input the pass starts anew, and shards go on waiting."""
    try:
        watch = _FORM.validate_json(cursor) if cursor else Watch()
    except ValidationError:
        watch = Watch()
    return watch if watch.source == source else replace(watch, source=source, passed=Pass())


def as_cursor(watch: Watch) -> str:
    return _FORM.dump_json(watch).decode()


@dataclass(frozen=True)
class Look:
    """What a look at the input brought. `ready`: shards that are to be run now."""

    watch: Watch
    told: str
    ready: tuple[str, ...] = field(default=())


def look(store: Store, watch: Watch, limits: ShardLimits, options: AutomationOptions, lock: Lock) -> Look:
    """Go on with the pass over the input and register what is still. `lock`: of the root, held while files are
    registered and not while they are listed, which may take long. Raises InputError when the input is not there.
    """
    leg = next_leg(watch.source, watch.passed, known_states(store), options.quiet_s, options.listing_s)
    gone = gone_files(leg.passed, watch.source) if leg.is_whole else []
    with lock() if leg.files or gone else nullcontext():
        changed = _register(store, watch, leg.files, gone, limits)
    watch = replace(
        watch,
        passed=Pass() if leg.is_whole else leg.passed,
        waiting=tuple(sorted({*watch.waiting, *(changed.shards if changed else ())})),
        changed_at=time.time() if changed and changed.shards else watch.changed_at,
    )
    ready = _ready(store, watch, limits, options.quiet_s)
    return Look(watch, _told(watch, leg, changed, ready), ready)


def known_states(store: Store) -> Known:
    """Size and time of change of every registered file that is there, by uri."""
    return store.made_of([SOURCES.name, SOURCE_IDS.name], _known_states)


def _known_states(store: Store) -> Known:
    there = identified(store).frame.filter(pl.col("gone_at").is_null())
    return {uri: (size, mtime) for uri, size, mtime in there.select("uri", "size", "mtime").iter_rows()}


def _register(
    store: Store, watch: Watch, files: list[FoundFile], gone: list[str], limits: ShardLimits
) -> Registration | None:
    """Files join the last shard until it is full as long as nothing of it was read or asked for: what one tick lists
    is no measure of a shard.
    """
    if not files and not gone:
        return None
    last = _last_shard(store)
    if last in watch.waiting and not store.exists(RAW_VIDEOS.name, last):
        limits = replace(limits, open_share=1.0)
    return register(store, discovery(files, gone), datetime.now(UTC), limits)


def _last_shard(store: Store) -> str:
    return max(identified(store).shards, default="")


def _ready(store: Store, watch: Watch, limits: ShardLimits, quiet_s: float) -> tuple[str, ...]:
    """Of the waiting shards those that take no more files, and the last one too when a pass ended and nothing came for
    the quiet time.
    """
    last, sources = _last_shard(store), read_sources(store)
    load = sources.filter(pl.col("shard") == last)
    is_full = len(load) >= limits.max_files or load["size"].sum() >= limits.max_bytes
    return tuple(shard for shard in watch.waiting if is_full or shard != last or _is_quiet(watch, quiet_s))


def _is_quiet(watch: Watch, quiet_s: float) -> bool:
    return watch.passed == Pass() and time.time() - watch.changed_at >= quiet_s


def lost_shards(store: Store, watch: Watch) -> set[str]:
    """Shards of which nothing was read and that do not wait: the look that registered them was cut short, or a run."""
    return set(identified(store).shards).difference(store.parts(RAW_VIDEOS.name), watch.waiting)


def _told(watch: Watch, leg: Leg, changed: Registration | None, ready: tuple[str, ...]) -> str:
    """What a person reads at the tick."""
    facts = {"new": changed.new, "changed": changed.replaced, "back again": changed.returned,
             "gone": changed.gone} if changed else {}  # fmt: skip
    parts = [f"{n} {word}" for word, n in facts.items() if n] or ["nothing new"]
    if leg.restless:
        parts.append(f"{plural(leg.restless, 'file')} changed a moment ago and wait{'s' if leg.restless == 1 else ''}")
    if waiting := len(watch.waiting) - len(ready):
        parts.append(f"{plural(waiting, 'shard')} may take more files before it is run")
    if leg.is_whole and leg.passed.unlisted:
        parts.append(
            f"folder {leg.passed.unlisted} cannot be listed: allow reading it; nothing is told gone meanwhile"
        )
    elif leg.is_whole and leg.passed.missing and not leg.passed.media:
        parts.append("no media file is there at all: if they were removed and the disk is mounted, `clipsieve run`")
    if not leg.is_whole:
        parts.append(f"reached {'/'.join(leg.passed.after)}, the next look goes on")
    return f"{watch.source}: {'; '.join(parts)}"
