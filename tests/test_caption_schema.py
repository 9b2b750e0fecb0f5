"""The schema of captions, what hygiene takes away, and how answers of every kind are read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.captions.answer import read_answer
from assets.captions.hygiene import clean, is_refusal, is_sentinel, loop, tidy, without_openers, without_thinking
from assets.captions.options import CONNECTION, CaptionOptions
from assets.captions.schema import FIELDS, PROSE, SHOT_TYPES, STYLES, VERSION, json_schema, response_format
from assets.captions.tables import CAPTIONS

GOOD = {
    "short": "A man rows a red boat across a lake.",
    "dense": "A man in a grey coat rows a red boat from left to right. Then he rests his oars and looks up.",
    "background": "",
    "style": "realistic",
    "shot_type": "long",
    "lighting": "",
    "atmosphere": "calm",
}


def read(text: str | None, finish: str | None = "stop", refusal: str | None = None) -> tuple[str, str]:
    answer = read_answer(text, refusal, finish)
    assert (answer.status in ("ok", "repaired")) == (answer.reason is None) == bool(answer.fields)
    return answer.status, answer.reason or json.dumps(answer.fields)


def test_the_schema_is_strict_and_bounded() -> None:
    schema = json_schema()
    assert schema["additionalProperties"] is False and schema["required"] == list(FIELDS) == list(schema["properties"])
    for name, said in schema["properties"].items():
        assert said["type"] == "string" and ("maxLength" in said) == (name in PROSE) != ("enum" in said)
    assert schema["properties"]["style"]["enum"] == list(STYLES) and "other" in STYLES and "other" in SHOT_TYPES
    assert "camera" not in json.dumps(schema) and set(FIELDS) <= set(CAPTIONS.names)
    assert "maxLength" not in json.dumps(json_schema(lengths=False))
    assert response_format()["json_schema"]["name"] == f"caption_v{VERSION}"


def test_a_good_answer_is_taken_as_it_is() -> None:
    assert read(json.dumps(GOOD)) == ("ok", json.dumps(GOOD))
    assert read(json.dumps(GOOD, indent=2)) == ("ok", json.dumps(GOOD))
    assert read("<think>\nHm, {}.\n</think>\n" + json.dumps(GOOD)) == ("ok", json.dumps(GOOD))


@pytest.mark.parametrize(
    ("text", "finish", "refusal", "status"),
    [
        (json.dumps(GOOD), "length", None, "truncated"),
        (json.dumps(GOOD), "content_filter", None, "refused"),
        (json.dumps(GOOD), "stop", "No.", "refused"),
        (json.dumps(GOOD), "tool_calls", None, "error"),
        (json.dumps(GOOD), None, None, "error"),
        (None, "stop", None, "bad_json"),
        ("", "stop", None, "bad_json"),
        ("null", "stop", None, "bad_json"),
        ("[]", "stop", None, "bad_json"),
        ("[" * 100_000, "stop", None, "looped"),
        ('{"a":' * 3000 + "}", "stop", None, "looped"),
        ("787878" * 30, "stop", None, "looped"),
        ("!" * 300, "stop", None, "looped"),
        ("I cannot help with that {}", "stop", None, "refused"),
        (json.dumps(GOOD)[:-2] + ',"x":"}', "stop", None, "bad_json"),
        (json.dumps(GOOD | {"style": 3}), "stop", None, "bad_json"),
        (json.dumps(GOOD | {"short": ["A boat."]}), "stop", None, "bad_json"),
        (json.dumps(GOOD | {"short": "As an AI I see no boat."}), "stop", None, "refused"),
        (json.dumps(GOOD | {"dense": "The camera pans slowly to the right."}), "stop", None, "bad_json"),
        (json.dumps(GOOD | {"dense": "a b c d " * 300}), "stop", None, "looped"),
        (json.dumps({k: v for k, v in GOOD.items() if k != "lighting"}), "stop", None, "bad_json"),
        (json.dumps(GOOD)[:-1] + ",}", "stop", None, "repaired"),
        (json.dumps(GOOD).replace('"', "'"), "stop", None, "repaired"),
        (json.dumps(GOOD | {"style": " Realistic "}), "stop", None, "repaired"),
        (json.dumps(GOOD | {"shot_type": "Extreme close-up shot"}), "stop", None, "repaired"),
    ],
)
def test_what_is_no_good_answer_has_a_status(text: Any, finish: str | None, refusal: str | None, status: str) -> None:
    assert read(text, finish, refusal)[0] == status


def test_words_outside_the_lists_become_other() -> None:
    fields = read_answer(json.dumps(GOOD | {"style": "vaporwave", "shot_type": "Close-up"}), None, "stop").fields
    assert (fields["style"], fields["shot_type"]) == ("other", "close_up")


@pytest.mark.parametrize("at", range(5, len(json.dumps(GOOD)), 7))
def test_a_cut_answer_is_never_a_caption(at: int) -> None:
    """Even when the server says that it ended well."""
    assert read(json.dumps(GOOD)[:at])[0] == "bad_json"


@given(st.text(), st.sampled_from(["stop", "length", None]))
def test_no_answer_raises(text: str, finish: str | None) -> None:
    read(text, finish)
    read(json.dumps(GOOD | {"short": text}), finish)
    read(json.dumps({text: text}), finish)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("The video shows a man running.", "A man running."),
        ("This short video clip clearly depicts a dog.", "A dog."),
        ("In this video, we can see a red car.", "A red car."),
        ("In the scene, a red car turns.", "A red car turns."),
        ("The scene opens with a sunrise.", "A sunrise."),
        ("In this clip, the scene shows that it rains.", "It rains."),
        ("We see a cat. The video then shows a dog.", "A cat. A dog."),
        ("The camera captures a woman who sings.", "A woman who sings."),
        ("A video of a wedding.", "A wedding."),
        ("the footage shows éclairs.", "Éclairs."),
        # not stock openers
        ("The video game shows a knight.", "The video game shows a knight."),
        ("The image is dark.", "The image is dark."),
        ("A picture of a dog hangs on the wall.", "A picture of a dog hangs on the wall."),
        ("In the picture on the wall a man rows.", "In the picture on the wall a man rows."),
        ("The video shows.", "The video shows."),
        ("A man shows the video to a friend.", "A man shows the video to a friend."),
    ],
)
def test_stock_openers(text: str, left: str) -> None:
    assert without_openers(text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("A cat sleeps. The camera pans slowly to the right. It wakes.", "A cat sleeps. It wakes."),
        ("A cat sleeps. Throughout, the camera remains static.", "A cat sleeps."),
        ("The camera is stationary. A cat sleeps.", "A cat sleeps."),
        ("A cat sleeps. There is no text in the picture.", "A cat sleeps."),
        ("A cat sleeps. No people are visible.", "A cat sleeps."),
        ("A photographer lifts the camera.", "A photographer lifts the camera."),
        ("The camera is on a tripod beside him.", "The camera is on a tripod beside him."),
        ("A sign says that there is no exit.", "A sign says that there is no exit."),
        ("No man is an island, he reads.", "No man is an island, he reads."),
        ("Unknown caption", ""),
        (" N/A. ", ""),
        ("...", ""),
    ],
)
def test_stock_sentences(text: str, left: str) -> None:
    assert tidy(clean(text)) == left


@given(st.text())
def test_cleaned_text_is_one_line_that_any_file_can_hold(text: str) -> None:
    told = clean(text)
    told.encode()
    assert told == clean(told) and "\n" not in told and "\0" not in told and not told.startswith(" ")
    assert tidy(told) == tidy(tidy(told))


def test_thinking_refusals_and_sentinels() -> None:
    assert without_thinking("<think>a</think> b") == "b" and without_thinking("a</think>b") == "b"
    assert without_thinking("<think>a") is None and without_thinking(" a ") == "a"
    for text in ("I'm sorry, but", "I’m sorry", "I can't", "I cannot do", "As an AI model", "Unfortunately, I am"):  # noqa: RUF001
        assert is_refusal(text)
    for text in ("A man says I'm sorry.", "As an airplane lands, it rains.", "I can see a dog."):
        assert not is_refusal(text)
    assert is_sentinel("none") and not is_sentinel("None of the three dogs moves.")


LONG = (
    "A woman in a yellow raincoat walks along a wet street with a small brown dog. She stops at a shop window, wipes "
    "the glass with her sleeve and looks inside. Behind her a tram passes from left to right and its bell rings. The "
    "dog pulls at the leash, sniffs at a paper bag and wags its tail. Then she laughs, bends down, lifts the dog and "
    "holds it up to the window, where a man behind the counter waves with a loaf of bread in his hand. "
)


def test_loops() -> None:
    assert loop(LONG) is None and loop("") is None
    assert (
        loop("A red car, a blue car, a green car, a red bus, a blue bus and a green bus pass one after the other.")
        is None
    )
    assert loop(LONG + "She walks. " * 60) and loop(LONG * 4) and loop("ha" * 40) and loop("no" + " " * 300)
    assert (
        loop("雨の日に女性が傘をさして通りを歩き、犬が後ろからついてくる。" * 8)
        and loop("雨の日に女性が傘をさして歩く。") is None
    )


@given(st.integers(1, 12), st.integers(12, 40))
def test_a_phrase_that_never_ends_is_found_whatever_its_length(words: int, times: int) -> None:
    phrase = " ".join(f"word{i}" for i in range(words))
    assert loop(f"{LONG}{' '.join([phrase] * max(times, 160 // words))}")


def test_options_say_what_is_wrong_with_them() -> None:
    assert CaptionOptions().captioner == "measured"
    good = {"captioner": "openai", "base_url": "http://localhost:8000/v1", "model": "m"}
    asked = CaptionOptions(**good)  # type: ignore[arg-type]
    for wrong in (
        {"model": ""}, {"base_url": ""}, {"base_url": "localhost:8000"}, {"base_url": "file:///etc/passwd"},
        {"base_url": "http://user:pass@host/v1"}, {"base_url": "http://host/v1?key=1"}, {"images": 0},
        {"base_url": "http://host:0/v1"}, {"second_share": 1.5}, {"camera_confidence": -0.1}, {"concurrency": 0}, {"long_side": 1000},
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"captions.{next(iter(wrong))}") as error:
            CaptionOptions(**(good | wrong))  # type: ignore[arg-type]
        assert "user:pass" not in str(error.value) and "key=1" not in str(error.value)
    assert not CONNECTION & set(asked.recipe()) and set(vars(asked)) > CONNECTION
    elsewhere = CaptionOptions(**(good | {"base_url": "http://other/v1", "concurrency": 64}))  # type: ignore[arg-type]
    assert elsewhere.recipe() == asked.recipe()
