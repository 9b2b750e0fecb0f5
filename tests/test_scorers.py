"""Scorers on drawn series of known value, and what a shard holds of the clips that could not be measured."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import InThisProcess, Row, fill

from assets.columns import DOUBLE, INT, STRING, Column
from assets.filter_scores.scorers import SCORERS
from assets.filter_scores.scorers.borders import borders
from assets.filter_scores.scorers.exposure import exposure
from assets.filter_scores.scorers.motion import inside_crop, motion
from assets.filter_scores.scorers.sharpness import sharpness
from assets.filter_scores.wide import write_wide
from assets.lineage import Lineage
from assets.measuring.measure_clips import clip_view, measure
from assets.measuring.measure_shard import measure_shard
from assets.measuring.scorer import ClipView, Scorer, Unmeasured, scorer
from assets.options import Options
from assets.store import Store, rows_to_table
from assets.tables import CLIPS, FILTER_SCORES, FRAME_SIGNALS

FPS = 24.0
WIDE: Row = {"width": 1600, "height": 900, "crop_x": 0, "crop_y": 0, "crop_w": 1600, "crop_h": 900}
LETTERBOX = WIDE | {"crop_y": 200, "crop_h": 500}
PILLARBOX = WIDE | {"crop_x": 400, "crop_w": 800}
Grid = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def grid(x: float, y: float) -> Grid:
    """The same vector in every cell, % of the diagonal per second."""
    return np.broadcast_to(np.array([x, y]), (9, 16, 2)).astype(np.float64)


def frames(count: int, flows: Iterable[Grid] = (), every: int = 3, **columns: Any) -> pl.DataFrame:
    """Rows of frame_signals at 24 fps; a flow pair ends on every third frame, from the third on."""
    listed, rows = list(flows), []
    for i in range(count):
        row = {
            "video_id": "v",
            "frame": i,
            "pts_s": i / FPS,
            "sharpness": 100.0,
            "luma_mean": 80.0,
            "dark_ratio": 0.0,
            "bright_ratio": 0.0,
        }
        row |= {k: v[i] if isinstance(v, list) else v for k, v in columns.items()}
        if listed and i >= every and i % every == 0:
            flow = listed[(i // every - 1) % len(listed)].astype(np.float16)
            row |= {"flow_dt_s": every / FPS, "flow_grid": flow.tobytes()}
        rows.append(row)
    frame = pl.from_arrow(rows_to_table(FRAME_SIGNALS, rows))
    assert isinstance(frame, pl.DataFrame)
    return frame


def clip(start: int, end: int, box: Row = WIDE) -> Row:
    return {"start_frame": start, "end_frame": end, "start_s": start / FPS, "end_s": end / FPS} | box


def scores(measured: Scorer, signals: pl.DataFrame, of: Row) -> Row:
    return measure(measured, clip_view(of, signals))


def test_a_constant_flow_is_its_own_speed() -> None:
    told = scores(motion, frames(48, [grid(3, 4)]), clip(0, 48))
    assert told == {
        "motion_mean": pytest.approx(5),
        "motion_p95": pytest.approx(5),
        "static_ratio": 0.0,
        "error": None,
    }


@pytest.mark.parametrize("box", [LETTERBOX, PILLARBOX])
def test_speed_is_in_the_unit_of_the_crop_and_bars_do_not_count(box: Row) -> None:
    inside = inside_crop(box)
    flow = np.where(inside[..., None], grid(3, 4), 1000.0)
    ratio = math.hypot(1600, 900) / math.hypot(box["crop_w"], box["crop_h"])
    told = scores(motion, frames(48, [flow]), clip(0, 48, box))
    assert told["motion_mean"] == pytest.approx(5 * ratio) and told["motion_p95"] == pytest.approx(5 * ratio)


def test_cells_are_inside_by_their_centre() -> None:
    assert inside_crop(WIDE).all()
    assert inside_crop(LETTERBOX).sum(axis=1).tolist() == [0, 0, 16, 16, 16, 16, 16, 0, 0]
    assert inside_crop(PILLARBOX).sum(axis=0).tolist() == [0] * 4 + [9] * 8 + [0] * 4
    tiny = WIDE | {"crop_x": 3, "crop_y": 3, "crop_w": 4, "crop_h": 4}
    assert inside_crop(tiny).all(), "a crop between the centres takes all"


def test_a_still_is_static_and_one_moving_cell_is_not() -> None:
    assert scores(motion, frames(48, [grid(0, 0)]), clip(0, 48))["static_ratio"] == 1.0
    one = grid(0, 0).copy()
    one[4, 8] = (2, 0)
    assert scores(motion, frames(48, [one]), clip(0, 48))["static_ratio"] == 0.0
    assert scores(motion, frames(49, [grid(0, 0), one]), clip(0, 49))["static_ratio"] == 0.5
    assert scores(motion, frames(48, [grid(0.3, 0.2)]), clip(0, 48))["static_ratio"] == 1.0, "the flow's own noise"


def test_the_fast_moment_shows_in_p95() -> None:
    told = scores(motion, frames(61, [grid(1, 0)] * 19 + [grid(21, 0)]), clip(0, 61))
    assert told["motion_mean"] == pytest.approx(2.0) and told["motion_p95"] == pytest.approx(
        np.percentile([1.0] * 19 + [21.0], 95)
    )


def test_pairs_that_begin_before_the_clip_do_not_count() -> None:
    """The pair ends on frame 24 and began on frame 21, in the shot before."""
    signals = frames(48, [grid(100, 0) if i == 7 else grid(1, 0) for i in range(15)])
    assert scores(motion, signals, clip(22, 48))["motion_mean"] == pytest.approx(1.0)
    assert scores(motion, signals, clip(21, 48))["motion_mean"] > 10
    assert scores(motion, signals, clip(24, 48))["motion_mean"] == pytest.approx(1.0)


@pytest.mark.parametrize(("start", "end"), [(0, 1), (0, 3), (22, 24)])
def test_no_pair_is_unmeasured_with_a_reason(start: int, end: int) -> None:
    told = scores(motion, frames(48, [grid(1, 0)]), clip(start, end))
    assert told["motion_mean"] is told["motion_p95"] is told["static_ratio"] is None
    assert "no flow pair" in told["error"]


def test_a_flow_that_is_no_number_is_no_value() -> None:
    told = scores(motion, frames(48, [grid(math.inf, 0)]), clip(0, 48))
    assert told["motion_mean"] is None and told["error"]
    assert scores(motion, frames(48, [grid(math.nan, 0)]), clip(0, 48))["motion_mean"] is None


@pytest.mark.parametrize(
    ("box", "ratio", "kind"),
    [
        (WIDE, 0.0, "none"),
        (LETTERBOX, 4 / 9, "letterbox"),
        (PILLARBOX, 0.5, "pillarbox"),
        (LETTERBOX | {"crop_x": 400, "crop_w": 800}, 1 - 0.5 * 5 / 9, "windowbox"),
        (WIDE | {"crop_y": 90, "crop_h": 810}, 0.1, "letterbox"),
        (WIDE | {"crop_x": 1, "crop_w": 1599}, 1 / 1600, "pillarbox"),
    ],
)
def test_borders(box: Row, ratio: float, kind: str) -> None:
    assert scores(borders, frames(2), clip(0, 2, box)) == {
        "border_ratio": pytest.approx(ratio),
        "border_kind": kind,
        "error": None,
    }


QUARTER = WIDE | {"crop_x": 200, "crop_w": 1200}


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 255))
def test_black_bars_are_taken_out_exactly(dark: float, bright: float, luma: float) -> None:
    """A quarter of the picture is bars of luma 0; inside are known shares and a known mean."""
    signals = frames(4, dark_ratio=0.25 + 0.75 * dark, bright_ratio=0.75 * bright, luma_mean=0.75 * luma)
    told = scores(exposure, signals, clip(0, 4, QUARTER))
    assert told["underexposed_ratio"] == pytest.approx(dark, abs=1e-6)
    assert told["overexposed_ratio"] == pytest.approx(bright, abs=1e-6)
    assert told["luma_mean"] == pytest.approx(luma, abs=1e-4)
    assert 0 <= told["underexposed_ratio"] <= 1 and 0 <= told["overexposed_ratio"] <= 1 and told["luma_mean"] <= 255


def test_exposure_without_bars_and_with_white_ones() -> None:
    series = frames(4, dark_ratio=[0.1, 0.2, 0.3, 0.4], bright_ratio=0.5, luma_mean=[10.0, 20.0, 30.0, 40.0])
    assert scores(exposure, series, clip(0, 4)) == {
        "luma_mean": pytest.approx(25),
        "underexposed_ratio": pytest.approx(0.25),
        "overexposed_ratio": pytest.approx(0.5),
        "error": None,
    }
    assert scores(exposure, series, clip(0, 4, PILLARBOX))["overexposed_ratio"] == pytest.approx(0.5), (
        "the bars are not dark"
    )


def test_sharpness_is_the_median_of_its_own_frames() -> None:
    series = frames(7, sharpness=[9e9, 10.0, 20.0, 30.0, 1.0, 1000.0, 9e9])
    assert scores(sharpness, series, clip(1, 6)) == {"sharpness": 20.0, "error": None}
    assert scores(sharpness, series, clip(3, 4)) == {"sharpness": 30.0, "error": None}
    assert scores(sharpness, frames(2, sharpness=None), clip(0, 2))["sharpness"] is None


A, B = Column("a", DOUBLE, "For tests."), Column("b", STRING, "For tests.")


def broken(returned: Any) -> Scorer:
    @scorer(A, B, version=1)
    def faulty(view: ClipView) -> dict[str, Any]:
        """Returns what it is told, or raises it."""
        if isinstance(returned, Exception):
            raise returned
        result: dict[str, Any] = returned
        return result

    return faulty


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        ({"a": 1.0}, "ValueError: scorer faulty returned ['a'], declared ['a', 'b']"),
        ({"a": 1.0, "b": "x", "c": 1}, "returned ['a', 'b', 'c']"),
        ({}, "returned []"),
        ({"a": "much", "b": "x"}, "Could not convert 'much'"),
        ({"a": 1.0, "b": 2.5}, "float"),
        (KeyError("x"), "KeyError: 'x'"),
        (ZeroDivisionError("nothing to divide by"), "ZeroDivisionError: nothing to divide by"),
        (Unmeasured("too short"), "too short"),
    ],
)
def test_a_scorer_that_breaks_its_declaration_costs_its_own_values_only(returned: Any, told: str) -> None:
    view = clip_view(clip(0, 2), frames(2))
    values = measure(broken(returned), view)
    assert values["a"] is None and values["b"] is None and told in values["error"]
    rows_to_table(broken(returned).table, [values | {"clip_id": "x"}])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("nan"), np.float64("inf"), None])
def test_what_is_no_finite_number_becomes_null(value: Any) -> None:
    values = measure(broken({"a": value, "b": "x"}), clip_view(clip(0, 2), frames(2)))
    assert values == {"a": None, "b": "x", "error": "no finite value for a"}


@pytest.mark.parametrize("value", [1, 1.5, np.float32(1.5), np.int64(2), True])
def test_numbers_of_every_library_are_numbers(value: Any) -> None:
    values = measure(broken({"a": value, "b": "x"}), clip_view(clip(0, 2), frames(2)))
    assert values == {"a": float(value), "b": "x", "error": None} and type(values["a"]) is float


def test_scorers_name_their_columns_once_and_say_what_they_do() -> None:
    names = [c.name for s in SCORERS for c in s.columns]
    assert len(names) == len(set(names)) and len({s.name for s in SCORERS}) == len(SCORERS)
    for each in SCORERS:
        assert each.version >= 1 and each.doc and all(c.doc and c.type in (DOUBLE, INT, STRING) for c in each.columns)


class Silent:
    """A progress that counts."""

    done, ended = 0, 0

    def begin(self, step: str, shard: str, items: int, video_s: float) -> None:
        self.items = items

    def advance(self, items: int = 1, video_s: float = 0.0) -> None:
        self.done += items

    def end(self) -> None:
        self.ended += 1


SHARD = "shard-000001"


def filled(path: Path, clips: list[Row], videos: dict[str, pl.DataFrame]) -> Store:
    store = Store(str(path))
    fill(store, {SHARD: clips})
    stamp = Lineage(store, Options()).scan(SHARD)
    with store.writer(FRAME_SIGNALS, SHARD, stamp) as out:
        for video_id in sorted(videos):
            out.add(videos[video_id].with_columns(video_id=pl.lit(video_id)).to_arrow().cast(FRAME_SIGNALS.schema))
    return store


def scored(store: Store, which: tuple[Scorer, ...] = SCORERS) -> tuple[dict[str, Row], Silent]:
    progress, lineage = Silent(), Lineage(store, Options())
    measure_shard(store, lineage, SHARD, which, InThisProcess(), progress, force=True)
    counts = write_wide(store, lineage, SHARD)
    rows = store.read(FILTER_SCORES, SHARD).to_pylist(maps_as_pydicts="strict")
    assert counts.rows == len(rows) and [r["clip_id"] for r in rows] == store.read(CLIPS, SHARD)["clip_id"].to_pylist()
    return {r["clip_id"]: r for r in rows}, progress


LIBRARY = {"v": frames(48, [grid(3, 4)]), "w": frames(48, [grid(0, 0)], sharpness=7.0)}
THREE: list[Row] = [
    {"video_id": "v", "clip_id": "1" * 32, **clip(0, 24)},
    {"video_id": "v", "clip_id": "2" * 32, **clip(24, 25), "fps": None},
    {"video_id": "w", "clip_id": "3" * 32, **clip(0, 48, LETTERBOX)},
]


def test_a_shard_is_measured_and_its_reasons_are_kept(tmp_path: Path) -> None:
    store = filled(tmp_path, THREE, LIBRARY)
    rows, progress = scored(store)
    assert rows["1" * 32]["motion_mean"] == pytest.approx(5) and "motion" not in rows["1" * 32]["errors"]
    assert rows["2" * 32]["motion_mean"] is None and rows["2" * 32]["sharpness"] == 100.0
    assert "no flow pair" in rows["2" * 32]["errors"]["motion"] and "sharpness" not in rows["2" * 32]["errors"]
    assert rows["1" * 32]["errors"]["subjects"] == "no weights of yolo-fastest-xl"
    assert rows["3" * 32]["static_ratio"] == 1.0 and rows["3" * 32]["sharpness"] == 7.0
    assert rows["3" * 32]["border_kind"] == "letterbox"
    assert (progress.items, progress.done, progress.ended) == (3, 3, 1)


def test_scores_do_not_depend_on_the_other_clips(tmp_path: Path) -> None:
    together, _ = scored(filled(tmp_path / "all", THREE, LIBRARY))
    for i, row in enumerate(THREE):
        alone, _ = scored(filled(tmp_path / str(i), [row], {row["video_id"]: LIBRARY[row["video_id"]]}))
        assert alone == {row["clip_id"]: together[row["clip_id"]]}


def test_one_scorer_alone_rewrites_its_columns_only(tmp_path: Path) -> None:
    store = filled(tmp_path, THREE, LIBRARY)
    before = {name: store.read(s.table, SHARD) for name, s in ((s.name, s) for s in SCORERS)}
    scored(store, (sharpness,))
    after = {name: store.read(s.table, SHARD) for name, s in ((s.name, s) for s in SCORERS)}
    assert [name for name in before if before[name] != after[name]] == ["sharpness"]


def test_a_shard_of_no_clips_and_clips_without_signals(tmp_path: Path) -> None:
    assert scored(filled(tmp_path / "none", [], {}))[0] == {}
    rows, _ = scored(filled(tmp_path / "lost", THREE[:1], {}))
    (row,) = rows.values()
    assert row["motion_mean"] is None and row["sharpness"] is None and row["border_ratio"] == 0.0
    assert {"motion", "sharpness", "exposure"} <= set(row["errors"]) and "borders" not in row["errors"]


def test_the_same_shard_has_the_same_bytes(tmp_path: Path) -> None:
    written = []
    for name in ("a", "b"):
        store = filled(tmp_path / name, THREE, LIBRARY)
        scored(store)
        written.append([Path(store.path(f, SHARD)).read_bytes() for f in ("filter_scores", "scores/motion")])
    assert written[0] == written[1]
