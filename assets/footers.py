"""What files say of themselves at their ends, remembered between processes: a plan then opens only what is new.

One JSON file a folder in ROOT/.footers. An entry holds for one version of a file (file_states.py), so that nothing old
is believed, whoever wrote the file in the meantime; a root that was copied or moved is read once more.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from typing import Any

from .file_states import is_settled
from .registers import read_register, write_register
from .store import Footer, Stamp, Store

FOLDER = ".footers"
FORMAT = 1
Entries = dict[str, list[Any]]
"""By part: the file's state, its rows, and its stamp."""


def recall(store: Store) -> None:
    """Let the store know the footers that were remembered last; it reads those of files that changed since."""
    store.made_of([FOLDER], _recalled)


def _recalled(store: Store) -> int:
    """How many there are."""
    every = {folder: _remembered(store, folder) for folder in store.files(FOLDER)}
    for name, entries in every.items():
        for part, (state, rows, stamp) in entries.items():
            footer = Footer(Stamp(**stamp) if stamp else None, rows)
            store.footers.setdefault(store.path(_folder(name), part), (tuple(state), footer))
    return sum(map(len, every.values()))


def remember(store: Store) -> None:
    """Write down every footer that still holds, in the folders of those that the store had to read."""
    news, known = {_place(store, path)[0] for path in store.opened}, defaultdict[str, Entries](dict)
    for path, (state, footer) in store.footers.items():
        folder, part = _place(store, path)
        if folder in news and store.state(folder, part) == state and is_settled(state, store.is_local):
            known[folder][part] = [list(state), footer.rows, asdict(footer.stamp) if footer.stamp else None]
    for folder, entries in known.items():
        write_register(store, f"{FOLDER}/{_name(folder)}", {"format": FORMAT, "parts": entries})
    store.opened.clear()


def _place(store: Store, path: str) -> tuple[str, str]:
    """Folder and part of a file."""
    folder, _, name = path.removeprefix(f"{store.root}/").rpartition("/")
    return folder, name.removesuffix(".parquet")


def _name(folder: str) -> str:
    return f"{folder.replace('/', '__')}.json"


def _folder(name: str) -> str:
    return name.removesuffix(".json").replace("__", "/")


def _remembered(store: Store, name: str) -> Entries:
    """Nothing where the file is of another format, or broken: then the parts are opened."""
    try:
        told = read_register(store, f"{FOLDER}/{name}")
    except ValueError:
        return {}
    entries: Entries = told["parts"] if told is not None and told.get("format") == FORMAT else {}
    return entries
