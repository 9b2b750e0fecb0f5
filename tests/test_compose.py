"""Training texts from caption rows: the two papers' forms, their chances, camera words, and who captions which clip."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.captions.camera import CLAUSES, class_words, clause, confident_labels, prefix
from assets.captions.compose import (
    HUNYUAN_VIDEO,
    MOVIE_GEN,
    Mix,
    hunyuan_fields,
    hunyuan_text,
    movie_gen_text,
)
from assets.captions.hygiene import sentences
from assets.captions.split import is_second, unit
from assets.filter_scores.scorers.camera_words import HUNYUAN_CLASSES, LABELS, MOVIE_GEN_CLASSES
from assets.store import fingerprint

Row = dict[str, Any]
DENSE = "A man rows a red boat. He rests his oars. A bird lands on the bow. He smiles at it."


def row(number: int = 0, **more: Any) -> Row:
    told = {
        "clip_id": fingerprint("clip", number), "caption_status": "ok", "captioner": "openai:m",
        "short": "A man rows a boat.", "dense": DENSE, "background": "A lake.", "style": "realistic",
        "shot_type": "extreme_close_up", "lighting": "Soft light.", "atmosphere": "calm",
        "camera": ["pan right", "zoom in"], "source_tags": ["travel"], "quality_tags": ["sharp"],
    }  # fmt: skip
    return told | more


rows = st.builds(row, st.integers(0, 10**9), camera=st.none() | st.lists(st.sampled_from(LABELS), unique=True))
ONLY_LONG = Mix(1, 0, 0)
JUST_TEXT = replace(MOVIE_GEN, camera=False)


@given(rows, st.integers(0, 5), st.integers(0, 5))
def test_the_same_seed_gives_the_same_text(told: Row, epoch: int, seed: int) -> None:
    movie, hunyuan = replace(MOVIE_GEN, seed=seed), replace(HUNYUAN_VIDEO, seed=seed)
    assert movie_gen_text(told, movie, epoch) == movie_gen_text(dict(told), movie, epoch)
    assert hunyuan_text(told, hunyuan, epoch) == hunyuan_text(dict(told), hunyuan, epoch)
    json.loads(str(hunyuan_text(told, hunyuan, epoch)))


@given(rows, st.integers(0, 50), st.booleans())
def test_short_is_never_dropped_and_nothing_is_empty_or_new(told: Row, epoch: int, permute: bool) -> None:
    every = replace(HUNYUAN_VIDEO, dropped=tuple((n, 1.0) for n, _ in HUNYUAN_VIDEO.dropped), permute=permute)
    for recipe in (HUNYUAN_VIDEO, every):
        fields = hunyuan_fields(told, recipe, epoch)
        assert fields and next(iter(fields)) == "short description" and fields["short description"] == told["short"]
        assert all(fields.values())
    assert set(hunyuan_fields(told, every, epoch) or {}) <= {"short description", "dense description"}


@given(rows, st.integers(0, 50))
def test_a_truncated_text_ends_with_a_sentence(told: Row, epoch: int) -> None:
    cut = movie_gen_text(told, replace(JUST_TEXT, mix=Mix(0, 0, 1)), epoch)
    assert cut and DENSE.startswith(cut) and cut.endswith(".") and 1 <= len(sentences(cut)) < len(sentences(DENSE))
    assert movie_gen_text(told | {"dense": "One."}, replace(JUST_TEXT, mix=Mix(0, 0, 1)), epoch) == "One."


def test_the_shares_are_those_of_the_recipe() -> None:
    kinds: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    orders = set()
    for i in range(4000):
        text = str(movie_gen_text(row(i), JUST_TEXT))
        kinds["long" if text == DENSE else "short" if text == "A man rows a boat." else "truncated"] += 1
        fields = list(hunyuan_fields(row(i), replace(HUNYUAN_VIDEO, mix=ONLY_LONG)) or {})
        dropped.update({"dense description", *(n for n, _ in HUNYUAN_VIDEO.dropped)} - set(fields))
        orders.add(tuple(fields))
    assert {k: n / 4000 for k, n in kinds.items()} == pytest.approx(
        {"long": 0.5, "short": 0.3, "truncated": 0.2}, abs=0.03
    )
    asked = {name: share for name, share in HUNYUAN_VIDEO.dropped if share}
    assert {k: n / 4000 for k, n in dropped.items()} == pytest.approx(asked, abs=0.03)
    assert len(orders) > 3000


@given(rows, st.floats(0, 1), st.floats(0, 1))
def test_a_greater_chance_drops_more_and_the_others_stay(told: Row, one: float, other: float) -> None:
    small, large = sorted((one, other))

    def kept(chance: float) -> list[str]:
        recipe = replace(HUNYUAN_VIDEO, dropped=(*HUNYUAN_VIDEO.dropped, ("background", chance)))
        return list(hunyuan_fields(told, recipe) or {})

    assert [n for n in kept(small) if n != "background"] == [n for n in kept(large) if n != "background"]
    assert ("background" in kept(large)) <= ("background" in kept(small))


def test_epochs_differ() -> None:
    assert len({hunyuan_text(row(), epoch=e) for e in range(20)}) > 10
    assert len({movie_gen_text(row(), epoch=e) for e in range(20)}) > 2


def test_the_movie_gen_form() -> None:
    recipe = replace(MOVIE_GEN, mix=ONLY_LONG, fps_token=True)
    assert movie_gen_text(row(), recipe, fps=23.976) == f"FPS-24. Pan right, zoom in. {DENSE}"
    assert movie_gen_text(row(camera=None), recipe) == DENSE
    assert movie_gen_text(row(camera=["roll clockwise"]), recipe) == DENSE, "no class of Movie Gen"
    assert movie_gen_text(row(dense=None), recipe) == "Pan right, zoom in. A man rows a boat."
    facts = row(captioner="measured", dense=None, short="A 5.0 s clip; the camera pans right and zooms in.")
    assert movie_gen_text(facts, recipe) == facts["short"], "its sentence names the movement already"


def test_the_hunyuan_form() -> None:
    recipe = replace(HUNYUAN_VIDEO, mix=ONLY_LONG, dropped=(), permute=False)
    assert hunyuan_fields(row(camera=["roll clockwise"]), recipe) == {
        "short description": "A man rows a boat.", "dense description": DENSE, "background": "A lake.",
        "style": "realistic", "shot type": "extreme close up", "lighting": "Soft light.", "atmosphere": "calm",
        "camera movement": ["tilt right"], "source tags": ["travel"], "quality tags": ["sharp"],
    }  # fmt: skip
    nothing = dict.fromkeys(("dense", "background", "lighting", "atmosphere", "camera", "source_tags", "quality_tags"))
    bare = row(style="other", shot_type=None, **nothing)
    assert hunyuan_text(bare) == '{"short description": "A man rows a boat."}'


@pytest.mark.parametrize("status", ["refused", "bad_json", "truncated", "looped", "error"])
def test_no_caption_is_no_text(status: str) -> None:
    lost = row(caption_status=status, short=None, dense=None)
    assert movie_gen_text(lost) is None and hunyuan_text(lost) is None


@pytest.mark.parametrize("mix", [Mix(0, 0, 0), Mix(-1, 1, 1)])
def test_shares_that_are_none(mix: Mix) -> None:
    with pytest.raises(ValueError, match="shares"):
        mix.pick(0.5)


def test_camera_phrases_map_back_to_their_labels() -> None:
    assert set(CLAUSES) == set(LABELS) and len(set(CLAUSES.values())) == len(LABELS)
    back = {said: label for label, said in CLAUSES.items()}
    for label in LABELS:
        assert back[clause([label]).removeprefix("the camera ")] == label
    words = class_words(list(LABELS), "movie_gen")
    assert set(words) <= set(MOVIE_GEN_CLASSES) and set(class_words(list(LABELS), "hunyuan")) <= set(HUNYUAN_CLASSES)
    assert prefix(words).removesuffix(".").lower().split(", ") == words
    assert clause(["pan right", "tilt up", "zoom in"]) == "the camera pans right, tilts up and zooms in"
    assert prefix([]) == clause([]) == "" and class_words(None, "hunyuan") == []


@pytest.mark.parametrize(
    ("labels", "confidence", "told"),
    [
        ("pan right, zoom in", 0.7, ["pan right", "zoom in"]),
        ("pan right", 0.69, []),
        ("pan right", None, []),
        (None, 0.9, []),
        ("", 1.0, []),
    ],
)
def test_only_confident_labels_are_told(labels: str | None, confidence: float | None, told: list[str]) -> None:
    assert confident_labels({"camera_labels": labels, "camera_confidence": confidence}, 0.7) == told
    assert confident_labels({}, 0.0) == []


@given(st.text(), st.floats(0, 1), st.floats(0, 1), st.integers(0, 9))
def test_a_share_is_nested(clip_id: str, one: float, other: float, seed: int) -> None:
    small, large = sorted((one, other))
    assert is_second(clip_id, small, seed) <= is_second(clip_id, large, seed)
    assert not is_second(clip_id, 0, seed) and is_second(clip_id, 1, seed) and 0 <= unit(clip_id) < 1


def test_a_share_is_its_share_and_stable() -> None:
    ids = [fingerprint(i) for i in range(5000)]
    chosen = [is_second(i, 0.3, 0) for i in ids]
    assert sum(chosen) / 5000 == pytest.approx(0.3, abs=0.02)
    both = sum(a and is_second(i, 0.3, 1) for a, i in zip(chosen, ids, strict=True)) / 5000
    assert both == pytest.approx(0.09, abs=0.015), "another seed chooses independently"
    assert [n for n in range(20) if chosen[n]] == [n for n in range(20) if is_second(fingerprint(n), 0.3, 0)]
