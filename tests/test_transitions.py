"""Fades and dissolves in drawn footage: moving, noisy photographs with known transitions, and what must not be taken
for one."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import skimage.data

from assets.clips.transitions import find_transitions, picture_cells, thumbnails

WIDTH, HEIGHT = 192, 108
SHARED = Path(__file__).parents[2] / "shared" / "data" / "videos"
Spans = list[tuple[int, int, str]]


@cache
def photos() -> list[np.ndarray]:
    data = skimage.data
    made = [data.astronaut, data.coffee, data.chelsea, data.rocket, data.camera, data.grass, data.gravel, data.brick,
            data.coins, data.hubble_deep_field, data.retina, data.immunohistochemistry, data.page,
            data.text]  # fmt: skip
    pictures = [picture() for picture in made]
    return [cv2.cvtColor(p[..., :3], cv2.COLOR_RGB2GRAY) if p.ndim == 3 else p for p in pictures]


def view(photo: np.ndarray, x: float, y: float, width: float) -> np.ndarray:
    """The part of the photo around (x, y) that is `width` wide."""
    scale = WIDTH / width
    part = np.float32([[scale, 0, WIDTH / 2 - scale * x], [0, scale, HEIGHT / 2 - scale * y]])
    return cv2.warpAffine(photo, part, (WIDTH, HEIGHT), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT_101)


def shot(photo: np.ndarray, frames: int, pan: float = 0.0, zoom: float = 1.0, angle: float = 0.4, at=(0.5, 0.5)):
    """(frames, 108, 192) float32. `pan`: picture widths a frame; `zoom`: growth over the shot."""
    height, width = photo.shape
    window = min(width, height * 16 / 9) * 0.6
    views = []
    for k in range(frames):
        size = window / zoom ** (k / frames)
        way = pan * window * (k - frames / 2)
        views.append(view(photo, width * at[0] + way * np.cos(angle), height * at[1] + way * np.sin(angle), size))
    return np.array(views, np.float32)


def mixed(before: np.ndarray, after: np.ndarray, frames: int, eased: bool = False) -> np.ndarray:
    """The shots with a dissolve over their last and first frames."""
    share = np.arange(1, frames + 1) / (frames + 1)
    share = (share**2 * (3 - 2 * share) if eased else share)[:, None, None]
    mix = before[-frames:] * (1 - share) + after[:frames] * share
    return np.concatenate([before[:-frames], mix, after[frames:]])


def faded(before: np.ndarray, after: np.ndarray, out: int, rest: int, into: int, level: float = 0.0) -> np.ndarray:
    """The shots with a fade to a uniform level and back between them; its first frame is `out` before the end."""
    down = np.linspace(1, 0, out + 1)[1:, None, None]
    up = np.linspace(0, 1, into + 1)[:-1, None, None]
    return np.concatenate([
        before[: len(before) - out],
        before[len(before) - out :] * down + level * (1 - down),
        np.full((rest, HEIGHT, WIDTH), level, np.float32),
        after[:into] * up + level * (1 - up),
        after[into:],
    ])  # fmt: skip


def noisy(frames: np.ndarray, deviation: float = 2.0, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    grain = rng.normal(0, deviation, (8, HEIGHT, WIDTH)).astype(np.float32)
    return np.clip(np.rint(frames + grain[np.arange(len(frames)) * 5 % 8]), 0, 255).astype(np.uint8)


def found(frames: np.ndarray) -> Spans:
    layout = [cv2.resize(frame, (16, 9), interpolation=cv2.INTER_AREA).tobytes() for frame in frames]
    sharpness = [cv2.Laplacian(frame, cv2.CV_32F).var() for frame in frames]
    transitions = find_transitions(layout, frames.std(axis=(1, 2)), sharpness)
    return [(t.start_frame, t.end_frame, t.kind) for t in transitions]


def matches(spans: Spans, expected: Spans, tolerance: int = 2) -> int:
    """How many of the expected spans are found with both ends within the tolerance and the right kind."""
    return sum(
        any(abs(a - x) <= tolerance and abs(b - y) <= tolerance and kind == k for a, b, kind in spans)
        for x, y, k in expected
    )


def composition(rng: np.random.Generator) -> tuple[np.ndarray, Spans]:
    """Four shots with slow motion, joined by cuts, dissolves of 8 to 40 frames and fades."""
    frames, truth = None, []
    for photo in rng.permutation(len(photos()))[:4]:
        new = shot(photos()[photo], int(rng.integers(60, 100)), rng.uniform(0, 0.003), np.exp(rng.uniform(-0.1, 0.1)),
                   rng.uniform(0, 6.3), rng.uniform(0.4, 0.6, 2))  # fmt: skip
        if frames is None:
            frames = new
            continue
        kind, length = rng.choice(["cut", "dissolve", "dissolve", "fade"]), int(rng.integers(8, 41))
        if kind == "cut":
            frames = np.concatenate([frames, new])
        elif kind == "dissolve":
            truth.append((len(frames) - length, len(frames), "dissolve"))
            frames = mixed(frames, new, length, eased=bool(rng.random() < 0.25))
        else:
            out, rest, into = (int(n) for n in (rng.integers(6, 31), rng.integers(0, 20), rng.integers(6, 31)))
            truth.append((len(frames) - out, len(frames) + rest + into, "fade"))
            frames = faded(frames, new, out, rest, into, float(rng.choice([0, 0, 255])))
    return noisy(frames, rng.uniform(0, 4)), truth


@pytest.mark.slow
def test_compositions_of_a_held_out_seed():
    rng = np.random.default_rng(20251)
    hits = expected = answered = near = 0
    for _ in range(12):
        frames, truth = composition(rng)
        spans = found(frames)
        hits += matches(spans, truth)
        near += matches(spans, truth, 8)
        expected, answered = expected + len(truth), answered + len(spans)
    assert 2 * hits / (expected + answered) >= 0.85
    assert 2 * near / (expected + answered) >= 0.93


@pytest.mark.parametrize("length", [8, 12, 20, 30, 40])
@pytest.mark.parametrize("eased", [False, True])
def test_dissolves_of_still_scenes(length, eased):
    before, after = shot(photos()[0], 70), shot(photos()[1], 70)
    spans = found(noisy(mixed(before, after, length, eased)))
    assert len(spans) == 1 and matches(spans, [(70 - length, 70, "dissolve")], 3 if eased else 2) == 1


@pytest.mark.parametrize("level", [0.0, 255.0, 90.0])
@pytest.mark.parametrize("rest", [0, 1, 20])
def test_fade_out_and_in_is_one_transition(level, rest):
    before, after = shot(photos()[1], 60, pan=0.002), shot(photos()[2], 60)
    spans = found(noisy(faded(before, after, 18, rest, 12, level), 1.0))
    assert len(spans) == 1 and matches(spans, [(42, 60 + rest + 12, "fade")]) == 1


def test_fade_at_start_and_end_of_the_file():
    black = np.zeros((0, HEIGHT, WIDTH), np.float32)
    scene = shot(photos()[0], 80)
    frames = np.concatenate([faded(black, scene, 0, 10, 20), np.zeros((5, HEIGHT, WIDTH), np.float32)])
    frames[70:90] *= np.linspace(1, 0, 21)[1:, None, None]
    spans = found(noisy(frames, 1.0))
    assert len(spans) == 2 and matches(spans, [(0, 30, "fade"), (70, 95, "fade")]) == 2


def test_black_between_two_cuts_is_a_transition():
    frames = faded(shot(photos()[0], 50), shot(photos()[1], 50), 0, 12, 0)
    assert found(noisy(frames, 1.0)) == [(50, 62, "fade")]


def test_fade_inside_a_letterbox():
    frames = faded(shot(photos()[1], 60), shot(photos()[2], 60), 18, 6, 12, 200.0)
    frames[:, :13], frames[:, -13:] = 0, 0
    assert matches(found(noisy(frames, 1.0)), [(42, 78, "fade")]) == 1


def object_crossing() -> np.ndarray:
    frames = shot(photos()[1], 90)
    for k in range(30):
        x = int((k - 8) / 14 * WIDTH)
        frames[30 + k, :, max(0, x) : max(0, x + 90)] = 30 + 20 * (np.arange(HEIGHT) % 7 > 3)[:, None]
    return frames


def exposure_ramp() -> np.ndarray:
    gain = np.interp(np.arange(90), [30, 50], [1.0, 0.35])[:, None, None]
    return shot(photos()[0], 90) * gain


def flash() -> np.ndarray:
    frames = shot(photos()[0], 90)
    frames[40:43] = 255
    frames[43:47] = frames[43:47] * 0.5 + 127
    return frames


def stop_and_go_pan() -> np.ndarray:
    photo = np.concatenate([photos()[0], photos()[0][:, ::-1]], axis=1)
    where = np.interp(np.arange(90), [35, 55], [160, 800])
    return np.array([view(photo, x, 256, 300) for x in where], np.float32)


NEGATIVES = {
    "hard cut": lambda: np.concatenate([shot(photos()[0], 60), shot(photos()[1], 60)]),
    "flash": flash,
    "fast pan": lambda: shot(photos()[0], 90, pan=0.02),
    "whip pan": stop_and_go_pan,
    "zoom": lambda: shot(photos()[1], 60, zoom=4.0),
    "exposure ramp": exposure_ramp,
    "object crossing": object_crossing,
    "still": lambda: np.repeat(shot(photos()[4], 1), 80, axis=0),
}


@pytest.mark.parametrize("name", NEGATIVES)
def test_what_is_no_transition(name):
    assert found(noisy(NEGATIVES[name]())) == []


def test_an_encoded_dissolve(tmp_path):
    frames = noisy(mixed(shot(photos()[0], 60, pan=0.001), shot(photos()[3], 60), 20))
    path = tmp_path / "dissolve.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "30"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="gray8")))
        container.mux(stream.encode())
    with av.open(str(path)) as container:
        decoded = np.array([frame.to_ndarray(format="gray8") for frame in container.decode(video=0)])
    assert matches(found(decoded), [(40, 60, "dissolve")]) == 1


def test_a_video_of_nothing_but_fades_is_one_transition():
    level = np.interp(np.arange(120), [3, 40, 60, 100], [0, 250, 250, 10])
    frames = np.ones((120, HEIGHT, WIDTH)) * np.rint(level)[:, None, None]
    assert found(frames.astype(np.uint8)) == [(0, 120, "fade")]


def test_uniform_and_empty_videos_have_none():
    assert found(np.full((50, HEIGHT, WIDTH), 80, np.uint8)) == []
    assert find_transitions([], [], []) == []
    assert find_transitions(np.zeros((1, 144), np.uint8), [0.0], [0.0]) == []


def test_missing_values_are_tolerated():
    frames = noisy(mixed(shot(photos()[0], 60), shot(photos()[1], 60), 20))
    layout = [cv2.resize(frame, (16, 9), interpolation=cv2.INTER_AREA).tobytes() for frame in frames]
    layout[10] = None
    unknown = np.full(len(frames), np.nan)
    assert [t.kind for t in find_transitions(layout, unknown, unknown)] == ["dissolve"]
    assert thumbnails([None, layout[0]]).shape == (2, 144)


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="2, 1 and 2 frames"):
        find_transitions(np.zeros((2, 144), np.uint8), [0.0], [0.0, 0.0])


def test_borders_of_the_whole_video_are_left_out():
    bars = np.full((40, 9, 16), 100, np.uint8)
    bars[:, 0], bars[:, -1] = 5, 5
    assert picture_cells(bars.reshape(40, 144)).reshape(9, 16).sum() == 5 * 16
    assert picture_cells(np.zeros((4, 144), np.uint8)).all()


REAL = {
    "clear/cosmos-curate__test_video_30s.mp4": [(309, 348, "fade"), (624, 652, "fade")],
    "clear/torchcodec__nasa_13013.mp4": [(127, 150, "dissolve")],
    "research_only/pyscenedetect__testvideo.mp4": [(0, 30, "fade"), (528, 559, "dissolve")],
    "clear/sam2__05_default_juggle.mp4": [],
}


@pytest.mark.parametrize("name", REAL)
def test_real_footage(name):
    if not (SHARED / name).exists():
        pytest.skip(f"{name} is not here: these videos are not distributed with the project")
    frames = []
    with av.open(str(SHARED / name)) as container:
        for frame in container.decode(video=0):
            picture = frame.reformat(width=WIDTH, height=HEIGHT, format="gray8", interpolation="AREA").to_ndarray()
            frames.append(picture[:, :WIDTH])
    spans = found(np.array(frames))
    assert matches(spans, REAL[name], 3) == len(REAL[name])
    assert bool(spans) == bool(REAL[name])
