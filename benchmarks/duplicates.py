"""Which copies of real clips duplicates finds, and what else it takes for copies.

    python -m benchmarks.duplicates ROOT [--clips N] [--half held-out|tuning] [--sheet PNG]

ROOT holds a finished run (`clipsieve run --until clips`). First every pair of its clips that is found is printed; look
at them on the sheet, since a library holds true copies. Then copies of N single clips are made (benchmarks/copies.py),
compared with the whole library at once, and the share of originals found is printed by kind, with every pair of
clips whose originals are no copies of each other. The bounds in assets/embeddings/pairs.py were chosen on clips of
the tuning half (MD5 of the file's name under 0x9f), so the other half is the one to report.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl

from assets.embeddings.groups import group
from assets.embeddings.pairs import find_pairs
from assets.measuring.clip_view import ClipView
from assets.store import Store
from assets.tables import CLIPS, FRAME_SIGNALS, KEYFRAMES, SOURCE_IDS

from .copies import KINDS, Measured, decoded, measured, measured_views, remuxed, with_keyframes, write_copy

Row = dict[str, Any]
TUNING_BELOW = 0x9F
SHORTEST_S, LONGEST_S = 2.0, 13.0
REMUXED = "re-muxed"
TILE = 110


def library(store: Store) -> Iterator[ClipView]:
    """Every clip of the root, with the path of its file."""
    for shard in store.parts(CLIPS.name):
        paths = {r["video_id"]: r["uri"] for r in store.read(SOURCE_IDS, shard).to_pylist()}
        signals, pictures = store.by_video(FRAME_SIGNALS, shard), store.by_video(KEYFRAMES, shard)
        by_video: dict[str, list[Row]] = defaultdict(list)
        for clip in store.read(CLIPS, shard).to_pylist():
            by_video[clip["video_id"]].append(clip | {"uri": paths[clip["video_id"]]})
        for video_id, clips in by_video.items():
            frames = pl.DataFrame(signals.read(video_id))
            keyframes = pictures.read(video_id, ["frame", "pts_s", "jpeg"]).to_pylist()
            keyframes.sort(key=lambda row: int(row["frame"]))
            yield from (with_keyframes(clip, frames, keyframes) for clip in clips)


def is_tuning(path: str) -> bool:
    return hashlib.md5(Path(path).name.encode()).digest()[0] < TUNING_BELOW


def originals(found: Measured, half: str, count: int) -> list[Row]:
    """The longest suitable clip of each file of the half that can be compared, in the order of the names' MD5."""
    usable = {h["clip_id"] for h in found.hashes if h["error"] is None and max(h["pdq_quality"]) >= 50}
    longest: dict[str, Row] = {}
    for clip in sorted(found.clips, key=lambda c: (-c["duration_s"], c["clip_id"])):
        fits = SHORTEST_S <= clip["duration_s"] <= LONGEST_S and clip["clip_id"] in usable
        if fits and is_tuning(clip["uri"]) == (half == "tuning"):
            longest.setdefault(clip["uri"], clip)
    return sorted(longest.values(), key=lambda c: hashlib.md5(Path(c["uri"]).name.encode()).digest())[:count]


def made(clip: Row, folder: Path) -> Iterator[tuple[str, Path]]:
    """Copies of a clip as files, by kind."""
    frames = list(decoded(clip["uri"], clip["start_frame"], clip["end_frame"]))
    for number, (name, kind) in enumerate(KINDS.items()):
        path = folder / f"{clip['clip_id']}-{number}.mp4"
        yield name, write_copy(path, frames, clip["fps"], kind)
    try:
        yield REMUXED, remuxed(Path(clip["uri"]), folder / f"{clip['clip_id']}.mkv")
    except (ValueError, OSError) as reason:
        print(f"{Path(clip['uri']).name}: not re-muxed: {reason}")


def nearest(originals: list[Row], clip: Row) -> str:
    """The original that a copy begins with: a re-muxed file holds all clips of its video."""
    best = min(originals, key=lambda one: (abs(one["start_s"] - clip["start_s"]), one["clip_id"]))
    return str(best["clip_id"])


def label(clip: Row) -> str:
    return f"{Path(clip['uri']).name}@{clip['start_s']:.1f}-{clip['end_s']:.1f}"


def joined(parts: list[Measured]) -> Measured:
    rows = [[row for part in parts for row in getattr(part, name)] for name in ("clips", "hashes", "embeddings")]
    return Measured(*rows)


