"""What a person sees and does in the UI: the graph and an asset's page with its pictures; shards are materialized by clicks, a sensor is switched on and runs a dropped file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from browser import page
from conftest import Clipsieve
from services import graphql, served, wait_for

SETTINGS = {
    "CLIPSIEVE_SHARDS": json.dumps({"max_files": 2, "open_share": 0.5}),
    "CLIPSIEVE_AUTOMATION": json.dumps({"quiet_s": 5}),
    "CLIPSIEVE_FIGURES": "true",
}
BACKFILLS = "{ partitionBackfillsOrError { ... on PartitionBackfills { results { id status numPartitions } } } }"
LAUNCH = (
    "mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) { __typename "
    "... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"
)
RUNS = (
    "query($f: RunsFilter) { runsOrError(filter: $f) { ... on Runs { results "
    "{ jobName status tags { key value } } } } }"
)


@dataclass
class Served:
    """A root of three shards under `clipsieve ui`, and the folder that it was made of."""

    address: str
    root: Path
    videos: Path

    def runs(self, **wanted: Any) -> list[dict[str, Any]]:
        found = graphql(self.address, RUNS, f=wanted)["runsOrError"]["results"]
        return [run | {"tags": {t["key"]: t["value"] for t in run["tags"]}} for run in found]

    def backfill(self) -> dict[str, Any]:
        """The newest, when it has ended."""

        def ended() -> Any:
            listed = graphql(self.address, BACKFILLS)["partitionBackfillsOrError"]["results"]
            return listed and listed[0]["status"] not in ("REQUESTED", "CANCELING") and listed[0]

        found: dict[str, Any] = wait_for(ended, 300)
        return found


@pytest.fixture(scope="module")
def ui(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    from conftest import call

    folder = tmp_path_factory.mktemp("served")
    videos, root = Path(shutil.copytree(drawn, folder / "videos")), folder / "root"
    with pytest.MonkeyPatch.context() as patched:
        for name, value in SETTINGS.items():
            patched.setenv(name, value)
        assert call("run", "--input", videos, "--root", root, "--workers", "2").code == 0
    with served(root, **SETTINGS) as address:
        yield Served(address, root, videos)


def clips(ui: Served) -> list[str]:
    return sorted(path.stem for path in (ui.root / "clips").glob("*.parquet"))


def remove_clips(ui: Served) -> list[str]:
    removed = clips(ui)
    for shard in removed:
        (ui.root / "clips" / f"{shard}.parquet").unlink()
    return removed


PICTURES = "() => [...document.querySelectorAll('[role=dialog] img')].map(i => [i.naturalWidth, i.clientWidth])"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_graph_and_the_pages_show_what_was_written(ui: Served) -> None:
    """Groups of the graph; of an asset the description, owner, checks, columns with units, and its pictures whole."""
    with page(1440, 1000) as browser:
        browser.goto(f"{ui.address}/asset-groups")
        for group in ("sources", "scan", "clips", "filter_scores", "embeddings", "captions", "tiers"):
            browser.get_by_text(group, exact=True).first.wait_for()
        browser.goto(f"{ui.address}/assets/scores/sharpness?view=overview")
        for told in ("How much fine detail the picture holds", "Owners", "levels^2", "clips that it would reject"):
            browser.get_by_text(told).first.wait_for()
        for asset in ("scores/sharpness", "clips", "tier_1"):
            browser.goto(f"{ui.address}/assets/{asset}?view=overview")
            browser.get_by_text("[Show Markdown]").last.click()
            browser.locator("[role=dialog] img").first.wait_for()
            browser.wait_for_timeout(1500)
            drawn = browser.evaluate(PICTURES)
            assert max(own for own, _ in drawn) > 300 and all(0 < shown <= own for own, shown in drawn)
            browser.keyboard.press("Escape")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_backfill_of_several_shards_is_one_run(ui: Served) -> None:
    shards = remove_clips(ui)
    assert len(shards) == 3
    params = {"assetSelection": [{"path": ["clips"]}], "partitionNames": shards}
    assert graphql(ui.address, LAUNCH, p=params)["launchPartitionBackfill"]["__typename"] == "LaunchBackfillSuccess"
    done = ui.backfill()
    assert done["status"] == "COMPLETED_SUCCESS" and clips(ui) == shards
    assert len(ui.runs(tags=[{"key": "dagster/backfill", "value": done["id"]}])) == 1, "ranges of up to 20 shards"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_clicked_backfill_finishes(ui: Served) -> None:
    shards = remove_clips(ui)
    before = ui.backfill()["id"] if graphql(ui.address, BACKFILLS)["partitionBackfillsOrError"]["results"] else None
    with page() as opened:
        opened.goto(f"{ui.address}/assets/clips?view=partitions")
        opened.get_by_role("button", name="Materialize").first.click()
        opened.get_by_role("button", name="All", exact=True).click()
        opened.get_by_text("3 partitions").first.wait_for()
        opened.get_by_role("button", name="Launch backfill").click()
        wait_for(lambda: (found := ui.backfill())["id"] != before and found, 300)
    done = ui.backfill()
    assert (done["status"], done["numPartitions"], clips(ui)) == ("COMPLETED_SUCCESS", 3, shards)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_sensor_that_is_switched_on_runs_a_dropped_file(ui: Served, clipsieve: Clipsieve) -> None:
    with page() as opened:
        opened.goto(f"{ui.address}/automation")
        for name in ("new_files", "next_stage", "nightly"):
            opened.get_by_role("link", name=name).wait_for()
        opened.get_by_role("link", name="new_files").click()
        opened.get_by_text("Off until you switch it on").wait_for()
        opened.locator("label:has(input[type=checkbox])").first.click()
    data = (ui.videos / "pan.mp4").read_bytes()
    (ui.videos / "dropped.mp4").write_bytes(data + b"\0" * 16)
    wait_for(lambda: [r for r in ui.runs(pipelineName="tidy_root") if r["status"] == "SUCCESS"], 600)
    runs = [run for run in ui.runs() if run["tags"].get("clipsieve/asked_by") in ("new_files", "next_stage")]
    assert [run["status"] for run in runs] == ["SUCCESS"] * 4, "shards, first tier, captions, other tiers"
    assert [run["tags"]["clipsieve/asked_by"] for run in runs].count("new_files") == 1
    query = "SELECT count(*) AS n FROM tiers JOIN clips USING (clip_id) JOIN sources s USING (video_id) WHERE s.uri LIKE '%dropped.mp4'"
    answer = clipsieve("sql", query, "--root", ui.root, "--format", "json")
    assert answer.data[0]["n"] > 0
    plan = clipsieve("run", "--input", ui.videos, "--root", ui.root, "--dry-run", "--format", "json")
    assert plan.data == []
