"""Scorers that ask a model: what they make of its answers, and what a shard holds where the model is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from synthetic import InThisProcess, Row, Silent, fill, preset
from tiny_models import head_tensors, save_clip

from assets.filter_scores.scorers import SCORERS
from assets.filter_scores.scorers.aesthetic_laion import aesthetic_laion
from assets.filter_scores.scorers.aesthetic_siglip import aesthetic_siglip
from assets.filter_scores.scorers.faces import faces
from assets.filter_scores.scorers.sensitive import sensitive
from assets.filter_scores.scorers.subjects import subjects
from assets.filter_scores.wide import write_wide
from assets.lineage import Lineage
from assets.measuring.clip_view import ClipView, Keyframe, Unmeasured
from assets.measuring.measure_clips import measure
from assets.measuring.measure_shard import measure_shard
from assets.models.catalogue import LAION, find_model
from assets.models.model import Detection
from assets.models.weights import ModelFolder
from assets.options import Options
from assets.store import Store, rows_to_table
from assets.tables import FILTER_SCORES, KEYFRAMES
from assets.tiers.vocabulary import vocabulary
from demo.footage import photograph
from orchestration.resources import unfilled_columns

MINE = (subjects, faces, sensitive, aesthetic_laion, aesthetic_siglip)
SHARED = Path(__file__).parents[2] / "shared" / "models"
shipped = pytest.mark.skipif(not SHARED.is_dir(), reason="the ONNX models are not beside the repository")
SIZE = (320, 180)
BOX: Row = {"width": 640, "height": 360, "crop_x": 0, "crop_y": 0, "crop_w": 640, "crop_h": 360}
SHARD = "shard-000001"


def jpeg(picture: Any) -> bytes:
    return bytes(cv2.imencode(".jpg", picture[..., ::-1])[1].tobytes())


def view(*pictures: Any, box: Row = BOX) -> ClipView:
    stored = tuple(Keyframe(i, i / 24, jpeg(p)) for i, p in enumerate(pictures))
    return ClipView(BOX | box, None, None, lambda: stored)  # type: ignore[arg-type]


def flat(level: int) -> Any:
    return np.full((SIZE[1], SIZE[0], 3), level, np.uint8)


class Told:
    """Stands for a model: answers by the level of the flat pictures that it is shown, and notes their sizes."""

    def __init__(self, answers: dict[int, Any]) -> None:
        self.answers, self.shapes = answers, list[Any]()

    def _of(self, image: Any) -> Any:
        self.shapes.append(image.shape)
        return self.answers[min(self.answers, key=lambda level: abs(level - float(image.mean())))]

    def detect(self, images: Any) -> list[list[Detection]]:
        return [self._of(i) for i in images]

    def score(self, images: Any) -> Any:
        return np.array([self._of(i) for i in images], np.float32)


def found(label: str, side: float, score: float = 0.9) -> Detection:
    return Detection((0.0, 0.0, side, side), score, label)


def test_the_main_subject_is_the_largest_that_is_sure_in_most_keyframes() -> None:
    model = Told({
        0: [],
        80: [found("person", 0.2), found("dog", 0.5), found("cat", 0.9, 0.4), found("diningtable", 1.0)],
        160: [found("dog", 0.7)],
    })  # fmt: skip
    told = subjects(view(flat(0), flat(80), flat(160)), model)
    assert told == {"subject_max_area": pytest.approx(0.25), "person_ratio": pytest.approx(1 / 3)}
    assert subjects(view(flat(0)), model) == {"subject_max_area": 0.0, "person_ratio": 0.0}


def test_faces_are_those_of_the_fullest_keyframe_and_the_largest_of_any() -> None:
    model = Told({0: [], 80: [found("face", 0.1), found("face", 0.2)], 160: [found("face", 0.5)]})
    assert faces(view(flat(0), flat(80), flat(160)), model) == {"face_count": 2, "face_max_area": pytest.approx(0.25)}
    assert faces(view(flat(0)), model) == {"face_count": 0, "face_max_area": 0.0}


def test_probabilities_are_averaged_and_drawn_pornography_counts_for_both() -> None:
    model = Told({0: [0.5, 0.3, 0.2, 0.0, 0.0], 200: [0.1, 0.1, 0.2, 0.2, 0.4]})
    told = sensitive(view(flat(0), flat(200)), model)
    assert told == {"sensitive_score": pytest.approx(0.3), "is_graphic": pytest.approx(0.5)}


def test_the_aesthetic_score_is_that_of_the_middle_keyframe() -> None:
    model = Told({0: [1.0], 100: [5.5], 200: [9.0]})
    assert aesthetic_laion(view(flat(0), flat(100), flat(200)), model) == {"aesthetic_laion": 5.5}
    assert aesthetic_siglip(view(flat(0), flat(100), flat(200)), model) == {"aesthetic_siglip": 5.5}


@pytest.mark.parametrize("scorer", MINE, ids=lambda s: s.name)
def test_models_are_shown_few_keyframes_and_only_what_is_inside_the_crop(scorer: Any) -> None:
    answer = [found("face", 0.5)] if scorer in (subjects, faces) else [0.2] * 5
    model = Told({0: answer})
    scorer(view(*[flat(90)] * 20, box={"crop_y": 60, "crop_h": 240}), model)
    assert set(model.shapes) == {(120, 320, 3)} and 1 <= len(model.shapes) <= 4


def test_without_keyframes_there_is_a_reason_and_no_zero() -> None:
    for scorer in MINE:
        with pytest.raises(Unmeasured, match="no keyframe"):
            scorer(ClipView(BOX, None, None), Told({}))  # type: ignore[arg-type]


def library(path: Path, models: Path, pictures: list[Any]) -> tuple[Store, Options]:
    """A root with one video of one clip whose keyframes are the pictures."""
    store, options = Store(str(path)), Options(models=ModelFolder(str(models)))
    fill(store, {SHARD: [{"video_id": "v", "clip_id": "1" * 32} | BOX]})
    rows = [{"video_id": "v", "frame": i, "pts_s": i / 24, "jpeg": jpeg(p)} for i, p in enumerate(pictures)]
    with store.writer(KEYFRAMES, SHARD, Lineage(store, options).scan(SHARD)) as out:
        out.add(rows_to_table(KEYFRAMES, rows))
    return store, options


def test_a_model_that_is_absent_leaves_null_and_its_name(tmp_path: Path) -> None:
    store, options = library(tmp_path / "root", tmp_path / "none", [flat(0)])
    lineage = Lineage(store, options)
    assert not set(MINE) & set(lineage.scorers)
    measure_shard(store, lineage, SHARD, lineage.scorers, InThisProcess(), Silent(), force=True)
    write_wide(store, lineage, SHARD)
    (row,) = store.read(FILTER_SCORES, SHARD).to_pylist(maps_as_pydicts="strict")
    for scorer in MINE:
        assert all(row[c.name] is None for c in scorer.columns)
        assert row["errors"][scorer.name] == f"no weights of {scorer.model}"


def test_rules_on_an_absent_model_are_inactive() -> None:
    known = vocabulary(unfilled_columns(Options(models=ModelFolder("no models"))))
    mine = [c.name for s in MINE for c in s.columns]
    assert not any(known.is_active(name) for name in mine) and all(known.is_number(name) for name in mine)
    preset("[tier_1]\naesthetic_laion = { min = 4 }\nperson_ratio = { min = 0.6 }")
    everything = vocabulary()
    assert all(everything.is_active(name) for name in mine)


def laion_weights(folder: Path) -> Path:
    """The catalogue's files with a tiny tower and a random head."""
    _, tensors = head_tensors("layers", 16)
    head, config, preprocessor, weights = (folder / w.path for w in LAION.weights)
    head.parent.mkdir(parents=True)
    torch.save(tensors, head)
    save_clip(config.parent)
    assert preprocessor.is_file() and weights.is_file()
    return folder


