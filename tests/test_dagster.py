"""The graph as Dagster sees it, and the real UI: services started, assets listed, a backfill launched and finished."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from conftest import Clipsieve
from services import graphql, served, wait_for

from assets.filter_scores.scorers import SCORERS
from orchestration.definitions import build_definitions
from orchestration.resources import build_curation
from orchestration.settings import Settings

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
    with served(root) as address:
        yield address, root


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

    assert wait_for(ended, 300) == "COMPLETED_SUCCESS"
    assert len(clipsieve("sql", "SELECT * FROM clips", "--root", root, "--format", "json").data) == 5
