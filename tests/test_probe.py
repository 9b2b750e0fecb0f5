"""What a demux pass says of files whose facts are known."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from assets.raw_videos.probe import hash_file, is_vfr, probe
from assets.scan.decoder import COUNTERS
from assets.tables import RAW_VIDEOS

SHARED = Path(__file__).parents[2] / "shared" / "data" / "videos"


def write_video(path: Path, count: int = 30, fps: int | Fraction = 25, codec: str = "libx264", turn: float = 0,
                pts: list[int] | None = None, pix_fmt: str = "yuv420p", aspect: Fraction | None = None,
                sound: bool = False, transfer: int | None = None) -> Path:  # fmt: skip
    """A moving ramp of 96 x 64."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = 96, 64, pix_fmt
        if turn:
            stream.set_display_rotation(turn)
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if transfer:
            stream.codec_context.color_trc = transfer
        audio = container.add_stream("aac", rate=44100, layout="mono") if sound else None
        for i in range(count):
            ramp = (np.add.outer(np.arange(64), np.arange(96)) + 4 * i).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(np.repeat(ramp[..., None], 3, axis=2), format="rgb24")
            if pts is not None:
                frame.pts = pts[i]
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if audio is not None:
            for i in range(20):
                tone = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
                tone.sample_rate, tone.pts = 44100, 1024 * i
                container.mux(audio.encode(tone))
            container.mux(audio.encode())
    return path


def test_a_plain_video_is_described_without_decoding(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", sound=True)
    frames, opens = COUNTERS.frames, (COUNTERS.demux_opens, COUNTERS.decode_opens)
    row = probe(path)
    assert COUNTERS.frames == frames
    assert (COUNTERS.demux_opens, COUNTERS.decode_opens) == (opens[0] + 1, opens[1])
    assert set(row) == set(RAW_VIDEOS.names) - {"video_id"}
    expected = {"bytes": path.stat().st_size, "codec": "h264", "width": 96, "height": 64, "rotation": 0,
                "packet_count": 30, "pix_fmt": "yuv420p", "is_hdr": False, "is_vfr": False, "has_audio": True,
                "media": "video", "probe_status": None, "probe_error": None}  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert row["fps"] == pytest.approx(25)
    assert row["duration_s"] == pytest.approx(1.2)
    assert 0 < row["bit_rate_bps"] * 1.2 / 8 < row["bytes"]


@pytest.mark.parametrize(("turn", "clockwise"), [(-90, 90), (90, 270), (180, 180)])
def test_rotation_is_clockwise_and_swaps_the_size(tmp_path: Path, turn: float, clockwise: int) -> None:
    row = probe(write_video(tmp_path / "a.mp4", turn=turn))
    size = (64, 96) if clockwise in (90, 270) else (96, 64)
    assert (row["rotation"], (row["width"], row["height"])) == (clockwise, size)


def test_pixel_aspect_stretches_the_width(tmp_path: Path) -> None:
    row = probe(write_video(tmp_path / "a.mp4", aspect=Fraction(4, 3)))
    assert (row["width"], row["height"]) == (128, 64)


@pytest.mark.parametrize(("transfer", "hdr"), [(16, True), (18, True), (1, False), (14, False)])
def test_hdr_is_told_by_the_transfer_curve(tmp_path: Path, transfer: int, hdr: bool) -> None:
    row = probe(write_video(tmp_path / "a.mp4", codec="libx265", pix_fmt="yuv420p10le", transfer=transfer))
    assert row["is_hdr"] is hdr


def test_variable_and_rounded_frame_rates_are_told_apart(tmp_path: Path) -> None:
    ntsc = probe(write_video(tmp_path / "a.mkv", fps=Fraction(30000, 1001), count=60))
    assert ntsc["is_vfr"] is False
    assert ntsc["fps"] == pytest.approx(29.97, abs=0.05)
    dropped = [i + i // 3 for i in range(30)]
    assert probe(write_video(tmp_path / "b.mp4", pts=dropped))["is_vfr"] is True


@given(st.sampled_from([24000 / 1001, 24.0, 25.0, 30000 / 1001, 50.0, 60000 / 1001, 120.0]), st.integers(3, 500))
def test_rounding_to_milliseconds_is_no_variation(fps: float, count: int) -> None:
    assert not is_vfr([round(i * 1000 / fps) for i in range(count)], Fraction(1, 1000))


@given(st.permutations(list(range(12))))
def test_decode_order_does_not_matter(order: list[int]) -> None:
    assert not is_vfr([40 * i for i in order], Fraction(1, 1000))
    assert is_vfr([40 * i + (25 if i % 2 else 0) for i in order], Fraction(1, 1000))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".tiff", ".gif"])
def test_images_are_told_from_videos(tmp_path: Path, suffix: str) -> None:
    image = pytest.importorskip("PIL.Image").fromarray(np.full((40, 60, 3), 90, np.uint8))
    image.save(tmp_path / f"a{suffix}")
    row = probe(tmp_path / f"a{suffix}")
    assert (row["media"], row["width"], row["height"], row["packet_count"]) == ("image", 60, 40, 1)
    assert (row["fps"], row["probe_status"]) == (None, None)


def test_a_camera_jpeg_is_turned_as_its_exif_says(tmp_path: Path) -> None:
    pillow = pytest.importorskip("PIL.Image")
    exif = pillow.Exif()
    exif[0x0112] = 6
    pillow.fromarray(np.full((40, 60, 3), 90, np.uint8)).save(tmp_path / "a.jpg", exif=exif)
    row = probe(tmp_path / "a.jpg")
    assert (row["rotation"], row["width"], row["height"]) == (90, 40, 60)


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"", "corrupt"), (b"text " * 100, "unsupported"), (b"#EXTM3U\n#EXTINF:1,\nx.ts\n", "unsupported"),
     (b"\0\0\0\x18ftypmp42" + b"\0" * 400, "corrupt")],
)  # fmt: skip
def test_bad_files_get_a_status_and_a_sentence(tmp_path: Path, content: bytes, status: str) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    row = probe(path)
    assert (row["probe_status"], row["bytes"], row["media"]) == (status, len(content), None)
    assert row["probe_error"].endswith(".")


def test_the_hash_is_xxh3_of_all_bytes(tmp_path: Path) -> None:
    content = hashlib.sha256(b"x").digest() * 200_000
    (tmp_path / "a").write_bytes(content)
    assert hash_file(tmp_path / "a") == xxhash.xxh3_128(content).hexdigest()
    assert len(hash_file(tmp_path / "a")) == 32


@pytest.mark.skipif(not SHARED.exists(), reason="the shared real videos are not beside this checkout")
def test_real_files() -> None:
    facts = {
        "clear/decord__video_90.mov": {"rotation": 90, "width": 320, "height": 568},
        "clear/torchcodec__bt2020_10bit.mp4": {"is_hdr": True, "pix_fmt": "yuv420p10le"},
        "made/vfr.mp4": {"is_vfr": True},
        "made/audio_only_named.mp4": {"probe_status": "no_video", "has_audio": True},
        "made/empty.mp4": {"probe_status": "corrupt"},
        "made/text_renamed.mp4": {"probe_status": "unsupported"},
        "repo_only/imageio-binari__newtonscradle.gif": {"media": "video", "packet_count": 36},
    }
    for name, expected in facts.items():
        if (SHARED / name).exists():
            row = probe(SHARED / name)
            assert {key: row[key] for key in expected} == expected, name
