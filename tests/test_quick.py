"""A quick decode: what it leaves out, what of the rest is the same, and clips that last as long in time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import polars as pl
import pytest
from conftest import SHARED_VIDEOS, SMALL
from hypothesis import given
from hypothesis import strategies as st

from assets.clips.cut_shard import cut_video
from assets.clips.shots import find_shots
from assets.clips.source_clock import MOST_LEFT_OUT, SourceClock
from assets.columns import APPROXIMATE, SAME, UNMEASURED
from assets.filter_scores.scorers import SCORERS
from assets.measuring.measure_clips import clip_view, measure
from assets.options import NOT_IN_QUICK, Options, ScanOptions, ShotOptions
from assets.raw_videos.probe import probe
from assets.scan.decoder import Decode, ScanLimits, decode
from assets.scan.leaving_out import LeavingOut
from assets.scan.scan_video import ScanResult, scan_video
from assets.tables import CLIPS, FILTER_SCORES, FRAME_SIGNALS
from demo.footage import cut, dissolve, fade_in, fade_out, grain, pan, photograph, write_video

FPS = 24
EVERY_FOURTH = {"bf": "3", "x264-params": "b-pyramid=none:b-adapt=0:scenecut=0"}
"""Of x264: three frames between those that are referred to."""
PYRAMID = {"bf": "3", "x264-params": "b-pyramid=normal:b-adapt=0:scenecut=0"}
"""The middle one of the three is referred to by the other two."""

Frames = dict[float, bytes]


def moving(name: str, frames: int, speed: float = 6) -> Any:
    return grain(pan(photograph(name, SMALL), frames, FPS, speed), 2)


def decoded(path: Path, quick: bool) -> tuple[Decode, Frames]:
    """The decode, and each frame's luma by its timestamp."""
    media = decode(path, ScanLimits(quick=quick))
    return media, {round(pts_s, 6): frame.to_ndarray().tobytes() for _, pts_s, frame in media}


def both(path: Path) -> tuple[Decode, Frames, Decode, Frames]:
    return *decoded(path, False), *decoded(path, True)


@pytest.mark.parametrize(
    ("codec", "name", "options", "share"),
    [("libx264", "a.mp4", EVERY_FOURTH, 0.25), ("libx264", "a.mkv", PYRAMID, 0.5), ("libx265", "a.mp4", {}, 0.5),
     ("mpeg4", "a.mp4", {"bf": "2"}, 0.33), ("mpeg2video", "a.ts", {"bf": "2"}, 0.33)],
)  # fmt: skip
def test_frames_that_no_other_refers_to_are_left_out_and_the_others_are_the_same(
    tmp_path: Path, codec: str, name: str, options: dict[str, str], share: float
) -> None:
    path = write_video(tmp_path / name, moving("coffee", 60), FPS, codec, options=options)
    whole, frames, quick, fewer = both(path)
    assert (whole.frames, whole.quick, quick.quick) == (60, False, True)
    assert quick.frames == pytest.approx(share * 60, abs=8)
    assert fewer.items() <= frames.items(), "pictures and timestamps are those of a whole decode"
    assert quick.end_s == pytest.approx(whole.end_s)
    assert (quick.status, quick.packets) == (whole.status, whole.packets)


@pytest.mark.parametrize(("codec", "name"), [("libx264", "a.mp4"), ("libvpx-vp9", "a.webm"), ("mjpeg", "a.avi")])
def test_a_file_of_which_nothing_can_be_left_out_is_scanned_whole(tmp_path: Path, codec: str, name: str) -> None:
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    options = {"bf": "0"} if codec == "libx264" else {}
    path = write_video(tmp_path / name, moving("coffee", 20), FPS, codec, options=options, pix_fmt=pix_fmt)
    whole, quick = scanned(path, False), scanned(path, True)
    assert quick.signals.equals(whole.signals) and quick.keyframes.equals(whole.keyframes)
    assert quick.scan == whole.scan and quick.scan["quick"] is False


