"""Where finished videos of a shard wait for it to be assembled, and what is swept when they are not needed."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from ..lineage import Lineage
from ..store import Store
from ..tables import SCANS

STAGING = ".staging"
ABANDONED_S = 3600.0
"""A temporary file that nothing has written to for so long was left by a killed process."""


def staging_folder(store: Store, shard: str, recipe: str) -> Path:
    """Finished videos of one shard and recipe wait here; another recipe's are never taken for them."""
    return Path(store.root) / STAGING / shard / recipe[:16]


def sweep_staging(store: Store, lineage: Lineage) -> None:
    """Remove staged videos of shards whose scan is up to date, and temporary files that were abandoned."""
    if not store.is_local:
        return
    for folder in Path(store.root, STAGING).glob("*"):
        if lineage.is_fresh(SCANS.name, folder.name, lineage.scan(folder.name)):
            shutil.rmtree(folder, ignore_errors=True)
    for path in Path(store.root).rglob("*.tmp"):
        if time.time() - os.stat(path).st_mtime > ABANDONED_S:
            path.unlink(missing_ok=True)
