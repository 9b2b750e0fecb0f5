"""The one decode of a whole file: tables, keyframes, status, and that it costs one open."""

from __future__ import annotations

import io
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from skimage import data

from assets.scan.decoder import ScanLimits
from assets.scan.scan_video import ScanResult, scan_video
from assets.tables import FRAME_SIGNALS, KEYFRAMES, SCANS

VIDEO_ID = "0123456789abcdef" * 2
SHARED = Path(__file__).parents[2] / "shared" / "data" / "videos"
PHOTOS = [cv2.resize(image, (960, 640)) for image in (data.coffee(), data.astronaut(), data.chelsea())]


def footage(count: int, size: tuple[int, int], cuts: tuple[int, ...] = ()) -> Iterable[np.ndarray]:
    """A slow pan over photographs, another one after each cut."""
    for i in range(count):
        photo = PHOTOS[sum(i >= cut for cut in cuts) % len(PHOTOS)]
        yield cv2.resize(photo[20:560, 10 + 2 * i % 200 : 730 + 2 * i % 200], size, interpolation=cv2.INTER_AREA)


def write_video(path: Path, frames: Iterable[np.ndarray], fps: int = 24, codec: str = "libx264",
                pix_fmt: str = "yuv420p", turn: float = 0, aspect: Fraction | None = None) -> Path:  # fmt: skip
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        for i, rgb in enumerate(frames):
            if i == 0:
                stream.height, stream.width, stream.pix_fmt = *rgb.shape[:2], pix_fmt
                if turn:
                    stream.set_display_rotation(turn)
                if aspect:
                    stream.codec_context.sample_aspect_ratio = aspect
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")))
        container.mux(stream.encode())
    return path


def check(result: ScanResult) -> None:
    """What holds for every scan: schemas, keys in order, and every value inside its declared range."""
    assert result.signals.schema == FRAME_SIGNALS.schema
    assert result.keyframes.schema == KEYFRAMES.schema
    assert list(result.scan) == SCANS.names
    assert result.signals.num_rows == result.frames == result.scan["frames_decoded"]
    assert result.signals["frame"].to_pylist() == list(range(result.frames))
    assert (np.diff(result.signals["pts_s"].to_numpy()) > 0).all()
    for column in FRAME_SIGNALS.columns:
        if column.low is None and column.high is None:
            continue
        values = np.array([v for v in result.signals[column.name].to_pylist() if v is not None])
        assert np.isfinite(values).all(), column.name
        assert column.low is None or (values >= column.low).all(), column.name
        assert column.high is None or (values <= column.high).all(), column.name


def pictures(result: ScanResult) -> dict[int, np.ndarray]:
    rows = zip(result.keyframes["frame"].to_pylist(), result.keyframes["jpeg"].to_pylist(), strict=True)
    return {frame: cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) for frame, jpeg in rows}


