"""Videos to measure on: real footage joined by hard cuts, with film-like grain, encoded by PyAV's own encoders.

Frames are uint8 arrays of shape (1.5 x height, width): planar YUV 4:2:0 (I420). A file lies in the benchmarks' folder
with the fingerprint of its recipe in its name; a file of another recipe is replaced.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from rich.progress import Progress

from assets.store import fingerprint
from demo.footage import HD, PHOTOGRAPHS, photograph, photograph_to_pan
from demo.footage import pan as pan_over
from demo.footage import zoom as zoom_into

from .figures import Bench

Frame = npt.NDArray[np.uint8]

FPS = 30
SHOT_FRAMES = 180
FOOTAGE = (
    "clear/sam2__0*", "repo_only/dover__*", "research_only/koala-36m__[-4]*",
    "research_only/pyscenedetect__testvideo*",
    "repo_only/imageio-binari__cockatoo_yuv420*",
)  # fmt: skip
"""Files of real footage; those of at least 1280 x 720 are taken, the first 6 s of each."""

DRAWN_SPEEDS = (2.0, 5.0, 9.0)
"""Of pans, in % of the diagonal a second."""
ZOOM_RATE = 0.03
GRAIN_SIGMA = 2.5
GRAIN_BLUR = 0.7
"""Sigma in pixels: grain of film is a little larger than a pixel."""
TINY_LINES, TINY_S = 180, 2.0
MAKING = 1
"""Raised when the same recipe gives other frames than before."""

ENCODERS: dict[str, tuple[str, dict[str, str]]] = {
    "libx264": ("mp4", {"preset": "medium", "crf": "23", "g": "250"}),
    "libx265": ("mp4", {"preset": "fast", "crf": "26", "x265-params": "log-level=error"}),
    "libvpx-vp9": ("webm", {"deadline": "realtime", "cpu-used": "5", "crf": "33", "b": "0", "row-mt": "1"}),
    "libsvtav1": ("webm", {"preset": "8", "crf": "32"}),
}
"""Container and options of each; what is not named here is the encoder's default (B frames included)."""


@dataclass(frozen=True)
class Recipe:
    """How a file is made. grain: sigma of the noise at mid-grey, in levels; repeat: so many times the same packets."""

    name: str
    codec: str = "libx264"
    lines: int = 720
    seconds: float = 60.0
    grain: float = GRAIN_SIGMA
    repeat: int = 1

    @property
    def title(self) -> str:
        return self.name if self.repeat == 1 else f"{self.name} x {self.repeat}"

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.lines * 16 // 9 // 2 * 2, self.lines

    @property
    def frames(self) -> int:
        return round(self.seconds * FPS)


HD_H264 = Recipe("720p H.264")
FULL_HD_H264 = Recipe("1080p H.264", lines=1080)
SHORT_H264 = Recipe("720p H.264, 15 s", seconds=15.0)


@dataclass(frozen=True)
class Input:
    """A file, and what its bytes hold."""

    path: Path
    recipe: Recipe
    frames: int
    seconds: float
    bits: int

    def __str__(self) -> str:
        width, height = self.recipe.size
        return (
            f"{self.recipe.title}: {width} x {height}, {self.frames} frames, {self.frames / self.seconds:g} fps, "
            f"{self.bits / self.seconds / 1e6:.1f} Mb/s"
        )


def made(bench: Bench, recipe: Recipe) -> Input:
    """The file of the recipe, taken as it is when the folder holds it; 2 s of 180 lines where all is to be small."""
    if bench.tiny:
        recipe = replace(recipe, lines=TINY_LINES, seconds=TINY_S)
    sources = sources_of(bench)
    container, options = ENCODERS[recipe.codec]
    footage = [(path.name, path.stat().st_size) for path in sources]
    drawn_with = (FPS, SHOT_FRAMES, GRAIN_BLUR) if sources else (FPS, SHOT_FRAMES, GRAIN_BLUR, DRAWN_SPEEDS, ZOOM_RATE)
    mark = fingerprint(MAKING, asdict(recipe), container, options, footage, drawn_with)[:12]
    name = re.sub(r"[ ,]+", "-", recipe.title)
    path = bench.folder / "videos" / f"{name}.{mark}.{container}"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_name(f"half-{os.getpid()}-{path.name}")  # what a stopped run leaves passes for no whole one
        if recipe.repeat == 1:
            footage_of = real_footage(sources, recipe) if sources else drawn_footage(recipe)
            _encode(half, recipe, footage_of if recipe.grain == 0 else grained(footage_of, recipe.grain))
        else:
            _repeat(made(bench, replace(recipe, repeat=1)).path, half, recipe)
        for old in path.parent.glob(f"{name}.*"):
            old.unlink(missing_ok=True)
        half.rename(path)
    return _as_found(path, recipe)


