"""The drawn truth is true: measured on the pixels and on the encoded files, not taken from the code that drew them."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from demo import effects, footage
from demo.footage import Frame
from demo.library import LIBRARY, draw

SIZE = (640, 360)
DIAGONAL = math.hypot(*SIZE)


def displacement(before: Frame, after: Frame) -> npt.NDArray[np.float64]:
    """Content shift (x, y) in pixels by phase correlation, which is itself right to about 0.3 px."""
    grey = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY).astype(np.float32) for f in (before, after)]
    window = cv2.createHanningWindow((grey[0].shape[1], grey[0].shape[0]), cv2.CV_32F)
    return np.array(cv2.phaseCorrelate(grey[0], grey[1], window)[0])


def decoded(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


@pytest.mark.parametrize("name", footage.PHOTOGRAPHS)
def test_photographs_are_in_the_wheel_and_cover_the_frame(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("a photograph is fetched from the network"))
    for size in [(320, 180), (180, 320)]:
        picture = footage.photograph(name, size)
        assert picture.shape == (size[1], size[0], 3) and picture.dtype == np.uint8
        assert picture.std() > 10, "a picture, not a plain field"


def test_an_unknown_photograph_is_named() -> None:
    with pytest.raises(ValueError, match="no photograph 'skin'; there are astronaut"):
        footage.photograph("skin")


@pytest.mark.parametrize(("angle", "x", "y"), [(0, 1, 0), (90, 0, 1), (180, -1, 0), (270, 0, -1)])
def test_a_pan_of_whole_pixels_shows_exactly_those_pixels(angle: float, x: int, y: int) -> None:
    speed = 2 * 25 / DIAGONAL * 100
    picture = footage.photograph("gravel", (680, 400))
    frames = list(footage.pan(picture, 9, 25, speed, angle, SIZE))
    for i, frame in enumerate(frames):
        left, top = 20 - 2 * x * (i - 4), 20 - 2 * y * (i - 4)
        assert np.array_equal(frame, picture[top : top + SIZE[1], left : left + SIZE[0]])


def test_half_a_pixel_is_the_mean_of_two() -> None:
    picture = footage.photograph("gravel", SIZE).astype(int)
    (frame,) = footage.follow(picture.astype(np.uint8), [footage.Pose(x=0.5)])
    assert np.abs(frame[:, 1:] - (picture[:, 1:] + picture[:, :-1]) / 2).max() <= 0.5


@settings(max_examples=12, deadline=None)
@given(st.floats(0.5, 12), st.floats(0, 360))
def test_a_pan_has_the_stated_speed_and_direction(speed: float, angle: float) -> None:
    picture = footage.photograph_to_pan("gravel", 6, 25, speed, angle, SIZE)
    *_, last = footage.pan(picture, 6, 25, speed, angle, SIZE)
    pixels = speed / 100 * DIAGONAL * 2.5 / 25
    x, y = pixels * math.cos(math.radians(angle)), pixels * math.sin(math.radians(angle))
    assert difference_from_shift(picture, last, x, y) < 0.6
    assert difference_from_shift(picture, last, x + 0.2, y) > 1, "0.2 px beside the truth would be seen"


def difference_from_shift(picture: Frame, frame: Frame, x: float, y: float) -> float:
    """Mean absolute difference to SciPy's bilinear shift of the picture, seen through a window onto its middle."""
    rows = np.arange(SIZE[1]) + (picture.shape[0] - SIZE[1]) / 2 - y
    columns = np.arange(SIZE[0]) + (picture.shape[1] - SIZE[0]) / 2 - x
    places = np.meshgrid(rows, columns, indexing="ij")
    reference = map_coordinates(picture[..., 1].astype(float), places, order=1, mode="mirror")
    return float(np.abs(reference - frame[..., 1]).mean())


def test_a_pan_over_its_photograph_shows_no_mirror_image() -> None:
    picture = footage.photograph_to_pan("coffee", 50, 25, 8, 30, SIZE)
    first, *_, last = footage.pan(picture, 50, 25, 8, 30, SIZE)
    for frame, corner in [(first, picture[-SIZE[1] :, -SIZE[0] :]), (last, picture[: SIZE[1], : SIZE[0]])]:
        shift = displacement(corner.copy(), frame)
        assert np.abs(shift).max() <= 2, "the window ends in the corner of the photograph"


