"""Stand-ins for the scan of one video, for workers: real crashes, hangs and growth, and a count of real decodes.

Workers import this module by name; a test puts one of these in the place of `scan_one`.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import av

from assets.raw_videos.read_shard import SourceFile
from assets.scan import scan_shard
from assets.scan.scan_shard import ScanItem, Scanned

scan_one = scan_shard.scan_one
LOG = "CLIPSIEVE_TEST_LOG"
KILL_AFTER = "CLIPSIEVE_TEST_KILL_AFTER"


def misbehaving_scan(item: ScanItem) -> Scanned:
    """Dies, hangs, grows or raises, as the file's name says."""
    name = Path(item.uri).name
    if name.startswith("segfault"):
        os.kill(os.getpid(), signal.SIGSEGV)
    if name.startswith("hang"):
        time.sleep(3600)
    if name.startswith("grow"):
        hoard = []
        while True:
            hoard.append(bytearray(os.urandom(1024) * 20_000))
    if name.startswith("raise"):
        raise RuntimeError("a fault of the product itself")
    return scan_one(item)


def logged_scan(item: ScanItem) -> Scanned:
    """The real scan, with every opening of a container and every decoded frame written to a file by this module."""
    opened, decoded = [], []
    real_open = av.open

    def open_and_count(*arguments: object, **options: object) -> object:
        opened.append(arguments)
        return real_open(*arguments, **options)

    av.open = open_and_count
    try:
        result = scan_one(item)
    finally:
        av.open = real_open
    decoded.append(result.frames_decoded)
    with open(os.environ[LOG], "a") as log:
        log.write(f"{Path(item.uri).name}\t{len(opened)}\t{sum(decoded)}\n")
    return result


def slow_logged_scan(item: ScanItem) -> Scanned:
    """As above, and slow, so that a kill finds some videos finished and others in work."""
    result = logged_scan(item)
    time.sleep(0.7)
    return result


def failing_read(file: SourceFile) -> dict[str, object]:
    """A file that may not be read, whoever runs the test."""
    raise PermissionError(13, "Permission denied")


def scan_that_dies_at_its_end(item: ScanItem) -> Scanned:
    """The rows are staged, and the worker is gone before it could tell."""
    result = scan_one(item)
    if item.uri.endswith("pan.mp4"):
        os.kill(os.getpid(), signal.SIGSEGV)
    return result
