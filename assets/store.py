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
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash
from filelock import FileLock
from pyarrow import fs as pafs

from .columns import Table

STAMP_KEY = b"clipsieve"
COMPRESSION = "zstd"
WHOLE = "all"
"""The one part of a table that is made over all shards."""


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
        try:
            return read_stamp(self.fs, self.path(folder, part))
        except (FileNotFoundError, pa.ArrowInvalid):
            return None

    def exists(self, folder: str, part: str) -> bool:
        return bool(self.fs.get_file_info(self.path(folder, part)).is_file)

    def parts(self, folder: str) -> list[str]:
        """Names of the stored parts of a table, sorted."""
        selector = pafs.FileSelector(f"{self.root}/{folder}", allow_not_found=True)
        names = (info.base_name for info in self.fs.get_file_info(selector) if info.is_file)
        return sorted(name.removesuffix(".parquet") for name in names if name.endswith(".parquet"))

    def read(self, table: Table, part: str, columns: list[str] | None = None) -> pa.Table:
        """One part, without its stamp; an empty table when the part does not exist."""
        if not self.exists(table.name, part):
            return table.schema.empty_table().select(columns or table.names)
        with pq.ParquetFile(self.path(table.name, part), filesystem=self.fs) as file:
            return conformed(file.read(columns=columns).replace_schema_metadata(None), table, columns)

    def read_all(self, table: Table, columns: list[str] | None = None) -> pa.Table:
        """All parts of a table, in the order of their names."""
        tables = [self.read(table, part, columns) for part in self.parts(table.name)]
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

    def rows(self, folder: str, part: str) -> int:
        """Rows of a stored part, from its footer; 0 when it does not exist."""
        if not self.exists(folder, part):
            return 0
        return int(pq.read_metadata(self.path(folder, part), filesystem=self.fs).num_rows)

    def size(self, folder: str, part: str) -> int:
        """Bytes of a stored part, 0 when it does not exist."""
        return int(self.fs.get_file_info(self.path(folder, part)).size or 0)


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
        self.out = pq.ParquetWriter(self.target, self.schema, compression=COMPRESSION, write_page_index=False)
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


class VideoReader:
    """Reads the rows of one video from a part in which no row group holds two, without reading the others."""

    def __init__(self, store: Store, table: Table, part: str) -> None:
        self.table = table
        self.file: pq.ParquetFile | None = None
        self.groups: dict[str, list[int]] = {}
        if store.exists(table.name, part):
            self.file = pq.ParquetFile(store.path(table.name, part), filesystem=store.fs)
            for video_id, group in _video_groups(self.file):
                self.groups.setdefault(video_id, []).append(group)

    def read(self, video_id: str, columns: list[str] | None = None) -> pa.Table:
        """Rows of one video; an empty table when there are none."""
        if self.file is None or video_id not in self.groups:
            return self.table.schema.empty_table().select(columns or self.table.names)
        return self.file.read_row_groups(self.groups[video_id], columns=columns).replace_schema_metadata(None)

    def between(self, video_id: str, first: int, end: int, columns: list[str]) -> pa.Table:
        """Rows of one video whose `frame` is in [first, end); row groups that hold none are not read."""
        groups = [g for g in self.groups.get(video_id, []) if self._overlaps(g, first, end)]
        if self.file is None or not groups:
            return self.table.schema.empty_table().select(columns)
        rows = self.file.read_row_groups(groups, columns=columns).replace_schema_metadata(None)
        return rows.filter((pc.field("frame") >= first) & (pc.field("frame") < end))

    def _overlaps(self, group: int, first: int, end: int) -> bool:
        assert self.file is not None
        column = self.file.schema_arrow.get_field_index("frame")
        statistics = self.file.metadata.row_group(group).column(column).statistics
        return statistics is None or not statistics.has_min_max or (statistics.min < end and statistics.max >= first)

    def pieces(self, video_id: str) -> Iterator[pa.Table]:
        """The same a row group at a time, so that a long video needs no more memory than a short one."""
        for group in self.groups.get(video_id, []):
            assert self.file is not None
            yield self.file.read_row_group(group).replace_schema_metadata(None)

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(self, *_: Any) -> None:
        if self.file is not None:
            self.file.close()


def _video_groups(file: pq.ParquetFile) -> Iterator[tuple[str, int]]:
    index = file.schema_arrow.get_field_index("video_id")
    for group in range(file.metadata.num_row_groups):
        statistics = file.metadata.row_group(group).column(index).statistics
        if statistics is not None and statistics.has_min_max:
            yield str(statistics.min), group


def read_stamp(filesystem: pafs.FileSystem, path: str) -> Stamp | None:
    """The stamp in a Parquet file's metadata; None when it has none. Raises FileNotFoundError."""
    metadata = pq.read_metadata(path, filesystem=filesystem).metadata or {}
    return Stamp(**json.loads(metadata[STAMP_KEY])) if STAMP_KEY in metadata else None


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
