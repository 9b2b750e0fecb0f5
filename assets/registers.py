"""Small JSON files that a root keeps beside its tables: what is known of files without opening them."""

from __future__ import annotations

import json
import os
import uuid
from typing import Any

from .columns import Table
from .store import Store


def read_register(store: Store, name: str) -> Any:
    """What the register below the root holds; None when there is none."""
    try:
        with store.fs.open_input_stream(f"{store.root}/{name}") as stream:
            return json.loads(stream.read())
    except FileNotFoundError:
        return None


def write_register(store: Store, name: str, told: Any) -> None:
    """Replace a register: temporary name then rename, on an object store one PUT."""
    target = f"{store.root}/{name}"
    path = f"{target}.{uuid.uuid4().hex[:8]}.tmp" if store.is_local else target
    store.fs.create_dir(os.path.dirname(target), recursive=True)
    with store.fs.open_output_stream(path) as stream:
        stream.write(json.dumps(told).encode())
    if store.is_local:
        os.replace(path, target)
    store.forget(target)


def columns_of(table: Table) -> list[str]:
    """Names and types of the declared columns: what a register knows of files of other columns does not hold."""
    return [f"{column.name} {column.type}" for column in table.columns]