@pytest.mark.parametrize("rate", [0.2, -0.15])
def test_a_zoom_grows_by_the_stated_rate_and_moves_at_the_stated_speed(rate: float) -> None:
    first, *_, last = footage.zoom(footage.photograph("gravel", SIZE), 11, 25, rate)
    grey = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in (first, last)]
    points = cv2.goodFeaturesToTrack(grey[0], 300, 0.01, 12)
    moved, found, _ = cv2.calcOpticalFlowPyrLK(grey[0], grey[1], points, None)  # type: ignore[call-overload]
    matrix, _ = cv2.estimateAffinePartial2D(points[found == 1], moved[found == 1])
    assert math.log(math.hypot(matrix[0, 0], matrix[1, 0])) == pytest.approx(rate * 10 / 25, abs=0.003)
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(grey[0], grey[1], None)
    speed = np.hypot(flow[..., 0], flow[..., 1]).mean() * 25 / 10 / DIAGONAL * 100
    assert speed == pytest.approx(footage.zoom_speed(SIZE, rate), rel=0.08)


def test_a_shake_follows_its_offsets() -> None:
    offsets = footage.shake_offsets(25, 25, 0.5, seed=3)
    assert np.sqrt((offsets**2).mean(axis=0)) == pytest.approx([0.5, 0.5])
    picture = footage.photograph("grass", (700, 420))
    frames = list(footage.shake(picture, 25, 25, 0.5, seed=3, size=SIZE))
    for frame, offset in zip(frames, offsets / 100 * DIAGONAL, strict=True):
        assert difference_from_shift(picture, frame, *offset) < 0.6


def test_roll_is_clockwise() -> None:
    upright = np.zeros((101, 101, 3), np.uint8)
    upright[10:20, 45:56] = 255
    (rolled,) = footage.follow(upright, [footage.Pose(roll_degrees=90)])
    y, x = np.argwhere(rolled[..., 0] > 128).mean(axis=0)
    assert (x, y) == pytest.approx((85.5, 50), abs=1), "what was on top is on the right"


def test_a_cut_is_where_stated_and_a_still_does_not_move() -> None:
    one, other = footage.photograph("coins", SIZE), footage.photograph("coffee", SIZE)
    frames = list(footage.cut(footage.still(one, 4), footage.still(other, 3)))
    changes = [int(cv2.absdiff(a, b).max()) for a, b in pairwise(frames)]
    assert len(frames) == 7 and [i + 1 for i, change in enumerate(changes) if change] == [4]


def test_a_dissolve_mixes_the_stated_frames_only() -> None:
    black, white = np.zeros((36, 64, 3), np.uint8), np.full((36, 64, 3), 255, np.uint8)
    frames = list(footage.dissolve(footage.still(black, 10), footage.still(white, 9), 4))
    assert [round(float(f.mean())) for f in frames] == [0] * 6 + [51, 102, 153, 204] + [255] * 5


def test_a_fade_through_black_darkens_the_stated_frames_only() -> None:
    white = np.full((36, 64, 3), 200, np.uint8)
    frames = footage.cut(footage.fade_out(footage.still(white, 6), 4), footage.fade_in(footage.still(white, 6), 4))
    assert [round(float(f.mean())) for f in frames] == [200, 200, 150, 100, 50, 0, 0, 50, 100, 150, 200, 200]


def test_bars_leave_the_stated_box() -> None:
    (frame,) = footage.barred(footage.still(np.full((90, 160, 3), 77, np.uint8), 1), top=10, bottom=12, left=6)
    rows, columns = np.nonzero(frame[..., 0])
    assert (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1) == (10, 78, 6, 160)


def test_blur_grain_disc_and_overlay_do_what_they_say() -> None:
    picture = footage.photograph("astronaut", SIZE)
    (soft,) = footage.blurred(footage.still(picture, 1), 8)
    assert cv2.Laplacian(soft, cv2.CV_64F).var() < 0.02 * cv2.Laplacian(picture, cv2.CV_64F).var()
    grey = np.full((180, 320, 3), 128, np.uint8)
    one, other = footage.grain(footage.still(grey, 2), 5)
    assert one.std() == pytest.approx(5, rel=0.1) and np.corrcoef(one.ravel(), other.ravel())[0, 1] < 0.1
    discs = list(footage.with_disc(footage.still(grey, 6), 5, 12, (50, 60), (40, 20)))
    y, x = np.argwhere(discs[5][..., 0] > 180).mean(axis=0)
    assert (x, y) == pytest.approx((90, 80), abs=0.5)
    (marked,) = footage.overlaid(footage.still(grey, 1), np.full((20, 30, 3), 228, np.uint8), 5, 7, opacity=0.5)
    assert set(np.unique(marked[7:27, 5:35])) == {178} and (marked != 128).sum() == 20 * 30 * 3


