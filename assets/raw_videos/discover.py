"""Which files are candidates: a folder walked, or a manifest read. Nothing is opened by a decoder here.

A file is media when its name has a media extension or its first bytes are those of a media file; every other
file is counted as ignored. Change is seen by size and time of change, never by reading the bytes again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import filetype
import polars as pl

MEDIA_EXTENSIONS = frozenset({
    ".mp4", ".m4v", ".mov", ".qt", ".mkv", ".webm", ".avi", ".wmv", ".asf", ".flv", ".f4v", ".mpg", ".mpeg", ".mpe",
    ".m2v", ".vob", ".ts", ".mts", ".m2ts", ".3gp", ".3g2", ".ogv", ".ogm", ".mxf", ".rm", ".rmvb", ".divx", ".y4m",
    ".gif", ".m4a", ".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".heic",
})  # fmt: skip
MANIFEST_EXTENSIONS = frozenset({".csv", ".jsonl", ".ndjson", ".parquet"})
MANIFEST_FIELDS = ("source", "licence", "title", "url", "tags")


class InputError(ValueError):
    """The input cannot be read; the message says what came and what is allowed."""


@dataclass(frozen=True)
class FoundFile:
    """A media file as the file system shows it, with what the manifest says of it."""

    uri: str
    size: int
    mtime: datetime
    manifest: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Discovery:
    """What an input holds: media files, how many others, and which listed files are not there."""

    files: list[FoundFile]
    ignored: int
    missing: list[str]
    prefix: str | None
    """Everything under this folder was listed; None for a manifest, whose silence about a file means nothing."""
    unused_columns: list[str] = field(default_factory=list)
    """Columns of a manifest that nothing reads."""


def discover(source: str, known: frozenset[tuple[str, int]] = frozenset()) -> Discovery:
    """List the media files of a folder, a single file or a manifest.

    `known` holds (uri, size) pairs already registered as media: they are not sniffed again.
    Raises InputError when the input does not exist, is empty of meaning, or the manifest has no `uri`.
    """
    if "://" in source:
        raise InputError(f"input {source!r}: only local folders, files and manifests are read by this version")
    path = Path(source).expanduser()
    if path.is_dir():
        return _walk(path.resolve(), known)
    if not path.is_file():
        raise InputError(
            f"input {source!r} does not exist; give a folder, a media file, or a manifest "
            f"({', '.join(sorted(MANIFEST_EXTENSIONS))})"
        )
    if path.suffix.lower() in MANIFEST_EXTENSIONS:
        return _from_manifest(path.resolve())
    if not is_media(str(path)):
        raise InputError(
            f"input {source!r} is neither a media file nor a manifest ({', '.join(sorted(MANIFEST_EXTENSIONS))})"
        )
    return Discovery([_stat(str(path.resolve()))], 0, [], None)


def is_media(path: str) -> bool:
    """Whether the name or the first bytes are those of a media file."""
    if os.path.splitext(path)[1].lower() in MEDIA_EXTENSIONS:
        return True
    try:
        mime = filetype.guess_mime(path) or ""
    except OSError:
        return False
    return mime.startswith(("video/", "image/")) or mime == "audio/mp4"


def _walk(folder: Path, known: frozenset[tuple[str, int]]) -> Discovery:
    files, ignored = [], 0
    for path, stat in _tree(str(folder)):
        uri = spelled(path)
        if (uri, stat.st_size) in known or is_media(path):
            files.append(FoundFile(uri, stat.st_size, time_of(stat)))
        else:
            ignored += 1
    return Discovery(sorted(files, key=lambda f: f.uri), ignored, [], spelled(str(folder)))


def spelled(path: str) -> str:
    """The path as text. Bytes that are no UTF-8 are spelled \\xff: the file gets a row, though it cannot be opened."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _tree(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Every regular file below a folder; links to folders are not followed, so a loop cannot trap us.

    Raises InputError for a folder that cannot be listed: to pass it by would bury its files as gone.
    """
    try:
        listing = os.scandir(folder)
    except OSError as error:
        raise InputError(
            f"folder {folder} cannot be listed: {error.strerror}; allow reading it, or move it out"
        ) from error
    with listing as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _tree(entry.path)
            elif (stat := stat_of_file(entry)) is not None:
                yield entry.path, stat


def stat_of_file(entry: os.DirEntry[str]) -> os.stat_result | None:
    """None for a pipe, a link to nothing or to itself, and a file that went while the folder was listed."""
    try:
        return entry.stat() if entry.is_file() else None
    except OSError:
        return None


def _stat(path: str, manifest: dict[str, str] | None = None) -> FoundFile:
    stat = os.stat(path)
    return FoundFile(spelled(path), stat.st_size, time_of(stat), manifest or {})


def check_unchanged(uri: str, size: int, mtime: datetime | None) -> None:
    """Raises OSError when the file is not the one that was registered; the next run takes the new one."""
    stat = os.stat(uri)
    if stat.st_size != size or (mtime is not None and time_of(stat) != mtime):
        raise OSError("the file has changed since it was registered; run again")


def time_of(stat: os.stat_result) -> datetime:
    return datetime.fromtimestamp(stat.st_mtime_ns // 1000 / 1e6, tz=UTC)


def _from_manifest(path: Path) -> Discovery:
    rows: dict[str, dict[str, str]] = {}
    frame, unused = _read_manifest(path)
    for row in frame.iter_rows(named=True):
        uri = _resolve(row.pop("uri"), path.parent)
        rows.setdefault(uri, {k: v for k, v in row.items() if v is not None})
    there = {uri: os.path.isfile(uri) for uri in rows}
    files = [_stat(uri, rows[uri]) for uri in sorted(rows) if there[uri]]
    return Discovery(files, 0, [uri for uri in rows if not there[uri]], None, unused)


def _resolve(uri: str | None, folder: Path) -> str:
    """A relative path in a manifest is relative to the manifest; another address stays as it is. Raises InputError."""
    text = (uri or "").removeprefix("file://")
    if "\0" in text:
        raise InputError(f"manifest in {folder}: the uri {text!r} holds a NUL byte, which no path can; mend that row")
    return str((folder / text).resolve()) if text and "://" not in text else text


def _read_manifest(path: Path) -> tuple[pl.DataFrame, list[str]]:
    """`uri` and the fields that the manifest has, as texts, and the names of its other columns."""
    try:
        frame = _read_rows(path)
        if "uri" not in frame.columns:
            raise InputError(
                f"manifest {path}: no column `uri`; it has {', '.join(frame.columns)}. Allowed: uri, "
                f"{', '.join(MANIFEST_FIELDS)}"
            )
        used = [name for name in ("uri", *MANIFEST_FIELDS) if name in frame.columns]
        return frame.select(_text(frame, name) for name in used), [c for c in frame.columns if c not in used]
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"manifest {path} cannot be read as {path.suffix}: {error}") from error


def _read_rows(path: Path) -> pl.DataFrame:
    """No type is guessed from the first rows: a word that comes later is still read."""
    if path.suffix.lower() == ".csv":
        return pl.read_csv(path, infer_schema=False)
    if path.suffix.lower() == ".parquet":
        return pl.read_parquet(path)
    return pl.read_ndjson(path, infer_schema_length=None)


def _text(frame: pl.DataFrame, name: str) -> pl.Expr:
    if isinstance(frame.schema[name], pl.List):
        return pl.col(name).cast(pl.List(pl.String)).list.join(", ")
    return pl.col(name).cast(pl.String)
