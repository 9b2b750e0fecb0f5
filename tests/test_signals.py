"""Each frame signal against a known truth: a peer's own code, a drawn change, or a known distortion."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from drawn import COFFEE, grey, moved, pictures, yuv
from hypothesis import given, settings
from hypothesis import strategies as st
from scenedetect.common import FrameTimecode
from scenedetect.detectors import ContentDetector, HistogramDetector
from scenedetect.stats_manager import StatsManager

from assets.scan.pictures import Pictures
from assets.scan.signals.blockiness import Blockiness
from assets.scan.signals.colour import Colour
from assets.scan.signals.content import Content
from assets.scan.signals.difference import Difference, change_columns, corner_sums
from assets.scan.signals.flow import Flow
from assets.scan.signals.histogram import hist_diff
from assets.scan.signals.luma import luma_columns
from assets.scan.signals.noise import Noise
from assets.scan.signals.sharpness import Sharpness
from assets.scan.signals.vmaf_motion import VmafMotion


def brightness(seen: Pictures) -> dict[str, float]:
    return {name: values.item() for name, values in luma_columns(seen.histogram[None]).items()}


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


def test_luma_is_full_range_and_tails_are_counted() -> None:
    luma = np.full((90, 160), 16, np.uint8)
    luma[:, 80:] = 235
    assert brightness(pictures(grey(luma))) == pytest.approx(
        {"luma_mean": 127.5, "luma_std": 127.5, "dark_ratio": 0.5, "bright_ratio": 0.5}, abs=1
    )


def test_difference_is_zero_in_a_repeated_frame_and_sees_a_small_change() -> None:
    still, changed = np.full((360, 640), 100, np.uint8), np.full((360, 640), 100, np.uint8)
    changed[0:40, 0:40] = 200
    signal = Difference()
    told = [signal(pictures(grey(luma))) for luma in (still, still, changed)]
    assert set(told[0]["layout"]) == {98} and len(told[0]["layout"]) == 144
    assert set(Difference()(pictures(grey(np.full((360, 640), 10, np.uint8))))["layout"]) == {0}
    made = change_columns([values["change"] for values in told], pictures(grey(still)).luma.shape)
    (_, again_mean, mean), (_, again_max, largest) = made["diff_mean"], made["diff_max"]
    assert np.isnan([made["diff_mean"][0], made["diff_max"][0]]).all() and (again_mean, again_max) == (0, 0)
    assert largest == pytest.approx(100 * 255 / 219, rel=0.01)
    assert mean == pytest.approx(largest / 144, rel=0.01)


@given(st.integers(16, 60), st.integers(16, 60), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_changes_of_cells_are_exact(height: int, width: int, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.uint8)
    made = change_columns([corner_sums(image).astype(np.float64)], image.shape)
    rows, columns = (np.arange(n + 1) * size // n for n, size in ((9, height), (16, width)))
    cells = [image[top:end, left:right].mean() for top, end in pairwise(rows) for left, right in pairwise(columns)]
    assert made["diff_mean"] == pytest.approx(image.mean()) and made["diff_max"] == pytest.approx(max(cells))


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
    first, second = pictures(yuv(photo)), pictures(yuv(moved(photo, **move)))
    start = signal(first.flow, 1.0, first.geometry)
    assert set(start.values()) == {None}
    found = signal(second.flow, 1.0 + dt, second.geometry)
    unit = 100 / np.hypot(640, 360) if column in ("camera_dx", "camera_dy") else 1
    assert share[0] < found[column] / (expected * unit / dt) < share[1]
    assert found["camera_inliers"] > 0.6
    assert found["flow_dt_s"] == dt
    if column == "camera_dx":
        grid = np.frombuffer(found["flow_grid"], np.float16).reshape(9, 16, 2)
        assert np.median(grid[..., 0]) == pytest.approx(found["camera_dx"], rel=0.1)
        assert found["flow_mean"] == pytest.approx(abs(found["camera_dx"]), rel=0.1)


def test_a_still_picture_has_no_flow() -> None:
    signal, seen = Flow(), pictures(yuv(COFFEE))
    signal(seen.flow, 0.0, seen.geometry)
    still = signal(seen.flow, 0.5, seen.geometry)
    assert (still["flow_mean"], still["flow_static_ratio"]) == (0, 1)
    assert still["camera_zoom"] == pytest.approx(0, abs=1e-6)


def test_colour_terms_follow_hasler() -> None:
    rgb = np.zeros((120, 160, 3), np.uint8)
    rgb[:, :80] = (200, 40, 40)
    rgb[:, 80:] = (40, 40, 200)
    found = Colour()(pictures(yuv(rgb, "yuv444p")))
    truth = {"rg_mean": 80, "rg_std": 80, "yb_mean": -40, "yb_std": 120, "saturation": 204}
    assert found == pytest.approx(truth, abs=5)
    assert Colour()(pictures(grey(np.full((64, 64), 90, np.uint8))))["saturation"] == 0
