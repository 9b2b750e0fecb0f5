"""Previews of clips: the frames that were cut, from the source or of keyframes; who may fetch them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from conftest import SHARED_VIDEOS
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from assets.preview import LONG_SIDE, Wish, make_preview
from assets.scan.decoder import MediaError, decode
from assets.store import Store
from demo.footage import Frame, write_video
from orchestration.explore.media import CARD_S, Media
from orchestration.explore.server import OnlyThisPage
from orchestration.resources import LocalEngine

BITS, FPS, FRAMES = 10, 25, 700


def numbered(number: int) -> Frame:
    """A picture that tells its number: a band for each bit, from the left."""
    bands = [255 if number >> bit & 1 else 0 for bit in range(BITS)]
    return np.repeat(np.repeat(np.array(bands, np.uint8)[None, :, None], 32, 1), 3, 2).repeat(96, 0)


def numbers_of(film: Path | str) -> list[int]:
    with av.open(str(film)) as container:
        pictures = [frame.to_ndarray(format="gray").mean(0) for frame in container.decode(video=0)]
    width = len(pictures[0]) // BITS
    return [sum(1 << b for b in range(BITS) if p[b * width + width // 2] > 127) for p in pictures]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("numbered") / "numbered.mp4"
    write_video(path, (numbered(i) for i in range(FRAMES)), FPS)
    return path


@pytest.mark.parametrize(("first", "end"), [(0, 30), (40, 41), (249, 300), (251, 420), (650, 700)])
def test_a_preview_shows_the_frames_of_the_clip(source: Path, tmp_path: Path, first: int, end: int) -> None:
    """Near the start and far from it, where a seek comes first."""
    times = [pts_s for _, pts_s, _ in decode(source)] + [FRAMES / FPS]
    film = tmp_path / "film.mp4"
    assert make_preview(Wish(str(source), times[first], times[end], str(film))) == "source"
    assert numbers_of(film) == list(range(first, end))
    with av.open(str(film)) as container:
        assert container.streams.video[0].codec.name == "h264" and not container.streams.audio
        assert abs(container.duration / av.time_base - (end - first) / FPS) < 0.05


@pytest.mark.parametrize("suffix", [".ts", ".mpg"])
def test_a_seek_that_lands_too_late_goes_further_back(tmp_path: Path, suffix: str) -> None:
    """In these a seek finds any packet, and pictures come from the next key frame on."""
    codec, options = (
        ("libx264", {"g": "250", "keyint_min": "250", "sc_threshold": "0"})
        if suffix == ".ts"
        else ("mpeg2video", {"g": "250"})
    )
    source = tmp_path / f"long{suffix}"
    write_video(source, (numbered(i) for i in range(FRAMES)), FPS, codec, options=options)
    times = [pts_s for _, pts_s, _ in decode(source)]
    film = tmp_path / "film.mp4"
    assert make_preview(Wish(str(source), times[440], times[480], str(film))) == "source"
    assert numbers_of(film) == list(range(440, 480))


def keyframes(*numbers: int) -> tuple[tuple[float, bytes], ...]:
    return tuple((n / FPS, cv2.imencode(".jpg", numbered(n))[1].tobytes()) for n in numbers)


def test_without_its_source_a_preview_is_made_of_keyframes(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\0\0\0\x18ftypmp42" + b"x" * 500)
    for source in (None, str(tmp_path / "gone.mp4"), str(broken)):
        assert make_preview(Wish(source, 4.0, 7.0, str(film), keyframes(100, 125, 150))) == "keyframes"
        assert numbers_of(film) == [100, 125, 150, 150]
        with av.open(str(film)) as container:
            assert 2.9 < container.duration / av.time_base < 3.1
    with pytest.raises((MediaError, FileNotFoundError)):
        make_preview(Wish(str(tmp_path / "gone.mp4"), 4.0, 7.0, str(film)))
    with pytest.raises(MediaError, match="No frame"):
        make_preview(Wish(None, 4.0, 7.0, str(film)))


def test_a_playlist_dressed_as_video_is_not_followed(source: Path, tmp_path: Path) -> None:
    trap = tmp_path / "list.mp4"
    trap.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{source}\n#EXT-X-ENDLIST\n")
    with pytest.raises(MediaError):
        make_preview(Wish(str(trap), 0.0, 2.0, str(tmp_path / "film.mp4")))


def clip(source: Path, **values: Any) -> dict[str, Any]:
    row = {"clip_id": "c" * 32, "video_id": "v" * 32, "shard": "shard-000001", "start_frame": 0, "end_frame": 250}
    return row | {"start_s": 0.0, "end_s": 10.0, "uri": str(source)} | values


@pytest.fixture
def media(tmp_path: Path) -> Iterator[Media]:
    made = Media(Store(str(tmp_path / "root")), LocalEngine(2, 1 << 30))
    yield made
    made.close()
    assert not made.folder.exists()


def test_a_film_is_cut_once_and_a_card_plays_its_beginning(media: Media, source: Path) -> None:
    short, whole = (media.film(clip(source), whole) for whole in (False, True))
    assert isinstance(short, Path) and isinstance(whole, Path)
    assert len(numbers_of(short)) == CARD_S * FPS and len(numbers_of(whole)) == 250
    made = short.stat().st_mtime_ns
    assert media.film(clip(source), False) == short and short.stat().st_mtime_ns == made


def test_a_film_that_cannot_be_made_is_a_sentence(media: Media, tmp_path: Path) -> None:
    assert "gone.mp4" in str(media.film(clip(tmp_path / "gone.mp4"), True))
    assert not list(media.folder.iterdir())


@pytest.mark.skipif(not SHARED_VIDEOS.is_dir(), reason="the shared videos are not here")
def test_real_files_far_from_their_start(tmp_path: Path) -> None:
    """The same pictures as a decode from the start gives, small differences of the encoder aside."""
    path = next(SHARED_VIDEOS.rglob("sample-videos__car-detection.mp4"))
    times = [pts_s for _, pts_s, _ in decode(path)]
    first, end = len(times) * 2 // 3, len(times) * 2 // 3 + 40
    film = tmp_path / "film.mp4"
    make_preview(Wish(str(path), times[first], times[end], str(film)))
    wanted = [frame.to_ndarray(format="gray") for i, _, frame in decode(path) if first <= i < end]
    with av.open(str(film)) as container:
        shown = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    assert len(shown) == 40 and max(shown[0].shape) <= LONG_SIDE
    small = [cv2.resize(picture, shown[0].shape[::-1], interpolation=cv2.INTER_AREA) for picture in wanted]
    assert max(float(np.abs(a.astype(int) - b).mean()) for a, b in zip(small, shown, strict=True)) < 6


async def _socket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.close()


def _page(request: Request) -> PlainTextResponse:
    return PlainTextResponse("page")


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [({"host": "127.0.0.1:8080"}, True), ({"host": "localhost:8080", "origin": "http://localhost:8080"}, True),
     ({"host": "rebound.example:8080"}, False), ({"host": "127.0.0.1:8080", "origin": "http://other.example"}, False),
     ({"host": "127.0.0.1:8080", "origin": "null"}, False)],
)  # fmt: skip
def test_only_this_machines_own_page_is_answered(headers: dict[str, str], allowed: bool) -> None:
    app = Starlette(routes=[Route("/", _page), WebSocketRoute("/ws", _socket)])
    client = TestClient(OnlyThisPage(app, ("127.0.0.1:8080", "localhost:8080")))
    assert client.get("/", headers=headers).status_code == (200 if allowed else 403)
    if allowed:
        with client.websocket_connect("/ws", headers=headers):
            return
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/ws", headers=headers):
        pass
