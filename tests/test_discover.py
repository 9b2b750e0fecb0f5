"""Which files are candidates: by name or content, whatever they are called, and what a manifest lists."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl
import pytest

from assets.raw_videos.discover import Discovery, InputError, discover, is_media

JPEG = cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
MP4 = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + b"\x00" * 64


def put(folder: Path, name: str, content: bytes = b"x") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def names(found: Discovery, folder: Path) -> list[str]:
    return [os.path.relpath(f.uri, folder) for f in found.files]


def test_media_by_name_or_by_content(tmp_path: Path) -> None:
    put(tmp_path, "picture.dat", JPEG)
    put(tmp_path, "film", MP4)
    put(tmp_path, "text.mp4", b"only words")
    put(tmp_path, "UPPER.MKV")
    put(tmp_path, "empty.webm", b"")
    put(tmp_path, "README.txt", b"words")
    put(tmp_path, "empty", b"")
    put(tmp_path, "script.py", b"print()")
    found = discover(str(tmp_path))
    assert names(found, tmp_path) == ["UPPER.MKV", "empty.webm", "film", "picture.dat", "text.mp4"]
    assert found.ignored == 3 and found.missing == [] and found.prefix == str(tmp_path)


def test_size_and_time_are_those_of_the_file(tmp_path: Path) -> None:
    path = put(tmp_path, "a.mp4", b"12345")
    os.utime(path, ns=(0, 1_700_000_000_123_456_789))
    (file,) = discover(str(tmp_path)).files
    assert file.size == 5 and file.mtime == datetime(2023, 11, 14, 22, 13, 20, 123456, UTC) and file.manifest == {}


def test_known_files_are_not_sniffed_again(tmp_path: Path) -> None:
    path = put(tmp_path, "a.dat", b"words")
    assert discover(str(tmp_path)).ignored == 1
    assert len(discover(str(tmp_path), frozenset({(str(path), 5)})).files) == 1
    assert discover(str(tmp_path), frozenset({(str(path), 6)})).ignored == 1, "another size is another file"


def test_hidden_files_and_folders_are_listed_like_others(tmp_path: Path) -> None:
    put(tmp_path, ".hidden.mp4")
    put(tmp_path, ".folder/a.mp4")
    assert names(discover(str(tmp_path)), tmp_path) == [".folder/a.mp4", ".hidden.mp4"]


def test_links(tmp_path: Path) -> None:
    real = put(tmp_path, "sub/a.mp4", MP4)
    (tmp_path / "link.mp4").symlink_to(real)
    (tmp_path / "broken.mp4").symlink_to(tmp_path / "nothing")
    (tmp_path / "self.mp4").symlink_to(tmp_path / "self.mp4")
    (tmp_path / "sub/loop").symlink_to(tmp_path)
    assert names(discover(str(tmp_path)), tmp_path) == ["link.mp4", "sub/a.mp4"]


def test_a_linked_folder_as_input_is_the_folder_itself(tmp_path: Path) -> None:
    put(tmp_path, "real/a.mp4")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert discover(str(tmp_path / "link")) == discover(str(tmp_path / "real"))


@pytest.mark.parametrize("name", ["ünï 日本 🎬.mp4", "new\nline.mp4", 'it\'s "quoted".mp4', " lead.mp4", "[a]*.mp4"])
def test_names_are_taken_as_they_are(tmp_path: Path, name: str) -> None:
    path = put(tmp_path, name)
    (file,) = discover(str(tmp_path)).files
    assert file.uri == str(path)
    assert discover(str(path)).files[0].uri == str(path)


def test_a_name_that_is_not_text_is_spelled_so_that_it_can_be_stored(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/\xff.mp4", "wb"):
        pass
    (file,) = discover(str(tmp_path)).files
    assert file.uri == f"{tmp_path}/\\xff.mp4"


def test_a_strange_time_stops_nothing(tmp_path: Path) -> None:
    path = put(tmp_path, "a.mp4")
    try:
        os.utime(path, (0, 1e12))
    except OSError:
        pytest.skip("this file system does not store such times")
    assert len(discover(str(tmp_path)).files) == 1


def test_a_deep_tree_and_an_empty_one(tmp_path: Path) -> None:
    put(tmp_path, "/".join(["d"] * 100) + "/a.mp4")
    assert len(discover(str(tmp_path)).files) == 1
    (tmp_path / "empty").mkdir()
    assert discover(str(tmp_path / "empty")) == Discovery([], 0, [], str(tmp_path / "empty"))


def test_pipes_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert discover(str(tmp_path)).files == []


def test_a_single_file_is_taken_when_it_is_media(tmp_path: Path) -> None:
    found = discover(str(put(tmp_path, "words.mp4")))
    assert names(found, tmp_path) == ["words.mp4"] and found.prefix is None
    with pytest.raises(InputError, match="neither a media file nor a manifest"):
        discover(str(put(tmp_path, "words.txt")))


LISTED: list[dict[str, Any]] = [
    {
        "uri": "sub/a.mp4",
        "source": "web",
        "licence": "cc-by",
        "title": 'A, "first"',
        "url": "https://a",
        "tags": "x y",
    },
    {"uri": "gone.mp4", "source": None, "licence": None, "title": None, "url": None, "tags": None},
]


def write_manifest(folder: Path, ending: str, rows: list[dict[str, Any]]) -> Path:
    path, frame = folder / f"list{ending}", pl.DataFrame(rows)
    {
        ".csv": frame.write_csv,
        ".jsonl": frame.write_ndjson,
        ".ndjson": frame.write_ndjson,
        ".parquet": frame.write_parquet,
    }[ending](path)
    return path


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".ndjson", ".parquet"])
def test_a_manifest_lists_files_beside_it(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "sub/a.mp4", MP4)
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    found = discover(str(write_manifest(tmp_path, ending, LISTED)))
    (file,) = found.files
    assert file.uri == str(tmp_path / "sub/a.mp4") and file.size == len(MP4)
    assert file.manifest == {k: v for k, v in LISTED[0].items() if k != "uri"}
    assert found.missing == [str(tmp_path / "gone.mp4")] and found.prefix is None and found.ignored == 0


def test_two_spellings_of_a_file_are_one_file(tmp_path: Path) -> None:
    put(tmp_path, "a.mp4")
    uris = ["a.mp4", "./a.mp4", str(tmp_path / "a.mp4"), f"file://{tmp_path}/a.mp4", "sub/../a.mp4"]
    found = discover(str(write_manifest(tmp_path, ".csv", [{"uri": u, "title": str(i)} for i, u in enumerate(uris)])))
    assert names(found, tmp_path) == ["a.mp4"] and found.files[0].manifest == {"title": "0"}


def test_words_of_a_manifest_are_texts(tmp_path: Path) -> None:
    put(tmp_path, "a.mp4")
    rows = [
        {"uri": "a.mp4", "title": "007"},
        *({"uri": f"{i}.mp4", "title": str(i)} for i in range(200)),
        {"uri": "z.mp4", "title": "not a number"},
    ]
    assert discover(str(write_manifest(tmp_path, ".csv", rows))).files[0].manifest == {"title": "007"}
    tagged = write_manifest(tmp_path, ".jsonl", [{"uri": "a.mp4", "tags": ["sea", "sky"], "title": 7}])
    assert discover(str(tagged)).files[0].manifest == {"tags": "sea, sky", "title": "7"}


def test_a_word_that_comes_late_is_read(tmp_path: Path) -> None:
    put(tmp_path, "z.mp4")
    lines = [f'{{"uri": "{i}.mp4"}}' for i in range(300)] + ['{"uri": "z.mp4", "licence": "cc0"}']
    put(tmp_path, "list.jsonl", "\n".join(lines).encode())
    assert discover(str(tmp_path / "list.jsonl")).files[0].manifest == {"licence": "cc0"}


def test_lines_without_a_file_are_missing(tmp_path: Path) -> None:
    put(tmp_path, "list.csv", b"uri,title\n,empty\nhttps://example.invalid/a.mp4,net\n.,folder\n")
    found = discover(str(tmp_path / "list.csv"))
    assert found.files == [] and len(found.missing) == 3 and "https://example.invalid/a.mp4" in found.missing


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    put(tmp_path, "a.mp4")
    put(tmp_path, "list.csv", b"\xef\xbb\xbfuri,title\na.mp4,A\n")
    assert len(discover(str(tmp_path / "list.csv")).files) == 1


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("list.csv", b"path,title\na.mp4,A\n", ["no column `uri`", "path", "licence"]),
        ("list.jsonl", b"{not json", ["cannot be read as .jsonl"]),
        ("list.parquet", b"PAR1", ["cannot be read as .parquet"]),
        ("list.csv", b"", ["cannot be read as .csv"]),
        ("list.jsonl", b"", ["list.jsonl"]),
    ],
)
def test_a_manifest_that_cannot_be_read(tmp_path: Path, name: str, content: bytes, told: list[str]) -> None:
    path = put(tmp_path, name, content)
    with pytest.raises(InputError) as error:
        discover(str(path))
    assert all(word in str(error.value) for word in [*told, str(path)])


def test_inputs_that_are_not_there_say_what_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"does not exist; give a folder, a media file, or a manifest .*\.csv"):
        discover(str(tmp_path / "nothing"))
    with pytest.raises(InputError, match="only local folders"):
        discover("s3://bucket/key")


def test_is_media_of_a_file_that_is_not_there() -> None:
    assert not is_media("/nothing/here") and is_media("/nothing/here.mp4")
