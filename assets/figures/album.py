"""Stored keyframes of chosen clips, and the names of their files. Row groups without a wanted picture are not read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from ..store import Store
from ..tables import KEYFRAMES, SOURCE_IDS
from ..video_reader import VideoReader
from .choose import nearest_middle

Row = Mapping[str, Any]
"""Of `clips`: clip_id, video_id, start_frame, end_frame, shot_start_frame, shot_end_frame, start_s, end_s, ..."""
CLIP_COLUMNS = [
    "clip_id", "video_id", "start_frame", "end_frame", "start_s", "end_s", "duration_s", "width", "height",
    "boundary_in", "boundary_out",
]  # fmt: skip
ON_EACH_SIDE = 3000
"""Frames around a clip in which its neighbours are looked for."""


class Album:
    """The keyframes of one shard."""

    def __init__(self, store: Store, shard: str) -> None:
        self.reader = VideoReader(store, KEYFRAMES, shard)
        listed = store.read(SOURCE_IDS, shard, ["video_id", "uri"]).to_pylist()
        self._names = {row["video_id"]: PurePosixPath(row["uri"]).name for row in reversed(listed)}

    def __enter__(self) -> Album:
        return self

    def __exit__(self, *_: Any) -> None:
        self.reader.__exit__()

    def name(self, video_id: str) -> str:
        """Of one of the video's files, without folders; text of a stranger."""
        return self._names.get(video_id, video_id)

    def times(self, video_id: str, first: int = 0, end: int = 1 << 62) -> dict[int, float]:
        """Timestamps of the keyframes in [first, end), by frame, in their order."""
        rows = self.reader.between(video_id, first, end, ["frame", "pts_s"])
        pairs = zip(rows["frame"].to_pylist(), rows["pts_s"].to_pylist(), strict=True)
        return dict(sorted(pairs))

    def pictures(self, video_id: str, frames: Sequence[int]) -> dict[int, bytes]:
        """JPEGs of keyframes, by frame; those that are not stored are absent."""
        found: dict[int, bytes] = {}
        for frame in frames:
            if frame not in found:
                rows = self.reader.between(video_id, frame, frame + 1, ["frame", "jpeg"])
                found |= dict(zip(rows["frame"].to_pylist(), rows["jpeg"].to_pylist(), strict=True))
        return found

    def middle(self, clip: Row) -> bytes | None:
        """The keyframe nearest to the middle of the clip; None when no keyframe lies in it."""
        first, end = clip["start_frame"], clip["end_frame"]
        rows = self.reader.between(clip["video_id"], first, end, ["frame", "jpeg"])
        frames = rows["frame"].to_pylist()
        if not frames:
            return None
        jpeg: bytes = rows["jpeg"][frames.index(nearest_middle(frames, first, end))].as_py()
        return jpeg

    def of_video(self, video_id: str) -> bytes | None:
        """A keyframe from the middle of the video."""
        frames = list(self.times(video_id))
        return self.pictures(video_id, [frames[len(frames) // 2]]).popitem()[1] if frames else None

    def across(self, clip: Row) -> tuple[dict[int, float], dict[int, float], dict[int, float]]:
        """Keyframes before, in and after the clip, by frame; neighbours further than ON_EACH_SIDE are not found."""
        start, end = clip["start_frame"], clip["end_frame"]
        times = self.times(clip["video_id"], start - ON_EACH_SIDE, end + ON_EACH_SIDE)
        before = {frame: s for frame, s in times.items() if frame < start}
        after = {frame: s for frame, s in times.items() if frame >= end}
        return before, {f: s for f, s in times.items() if start <= f < end}, after
