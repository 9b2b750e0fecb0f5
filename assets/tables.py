"""Every stored table and every column, declared once.

The writer's schema, the DuckDB views, the range checks, Dagster's column schema and docs/columns.md are all
derived from this page. Columns of `filter_scores` are declared by the scorers and collected here; the tables of
embeddings and captions stand in their rooms.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pyarrow as pa

from .columns import APPROXIMATE, BINARY, BOOL, CLIP_ID, DOUBLE, FLOAT, INT, STRING, TIME, Column, Table
from .filter_scores.scorers import SCORERS

GRID_WIDTH, GRID_HEIGHT = 16, 9
"""Cells of the flow grid and of `layout`, in displayed orientation, row by row from the top left."""

VIDEO_ID = Column("video_id", STRING, "128-bit hash of the file's bytes, 32 hex digits.")
SOURCE_KEY = Column("source_key", STRING, "Hash of (uri, size, mtime, etag): one version of the file.")
SHARD = Column("shard", STRING, "The shard (Dagster partition) that owns the row.")

MANIFEST_COLUMNS = (
    Column("source", STRING, "Where the file comes from, as the manifest says."),
    Column("licence", STRING, "Licence, as the manifest says."),
    Column("title", STRING, "Title, as the manifest says."),
    Column("url", STRING, "Address of origin, as the manifest says; never opened."),
    Column("tags", STRING, "Free tags, as the manifest says."),
)

SOURCES = Table(
    "sources",
    "Every media file that was ever seen: where, how large, in which shard.",
    ("uri",),
    (
        Column("uri", STRING, "Path or address of the file."),
        Column("size", INT, "Size when it was last seen.", "bytes", 0),
        Column("mtime", TIME, "Time of change when it was last seen (local files)."),
        Column("etag", STRING, "Entity tag when it was last seen (object stores)."),
        SOURCE_KEY,
        SHARD,
        Column("first_seen", TIME, "When this version of the file was first seen."),
        Column("gone_at", TIME, "When it was found missing or replaced; NULL while it is there."),
        *MANIFEST_COLUMNS,
    ),
)

SOURCE_IDS = Table(
    "source_ids",
    "Which bytes each source file holds; joined into the view `sources`.",
    ("uri",),
    (
        Column("uri", STRING, "Path or address of the file."),
        SOURCE_KEY,
        VIDEO_ID,
    ),
)

RAW_VIDEOS = Table(
    "raw_videos",
    "One row per distinct file content: what one sequential read (hash and demux, no decode) tells.",
    ("video_id",),
    (
        VIDEO_ID,
        Column("bytes", INT, "Size of the file.", "bytes", 0),
        Column("container", STRING, "Container format as libav names it (`mov,mp4,m4a,3gp,3g2,mj2`)."),
        Column("codec", STRING, "Video codec as libav names it (`h264`)."),
        Column("width", INT, "Displayed width: after rotation and pixel aspect.", "px", 1),
        Column("height", INT, "Displayed height: after rotation and pixel aspect.", "px", 1),
        Column("rotation", INT, "Clockwise turn that display applies to the coded frame.", "degrees", 0, 270),
        Column("fps", DOUBLE, "Average frame rate: packets over their time span.", "1/s", 0),
        Column("packet_count", INT, "Packets of the video stream.", "", 0),
        Column("duration_s", DOUBLE, "Time span of the video stream's packets.", "s", 0),
        Column("bit_rate_bps", DOUBLE, "Bytes of the video stream over its duration.", "bit/s", 0),
        Column("pix_fmt", STRING, "Pixel format as libav names it (`yuv420p`)."),
        Column("is_hdr", BOOL, "Transfer function is PQ or HLG."),
        Column("is_vfr", BOOL, "Frame intervals differ by more than timestamp rounding."),
        Column("has_audio", BOOL, "The file has an audio stream."),
        Column("media", STRING, "video or image."),
        Column("probe_status", STRING, "NULL when the file can be scanned, else unsupported, corrupt or no_video."),
        Column("probe_error", STRING, "One sentence that says why it cannot be scanned."),
    ),
)


def _every(name: str, doc: str, unit: str = "levels", low: float | None = 0, high: float | None = 255) -> Column:
    return Column(name, FLOAT, f"{doc}; every frame.", unit, low, high)


def _change(name: str, doc: str, unit: str = "levels", low: float | None = 0, high: float | None = 255) -> Column:
    return replace(_every(name, doc, unit, low, high), quick=APPROXIMATE)


def _tick8(name: str, doc: str, unit: str, low: float | None = None, high: float | None = None) -> Column:
    return Column(name, FLOAT, f"{doc}; up to 8 a second, else NULL.", unit, low, high, quick=APPROXIMATE)


def _tick4(name: str, doc: str, unit: str = "levels", low: float | None = 0, high: float | None = 255) -> Column:
    return Column(name, FLOAT, f"{doc}; up to 4 a second, else NULL.", unit, low, high)


def _border(side: str, extent: str) -> Column:
    return Column(f"border_{side}", INT, f"{extent} of the uniform band; up to 4 a second, else NULL.", "px", 0)


_CONTENT = "by PySceneDetect's ContentDetector on a frame about 256 px wide"
_SPEED = "% of the diagonal per s"

FRAME_SIGNALS = Table(
    "frame_signals",
    "One row per decoded frame, in presentation order: all that later stages need of the pixels.",
    ("video_id", "frame"),
    (
        VIDEO_ID,
        Column("frame", INT, "Decoded frame in presentation order from 0.", "", 0, quick=APPROXIMATE),
        Column("pts_s", DOUBLE, "The frame's own timestamp.", "s"),
        Column("content_val", DOUBLE, f"Mean of the three deltas, {_CONTENT}; 0 for the first frame.", "levels", 0,
               quick=APPROXIMATE),
        _change("delta_hue", f"Mean change of hue, {_CONTENT}; NULL for the first frame"),
        _change("delta_sat", f"Mean change of saturation, {_CONTENT}; NULL for the first frame"),
        _change("delta_lum", f"Mean change of HSV value, {_CONTENT}; NULL for the first frame"),
        _change("hist_diff", "Correlation of the luma histogram with the previous frame's (PySceneDetect's "
                "HistogramDetector); 1 = the same; NULL for the first frame", "", -1, 1),
        _change("diff_mean", "Mean absolute luma change to the previous frame; NULL for the first frame"),
        _change("diff_max", "The same in the cell of a 16 x 9 grid that changed most: 0 in a repeated frame"),
        _every("luma_mean", "Mean luma, full range 0-255 whatever the file's range"),
        _every("luma_std", "Standard deviation of luma over the picture", high=128),
        _every("dark_ratio", "Share of pixels with luma of at most 16 of 255", "", 0, 1),
        _every("bright_ratio", "Share of pixels with luma of at least 239 of 255", "", 0, 1),
        _every("sharpness", "Variance of the Laplacian of luma at 320 px; higher is sharper", "levels^2", 0, None),
        _change("vmaf_motion", "VMAF motion: mean absolute difference of the blurred luma to the previous frame, "
                "short side 540; 0 for the first frame"),
        Column("layout", BINARY, "16 x 9 mean lumas (uint8, full range): a tiny picture; every frame."),
        _tick8("flow_dt_s", "Time from the earlier frame of the flow pair to this frame", "s", 0),
        _tick8("flow_mean", "Mean optical flow (DIS at 160 px)", _SPEED, 0),
        _tick8("flow_p95", "95th percentile of the flow", _SPEED, 0),
        _tick8("flow_static_ratio", "Share of pixels that move less than 0.25 px at 160 px in the pair", "", 0, 1),
        Column("flow_grid", BINARY, "16 x 9 x (x, y) flow vectors (float16, mean of each cell), right and down "
               "positive; up to 8 a second, else NULL.", _SPEED, quick=APPROXIMATE),
        _tick8("camera_dx", "Picture translation to the right, robust fit to the grid", _SPEED),
        _tick8("camera_dy", "Picture translation downwards", _SPEED),
        _tick8("camera_roll", "Picture rotation, clockwise positive", "degrees per s"),
        _tick8("camera_zoom", "Natural logarithm of the scale change; growing positive", "1/s"),
        _tick8("camera_inliers", "Share of grid vectors that agree with the fit", "", 0, 1),
        _tick8("camera_residual", "Median distance of the grid vectors to the fit", _SPEED, 0),
        _tick4("saturation", "Mean HSV saturation"),
        _tick4("rg_mean", "Mean of R - G (Hasler and Suesstrunk's colourfulness)", low=-255),
        _tick4("rg_std", "Standard deviation of R - G"),
        _tick4("yb_mean", "Mean of (R + G) / 2 - B", low=-255),
        _tick4("yb_std", "Standard deviation of (R + G) / 2 - B"),
        _tick4("blockiness", "Luma step across 8 x 8 block borders over the step elsewhere, native resolution; "
               "1 = no blocks", "", 0, None),
        _tick4("noise", "Standard deviation of fine grain in the flattest tenth of the picture", high=None),
        _border("top", "Height"),
        _border("bottom", "Height"),
        _border("left", "Width"),
        _border("right", "Width"),
        Column("transition_probability", FLOAT, "Probability of a shot transition by a neural detector; NULL where "
               "not evaluated.", "", 0, 1, quick=APPROXIMATE),
    ),
    group_rows=1 << 15,
)  # fmt: skip

KEYFRAMES = Table(
    "keyframes",
    "Small pictures: one a second, and both sides of each peak of the content metric.",
    ("video_id", "frame"),
    (
        VIDEO_ID,
        Column("frame", INT, "Frame number in presentation order.", "", 0),
        Column("pts_s", DOUBLE, "The frame's own timestamp.", "s"),
        Column("width", INT, "Width of the picture; the long side is at most 640.", "px", 1, 640),
        Column("height", INT, "Height of the picture.", "px", 1, 640),
        Column("jpeg", BINARY, "The picture, JPEG quality 85, in displayed orientation."),
    ),
    group_rows=256,
)

STATUSES = ("ok", "truncated", "corrupt", "unsupported", "no_video", "crashed", "timeout")

LOST = ("crashed", "timeout")
"""Statuses that another attempt may change: they are a fact of the run, not of the bytes."""

SCANS = Table(
    "scans",
    "One row per video: how its one decode ended.",
    ("video_id",),
    (
        VIDEO_ID,
        Column("frames_decoded", INT, "Frames that came out of the decoder.", "", 0),
        Column("quick", BOOL, "A quick scan left frames out: those that no other frame refers to."),
        Column("end_s", DOUBLE, "Timestamp at which the last decoded frame ends.", "s"),
        Column("status", STRING, f"One of {', '.join(STATUSES)}."),
        Column("error", STRING, "One sentence that says what went wrong; NULL when ok."),
    ),
)

SHOT_COUNTS = Table(
    "shot_counts",
    "One row per video: how its decoded frames were divided; joined into the view `scans`.",
    ("video_id",),
    (
        VIDEO_ID,
        Column("shots", INT, "Shots found.", "", 0),
        Column("short_shots", INT, "Shots under 1 s: not made into clips.", "", 0),
        Column("short_shot_frames", INT, "Frames of those.", "", 0),
        Column("transition_frames", INT, "Frames of dissolves and fades: they belong to no shot.", "", 0),
    ),
)

_bound = partial(Column, quick=APPROXIMATE)
"""Of a clip: cuts and transitions are found among the decoded frames."""

CLIPS = Table(
    "clips",
    "One row per clip: a span of one shot. Nothing is cut until a tier wants it.",
    ("clip_id",),
    (
        replace(CLIP_ID, quick=APPROXIMATE),
        VIDEO_ID,
        SHARD,
        _bound("shot_start_frame", INT, "First decoded frame of the shot.", "", 0),
        _bound("shot_end_frame", INT, "First decoded frame after the shot.", "", 0),
        _bound("start_frame", INT, "First frame of the clip: the sharpest of the shot's first half second.", "", 0),
        _bound("end_frame", INT, "First decoded frame after the clip.", "", 0),
        _bound("start_s", DOUBLE, "Timestamp of the first frame.", "s"),
        _bound("end_s", DOUBLE, "Timestamp of the first frame after the clip, or the end of the last frame.", "s"),
        _bound("duration_s", DOUBLE, "end_s - start_s; 0 for an image.", "s", 0),
        _bound("fps", DOUBLE, "Frames over duration, of a quick scan the file's rate; NULL for an image.", "1/s", 0),
        Column("width", INT, "Displayed width of the video.", "px", 1),
        Column("height", INT, "Displayed height of the video.", "px", 1),
        Column("short_side", INT, "Shorter side of the crop box.", "px", 0, serves="resolution"),
        Column("orientation", STRING, "landscape, portrait or square, by the crop box.", serves="aspect"),
        Column("crop_x", INT, "Left edge of the content box inside borders.", "px", 0),
        Column("crop_y", INT, "Top edge of the content box.", "px", 0),
        Column("crop_w", INT, "Width of the content box.", "px", 0),
        Column("crop_h", INT, "Height of the content box.", "px", 0),
        _bound("boundary_in", STRING, "How the clip begins: start, cut, dissolve, fade or chop."),
        _bound("boundary_out", STRING, "How the clip ends: end, cut, dissolve, fade or chop."),
    ),
)

ERRORS = Column("errors", pa.map_(pa.string(), pa.string()), "Scorer to reason, where a measurement is NULL.")


def _declared() -> Iterator[Column]:
    """The scorers' columns. Raises ValueError when two declare the same."""
    owners: dict[str, str] = {}
    for scorer in SCORERS:
        for column in scorer.columns:
            if column.name in owners:
                raise ValueError(f"scorers {owners[column.name]} and {scorer.name} both declare {column.name}")
            owners[column.name] = scorer.name
            yield column


FILTER_SCORES = Table(
    "filter_scores",
    "One wide row per clip, in the order of `clips`: every measured quantity. Nothing is judged here.",
    ("clip_id",),
    (CLIP_ID, *_declared(), ERRORS),
)

TIERS = Table(
    "tiers",
    "One row per clip that reached a tier, with its verdict as bits, one a rule in the preset's order.",
    ("preset", "tier", "clip_id"),
    (
        CLIP_ID,
        Column("fail_mask", pa.uint64(), "Bit i is set when rule i rejects the clip."),
        Column("unmeasured_mask", pa.uint64(), "Bit i is set when rule i found no value."),
        Column("kept", BOOL, "The clip is in the tier."),
        Column("rules_version", STRING, "Fingerprint of the rules that judged."),
    ),
    uncompressed=("clip_id",),
)

STORED = (SOURCES, SOURCE_IDS, RAW_VIDEOS, FRAME_SIGNALS, KEYFRAMES, SCANS, SHOT_COUNTS, CLIPS, FILTER_SCORES)
"""Tables with one file a shard; tiers are stored by preset."""
