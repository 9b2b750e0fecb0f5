"""The captions of a shard: facts without a model, rows that are kept, two captioners, clips without pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from caption_server import CaptionStub, asking, captioned, clip, drawing, keyframes, said
from synthetic import Silent

from assets.captions.caption_shard import Captioner, caption_shard
from assets.captions.measured import measured_caption
from assets.captions.options import CaptionOptions
from assets.captions.schema import FIELDS
from assets.captions.tables import CAPTIONS
from assets.measuring.clip_view import Keyframe, Unmeasured
from assets.store import rows_to_table
from assets.work import Counts

Row = dict[str, Any]
BARE: Row = {
    "orientation": "landscape", "crop_w": 1280, "crop_h": 720, "short_side": 600, "duration_s": 6.2401, "fps": 24.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("more", "short"),
    [
        ({}, "A 6.2 s landscape clip at 1280x720, 24 fps."),
        ({"fps": 23.976}, "A 6.2 s landscape clip at 1280x720, 23.98 fps."),
        ({"camera_labels": "pan right", "camera_confidence": 0.9}, "A 6.2 s landscape clip at 1280x720, 24 fps; the camera pans right."),
        ({"camera_labels": "pan right", "camera_confidence": 0.2}, "A 6.2 s landscape clip at 1280x720, 24 fps."),
        ({"title": 'The "old"\nharbour'}, 'A 6.2 s landscape clip at 1280x720, 24 fps, from a video titled "The \\"old\\" harbour".'),
        ({"title": "word " * 40}, f'A 6.2 s landscape clip at 1280x720, 24 fps, from a video titled "{"word " * 14}word...".'),
        ({"fps": None, "duration_s": 0.0, "orientation": "portrait"}, "A portrait picture at 1280x720."),
    ],
)  # fmt: skip
def test_facts_are_told_as_they_are(more: Row, short: str) -> None:
    assert measured_caption(BARE | more, CaptionOptions())["short"] == short


def test_what_nothing_measures_stays_empty() -> None:
    (row,) = captioned([clip(0) | BARE], CaptionOptions())
    assert {k for k, v in row.items() if v is not None} == {
        "clip_id", "caption_status", "captioner", "caption_recipe", "caption_version", "caption_attempts", "short",
    }  # fmt: skip
    assert (row["caption_status"], row["captioner"], row["caption_attempts"]) == ("ok", "measured", 0)


def test_tags_come_from_the_manifest_and_from_scores() -> None:
    told = BARE | {"source": "archive", "tags": "sea, harbour; sea|night\n", "sharpness": 300.0, "short_side": 1080}
    told |= {"static_ratio": 1.0, "aesthetic_laion": 5.5, "motion_mean": 1.49, "colorfulness": None, "slideshow": 0.49}
    caption = measured_caption(told, CaptionOptions())
    assert caption["source_tags"] == ["archive", "sea", "harbour", "night"]
    assert caption["quality_tags"] == ["full hd", "sharp", "little motion", "static", "good aesthetics"]
    assert caption["camera"] is None
    assert measured_caption(BARE, CaptionOptions())["quality_tags"] is None


def test_measured_rows_are_made_anew_with_every_run_and_ask_for_no_picture() -> None:
    def no_pictures(of: Row) -> tuple[Keyframe, ...]:
        raise AssertionError("nobody looks at pictures here")

    clips = [clip(i) for i in range(50)]
    progress, counts = Silent(), Counts()
    first = list(caption_shard(clips, no_pictures, {}, CaptionOptions(), progress, "shard", counts))
    assert [r["clip_id"] for r in first] == [c["clip_id"] for c in clips]
    assert (counts.rows, counts.computed, counts.failed) == (50, 50, 0)
    assert (progress.items, progress.done, progress.ended) == (50, 50, 1)
    moved = [c | {"camera_labels": "tilt up", "camera_confidence": 1.0} for c in clips]
    again = captioned(moved, CaptionOptions(), previous={r["clip_id"]: r for r in first})
    assert all(r["camera"] == ["tilt up"] and "tilts up" in r["short"] for r in again)
    assert captioned([], CaptionOptions()) == [] and rows_to_table(CAPTIONS, again).num_rows == 50


def test_rows_of_the_same_recipe_are_kept_with_new_facts() -> None:
    clips = [clip(i) for i in range(6)]
    with CaptionStub({drawing(1): "refusal", drawing(2): "500"}) as stub:
        options = asking(stub, retries=0)
        first = captioned(clips, options)
        previous = {r["clip_id"]: r for r in first}
        assert [r["caption_status"] for r in first] == ["ok", "refused", "error", "ok", "ok", "ok"]
        stub.requests.clear()
        counts = Counts()
        tagged = [c | {"tags": "new", "camera_labels": "zoom in", "camera_confidence": 0.9} for c in clips]
        again = captioned(
            tagged, replace(options, concurrency=2, camera_confidence=0.8), previous=previous, counts=counts
        )
        assert not stub.requests and (counts.computed, counts.reused, counts.failed) == (0, 6, 2)
        assert again == [r | {"source_tags": ["new"], "camera": ["zoom in"]} for r in first]
        stub.plan.clear()
        healed = captioned(clips, options, previous=previous, retry_failed=True)
        assert len(stub.requests) == 2 and all(r["caption_status"] == "ok" for r in healed)
        stub.requests.clear()
        for other in ({"model": "n"}, {"images": 3}, {"revision": "fp8"}, {"hint_title": False}):
            assert all(r["caption_attempts"] for r in captioned(clips, replace(options, **other), previous=previous))
        assert len(stub.requests) == 24
        facts = captioned(clips, CaptionOptions(), previous=previous)
        assert {r["captioner"] for r in facts} == {"measured"} and not any(r["dense"] for r in facts)


def test_two_captioners_share_the_clips_and_one_can_be_replaced() -> None:
    clips = [clip(i) for i in range(60)]
    with CaptionStub() as stub:
        options = asking(stub, second_model="large", second_share=0.3)
        first = captioned(clips, options)
        assert {r.body["model"] for r in stub.requests} == {"m", "large"}
        by = {r["clip_id"]: r["captioner"] for r in first}
        large = [c for c in by if by[c] == "openai:large"]
        assert 8 <= len(large) <= 30 and set(by.values()) == {"openai:m", "openai:large"}
        assert [r["dense"] for r in first] == [said(drawing(i))["dense"] for i in range(60)]
        stub.requests.clear()
        other = replace(options, second_model="larger")
        again = captioned(clips, other, previous={r["clip_id"]: r for r in first})
        assert len(stub.requests) == len(large) and {r.body["model"] for r in stub.requests} == {"larger"}
        stub.requests.clear()
        more = captioned(clips, replace(other, second_share=0.5), previous={r["clip_id"]: r for r in again})
        moved = sum(a["captioner"] != b["captioner"] for a, b in zip(again, more, strict=True))
        assert 0 < moved == len(stub.requests) < 30, "a larger share keeps the clips of the smaller one"
    assert (
        Captioner.of(clips[0]["clip_id"], options).recipe != Captioner.of(clips[0]["clip_id"], CaptionOptions()).recipe
    )


def test_clips_without_pictures_have_a_reason_and_cost_nobody_else() -> None:
    def some(of: Row) -> tuple[Keyframe, ...]:
        if of["number"] == 1:
            return ()
        if of["number"] == 2:
            raise Unmeasured("keyframes were dropped")
        if of["number"] == 3:
            return (Keyframe(1, 10.0, b"no jpeg"),)
        return keyframes(of)

    with CaptionStub() as stub:
        rows = list(caption_shard([clip(i) for i in range(5)], some, {}, asking(stub), Silent(), "shard"))
    assert [r["caption_status"] for r in rows] == ["ok", "error", "error", "error", "ok"]
    assert [r["error"] for r in rows[1:4]] == [
        "no keyframe inside the clip",
        "keyframes were dropped",
        "pictures: ValueError: keyframe 1 is no picture",
    ]
    assert all(r[f] is None for r in rows[1:4] for f in FIELDS) and all(r["caption_attempts"] == 0 for r in rows[1:4])


def test_rows_come_in_order_however_answers_come() -> None:
    clips = [clip(i) for i in range(60)]
    with CaptionStub({drawing(i): "late" for i in range(0, 60, 7)}) as stub:
        one, other = captioned(clips, asking(stub)), captioned(clips, asking(stub, concurrency=3))
    assert one == other and [r["dense"] for r in one] == [said(drawing(i))["dense"] for i in range(60)]


def test_answers_are_told_as_they_come_and_faults_of_the_server_are_not() -> None:
    clips = [clip(i) for i in range(8)]
    with CaptionStub({drawing(0): "late", drawing(3): "500", drawing(5): "refusal"}) as stub:
        told: list[Row | None] = []
        rows = captioned(clips, asking(stub, retries=0), finished=told.append)
        came = [r for r in told if r is not None]
        assert came[0] != rows[0] and sorted(map(str, came)) == sorted(str(r) for r in rows if r is not rows[3])
        told.clear()
        captioned(clips, asking(stub, retries=0), finished=told.append, previous={r["clip_id"]: r for r in rows})
        assert told == [], "rows that are kept are no answers"
