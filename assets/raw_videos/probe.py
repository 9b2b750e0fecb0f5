"""What one sequential read of a file tells: its hash, and its packets without decoding one.

Loaded only by workers that read media (it imports av).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.logging
import numpy as np
import xxhash

from ..scan.decoder import BAD_MEDIA, MediaError, frame_interval, open_media, pixel_aspect, reason, video_stream
from ..scan.pictures import clockwise, displayed_size
from ..tables import RAW_VIDEOS
from .exif import exif_turn

BLOCK_BYTES = 4 << 20
HDR_TRANSFERS = (16, 18)
IMAGE_FORMATS = ("jpeg_pipe", "png_pipe", "webp_pipe", "bmp_pipe", "tiff_pipe")
IMAGE_CODECS = ("gif", "apng", "png", "mjpeg", "webp", "av1", "hevc")
VFR_TOLERANCE = 0.1
VFR_SHARE = 0.01
ROTATION = re.compile(r"[Rr]otation of (-?[\d.]+) degrees")


@dataclass
class _Packets:
    """Timestamps and sizes of the video stream's packets, in stream ticks."""

    pts: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    count: int = 0
    bytes: int = 0
    error: str = ""


def hash_file(path: str | Path) -> str:
    """video_id: 128-bit xxHash (XXH3) of a file's bytes, 32 lower-case hex digits. Raises OSError."""
    digest = xxhash.xxh3_128()
    with open(path, "rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def probe(path: str | Path) -> dict[str, Any]:
    """All columns of raw_videos but video_id, from one demux pass; what is unknown is None.

    probe_status is None for a file that can be scanned, else unsupported, corrupt or no_video with one sentence in
    probe_error. Raises nothing for bad media, FileNotFoundError when there is no such file.
    """
    row: dict[str, Any] = dict.fromkeys(name for name in RAW_VIDEOS.names if name != "video_id")
    row["bytes"] = Path(path).stat().st_size
    try:
        with open_media(path, decode=False) as container:
            row["container"] = container.format.name
            row["has_audio"] = bool(container.streams.audio)
            stream = video_stream(container)
            row.update(_stream_columns(container, stream, path))
            packets = _read(container, stream)
            row.update(_packet_columns(packets, stream, container.format.name))
    except MediaError as error:
        row.update(probe_status=error.status, probe_error=str(error))
    return row


def _stream_columns(container: Any, stream: av.VideoStream, path: str | Path) -> dict[str, Any]:
    if stream.width <= 0 or stream.height <= 0:
        raise MediaError("corrupt", f"The {stream.codec_context.name} stream has no picture size.")
    turn = exif_turn(path) if container.format.name == "jpeg_pipe" else clockwise(_display_rotation(container, stream))
    width, height = displayed_size(stream.width, stream.height, pixel_aspect(stream), turn)
    return {
        "codec": stream.codec_context.codec.canonical_name,
        "width": width,
        "height": height,
        "rotation": turn,
        "pix_fmt": stream.codec_context.pix_fmt,
        "is_hdr": stream.codec_context.color_trc in HDR_TRANSFERS,
    }


def _display_rotation(container: Any, stream: av.VideoStream) -> float:
    """Counter-clockwise degrees of the stream's display matrix, 0 without one.

    PyAV exposes the matrix only on decoded frames; libav's own description of the open file (what `ffmpeg -i` prints)
    has it without a decode. It goes through libav's log, whose level is raised for that one call.
    """
    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)
    try:
        text = container.dumps_format()
    finally:
        av.logging.set_level(level)
    sections = re.split(r"^\s*Stream #0:", text, flags=re.MULTILINE)
    mine = [part for part in sections[1:] if re.match(rf"{stream.index}\b", part)]
    found = ROTATION.search(mine[0]) if mine else None
    return float(found[1]) if found else 0.0


def _read(container: Any, stream: av.VideoStream) -> _Packets:
    packets = _Packets()
    try:
        for packet in container.demux(stream):
            if packet.size == 0:
                continue
            packets.count += 1
            packets.bytes += packet.size
            if packet.pts is not None and not packet.is_discard:
                packets.pts.append(packet.pts)
                packets.lengths.append(packet.duration or 0)
    except BAD_MEDIA as error:
        packets.error = reason(error)
    if packets.count == 0:
        raise MediaError("corrupt", f"The video stream has no packets{': ' + packets.error if packets.error else ''}.")
    return packets


def _packet_columns(packets: _Packets, stream: av.VideoStream, container: str) -> dict[str, Any]:
    single = packets.count == 1 and stream.codec_context.name in IMAGE_CODECS
    image = (container in IMAGE_FORMATS and packets.count == 1) or single
    duration = _duration(packets, stream)
    frames = len(packets.pts) or packets.count
    return {
        "packet_count": packets.count,
        "duration_s": duration,
        "fps": None if image or not duration else frames / duration,
        "bit_rate_bps": packets.bytes * 8 / duration if duration and not image else None,
        "is_vfr": False if image else is_vfr(packets.pts, stream.time_base),
        "media": "image" if image else "video",
    }


def _duration(packets: _Packets, stream: av.VideoStream) -> float:
    """Span of the timestamps plus the last frame's length, s; without timestamps count x nominal interval."""
    interval = frame_interval(stream)
    if not packets.pts:
        return packets.count * interval
    base = stream.time_base or Fraction(1, 1)
    last = max(range(len(packets.pts)), key=packets.pts.__getitem__)
    span = (packets.pts[last] - min(packets.pts)) * base
    tail = float(packets.lengths[last] * base)
    if tail <= 0:
        tail = float(span) / (len(packets.pts) - 1) if len(packets.pts) > 1 else interval
    return float(span) + tail


def is_vfr(pts: list[int], time_base: Fraction | None) -> bool:
    """Do more than 1 % of the frame intervals differ from their median by more than timestamp rounding?

    Rounding: 1.5 ticks, or a tenth of the median where that is more. The last interval does not count.
    """
    steps = np.diff(np.sort(np.asarray(pts, dtype=np.float64)))[:-1]
    if steps.size < 2 or time_base is None:
        return False
    median = float(np.median(steps))
    allowed = max(1.5, VFR_TOLERANCE * median)
    return float((np.abs(steps - median) > allowed).mean()) > VFR_SHARE
