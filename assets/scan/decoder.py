"""The only file that opens a container: allow-lists, limits, timestamps, and how a decode ended.

Loaded only by workers that read media (it imports av).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.container
import av.error
from av.stream import Discard, Disposition

from .clock import Clock
from .leaving_out import LeavingOut

FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "mpegts", "mpeg", "mpegvideo", "m4v", "h264", "hevc", "ivf",
    "obu", "flv", "asf", "gif", "apng", "ogg", "mxf", "dv", "rm", "nut", "mjpeg",
    "jpeg_pipe", "png_pipe", "webp_pipe", "bmp_pipe", "tiff_pipe",
)  # fmt: skip
"""Demuxers that read one file and nothing else; playlists and patterns (hls, dash, concat, sdp, image2) stay out."""

SIGNATURES = (b"ftyp", b"moov", b"mdat", b"\x1aE\xdf\xa3", b"RIFF", b"FLV\x01", b"\x30\x26\xb2\x75", b"OggS", b"GIF8",
              b"\x89PNG", b"\xff\xd8\xff", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3")  # fmt: skip
"""First bytes of files that claim to be media: unreadable, they are corrupt and not merely unsupported."""

IMAGES = {b"\xff\xd8\xff": "jpeg_pipe", b"\x89PNG\r\n": "png_pipe", b"BM": "bmp_pipe", b"II*\0": "tiff_pipe",
          b"MM\0*": "tiff_pipe", b"GIF8": "gif"}  # fmt: skip
"""First bytes to demuxer: named outright, because libav would try its pattern reader on an image's file name."""

BAD_MEDIA = (av.error.FFmpegError, ValueError, OverflowError, EOFError)
"""What PyAV raises for media that it cannot read."""

NOMINAL_FPS = 25.0
DEMUX_RETRIES = 16
SKIPPED = Disposition.attached_pic | Disposition.timed_thumbnails


@dataclass
class Counters:
    """What this process has opened and decoded so far."""

    demux_opens: int = 0
    decode_opens: int = 0
    frames: int = 0

    @property
    def opens(self) -> int:
        return self.demux_opens + self.decode_opens


COUNTERS = Counters()


@dataclass(frozen=True)
class ScanLimits:
    """How much of a file is read. Past the limits a decode stops with status `unsupported`; the frames until then are
    kept.
    """

    max_pixels: int = 8192 * 4320
    max_frames: int = 2_000_000
    max_duration_s: float = 24 * 3600.0
    quick: bool = False
    """Leave out frames that no other frame refers to (leaving_out.py)."""


