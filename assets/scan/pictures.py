"""The small pictures that signals look at, in displayed orientation and aspect; nothing is converted at full size.

Loaded only by workers that read media (it imports cv2).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import av
import cv2
import numpy as np

from .planes import Planes, planes_of

CONTENT_WIDTH = 256
LUMA_LONG_SIDE = 320
SMALLEST_SIDE = 32
MOTION_SHORT_SIDE = 360
ASPECT_BOUND = 8.0
TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
LIMITED_BLACK, LIMITED_SPAN = 16, 219
LEVELS = np.arange(256, dtype=np.float64)
TO_LIMITED_LUMA = np.round(LIMITED_BLACK + LEVELS * LIMITED_SPAN / 255).astype(np.uint8)
TO_FULL_LUMA = np.rint(np.clip((LEVELS - LIMITED_BLACK) * (255 / LIMITED_SPAN), 0, 255)).astype(np.uint8)
TO_LIMITED_CHROMA = np.round(128 + (LEVELS - 128) * 224 / 255).astype(np.uint8)


def clockwise(rotation: float) -> int:
    """Clockwise turn (0, 90, 180, 270) for display, from libav's counter-clockwise display matrix angle."""
    return round(-rotation / 90) * 90 % 360


def displayed_size(width: int, height: int, pixel_aspect: float, turn: int) -> tuple[int, int]:
    """Displayed (width, height) of a coded frame: pixel aspect stretches the width, then the picture is turned.

    An aspect outside 1/8 to 8 is taken for a writing error and ignored.
    """
    aspect = pixel_aspect if 1 / ASPECT_BOUND <= pixel_aspect <= ASPECT_BOUND else 1.0
    wide = max(1, round(width * aspect))
    return (height, wide) if turn in (90, 270) else (wide, height)


def _fitted(width: int, height: int, long_side: int) -> tuple[int, int]:
    scale = long_side / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