def test_a_score_comes_from_the_weights_on_disk_and_goes_stale_with_them(tmp_path: Path) -> None:
    weights, picture = laion_weights(tmp_path / "models"), photograph("coffee", SIZE)
    store, options = library(tmp_path / "root", weights, [picture])
    lineage = Lineage(store, options)
    assert aesthetic_laion in lineage.scorers and aesthetic_siglip not in lineage.scorers
    counts = measure_shard(store, lineage, SHARD, [aesthetic_laion], InThisProcess(), Silent())
    assert counts["aesthetic_laion"].computed == 1 and counts["aesthetic_laion"].failed == 0
    (row,) = store.read(aesthetic_laion.table, SHARD).to_pylist()
    model = options.models.load(LAION.name)
    expected = model.score([view(picture).content(view(picture).keyframes[0])])[0, 0]
    assert row["aesthetic_laion"] == pytest.approx(float(expected), rel=1e-5)
    stamp = lineage.measured(aesthetic_laion, SHARD)
    assert lineage.is_fresh(aesthetic_laion.step, SHARD, stamp)
    head = weights / LAION.weights[0].path
    head.write_bytes(head.read_bytes()[:-1] + b"x")
    assert Lineage(store, options).measured(aesthetic_laion, SHARD).recipe != stamp.recipe


@shipped
def test_real_pictures_are_told_apart() -> None:
    models = ModelFolder(str(SHARED))
    astronaut, coffee, rocket = (photograph(name, (640, 360)) for name in ("astronaut", "coffee", "rocket"))
    person = measure(subjects, view(*[astronaut] * 3), models) | measure(faces, view(astronaut), models)
    nobody = measure(subjects, view(rocket), models) | measure(faces, view(coffee), models)
    assert person["person_ratio"] == 1.0 and person["subject_max_area"] > 0.3 and person["face_count"] == 1
    assert nobody["person_ratio"] == 0.0 and nobody["face_count"] == 0
    card = np.repeat(np.eye(8, 3, dtype=np.uint8)[:, None].repeat(45, 1).reshape(1, 360, 3) * 255, 180, 0)
    plain, drawn = measure(sensitive, view(coffee, astronaut), models), measure(sensitive, view(card), models)
    assert plain["sensitive_score"] < 0.3 and plain["is_graphic"] < 0.2 < drawn["is_graphic"]
    together = measure(sensitive, view(coffee, card), models)
    assert together["is_graphic"] == pytest.approx(
        (measure(sensitive, view(coffee), models)["is_graphic"] + drawn["is_graphic"]) / 2, abs=1e-6
    )


def test_these_scorers_are_in_the_list_and_name_a_model_that_exists() -> None:
    for scorer in MINE:
        assert scorer in SCORERS and scorer.model and scorer.pictures
        task = "detect" if scorer in (subjects, faces) else "score"
        assert task in find_model(scorer.model).tasks
