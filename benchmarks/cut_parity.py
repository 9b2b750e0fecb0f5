"""Cuts replayed from stored signals against PySceneDetect's own pipeline on full frames.

    python -m benchmarks.cut_parity FOLDER [--backend opencv|pyav]

Prints each video whose cuts differ, and the share of PySceneDetect's cuts that are found within one frame (bar: 98 %).
A cut inside a fade or dissolve changes no clip; how many of the missing ones are such is printed too. Files of several
video streams are left out: the two sides may read different ones.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import av
import numpy as np
import polars as pl
from scenedetect import AdaptiveDetector, SceneManager, open_video
from scenedetect.video_stream import VideoOpenFailure

from assets.clips.cuts import find_cuts
from assets.clips.shots import find_shots
from assets.scan.scan_video import scan_video

BAR = 0.98
TOLERANCE_FRAMES = 1


def library_cuts(path: Path, backend: str) -> list[float]:
    """Times (seconds from the first frame) of the cuts that PySceneDetect finds with its defaults."""
    video = open_video(str(path), backend=backend)
    manager = SceneManager()
    manager.add_detector(AdaptiveDetector())
    manager.detect_scenes(video)
    return [cut.seconds for cut, _ in manager.get_scene_list()[1:]]


def frame_numbers(times_s: list[float], pts_s: np.ndarray) -> list[int]:
    """Nearest frame of each time; `pts_s` from 0."""
    return [int(np.argmin(np.abs(pts_s - at))) for at in times_s]


def unmatched(cuts: list[int], others: list[int]) -> list[int]:
    return [cut for cut in cuts if all(abs(cut - other) > TOLERANCE_FRAMES for other in others)]


def compare(path: Path, backend: str) -> tuple[int, int, int, int]:
    """(cuts of PySceneDetect, those that we have too, those that we lack in a transition, cuts that only we have);
    prints the differences."""
    with av.open(str(path)) as container:
        if len(container.streams.video) > 1:
            raise ValueError("several video streams")
    started = time.process_time()
    signals = pl.DataFrame(scan_video(path, "0" * 32).signals)
    pts_s = signals["pts_s"].to_numpy()
    if len(pts_s) < 2:
        return 0, 0, 0, 0
    rate = (len(pts_s) - 1) / max(pts_s[-1] - pts_s[0], 1e-6)
    ours = find_cuts(signals["content_val"].to_numpy(), pts_s, rate)
    scanned = time.process_time()
    theirs = frame_numbers(library_cuts(path, backend), pts_s - pts_s[0])
    took = f"{scanned - started:.1f} s scan and cuts, {time.process_time() - scanned:.1f} s PySceneDetect"
    missing, added = unmatched(theirs, ours), unmatched(ours, theirs)
    spans = find_shots(signals, rate).transitions
    covered = [cut for cut in missing if any(t.start_frame <= cut <= t.end_frame for t in spans)]
    if missing or added:
        print(f"{path.name}: missing {missing} (in transitions {covered}), only here {added}; {took}")
    return len(theirs), len(theirs) - len(missing), len(covered), len(added)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--backend", choices=("opencv", "pyav"), default="opencv")
    options = parser.parse_args()
    counts = []
    for path in sorted(p for p in options.folder.rglob("*") if p.is_file()):
        try:
            counts.append(compare(path, options.backend))
        except (VideoOpenFailure, ValueError, OSError) as reason:
            print(f"{path.name}: left out: {reason}")
    theirs, found, covered, added = (sum(column) for column in zip(*counts, strict=True)) if counts else (0,) * 4
    share = found / theirs if theirs else 1.0
    print(f"{len(counts)} videos, {theirs} cuts: {found} found within {TOLERANCE_FRAMES} frame = {share:.1%} "
          f"(bar {BAR:.0%}), {covered} of the rest in transitions, {added} more")  # fmt: skip
    return 0 if share >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