@pytest.mark.parametrize(
    ("codec", "suffix", "name"),
    [("libx264", ".mp4", "h264"), ("libx264", ".mov", "h264"), ("libx265", ".mkv", "hevc"),
     ("libvpx-vp9", ".webm", "vp9"), ("mpeg4", ".avi", "mpeg4")],
)  # fmt: skip
@pytest.mark.parametrize("fps", [24, Fraction(30000, 1001)])
def test_files_hold_the_stated_frames(codec: str, suffix: str, name: str, fps: int | Fraction, tmp_path: Path) -> None:
    source = list(footage.pan(footage.photograph("coffee", SIZE), 20, float(fps), 4))
    path = footage.write_video(tmp_path / f"a{suffix}", source, fps, codec)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name.removeprefix("lib"), stream.pix_fmt) == (name, "yuv420p")
        assert (stream.width, stream.height) == SIZE
        assert float(stream.average_rate or 0) == pytest.approx(float(fps), rel=2e-3)
    frames = decoded(path)
    times = np.array([float(f.time or 0) for f in frames])
    assert len(frames) == 20 and times - times[0] == pytest.approx(np.arange(20) / float(fps), abs=2e-3)
    error = np.abs(frames[10].to_ndarray(format="rgb24").astype(int) - source[10]).mean()
    assert error < 8, "the pictures are the drawn ones, in their order and colours"


def test_the_index_of_an_mp4_is_up_front_so_that_a_cut_file_still_opens(tmp_path: Path) -> None:
    picture = footage.photograph("gravel", SIZE)
    path = footage.write_video(tmp_path / "a.mp4", footage.pan(picture, 60, 25, 4), 25)
    whole = path.read_bytes()
    assert whole.index(b"moov") < whole.index(b"mdat")
    path.write_bytes(whole[: int(len(whole) * 0.6)])
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 60


def test_timestamps_pixel_format_and_rotation_are_kept(tmp_path: Path) -> None:
    picture = footage.photograph("coins", SIZE)
    times = [0, 0.04, 0.2, 0.21, 0.5]
    vfr = footage.write_video(tmp_path / "vfr.mp4", footage.still(picture, 5), 25, times_s=times)
    assert [float(f.time or 0) for f in decoded(vfr)] == pytest.approx(times, abs=1e-4)
    deep = footage.write_video(tmp_path / "deep.mkv", footage.still(picture, 3), 25, "libx265", pix_fmt="yuv420p10le")
    assert decoded(deep)[0].format.name == "yuv420p10le"
    turned = footage.write_video(tmp_path / "turned.mp4", footage.still(picture, 3), 25, rotation_degrees=90)
    assert decoded(turned)[0].rotation == -90, "libav counts against the clock"


def test_no_frame_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no frame to write"):
        footage.write_video(tmp_path / "a.mp4", iter([]), 25)


@pytest.mark.parametrize("angle", [0, 90, 215])
def test_a_hand_pans_at_the_stated_speed_and_trembles(angle: float) -> None:
    frames = list(effects.hand_held("gravel", 26, 25, 8, angle, SIZE, rms=0.1))
    pixels = 8 / 100 * DIAGONAL
    tremor = np.diff(footage.shake_offsets(26, 25, 0.1)[[0, 25]], axis=0)[0] / 100 * DIAGONAL
    moved = sum((displacement(one, other) for one, other in pairwise(frames)), np.zeros(2))
    truth = np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))]) * pixels + tremor
    assert moved == pytest.approx(truth, abs=2.5)
    assert [f.shape for f in frames] == [(360, 640, 3)] * 26


def test_a_roll_turns_by_the_stated_angle_inside_its_photograph() -> None:
    frames = list(effects.rolled("gravel", 11, 10, 12, SIZE))
    first, last = (cv2.cvtColor(frames[i], cv2.COLOR_RGB2GRAY) for i in (0, 10))
    back = cv2.getRotationMatrix2D(((SIZE[0] - 1) / 2, (SIZE[1] - 1) / 2), 12, 1)
    upright = cv2.warpAffine(last, back, SIZE)
    middle = np.s_[120:240, 200:440]
    assert np.abs(upright[middle].astype(int) - first[middle]).mean() < 6
    assert np.abs(last[middle].astype(int) - first[middle]).mean() > 25, "another picture without the turn"
    reflected = [np.abs(f[:, :20].astype(int) - f[:, 20:40][:, ::-1]).mean() for f in frames]
    assert min(reflected) > 15, "no mirror image at the edge"


