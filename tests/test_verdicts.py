"""The demo's judgement against views filled by hand: what is caught counts, and what is missed is said."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from demo.facts import Facts, facts_by_file
from demo.verdicts import (
    Boundary,
    HasCamera,
    HasCropBox,
    HasOrientation,
    HasShots,
    HasStatus,
    Ignored,
    Measures,
    RejectedBy,
    SameGroupAs,
    SameVideoAs,
    Survives,
)

CLIP = {"orientation": "landscape", "crop_x": 0, "crop_y": 92, "crop_w": 1280, "crop_h": 537}


def clips(*spans: tuple[int, int, str]) -> tuple[dict[str, Any], ...]:
    """One clip a span of (first frame of the shot, first after it, boundary_out)."""
    return tuple(
        {**CLIP, "clip_id": str(i), "shot_start_frame": start, "shot_end_frame": end, "boundary_out": out}
        for i, (start, end, out) in enumerate(spans)
    )


def failed(rule: str, *clip_ids: str) -> tuple[dict[str, Any], ...]:
    return tuple({"clip_id": i, "tier": "tier_1", "rule": rule, "value": 1.25, "bound": 2} for i in clip_ids)


def test_status_and_ignored() -> None:
    facts = Facts(status="truncated", error="packets end early")
    assert HasStatus("truncated").judge(facts).ok
    assert not HasStatus("corrupt").judge(facts).ok and not HasStatus("ok").judge(None).ok
    assert Ignored().judge(None).ok and not Ignored().judge(facts).ok


def test_every_clip_must_be_failed_by_a_named_rule() -> None:
    two = clips((0, 50, "cut"), (50, 90, "end"))
    rule = RejectedBy(("motion_mean.min", "static_ratio.max"))
    assert rule.judge(Facts(clips=two, fails=failed("motion_mean.min", "0", "1"))).ok
    half = rule.judge(Facts(clips=two, fails=failed("motion_mean.min", "0")))
    assert not half.ok and half.found == "motion_mean.min: 1.25, bound 2 (tier_1)"
    other = rule.judge(Facts(clips=two, fails=failed("sharpness.min", "0", "1")))
    assert not other.ok and other.found == "failed by sharpness.min"
    assert not rule.judge(Facts()).ok


@pytest.mark.parametrize(
    ("found", "ok"),
    [
        (((0, 90, "cut"), (90, 165, "dissolve"), (189, 265, "end")), True),
        (((0, 92, "cut"), (92, 163, "dissolve"), (191, 265, "end")), True),
        (((0, 93, "cut"), (93, 165, "dissolve"), (189, 265, "end")), False),
        (((0, 90, "cut"), (90, 165, "fade"), (189, 265, "end")), False),
        (((0, 90, "cut"), (90, 265, "end")), False),
        (((0, 90, "chop"), (0, 90, "cut"), (90, 165, "dissolve"), (189, 265, "end")), True),
    ],
)
def test_shots(found: tuple[tuple[int, int, str], ...], ok: bool) -> None:
    expected = HasShots((Boundary("cut", 90, 90), Boundary("dissolve", 165, 189)))
    assert expected.judge(Facts(clips=clips(*found))).ok is ok
    assert str(expected) == "cut 90, dissolve [165, 189)"


def test_one_shot_may_be_chopped_but_not_cut() -> None:
    assert HasShots().judge(Facts(clips=clips((0, 90, "chop"), (0, 90, "end")))).ok
    assert not HasShots().judge(Facts(clips=clips((0, 40, "cut"), (40, 90, "end")))).ok
    assert not HasShots().judge(Facts()).ok


def test_box_orientation_score_and_survival() -> None:
    facts = Facts(clips=clips((0, 90, "end")), scores=({"motion_mean": 4.5},), in_tier_3=1)
    assert HasCropBox(0, 90, 1280, 540).judge(facts).ok and not HasCropBox(0, 97, 1280, 540).judge(facts).ok
    assert HasOrientation("landscape").judge(facts).ok and not HasOrientation("portrait").judge(facts).ok
    assert Measures("motion_mean", 4).judge(facts).ok and not Measures("motion_mean", 6).judge(facts).ok
    assert not Measures("motion_mean", 4).judge(Facts(scores=({"motion_mean": None},))).ok
    assert Survives().judge(facts).ok and not Survives().judge(Facts(fails=failed("sharpness.min", "0"))).ok
    for expectation in (HasCropBox(0, 0, 1, 1), HasOrientation("square"), Measures("x", 1), Survives(), HasShots()):
        assert not expectation.judge(None).ok


def test_an_id_among_the_bounds_is_shortened() -> None:
    row = {"clip_id": "0", "tier": "tier_2", "rule": "group_id.keep_best", "value": "ab" * 16, "bound": "clarity"}
    found = RejectedBy(("group_id.keep_best",)).judge(Facts(clips=clips((0, 90, "end")), fails=(row,)))
    assert found.ok and found.found == "group_id.keep_best: abababab..., bound clarity (tier_2)"


@pytest.mark.parametrize(
    ("told", "ok"),
    [
        (["tilt up"], True),
        (["tilt up", "tilt up"], True),
        (["tilt up", "tilt down"], False),
        (["tilt up, handheld"], False),
        ([None], False),
        ([], False),
    ],
)
def test_every_clip_must_have_the_camera_labels_and_no_other(told: list[str | None], ok: bool) -> None:
    expected = HasCamera(("tilt up",))
    assert expected.judge(Facts(scores=tuple({"camera_labels": labels} for labels in told))).ok is ok
    assert expected.columns == ("camera_labels",) and str(expected) == "camera tilt up"


def test_labels_are_a_set() -> None:
    two = HasCamera(("handheld", "pan left"))
    assert two.judge(Facts(scores=({"camera_labels": "pan left, handheld"},))).ok
    assert two.judge(Facts(scores=({"camera_labels": "pan left"},))).found == "camera pan left"
    assert not two.judge(None).ok


def test_a_copy_is_one_video_with_two_files() -> None:
    same = SameVideoAs("a.mp4")
    assert same.judge(Facts(uri_count=2, same_video=("a.mp4",))).ok
    assert not same.judge(Facts(uri_count=1, same_video=("a.mp4",))).ok
    assert not same.judge(Facts(uri_count=3, same_video=("a.mp4", "b.mp4"))).ok
    alone = same.judge(Facts(uri_count=1))
    assert not alone.ok and alone.found == "uri_count 1, with no other file" and not same.judge(None).ok


def test_every_clip_must_be_grouped_with_the_one_file() -> None:
    group = SameGroupAs("a.mp4")

    def of(*mates: tuple[str, ...]) -> Facts:
        return Facts(clips=tuple({"mates": names} for names in mates))

    assert group.judge(of(("a.mp4",), ("a.mp4",))).ok
    assert not group.judge(of(("a.mp4",), ())).ok
    strangers = group.judge(of(("a.mp4", "b.mp4")))
    assert not strangers.ok and strangers.found == "grouped with a.mp4, b.mp4"
    assert not group.judge(Facts()).ok and not group.judge(None).ok


def test_facts_come_from_the_views() -> None:
    """a.mp4 and its copy are one video; c.mp4 shows what its first clip shows; one file is gone."""
    con = duckdb.connect()
    con.execute("CREATE TABLE sources AS FROM (VALUES ('/in/a.mp4', 'v1', NULL), ('/in/copy.mp4', 'v1', NULL), "
                "('s3://in/b.mp4', 'v2', NULL), ('/in/c.mp4', 'v3', NULL), ('/in/gone.mp4', 'v1', 1.0)) "
                "t(uri, video_id, gone_at)")  # fmt: skip
    con.execute("CREATE TABLE raw_videos AS FROM (VALUES ('/in/a.mp4', 'v1', 2, 'ok', NULL), "
                "('s3://in/b.mp4', 'v2', 1, 'unsupported', 'a text'), ('/in/c.mp4', 'v3', 1, 'ok', NULL)) "
                "t(uri, video_id, uri_count, status, error)")  # fmt: skip
    con.execute("CREATE TABLE clips AS SELECT clip_id, v AS video_id, a AS shot_start_frame, b AS shot_end_frame, "
                "a AS start_frame, b AS end_frame, 'start' AS boundary_in, 'end' AS boundary_out, 'landscape' AS "
                "orientation, 0 AS crop_x, 0 AS crop_y, 64 AS crop_w, 36 AS crop_h FROM (VALUES ('c2', 'v1', 50, 90), "
                "('c1', 'v1', 0, 50), ('c3', 'v3', 0, 50), ('c4', 'v3', 50, 90)) t(clip_id, v, a, b)")  # fmt: skip
    con.execute("CREATE TABLE filter_scores AS FROM (VALUES ('c1', 3.5::DOUBLE), ('c2', NULL)) "
                "t(clip_id, motion_mean)")  # fmt: skip
    con.execute("CREATE TABLE duplicates AS FROM (VALUES ('c1', 'c1'), ('c2', 'c2'), ('c3', 'c1')) "
                "t(clip_id, group_id)")  # fmt: skip
    con.execute(
        "CREATE TABLE decisions AS FROM (VALUES ('starter', 'tier_1', 'c2', 'motion_mean.min', 0.1::DOUBLE, "
        "1::DOUBLE, 'fail'), ('starter', 'tier_1', 'c1', 'motion_mean.min', 3.5, 1.0, 'pass'), ('movie_gen', "
        "'tier_1', 'c1', 'short_side.min', 36, 720, 'fail')) "
        "t(preset, tier, clip_id, rule, value, bound, verdict)"
    )
    con.execute("CREATE TABLE tier_3 AS SELECT 'c1' AS clip_id, 'v1' AS video_id")

    def query(sql: str) -> list[dict[str, Any]]:
        return con.sql(sql).pl().to_dicts()

    facts = facts_by_file(query, "starter", ["motion_mean"])
    a, b, c, copy = (facts[f"{name}.mp4"] for name in ("a", "b", "c", "copy"))
    assert set(facts) == {"a.mp4", "b.mp4", "c.mp4", "copy.mp4"}
    assert [clip["clip_id"] for clip in a.clips] == ["c1", "c2"] and a.in_tier_3 == 1
    assert [row["rule"] for row in a.fails] == ["motion_mean.min"] and a.fails[0]["clip_id"] == "c2"
    assert Measures("motion_mean", 3.5).judge(a).ok
    assert (b.status, b.error, b.clips, b.same_video) == ("unsupported", "a text", (), ())
    assert (a.same_video, copy.same_video, copy.clips) == (("copy.mp4",), ("a.mp4",), a.clips)
    assert SameVideoAs("a.mp4").judge(copy).ok and not SameVideoAs("a.mp4").judge(c).ok
    assert [clip["mates"] for clip in c.clips] == [("a.mp4", "copy.mp4"), ()]
    assert [clip["mates"] for clip in a.clips] == [("c.mp4",), ()]
