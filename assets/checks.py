"""What a table promises, held against what was stored: columns, keys, ranges, and rows that belong together.

Ranges are read from the statistics in a file's footer, so that no column is read for them; keys are read. A check
answers with sentences, one a fault; none = the part is sound. Nothing here repairs anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .columns import Column, Table
from .parquet_file import BrokenPart, parquet_file
from .store import Store
from .tables import CLIPS, FRAME_SIGNALS, SCANS

MOST_NAMED = 3
"""Keys that a sentence names."""

Faults = Iterator[str]


def part_faults(
    store: Store, table: Table, part: str, folder: str | None = None, is_key_read: bool = True
) -> list[str]:
    """Of one stored part by itself; one sentence when it is missing or broken. `folder` as in Store.write.
    `is_key_read`: whether keys are looked at; they cost more than all else.
    """
    place = folder or table.name
    if not store.exists(place, part):
        return [f"{place}/{part} is missing"]
    try:
        with parquet_file(store.fs, store.path(place, part)) as file:
            return [f"{place}/{part}: {fault}" for fault in _faults(file, table, is_key_read)]
    except BrokenPart as error:
        return [str(error)]


def _faults(file: pq.ParquetFile, table: Table, is_key_read: bool) -> Faults:
    if not file.schema_arrow.equals(table.schema):
        yield f"its columns are {_columns(file.schema_arrow)}; declared are {_columns(table.schema)}"
        return
    for column in table.columns:
        yield from _range_faults(file.metadata, table, column)
    if is_key_read:
        yield from _key_faults(file, table)


def _columns(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in schema)


def _range_faults(metadata: pq.FileMetaData, table: Table, column: Column) -> Faults:
    if column.low is None and column.high is None:
        return
    index = table.names.index(column.name)
    found = (metadata.row_group(group).column(index).statistics for group in range(metadata.num_row_groups))
    told = [s for s in found if s is not None and s.has_min_max]
    if told and column.low is not None and (least := min(s.min for s in told)) < column.low:
        yield f"{column.name} goes down to {least:g}; it is {column.low:g} or more"
    if told and column.high is not None and (most := max(s.max for s in told)) > column.high:
        yield f"{column.name} goes up to {most:g}; it is {column.high:g} or less"


def _key_faults(file: pq.ParquetFile, table: Table) -> Faults:
    key = [name for name in table.key if name in table.names]
    rows = file.read(columns=key)
    for name in key:
        if missing := rows[name].null_count:
            yield f"{name} is NULL in {missing} of {len(rows)} rows; it is part of the key"
    counted = rows.group_by(key).aggregate([([], "count_all")])
    double = counted.filter(pc.field("count_all") > 1)
    if len(double):
        yield f"{len(double)} of {len(counted)} keys stand in more than one row: {_named(double.select(key))}"


def _named(keys: pa.Table) -> str:
    listed = [" ".join(str(value) for value in row.values()) for row in keys.slice(0, MOST_NAMED).to_pylist()]
    return ", ".join(listed) + (", ..." if len(keys) > MOST_NAMED else "")


def same_clips(store: Store, table: Table, shard: str) -> list[str]:
    """Faults of a table that has a row for each clip, in the order of `clips`."""
    ours, theirs = (store.read(t, shard, ["clip_id"])["clip_id"].combine_chunks() for t in (table, CLIPS))
    if ours.equals(theirs):
        return []
    differ = f"{table.name}/{shard} holds {len(ours)} clips, clips {len(theirs)}; they are the same in the same order"
    strange = ours.filter(pc.invert(pc.is_in(ours, theirs))).unique()
    if not len(strange):
        return [differ]
    named = _named(pa.table({"id": strange}))
    return [differ, f"{table.name}/{shard}: {len(strange)} clips are none of the shard: {named}"]


def decoded_frames(store: Store, shard: str) -> list[str]:
    """Faults where a video has another number of signals than frames that were decoded."""
    rows = store.read(FRAME_SIGNALS, shard, ["video_id"]).group_by("video_id").aggregate([([], "count_all")])
    signals = dict(zip(rows["video_id"].to_pylist(), rows["count_all"].to_pylist(), strict=True))
    scans = store.read(SCANS, shard, ["video_id", "frames_decoded"]).to_pylist()
    wrong = [s["video_id"] for s in scans if signals.pop(s["video_id"], 0) != s["frames_decoded"]]
    faults = [f"scans/{shard}: frames_decoded is not the number of signals of {', '.join(wrong[:MOST_NAMED])}"]
    lost = [f"frame_signals/{shard}: {len(signals)} videos have signals and no scan"]
    return (faults if wrong else []) + (lost if signals else [])


def spans(store: Store, shard: str) -> list[str]:
    """Faults of clips: they lie inside their shots, are not empty, do not overlap in a video, and it was scanned."""
    names = ["video_id", "shot_start_frame", "start_frame", "end_frame", "shot_end_frame"]
    clips = store.read(CLIPS, shard, names).sort_by([("video_id", "ascending"), ("start_frame", "ascending")])
    start, end = clips["start_frame"].combine_chunks(), clips["end_frame"].combine_chunks()
    outside = pc.or_(pc.less(start, clips["shot_start_frame"]), pc.greater(end, clips["shot_end_frame"]))
    bad = {
        "lie outside their shot": pc.sum(outside).as_py(),
        "hold no frame": pc.sum(pc.greater_equal(start, end)).as_py(),
    }
    strange = pc.invert(
        pc.is_in(clips["video_id"].combine_chunks(), store.read(SCANS, shard, ["video_id"])["video_id"])
    )
    bad["are of a video that the shard has no scan of"] = pc.sum(strange).as_py()
    if len(clips) > 1:
        video = clips["video_id"].combine_chunks()
        follows = pc.equal(video[1:], video[:-1])
        bad["overlap the one before"] = pc.sum(pc.and_(follows, pc.less(start[1:], end[:-1]))).as_py()
    return [f"clips/{shard}: {count} clips {what}" for what, count in bad.items() if count]


TOGETHER: dict[str, Callable[[Store, str], list[str]]] = {
    "scans": decoded_frames,
    "clips": spans,
}
"""By table: what holds between its rows, or between them and another table's."""


def stamp_faults(store: Store, folder: str, part: str, expected: str) -> list[str]:
    """A fault where the stored part does not have the fingerprint that was expected when it was made: the next run
    would make it again, and so would the one after.
    """
    stored = store.stamp(folder, part)
    if stored is not None and stored.fingerprint == expected:
        return []
    return [
        f"{folder}/{part}: its fingerprint is {stored and stored.fingerprint}, and not {expected} as of its inputs"
    ]


def shard_faults(store: Store, table: Table, shard: str) -> list[str]:
    """All faults of a shard's part. What a broken part would be compared with is not looked at."""
    if faults := part_faults(store, table, shard):
        return faults
    if table.name in TOGETHER:
        return TOGETHER[table.name](store, shard)
    return same_clips(store, table, shard) if table.key == ("clip_id",) else []
