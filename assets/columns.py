"""What a column and a table are: the two types that every schema of the project is made of."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

STRING = pa.string()
BOOL = pa.bool_()
INT = pa.int64()
FLOAT = pa.float32()
DOUBLE = pa.float64()
BINARY = pa.binary()
TIME = pa.timestamp("us", tz="UTC")
TEXTS = pa.list_(pa.string())
VECTOR = pa.list_(pa.float16())
"""An embedding: half precision, which DuckDB reads as FLOAT[]."""

DUCKDB_TYPES = {
    STRING: "VARCHAR",
    BOOL: "BOOLEAN",
    INT: "BIGINT",
    FLOAT: "FLOAT",
    DOUBLE: "DOUBLE",
    BINARY: "BLOB",
    TIME: "TIMESTAMP WITH TIME ZONE",
    pa.uint64(): "UBIGINT",
    pa.map_(pa.string(), pa.string()): "MAP(VARCHAR, VARCHAR)",
    pa.list_(pa.string()): "VARCHAR[]",
    pa.list_(pa.float16()): "FLOAT[]",
    pa.list_(pa.float64()): "DOUBLE[]",
    pa.list_(pa.int64()): "BIGINT[]",
}


SAME, APPROXIMATE, UNMEASURED = "same", "approximate", "unmeasured"
"""What a column is worth after a quick scan, which leaves frames out: as much; near it, being coarser in time or
counted over the frames that were decoded; nothing, it is NULL.
"""


@dataclass(frozen=True)
class Column:
    """One column: its name carries the unit where there is one (`duration_s`).

    `quick`: SAME, APPROXIMATE or UNMEASURED after a quick scan.
    """

    name: str
    type: pa.DataType
    doc: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    serves: str = ""
    quick: str = SAME

    @property
    def duckdb_type(self) -> str:
        return DUCKDB_TYPES[self.type]


ERROR = Column("error", STRING, "Why the columns are NULL.")
CLIP_ID = Column("clip_id", STRING, "128-bit hash of (video_id, first pts, end pts), 32 hex digits.")


@dataclass(frozen=True)
class Table:
    """A named list of columns; `key` names the columns that identify a row."""

    name: str
    doc: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    group_rows: int = 1 << 20
    """At most so many rows share a row group: what a reader or a copy holds in memory at once."""
    uncompressed: tuple[str, ...] = ()
    """Columns that are written as they are, without a dictionary too: packing halves ids of 32 hex digits, and takes
    half of the CPU that a narrow table costs to write."""

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema that every file of this table has."""
        return pa.schema([pa.field(c.name, c.type) for c in self.columns])

    @property
    def names(self) -> list[str]:
        return [c.name for c in self.columns]

    def column(self, name: str) -> Column:
        """Raises KeyError when the table has no such column."""
        return {c.name: c for c in self.columns}[name]