def origin(bench: Bench) -> str:
    """What the pictures of the inputs are, as a sentence."""
    sources = sources_of(bench)
    what = f"first {SHOT_FRAMES // FPS} s of each of {len(sources)} real videos of 720 lines" if sources else (
        "slow pans and zooms over photographs (no folder of real videos was given)")  # fmt: skip
    return f"Footage: {what}, joined by hard cuts at {FPS} fps; larger sizes by Lanczos scaling."


def sources_of(bench: Bench) -> list[Path]:
    """Readable files of FOOTAGE with enough lines, in the order of FOOTAGE: each gives a shot, then again from the
    first one on. None = footage is drawn.
    """
    folder = bench.shared_videos
    found = chain.from_iterable(sorted(folder.glob(pattern)) for pattern in FOOTAGE) if folder else ()
    return [path for path in found if _is_large(path)]


def _is_large(path: Path) -> bool:
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            return bool(stream.width >= HD[0] and stream.height >= HD[1])
    except (av.error.FFmpegError, IndexError):
        return False


def real_footage(sources: list[Path], recipe: Recipe) -> Iterator[Frame]:
    """Shots of at most SHOT_FRAMES, one a source, from the start again when there are not enough."""
    width, height = recipe.size
    while True:
        for path in sources:
            with av.open(str(path)) as container:
                stream = container.streams.video[0]
                stream.thread_type = "AUTO"
                for frame in islice(container.decode(stream), SHOT_FRAMES):
                    scaled = frame.reformat(width, height, "yuv420p", interpolation="LANCZOS")
                    yield scaled.to_ndarray()


def drawn_footage(recipe: Recipe) -> Iterator[Frame]:
    """A shot a photograph: a slow pan to another direction each time, every third one a zoom."""
    width, height = recipe.size
    while True:
        for number, name in enumerate(PHOTOGRAPHS):
            speed, angle = DRAWN_SPEEDS[number % len(DRAWN_SPEEDS)], 50.0 * number
            if number % 3 == 2:
                shot = zoom_into(photograph(name, HD), SHOT_FRAMES, FPS, ZOOM_RATE)
            else:
                wide = photograph_to_pan(name, SHOT_FRAMES, FPS, speed, angle)
                shot = pan_over(wide, SHOT_FRAMES, FPS, speed, angle, HD)
            for picture in shot:
                scaled = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LANCZOS4)
                yield np.asarray(cv2.cvtColor(scaled, cv2.COLOR_RGB2YUV_I420), np.uint8)


def grained(frames: Iterator[Frame], sigma: float, seed: int = 0) -> Iterator[Frame]:
    """Gaussian luma noise, new in every frame, strongest at mid-grey and a third of that in black and white."""
    cv2.setRNGSeed(seed)
    level = np.arange(256) / 255
    strength = (sigma * (1 + 8 * level * (1 - level)) / 3).astype(np.float32)
    correction = 2 * math.sqrt(math.pi) * GRAIN_BLUR  # about what the blur takes off white noise
    for frame in frames:
        height = frame.shape[0] * 2 // 3
        luma, noise = frame[:height], np.empty((height, frame.shape[1]), np.float32)
        cv2.randn(noise, 0.0, correction)
        noise = cv2.GaussianBlur(noise, (0, 0), GRAIN_BLUR) * cv2.LUT(luma, strength)
        frame[:height] = cv2.add(luma, noise, dtype=cv2.CV_8U)
        yield frame


def _encode(path: Path, recipe: Recipe, frames: Iterator[Frame]) -> None:
    os.environ.setdefault("SVT_LOG", "1")  # errors only
    with av.open(str(path), "w") as container, Progress(transient=True) as progress:
        stream = container.add_stream(recipe.codec, FPS, options=ENCODERS[recipe.codec][1])
        stream.width, stream.height = recipe.size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 0
        shown = progress.track(islice(frames, recipe.frames), recipe.frames, description=f"making {recipe.name}")
        for number, pixels in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(pixels, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _repeat(once: Path, path: Path, recipe: Recipe) -> None:
    """The same packets again and again: exactly so many times the work."""
    with av.open(str(path), "w") as sink:
        copy = None
        for turn in range(recipe.repeat):
            with av.open(str(once)) as source:
                stream = source.streams.video[0]
                copy = copy or sink.add_stream_from_template(stream)
                shift = round(turn * recipe.frames / FPS / stream.time_base)
                for packet in source.demux(stream):
                    if packet.size:
                        packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, copy
                        sink.mux(packet)


def _as_found(path: Path, recipe: Recipe) -> Input:
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(container.streams.video[0]) if p.size]
        seconds = len(packets) / float(container.streams.video[0].average_rate or FPS)
    return Input(path, recipe, len(packets), seconds, 8 * sum(p.size for p in packets))
