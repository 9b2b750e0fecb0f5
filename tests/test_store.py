"""Parts of tables: whole or not at all, the same bytes for the same rows, and a stamp that says what made them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.columns import DOUBLE, INT, STRING, Column, Table
from assets.store import Stamp, Store, fingerprint, rows_to_table
from assets.tables import STORED, TIERS

ROWS = Table(
    "rows",
    "For tests.",
    ("video_id",),
    (
        Column("video_id", STRING, "Id."),
        Column("frame", INT, "Frame."),
        Column("value", DOUBLE, "Value."),
    ),
)
STAMP = Stamp("f" * 32, "recipe", {"members": {"a": 1}, "word": "ü'\"\n"})


@pytest.fixture(params=["local", "address"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A root named as a path, and one named as an address: the way in which an object store is written."""
    return Store(str(tmp_path) if request.param == "local" else f"file://{tmp_path}")


def rows(video: str, count: int) -> pa.Table:
    return rows_to_table(ROWS, [{"video_id": video, "frame": i, "value": i / 3} for i in range(count)])


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_a_part_that_fails_leaves_the_old_one_and_no_other_file(store: Store, tmp_path: Path) -> None:
    store.write(ROWS, "a", rows("v", 3), STAMP)
    with pytest.raises(ZeroDivisionError), store.writer(ROWS, "a", Stamp("new")) as out:
        out.add(rows("w", 9))
        raise ZeroDivisionError
    assert files(tmp_path) == ["rows/a.parquet"]
    assert store.read(ROWS, "a").num_rows == 3 and store.stamp("rows", "a") == STAMP


def test_a_new_part_that_fails_leaves_nothing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), store.writer(ROWS, "a", STAMP) as out:
        out.add(rows("w", 9))
        raise KeyboardInterrupt
    assert files(tmp_path) == [] and not store.exists("rows", "a") and store.parts("rows") == []


def test_rows_of_a_wrong_type_leave_the_old_part(store: Store, tmp_path: Path) -> None:
    store.write(ROWS, "a", rows("v", 3), STAMP)
    wrong = pa.table({"video_id": ["x"], "frame": ["not a number"], "value": [1.0]})
    with pytest.raises(pa.ArrowInvalid):
        store.write(ROWS, "a", wrong, Stamp("new"))
    with pytest.raises(KeyError):
        store.write(ROWS, "a", wrong.drop_columns(["value"]), Stamp("new"))
    assert files(tmp_path) == ["rows/a.parquet"] and store.stamp("rows", "a") == STAMP


def test_a_part_in_writing_is_not_seen(store: Store, tmp_path: Path) -> None:
    with store.writer(ROWS, "a", STAMP) as out:
        out.add(rows("w", 9))
        assert not store.exists("rows", "a") and store.parts("rows") == [] and store.stamp("rows", "a") is None
    assert store.parts("rows") == ["a"] and files(tmp_path) == ["rows/a.parquet"]


def test_stamps_and_rows_come_back_as_they_went(store: Store) -> None:
    store.write(ROWS, "a", rows("v", 5), STAMP)
    assert store.stamp("rows", "a") == STAMP
    assert store.read(ROWS, "a").equals(rows("v", 5)) and store.read(ROWS, "a").schema.metadata is None
    assert store.read(ROWS, "a", ["value", "frame"]).column_names == ["value", "frame"]


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with Store(str(tmp_path / name)).writer(ROWS, "a", STAMP) as out:
            out.add(rows("v", 1000))
            out.add(rows("w", 10))
    one, two = ((tmp_path / name / "rows/a.parquet").read_bytes() for name in ("one", "two"))
    assert one == two


