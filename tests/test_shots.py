"""From cuts and transitions to clips: no frame is lost, lengths and boundaries are as promised."""

from __future__ import annotations

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.clips.shots import ShotCounts, ShotSettings, clip_spans, divide, find_shots
from assets.clips.transitions import Transition

SETTINGS = ShotSettings()


def clips_of(frames, fps=25.0, cuts=(), transitions=(), sharpness=None, **kwargs):
    shot_list = divide(frames, list(cuts), list(transitions), SETTINGS)
    sharpness = np.zeros(frames) if sharpness is None else sharpness
    return clip_spans(shot_list, np.arange(frames) / fps, frames / fps, sharpness, SETTINGS, **kwargs)


def spans(clips):
    return [(c.start_frame, c.end_frame, c.boundary_in, c.boundary_out) for c in clips]


def test_cuts_and_transitions_bound_the_shots():
    clips, counts = clips_of(400, cuts=[100, 110], transitions=[Transition(200, 230, "dissolve"),
                                                               Transition(380, 400, "fade")])  # fmt: skip
    assert spans(clips) == [(0, 100, "start", "cut"), (110, 200, "cut", "dissolve"), (230, 380, "dissolve", "fade")]
    assert counts == ShotCounts(shots=4, short_shots=1, short_shot_frames=10, transition_frames=50)
    assert (clips[1].start_s, clips[1].end_s, clips[1].duration_s) == (4.4, 8.0, pytest.approx(3.6))
    assert clips[1].fps == pytest.approx(25)


def test_a_fade_in_opens_the_first_shot():
    clips, _ = clips_of(100, transitions=[Transition(0, 20, "fade")])
    assert spans(clips) == [(20, 100, "fade", "end")]


def test_cuts_in_and_near_a_transition_are_absorbed():
    shot_list = divide(300, [98, 115, 132, 140], [Transition(100, 130, "fade")], SETTINGS)
    assert [(s.start_frame, s.end_frame) for s in shot_list.shots] == [(0, 98), (132, 140), (140, 300)]
    assert shot_list.transitions == (Transition(98, 132, "fade"),)


def test_long_shots_are_divided_into_equal_pieces():
    clips, _ = clips_of(25 * 40)
    assert [round(c.duration_s, 2) for c in clips] == [13.32, 13.36, 13.32]
    assert [(c.boundary_in, c.boundary_out) for c in clips] == [("start", "chop"), ("chop", "chop"), ("chop", "end")]
    assert {(c.shot_start_frame, c.shot_end_frame) for c in clips} == {(0, 1000)}
    assert len(clips_of(25 * 16)[0]) == 1
    assert len(clips_of(25 * 16 + 1)[0]) == 2


def test_no_piece_is_longer_than_allowed_at_ntsc_rates():
    for frames in (479, 480, 959, 960, 1439):
        assert max(c.duration_s for c in clips_of(frames, 30000 / 1001)[0]) <= 16 + 1e-6


def test_the_clip_begins_with_the_sharpest_early_frame():
    sharpness = np.zeros(200)
    sharpness[[7, 13, 150]] = 5, 9, 99
    assert clips_of(200, sharpness=sharpness)[0][0].start_frame == 7
    sharpness[3] = np.nan
    assert clips_of(27, sharpness=sharpness[:27])[0][0].start_frame == 0
    assert clips_of(33, sharpness=sharpness[:33])[0][0].start_frame == 7
    assert clips_of(200, sharpness=np.full(200, np.nan))[0][0].start_frame == 0


def test_one_second_is_long_enough():
    assert len(clips_of(25)[0]) == 1
    clips, counts = clips_of(24)
    assert not clips and counts == ShotCounts(1, 1, 24, 0)


def test_an_image_is_a_clip_of_one_frame():
    shot_list = find_shots({"content_val": [0.0]}, 0.0, media="image")
    clips, counts = clip_spans(shot_list, [0.0], 0.0, [12.0], media="image")
    assert spans(clips) == [(0, 1, "start", "end")]
    assert (clips[0].duration_s, clips[0].fps) == (0.0, None)
    assert counts == ShotCounts(1, 0, 0, 0)


def test_a_video_of_one_frame_is_a_short_shot_and_an_empty_one_has_none():
    one = find_shots({"content_val": [0.0]}, 25.0)
    assert clip_spans(one, [0.0], 0.04, [1.0]) == ([], ShotCounts(1, 1, 1, 0))
    empty = find_shots({"content_val": []}, 25.0)
    assert clip_spans(empty, [], None, []) == ([], ShotCounts(0, 0, 0, 0))


def test_times_are_the_frames_own():
    pts = np.array([5.0, 5.1, 5.5, 6.5, 7.0])
    clips, _ = clip_spans(divide(5, [3], [], SETTINGS), pts, 9.0, np.zeros(5))
    assert [(c.start_s, c.end_s) for c in clips] == [(5.0, 6.5), (6.5, 9.0)]
    unknown_end, _ = clip_spans(divide(5, [3], [], SETTINGS), pts, None, np.zeros(5))
    assert unknown_end == clips[:1]