def grouped(found: Measured) -> tuple[list[Row], dict[str, str]]:
    """Pairs, and the group of every clip."""
    pairs = find_pairs(*found.tables())
    groups = group([c["clip_id"] for c in found.clips], pairs).to_pylist()
    return pairs.to_pylist(), {g["clip_id"]: g["group_id"] for g in groups}


def show(pairs: list[Row], clips: dict[str, Row]) -> None:
    for p in sorted(pairs, key=lambda p: label(clips[p["clip_id_a"]])):
        bits = "   -" if p["pdq_distance"] is None else f"{p['pdq_distance']:4.0f}"
        print(f"  {p['method']:5s} {bits} bits, overlap {p['overlap']:.2f}  {label(clips[p['clip_id_a']])}"
              f" | {label(clips[p['clip_id_b']])}")  # fmt: skip


def sheet(pairs: list[Row], views: dict[str, ClipView], path: Path) -> None:
    """Six keyframes of both clips of every pair, one above the other."""
    rows = []
    for pair in pairs:
        for name in ("clip_id_a", "clip_id_b"):
            view = views[pair[name]]
            tiles = [view.content(k) for k in view.spread(6)]
            tiles = [cv2.resize(t, (max(1, t.shape[1] * TILE // t.shape[0]), TILE)) for t in tiles]
            strip = np.zeros((TILE + 16, 1200, 3), np.uint8)
            line = np.concatenate(tiles, axis=1)[:, :1200]
            strip[16:, : line.shape[1]] = line
            cv2.putText(strip, label(view.clip), (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 0), 1)
            rows.append(strip)
        rows.append(np.full((6, 1200, 3), 255, np.uint8))
    if rows:
        cv2.imwrite(str(path), np.concatenate(rows)[..., ::-1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root")
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--half", choices=("held-out", "tuning"), default="held-out")
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    views = list(library(Store(options.root)))
    known = measured_views(views)
    clips = {c["clip_id"]: c for c in known.clips}
    pairs, groups = grouped(known)
    print(f"{len(clips)} clips, {len(pairs)} pairs:")
    show(pairs, clips)
    if options.sheet:
        sheet(pairs, {v.clip["clip_id"]: v for v in views}, options.sheet)
    chosen = originals(known, options.half, options.clips)
    parts, origin, kinds = [known], {c: c for c in clips}, {}
    with tempfile.TemporaryDirectory() as folder:
        for clip in chosen:
            for name, path in made(clip, Path(folder)):
                part = measured([path])
                parts.append(part)
                new = {c["clip_id"]: c | {"uri": f"{Path(clip['uri']).name} ({name})"} for c in part.clips}
                clips |= new
                whole = [c for c in known.clips if c["uri"] == clip["uri"]] if name == REMUXED else [clip]
                origin |= {i: nearest(whole, c) for i, c in new.items()}
                kinds[clip["clip_id"], name] = list(new)
            print(f"copies of {label(clip)}", file=sys.stderr)
    report(chosen, kinds, clips, groups, origin, joined(parts))
    return 0


def report(
    chosen: list[Row], kinds: dict[tuple[str, str], list[str]], clips: dict[str, Row], groups: dict[str, str],
    origin: dict[str, str], found: Measured,
) -> None:  # fmt: skip
    """Recall by kind, the originals that were missed, and pairs of clips whose originals are strangers."""
    pairs, group_of = grouped(found)
    print(f"\n{len(chosen)} originals, {len(found.clips)} clips in all")
    for name in (*KINDS, REMUXED):
        made_of = {c["clip_id"]: kinds[c["clip_id"], name] for c in chosen if (c["clip_id"], name) in kinds}
        hits = {c for c, copies in made_of.items() if any(group_of[c] == group_of[i] for i in copies)}
        missed = ", ".join(Path(clips[c]["uri"]).name for c in sorted(set(made_of) - hits))
        none = name in KINDS and not KINDS[name].is_copy
        print(f"  {name:33s} {len(hits):2d} of {len(made_of)}{' (none is right)' if none else f'  missed: {missed}'}")
    false = [p for p in pairs if groups[origin[p["clip_id_a"]]] != groups[origin[p["clip_id_b"]]]]
    print(f"{len(pairs)} pairs, {len(false)} between clips whose originals are no copies of each other:")
    show(false, clips)


if __name__ == "__main__":
    sys.exit(main())
