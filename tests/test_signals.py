"""Each frame signal against a known truth: a peer's own code, a drawn change, or a known distortion."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenedetect.common import FrameTimecode
from scenedetect.detectors import ContentDetector, HistogramDetector
from scenedetect.stats_manager import StatsManager
from skimage import data

from assets.scan.pictures import Geometry, Pictures, displayed_size
from assets.scan.signals.blockiness import Blockiness
from assets.scan.signals.borders import Borders
from assets.scan.signals.colour import Colour
from assets.scan.signals.content import Content
from assets.scan.signals.difference import Difference
from assets.scan.signals.flow import Flow
from assets.scan.signals.histogram import hist_diff
from assets.scan.signals.luma import luma_columns
from assets.scan.signals.noise import Noise
from assets.scan.signals.sharpness import Sharpness
from assets.scan.signals.ticks import Ticks
from assets.scan.signals.transition import Transition
from assets.scan.signals.vmaf_motion import VmafMotion

COFFEE = data.coffee()
"""(400, 600, 3) uint8 RGB photograph."""


def yuv(rgb: np.ndarray, pix_fmt: str = "yuv420p") -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24").reformat(format=pix_fmt)


def grey(luma: np.ndarray) -> av.VideoFrame:
    """A 4:2:0 frame with exactly this luma plane (limited range) and no colour."""
    height, width = luma.shape
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane, image in zip(frame.planes, (luma, None, None), strict=True):
        rows = np.full((plane.height, plane.line_size), 128, np.uint8)
        if image is not None:
            rows[:, :width] = image
        plane.update(rows.tobytes())
    return frame


def pictures(frame: av.VideoFrame, **options: bool) -> Pictures:
    return Pictures(frame, Geometry.of(frame), **options)


def brightness(seen: Pictures) -> dict[str, float]:
    return {name: values.item() for name, values in luma_columns(seen.histogram[None]).items()}


def moved(rgb: np.ndarray, dx: float = 0, dy: float = 0, roll: float = 0, scale: float = 1) -> np.ndarray:
    """The picture shifted right and down, turned clockwise by degrees about its centre, and scaled."""
    height, width = rgb.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -roll, scale)
    matrix[:, 2] += (dx, dy)
    return cv2.warpAffine(rgb, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def walk(count: int = 12) -> list[np.ndarray]:
    big = cv2.resize(COFFEE, (1280, 852))[66:786]
    return [moved(big, 5 * i, 2 * i, 0.3 * i, 1 + 0.01 * i) if i != 7 else big[::-1] for i in range(count)]


def test_content_and_histogram_equal_pyscenedetect() -> None:
    content, shown = Content(), [pictures(yuv(rgb)) for rgb in walk()]
    correlations = hist_diff(np.stack([seen.histogram for seen in shown]), None)
    peer, peer_histogram = ContentDetector(), HistogramDetector()
    peer.stats_manager = peer_histogram.stats_manager = stats = StatsManager()
    for i, seen in enumerate(shown):
        assert seen.bgr.shape == (144, 256, 3)
        when = FrameTimecode(i, 25.0)
        peer.process_frame(when, seen.bgr)
        peer_histogram.process_frame(when, seen.bgr)
        values = content(seen)
        if i == 0:
            assert (values["content_val"], values["delta_hue"]) == (0.0, None) and np.isnan(correlations[0])
            continue
        assert values["content_val"] == pytest.approx(
            sum(stats.get_metrics(when, ["delta_hue", "delta_sat", "delta_lum"])) / 3, abs=1e-12
        )
        names = ["delta_hue", "delta_sat", "delta_lum", "hist_diff [bins=128]"]
        assert [values[n] for n in names[:3]] == stats.get_metrics(when, names)[:3]
        assert correlations[i] == pytest.approx(stats.get_metrics(when, names)[3], abs=1e-6)


def test_histograms_go_on_from_one_batch_to_the_next() -> None:
    histograms = np.stack([pictures(yuv(rgb)).histogram for rgb in walk()])
    whole = hist_diff(histograms, None)
    parts = np.concatenate([hist_diff(histograms[:5], None), hist_diff(histograms[5:], histograms[4])])
    assert np.array_equal(whole, parts, equal_nan=True)
    flat = np.ones((2, 256), np.float32)
    assert hist_diff(flat, flat[0]).tolist() == [1, 1]


def test_content_val_equals_the_detectors_own_score() -> None:
    content, peer = Content(), ContentDetector()
    for i, rgb in enumerate(walk()):
        seen = pictures(yuv(rgb))
        assert content(seen)["content_val"] == peer._calculate_frame_score(FrameTimecode(i, 25.0), seen.bgr)


def libav_motion(frames: list[av.VideoFrame], path: Path) -> list[float]:
    graph = av.filter.Graph()
    first = frames[0]
    source = graph.add_buffer(width=first.width, height=first.height, format=first.format, time_base="1/25")
    motion, sink = graph.add("vmafmotion", f"stats_file={path}"), graph.add("buffersink")
    source.link_to(motion)
    motion.link_to(sink)
    graph.configure()
    for i, frame in enumerate(frames):
        frame.pts = i
        source.push(frame)
        sink.pull()
    del graph, source, motion, sink
    return [float(line.split("motion:")[1]) for line in path.read_text().splitlines() if "motion:" in line]


@pytest.mark.parametrize("size", [(1280, 720), (640, 360), (480, 854), (1920, 1080)])
def test_vmaf_motion_agrees_with_libav_at_short_side_540(tmp_path: Path, size: tuple[int, int]) -> None:
    width, height = size
    photo = cv2.resize(COFFEE, (max(size) * 3 // 2, max(size)), interpolation=cv2.INTER_AREA)
    views = [moved(photo, 4.3 * i, 1.7 * i, 0.1 * i)[:height, 60 : 60 + width] for i in range(8)]
    lumas = [cv2.cvtColor(view, cv2.COLOR_RGB2GRAY) for view in views]
    scale = 540 / min(size)
    shown = (round(width * scale), round(height * scale))
    full = [grey(cv2.resize(luma, shown, interpolation=cv2.INTER_LINEAR)) for luma in lumas]
    signal = VmafMotion()
    ours = [signal(pictures(grey(luma)))["vmaf_motion"] for luma in lumas]
    theirs = libav_motion(full, tmp_path / "motion.log")
    if len(theirs) < len(ours):
        pytest.skip("libav's vmafmotion wrote no statistics")
    assert ours[0] == 0
    assert np.mean(ours[1:]) == pytest.approx(np.mean(theirs[1:]), rel=0.02)


@pytest.mark.parametrize(
    "pix_fmt",
    ["yuvj420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv444p12le", "yuva420p", "gray", "rgb24", "nv12", "bgra"],
)
def test_all_pixel_formats_show_the_same_picture(pix_fmt: str) -> None:
    reference, other = pictures(yuv(COFFEE)), pictures(yuv(COFFEE, pix_fmt))
    if pix_fmt != "gray":
        assert cv2.absdiff(reference.bgr, other.bgr).mean() < 2.5
    assert brightness(other)["luma_mean"] == pytest.approx(brightness(reference)["luma_mean"], abs=1.5)
    assert other.full_range(other.luma).mean() == pytest.approx(reference.full_range(reference.luma).mean(), abs=1.5)


def test_luma_is_full_range_and_tails_are_counted() -> None:
    luma = np.full((90, 160), 16, np.uint8)
    luma[:, 80:] = 235
    assert brightness(pictures(grey(luma))) == pytest.approx(
        {"luma_mean": 127.5, "luma_std": 127.5, "dark_ratio": 0.5, "bright_ratio": 0.5}, abs=1
    )


def test_difference_is_zero_in_a_repeated_frame_and_sees_a_small_change() -> None:
    signal, still = Difference(), grey(np.full((360, 640), 100, np.uint8))
    first = signal(pictures(still))
    assert (first["diff_mean"], first["diff_max"], len(first["layout"])) == (None, None, 144)
    assert set(first["layout"]) == {98}
    assert set(Difference()(pictures(grey(np.full((360, 640), 10, np.uint8))))["layout"]) == {0}
    again = signal(pictures(still))
    assert (again["diff_mean"], again["diff_max"]) == (0, 0)
    changed = np.full((360, 640), 100, np.uint8)
    changed[0:40, 0:40] = 200
    after = signal(pictures(grey(changed)))
    assert after["diff_max"] == pytest.approx(100 * 255 / 219, rel=0.01)
    assert after["diff_mean"] == pytest.approx(after["diff_max"] / 144, rel=0.01)


def test_sharpness_falls_with_blur() -> None:
    values = [Sharpness()(pictures(yuv(cv2.GaussianBlur(COFFEE, (0, 0), s))))["sharpness"] for s in (0.5, 2, 4, 8)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 10 * values[-1]


@pytest.mark.parametrize("sigma", [2.0, 5.0])
def test_noise_measures_known_grain(sigma: float) -> None:
    photo = cv2.resize(cv2.cvtColor(COFFEE, cv2.COLOR_RGB2GRAY), (960, 640))
    smooth = cv2.GaussianBlur(photo, (0, 0), 5).astype(float)
    grain = np.random.default_rng(1).normal(0, sigma, smooth.shape)
    noisy = np.clip(60 + smooth * 0.5 + grain, 16, 235).round().astype(np.uint8)
    assert Noise()(pictures(grey(noisy)))["noise"] == pytest.approx(sigma * 255 / 219, rel=0.25)
    assert Noise()(pictures(grey(np.full((64, 64), 90, np.uint8))))["noise"] == 0


def test_blockiness_rises_with_jpeg_blocks() -> None:
    photo = cv2.cvtColor(COFFEE, cv2.COLOR_RGB2GRAY)
    clean = Blockiness()(pictures(grey(photo)))["blockiness"]
    blocky = cv2.imdecode(cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, 8])[1], 0)
    assert clean == pytest.approx(1, abs=0.1)
    assert Blockiness()(pictures(grey(blocky)))["blockiness"] > 1.5
    assert Blockiness()(pictures(grey(np.full((9, 9), 50, np.uint8))))["blockiness"] == 1


@pytest.mark.parametrize(
    ("move", "column", "expected", "share"),
    [({"dx": 6}, "camera_dx", 6, (0.95, 1.05)), ({"dx": -6}, "camera_dx", -6, (0.95, 1.05)),
     ({"dy": 5}, "camera_dy", 5, (0.95, 1.05)), ({"roll": 1.0}, "camera_roll", 1.0, (0.6, 1.1)),
     ({"roll": -1.0}, "camera_roll", -1.0, (0.6, 1.1)), ({"scale": 1.02}, "camera_zoom", np.log(1.02), (0.7, 1.1)),
     ({"scale": 0.98}, "camera_zoom", np.log(0.98), (0.7, 1.1))],
)  # fmt: skip
def test_camera_fit_recovers_a_known_movement(
    move: dict[str, float], column: str, expected: float, share: tuple[float, float]
) -> None:
    photo = cv2.resize(COFFEE, (640, 427))[33:393]
    signal, dt = Flow(), 0.125
    start = signal(pictures(yuv(photo)), 1.0)
    assert set(start.values()) == {None}
    found = signal(pictures(yuv(moved(photo, **move))), 1.0 + dt)
    unit = 100 / np.hypot(640, 360) if column in ("camera_dx", "camera_dy") else 1
    assert share[0] < found[column] / (expected * unit / dt) < share[1]
    assert found["camera_inliers"] > 0.6
    assert found["flow_dt_s"] == dt
    if column == "camera_dx":
        grid = np.frombuffer(found["flow_grid"], np.float16).reshape(9, 16, 2)
        assert np.median(grid[..., 0]) == pytest.approx(found["camera_dx"], rel=0.1)
        assert found["flow_mean"] == pytest.approx(abs(found["camera_dx"]), rel=0.1)


def test_a_still_picture_has_no_flow() -> None:
    signal, frame = Flow(), yuv(COFFEE)
    signal(pictures(frame), 0.0)
    still = signal(pictures(frame), 0.5)
    assert (still["flow_mean"], still["flow_static_ratio"]) == (0, 1)
    assert still["camera_zoom"] == pytest.approx(0, abs=1e-6)


def coded(rgb: np.ndarray, tmp_path: Path, turn: float = 0) -> Pictures:
    """The picture after x264 at a low quality, as decoded."""
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "30"})
        stream.height, stream.width, stream.pix_fmt = *rgb.shape[:2], "yuv420p"
        if turn:
            stream.set_display_rotation(turn)
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())
    with av.open(str(path)) as container:
        return pictures(list(container.decode(video=0))[1])


def padded(colour: int | tuple[int, int, int], top: int, bottom: int, left: int, right: int) -> np.ndarray:
    """The photograph on a 960 x 540 canvas inside bands of one colour."""
    image = np.full((540, 960, 3), colour, np.uint8)
    inner = cv2.resize(COFFEE, (960 - left - right, 540 - top - bottom), interpolation=cv2.INTER_AREA)
    image[top : 540 - bottom, left : 960 - right] = inner
    return image


EDGES = ("border_top", "border_bottom", "border_left", "border_right")


@pytest.mark.parametrize("bands", [(70, 70, 0, 0), (0, 0, 140, 140), (37, 0, 0, 0), (40, 50, 60, 70)])
@pytest.mark.parametrize("colour", [0, 255, (20, 60, 160)])
def test_borders_are_found_within_2_px_after_compression(
    tmp_path: Path, bands: tuple[int, int, int, int], colour: int | tuple[int, int, int]
) -> None:
    found = Borders()(coded(padded(colour, *bands), tmp_path))
    assert [found[e] for e in EDGES] == pytest.approx(list(bands), abs=2)


def test_borders_are_told_in_displayed_orientation(tmp_path: Path) -> None:
    seen = coded(padded(0, 60, 0, 0, 0), tmp_path, turn=-90)
    assert (seen.geometry.turn, seen.geometry.width, seen.geometry.height) == (90, 540, 960)
    found = Borders()(seen)
    assert found["border_right"] == pytest.approx(60, abs=2)
    assert sum(found.values()) == found["border_right"]
    assert seen.luma.shape == (320, 180)
    assert seen.luma[:, -15:].max() < 30 < seen.luma[:, :-25].mean()


def test_a_night_scene_and_a_black_frame_have_no_borders(tmp_path: Path) -> None:
    night = np.zeros((540, 960), np.float32)
    cv2.circle(night, (500, 330), 120, 200, -1)
    night = 6 + cv2.GaussianBlur(night, (0, 0), 60) + np.random.default_rng(0).normal(0, 2, night.shape)
    dark = np.repeat(np.clip(night, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    assert set(Borders()(coded(dark, tmp_path)).values()) == {0}
    assert set(Borders()(coded(np.zeros((540, 960, 3), np.uint8), tmp_path)).values()) == {0}
    assert set(Borders()(coded(padded(0, 0, 0, 0, 0), tmp_path)).values()) == {0}


def test_colour_terms_follow_hasler() -> None:
    rgb = np.zeros((120, 160, 3), np.uint8)
    rgb[:, :80] = (200, 40, 40)
    rgb[:, 80:] = (40, 40, 200)
    found = Colour()(pictures(yuv(rgb, "yuv444p")))
    truth = {"rg_mean": 80, "rg_std": 80, "yb_mean": -40, "yb_std": 120, "saturation": 204}
    assert found == pytest.approx(truth, abs=5)
    assert Colour()(pictures(grey(np.full((64, 64), 90, np.uint8))))["saturation"] == 0


def test_one_field_hides_combing() -> None:
    photo = cv2.cvtColor(cv2.resize(COFFEE, (720, 480)), cv2.COLOR_RGB2GRAY)
    combed = photo.copy()
    combed[1::2] = np.roll(photo, 12, axis=1)[1::2]
    field, clean = (pictures(grey(image), field_only=True) for image in (combed, photo))
    assert field.planes.y.shape == (240, 720)
    assert field.luma.shape == pictures(grey(combed)).luma.shape
    assert np.array_equal(field.luma, clean.luma)
    assert np.array_equal(field.bgr, clean.bgr)


@pytest.mark.parametrize(
    ("coded_size", "aspect", "turn", "shown"),
    [((720, 576), 64 / 45, 0, (1024, 576)), ((1440, 1080), 4 / 3, 0, (1920, 1080)), ((640, 480), 1, 90, (480, 640)),
     ((640, 480), 1000, 0, (640, 480)), ((1, 1), 1, 0, (1, 1))],
)  # fmt: skip
def test_displayed_size(coded_size: tuple[int, int], aspect: float, turn: int, shown: tuple[int, int]) -> None:
    assert displayed_size(*coded_size, aspect, turn) == shown


@given(st.lists(st.floats(1e-4, 0.5), max_size=200), st.sampled_from([1.0, 4.0, 8.0]), st.floats(-100, 1e4))
def test_ticks_never_exceed_their_rate(gaps: list[float], rate: float, start: float) -> None:
    ticks = Ticks(rate)
    times = start + np.concatenate([[0.0], np.cumsum(gaps)])
    chosen = [float(t) - start for t in times if ticks(float(t))]
    assert chosen[0] == 0
    slots = [int((t + 2e-6) * rate) for t in chosen]
    assert all(a < b for a, b in pairwise(slots)) or max(abs(start), 1) > 1e3


def test_slow_footage_has_every_frame_at_a_tick() -> None:
    ticks = Ticks(8)
    assert all(ticks(i / 5) for i in range(20))


class Recorder:
    """Stands in for a detector: keeps the windows, answers with the red level of each frame."""

    def __init__(self) -> None:
        self.windows: list[np.ndarray] = []

    def __call__(self, window: np.ndarray) -> np.ndarray:
        self.windows.append(window)
        return window[:, 13, 24, 0] / 255


def solid(level: int) -> Pictures:
    return pictures(yuv(np.full((90, 160, 3), (level, 0, 0), np.uint8)))


def test_transition_windows_cover_every_frame_once() -> None:
    model = Recorder()
    transition = Transition(model)
    for i in range(130):
        transition(solid(i + 60))
    transition.finish()
    assert [w.shape for w in model.windows] == [(100, 27, 48, 3)] * 3
    assert model.windows[0].dtype == np.uint8
    red = [w[:, 13, 24, 0].astype(int) for w in model.windows]
    assert np.allclose(red[0], 60 + np.clip(np.arange(-25, 75), 0, 129), atol=3)
    assert np.allclose(red[2], 60 + np.clip(np.arange(75, 175), 0, 129), atol=3)
    assert sorted(transition.probability) == list(range(130))
    assert transition.probability[100] == pytest.approx(160 / 255, abs=0.02)


def test_a_transition_model_sees_only_doubtful_windows_and_none_without_it() -> None:
    model = Recorder()
    transition = Transition(model)
    for i in range(260):
        transition(solid(100), doubtful=i == 120)
    transition.finish()
    assert len(model.windows) == 1
    assert sorted(transition.probability) == list(range(100, 150))
    idle = Transition()
    idle(solid(100))
    idle.finish()
    assert idle.probability == {}
