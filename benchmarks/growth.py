"""How the cost of the scores step grows with the clips of a shard.

    python -m benchmarks growth

One short drawn video is scanned and cut by the product; its rows are then stored under other video ids, once, four and
sixteen times, and all of its clips are measured again (`work/scores.py`). Growth of the tiers step: `tiers`, of the
scan: `scan`, of the plan: `rerun`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from math import log
from pathlib import Path
from statistics import linear_regression
from typing import Any

import pyarrow as pa

from assets.columns import Table
from assets.lineage import Lineage
from assets.options import Options
from assets.store import Stamp, Store, fingerprint, rows_to_table
from assets.tables import CLIPS, FRAME_SIGNALS, KEYFRAMES, RAW_VIDEOS, SCANS, SOURCE_IDS, SOURCES
from demo.footage import cut, grain, pan, photograph, write_video

from .figures import Bench, Figure, Section
from .rounds import HOUSE, Cost, alternate

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
COMMAND = "benchmarks.work.scores"
FORMAT = 1
"""Raise it when a root is made in another way."""
SHARD = "shard-000001"
SIZE, FPS, FRAMES_A_SHOT = (640, 360), 24, 96
SHOTS = ("coffee", "chelsea", "rocket")
TIMES = (1, 4, 16)
GROWTH_BAR = 1.1
READERS = ("text", "overlays")
"""Scorers that cost more than all others together: measured over fewer videos."""


def section(bench: Bench) -> Section:
    """Exponents of the scorers on signals and pictures, and of those that read text and overlays."""
    base = scanned(bench.folder / "growth", FRAMES_A_SHOT // 3 if bench.tiny else FRAMES_A_SHOT)
    names = [s.name for s in Lineage(base, Options()).scorers]
    parts = [("scorers but text and overlays", [n for n in names if n not in READERS], 1 if bench.tiny else 8)]
    if not bench.tiny:
        parts.append(("text and overlays", list(READERS), 1))
    figures = []
    for title, scorers, videos in parts:
        roots = {n * videos: copied(base, bench.folder / "growth" / f"times-{n * videos}", n * videos) for n in TIMES}
        commands = {str(count): [COMMAND, store.root, base.root, SHARD, *scorers] for count, store in roots.items()}
        costs = alternate(commands, bench.rounds, f"scores: {title}")
        figures += exponent(title, [costs[str(count)] for count in roots])
    return Section("Growth of the scores step", _intro(len(SHOTS)), tuple(figures))


def exponent(title: str, costs: Sequence[Sequence[Cost]]) -> list[Figure]:
    """The power of the number of clips that CPU grows with, by rounds; CPU of a clip of the largest shard."""
    clips = [listed[0].told["clips"] for listed in costs]
    rounds = list(zip(*costs, strict=True))
    slopes = [linear_regression([log(n) for n in clips], [log(c.cpu_s) for c in turn]).slope for turn in rounds]
    note = ", ".join(f"{n} clips: {listed[0].cpu_s:.2f} s" for n, listed in zip(clips, costs, strict=True))
    each = tuple(turn[-1].cpu_s / clips[-1] for turn in rounds)
    failed = sum(count for _, count in costs[-1][0].told["scorers"].values())
    return [
        Figure(f"{title}: exponent of CPU over clips", tuple(slopes), "", GROWTH_BAR, note=note),
        Figure(f"{title}: CPU of a clip of 4 s", each, "s", note=f"without a value: {failed} of all measurements"),
    ]


def scanned(folder: Path, frames: int) -> Store:
    """A root with one drawn video of three shots, scanned and cut by `clipsieve run`."""
    root, mark = folder / f"base-{frames}", folder / f"base-{frames}" / "recipe.json"
    told = json.dumps([FORMAT, SIZE, FPS, frames, SHOTS, FRAME_SIGNALS.names, CLIPS.names])
    if not mark.is_file() or mark.read_text() != told:
        shutil.rmtree(root, ignore_errors=True)
        media = folder / f"media-{frames}"
        media.mkdir(parents=True, exist_ok=True)
        shots = (grain(pan(photograph(name, SIZE), frames, FPS, 6), 2) for name in SHOTS)
        write_video(media / "three.mp4", cut(*shots), FPS)
        arguments = ["run", "--input", str(media), "--root", str(root), "--until", "clips", "--format", "json"]
        program = "from orchestration.cli import main; main()"
        environment = os.environ | {"PYTHONPATH": str(HOUSE)}
        subprocess.run([sys.executable, "-c", program, *arguments], check=True, capture_output=True, env=environment)
        mark.write_text(told)
    return Store(str(root))


def copied(base: Store, root: Path, videos: int) -> Store:
    """A root whose one shard holds the base's video so many times, each under an id of its own."""
    store, mark = Store(str(root)), root / "recipe.json"
    told = json.dumps([FORMAT, videos, str(base.stamp(CLIPS.name, SHARD))])
    if mark.is_file() and mark.read_text() == told:
        return store
    shutil.rmtree(root, ignore_errors=True)
    ids = sorted(fingerprint("video", number) for number in range(videos))
    _write(store, SOURCES, [{"uri": f"/media/{v}.mp4", "size": 1, "source_key": v, "shard": SHARD, "first_seen": NOW}
                            for v in ids], Stamp("sources"))  # fmt: skip
    _write(store, SOURCE_IDS, [{"uri": f"/media/{v}.mp4", "source_key": v, "video_id": v} for v in ids], Stamp("ids"))
    lineage = Lineage(store, Options())
    for table, stamp in ((RAW_VIDEOS, lineage.raw_videos(SHARD)), (SCANS, lineage.scan(SHARD))):
        _write(store, table, [base.read(table, SHARD).to_pylist()[0] | {"video_id": v} for v in ids], stamp)
    for table in (FRAME_SIGNALS, KEYFRAMES):
        rows = base.read(table, SHARD)
        with store.writer(table, SHARD, lineage.scan(SHARD)) as out:
            for video in ids:
                out.add(rows.set_column(0, "video_id", pa.array([video] * len(rows))))
    clips = base.read(CLIPS, SHARD).to_pylist()
    named = [c | {"video_id": v, "clip_id": fingerprint(v, c["start_s"])} for v in ids for c in clips]
    _write(store, CLIPS, named, lineage.clips(SHARD))
    mark.write_text(told)
    return store


def _write(store: Store, table: Table, rows: list[dict[str, Any]], stamp: Stamp) -> None:
    store.write(table, SHARD, rows_to_table(table, rows), stamp)


def _intro(shots: int) -> str:
    return (
        f"A drawn video of {shots} shots of 4 s at 640 x 360, scanned and cut once; its rows stand under 1, 4 and 16 "
        "times as many video ids in one shard. Every clip is measured by the scorers that need no weights, in one "
        "process on one thread; libraries and networks are loaded before."
    )
