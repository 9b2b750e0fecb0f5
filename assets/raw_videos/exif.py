"""The orientation that a camera wrote into a JPEG file: libav tells it only after a decode."""

from __future__ import annotations

import struct
from pathlib import Path

HEAD_BYTES = 1 << 16
ORIENTATION = 0x0112
TURNS = {3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}


def exif_turn(path: str | Path) -> int:
    """Clockwise turn for display (0, 90, 180, 270); 0 where the file says nothing readable. Mirroring is ignored."""
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    start = head.find(b"Exif\0\0")
    if start < 0:
        return 0
    tiff = head[start + 6 :]
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 0
    try:
        return TURNS.get(_first_directory(tiff, order).get(ORIENTATION, 1), 0)
    except struct.error:
        return 0


def _first_directory(tiff: bytes, order: str) -> dict[int, int]:
    """Tag to its first 16-bit value; raises struct.error when cut short."""
    (offset,) = struct.unpack_from(order + "I", tiff, 4)
    (count,) = struct.unpack_from(order + "H", tiff, offset)
    entries = (struct.unpack_from(order + "HHIH", tiff, offset + 2 + 12 * i) for i in range(count))
    return {tag: value for tag, _, _, value in entries}
