"""Text drawn on photographs: whether it is found, how much it covers, where subtitles lie; and scenes without any."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl
import pytest
from conftest import SHARED_VIDEOS
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.filter_scores.scorers.strokes import CELL, stroke_cells, text_region
from assets.filter_scores.scorers.text import text
from assets.filter_scores.scorers.text_lines import Line, covered_share, is_word, subtitle_band
from assets.measuring.clip_view import ClipView, Keyframe
from assets.measuring.measure_clips import measure
from assets.models.rapid_ocr import RapidOcr
from assets.models.weights import ModelFolder
from demo.footage import Frame, photograph, photograph_to_pan

pytest.importorskip("rapidocr")
SIZE = (640, 360)
Row = dict[str, Any]


def view(pictures: Iterable[Frame], scale: int = 3, crop: tuple[int, int, int, int] | None = None) -> ClipView:
    """A clip of one keyframe a second, of a video `scale` times as large. crop: x, y, width, height in keyframes."""
    listed = list(pictures)
    height, width = listed[0].shape[:2]
    x, y, w, h = (scale * side for side in crop or (0, 0, width, height))
    clip = {"width": width * scale, "height": height * scale, "crop_x": x, "crop_y": y, "crop_w": w, "crop_h": h}
    encoded = [cv2.imencode(".jpg", p[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes() for p in listed]
    keyframes = tuple(Keyframe(i * 24, float(i), jpeg) for i, jpeg in enumerate(encoded))
    return ClipView(clip | {"duration_s": float(len(listed))}, pl.DataFrame(), pl.DataFrame(), lambda: keyframes)


def written(picture: Frame, words: str, x: int, y: int, size: int, colour: Sequence[int] = (255, 255, 255),
            font: str = "sans", opacity: float = 1.0, outline: bool = True) -> Frame:  # fmt: skip
    """Letters `size` px high on the base line y; fonts are OpenCV's own, which hold CJK."""
    drawn, face = picture.copy(), cv2.FontFace(font)
    for dx, dy in ((-1, -1), (-1, 1), (1, -1), (1, 1)) if outline else ():
        cv2.putText(drawn, words, (x + dx, y + dy), (0, 0, 0), face, size, 500)
    cv2.putText(drawn, words, (x, y), tuple(colour), face, size, 500)
    return np.asarray(cv2.addWeighted(picture, 1 - opacity, drawn, opacity, 0), np.uint8)


def width_of(words: str, size: int, font: str = "sans") -> int:
    return int(cv2.getTextSize((10000, 100), words, (0, 0), cv2.FontFace(font), size, 500)[2])


def scores(of: ClipView) -> Row:
    told = measure(text, of, ModelFolder("no models"))
    assert told.pop("error") is None
    return told


def scene(name: str = "coffee") -> Frame:
    return photograph(name, SIZE)


@pytest.mark.parametrize(
    ("words", "size", "colour", "font", "name", "opacity"),
    [
        ("The quick brown fox", 24, (255, 255, 255), "sans", "coffee", 1.0),
        ("Subscribe now", 12, (255, 220, 0), "sans", "astronaut", 1.0),
        ("example.com", 16, (255, 255, 255), "italic", "chelsea", 0.6),
        ("BREAKING NEWS", 40, (200, 0, 0), "uni", "grass", 1.0),
        ("字幕测试文本", 22, (255, 255, 255), "uni", "brick", 1.0),
        ("日本語の字幕です", 18, (255, 255, 0), "uni", "gravel", 1.0),
    ],
)
def test_text_is_found_whatever_its_size_script_and_ground(
    words: str, size: int, colour: tuple[int, int, int], font: str, name: str, opacity: float
) -> None:
    told = scores(view([written(scene(name), words, 60, 200, size, colour, font, opacity)]))
    assert told["text_max_confidence"] >= 0.6, "Movie Gen's bound"
    assert 0.5 < told["text_area_ratio"] / (width_of(words, size, font) * size / (640 * 360)) < 3.0


PLAIN = ("coffee", "brick", "grass", "gravel", "chelsea", "astronaut", "rocket")


@pytest.mark.parametrize("name", PLAIN)
def test_scenes_without_text(name: str) -> None:
    told = scores(view([scene(name)]))
    assert told["text_max_confidence"] < 0.6 and told["text_area_ratio"] == 0.0 and told["subtitle_bottom"] == 0