@dataclass(frozen=True)
class Geometry:
    """Sizes of the pictures of one video, fixed by its first frame: later frames of another size are stretched to it.

    width, height: displayed. turn: clockwise degrees. content: small BGR as PySceneDetect scales it (width about
    256). luma: long side 320; flow: half of that; both at least 32 px a side, larger pictures shrunk, smaller ones
    enlarged. All sizes are (width, height) as displayed.
    """

    width: int
    height: int
    turn: int = 0

    @classmethod
    def of(cls, frame: av.VideoFrame, pixel_aspect: float = 1.0) -> Geometry:
        turn = clockwise(frame.rotation)
        return cls(*displayed_size(frame.width, frame.height, pixel_aspect, turn), turn)

    @cached_property
    def content(self) -> tuple[int, int]:
        factor = 1.0 if self.width < CONTENT_WIDTH else self.width / CONTENT_WIDTH
        return max(1, round(self.width / factor)), max(1, round(self.height / factor))

    @cached_property
    def flow(self) -> tuple[int, int]:
        width, height = _fitted(self.width, self.height, LUMA_LONG_SIDE // 2)
        return max(width, SMALLEST_SIDE), max(height, SMALLEST_SIDE)

    @cached_property
    def luma(self) -> tuple[int, int]:
        return self.flow[0] * 2, self.flow[1] * 2

    def keyframe(self, long_side: int) -> tuple[int, int]:
        if max(self.width, self.height) <= long_side:
            return self.width, self.height
        return _fitted(self.width, self.height, long_side)

    def coded(self, size: tuple[int, int]) -> tuple[int, int]:
        """The same size before the picture is turned."""
        return size[::-1] if self.turn in (90, 270) else size

    def turned(self, image: np.ndarray) -> np.ndarray:
        return cv2.rotate(image, TURNS[self.turn]) if self.turn else image


def halved(image: np.ndarray, x: int, y: int) -> np.ndarray:
    """Means of x by y pixels (each 1 or 2); a last odd line is dropped, which keeps OpenCV on its fast path."""
    height, width = image.shape[0] // y * y, image.shape[1] // x * x
    return cv2.resize(image[:height, :width], (width // x, height // y), interpolation=cv2.INTER_AREA)


def shrunk(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize to (width, height): halvings while an axis is at least twice as long, then bilinear."""
    while True:
        x = 2 if image.shape[1] >= 2 * size[0] else 1
        y = 2 if image.shape[0] >= 2 * size[1] else 1
        if x == y == 1:
            break
        image = halved(image, x, y)
    if image.shape[1::-1] == size:
        return image
    return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)


def bilinear(image: np.ndarray, size: tuple[int, int], out: np.ndarray) -> None:
    """Resize to (width, height) as OpenCV's INTER_LINEAR does, into `out`.

    Where both axes shrink by the same whole odd number, bilinear is every n-th pixel: taken without arithmetic.
    """
    n = image.shape[1] // size[0]
    if n % 2 and image.shape == (size[1] * n, size[0] * n):
        out[:] = image[n // 2 :: n, n // 2 :: n]
    else:
        cv2.resize(image, size, dst=out, interpolation=cv2.INTER_LINEAR)


class Pictures:
    """One frame, shrunk on demand; each picture is made once."""

    def __init__(self, frame: av.VideoFrame, geometry: Geometry, field_only: bool = False) -> None:
        self.planes: Planes = planes_of(frame, field_only)
        self.geometry = geometry

    @property
    def gain(self) -> float:
        """Full-range levels per stored luma level."""
        return 1.0 if self.planes.full_range else 255 / LIMITED_SPAN

    def full_range(self, luma: np.ndarray) -> np.ndarray:
        """Stored luma levels, uint8, as full-range levels, uint8."""
        return luma if self.planes.full_range else TO_FULL_LUMA[luma]

    @cached_property
    def pyramid(self) -> list[np.ndarray]:
        """The luma plane and its halvings in both axes down to 320 px, not yet turned."""
        width, height = self.geometry.coded(self.geometry.luma)
        levels = [self.planes.y]
        while levels[-1].shape[1] >= 2 * width and levels[-1].shape[0] >= 2 * height:
            levels.append(halved(levels[-1], 2, 2))
        return levels

    def at_least(self, size: tuple[int, int]) -> np.ndarray:
        """The smallest picture of the pyramid that is not smaller than (width, height), not turned."""
        return next(
            (p for p in reversed(self.pyramid) if p.shape >= size[::-1] and p.shape[1] >= size[0]), self.planes.y
        )

    @cached_property
    def luma(self) -> np.ndarray:
        """Luma, long side 320, (h, w) uint8, stored range, displayed orientation."""
        return self.geometry.turned(shrunk(self.pyramid[-1], self.geometry.coded(self.geometry.luma)))

    @cached_property
    def flow(self) -> np.ndarray:
        """Luma, long side 160, (h, w) uint8, stored range, displayed orientation."""
        return halved(self.luma, 2, 2)

    @cached_property
    def motion(self) -> np.ndarray:
        """Luma for VMAF motion: halved until the shorter side is under 360 lines, stored range, not turned."""
        best = self.planes.y
        for level in self.pyramid:
            best = level
            if min(level.shape) < MOTION_SHORT_SIDE:
                break
        while min(best.shape) >= MOTION_SHORT_SIDE:
            best = halved(best, 2, 2)
        return best

    @cached_property
    def bgr(self) -> np.ndarray:
        """The picture that PySceneDetect's detectors would see: (h, w, 3) uint8 BGR, width about 256."""
        width, height = self.geometry.coded(self.geometry.content)
        even = (width + width % 2, height + height % 2)
        half = (even[0] // 2, even[1] // 2)
        stack = np.empty((even[1] * 3 // 2, even[0]), np.uint8)
        chroma = stack[even[1] :].reshape(2, half[1], half[0])
        bilinear(self.planes.y, even, stack[: even[1]])
        if self.planes.u is None or self.planes.v is None:
            chroma[:] = 128
        else:
            bilinear(self.planes.u, half, chroma[0])
            bilinear(self.planes.v, half, chroma[1])
        if self.planes.full_range:
            stack[: even[1]] = cv2.LUT(stack[: even[1]], TO_LIMITED_LUMA)
            stack[even[1] :] = cv2.LUT(stack[even[1] :], TO_LIMITED_CHROMA)
        image = cv2.cvtColor(stack, cv2.COLOR_YUV2BGR_I420)
        return self.geometry.turned(np.ascontiguousarray(image[:height, :width]))

    @cached_property
    def hsv(self) -> np.ndarray:
        """`bgr` as HSV, (h, w, 3) uint8; hue 0-179."""
        return cv2.cvtColor(self.bgr, cv2.COLOR_BGR2HSV)

    @cached_property
    def histogram(self) -> np.ndarray:
        """Pixels of `bgr` at each full-range luma level, as OpenCV's BGR to YUV gives it; (256,) float32."""
        yuv = cv2.cvtColor(self.bgr, cv2.COLOR_BGR2YUV)
        return cv2.calcHist([yuv], [0], None, [256], [0, 256]).ravel()