def test_find_shots_reads_the_stored_columns():
    rng = np.random.default_rng(0)
    pictures = np.repeat(rng.integers(0, 255, (2, 144), dtype=np.uint8), 60, axis=0)
    signals = pl.DataFrame({
        "content_val": [0.0] * 60 + [80.0] + [0.0] * 59,
        "pts_s": np.arange(120) / 25,
        "layout": [bytes(row) for row in pictures],
        "luma_std": pl.Series([None, *[70.0] * 119], dtype=pl.Float32),
        "sharpness": pl.Series([None, *[300.0] * 119], dtype=pl.Float32),
    })  # fmt: skip
    assert [(s.start_frame, s.end_frame, s.boundary_out) for s in find_shots(signals, 25.0).shots] == [
        (0, 60, "cut"), (60, 120, "end")]  # fmt: skip


@st.composite
def videos(draw):
    frames = draw(st.integers(0, 1500))
    edges = sorted(draw(st.sets(st.integers(0, frames), max_size=8)))
    transitions = [
        Transition(a, b, draw(st.sampled_from(["dissolve", "fade"])))
        for a, b in zip(edges[::2], edges[1::2], strict=False)
    ]
    cuts = sorted(draw(st.sets(st.integers(1, max(1, frames - 1)), max_size=12))) if frames > 1 else []
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    steps = rng.choice([0.0, 0.01, 0.04, 0.1, 0.5], frames) if draw(st.booleans()) else np.full(frames, 0.04)
    times = draw(st.sampled_from([0.0, -2.0, 30.0])) + np.concatenate(([0.0], np.cumsum(steps)))
    sharpness = np.where(rng.random(frames) < 0.1, np.nan, rng.random(frames) * 100)
    return frames, cuts, transitions, times, sharpness


@settings(max_examples=150, deadline=None)
@given(videos())
def test_frames_add_up(video):
    frames, cuts, transitions, times, sharpness = video
    shot_list = divide(frames, cuts, transitions, SETTINGS)
    parts = sorted([(s.start_frame, s.end_frame) for s in shot_list.shots]
                   + [(t.start_frame, t.end_frame) for t in shot_list.transitions])  # fmt: skip
    assert [part[0] for part in parts] + [frames] == [0] + [part[1] for part in parts]
    clips, counts = clip_spans(shot_list, times[:-1], times[-1], sharpness, SETTINGS)
    assert counts.shots == len(shot_list.shots)
    long_shots = {(c.shot_start_frame, c.shot_end_frame) for c in clips}
    assert counts.short_shots == counts.shots - len(long_shots)
    clip_frames = sum(end - start for start, end in long_shots)
    assert clip_frames + counts.short_shot_frames + counts.transition_frames == frames


@settings(max_examples=150, deadline=None)
@given(videos())
def test_clips_keep_their_promises(video):
    frames, cuts, transitions, times, sharpness = video
    shot_list = divide(frames, cuts, transitions, SETTINGS)
    clips, _ = clip_spans(shot_list, times[:-1], times[-1], sharpness, SETTINGS)
    longest_frame = float(np.diff(times).max(initial=0.0))
    assert [c.start_frame for c in clips] == sorted({c.start_frame for c in clips})
    for clip in clips:
        assert clip.shot_start_frame <= clip.start_frame < clip.end_frame <= clip.shot_end_frame
        assert (clip.start_s, clip.end_s) == (times[clip.start_frame], times[clip.end_frame])
        assert clip.duration_s >= 1.0 - 1e-6
        assert clip.duration_s <= 16.0 + longest_frame
        if "chop" in (clip.boundary_in, clip.boundary_out):
            assert clip.duration_s >= 4.0 - 1e-6
        if clip.boundary_in != "chop":
            assert times[clip.start_frame] - times[clip.shot_start_frame] <= 0.5 + 1e-6
    for before, after in itertools.pairwise(clips):
        same_shot = before.shot_start_frame == after.shot_start_frame
        assert (before.end_frame == after.start_frame) if same_shot else (before.end_frame <= after.shot_start_frame)
        assert (before.boundary_out == "chop") == (after.boundary_in == "chop") == same_shot
    for clip in clips:
        last = max(c.end_frame for c in clips if c.shot_start_frame == clip.shot_start_frame)
        assert last == clip.shot_end_frame


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.01, 30), min_size=1, max_size=40))
def test_very_long_frames_lose_nothing(steps):
    times = np.concatenate(([0.0], np.cumsum(steps)))
    clips, counts = clip_spans(divide(len(steps), [], [], SETTINGS), times[:-1], times[-1], np.zeros(len(steps)))
    assert sum(c.end_frame - c.start_frame for c in clips) + counts.short_shot_frames == len(steps)
    for clip in clips:
        assert clip.duration_s <= 16.0 + max(steps) + 4.0
        assert clip.duration_s >= 4.0 - 1e-6 or len(clips) == 1
