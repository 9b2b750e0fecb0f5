"""A folder gone through a piece at a time, in an order that can be taken up again: what a sensor sees in one tick.

A pass over a large tree takes several ticks. Nothing is remembered of what was seen but how far the pass is, and which
registered files it did not find. A file is taken when it has been still: the time at which the system last changed it
(content, name or attributes; nobody can set that time) lies far enough back.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .discover import Discovery, FoundFile, discover, is_media, spelled, stat_of_file, time_of

Key = tuple[str, ...]
"""Names on the way from the folder to a file, as they are spelled in its uri. A pass goes in the order of keys."""

MOST_MISSING = 1000
"""Files that one pass tells gone; the next pass tells the others. A cursor stays small."""


@dataclass(frozen=True)
class Pass:
    """How far a pass over the input is."""

    after: Key = ()
    """The last entry that was looked at; empty at the start."""
    missing: tuple[str, ...] = ()
    """Registered files that were not found where they belong."""
    media: int = 0
    """Media files that were found."""
    unlisted: str = ""
    """A folder that could not be listed: what is in it is neither there nor gone."""


@dataclass(frozen=True)
class Leg:
    """What one tick saw. `files`: still ones that are not registered as they are."""

    files: list[FoundFile] = field(default_factory=list)
    restless: int = 0
    """New or changed files that were changed a moment ago: they wait."""
    passed: Pass = Pass()
    """Where the next leg starts; of a pass that has ended, all that it found."""
    is_whole: bool = False
    """The pass has ended."""


Known = dict[str, tuple[int, object]]
"""Size and time of change of the files that are registered and there, by uri."""


def is_walked(source: str) -> bool:
    """Whether the input is a folder; a manifest or a single file is read at once."""
    return Path(source).expanduser().is_dir()


def next_leg(source: str, passed: Pass, known: Known, quiet_s: float, budget_s: float) -> Leg:
    """The next piece of a pass, for about `budget_s` seconds and at least one entry. Raises InputError when the input
    is not there.
    """
    if not is_walked(source):
        return _at_once(source, known, quiet_s)
    folder = str(Path(source).expanduser().resolve())
    deadline, reached, unlisted = time.monotonic() + budget_s, passed.after, passed.unlisted
    seen, files, restless, is_whole = set[str](), list[FoundFile](), 0, True
    for entry in sorted_tree(folder, passed.after):
        reached, unlisted = entry.key, unlisted or (entry.path if entry.is_unlisted else "")
        if (found := _media(entry, known)) is not None:
            seen.add(found.uri)
            if known.get(found.uri) != (found.size, found.mtime):
                is_still = entry.stat is not None and _is_still(entry.stat, quiet_s)
                files += [found] if is_still else []
                restless += not is_still
        if time.monotonic() >= deadline:
            is_whole = False
            break
    lost = _not_found(folder, known, seen, passed.after, None if is_whole else reached)
    missing = (*passed.missing, *lost)[:MOST_MISSING]
    return Leg(files, restless, Pass(reached, missing, passed.media + len(seen), unlisted), is_whole)


def _at_once(source: str, known: Known, quiet_s: float) -> Leg:
    """A manifest's silence about a file means nothing: only listed files that are not there are missing."""
    found = discover(source)
    new = [f for f in found.files if f.manifest or known.get(f.uri) != (f.size, f.mtime)]
    files = [f for f in new if known.get(f.uri) == (f.size, f.mtime) or _is_still(os.stat(f.uri), quiet_s)]
    ahead = Pass(missing=tuple(uri for uri in found.missing if uri in known), media=len(found.files))
    return Leg(files, len(new) - len(files), ahead, is_whole=True)


def gone_files(passed: Pass, source: str) -> list[str]:
    """What a pass that has ended tells gone: looked at once more. Nothing where a folder could not be listed, or where
    no media file was found at all: a disk that is not mounted looks the same.
    """
    if passed.unlisted or (not passed.media and is_walked(source)):
        return []
    return [uri for uri in passed.missing if not os.path.lexists(uri)]


def discovery(files: list[FoundFile], missing: Collection[str]) -> Discovery:
    """What `register` takes: what is not named is left as it is."""
    return Discovery(files, 0, list(missing), None)


@dataclass(frozen=True)
class Entry:
    """`stat`: None of a folder, which comes before what is in it."""

    key: Key
    path: str
    stat: os.stat_result | None = None
    is_unlisted: bool = False


def sorted_tree(folder: str, after: Key = (), key: Key = ()) -> Iterator[Entry]:
    """Folders and regular files below a folder in the order of their keys, from the one after `after`. Links to
    folders are not followed. A folder that cannot be listed is told, and passed by.
    """
    try:
        with os.scandir(folder) as listing:
            entries = sorted(((spelled(entry.name), entry) for entry in listing), key=lambda named: named[0])
    except OSError:
        yield Entry(key, folder, is_unlisted=True)
        return
    for name, entry in entries:
        mine, is_on_the_way = (*key, name), bool(after) and name == after[0]
        if after and name < after[0]:
            continue
        if entry.is_dir(follow_symlinks=False):
            if not is_on_the_way:
                yield Entry(mine, entry.path)
            yield from sorted_tree(entry.path, after[1:] if is_on_the_way else (), mine)
        elif not is_on_the_way and (stat := stat_of_file(entry)) is not None:
            yield Entry(mine, entry.path, stat)


def _media(entry: Entry, known: Known) -> FoundFile | None:
    """None of a folder and of other files. A file of a registered name and size is not sniffed again."""
    if entry.stat is None:
        return None
    uri, size = spelled(entry.path), entry.stat.st_size
    if (uri in known and known[uri][0] == size) or is_media(entry.path):
        return FoundFile(uri, size, time_of(entry.stat))
    return None


def _is_still(stat: os.stat_result, quiet_s: float) -> bool:
    return time.time() - stat.st_ctime >= quiet_s


def _not_found(folder: str, known: Known, seen: set[str], after: Key, reached: Key | None) -> list[str]:
    """Registered files that belong between two keys and were not there. `reached`: None = to the end."""
    prefix = spelled(folder).rstrip("/") + "/"
    lost = []
    for uri in known:
        if uri not in seen and uri.startswith(prefix):
            key = tuple(uri[len(prefix) :].split("/"))
            if key > after and (reached is None or key <= reached):
                lost.append(uri)
    return lost
