"""The frame of the benchmarks at a toy size: what is measured and how it is written down. No speed is asserted."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib import import_module
from itertools import islice, pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from conftest import SHARED_VIDEOS
from hypothesis import given
from hypothesis import strategies as st

from assets.scan.decoder import decode
from benchmarks import scan
from benchmarks.__main__ import SECTIONS, arguments, run
from benchmarks.figures import Bench, Figure, Section, ratios
from benchmarks.inputs import ENCODERS, SHORT_H264, SHOT_FRAMES, Recipe, drawn_footage, grained, made, origin
from benchmarks.report import Conditions, number, row, write_part
from benchmarks.rounds import HOUSE, alternate
from benchmarks.rounds import run as run_once

CONDITIONS = Conditions("python -m benchmarks one", 3, "2026-01-02", (0.5, 1.5))
POSITIVE = st.floats(0.001, 1000)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"), rounds=1, tiny=True)


def program(text: str) -> list[str]:
    """A Python program that can import the benchmarks."""
    return [sys.executable, "-c", f"import sys, time; sys.path.insert(0, {str(HOUSE)!r})\n{text}"]


# Figures


@given(st.lists(POSITIVE, min_size=1), POSITIVE)
def test_a_ratio_is_taken_round_by_round(values: list[float], factor: float) -> None:
    assert ratios([factor * v for v in values], values) == pytest.approx([factor] * len(values))


@pytest.mark.parametrize(
    ("values", "more_is_better", "verdict"),
    [((9, 1, 1), False, "aim"), ((1.5, 1.6, 9), False, "bar"), ((2.1,), False, "MISSED"),
     ((1.6, 9, 9), True, "aim"), ((1.5,), True, "bar"), ((0.9, 0.9, 9), True, "MISSED")],
)  # fmt: skip
def test_the_median_is_judged(values: tuple[float, ...], more_is_better: bool, verdict: str) -> None:
    bar, aim = (1.0, 2.0) if more_is_better else (2.0, 1.0)
    assert Figure("f", values, "x", bar, aim, more_is_better).verdict == verdict


def test_what_could_not_be_measured_is_told_as_such() -> None:
    cells = row(Figure("a peer", (float("nan"),), "x", bar=1.0, note="its package needs 12 GB"))
    assert cells == ["a peer", "not run", "", "", "", "", "its package needs 12 GB"]


@given(st.floats(0.01, 1e9) | st.integers(0, 10**9))
def test_a_printed_number_is_right_to_one_percent(value: float) -> None:
    assert float(number(value).replace(",", "")) == pytest.approx(value, rel=0.01)


# Rounds


def test_every_variant_runs_once_a_round_and_the_first_round_is_not_counted(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    costs = alternate({n: program(f"open({str(seen)!r}, 'a').write('{n}')") for n in "abc"}, rounds=2)
    assert seen.read_text() == "abc" + "bca" + "cab"
    assert {name: len(listed) for name, listed in costs.items()} == {"a": 2, "b": 2, "c": 2}


def test_what_a_process_does_before_its_work_is_told_apart() -> None:
    spin = "def spin(s):\n  t = time.process_time()\n  while time.process_time() - t < s: pass\n"
    text = f"from benchmarks.rounds import measured\n{spin}spin(0.4)\nmeasured(lambda: spin(0.1) or {{'n': 7}})"
    cost = run_once(program(text))
    assert cost.before_cpu_s >= 0.4 and 0.1 <= cost.cpu_s < 0.3 <= cost.cpu_s + 0.3
    assert cost.told == {"n": 7}


def test_a_process_does_not_answer_for_the_memory_of_its_parent() -> None:
    ballast = np.ones(50_000_000)
    small = run_once(program("from benchmarks.rounds import measured\nmeasured(lambda: None)"))
    large = run_once(
        program("from benchmarks.rounds import measured\nmeasured(lambda: bytearray(b'1' * 10**8) and {})")
    )
    assert 5 < small.peak_mb < ballast.nbytes / 1e6 / 2
    assert large.peak_mb > small.peak_mb + 95


def test_a_command_that_fails_says_why() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)ended with 1.*no such thing"):
        run_once(program("raise ValueError('no such thing')"))


# Inputs


def test_an_input_is_kept_until_its_recipe_changes(bench: Bench) -> None:
    first = made(bench, SHORT_H264).path
    written = first.stat().st_mtime_ns
    assert made(bench, SHORT_H264).path.stat().st_mtime_ns == written
    other = made(bench, replace(SHORT_H264, grain=0.0)).path
    assert other != first and other.exists() and not first.exists()


@pytest.mark.parametrize("codec", ENCODERS)
def test_an_input_holds_what_its_recipe_says(bench: Bench, codec: str) -> None:
    video = made(bench, Recipe(f"small {codec}", codec))
    assert (video.frames, video.seconds) == (60, 2.0) and "320 x 180, 60 frames, 30 fps" in str(video)
    with av.open(str(video.path)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.pix_fmt) == (320, 180, "yuv420p")
    media = decode(video.path)
    assert len(list(media)) == 60 and (media.status, media.error) == ("ok", None)


def test_repeated_packets_are_the_same_pictures_in_one_timeline(bench: Bench) -> None:
    video = made(bench, replace(SHORT_H264, repeat=3))
    times, pictures = [], []
    for _, pts_s, frame in decode(video.path):
        times.append(pts_s)
        pictures.append(frame.to_ndarray())
    assert len(times) == video.frames == 180
    assert np.diff(times) == pytest.approx(1 / 30, abs=0.002)
    assert all(np.array_equal(pictures[i], pictures[i + 60]) for i in range(0, 120, 7))


def test_grain_has_the_strength_it_says_and_is_new_in_every_frame() -> None:
    def plate(level: int) -> np.ndarray:
        return np.full((540, 640), level, np.uint8)

    middle, bright = (list(grained(iter([plate(v), plate(v)]), 6.0, seed=3)) for v in (128, 245))
    luma = [frame[:360].astype(float) for frame in middle]
    assert luma[0].std() == pytest.approx(6.0, rel=0.03) and luma[0].mean() == pytest.approx(128, abs=0.1)
    assert bright[0][:360].std() < 3.5
    assert abs(np.corrcoef(luma[0].ravel(), luma[1].ravel())[0, 1]) < 0.02
    assert np.corrcoef(luma[0][:, 1:].ravel(), luma[0][:, :-1].ravel())[0, 1] > 0.2
    assert (middle[0][360:] == 128).all()
    assert np.array_equal(middle[0], next(grained(iter([plate(128)]), 6.0, seed=3)))


def test_drawn_footage_moves_slowly_and_is_cut() -> None:
    frames = [f[:180].astype(float) for f in islice(drawn_footage(Recipe("drawn", lines=180)), SHOT_FRAMES + 2)]
    steps = [np.abs(b - a).mean() for a, b in pairwise(frames)]
    assert 0 < max(steps[: SHOT_FRAMES - 1]) < steps[SHOT_FRAMES - 1] / 3


@pytest.mark.skipif(not SHARED_VIDEOS.is_dir(), reason="real footage is not beside this checkout")
def test_real_footage_is_taken_where_there_is_some(bench: Bench) -> None:
    real = replace(bench, shared_videos=SHARED_VIDEOS)
    assert "11 real videos" in origin(real)
    drawn = made(bench, SHORT_H264).path
    video = made(real, SHORT_H264)
    assert video.path != drawn and video.frames == 60


# Document


def test_a_section_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    out, order = tmp_path / "docs" / "benchmarks.md", ["one", "two"]
    section = Section("Two", "Words.", (Figure("speed", (1.25, 1.5, 1.0), "x", 1.3, 1.1, note="a | b"),))
    write_part(out, "two", section, CONDITIONS, order)
    write_part(out, "one", replace(section, title="One"), CONDITIONS, order)
    text = out.read_text()
    assert text.startswith("# Benchmarks") and text.index("## One") < text.index("## Two")
    assert "| speed | 1.25x | 1.00 .. 1.50 | ≤ 1.30x | ≤ 1.10x | bar | a / b |" in text
    write_part(out, "one", Section("One again", "Other words.", ()), CONDITIONS, order)
    again = out.read_text()
    assert "## One again" in again and "## One\n" not in again
    assert again[again.index("<!-- section two") :] == text[text.index("<!-- section two") :]
    assert (
        again.count("load average 0.5 before and 1.5 after") == 2 and "av 1" in again and str(Path.home()) not in again
    )


def test_one_value_has_no_range_and_a_missed_bar_is_shouted() -> None:
    assert row(Figure("decodes", (2.0,), "", 1, 1)) == ["decodes", "2", "", "≤ 1", "≤ 1", "MISSED", ""]
    assert row(Figure("peak", (150.6, 149.2), "MB"))[1:3] == ["150 MB", "149 .. 151"]
    assert row(Figure("throughput", (1.8,), "x", 1.7, 1.9, True))[3:6] == ["≥ 1.70x", "≥ 1.90x", "bar"]


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_tells_how_it_is_run_alone(name: str) -> None:
    module = import_module(f"benchmarks.{name}")
    assert callable(module.section) and f"python -m benchmarks {name}" in module.__doc__


@pytest.mark.parametrize("given", [["scam"], ["--rounds", "0"]])
def test_wrong_arguments_are_refused(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments(given)
    assert "no section 'scam'" in (told := capsys.readouterr().err) or "it must be 1 or more" in told


# Sections


def test_scan_and_decode_are_of_the_same_frames(bench: Bench) -> None:
    video = made(bench, SHORT_H264)
    costs = scan.measure(video, rounds=1)
    assert costs["scan"][0].told["staged_bytes"] > 1000 and costs["decode"][0].cpu_s > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "lines"), [("scan", ["scan / decode, 720p H.264", "exponent"]), ("memory", ["peak of a worker, 4K H.264"]),
                        ("workers", ["throughput of two workers", "frames a second of one"]),
                        ("decodes", ["decodes of a video up to tier_1"])],
)  # fmt: skip
def test_a_section_measures_and_is_written_down(bench: Bench, name: str, lines: list[str], tmp_path: Path) -> None:
    section = run(name, bench, tmp_path / "benchmarks.md")
    written = (tmp_path / "benchmarks.md").read_text()
    for line in lines:
        assert any(figure.what.startswith(line) for figure in section.figures) and f"| {line}" in written
    assert all(value > 0 or figure.bar == 0 for figure in section.figures for value in figure.values)
    if name == "decodes":
        assert {figure.verdict for figure in section.figures} == {"", "aim"}