def test_a_raw_stream_is_timed_by_its_frames_and_so_decoded_whole(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mp4", moving("coffee", 40), FPS, options=PYRAMID)
    with av.open(str(video)) as source, av.open(str(tmp_path / "a.h264"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            packet.stream = stream
            if packet.dts is not None:
                target.mux(packet)
    _, frames, quick, fewer = both(tmp_path / "a.h264")
    assert (quick.frames, quick.quick, fewer) == (40, False, frames)


def test_a_file_cut_off_is_truncated_all_the_same(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", moving("coffee", 60), FPS, options=PYRAMID)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    whole, _, quick, _ = both(path)
    assert whole.status == quick.status == "truncated" and quick.error == whole.error
    assert quick.end_s == pytest.approx(whole.end_s, abs=5 / FPS)


def test_from_a_frame_without_a_timestamp_on_nothing_is_left_out() -> None:
    watch, context, modes = LeavingOut(), av.CodecContext.create("h264", "r"), []
    for pts in (0, 8, None, 4):
        packet = av.Packet(b"x")
        packet.pts = pts
        watch(packet, context)
        modes.append(context.skip_frame)
    assert modes == ["NONREF", "NONREF", "DEFAULT", "DEFAULT"] and watch.promised == 4


def scanned(path: Path, quick: bool) -> ScanResult:
    return scan_video(path, "v", limits=ScanLimits(quick=quick))


def signals_of(result: ScanResult) -> pl.DataFrame:
    frames = pl.from_arrow(result.signals)
    assert isinstance(frames, pl.DataFrame)
    return frames


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cut at 1.75 s, a dissolve from 3.25 s to 4.25 s and a fade to black and back, from 6.5 s to 8 s."""
    mixed = dissolve(moving("chelsea", 60, -6), moving("rocket", 90), 24)
    shots = cut(moving("coffee", 42), fade_out(mixed, 12), np.zeros((12, 180, 320, 3), np.uint8),
                fade_in(moving("grass", 60, -6), 12))  # fmt: skip
    return write_video(tmp_path_factory.mktemp("edited") / "a.mp4", shots, FPS, options=EVERY_FOURTH)


def test_clips_last_as_long_in_time_though_three_frames_of_four_are_missing(edited: Path) -> None:
    facts = probe(edited) | {"video_id": "v"}
    clips = []
    for quick in (False, True):
        result = scanned(edited, quick)
        found, counts = cut_video(facts, signals_of(result), result.scan["end_s"], "s", ShotOptions(), quick)
        clips.append(found)
        assert counts["shots"] == 4 and [c["boundary_out"] for c in found] == ["cut", "dissolve", "fade", "end"]
    for one, other in zip(*clips, strict=True):
        assert abs(one["end_s"] - other["end_s"]) < 4.5 / FPS, "late by what was left out at most"
        assert abs(one["start_s"] - other["start_s"]) < 0.5 + 4.5 / FPS, "the sharpest of half a second begins it"
        assert other["fps"] == facts["fps"]
        assert other["end_frame"] - other["start_frame"] < 0.4 * (one["end_frame"] - one["start_frame"])


def test_shots_of_a_quick_scan_hold_every_decoded_frame_once(edited: Path) -> None:
    frames = signals_of(scanned(edited, True))
    found = find_shots(frames, FPS, quick=True)
    parts = sorted((p.start_frame, p.end_frame) for p in (*found.shots, *found.transitions))
    assert [a for a, _ in parts] == [0, *(b for _, b in parts[:-1])] and parts[-1][1] == len(frames)


steps = st.lists(st.integers(1, MOST_LEFT_OUT + 1), max_size=40)


@given(steps, st.floats(1, 120))
def test_decoded_frames_keep_their_place_and_their_values(gaps: list[int], fps: float) -> None:
    place = np.concatenate([[0], np.cumsum(gaps)]).astype(int)
    clock = SourceClock.of(place / fps + 3, fps)
    assert clock.place.tolist() == place.tolist() and clock.frames == place[-1] + 1
    values = np.arange(len(place), dtype=float) ** 2
    filled = clock.filled(values, [])
    assert np.array_equal(filled[place], values) and (np.diff(filled) >= 0).all()
    assert np.allclose(filled, np.interp(np.arange(clock.frames), place, values))
    assert [clock.decoded(clock.of_source(i)) for i in range(len(place) + 1)] == list(range(len(place) + 1))


def test_before_a_cut_the_picture_stays_and_levels_stay_whole() -> None:
    clock = SourceClock.of(np.array([0.0, 4, 8, 12]), 1)
    thumbs = np.array([[0, 0], [100, 40], [200, 0], [0, 8]], np.uint8)
    filled = clock.filled(thumbs, [2])
    assert filled.dtype == np.uint8
    assert filled[:, 0].tolist() == [0, 25, 50, 75, 100, 100, 100, 100, 200, 150, 100, 50, 0]
    assert filled[9:, 1].tolist() == [2, 4, 6, 8]


def test_a_pause_of_the_source_is_not_filled() -> None:
    assert SourceClock.of(np.array([0.0, 1, 3601]), 25).place.tolist() == [0, 1, 2]
    assert SourceClock.of(np.array([0.0, 1, 2]), 0).place.tolist() == [0, 1, 2]
    assert SourceClock.of(np.zeros(0), 25).frames == 0


def test_every_column_says_what_it_is_worth_after_a_quick_scan() -> None:
    marks = {c.name: c.quick for t in (FRAME_SIGNALS, CLIPS, FILTER_SCORES) for c in t.columns}
    assert set(marks.values()) == {SAME, APPROXIMATE, UNMEASURED}
    unmeasured = {c.name for c in FILTER_SCORES.columns if c.quick == UNMEASURED}
    assert unmeasured == {"duplicate_frame_ratio", "content_cut_rate", "vmaf_motion"}
    assert not [c for t in (FRAME_SIGNALS, CLIPS) for c in t.columns if c.quick == UNMEASURED]


@pytest.mark.parametrize("speed", [3.0, 12.0])
def test_what_is_marked_the_same_is_the_same(tmp_path: Path, speed: float) -> None:
    """Within 10 % where nothing depends on the frames left out (they are coded the worst, and so softer), within 15 %
    where motion is sampled coarser.
    """
    path = write_video(tmp_path / "a.mp4", moving("coffee", 72, speed), FPS, options=PYRAMID | {"crf": "18"})
    facts, views = probe(path) | {"video_id": "v"}, []
    for quick in (False, True):
        frames = signals_of(scanned(path, quick))
        whole = {"start_frame": 0, "end_frame": len(frames), "start_s": 0.0, "end_s": 3.0, "duration_s": 3.0}
        box = {"crop_x": 0, "crop_y": 0, "crop_w": facts["width"], "crop_h": facts["height"]}
        views.append(clip_view(facts | whole | box, frames))
    for scorer in (s for s in SCORERS if not s.pictures and s.quick != UNMEASURED and s.name != "slideshow"):
        one, other = (measure(scorer, view) for view in views)
        assert one["error"] is None and other["error"] is None
        for column in (c for c in scorer.columns if isinstance(one[c.name], float)):
            share = 0.1 if column.quick == SAME else 0.15
            assert other[column.name] == pytest.approx(one[column.name], rel=share, abs=0.2), column.name


def test_a_whole_scan_knows_of_no_quick_one() -> None:
    """Roots that were scanned before there were quick scans are up to date."""
    assert Options().of("scan") == Options(scan=ScanOptions(quick=False)).of("scan")
    assert set(Options().of("scan")) == {"max_pixels", "max_frames", "max_duration_s"}
    quick = Options(scan=ScanOptions(quick=True))
    assert quick.of("scan") == Options().of("scan") | {"quick": True}
    assert {s.name for s in SCORERS if quick.lack(s) == NOT_IN_QUICK} == {"repeats", "cut_rate", "vmaf"}


@pytest.mark.skipif(not SHARED_VIDEOS.is_dir(), reason=f"no shared footage at {SHARED_VIDEOS}")
@pytest.mark.parametrize("name", ["repo_only/dover__1724.mp4", "clear/sam2__01_dog.mp4", "made/vfr.mp4"])
def test_real_footage_is_the_same_where_it_is_decoded(name: str) -> None:
    whole, frames, quick, fewer = both(SHARED_VIDEOS / name)
    assert quick.quick and len(fewer) < 0.6 * len(frames)
    assert fewer.items() <= frames.items() and quick.end_s == pytest.approx(whole.end_s)
