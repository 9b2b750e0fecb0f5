"""`python -m benchmarks.peers`: measures, prints, and writes the part `peers` of docs/benchmarks.md."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from .. import report
from ..__main__ import FOLDER, OUT, SECTIONS, SHARED_VIDEOS
from ..figures import Bench
from .compare import SECONDS, compare

ROUNDS = 3


def main() -> int:
    """Exit status 0 whatever was measured; what could not be run is told in its row."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"rounds that count ({ROUNDS})")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"length of the video ({SECONDS:g})")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="environments, inputs and scratch")
    parser.add_argument("--out", type=Path, default=OUT, help="the document whose part is replaced")
    parser.add_argument("--videos", type=Path, default=SHARED_VIDEOS, help="real footage; absent = footage is drawn")
    asked = parser.parse_args()
    if asked.rounds < 1 or asked.seconds < 1:
        parser.error("--rounds and --seconds must be 1 or more")
    videos = asked.videos if asked.videos.is_dir() else None
    before = report.load_average()
    section = compare(Bench(asked.folder.absolute(), asked.rounds, shared_videos=videos), asked.seconds)
    report.show(Console(), section)
    command = "python -m benchmarks.peers" + (f" --seconds {asked.seconds:g}" if asked.seconds != SECONDS else "")
    conditions = report.Conditions(command, asked.rounds, report.today(), (before, report.load_average()))
    report.write_part(asked.out, "peers", section, conditions, (*SECTIONS, "peers"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
