"""A stored Parquet file opened for reading: one that is damaged is told by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs as pafs


class BrokenPart(ValueError):
    """A stored file is no whole Parquet file; the message names it."""


@contextmanager
def parquet_file(filesystem: pafs.FileSystem, path: str) -> Iterator[pq.ParquetFile]:
    """Raises BrokenPart when what is read of it is damaged, FileNotFoundError when there is no such file.

    Arrow tells some damage as OSError, which a bucket may also raise for a moment: there it is passed on.
    """
    with filesystem.open_input_file(path) as source:
        try:
            yield pq.ParquetFile(source)
        except (pa.ArrowInvalid, OSError) as error:
            if isinstance(error, OSError) and not isinstance(filesystem, pafs.LocalFileSystem):
                raise
            raise BrokenPart(f"{path} cannot be read: delete it, and run again ({error})") from error
