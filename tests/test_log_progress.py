"""Progress lines in a run's log: what a person who waits wants to know."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from assets import partitions
from assets.partitions import LOG_EVERY_S, LogProgress


def progress(lines: list[str]) -> LogProgress:
    context: Any = SimpleNamespace(log=SimpleNamespace(info=lines.append))
    return LogProgress(context)


def test_lines_come_now_and_then_and_tell_speed_and_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now, lines = [100.0], []
    monkeypatch.setattr(partitions.time, "monotonic", lambda: now[0])
    told = progress(lines)
    told.begin("scan", "shard-000001", 4, 7200.0)
    told.advance(1, 900.0)
    now[0] += LOG_EVERY_S
    told.advance(1, 900.0)
    told.advance(1, 1800.0)
    now[0] += LOG_EVERY_S
    told.advance(1, 3600.0)
    told.end()
    assert lines == [
        "scan shard-000001: 2 of 4, 0.50 of 2.00 video hours, 180.0 times real time, 30 s left",
        "scan shard-000001: 4 of 4, 2.00 of 2.00 video hours, 360.0 times real time",
        "scan shard-000001: done, 4 in 20.0 s, 2.00 of 2.00 video hours, 360.0 times real time",
    ]


def test_steps_without_video_time_tell_none() -> None:
    lines: list[str] = []
    told = progress(lines)
    told.begin("duplicates", "all shards", 3, 0.0)
    told.advance(3)
    told.end()
    assert lines == ["duplicates all shards: done, 3 in 0.0 s"]
