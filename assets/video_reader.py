"""The rows of one video out of a part that holds many, without reading the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .columns import Table

if TYPE_CHECKING:
    from .store import Store


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
