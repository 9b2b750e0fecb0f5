"""What the product's views say about each file of the library."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

Row = dict[str, Any]
Query = Callable[[str], list[Row]]


@dataclass(frozen=True)
class Facts:
    """All that the views say about one file. `clips` are in the order of the video; `scores` hold one row a clip.

    `same_video`: names of the other files with the same bytes. `uri_count`: files that the video's row counts. A clip
    has `mates`: names of the other videos' files that have a clip in its group of duplicates.
    """

    status: str | None = None
    error: str | None = None
    uri_count: int = 0
    same_video: tuple[str, ...] = ()
    clips: tuple[Row, ...] = ()
    scores: tuple[Row, ...] = ()
    fails: tuple[Row, ...] = ()
    in_tier_3: int = 0


CLIP_COLUMNS = (
    "video_id, clip_id, shot_start_frame, shot_end_frame, start_frame, end_frame, boundary_in, boundary_out, "
    "orientation, crop_x, crop_y, crop_w, crop_h"
)
FILES = (
    "SELECT s.uri, video_id, r.uri_count, r.status, r.error FROM sources s JOIN raw_videos r USING (video_id) "
    "WHERE s.gone_at IS NULL ORDER BY s.uri"
)


def facts_by_file(query: Query, preset: str, score_columns: Sequence[str]) -> dict[str, Facts]:
    """Facts by file name. `query` answers one SELECT over the product's views with a dict a row.

    Files with the same bytes are one video: each of them has its facts.
    """
    files = query(FILES)
    names: dict[str, list[str]] = defaultdict(list)
    for row in files:
        names[row["video_id"]].append(_name(row))
    clips = _by_video(query(f"SELECT {CLIP_COLUMNS} FROM clips ORDER BY start_frame"))
    _add_mates(clips, query("SELECT clip_id, group_id FROM duplicates"), names)
    columns = ", ".join(["clips.video_id", "clip_id", *score_columns])
    of_clips = "clips JOIN {} USING (clip_id)"
    scores = _by_video(query(f"SELECT {columns} FROM {of_clips.format('filter_scores')}"))
    verdicts = (
        f"FROM {of_clips.format('decisions')} WHERE verdict = 'fail' AND preset = '{preset}' ORDER BY tier, rule"
    )
    fails = _by_video(query(f"SELECT clips.video_id, clip_id, tier, rule, value, bound {verdicts}"))
    kept = _by_video(query(f"SELECT clips.video_id, clip_id FROM {of_clips.format('tier_3')}"))
    return {
        _name(row): Facts(
            status=row["status"],
            error=row["error"],
            uri_count=row["uri_count"],
            same_video=tuple(name for name in names[row["video_id"]] if name != _name(row)),
            clips=tuple(clips[row["video_id"]]),
            scores=tuple(scores[row["video_id"]]),
            fails=tuple(fails[row["video_id"]]),
            in_tier_3=len(kept[row["video_id"]]),
        )
        for row in files
    }


def _name(row: Row) -> str:
    return PurePosixPath(row["uri"]).name


def _by_video(rows: list[Row]) -> defaultdict[str, list[Row]]:
    listed: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        listed[row["video_id"]].append(row)
    return listed


def _add_mates(clips: dict[str, list[Row]], groups: list[Row], names: dict[str, list[str]]) -> None:
    """Give every clip the names of the other videos' files with a clip in its group."""
    group_of: dict[str, str] = {row["clip_id"]: row["group_id"] for row in groups}
    videos: dict[str, set[str]] = defaultdict(set)
    for video_id, rows in clips.items():
        for clip in rows:
            videos[_group(clip, group_of)].add(video_id)
    for video_id, rows in clips.items():
        for clip in rows:
            others = videos[_group(clip, group_of)] - {video_id}
            clip["mates"] = tuple(sorted(name for other in others for name in names[other]))


def _group(clip: Row, group_of: dict[str, str]) -> str:
    """The clip's group; its own id when it was not compared."""
    clip_id: str = clip["clip_id"]
    return group_of.get(clip_id, clip_id)