class MediaError(Exception):
    """A file that cannot be read: `status` is unsupported, corrupt or no_video, the message one sentence."""

    def __init__(self, status: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def open_media(path: str | Path, *, decode: bool = True) -> av.container.InputContainer:
    """Open one local file with the demuxers of FORMATS and the protocol `file` only.

    The address is spelled `file:` + absolute path, so that no name is read as a protocol or a pattern.
    Raises MediaError when libav cannot open it, FileNotFoundError when there is no such file.
    """
    if os.stat(path).st_size == 0:
        raise MediaError("corrupt", "The file is empty (0 bytes).")
    COUNTERS.decode_opens += decode
    COUNTERS.demux_opens += not decode
    options = {"protocol_whitelist": "file", "format_whitelist": ",".join(FORMATS), "enable_drefs": "0"}
    with open(path, "rb") as file:
        head = file.read(16)
    forced = "webp_pipe" if head[8:12] == b"WEBP" else None
    forced = next((name for mark, name in IMAGES.items() if head.startswith(mark)), forced)
    try:
        return av.open(
            "file:" + os.path.abspath(path), format=forced, container_options=options, metadata_errors="replace"
        )
    except BAD_MEDIA as error:
        raise _open_error(head, error) from error


def _open_error(head: bytes, error: Exception) -> MediaError:
    if any(mark in head for mark in SIGNATURES):
        return MediaError("corrupt", f"The container cannot be read: {reason(error)}.")
    if isinstance(error, av.error.ArgumentError):
        return MediaError("unsupported", "Not one of the media formats that are read: its format is not allowed.")
    return MediaError("unsupported", f"Not one of the media formats that are read: {reason(error)}.")


def reason(error: Exception) -> str:
    """libav's own words, without number and path."""
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


def video_stream(container: av.container.InputContainer) -> av.VideoStream:
    """The best moving picture (or the image), never a cover. Raises MediaError when none can be decoded."""
    found = [s for s in container.streams.video if not s.disposition & SKIPPED]
    if not found:
        raise MediaError("no_video", f"No video stream; the file has {len(container.streams)} other stream(s).")
    usable = [s for s in found if s.codec_context is not None]
    if not usable:
        raise MediaError("unsupported", "No decoder for the video stream's codec.")
    best = container.streams.best("video")
    stream = best if best in usable else max(usable, key=lambda s: s.width * s.height)
    for other in container.streams:
        if other.index != stream.index:
            other.discard = Discard.all
    return stream


def frame_interval(stream: av.VideoStream) -> float:
    """Nominal seconds from frame to frame; 1/25 where the file does not say."""
    rate = stream.average_rate or stream.guessed_rate
    return 1 / float(rate) if rate else 1 / NOMINAL_FPS


def pixel_aspect(stream: av.VideoStream) -> float:
    """Width over height of a stored pixel; 1 where the file does not say."""
    aspect = stream.sample_aspect_ratio
    return float(aspect) if aspect else 1.0


class Decode:
    """One decode of one file: iterate it for (index, pts_s, frame), then read how it ended.

    status: ok; truncated (the file ends early); corrupt (packets or frames in between are damaged); unsupported (no
    decoder, or past a limit); no_video. `error` is one sentence, None when ok. end_s: when the last frame ends.
    pixel_aspect: known from the first frame on. quick: frames were left out because the limits ask for it, so that
    damage in those was not seen.
    Whatever the status, all frames that could be decoded were handed out.
    """

    def __init__(self, path: str | Path, limits: ScanLimits) -> None:
        self.path, self.limits = path, limits
        self.status, self.error = "ok", None  # type: str, str | None
        self.frames, self.packets = 0, 0
        self.bad_packets, self.bad_frames = 0, 0
        self.end_s: float | None = None
        self.pixel_aspect = 1.0
        self._first_error, self._demux_error = "", ""
        self._leaving_out = LeavingOut() if limits.quick else None

    @property
    def quick(self) -> bool:
        return self._leaving_out is not None and self.frames + self.bad_packets < self._leaving_out.promised

    def __iter__(self) -> Iterator[tuple[int, float, av.VideoFrame]]:
        try:
            container = open_media(self.path)
        except MediaError as error:
            self._end(error.status, str(error))
            return
        with container:
            try:
                stream = video_stream(container)
                self._check_size(stream.width, stream.height)
                stream.codec_context.thread_count = 1
                self.pixel_aspect = pixel_aspect(stream)
                yield from self._stamped(container, stream)
            except MediaError as error:
                self._end(error.status, str(error))
            else:
                self._judge(container, stream)

    def _stamped(
        self, container: av.container.InputContainer, stream: av.VideoStream
    ) -> Iterator[tuple[int, float, av.VideoFrame]]:
        clock, start = Clock(frame_interval(stream)), None
        base = stream.time_base or Fraction(1)
        up, down = base.numerator, base.denominator
        for frame in self._frames(container, stream):
            pts = frame.pts
            now = clock(None if pts is None else pts * up / down)
            start = now if start is None else start
            self._check_limits(frame, now - start)
            index = self.frames
            self.frames += 1
            COUNTERS.frames += 1
            self.bad_frames += frame.is_corrupt
            length = frame.duration * up / down if frame.duration else clock.interval_s
            self.end_s = now + length
            yield index, now, frame

    def _check_size(self, width: int, height: int) -> None:
        if width * height > self.limits.max_pixels:
            raise MediaError(
                "unsupported", f"Frames of {width} x {height} are over the limit of {self.limits.max_pixels} pixels."
            )

    def _check_limits(self, frame: av.VideoFrame, elapsed_s: float) -> None:
        limits = self.limits
        self._check_size(frame.width, frame.height)
        if self.frames >= limits.max_frames or elapsed_s > limits.max_duration_s:
            over = f"the limit of {limits.max_frames} frames or {limits.max_duration_s:g} s"
            raise MediaError("unsupported", f"Longer than {over}; the rest was not read.")

    def _frames(self, container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
        for packet in self._packets(container, stream):
            self.packets += packet.size > 0
            if self._leaving_out is not None:
                self._leaving_out(packet, stream.codec_context)
            try:
                yield from packet.decode()
            except BAD_MEDIA as error:
                self.bad_packets += 1
                self._first_error = self._first_error or reason(error)
        try:
            yield from stream.codec_context.decode(None)
        except BAD_MEDIA:
            return

    def _packets(self, container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.Packet]:
        retries = 0
        while retries <= DEMUX_RETRIES:
            seen = self.packets
            try:
                for packet in container.demux(stream):
                    if packet.size:
                        yield packet
                return
            except BAD_MEDIA as error:
                self._demux_error = self._demux_error or reason(error)
                retries = 0 if self.packets > seen else retries + 1

    def _judge(self, container: av.container.InputContainer, stream: av.VideoStream) -> None:
        missing = self._missing(container, stream)
        if missing:
            self._end("truncated", missing)
        elif self.frames == 0:
            self._end("corrupt", f"None of {self.packets} packets could be decoded: "
                      f"{self._first_error or self._demux_error or 'no picture came out'}.")  # fmt: skip
        elif self._demux_error:
            self._end("corrupt", f"The container is damaged: {self._demux_error}.")
        elif self.bad_packets or self.bad_frames:
            self._end("corrupt", f"{self.bad_packets} of {self.packets} packets could not be decoded and "
                      f"{self.bad_frames} frames came out damaged.")  # fmt: skip

    def _missing(self, container: av.container.InputContainer, stream: av.VideoStream) -> str | None:
        """What the header promises beyond what came; only headers that are reliable are asked."""
        if "mov" in container.format.name and stream.frames > self.packets + max(1, stream.frames // 100):
            return f"The file ends early: {self.packets} of {stream.frames} packets are there."
        lone = len(container.streams) == 1 and container.format.name in ("matroska,webm", "avi", "asf")
        if not lone or not container.duration or self.end_s is None:
            return None
        promised = container.duration / av.time_base
        reached = self.end_s - (container.start_time or 0) / av.time_base
        if reached < promised - max(1.0, 0.05 * promised):
            return f"The file ends early: {reached:.1f} of {promised:.1f} s are there."
        return None

    def _end(self, status: str, sentence: str) -> None:
        self.status, self.error = status, sentence


def decode(path: str | Path, limits: ScanLimits | None = None) -> Decode:
    """The one decode of a file. Raises nothing for bad media, FileNotFoundError when the file is gone."""
    return Decode(path, limits or ScanLimits())
