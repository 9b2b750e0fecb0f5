"""The scan against the bare decode of the same file.

    python -m benchmarks scan

Each round runs, each in a fresh process with one libav and one OpenCV thread: PyAV decoding every frame and doing
nothing with it (`work/decode.py`), and a worker's whole job for the video under the variables that the engine gives
its workers (`work/scan.py`: decode, all signals, key frames, staged Parquet), once whole and once quick. Where
`ffmpeg` is installed, `ffmpeg -threads 1 -f null` is run too. The bare decode is run before and after, and its mean
counts: the speed of a shared machine drifts within a round.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import log
from statistics import fmean, linear_regression, median

from orchestration.worker import worker_environment

from .figures import Bench, Figure, Section, ratios
from .inputs import FULL_HD_H264, HD_H264, SHORT_H264, Input, Recipe, made, origin
from .rounds import Cost, alternate

TIMES = (1, 4, 16)
AS_WORKERS = ("scan", "quick", "decode as a worker")
"""Variants that run under the variables that the engine gives its workers; the others under those of the caller."""

QUICK_BAR, QUICK_AIM = 0.85, 0.65
GROWTH_BAR = 1.1


@dataclass(frozen=True)
class Case:
    """An input and the bar and aim of its scan, as multiples of PyAV's decode; None = reported only."""

    recipe: Recipe
    bar: float | None
    aim: float | None


CASES = (
    Case(HD_H264, 1.45, 1.20),
    Case(FULL_HD_H264, 1.35, 1.15),
    Case(Recipe("720p HEVC", "libx265", seconds=30.0), 1.35, 1.15),
    Case(Recipe("720p VP9", "libvpx-vp9", seconds=30.0), 1.35, 1.15),
    Case(Recipe("720p AV1", "libsvtav1", seconds=30.0), 1.35, 1.15),
    Case(Recipe("720p H.264 without added grain", grain=0.0), None, None),
)


def section(bench: Bench) -> Section:
    """Ratios of CPU by input, cost growth with length, and what imports cost."""
    inputs, figures, imports = [], [], []
    for case in CASES[:1] if bench.tiny else CASES:
        video = made(bench, case.recipe)
        costs = measure(video, bench.rounds)
        inputs.append(video)
        imports += costs["scan"]
        figures += compared(case, video, costs)
    figures += growth(bench)
    start = tuple(cost.before_cpu_s for cost in imports)
    figures.append(Figure("a scan process before its work: interpreter and imports, CPU", start, "s"))
    listed = "\n".join(f"- {video}" for video in inputs)
    intro = (
        f"CPU of a worker's whole job for one video (decode, all signals, key frames, Parquet) over that of PyAV "
        f"decoding the same file on one thread, same round, imports apart.{_ffmpeg()} {origin(bench)}\n\n{listed}"
    )
    return Section("Scan", intro, tuple(figures))


def variants(video: Input) -> dict[str, list[str]]:
    """The commands of a round."""
    path = str(video.path)
    commands = {"decode": ["benchmarks.work.decode", path], "scan": ["benchmarks.work.scan", path]}
    commands |= {"decode after": commands["decode"], "quick": [*commands["scan"], "--quick"]}
    if video.recipe.name == HD_H264.name:
        commands["decode as a worker"] = commands["decode"]
    if shutil.which("ffmpeg"):
        commands["ffmpeg"] = ["ffmpeg", "-v", "error", "-nostdin", "-threads", "1", "-filter_threads", "1",
                              "-i", path, "-map", "0:v:0", "-f", "null", "-"]  # fmt: skip
    return commands


def measure(video: Input, rounds: int) -> dict[str, list[Cost]]:
    """Costs by variant. Raises RuntimeError when a variant did not read the whole file, or not on one thread."""
    worker = worker_environment()
    costs = alternate(variants(video), rounds, video.recipe.name, dict.fromkeys(AS_WORKERS, worker))
    for cost in costs["decode"] + costs["decode after"] + costs.get("decode as a worker", []):
        if cost.told != {"frames": video.frames, "threads": 1}:
            raise RuntimeError(f"decoding {video.path.name} told {cost.told}; it has {video.frames} frames")
    for cost in costs["scan"] + costs["quick"]:
        if (cost.told["status"], cost.told["decode_opens"]) != ("ok", 1):
            raise RuntimeError(f"scanning {video.path.name} told {cost.told}")
    if any(cost.told["frames_decoded"] != video.frames for cost in costs["scan"]):
        raise RuntimeError(f"a scan of {video.path.name} did not read all of its {video.frames} frames")
    return costs


def compared(case: Case, video: Input, costs: Mapping[str, list[Cost]]) -> list[Figure]:
    """The lines of one input."""
    cpu = {variant: [cost.cpu_s for cost in listed] for variant, listed in costs.items()}
    wall = {variant: [cost.wall_s for cost in listed] for variant, listed in costs.items()}
    for spent in (cpu, wall):
        spent["decode"] = [fmean(both) for both in zip(spent["decode"], spent.pop("decode after"), strict=True)]
    each = {variant: f"{variant} {1000 * median(listed) / video.frames:.2f} ms" for variant, listed in cpu.items()}
    both = f"{each['scan']}, {each['decode']} a frame"

    def line(what: str, above: list[float], below: list[float], note: str = "") -> Figure:
        return Figure(f"{what}, {case.recipe.name}", ratios(above, below), "x", note=note)

    figures = [replace(line("scan / decode", cpu["scan"], cpu["decode"], both), bar=case.bar, aim=case.aim)]
    left = f"{each['quick']}, {costs['quick'][0].told['frames_decoded']} of {video.frames} frames decoded"
    quick = line("quick scan / decode", cpu["quick"], cpu["decode"], left)
    figures.append(replace(quick, bar=QUICK_BAR, aim=QUICK_AIM) if case is CASES[0] else quick)
    if "decode as a worker" in cpu:
        figures.append(line("decode under a worker's variables / decode", cpu["decode as a worker"], cpu["decode"]))
    figures.append(line("scan / decode in wall time", wall["scan"], wall["decode"]))
    if "ffmpeg" in cpu:
        figures.append(line("scan / ffmpeg", cpu["scan"], cpu["ffmpeg"], each["ffmpeg"]))
    return figures


def growth(bench: Bench) -> list[Figure]:
    """The exponent of CPU over length: 1 = twice the video costs twice the CPU."""
    videos = {n: made(bench, replace(SHORT_H264, repeat=n)) for n in TIMES}
    commands = {str(n): ["benchmarks.work.scan", str(video.path)] for n, video in videos.items()}
    costs = alternate(commands, bench.rounds, "growth", dict.fromkeys(commands, worker_environment()))
    lengths = [log(n) for n in TIMES]
    turns = [[log(costs[str(n)][turn].cpu_s) for n in TIMES] for turn in range(bench.rounds)]
    exponents = tuple(linear_regression(lengths, turn).slope for turn in turns)
    middle = [median(cost.cpu_s for cost in costs[str(n)]) for n in TIMES]
    note = ", ".join(f"{n} x: {cpu:.1f} s" for n, cpu in zip(TIMES, middle, strict=True))
    what = f"exponent of the scan's CPU over length, {' : '.join(map(str, TIMES))}"
    return [Figure(what, exponents, "", GROWTH_BAR, note=note)]


def _ffmpeg() -> str:
    path = shutil.which("ffmpeg")
    if path is None:
        return " ffmpeg is not installed here and is left out."
    told = subprocess.run([path, "-version"], capture_output=True, text=True, check=True).stdout.split()
    return f" `ffmpeg -threads 1 -f null` is version {told[2]}, its whole process."
