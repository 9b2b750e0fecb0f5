"""What a shard holds of its clips, of scorers that break their declaration, and of clips without a value."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from drawn_signals import LETTERBOX, clip, frames, grid
from synthetic import InThisProcess, Row, Silent, fill

from assets.columns import DOUBLE, INT, STRING, Column
from assets.filter_scores.scorers import SCORERS
from assets.filter_scores.scorers.sharpness import sharpness
from assets.filter_scores.wide import write_wide
from assets.lineage import Lineage
from assets.measuring.measure_clips import clip_view, measure
from assets.measuring.measure_shard import measure_shard
from assets.measuring.scorer import ClipView, Scorer, Unmeasured, scorer
from assets.options import Options
from assets.store import Store, rows_to_table
from assets.tables import CLIPS, FILTER_SCORES, FRAME_SIGNALS

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