def test_fences_and_stripes_are_no_text() -> None:
    fence, zebra = scene("grass"), scene("chelsea")
    for x in range(0, 640, 24):
        cv2.rectangle(fence, (x, 60), (x + 8, 300), (230, 230, 225), -1)
        cv2.ellipse(zebra, (x * 2, 180), (60, 200), 0, 0, 180, (10, 10, 10), 9)
    cv2.rectangle(fence, (0, 120), (640, 130), (230, 230, 225), -1)
    told = scores(view([fence, zebra]))
    assert told["text_max_confidence"] < 0.6 and told["text_area_ratio"] == 0.0


def test_a_flat_picture_costs_no_reading() -> None:
    class Refusing:
        def read(self, images: Sequence[Frame], detail: float = 1.0) -> list[list[Any]]:
            raise AssertionError("nothing here can be text")

    flat = np.full((360, 640, 3), 90, np.uint8)
    assert text(view([flat, flat]), Refusing())["text_max_confidence"] == 0.0


def panned(count: int) -> list[Frame]:
    large = photograph_to_pan("coffee", count, 1, 4.0, 0.0, SIZE)
    return [np.ascontiguousarray(large[:360, 20 * i : 20 * i + 640]) for i in range(count)]


def test_the_band_of_subtitles_in_pixels_of_the_video() -> None:
    """Changing lines at one height, one of them of two rows; bars above and below; the video is 3 times as large."""
    lines = ["He never came back", "Where did you see him last?", "", "At the station, I think"]
    shots = panned(4)
    for i, line in enumerate(lines):
        shots[i] = written(shots[i], line, (640 - width_of(line, 22)) // 2, 290, 22)
        shots[i][:20] = shots[i][-20:] = 0
    shots[1] = written(shots[1], "I ask you again:", (640 - width_of("I ask you again:", 22)) // 2, 262, 22)
    told = scores(view(shots, crop=(0, 20, 640, 320)))
    assert 3 * 232 <= told["subtitle_top"] <= 3 * 246
    assert 3 * 290 <= told["subtitle_bottom"] <= 3 * 304


@pytest.mark.parametrize(("x", "y", "size"), [(20, 40, 20), (440, 340, 20), (200, 190, 24)])
def test_other_text_is_no_subtitle(x: int, y: int, size: int) -> None:
    told = scores(view([written(p, "Channel Twelve", x, y, size) for p in panned(2)]))
    assert told["text_max_confidence"] > 0.6 and told["subtitle_top"] == told["subtitle_bottom"] == 0


def test_a_title_in_one_keyframe_of_nine_is_found() -> None:
    """It lies between the looks; the cheap check sees that this picture is busier."""
    shots = [np.full((360, 640, 3), 120, np.uint8) for _ in range(9)]
    for i, shot in enumerate(shots):
        cv2.circle(shot, (100 + 50 * i, 180), 40, (200, 180, 90), -1)
    shots[3] = written(shots[3], "Chapter Three", 200, 100, 30)
    assert scores(view(shots))["text_max_confidence"] > 0.6


def test_a_standing_line_is_read_once_and_counts_in_every_picture() -> None:
    still = written(scene(), "He never came back", (640 - width_of("He never came back", 22)) // 2, 330, 22)
    reader, shown = RapidOcr([]), []

    class Counting:
        def read(self, images: Sequence[Frame], detail: float = 1.0) -> list[Any]:
            shown.extend(images)
            return reader.read(images, detail)

    told = text(view([still] * 3), Counting())
    assert len(shown) == 1 and told["subtitle_bottom"] > 3 * 330 - 3


def test_the_score_of_a_box_is_its_own() -> None:
    """The library sorts boxes from top to bottom and leaves their scores behind."""
    sharp = written(scene("rocket"), "SHARP AND LARGE", 200, 60, 36, outline=False)
    both = written(sharp, "faint and small", 200, 340, 10, opacity=0.5, outline=False)
    found = {line.text.lower(): line for line in RapidOcr([]).read([both])[0]}
    alone = {line.text.lower(): line for line in RapidOcr([]).read([sharp])[0]}
    assert found["sharp and large"].detection == pytest.approx(alone["sharp and large"].detection, abs=0.05)
    assert all(0 <= x <= 1 for line in found.values() for corner in line.corners for x in corner)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (15, 15), (41, 31), (121, 81), (200, 360), (640, 40)])
def test_pictures_of_every_size(width: int, height: int) -> None:
    assert scores(view([np.ascontiguousarray(scene()[:height, :width])]))["text_max_confidence"] < 0.6


def test_a_clip_without_pictures_says_so() -> None:
    assert "no keyframe" in measure(text, ClipView({}, pl.DataFrame(), pl.DataFrame()), ModelFolder(""))["error"]


@pytest.mark.parametrize("size", [10, 14, 20, 32, 60])
@pytest.mark.parametrize("name", ["coffee", "grass", "moon"])
def test_the_cheap_check_loses_no_word(size: int, name: str) -> None:
    cells = stroke_cells(written(scene(name), "Station 字幕", 80, 200, size, outline=False, opacity=0.7))
    width = width_of("Station 字幕", size)
    x0, y0, x1, y1 = text_region(cells, *SIZE) or (0, 0, 0, 0)
    assert x0 <= 80 and x1 >= 80 + width and y0 <= 200 - 0.7 * size and y1 >= 200


@given(st.integers(1, 700), st.integers(1, 700), st.integers(0, 2**32 - 1))
def test_a_region_holds_its_cells_and_stays_in_the_picture(width: int, height: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    cells = random.random((-(-height // CELL), -(-width // CELL))) < random.choice([0.0, 0.01, 0.5])
    region = text_region(cells, width, height)
    assert (region is None) == (not cells.any())
    if region:
        x0, y0, x1, y1 = region
        rows, columns = np.nonzero(cells)
        assert 0 <= x0 <= CELL * columns.min() and min(CELL * (columns.max() + 1), width) <= x1 <= width
        assert 0 <= y0 <= CELL * rows.min() and min(CELL * (rows.max() + 1), height) <= y1 <= height
        assert all(side % 32 == 0 or side == whole for side, whole in ((x1 - x0, width), (y1 - y0, height)))


def line(frame: int, x0: float, y0: float, x1: float, y1: float, confidence: float = 0.9) -> Line:
    return Line(frame, np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]), "words", confidence)


@settings(deadline=None)
@given(st.floats(0, 0.5), st.floats(0.1, 0.5), st.floats(0, 0.5), st.floats(0.1, 0.5))
def test_covered_area_counts_what_overlaps_once(x: float, w: float, y: float, h: float) -> None:
    one = line(0, x, y, x + w, y + h)
    assert covered_share([one], (500, 500)) == pytest.approx(w * h, abs=0.005)
    assert covered_share([one, one], (500, 500)) == covered_share([one], (500, 500))
    assert covered_share([], (500, 500)) == 0.0


def test_a_band_needs_the_same_height_twice() -> None:
    low, once, high = (line(i, 0.3, y, 0.7, y + 0.05) for i, y in ((0, 0.8), (1, 0.7), (2, 0.1)))
    assert subtitle_band([low]) is subtitle_band([low, once, high]) is subtitle_band([]) is None
    assert subtitle_band([low, line(3, 0.35, 0.81, 0.65, 0.86)]) == (0.8, 0.86)
    assert subtitle_band([low, line(3, 0.0, 0.8, 0.3, 0.85), line(4, 0.3, 0.8, 0.7, 0.85, 0.3)]) is None


def test_words_need_two_letters_or_digits() -> None:
    assert [is_word(t) for t in ("A", "", "?!", "A.", "ok", "7 7", "中文", "5")] == [False] * 4 + [True] * 3 + [False]


@pytest.mark.slow
@pytest.mark.skipif(not SHARED_VIDEOS.exists(), reason="the shared videos are not here")
@pytest.mark.parametrize(
    ("name", "size", "written_on", "band"),
    [
        ("repo_only/data-juicer__video1.mp4", (640, 360), True, (295, 350)),
        ("repo_only/imageio-binari__cockatoo.mp4", (1280, 720), False, (0, 0)),
        ("repo_only/dover__17734.mp4", (1280, 720), False, (0, 0)),
    ],
)
def test_real_videos(name: str, size: tuple[int, int], written_on: bool, band: tuple[int, int]) -> None:
    told = scores(scanned(SHARED_VIDEOS / name, size))
    assert (told["text_max_confidence"] >= 0.6) == written_on
    assert band[0] <= told["subtitle_top"] <= told["subtitle_bottom"] <= band[1]


def scanned(path: Path, size: tuple[int, int]) -> ClipView:
    """The whole file as one clip without borders."""
    from assets.scan.scan_video import scan_video

    found = scan_video(path, "0" * 32).keyframes.to_pylist()
    keyframes = tuple(Keyframe(r["frame"], r["pts_s"], r["jpeg"]) for r in found)
    box = {"crop_x": 0, "crop_y": 0, "crop_w": size[0], "crop_h": size[1], "duration_s": found[-1]["pts_s"]}
    return ClipView({"width": size[0], "height": size[1]} | box, pl.DataFrame(), pl.DataFrame(), lambda: keyframes)