def test_columns_that_gain_little_are_not_packed(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    judged = [{"clip_id": fingerprint(i), "fail_mask": i % 3, "unmeasured_mask": 0, "kept": True} for i in range(500)]
    store.write(TIERS, "tier_1", rows_to_table(TIERS, judged), STAMP)
    group = pq.read_metadata(store.path("tiers", "tier_1")).row_group(0)
    packed = {group.column(i).path_in_schema: group.column(i).compression for i in range(group.num_columns)}
    assert packed.pop("clip_id") == "UNCOMPRESSED" and set(packed.values()) == {"ZSTD"}
    assert store.read(TIERS, "tier_1")["clip_id"].to_pylist() == [row["clip_id"] for row in judged]


def test_a_part_that_is_not_there_is_an_empty_typed_table(store: Store) -> None:
    for table in (*STORED, TIERS):
        empty = store.read(table, "none")
        assert empty.num_rows == 0 and empty.schema.equals(table.schema)
        assert store.read_all(table).schema.equals(table.schema)
    assert store.read_all(ROWS, ["value"]).schema.names == ["value"]
    assert store.read(ROWS, "none", ["value"]).schema.names == ["value"]
    assert store.stamp("rows", "none") is None and store.size("rows", "none") == 0
    store.delete("rows", "none")


def test_a_file_of_an_older_version_reads_with_nulls_for_columns_it_has_not(store: Store) -> None:
    older = Table("rows", "Before `value` came.", ROWS.key, ROWS.columns[:2])
    store.write(older, "a", rows("v", 2).select(older.names), STAMP)
    store.write(ROWS, "b", rows("w", 1), STAMP)
    assert store.read(ROWS, "a").schema.equals(ROWS.schema)
    assert store.read(ROWS, "a")["value"].to_pylist() == [None, None]
    assert store.read_all(ROWS)["value"].to_pylist() == [None, None, 0.0]
    assert store.read(ROWS, "a", ["value"]).column_names == ["value"]


def test_files_that_are_not_ours_are_no_stamp(store: Store, tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows/cut.parquet").write_bytes(b"PAR1")
    (tmp_path / "rows/empty.parquet").write_bytes(b"")
    pq.write_table(rows("v", 1), tmp_path / "rows/other.parquet")
    assert [store.stamp("rows", n) for n in ("cut", "empty", "other")] == [None, None, None]
    store.write(ROWS, "cut", rows("v", 1), STAMP)
    assert store.stamp("rows", "cut") == STAMP


def test_by_video_reads_one_row_group(store: Store) -> None:
    with store.writer(ROWS, "a", STAMP) as out:
        for video in ("aa", "bb", "cc"):
            out.add(rows(video, 4))
    with store.by_video(ROWS, "a") as reader:
        assert reader.read("bb").equals(rows("bb", 4))
        assert reader.read("bb", ["frame"]).column_names == ["frame"]
        assert reader.read("dd").num_rows == 0 and reader.read("dd").schema.equals(ROWS.schema)
        assert reader.groups == {"aa": [0], "bb": [1], "cc": [2]}
    with store.by_video(ROWS, "none") as reader:
        assert reader.read("bb").num_rows == 0
    with store.by_video(ROWS, "a") as old, store.writer(ROWS, "a", STAMP) as out:
        out.add(old.read("cc"))
    assert store.read(ROWS, "a").equals(rows("cc", 4))


def test_by_video_of_an_empty_part(store: Store) -> None:
    store.write(ROWS, "a", rows("v", 0), STAMP)
    assert store.read(ROWS, "a").num_rows == 0 and store.stamp("rows", "a") == STAMP
    with store.by_video(ROWS, "a") as reader:
        assert reader.read("v").num_rows == 0


def test_fingerprints_are_the_same_in_every_process() -> None:
    parts: list[Any] = ["step", 1, 0.1, None, True, {"b": [1, 2], "a": "ü"}, ("x", "y")]
    code = f"from assets.store import fingerprint; print(fingerprint(*{parts!r}))"
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            text=True,
            capture_output=True,
            check=True,
            cwd=Path(__file__).parents[1],
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert seen == {fingerprint(*parts)}


@given(
    st.lists(st.text() | st.integers() | st.none(), max_size=4),
    st.lists(st.text() | st.integers() | st.none(), max_size=4),
)
def test_fingerprints_are_equal_only_for_equal_parts(one: list[Any], two: list[Any]) -> None:
    assert (fingerprint(*one) == fingerprint(*two)) == (one == two)
    assert len(fingerprint(*one)) == 32 and set(fingerprint(*one)) <= set("0123456789abcdef")


def test_names_with_spaces_quotes_and_unicode(tmp_path: Path) -> None:
    store = Store(str(tmp_path / 'it\'s a "root" ü'))
    store.write(ROWS, "part one", rows("v", 2), STAMP)
    assert store.parts("rows") == ["part one"] and store.read(ROWS, "part one").num_rows == 2


def test_a_long_video_is_copied_in_pieces(tmp_path: Path) -> None:
    table = replace(ROWS, group_rows=3)
    store = Store(str(tmp_path))
    with store.writer(table, "a", STAMP) as out:
        out.add(rows("aa", 8))
        out.add(rows("bb", 2))
    with store.by_video(table, "a") as reader:
        assert [piece.num_rows for piece in reader.pieces("aa")] == [3, 3, 2]
        assert reader.read("aa").equals(rows("aa", 8)) and reader.read("bb").equals(rows("bb", 2))


def test_a_certificate_tells_when_a_table_beside_it_was_written_again(tmp_path: Path) -> None:
    store, other = Store(str(tmp_path)), replace(ROWS, name="other")
    store.write(other, "a", rows("aa", 4), STAMP)
    store.write(ROWS, "a", rows("aa", 4), store.sealed(STAMP, "a", ["other"]))
    stamp = store.stamp(ROWS.name, "a")
    assert stamp is not None and store.intact(stamp, "a")
    store.write(other, "a", rows("aa", 400), STAMP)
    assert not store.intact(stamp, "a")
