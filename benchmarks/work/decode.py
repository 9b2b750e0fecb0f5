"""The floor: every frame of a video decoded by PyAV on one libav thread, and nothing done with it.

    python -m benchmarks.work.decode VIDEO

Prints the frames, the threads of the process, and what it cost.
"""

from __future__ import annotations

import sys
from typing import Any

import av
import psutil

from ..rounds import measured


def decode(path: str) -> dict[str, Any]:
    """Counts of decoded frames, and of this process's threads while the decoder is open."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        frames = sum(1 for _ in container.decode(stream))
        return {"frames": frames, "threads": psutil.Process().num_threads()}


if __name__ == "__main__":
    measured(lambda: decode(sys.argv[1]))