def test_a_thing_passes_at_its_own_speed_before_the_scene() -> None:
    scene, thing = footage.photograph("coffee", SIZE), effects.oval("gravel", (120, 160))
    frames = list(effects.passing(footage.still(scene, 6), 5, thing, (50, 60), (40, 20)))
    covered = [np.argwhere(np.abs(f.astype(int) - scene).max(axis=2) > 12) for f in (frames[0], frames[5])]
    for pixels, x, y in zip(covered, (110, 150), (140, 160), strict=True):
        assert (pixels.min(axis=0) + pixels.max(axis=0)) / 2 == pytest.approx((y, x), abs=3)
    middle = thing.picture[60:100, 40:80]
    assert np.array_equal(frames[5][140:180, 130:170], middle) and np.array_equal(frames[5][:40], scene[:40])


def test_letters_stand_on_the_stated_rows_in_the_middle() -> None:
    grey = np.full((540, 960, 3), 90, np.uint8)
    lines = ("He never came back", "Where did you see him last?")
    frames = list(effects.subtitled(footage.still(grey, 5), lines, 2, 498, 28))
    inks = [np.argwhere((f != 90).any(axis=2)) for f in frames]
    for rows, columns in (ink.T for ink in inks):
        assert 470 <= rows.min() <= 478 and 496 <= rows.max() <= 508, "as library.py says of subtitled.mp4"
        assert (columns.min() + columns.max()) / 2 == pytest.approx(480, abs=4)
    assert [len(ink) == len(inks[0]) for ink in inks] == [True, True, False, False, False], "the line changes once"
    (titled,) = effects.written(footage.still(grey, 1), lines[0], 498, 28)
    assert np.array_equal(titled, frames[0])


def test_repeated_frames_and_a_badge_with_edges_of_its_own() -> None:
    frames = list(effects.repeated(iter([np.full((2, 2, 3), i, np.uint8) for i in range(3)]), 2))
    assert [int(f[0, 0, 0]) for f in frames] == [0, 0, 1, 1, 2, 2]
    badge = effects.badge((150, 60))
    assert badge.shape == (60, 150, 3) and 60 < badge.mean() < 190
    assert all(np.ptp(part) > 200 for part in (badge[:, :50], badge[:, 75:], badge[:30], badge[30:]))


def test_a_copy_encoded_again_shows_the_same_in_another_size(tmp_path: Path) -> None:
    scene = footage.pan(footage.photograph("coffee", SIZE), 20, 24, 4)
    original = footage.write_video(tmp_path / "a.mp4", scene, 24)
    copy = effects.re_encoded(original, tmp_path / "b.mkv", (320, 180))
    poor = effects.re_encoded(original, tmp_path / "c.mkv", (320, 180), options={"crf": "40"})
    assert poor.stat().st_size < copy.stat().st_size / 2
    frames, small = decoded(original), decoded(copy)
    assert len(small) == 20 and (small[0].width, small[0].height) == (320, 180)
    assert float(small[-1].time or 0) == pytest.approx(19 / 24, abs=2e-3)
    one, other = (f[7].to_ndarray(format="rgb24") for f in (frames, small))
    assert np.abs(cv2.resize(one, (320, 180), interpolation=cv2.INTER_AREA).astype(int) - other).mean() < 5


def test_the_planted_library_is_complete_and_its_small_files_are_drawn(tmp_path: Path) -> None:
    names = [planted.name for planted in LIBRARY]
    assert len(set(names)) == len(names) and all(planted.expected for planted in LIBRARY)
    first = {planted.name for planted in LIBRARY if planted.made_of is None}
    assert {planted.made_of for planted in LIBRARY} - {None} <= first, "nothing is made of what is made of another"
    for name in ("tiny.mp4", "notes.mp4", "readme.txt"):
        assert draw((name, str(tmp_path), str(tmp_path))) == (tmp_path / name).stat().st_size > 0
    tiny = decoded(tmp_path / "tiny.mp4")
    assert (len(tiny), tiny[0].width, tiny[0].height) == (125, 320, 180)
    with pytest.raises(av.error.InvalidDataError):
        decoded(tmp_path / "notes.mp4")
