"""Which drawn and real clips are taken for copies of each other, and how pairs become groups."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest
from conftest import SHARED_VIDEOS
from hypothesis import given
from hypothesis import strategies as st

from assets.embeddings.candidates import Search
from assets.embeddings.groups import group
from assets.embeddings.pairs import find_pairs
from assets.embeddings.tables import DUPLICATE_PAIRS, DUPLICATES
from assets.options import ShotOptions
from benchmarks.copies import KINDS, Measured, measured, remuxed, write_copy
from demo.footage import Frame, Pose, follow, grain, photograph, still, write_video

SIZE, FPS = (320, 180), 24.0
PIECES = ShotOptions(max_clip_s=6.0)
"""Long shots are divided, as those over 16 s are in a library."""


def take(name: str, seed: int, frames: int = 72) -> list[Frame]:
    """A hand-held shot of a photograph: where the hand goes is the take's own."""
    random = np.random.default_rng(seed)
    steps = cv2.GaussianBlur(random.normal(0, 1, (frames + 40, 2)), (1, 0), 0, sigmaY=6)[20 : 20 + frames]
    path = np.cumsum(steps * 12, axis=0)
    path = np.clip(path - path.mean(axis=0), -38, 38)
    return list(grain(follow(photograph(name, (400, 260)), (Pose(x, y) for x, y in path), SIZE), 2, seed))


def joined(*parts: Measured) -> Measured:
    rows = [[row for part in parts for row in getattr(part, name)] for name in ("clips", "hashes", "embeddings")]
    return Measured(*rows)


