"""The rounds of the comparison, and what they come to."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, cycle, takewhile
from pathlib import Path
from statistics import median

import psutil
from rich.progress import Progress

from ..figures import Bench, Figure, Section, ratios
from ..inputs import HD_H264, SHOT_FRAMES, Input, Recipe, made, origin, sources_of
from ..rounds import Cost, run
from . import data_juicer, ours, pyscenedetect
from .environments import NAMES, EnvironmentFailed, environment
from .tools import NotReal, Outcome, Programs, Tool, frames_of

TOOLS = (*pyscenedetect.TOOLS, *data_juicer.TOOLS, *ours.TOOLS)
SECONDS = 30.0
"""Data-Juicer's memory grows with it: see data_juicer.BYTES_A_PIXEL."""
START_UP = Recipe("start-up", lines=180, seconds=2.0)
TOLERANCE_FRAMES = 1
AGAINST = (
    ("Data-Juicer's chain, with encoding", "clipsieve run, all scorers"),
    ("Data-Juicer's chain, with encoding", "clipsieve run, scorers of the chain"),
    ("Data-Juicer's filters on the uncut file", "clipsieve run, scorers of the chain"),
    ("PySceneDetect detect-adaptive", "clipsieve run, scorers of the chain"),
)
INTRO = """\
CPU of whole commands, with imports and all processes that they start, over that of PyAV decoding the same file once
in the same round. "Less its start-up": without what the same command costs in that round on a file of 2 s and 320 x
180. {versions} in environments of their own, defaults throughout, one process where a tool asks how many.
Data-Juicer's chain is scene split, motion, resolution, duration, aspect ratio, duplicates; it encodes every shot
(libx264 `medium`) and measures the encoded clips. PySceneDetect encodes in the row `split-video` only. clipsieve
writes no clip files yet: cutting comes with training_sets, so hold it against the rows that encode nothing. Its scan
measures all signals whichever scorers read them. Decodes of the peers are counted by reading their code. {origin}

- {video}"""
VERSIONS = "PySceneDetect 0.7.2 and Data-Juicer 1.6.1"
REASON_CHARACTERS = 400


@dataclass
class Measured:
    """A tool's costs, a round each; or the reason why there are none."""

    whole: list[Cost] = field(default_factory=list)
    start_up: list[Cost] = field(default_factory=list)
    outcome: Outcome = field(default_factory=lambda: Outcome(None))
    reason: str = ""

    @property
    def rest(self) -> list[float]:
        """CPU seconds without the start-up."""
        return [whole.cpu_s - start.cpu_s for whole, start in zip(self.whole, self.start_up, strict=True)]


def compare(bench: Bench, seconds: float = SECONDS, tools: Sequence[Tool] = TOOLS) -> Section:
    """Every tool that could be installed and that did its work on a small file."""
    recipe = HD_H264 if seconds == HD_H264.seconds else Recipe(f"720p H.264, {seconds:g} s", seconds=seconds)
    video, small = made(bench, recipe), made(bench, START_UP)
    programs, failed = installed(bench.folder / "peers", {t.environment for t in tools if t.environment})
    results = {t.name: Measured(reason=failed.get(t.environment or "", "")) for t in tools}
    decoded = play(tools, results, programs, (video, small), bench)
    floor = [cost.cpu_s for cost in decoded]
    figures = [Figure("PyAV decode of the file", tuple(floor), "s")]
    for tool in tools:
        figures += lines_of(tool, results[tool.name], decoded)
    figures += against(results)
    figures += accuracy(tools, results, joins(bench, video))
    intro = INTRO.format(versions=VERSIONS, origin=origin(bench), video=video)
    return Section("Peers", intro, tuple(figures))


def installed(folder: Path, names: set[str]) -> tuple[Programs, dict[str, str]]:
    """Folders of programs, and the reasons of those that are not there."""
    programs, failed = {}, {}
    for name in (name for name in NAMES if name in names):
        try:
            programs[name] = environment(folder, name)
        except EnvironmentFailed as reason:
            failed[name] = str(reason)
    return programs, failed


