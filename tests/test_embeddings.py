"""What a clip's embedding and signature say of drawn clips whose pictures are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.embeddings.by_model import by_model, embedder
from assets.embeddings.classical import classical, described
from assets.embeddings.signature import CELLS, RATE, change, on_clock, signature, summary, unpacked
from assets.embeddings.tables import EMBEDDINGS
from assets.measuring.clip_view import ClipView, Image, Keyframe
from assets.measuring.measure_clips import measure
from demo.footage import PHOTOGRAPHS, photograph

SIZE = (320, 180)
CLIP = {"clip_id": "c", "start_s": 0.0, "duration_s": 4.0, "width": 320, "height": 180,
        "crop_x": 0, "crop_y": 0, "crop_w": 320, "crop_h": 180}  # fmt: skip


def view(pictures: Sequence[Image], **clip: Any) -> ClipView:
    jpegs = [cv2.imencode(".jpg", p[..., ::-1])[1].tobytes() for p in pictures]
    keyframes = tuple(Keyframe(i, float(i), jpeg) for i, jpeg in enumerate(jpegs))
    return ClipView(CLIP | clip, pl.DataFrame(), pl.DataFrame(), lambda: keyframes)


def embedding(pictures: Sequence[Image], **clip: Any) -> npt.NDArray[np.float64]:
    row = measure(classical, view(pictures, **clip))
    assert row["error"] is None and row["model"] == "classical"
    return np.asarray(row["embedding"])


def windows(name: str) -> tuple[list[Image], list[Image]]:
    """Two moments of a drawn shot: windows over the left and the right of one photograph, a sixth apart."""
    wide = photograph(name, (400, 225))
    return [wide[20:200, x : x + 320] for x in (0, 10)], [wide[25:205, x : x + 320] for x in (50, 60)]


def test_the_vector_has_unit_length_and_the_declared_columns() -> None:
    assert [c.name for c in classical.table.columns] == EMBEDDINGS.names
    assert [c.type for c in classical.table.columns] == [c.type for c in EMBEDDINGS.columns]
    vector = embedding([photograph("coffee", SIZE)])
    assert vector.shape == (276,) and np.linalg.norm(vector) == pytest.approx(1, abs=1e-3)


def test_moments_of_one_shot_are_nearer_than_other_shots() -> None:
    first, second = zip(*((described(a), described(b)) for a, b in map(windows, PHOTOGRAPHS)), strict=True)
    cosine = np.stack(first) @ np.stack(second).T
    within, between = np.diag(cosine), cosine[~np.eye(len(cosine), dtype=bool)]
    assert (cosine.argmax(axis=1) == np.arange(len(cosine))).mean() >= 0.9
    assert (within[:, None] > between[None, :]).mean() >= 0.97  # the area under the ROC curve
    assert np.median(between) < 0.5 < np.median(within)


def test_borders_outside_the_crop_box_and_size_do_not_matter() -> None:
    picture = photograph("chelsea", SIZE)
    boxed = np.zeros((240, 320, 3), np.uint8)
    boxed[30:210] = picture
    same = embedding([boxed], height=240, crop_y=30) @ embedding([picture])
    half = embedding([cv2.resize(picture, (160, 90), interpolation=cv2.INTER_AREA)]) @ embedding([picture])
    assert min(same, half) > 0.98 > embedding([boxed], height=240, crop_h=240) @ embedding([picture])


def test_flat_and_tiny_pictures_have_a_vector() -> None:
    for pictures in ([np.zeros((180, 320, 3), np.uint8)], [np.full((1, 1, 3), 200, np.uint8)]):
        vector = described(pictures)
        assert np.isfinite(vector).all() and np.linalg.norm(vector) == pytest.approx(1)


class Means:
    """An embedder: twice the mean colour of each picture."""

    name = "means"

    def embed(self, images: Sequence[Image]) -> npt.NDArray[np.float32]:
        self.seen = len(images)
        return np.stack([2 * image.mean(axis=(0, 1)) for image in images]).astype(np.float32)


def test_a_model_embeds_a_few_keyframes_inside_the_crop_box() -> None:
    red, blue = np.zeros((180, 320, 3), np.uint8), np.zeros((180, 320, 3), np.uint8)
    red[..., 0], blue[..., 2] = 200, 100  # brightness must not weigh: every keyframe has the same part
    model = Means()
    values = by_model.measure(view([red, blue] * 2), model)
    assert values["model"] == "means"
    assert np.asarray(values["embedding"]) == pytest.approx([0.5**0.5, 0, 0.5**0.5], abs=0.02)
    by_model.measure(view([red] * 9), model)
    assert model.seen == 4


def test_a_model_without_direction_is_a_reason() -> None:
    black = view([np.zeros((180, 320, 3), np.uint8)])
    with pytest.raises(Exception, match="without direction"):
        by_model.measure(black, Means())
    assert "no keyframe" in measure(classical, view([]))["error"]


def test_the_default_needs_no_model_and_any_name_is_taken() -> None:
    assert embedder("classical") is classical and classical.model is None
    chosen = embedder("folder/model.onnx")
    assert chosen.model == "folder/model.onnx" and chosen.step == classical.step == "embeddings" and chosen.pictures


@given(st.lists(st.floats(0.02, 0.6), min_size=1, max_size=30), st.integers(0, 2**31))
def test_the_clock_keeps_the_light_of_the_frames(shown: list[float], seed: int) -> None:
    """Whatever the frame rate: the mean over whole ticks is the mean over time, and no value is invented."""
    values = np.random.default_rng(seed).uniform(0, 255, (len(shown), 3)).astype(np.float32)
    ends = np.cumsum(shown)
    ticks = on_clock(values, ends - shown, ends)
    assert len(ticks) == max(1, round(ends[-1] * RATE))
    assert ticks.min() >= values.min() - 1e-2 and ticks.max() <= values.max() + 1e-2
    if abs(len(ticks) / RATE - ends[-1]) < 1e-9:
        assert ticks.mean(axis=0) == pytest.approx(np.average(values, axis=0, weights=shown), abs=0.5)


def frames(pictures: Sequence[Image], fps: float) -> pl.DataFrame:
    greys = [cv2.cvtColor(p, cv2.COLOR_RGB2GRAY) for p in pictures]
    layouts = [cv2.resize(g, (16, 9), interpolation=cv2.INTER_AREA).tobytes() for g in greys]
    return pl.DataFrame({"pts_s": [i / fps for i in range(len(layouts))], "layout": layouts})


def moving(boxed: tuple[int, int]) -> list[Image]:
    """Windows that slide over a photograph, with black bars of so many pixels above and below, left and right."""
    wide = photograph("coffee", (640, 360))
    shown = [cv2.resize(wide[60 : 60 + 252, x : x + 448], SIZE) for x in range(0, 190, 2)]
    return [
        np.asarray(cv2.copyMakeBorder(s, boxed[0], boxed[0], boxed[1], boxed[1], cv2.BORDER_CONSTANT)) for s in shown
    ]


@pytest.mark.parametrize("bars", [(30, 0), (37, 0), (0, 80), (0, 113), (22, 41)])
def test_a_signature_is_that_of_the_picture_inside_the_bars(bars: tuple[int, int]) -> None:
    plain = unpacked(signature(frames(moving((0, 0)), 24), CLIP))
    box = {"width": 320 + 2 * bars[1], "height": 180 + 2 * bars[0], "crop_x": bars[1], "crop_y": bars[0]}
    inside = unpacked(signature(frames(moving(bars), 24), CLIP | box))
    assert plain.shape == inside.shape == (32, CELLS)
    assert np.corrcoef(plain.ravel(), inside.ravel())[0, 1] > 0.97
    assert summary(plain) @ summary(inside) > 0.95


def test_change_is_that_of_the_picture_in_time() -> None:
    still = unpacked(signature(frames([photograph("coffee", SIZE)] * 48, 24), CLIP))
    assert change(still) < 0.1 < 2 < change(unpacked(signature(frames(moving((0, 0)), 24), CLIP)))
    brighter = still + np.linspace(0, 40, len(still), dtype=np.float32)[:, None]
    assert change(brighter) < 0.2  # a steady drift tells no time
