"""Automation on a small root without a daemon: ticks as the daemon makes them, their runs executed in this process."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from assets.raw_videos.sources import ShardLimits, read_sources
from assets.store import Store
from orchestration.definitions import build_definitions
from orchestration.instance import open_instance
from orchestration.next_runs import NEW_FILES, NEXT_STAGE, NIGHTLY
from orchestration.resources import build_curation
from orchestration.runner import QUIET
from orchestration.settings import AutomationOptions, Settings


class Automation:
    """`media`: the watched folder. Files are still at once unless `quiet_s` says otherwise."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance, **options: Any) -> None:
        self.media, self.root, self.instance = folder / "media", folder / "root", instance
        self.media.mkdir(exist_ok=True)
        limits = ShardLimits(max_files=options.pop("max_files", 3), open_share=0.5)
        values = AutomationOptions(**({"quiet_s": 0.0} | options))
        self.settings = Settings(
            root=str(self.root), input=str(self.media), shards=limits, automation=values, workers=1
        )
        self.store, self.cursors = Store(str(self.root)), dict[str, str | None]()
        self.reload()

    def reload(self) -> None:
        """As a code location is."""
        self.definitions = build_definitions(build_curation(self.settings), self.settings)

    def drop(self, *names: str) -> None:
        """Files of different bytes that no decoder can open."""
        for name in names:
            path = self.media / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"{name} {time.monotonic_ns()}".encode())

    def tick(self, name: str) -> tuple[list[dg.RunRequest], str]:
        """The runs that a sensor asks for, and what it says when there is none."""
        sensor = self.definitions.resolve_sensor_def(name)
        with dg.build_sensor_context(self.instance, self.cursors.get(name)) as context:
            data = sensor.evaluate_tick(context)
        self.cursors[name] = data.cursor
        return list(data.run_requests or ()), data.skip_message or ""

    def files(self) -> tuple[list[dg.RunRequest], str]:
        return self.tick(NEW_FILES)

    def follow(self) -> tuple[list[dg.RunRequest], str]:
        return self.tick(NEXT_STAGE)

    def night(self, day: int = 1) -> list[dg.RunRequest]:
        schedule = self.definitions.resolve_schedule_def(NIGHTLY)
        at = datetime(2031, 1, day, 2, tzinfo=UTC)
        with dg.build_schedule_context(self.instance, scheduled_execution_time=at) as context:
            return list(schedule.evaluate_tick(context).run_requests or ())

    def execute(self, requests: list[dg.RunRequest]) -> list[bool]:
        """Whether each run ended well."""
        ended = []
        for request in requests:
            job = self.definitions.resolve_job_def(request.job_name or "")
            tags = {**request.tags, "dagster/run_key": request.run_key or ""}
            selected = list(request.asset_selection) if request.asset_selection else None
            ended.append(job.execute_in_process(
                instance=self.instance, asset_selection=selected, tags=tags, run_config=QUIET, raise_on_error=False,
            ).success)  # fmt: skip
        return ended

    def registered(self) -> list[tuple[str, str]]:
        """(file, shard), by file."""
        rows = read_sources(self.store).to_dicts()
        return sorted((os.path.relpath(r["uri"], self.media.resolve()), r["shard"]) for r in rows if not r["gone_at"])

    def waiting(self) -> list[str]:
        return list(json.loads(self.cursors[NEW_FILES] or "{}")["waiting"])


@contextmanager
def automation(folder: Path, **options: Any) -> Iterator[Automation]:
    """Over an instance of its own."""
    with open_instance(Settings(root=str(folder / "root"))) as instance:
        yield Automation(folder, instance, **options)


def steps(requests: list[dg.RunRequest]) -> list[str]:
    return [request.tags["clipsieve/steps"] for request in requests]