def play(
    tools: Sequence[Tool],
    results: Mapping[str, Measured],
    programs: Programs,
    videos: tuple[Input, Input],
    bench: Bench,
) -> list[Cost]:
    """All rounds; returns the costs of the decodes. A tool that fails is told in its result and runs no more.

    One round on the small file alone comes first and is not counted: caches are filled, and a tool that cannot work
    is found out before the long runs.
    """
    scratch, (video, small), decoded = bench.folder / "peers" / "scratch", videos, []
    with Progress(transient=True) as progress:
        task = progress.add_task("peers", total=(bench.rounds * 2 + 1) * len(tools))

        def one(tool: Tool, of: Input, costs: list[Cost]) -> None:
            progress.update(task, description=f"{tool.name}: {of.recipe.title}")
            result = results[tool.name]
            if not result.reason:
                try:
                    cost, result.outcome = measure(tool, of, scratch, programs)
                    costs.append(cost)
                except (RuntimeError, OSError, ValueError, KeyError) as error:
                    result.reason = " ".join(str(error).split())[-REASON_CHARACTERS:]
            progress.advance(task)

        for tool in tools:
            one(tool, small, [])
        for turn in range(bench.rounds):
            decoded.append(run(["benchmarks.work.decode", str(video.path)]))
            for tool in (*tools[turn % len(tools) :], *tools[: turn % len(tools)]):
                one(tool, small, results[tool.name].start_up)
                one(tool, video, results[tool.name].whole)
    shutil.rmtree(scratch, ignore_errors=True)
    return decoded


def measure(tool: Tool, video: Input, scratch: Path, programs: Programs) -> tuple[Cost, Outcome]:
    """One command in an empty folder, its results checked. Raises RuntimeError when it fails or has no room."""
    needs, free = tool.memory_bytes(video), psutil.virtual_memory().available
    if needs > free:
        raise RuntimeError(
            f"needs about {needs / 1e9:.1f} GB of memory for this file, {free / 1e9:.1f} are free (try --seconds)"
        )
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    cost = run(["benchmarks.peers.child", str(scratch), *tool.command(video.path, scratch, programs)])
    try:
        return cost, tool.read(video, scratch)
    except NotReal as reason:
        raise RuntimeError(f"ended well, but {reason}") from reason


def lines_of(tool: Tool, result: Measured, decoded: Sequence[Cost]) -> list[Figure]:
    """CPU with and without the start-up, and wall time, each over the decode's."""
    if result.reason:
        return [Figure(tool.name, (math.nan,), "x", note=result.reason)]
    floor, wall = [c.cpu_s for c in decoded], [c.wall_s for c in decoded]
    whole, start = [c.cpu_s for c in result.whole], [c.cpu_s for c in result.start_up]
    peak = max(c.peak_mb for c in result.whole)
    told = f"; {result.outcome.told}" if result.outcome.told else ""
    note = f"{median(whole):.1f} s; largest process {peak:,.0f} MB; decodes of the source: {tool.decodes}{told}"
    return [
        Figure(tool.name, ratios(whole, floor), "x", note=note),
        Figure(
            f"{tool.name}, less its start-up", ratios(result.rest, floor), "x", note=f"start-up {median(start):.1f} s"
        ),
        Figure(f"{tool.name}, wall", ratios([c.wall_s for c in result.whole], wall), "x"),
    ]


def against(results: Mapping[str, Measured]) -> list[Figure]:
    """CPU of a peer's whole command over ours."""
    figures = []
    for theirs, own in AGAINST:
        pair = [results[name] for name in (theirs, own) if name in results and not results[name].reason]
        if len(pair) == 2:
            whole = ratios(*([cost.cpu_s for cost in result.whole] for result in pair))
            rest = ratios(*(result.rest for result in pair))
            figures.append(Figure(f"{theirs} / {own}", whole, "x"))
            figures.append(Figure(f"{theirs} / {own}, both less their start-up", rest, "x"))
    return figures


def joins(bench: Bench, video: Input) -> tuple[int, ...]:
    """First frames of the video's shots but the first one, as it was joined; a source may have cuts of its own."""
    shots = [min(SHOT_FRAMES, frames_of(path)) for path in sources_of(bench)] or [SHOT_FRAMES]
    return tuple(takewhile(lambda at: at < video.frames, accumulate(cycle(shots))))


def accuracy(tools: Sequence[Tool], results: Mapping[str, Measured], known: Sequence[int]) -> list[Figure]:
    """How many of the known joins each found, and its other cuts."""
    figures = []
    for tool in tools:
        cuts = results[tool.name].outcome.cuts
        if known and cuts is not None and not results[tool.name].reason:
            found = [at for at in known if any(abs(at - cut) <= TOLERANCE_FRAMES for cut in cuts)]
            others = [cut for cut in cuts if all(abs(at - cut) > TOLERANCE_FRAMES for at in known)]
            note = f"other cuts: {', '.join(map(str, others)) or 'none'}"
            figures.append(Figure(f"joins found, of {len(known)}: {tool.name}", (float(len(found)),), "", note=note))
    return figures
