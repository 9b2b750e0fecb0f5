"""Where tables lie and how they are written: Parquet files under one root, one file a table and shard.

A file appears whole or not at all (temporary name, then rename; on an object store one PUT), and every file
carries a stamp that says what made it. The root is a local folder or an `s3://` address: both are a pyarrow
filesystem. Nothing here knows DuckDB (see views.py) or Dagster.
"""

from __future__ import annotations

import json
import os
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple, TypeVar, cast

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash
from filelock import FileLock
from pyarrow import fs as pafs

from .columns import Table
from .file_states import FileState, file_state, folder_states, is_settled
from .parquet_file import BrokenPart, parquet_file
from .video_reader import VideoReader as VideoReader

STAMP_KEY = b"clipsieve"
COMPRESSION = "zstd"
WHOLE = "all"
"""The one part of a table that is made over all shards."""

Listing = dict[str, FileState]
Made = TypeVar("Made")


def fingerprint(*parts: Any) -> str:
    """Hash of anything that JSON can hold, 32 hex digits: equal parts give equal fingerprints on every machine."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return xxhash.xxh3_128_hexdigest(text.encode())


@dataclass(frozen=True)
class Stamp:
    """What made a file. `recipe` is the step's version and settings; `fingerprint` adds its inputs."""

    fingerprint: str
    recipe: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    def metadata(self) -> dict[bytes, bytes]:
        return {STAMP_KEY: json.dumps(asdict(self), sort_keys=True).encode()}


class Footer(NamedTuple):
    """What a file says of itself at its end. `stamp`: None when it was not written by us."""

    stamp: Stamp | None = None
    rows: int = 0


