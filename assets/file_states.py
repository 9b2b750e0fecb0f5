"""What tells one version of a stored file from another without opening it: time of change, size, and inode.

A part is replaced by a rename, so that a new version always has another inode than the one before it.
"""

from __future__ import annotations

import os
import time
from stat import S_ISREG

from pyarrow import fs as pafs

FileState = tuple[int, int, int]
"""Time of change in ns, bytes, and the inode, which is 0 on an object store."""
UNSETTLED_NS = 2 * 10**9
"""Object stores tell times in seconds: two versions younger than this may look alike."""


def file_state(filesystem: pafs.FileSystem, path: str, is_local: bool) -> FileState | None:
    """None when there is no such file."""
    if is_local:
        try:
            found = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return _of(found) if S_ISREG(found.st_mode) else None
    info = filesystem.get_file_info(path)
    return (info.mtime_ns, info.size, 0) if info.is_file else None


def folder_states(filesystem: pafs.FileSystem, folder: str, is_local: bool) -> dict[str, FileState]:
    """State by name of the files of a folder, by one listing; empty when there is no such folder."""
    if not is_local:
        selector = pafs.FileSelector(folder, allow_not_found=True)
        infos = filesystem.get_file_info(selector)
        return {info.base_name: (info.mtime_ns, info.size, 0) for info in infos if info.is_file}
    states: dict[str, FileState] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                states |= _of_entry(entry)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return states


def is_settled(state: FileState, is_local: bool) -> bool:
    """Whether a version that is written from now on looks different."""
    return is_local or time.time_ns() - state[0] > UNSETTLED_NS


def _of_entry(entry: os.DirEntry[str]) -> dict[str, FileState]:
    """Nothing for a folder, and for a file that went while the folder was listed."""
    try:
        return {entry.name: _of(entry.stat())} if entry.is_file() else {}
    except FileNotFoundError:
        return {}


def _of(stat: os.stat_result) -> FileState:
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
