"""The graph as Dagster sees it, and the real UI: services started, assets listed, a backfill launched and finished."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from conftest import Clipsieve

from assets.filter_scores.scorers import SCORERS
from orchestration.definitions import build_definitions
from orchestration.resources import build_curation
from orchestration.settings import Settings

HOUSE = Path(__file__).parents[1]
BY_SHARD = {
    "raw_videos", "frame_signals", "keyframes", "scans", "clips", "filter_scores", "keyframe_hashes", "embeddings",
    "captions",
}  # fmt: skip
OVER_ALL = {"duplicates", "concepts", "tier_1", "tier_2", "tier_3"}


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build_definitions(build_curation(Settings(root=str(tmp_path_factory.mktemp("empty")))))


def specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_definitions_are_valid_and_complete(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)
    expected = BY_SHARD | {f"scores/{s.name}" for s in SCORERS} | OVER_ALL
    assert set(specs(definitions)) == expected


def test_every_asset_tells_a_stranger_what_it_is(definitions: dg.Definitions) -> None:
    for name, spec in specs(definitions).items():
        assert spec.description and len(spec.description) > 40, name
        assert spec.kinds and spec.group_name and spec.group_name != "default", name
        schema = spec.metadata["dagster/column_schema"]
        assert isinstance(schema, dg.TableSchema) and all(c.description for c in schema.columns), name
        assert (spec.partitions_def is not None) == (name not in OVER_ALL), name


@pytest.fixture(scope="module")
def ui(curated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """`clipsieve ui` over a copy of the curated root: (address, root)."""
    root = Path(shutil.copytree(curated, tmp_path_factory.mktemp("ui") / "root"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "orchestration.cli", "ui", "--root", str(root), "--port", str(port)]
    # A shell's background job ignores SIGINT and SIGTERM; the services must not inherit that.
    process = subprocess.Popen(
        command, cwd=HOUSE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        preexec_fn=lambda: [signal.signal(s, signal.SIG_DFL) for s in (signal.SIGINT, signal.SIGTERM)],
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(lambda: _get(f"{address}/server_info"), 120)
        yield address, root
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _get(url: str) -> Any:
    try:
        return json.load(urllib.request.urlopen(url, timeout=5))
    except (urllib.error.URLError, OSError):
        return None


def _wait_for(condition: Any, seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(1)
    raise AssertionError(f"not there after {seconds} s")


def graphql(address: str, query: str, **variables: Any) -> Any:
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{address}/graphql", body, {"content-type": "application/json"})
    answer = json.load(urllib.request.urlopen(request, timeout=30))
    assert "errors" not in answer, answer
    return answer["data"]


LAUNCH = (
    "mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) { __typename "
    "... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"
)
STATUS = "query($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }"


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_runs_by_hand_and_backfills_from_the_ui_share_a_root(ui: tuple[str, Path], clipsieve: Clipsieve) -> None:
    address, root = ui
    nodes = graphql(address, "{ assetNodes { assetKey { path } isPartitioned partitionKeys } }")["assetNodes"]
    shards = {"/".join(n["assetKey"]["path"]): n["partitionKeys"] for n in nodes if n["isPartitioned"]}
    assert set(shards) == BY_SHARD | {f"scores/{s.name}" for s in SCORERS}
    assert all(keys == ["shard-000001"] for keys in shards.values()), "the run by hand made the partition"
    (root / "clips" / "shard-000001.parquet").unlink()
    assert clipsieve("sql", "SELECT * FROM clips", "--root", root, "--format", "json").data == []
    keys = [
        {"path": name.split("/")}
        for name in shards
        if name not in ("raw_videos", "frame_signals", "keyframes", "scans")
    ]
    params = {"assetSelection": keys, "partitionNames": ["shard-000001"]}
    launched = graphql(address, LAUNCH, p=params)["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched

    def ended() -> Any:
        status = graphql(address, STATUS, id=launched["backfillId"])["partitionBackfillOrError"]["status"]
        return status if status not in ("REQUESTED", "CANCELING") else None

    assert _wait_for(ended, 300) == "COMPLETED_SUCCESS"
    assert len(clipsieve("sql", "SELECT * FROM clips", "--root", root, "--format", "json").data) == 5