class Store:
    """Reads and writes the tables of one root."""

    def __init__(self, root: str) -> None:
        self.address = root if "://" in root else os.path.abspath(root)
        self.is_local = "://" not in root
        if self.is_local:
            self.root = os.path.abspath(root)
            self.fs: pafs.FileSystem = pafs.LocalFileSystem()
        else:
            self.fs, path = pafs.FileSystem.from_uri(root)
            self.root = path.rstrip("/")
        self.footers: dict[str, tuple[FileState, Footer]] = {}
        self.opened: set[str] = set()
        """Files whose footer was read, not recalled (footers.py)."""
        self._listings: dict[str, Listing] | None = None
        self._made: dict[tuple[str, ...], tuple[list[Listing], Any]] = {}

    def path(self, table: str, part: str) -> str:
        return f"{self.root}/{table}/{part}.parquet"

    def write(self, table: Table, part: str, data: pa.Table, stamp: Stamp, folder: str | None = None) -> None:
        """Replace one part of a table. `folder` is the table's name unless a preset's tier is written."""
        with self.writer(table, part, stamp, folder) as out:
            out.add(data)

    def writer(self, table: Table, part: str, stamp: Stamp, folder: str | None = None) -> PartWriter:
        """A context manager that takes Arrow tables one by one, a row group each; the file appears at its end."""
        return PartWriter(self, self.path(folder or table.name, part), table, stamp)

    def stamp(self, folder: str, part: str) -> Stamp | None:
        """The stamp of a stored part; None when there is no such part, or it was not written by us."""
        return self._footer(folder, part).stamp

    def rows(self, folder: str, part: str) -> int:
        """Rows of a stored part; 0 when it does not exist."""
        return self._footer(folder, part).rows

    def _footer(self, folder: str, part: str) -> Footer:
        """Read once for each version of a file: a plan asks for the same ones over and over."""
        path, state = self.path(folder, part), self.state(folder, part)
        if state is None:
            return Footer()
        known = self.footers.get(path)
        if known is not None and known[0] == state:
            return known[1]
        holds, footer = is_settled(state, self.is_local), read_footer(self.fs, path)
        if holds:
            self.footers[path] = state, footer
            self.opened.add(path)
        return footer

    def state(self, folder: str, part: str) -> FileState | None:
        """What tells one version of a part's file from another; None when there is no such part."""
        if self._listings is None:
            return file_state(self.fs, self.path(folder, part), self.is_local)
        return self._listed(folder).get(f"{part}.parquet")

    def _listed(self, folder: str) -> Listing:
        """By name of the file."""
        if self._listings is None:
            return folder_states(self.fs, f"{self.root}/{folder}", self.is_local)
        if folder not in self._listings:
            self._listings[folder] = folder_states(self.fs, f"{self.root}/{folder}", self.is_local)
        return self._listings[folder]

    def made_of(self, folders: Sequence[str], make: Callable[[Store], Made]) -> Made:
        """What `make` works out of all parts of some folders; worked out again when one of their files changed."""
        key, listings = (make.__name__, *folders), [self._listed(folder) for folder in folders]
        known = self._made.get(key)
        if known is not None and known[0] == listings:
            return cast(Made, known[1])
        holds = all(is_settled(state, self.is_local) for listing in listings for state in listing.values())
        made = make(self)
        if holds:
            self._made[key] = listings, made
        return made

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Within it what is stored is what one listing of each folder shows, and what this process writes: a plan
        asks for many parts of few folders.
        """
        outer, self._listings = self._listings, {} if self._listings is None else self._listings
        try:
            yield
        finally:
            self._listings = outer

    def forget(self, path: str) -> None:
        """A file was written or deleted: what is known of the one before does not hold."""
        self.footers.pop(path, None)
        if self._listings is not None:
            self._listings.pop(os.path.dirname(path).removeprefix(f"{self.root}/"), None)

    def exists(self, folder: str, part: str) -> bool:
        return self.state(folder, part) is not None

    def files(self, folder: str) -> list[str]:
        """Names of the files of a folder, sorted."""
        return sorted(self._listed(folder))

    def parts(self, folder: str) -> list[str]:
        """Names of the stored parts of a table, sorted."""
        return [name.removesuffix(".parquet") for name in self.files(folder) if name.endswith(".parquet")]

    def read(self, table: Table, part: str, columns: list[str] | None = None) -> pa.Table:
        """One part, without its stamp; an empty table when the part does not exist."""
        paths = [self.path(table.name, part)] if self.exists(table.name, part) else []
        return self.read_files(table, paths, columns)

    def read_all(self, table: Table, columns: list[str] | None = None) -> pa.Table:
        """All parts of a table, in the order of their names."""
        return self.read_files(table, [self.path(table.name, part) for part in self.parts(table.name)], columns)

    def read_files(self, table: Table, paths: Sequence[str], columns: list[str] | None = None) -> pa.Table:
        """Files of a table one after the other, without their stamps. Raises BrokenPart."""
        tables = []
        for path in paths:
            with parquet_file(self.fs, path) as file:
                tables.append(conformed(file.read(columns=columns).replace_schema_metadata(None), table, columns))
        return pa.concat_tables(tables) if tables else table.schema.empty_table().select(columns or table.names)

    def by_video(self, table: Table, part: str) -> VideoReader:
        """Random access by video to a part in which no row group holds two videos."""
        return VideoReader(self, table, part)

    @contextmanager
    def locked(self, name: str, wait_s: float = -1) -> Iterator[None]:
        """One process at a time does what `name` stands for; this process may enter again. -1 = wait for ever.

        Raises filelock.Timeout. Object stores have no such lock: there Dagster's pools and partitions keep runs apart.
        """
        if not self.is_local:
            yield
            return
        os.makedirs(f"{self.root}/.locks", exist_ok=True)
        path = f"{self.root}/.locks/{name.replace('/', '-')}.lock"
        with FileLock(path, timeout=wait_s, is_singleton=True, thread_local=False):
            yield

    def sealed(self, stamp: Stamp, part: str, others: Iterable[str]) -> Stamp:
        """The stamp for the last table of a step, with the sizes of its other tables, which it certifies."""
        return replace(stamp, extra=stamp.extra | {"sizes": {name: self.size(name, part) for name in others}})

    def intact(self, stamp: Stamp, part: str) -> bool:
        """Whether the tables that the stamp certifies are still the ones that were written with it."""
        return all(self.size(name, part) == size for name, size in stamp.extra.get("sizes", {}).items())

    def delete(self, folder: str, part: str) -> None:
        if self.exists(folder, part):
            self.fs.delete_file(self.path(folder, part))
            self.forget(self.path(folder, part))

    def set_aside(self, folder: str, part: str) -> str:
        """Take a part out of its table and keep it beside the others, until another one is; returns where."""
        path = self.path(folder, part)
        self.fs.move(path, f"{path}.unsound")
        self.forget(path)
        return f"{path}.unsound"

    def size(self, folder: str, part: str) -> int:
        """Bytes of a stored part, 0 when it does not exist."""
        state = self.state(folder, part)
        return state[1] if state else 0


class PartWriter:
    """Writes one Parquet file under a temporary name and moves it into place when all went well.

    On an object store, where closing a stream publishes what was written so far, the temporary file is a local one.
    """

    def __init__(self, store: Store, path: str, table: Table, stamp: Stamp) -> None:
        self.store, self.path, self.table = store, path, table
        self.rows = 0
        self.schema = table.schema.with_metadata(stamp.metadata())
        temporary = path if store.is_local else os.path.join(tempfile.gettempdir(), os.path.basename(path))
        self.target = f"{temporary}.{uuid.uuid4().hex[:8]}.tmp"

    def __enter__(self) -> PartWriter:
        self.store.fs.create_dir(os.path.dirname(self.path), recursive=True)
        packed = {name: COMPRESSION for name in self.table.names if name not in self.table.uncompressed}
        plain = dict.fromkeys(self.table.uncompressed, "NONE")
        self.out = pq.ParquetWriter(
            self.target, self.schema, compression=packed | plain, use_dictionary=list(packed), write_page_index=False
        )
        return self

    def add(self, data: pa.Table) -> None:
        """One row group, or several where the table bounds them; a missing column is an error."""
        self.rows += data.num_rows
        size = min(max(data.num_rows, 1), self.table.group_rows)
        self.out.write_table(data.select(self.table.names).cast(self.schema), row_group_size=size)

    def __exit__(self, error: type[BaseException] | None, *_: Any) -> None:
        try:
            self.out.close()
            if error is None:
                self._publish()
        finally:
            if os.path.exists(self.target):
                os.remove(self.target)

    def _publish(self) -> None:
        if self.store.is_local:
            os.replace(self.target, self.path)
        else:
            pafs.copy_files(self.target, self.path, pafs.LocalFileSystem(), self.store.fs)
        self.store.forget(self.path)


def read_footer(filesystem: pafs.FileSystem, path: str) -> Footer:
    """Of a Parquet file; empty when there is no such file, and when it is none."""
    try:
        with parquet_file(filesystem, path) as file:
            footer = file.metadata
    except (FileNotFoundError, BrokenPart):
        return Footer()
    metadata = footer.metadata or {}
    stamp = Stamp(**json.loads(metadata[STAMP_KEY])) if STAMP_KEY in metadata else None
    return Footer(stamp, footer.num_rows)


def conformed(data: pa.Table, table: Table, columns: list[str] | None = None) -> pa.Table:
    """The columns asked for; one that the file of an older version has not is NULL."""
    names = columns or table.names
    if data.column_names == names:
        return data
    return pa.concat_tables([table.schema.empty_table(), data], promote_options="default").select(names)


def rows_to_table(table: Table, rows: Iterable[dict[str, Any]]) -> pa.Table:
    """Rows as dictionaries to an Arrow table of the declared types; absent keys become NULL."""
    listed = list(rows)
    return pa.table({c.name: pa.array([r.get(c.name) for r in listed], c.type) for c in table.columns}, table.schema)
