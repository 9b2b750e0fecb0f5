"""What files say of themselves at their ends, remembered between processes: a plan then opens only what is new.

One JSON file a folder in ROOT/.footers. An entry holds for one version of a file (file_states.py), so that nothing old
is believed, whoever wrote the file in the meantime; a root that was copied or moved is read once more.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from urllib.parse import quote, unquote

from .file_states import FileState
from .registers import Register
from .store import Footer, Stamp, Store

FOLDER = ".footers"
FORMAT = 2
Entry = tuple[FileState, int, Stamp | None]
"""The file's state, its rows, and its stamp."""


@dataclass(frozen=True)
class Footers:
    """What is known of the files of one folder, by part."""

    format: int
    parts: dict[str, Entry]


_REGISTER = Register(Footers)


def recall(store: Store) -> None:
    """Let the store know the footers that were remembered last; it reads those of files that changed since."""
    store.made_of([FOLDER], _recalled)


def _recalled(store: Store) -> int:
    """How many there are."""
    every = {_folder(name): _remembered(store, name) for name in store.files(FOLDER) if name.endswith(".json")}
    for folder, entries in every.items():
        for part, (state, rows, stamp) in entries.items():
            store.footers.setdefault(store.path(folder, part), (state, Footer(stamp, rows)))
    return sum(map(len, every.values()))


def remember(store: Store) -> None:
    """Write down every footer that still holds, in the folders of those that the store had to read."""
    news, known = {_place(store, path)[0] for path in store.opened}, defaultdict[str, dict[str, Entry]](dict)
    for path, (state, footer) in store.footers.items():
        folder, part = _place(store, path)
        if folder in news and store.state(folder, part) == state:
            known[folder][part] = state, footer.rows, footer.stamp
    for folder, entries in known.items():
        _REGISTER.write(store, f"{FOLDER}/{_name(folder)}", Footers(FORMAT, entries))
    store.opened.clear()


def _place(store: Store, path: str) -> tuple[str, str]:
    """Folder and part of a file."""
    folder, _, name = path.removeprefix(f"{store.root}/").rpartition("/")
    return folder, name.removesuffix(".parquet")


def _name(folder: str) -> str:
    return f"{quote(folder, safe='')}.json"


def _folder(name: str) -> str:
    return unquote(name.removesuffix(".json"))


def _remembered(store: Store, name: str) -> dict[str, Entry]:
    """Nothing where the file is of another format, or broken: then the parts are opened."""
    told = _REGISTER.read(store, f"{FOLDER}/{name}")
    return told.parts if told is not None and told.format == FORMAT else {}
