"""Small JSON files that a root keeps beside its tables: what is known of files without opening them, and what the
last run decided. All of it can be found out or decided again, so that a broken one is as good as none.
"""

from __future__ import annotations

import os
import uuid
from typing import Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from .columns import Table
from .store import Store

Told = TypeVar("Told")


class Register(Generic[Told]):
    """JSON files of one form, a dataclass that pydantic checks."""

    def __init__(self, form: type[Told]) -> None:
        self._form = TypeAdapter(form)

    def read(self, store: Store, name: str) -> Told | None:
        """What the file below the root holds; None when there is none, or one of another form."""
        try:
            with store.fs.open_input_stream(f"{store.root}/{name}") as stream:
                return self._form.validate_json(stream.read())
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return None

    def write(self, store: Store, name: str, told: Told) -> None:
        """Replace the file: temporary name then rename, on an object store one PUT."""
        target, content = f"{store.root}/{name}", self._form.dump_json(told)  # a stream that is closed is published
        path = f"{target}.{uuid.uuid4().hex[:8]}.tmp" if store.is_local else target
        store.fs.create_dir(os.path.dirname(target), recursive=True)
        try:
            with store.fs.open_output_stream(path) as stream:
                stream.write(content)
            if store.is_local:
                os.replace(path, target)
        finally:
            if store.is_local and os.path.exists(path):
                os.remove(path)
        store.forget(target)


def columns_of(table: Table) -> list[str]:
    """Names and types of the declared columns: what a register knows of files of other columns does not hold."""
    return [f"{column.name} {column.type}" for column in table.columns]