def test_a_cut_shows_in_the_signals_and_in_keyframes_of_both_sides(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", footage(96, (720, 480), cuts=(40,)))
    result = scan_video(path, VIDEO_ID)
    check(result)
    assert (result.opens, result.frames, result.scan["status"], result.scan["error"]) == (1, 96, "ok", None)
    assert result.scan["end_s"] == pytest.approx(4.0)
    content = result.signals["content_val"].to_numpy()
    assert content.argmax() == 40
    assert content[40] > 27 > 3 * np.delete(content, 40).max()
    assert result.keyframes["frame"].to_pylist() == [0, 24, 39, 40, 48, 72]
    seen = pictures(result)
    assert seen[39].shape == (427, 640, 3)
    for frame, photo in ((39, PHOTOS[0]), (40, PHOTOS[1])):
        truth = cv2.resize(photo[20:560, 10 + 2 * frame : 730 + 2 * frame], (640, 427), interpolation=cv2.INTER_AREA)
        assert cv2.absdiff(seen[frame], truth[..., ::-1].copy()).mean() < 8
    flow = result.signals["flow_dt_s"].to_pylist()
    assert [i for i, dt in enumerate(flow) if dt is not None] == list(range(3, 96, 3))
    noise = result.signals["noise"].to_pylist()
    assert [i for i, value in enumerate(noise) if value is not None] == list(range(0, 96, 6))
    assert result.signals["transition_probability"].null_count == 96
    pan = [v for i, v in enumerate(result.signals["camera_dx"].to_pylist()) if v is not None and i not in (42,)]
    assert np.median(pan) == pytest.approx(-2 * 24 / np.hypot(720, 540) * 100, rel=0.1)


def test_the_same_file_gives_the_same_bytes(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", footage(50, (320, 240), cuts=(20,)))

    def encoded() -> list[bytes]:
        result, out = scan_video(path, VIDEO_ID), []
        for table in (result.signals, result.keyframes):
            buffer = io.BytesIO()
            pq.write_table(table, buffer, compression="zstd")
            out.append(buffer.getvalue())
        return out

    assert encoded() == encoded()


@pytest.mark.parametrize(
    ("size", "codec", "pix_fmt", "name"),
    [((322, 242), "libx264", "yuv420p", "a.mp4"), ((321, 241), "libx264", "yuv444p", "a.mp4"),
     ((33, 17), "libx264", "yuv444p", "a.mp4"), ((1, 1), "libx264", "yuv444p", "a.mp4"),
     ((640, 16), "libx264", "yuv420p", "a.mp4"),
     ((320, 240), "libx265", "yuv420p10le", "a.mp4"), ((320, 240), "libvpx-vp9", "yuv420p", "a.webm"),
     ((320, 240), "mpeg4", "yuv420p", "a.avi"), ((120, 90), "gif", "rgb8", "a.gif"),
     ((320, 240), "ffv1", "gray", "a.mkv"), ((320, 240), "mjpeg", "yuvj422p", "a.avi"),
     ((320, 240), "ffv1", "bgr0", "a.mkv")],
)  # fmt: skip
def test_odd_sizes_and_formats_are_measured(
    tmp_path: Path, size: tuple[int, int], codec: str, pix_fmt: str, name: str
) -> None:
    frames = [frame if frame.ndim == 3 else frame[..., None] for frame in footage(20, size)]
    result = scan_video(write_video(tmp_path / name, frames, codec=codec, pix_fmt=pix_fmt), VIDEO_ID)
    check(result)
    assert (result.scan["status"], result.frames) == ("ok", 20)
    first = pictures(result)[0]
    assert max(first.shape) <= 640
    assert result.signals["luma_mean"].null_count == 0


def test_pictures_are_turned_and_stretched_as_displayed(tmp_path: Path) -> None:
    frames = list(footage(3, (480, 320)))
    upright = pictures(scan_video(write_video(tmp_path / "a.mp4", frames), VIDEO_ID))[0]
    turned = pictures(scan_video(write_video(tmp_path / "b.mp4", frames, turn=-90), VIDEO_ID))[0]
    assert cv2.absdiff(cv2.rotate(upright, cv2.ROTATE_90_CLOCKWISE), turned).mean() < 2
    wide = scan_video(write_video(tmp_path / "c.mp4", frames, aspect=Fraction(4, 3)), VIDEO_ID)
    assert (wide.keyframes["width"][0].as_py(), wide.keyframes["height"][0].as_py()) == (640, 320)


def test_a_size_that_changes_midway_and_a_restarted_clock_are_survived(tmp_path: Path) -> None:
    parts = [write_video(tmp_path / f"{i}.ts", footage(20, size), codec="mpeg2video")
             for i, size in enumerate([(320, 240), (640, 360), (176, 144)])]  # fmt: skip
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    result = scan_video(path, VIDEO_ID)
    check(result)
    assert result.frames >= 58
    assert result.signals["flow_grid"].null_count < result.frames


def test_an_image_is_one_frame_and_one_keyframe(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), PHOTOS[0][..., ::-1])
    result = scan_video(path, VIDEO_ID)
    check(result)
    assert (result.frames, result.scan["status"]) == (1, "ok")
    image = pictures(result)[0]
    assert image.shape == (427, 640, 3)
    assert cv2.absdiff(image, cv2.resize(PHOTOS[0], (640, 427))[..., ::-1].copy()).mean() < 6


def test_a_flashing_picture_keeps_few_keyframes(tmp_path: Path) -> None:
    frames = [np.full((120, 160, 3), 230 if i % 4 == 0 else 20, np.uint8) for i in range(96)]
    result = scan_video(write_video(tmp_path / "a.mp4", frames), VIDEO_ID)
    assert 4 < result.keyframes.num_rows <= 4 * (1 + 2 * 3) + 1


@pytest.mark.parametrize("content", [b"", b"no media at all\n" * 40])
def test_bad_media_give_empty_tables_and_a_status(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    result = scan_video(path, VIDEO_ID)
    check(result)
    assert result.frames == result.keyframes.num_rows == 0
    assert result.scan["status"] in ("corrupt", "unsupported")


def test_a_limit_keeps_what_came_before(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", footage(40, (160, 120)))
    result = scan_video(path, VIDEO_ID, limits=ScanLimits(max_frames=30))
    check(result)
    assert (result.frames, result.scan["status"]) == (30, "unsupported")


def test_a_transition_model_fills_the_column_where_it_is_asked(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", footage(99, (160, 120), cuts=(70,)))
    result = scan_video(
        path, VIDEO_ID, transition_model=lambda window: window[:, 0, 0, 0] / 255,
        doubtful=lambda values: values["content_val"] > 20,
    )  # fmt: skip
    check(result)
    filled = [i for i, v in enumerate(result.signals["transition_probability"].to_pylist()) if v is not None]
    assert filled == list(range(50, 99))


@pytest.mark.skipif(not SHARED.exists(), reason="the shared real videos are not beside this checkout")
@pytest.mark.parametrize(
    ("name", "status"),
    [("clear/decord__corrupted.mp4", "corrupt"), ("clear/moviepy__-video-with-dash-.mp4", "ok"),
     ("made/interlaced.ts", "ok"), ("clear/torchcodec__h264_10bits.mp4", "ok"), ("made/truncated60.mp4", "truncated"),
     ("made/audio_only.m4a", "no_video"), ("repo_only/imageio-binari__newtonscradle.gif", "ok"),
     ("research_only/pyscenedetect__delayed_start.mp4", "ok")],
)  # fmt: skip
def test_real_files(name: str, status: str) -> None:
    if not (SHARED / name).exists():
        pytest.skip(f"{name} is not among the shared videos")
    result = scan_video(SHARED / name, VIDEO_ID)
    check(result)
    assert result.scan["status"] == status


@pytest.mark.skipif(not SHARED.exists(), reason="the shared real videos are not beside this checkout")
@pytest.mark.parametrize(
    ("name", "edges"),
    [("clear/moviepy__example3.mp4", (58, 58, 0, 0)), ("clear/moviepy__chaplin.mp4", (0, 0, 72, 72)),
     ("clear/threatexchange__chair-orig-22-sd-bar.mp4", (0, 0, 32, 32)), ("clear/sam2__01_dog.mp4", (0, 0, 0, 0))],
)  # fmt: skip
def test_real_borders(name: str, edges: tuple[int, ...]) -> None:
    if not (SHARED / name).exists():
        pytest.skip(f"{name} is not among the shared videos")
    signals = scan_video(SHARED / name, VIDEO_ID, limits=ScanLimits(max_frames=60)).signals
    for column, truth in zip(("border_top", "border_bottom", "border_left", "border_right"), edges, strict=True):
        values = [v for v in signals[column].to_pylist() if v is not None]
        assert np.median(values) == pytest.approx(truth, abs=2)