def groups_of(found: Measured) -> dict[str, set[str]]:
    """File names by group, of groups of several clips."""
    names = {c["clip_id"]: Path(c["uri"]).stem for c in found.clips}
    together: dict[str, set[str]] = {}
    for row in group(list(names), find_pairs(*found.tables())).to_pylist():
        together.setdefault(row["group_id"], set()).add(names[row["clip_id"]])
    return {g: files for g, files in together.items() if len(files) > 1}


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of one original, its copies by kind, and what is none."""
    folder = tmp_path_factory.mktemp("footage")
    original = take("coffee", 1)
    write_video(folder / "original.mp4", original, 24)
    remuxed(folder / "original.mp4", folder / "re-muxed.mkv")
    for name, kind in KINDS.items():
        write_copy(folder / f"{name.replace(' ', '_')}.mp4", original, FPS, kind)
    write_video(folder / "another take.mp4", take("coffee", 2), 24)
    write_video(folder / "same hand.mp4", take("astronaut", 1), 24)
    write_video(folder / "black.mp4", still(np.zeros((180, 320, 3), np.uint8), 48), 24)
    write_video(folder / "also black.mp4", still(np.zeros((180, 320, 3), np.uint8), 48), 24)
    return folder


@pytest.fixture(scope="module")
def library(footage: Path) -> Measured:
    return measured(sorted(footage.iterdir()))


@pytest.fixture(scope="module")
def pairs(library: Measured) -> pa.Table:
    return find_pairs(*library.tables())


STRANGERS = {"mirrored", "another take", "same hand", "black", "also black"}


def test_copies_join_the_original_and_nothing_else_does(footage: Path, library: Measured) -> None:
    together = next(files for files in groups_of(library).values() if "original" in files)
    copies = {p.stem for p in footage.iterdir()} - STRANGERS
    assert copies - together <= {"cropped_by_10_%"}
    assert not together & STRANGERS
    assert not any(files & STRANGERS for files in groups_of(library).values())


def test_pairs_say_what_verified_them(library: Measured, pairs: pa.Table) -> None:
    assert pairs.schema == DUPLICATE_PAIRS.schema
    names = {c["clip_id"]: Path(c["uri"]).stem for c in library.clips}
    rows = {frozenset((names[p["clip_id_a"]], names[p["clip_id_b"]])): p for p in pairs.to_pylist()}
    assert all(p["clip_id_a"] < p["clip_id_b"] and 0.6 <= p["overlap"] <= 1 for p in rows.values())
    exact = rows[frozenset(("original", "re-muxed"))]
    assert (exact["method"], exact["pdq_distance"], exact["overlap"]) == ("exact", 0, 1)
    assert exact["cosine"] == pytest.approx(1, abs=1e-3)
    assert any(p["method"] == "pdq" and p["pdq_distance"] > 0 for p in rows.values())


def test_the_order_of_shards_changes_nothing(library: Measured, pairs: pa.Table) -> None:
    turned = Measured(*(list(reversed(rows)) for rows in (library.clips, library.hashes, library.embeddings)))
    assert find_pairs(*turned.tables()) == pairs
    ids = [c["clip_id"] for c in library.clips]
    assert group(ids, pairs) == group(ids[::-1], pairs.take(list(range(pairs.num_rows))[::-1]))


def test_large_libraries_are_searched_by_the_same_rules(library: Measured, pairs: pa.Table) -> None:
    assert find_pairs(*library.tables(), search=Search(exhaustive=4, probes=64)) == pairs


def test_signatures_are_read_on_demand_and_embeddings_may_lack(library: Measured, pairs: pa.Table) -> None:
    clips, hashes, embeddings = library.tables()
    stored = dict(zip(hashes["clip_id"].to_pylist(), hashes["signature"].to_pylist(), strict=True))
    found = find_pairs(clips, hashes.drop_columns("signature"), embeddings, lambda ids: {i: stored[i] for i in ids})
    assert found == pairs
    without = find_pairs(clips, hashes)
    assert without["cosine"].null_count == without.num_rows > 0


def test_nothing_to_compare() -> None:
    empty = Measured([], [], [])
    clips = pa.table({name: pa.array([], kind) for name, kind in
                      (("clip_id", pa.string()), ("video_id", pa.string()), ("start_s", pa.float64()))})  # fmt: skip
    assert find_pairs(clips, *empty.tables()[1:]).num_rows == 0
    assert group([], DUPLICATE_PAIRS.schema.empty_table()).num_rows == 0


def test_pieces_of_one_shot_are_no_copies(tmp_path: Path) -> None:
    frames = take("chelsea", 5, 132)
    write_video(tmp_path / "whole.mp4", frames, 12)
    write_video(tmp_path / "copy.mp4", (KINDS["half size"].draw(f) for f in frames), 12)
    found = measured(sorted(tmp_path.iterdir()), PIECES)
    assert len(found.clips) == 4
    start = {c["clip_id"]: c["start_s"] for c in found.clips}
    video = {c["clip_id"]: c["video_id"] for c in found.clips}
    pairs = find_pairs(*found.tables()).to_pylist()
    assert len(pairs) == 2
    for p in pairs:
        assert video[p["clip_id_a"]] != video[p["clip_id_b"]]
        assert abs(start[p["clip_id_a"]] - start[p["clip_id_b"]]) < 1


def test_still_clips_are_copies_across_files_only(tmp_path: Path) -> None:
    rocket, cards = photograph("rocket", SIZE), [photograph("rocket", SIZE).copy() for _ in range(2)]
    for i, card in enumerate(cards):  # a series of cards: one design, other words
        cv2.rectangle(card, (20, 20), (300, 130), (255, 255, 255), -1)
        for line, words in enumerate((("HELLO", "one two"), ("NEWS", "7 8 9 10 11"))[i]):
            cv2.putText(card, words, (30, 65 + 45 * line), cv2.FONT_HERSHEY_SIMPLEX, 1.4, (0, 0, 0), 4)
    write_video(tmp_path / "pieces.mp4", still(rocket, 132), 12)
    write_video(tmp_path / "poor.mp4", still(rocket, 132), 12, options={"crf": "36"})
    for i, card in enumerate(cards):
        write_video(tmp_path / f"card {i}.mp4", still(card, 60), 24)
    found = measured(sorted(tmp_path.iterdir()), PIECES)
    together = groups_of(found)
    assert len(found.clips) == 6
    assert sorted(map(sorted, together.values())) == [["pieces", "poor"], ["pieces", "poor"]]


def links(*pairs: tuple[str, str], method: str = "pdq") -> pa.Table:
    rows = [{"clip_id_a": a, "clip_id_b": b, "method": method, "overlap": 1.0} for a, b in pairs]
    return pa.Table.from_pylist(rows, schema=DUPLICATE_PAIRS.schema)


def grouped(ids: str, pairs: pa.Table) -> list[str]:
    table = group(list(ids), pairs)
    assert table.schema == DUPLICATES.schema
    return table["group_id"].to_pylist()


def test_groups_are_named_by_their_smallest_clip_and_every_clip_has_a_row() -> None:
    table = group(["d", "c", "b", "a"], links(("b", "d"))).to_pylist()
    assert [(r["clip_id"], r["group_id"], r["group_size"]) for r in table] == [
        ("a", "a", 1), ("b", "b", 2), ("c", "c", 1), ("d", "b", 2)]  # fmt: skip
    with pytest.raises(KeyError):
        group(["a"], links(("a", "z")))


def test_a_chain_is_not_one_group_but_equal_clips_are() -> None:
    chain = list(zip("abcdef", "bcdefg", strict=True))
    assert grouped("abcdefg", links(*chain)) == ["a", "a", "a", "d", "d", "d", "g"]
    assert grouped("abcdefg", links(*chain, method="exact")) == ["a"] * 7
    hub = links(*(("a", x) for x in "bcdef"), ("f", "g"))
    assert grouped("abcdefg", hub) == ["a"] * 6 + ["g"]


@given(st.sets(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")).filter(lambda p: p[0] < p[1])))
def test_members_of_a_group_are_linked(pairs: set[tuple[str, str]]) -> None:
    of = dict(zip("abcdefgh", grouped("abcdefgh", links(*sorted(pairs))), strict=True))
    assert all(of[clip] <= clip and of[of[clip]] == of[clip] for clip in of)
    for clip, name in of.items():
        mates = [m for m in of if of[m] == name and m != clip]
        assert not mates or any(tuple(sorted((clip, m))) in pairs for m in mates)


REAL = pytest.mark.skipif(not SHARED_VIDEOS.exists(), reason="the shared videos are not beside the repository")


@pytest.mark.slow
@REAL
def test_the_chair_videos_of_threatexchange_are_one_group() -> None:
    """Their own algorithm (TMK) gives these files cosines of 0.89 to 1.0, and 0.43 to 0.51 with the large logo."""
    chairs = sorted((SHARED_VIDEOS / "clear").glob("threatexchange__chair-*"))
    others = [p for pattern in ("sample-videos__b*.mkv", "sam2__0*", "torchcodec__nasa*", "dover__17*")
              for p in sorted(SHARED_VIDEOS.glob(f"*/{pattern}"))]  # fmt: skip
    assert len(chairs) == 7 and len(others) >= 8
    together = list(groups_of(measured([*chairs, *others])).values())
    expected = {p.stem for p in chairs if "large-logo" not in p.stem}
    assert any(expected <= files for files in together)
    assert all(not (files & expected) or files <= {p.stem for p in chairs} for files in together)


@pytest.mark.slow
@REAL
@pytest.mark.parametrize("name", ["sam2__05_default_juggle.mp4", "sample-videos__again.mkv", "moviepy__chaplin.mp4"])
def test_copies_of_real_clips(name: str, tmp_path: Path) -> None:
    """Clips of the half of the library on which no bound was chosen; see benchmarks/duplicates.py."""
    from benchmarks.copies import decoded

    path = SHARED_VIDEOS / "clear" / name
    original = measured([path])
    clip = max(original.clips, key=lambda c: c["duration_s"])
    frames = list(islice(decoded(path, clip["start_frame"], clip["end_frame"]), 300))
    kinds = ("re-encoded, low bit rate", "letterboxed", "grey", "half size", "13 % shorter at the start", "mirrored")
    copies = [measured([write_copy(tmp_path / f"{k}.mp4", frames, clip["fps"], KINDS[k])]) for k in kinds]
    together = [files for files in groups_of(joined(original, *copies)).values() if path.stem in files]
    assert set.union(*together) >= set(kinds[:-1]) and not any("mirrored" in files for files in together)
