"""Values and names as SQL: the only way by which a preset or a path reaches a query."""

from __future__ import annotations

from typing import Any


def literal(value: Any) -> str:
    """A SQL literal. Texts are quoted; nothing of a preset reaches SQL in another way."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _double(float(value))
    return "'" + str(value).replace("'", "''") + "'"


def _double(value: float) -> str:
    """With an exponent: without one DuckDB reads a DECIMAL, whose way back to DOUBLE rounds."""
    return repr(value) if "e" in repr(value) else f"{value!r}e0"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
