"""The one place that opens media: what comes out, how it ended, and what it refuses to open."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.scan.clock import Clock
from assets.scan.decoder import COUNTERS, MediaError, ScanLimits, decode, open_media


def write_video(path: Path, count: int = 30, size: tuple[int, int] = (96, 64), fps: int = 25, codec: str = "libx264",
                pts: list[int] | None = None, format: str | None = None, seed: int = 0) -> Path:  # fmt: skip
    """Smooth moving waves, so that every frame differs; keyframe every 10 frames."""
    y, x = np.mgrid[: size[1], : size[0]]
    with av.open(str(path), "w", format=format) as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.gop_size = 10
        for i in range(count):
            wave = 127 + 100 * np.sin((x + 3 * i + seed) / 9) * np.cos((y + i) / 7)
            frame = av.VideoFrame.from_ndarray(np.repeat(wave.astype(np.uint8)[..., None], 3, axis=2), format="rgb24")
            if pts is not None:
                frame.pts = pts[i]
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_audio(path: Path) -> Path:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44100, layout="mono")
        for i in range(20):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, 1024 * i
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def faststart(path: Path, **options: int) -> Path:
    """The same as write_video with the index at the front, so that a cut file still opens."""
    plain = write_video(path.with_name("plain.mp4"), **options)
    with av.open(str(plain)) as source, av.open(str(path), "w", options={"movflags": "faststart"}) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return path


def test_all_frames_come_in_order_and_are_counted(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4")
    opens, frames = COUNTERS.decode_opens, COUNTERS.frames
    media = decode(path)
    seen = [(index, pts) for index, pts, _ in media]
    assert [index for index, _ in seen] == list(range(30))
    assert np.allclose([pts for _, pts in seen], np.arange(30) / 25)
    assert (media.status, media.error, media.frames) == ("ok", None, 30)
    assert media.end_s == pytest.approx(30 / 25)
    assert (COUNTERS.decode_opens - opens, COUNTERS.frames - frames) == (1, 30)


@pytest.mark.parametrize(
    ("codec", "name"),
    [("libx264", "a.mkv"), ("libvpx-vp9", "a.webm"), ("mpeg4", "a.avi"), ("mpeg2video", "a.ts"), ("flv", "a.flv"),
     ("libx265", "a.mov"), ("mpeg1video", "a.mpg")],
)  # fmt: skip
def test_common_containers_are_read(tmp_path: Path, codec: str, name: str) -> None:
    media = decode(write_video(tmp_path / name, codec=codec))
    assert len(list(media)) == 30, media.error
    assert media.status == "ok"


def test_a_file_cut_off_keeps_its_frames_and_is_truncated(tmp_path: Path) -> None:
    path = faststart(tmp_path / "a.mp4", count=100)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    media = decode(path)
    assert 20 < len(list(media)) < 100
    assert media.status == "truncated"
    assert "of 100 packets" in str(media.error)


def test_damage_in_the_middle_is_corrupt_and_the_rest_is_kept(tmp_path: Path) -> None:
    path = faststart(tmp_path / "a.mp4", count=100)
    with av.open(str(path)) as container:
        positions = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    data = bytearray(path.read_bytes())
    for pos, size in positions[40:44]:
        data[pos : pos + size] = b"\xff" * size
    path.write_bytes(bytes(data))
    media = decode(path)
    assert 80 < len(list(media)) < 100
    assert media.status == "corrupt"
    assert "of 100 packets could not be decoded" in str(media.error)


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"", "corrupt"), (b"just some text\n" * 50, "unsupported"), (b"\0\0\0\x18ftypmp42" + b"\0" * 400, "corrupt"),
     (os.urandom(5000), "unsupported")],
)  # fmt: skip
def test_what_is_no_media_gets_a_status_and_one_sentence(tmp_path: Path, content: bytes, status: str) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    media = decode(path)
    assert list(media) == []
    assert media.status == status
    assert str(media.error).endswith(".")


def test_sound_without_pictures_is_no_video(tmp_path: Path) -> None:
    media = decode(write_audio(tmp_path / "a.mp4"))
    assert list(media) == []
    assert media.status == "no_video"


def test_a_missing_file_is_an_error_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(decode(tmp_path / "nothing.mp4"))


@pytest.mark.parametrize(
    ("limits", "count"),
    [(ScanLimits(max_frames=12), 12), (ScanLimits(max_pixels=96 * 64 - 1), 0), (ScanLimits(max_duration_s=0.5), 13)],
)
def test_a_limit_ends_the_decode_as_unsupported(tmp_path: Path, limits: ScanLimits, count: int) -> None:
    media = decode(write_video(tmp_path / "a.mp4"), limits)
    assert len(list(media)) == count
    assert media.status == "unsupported"
    assert "limit" in str(media.error)


def playlists(canary: Path) -> dict[str, str]:
    return {
        "ffconcat": f"ffconcat version 1.0\nfile '{canary.name}'\n",
        "hls": f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:1.2,\n{canary.name}\n#EXT-X-ENDLIST\n",
        "hls_absolute": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:1.2,\nfile://{canary}\n#EXT-X-ENDLIST\n",
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
               "a=rtpmap:96 H264/90000\n",
        "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
                'mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" '
                f'bandwidth="1"><BaseURL>{canary.name}</BaseURL></Representation></AdaptationSet></Period></MPD>',
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["ffconcat", "hls", "hls_absolute", "sdp", "dash"])
@pytest.mark.parametrize("suffix", [".mp4", ".ffconcat", ".m3u8", ".mpd", ".sdp", ".mkv"])
def test_a_playlist_never_opens_another_file(tmp_path: Path, kind: str, suffix: str) -> None:
    canary = write_video(tmp_path / "canary.ts", codec="mpeg2video")
    path = tmp_path / f"list{suffix}"
    path.write_text(playlists(canary)[kind])
    media = decode(path)
    assert list(media) == []
    assert media.status == "unsupported"


def test_the_canary_would_be_seen_without_the_allow_list(tmp_path: Path) -> None:
    canary = write_video(tmp_path / "canary.ts", codec="mpeg2video")
    path = tmp_path / "list.mp4"
    path.write_text(playlists(canary)["ffconcat"])
    with av.open(str(path)) as container:
        assert len(list(container.decode(video=0))) == 30


@pytest.mark.parametrize("name", ["concat:a|b.mp4", "http:x.mp4", "a%03d.mp4", "-dash.mp4", "file:x.mp4", "ü é.mp4"])
def test_names_are_never_protocols_or_patterns(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_video(tmp_path / "plain.mp4").rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert len(list(decode(name))) == 30


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tiff", ".webp", ".gif"])
def test_an_image_is_one_frame_whatever_its_name(tmp_path: Path, suffix: str) -> None:
    image = pytest.importorskip("PIL.Image").fromarray(np.full((20, 30, 3), 90, np.uint8))
    image.save(tmp_path / f"a%03d{suffix}")
    frames = [(frame.width, frame.height) for _, _, frame in decode(tmp_path / f"a%03d{suffix}")]
    assert frames == [(30, 20)]


def test_an_opened_file_is_counted_by_purpose(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4")
    before = (COUNTERS.demux_opens, COUNTERS.decode_opens)
    open_media(path, decode=False).close()
    assert (COUNTERS.demux_opens, COUNTERS.decode_opens) == (before[0] + 1, before[1])
    with pytest.raises(MediaError):
        open_media(Path(__file__), decode=False)


def test_variable_intervals_and_a_late_start_are_kept(tmp_path: Path) -> None:
    ticks = [50 + 3 * i + (i % 3 == 0) for i in range(30)]
    path = write_video(tmp_path / "a.mkv", pts=ticks)
    times = np.array([pts for _, pts, _ in decode(path)])
    assert np.allclose(times, np.array(ticks) / 25, atol=0.001)


@given(st.lists(st.none() | st.floats(-1e5, 1e5), max_size=60), st.floats(0.001, 1))
def test_timestamps_are_strictly_increasing_whatever_comes(values: list[float | None], interval: float) -> None:
    clock = Clock(interval)
    out = [clock(value) for value in values]
    assert all(a < b for a, b in pairwise(out))


def test_the_clock_changes_only_what_it_must() -> None:
    clock = Clock(0.04)
    assert [clock(v) for v in (5.0, 5.04, 5.04, 5.08, None, 5.2)] == [5.0, 5.04, 5.041, 5.08, 5.12, 5.2]
    restarted = Clock(0.04)
    assert [round(restarted(v), 3) for v in (10.0, 10.04, 0.0, 0.04, 0.08)] == [10.0, 10.04, 10.08, 10.12, 10.16]
