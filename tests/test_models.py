"""Models: what is made of a network's numbers, embedders from files on disk, and what the shipped weights find."""

from __future__ import annotations

import json
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import (
    CLIP_SIZE,
    DINO_SIZE,
    SIGLIP_SIZE,
    head_tensors,
    save_clip,
    save_dino,
    save_mean_colour,
    save_siglip,
)

from assets.models.aesthetic import AestheticHead, head_layers
from assets.models.boxes import detections
from assets.models.catalogue import MODELS, find_model
from assets.models.model import Model, Weights
from assets.models.onnx_embedder import OnnxEmbedder, Ports, Preparation, _preparation, ports, prepared
from assets.models.transformers_embedder import TransformersEmbedder
from assets.models.weights import ModelFolder
from assets.models.yolo import decode
from demo.footage import photograph

SHARED = Path(__file__).parents[2] / "shared" / "models"
shipped = pytest.mark.skipif(not SHARED.is_dir(), reason="the ONNX models are not beside the repository")
ASTRONAUT, CAT, COFFEE = (photograph(name, (512, 512)) for name in ("astronaut", "chelsea", "coffee"))


def iou(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def test_of_overlapping_boxes_of_a_class_the_best_stays() -> None:
    boxes = np.array(
        [[0.1, 0.1, 0.5, 0.5], [0.12, 0.1, 0.5, 0.5], [0.1, 0.1, 0.5, 0.5], [0.6, 0.6, 1.2, 0.9]], np.float32
    )
    scores = np.array([[0.8, 0], [0.9, 0], [0, 0.7], [0.4, 0.39]], np.float32)
    found = detections(boxes, scores, ("dog", "cat"), 0.4, 0.45)
    assert [(d.label, round(d.score, 2)) for d in found] == [("dog", 0.9), ("cat", 0.7), ("dog", 0.4)]
    assert found[0].box == pytest.approx((0.12, 0.1, 0.5, 0.5), abs=1e-6)
    assert found[2].box[2] == 1.0 and found[2].area == pytest.approx(0.4 * 0.3, abs=1e-6), "boxes end at the edge"
    assert detections(boxes, scores * 0, ("dog", "cat"), 0.4, 0.45) == []


corner = st.tuples(*[st.floats(0.0, 0.7)] * 2, *[st.floats(0.05, 0.3)] * 2)


@given(st.lists(st.tuples(corner, st.floats(0.0, 1.0)), min_size=1, max_size=20))
def test_what_stays_does_not_overlap_and_what_goes_does(candidates: list[Any]) -> None:
    boxes = np.array([(x, y, x + w, y + h) for (x, y, w, h), _ in candidates], np.float32)
    scores = np.array([[s] for _, s in candidates], np.float32)
    found = detections(boxes, scores, ("thing",), 0.3, 0.45)
    assert [d.score for d in found] == sorted((d.score for d in found), reverse=True)
    assert all(iou(a.box, b.box) <= 0.45 + 1e-5 for i, a in enumerate(found) for b in found[:i])
    for box, (score,) in zip(boxes, scores, strict=True):
        kept = any(d.score >= score - 1e-6 and iou(tuple(box), d.box) > 0.45 - 1e-5 for d in found)
        assert score < 0.3 or kept, "a candidate is kept, or a better one covers it"


def test_yolo_boxes_are_centres_and_sizes() -> None:
    boxes, scores = np.zeros((1500, 4), np.float32), np.zeros((1500, 80), np.float32)
    boxes[7], scores[7, 16] = (0.5, 0.4, 0.2, 0.6), 0.9
    (dog,) = decode(boxes, scores)
    assert dog.label == "dog" and dog.box == pytest.approx((0.4, 0.1, 0.6, 0.7), abs=1e-6)
    (person,) = decode(boxes, scores[:, 16:17])
    assert person.label == "person"


def port(name: str, shape: list[Any], kind: str = "tensor(float)") -> Any:
    return types.SimpleNamespace(name=name, shape=shape, type=kind)


PICTURE = port("x", ["batch", 3, 64, 48])


def test_the_vector_is_the_output_named_embedding_or_the_only_flat_one() -> None:
    map_, flat, other = port("map", ["batch", 8, 2, 2]), port("flat", ["batch", 8]), port("probs", ["batch", 5])
    assert ports("m", [PICTURE], [map_, flat]) == Ports("x", np.float32, None, 64, 48, "flat")
    assert ports("m", [PICTURE], [other, port("embedding", ["batch", 8])]).embedding == "embedding"
    assert ports("m", [port("x", [1, 3, "h", "w"], "tensor(float16)")], [flat]).dtype == np.float16
    for inputs, outputs in (([PICTURE], [flat, other]), ([PICTURE], [map_]), ([PICTURE, PICTURE], [flat])):
        with pytest.raises(ValueError, match="m should"):
            ports("m", inputs, outputs)
    with pytest.raises(ValueError, match="takes pictures of 1 channels"):
        ports("m", [port("x", [1, 1, 8, 8])], [flat])


def test_pictures_are_prepared_as_the_file_beside_says(tmp_path: Path) -> None:
    left_red = np.zeros((40, 80, 3), np.uint8)
    left_red[:, :20, 0] = 255
    into = ports("m", [PICTURE], [port("embedding", ["batch", 8])])
    plain = prepared([left_red], Preparation(), into)
    assert plain.shape == (1, 3, 64, 48) and plain[0, 0, 0, 0] == 1.0 and plain[0, 2].max() == 0.0
    (tmp_path / "m.json").write_text(
        json.dumps({"size": [10, 10], "resize": "crop", "mean": [1, 0, 0], "std": [0.5, 1, 1]})
    )
    cropped = prepared([left_red], _preparation(tmp_path / "m.json"), into)
    assert cropped.shape == (1, 3, 10, 10) and (cropped[0, 0] == -2.0).all(), (
        "the middle square has no red: (0 - 1) / 0.5"
    )
    (tmp_path / "m.json").write_text('{"average": 1}')
    with pytest.raises(ValueError, match=r"m\.json does not say how pictures are prepared: average"):
        _preparation(tmp_path / "m.json")


@pytest.mark.parametrize("batch", ["batch", 1, 2])
def test_an_onnx_file_embeds_any_number_of_pictures(tmp_path: Path, batch: int | str) -> None:
    path = save_mean_colour(tmp_path / "mean.onnx", batch)
    models, pictures = ModelFolder(str(tmp_path)), [np.full((20, 30, 3), level, np.uint8) for level in (0, 51, 255)]
    pictures[1][..., 2] = 102
    found = models.load("mean.onnx").embed(pictures)
    np.testing.assert_allclose(found, [[0, 0, 0], [0.2, 0.2, 0.4], [1, 1, 1]], atol=1e-6)
    (tmp_path / "mean.json").write_text('{"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.25]}')
    told = find_model(str(path))
    stated = OnnxEmbedder(models.paths(told)).embed(pictures[1:2])
    np.testing.assert_allclose(stated, [[-0.6, -0.6, -0.4]], atol=1e-6)


def test_clip_and_siglip_give_their_image_features(tmp_path: Path) -> None:
    for save, size in ((save_clip, CLIP_SIZE), (save_siglip, SIGLIP_SIZE)):
        model, folder = save(tmp_path / save.__name__)
        found = TransformersEmbedder([folder]).embed([CAT, COFFEE])
        pixels = torch.stack([size.pixels(CAT), size.pixels(COFFEE)])
        with torch.inference_mode():
            expected = model.get_image_features(pixel_values=pixels).pooler_output.numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        assert found.dtype == np.float32 and not np.allclose(found[0], found[1])


def test_dinov2_gives_its_pooled_output(tmp_path: Path) -> None:
    model, folder = save_dino(tmp_path / "dino")
    with torch.inference_mode():
        expected = model(pixel_values=DINO_SIZE.pixels(CAT)[None]).pooler_output.numpy()
    np.testing.assert_allclose(TransformersEmbedder([folder]).embed([CAT]), expected, rtol=1e-4, atol=1e-5)


def test_a_folder_that_is_no_vision_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no config\.json"):
        TransformersEmbedder([tmp_path])


@pytest.mark.parametrize(("save", "name"), [(save_clip, "layers"), (save_siglip, "scoring_head")])
@pytest.mark.parametrize("kind", ["pth", "safetensors"])
def test_an_aesthetic_score_is_what_torch_makes_of_the_head(tmp_path: Path, save: Any, name: str, kind: str) -> None:
    model, folder = save(tmp_path / "tower")
    layers, tensors = head_tensors(name, 16 if save is save_clip else 32, gaps=name == "scoring_head")
    if kind == "pth":
        torch.save(tensors, tmp_path / "head.pth")
    else:
        from safetensors.torch import save_file

        save_file(tensors, tmp_path / "head.safetensors")
    size = CLIP_SIZE if save is save_clip else SIGLIP_SIZE
    with torch.inference_mode():
        vector = model.vision_model(pixel_values=size.pixels(ASTRONAUT)[None]).pooler_output
        vector = model.visual_projection(vector) if save is save_clip else vector
        expected = layers(torch.nn.functional.normalize(vector, dim=-1)).numpy()
    head = AestheticHead([tmp_path / f"head.{kind}", folder / "config.json"])
    np.testing.assert_allclose(head.score([ASTRONAUT]), expected, rtol=1e-4, atol=1e-5)
    assert head.score([]).shape == (0, 1)


def test_a_head_that_is_none_or_not_for_the_tower_is_refused(tmp_path: Path) -> None:
    _, tensors = head_tensors("layers", 8)
    for broken in ({}, {"a": torch.zeros(1)}, {k: v for k, v in tensors.items() if k != "layers.7.bias"}):
        with pytest.raises(ValueError, match="head"):
            head_layers(broken)
    with pytest.raises(ValueError, match="do not follow each other"):
        head_layers(tensors | {"layers.7.weight": torch.zeros(2, 16), "layers.7.bias": torch.zeros(2)})
    torch.save(tensors, tmp_path / "head.pth")
    _, folder = save_clip(tmp_path / "tower")
    with pytest.raises(ValueError, match="the tower gives 16 numbers, the head takes 8"):
        AestheticHead([tmp_path / "head.pth", folder / "config.json"]).score([CAT])


def test_a_pickled_program_is_not_run(tmp_path: Path) -> None:
    torch.save({"layers.0.weight": Path("a class that is no tensor")}, tmp_path / "head.pth")
    with pytest.raises(Exception, match="Weights only load failed"):
        AestheticHead([tmp_path / "head.pth", tmp_path / "config.json"])


def test_identity_follows_the_weights_and_not_the_folder(tmp_path: Path) -> None:
    model = Model("m", 1, "embed", "x:Y", "", "", (Weights("a.onnx"), Weights("a.json", optional=True)))
    one, two = ModelFolder(str(tmp_path / "one")), ModelFolder(str(tmp_path / "two"))
    assert one.identity(model) == "" and one.lacks(model) == "no weights of m"
    for folder in (one, two):
        Path(folder.path).mkdir()
        Path(folder.path, "a.onnx").write_bytes(b"weights")
    before = one.identity(model)
    assert before and before == two.identity(model)
    Path(one.path, "a.json").write_text("{}")
    assert one.identity(model) not in ("", before), "how pictures are prepared is part of the model"
    Path(two.path, "a.onnx").write_bytes(b"weight5")
    assert two.identity(model) != before


def test_models_are_found_by_name_and_by_path() -> None:
    assert all(find_model(m.name) is m for m in MODELS) and len({m.name for m in MODELS}) == len(MODELS)
    assert (
        find_model("/x/sscd.onnx").tasks == ("embed",) and find_model("/x/sscd.onnx").weights[0].path == "/x/sscd.onnx"
    )
    assert find_model("./clip").backend.startswith("transformers_embedder:")
    with pytest.raises(KeyError, match="no model 'clop'; known: yolo-fastest-xl"):
        find_model("clop")


def test_the_catalogue_is_whole() -> None:
    here = Path(__file__).parents[1] / "assets" / "models"
    for model in MODELS:
        assert model.licence and model.about and model.version >= 1
        for module in (model.backend.partition(":")[0], *model.helpers):
            assert (here / f"{module}.py").is_file()
        for weights in model.weights:
            assert weights.sha256 is None or len(weights.sha256) == 64
            assert weights.url is None or weights.url.startswith("https://")
    assert find_model("nsfw-mobilenetv2").tasks == ("score", "embed")


@shipped
def test_a_person_a_face_and_a_cat_are_found() -> None:
    folder = ModelFolder(str(SHARED))
    people, cats, coffee = folder.load("yolo-fastest-xl").detect([ASTRONAUT, CAT, COFFEE])
    assert (people[0].label, cats[0].label) == ("person", "cat") and "cup" in {d.label for d in coffee}
    bodies = folder.load("yolo-fastest-body").detect([ASTRONAUT, COFFEE])
    assert bodies[0][0].label == "person" and iou(bodies[0][0].box, people[0].box) > 0.7 and bodies[1] == []
    (face,), none = folder.load("ultralight-face").detect([ASTRONAUT, COFFEE])
    x0, y0, x1, y1 = face.box
    assert 0.3 < x0 < x1 < 0.6 and 0.1 < y0 < y1 < 0.45 and none == []


@shipped
def test_the_nsfw_model_scores_and_embeds_one_picture_as_many() -> None:
    folder = ModelFolder(str(SHARED))
    model = folder.load("nsfw-mobilenetv2")
    scores, vectors = model.score([ASTRONAUT, CAT]), model.embed([ASTRONAUT, CAT])
    assert scores.shape == (2, 5) and scores.sum(axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert scores.argmax(axis=1).tolist() == [2, 2] and vectors.shape == (2, 1280) and (vectors >= 0).all()
    assert (model.score([CAT]) == scores[1:]).all() and (model.embed([CAT]) == vectors[1:]).all()
    by_path = folder.load(str(SHARED / "nsfw-mobilenetv2.onnx"))
    np.testing.assert_array_equal(by_path.embed([ASTRONAUT, CAT]), vectors)
    assert all(m.embed([]).shape[0] == 0 for m in (model, by_path))


@shipped
def test_the_shipped_files_are_those_of_the_catalogue() -> None:
    from assets.models.pull import here

    listed = [w for m in MODELS for w in m.weights if w.url is None and not w.optional]
    assert len(listed) == 4 and all(here(SHARED, w) == w.sha256 for w in listed)
