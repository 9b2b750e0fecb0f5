"""One way of asking the tiers of a preset about all clips of a root, in a process of its own.

    python -m benchmarks.work.tiers WAY ROOT PRESET [--rules] [--threads N]

`raw`: one scan that adds up every column that the tiers read, ids included, and joins nothing; `raw_values`: the same
without the ids. `select`: the tiers' SQL in one pass, to counts. `each`: the same tier by tier, each on what is stored
of the one before. `write`: every tier judged and written as a run does it, the views opened for each. `funnel`: what
`clipsieve funnel` does where tiers are stored; `memory`: where they are not. `--rules` leaves sampling out.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import duckdb
import pyarrow.dataset  # noqa: F401 - the first query to read Arrow would import it

from assets.compaction import SCORED_CLIPS, readable_files
from assets.lineage import Lineage
from assets.options import Options
from assets.store import Store
from assets.tables import CLIPS
from assets.tiers.bounds import Preset
from assets.tiers.funnel import funnel, judge_in_memory, stored_funnel_tiers
from assets.tiers.judge import expected_stamp, sql_by_place, write_tier
from assets.tiers.literals import literal, quoted
from assets.tiers.rules import load_preset
from assets.tiers.sampling import WINDOWED
from assets.tiers.sql import judge_all_sql
from assets.tiers.vocabulary import vocabulary
from assets.views import connect

from ..rounds import measured

KNOWN = vocabulary()
Told = dict[str, Any]


def preset_of(name: str, rules_only: bool) -> Preset:
    """A shipped preset with every rule active; without the rules that look at more than one clip when asked."""
    preset = load_preset(name, KNOWN)
    if not rules_only:
        return preset
    tiers = (replace(t, bounds=tuple(b for b in t.bounds if b.kind not in WINDOWED), views=()) for t in preset.tiers)
    return replace(preset, name=f"{name}_rules", path="", tiers=tuple(tiers))


def columns_of(preset: Preset) -> list[str]:
    """Columns of clips and scores that the rules read."""
    read = {column for tier in preset.tiers for bound in tier.bounds for column in bound.columns}
    return [c for c in SCORED_CLIPS.names if c in read]


class Work:
    """A root, a preset, and how many threads DuckDB has (None = its default)."""

    def __init__(self, root: str, preset: Preset, threads: int | None) -> None:
        self.store, self.preset, self.threads = Store(root), preset, threads

    def open(self) -> duckdb.DuckDBPyConnection:
        """The views of the root."""
        return self.limited(connect(self.store, self.preset.name))

    def limited(self, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        if self.threads:
            connection.execute(f"SET threads = {self.threads}")
        return connection

    def raw(self, *others: str) -> Callable[[], Told]:
        files = ", ".join(map(literal, readable_files(self.store, CLIPS)))
        sums = [
            f"sum(strlen({quoted(c)}))" if SCORED_CLIPS.column(c).duckdb_type == "VARCHAR" else f"sum({quoted(c)})"
            for c in [*columns_of(self.preset), *others]
        ]
        query = f"SELECT count(*), {', '.join(sums)} FROM read_parquet([{files}])"
        return lambda: {"clips": self.limited(duckdb.connect()).execute(query).fetchall()[0][0]}

    def select(self) -> Callable[[], Told]:
        connection, numbers = self.open(), range(1, len(self.preset.tiers) + 1)
        counts = ", ".join(f"count(*) FILTER (kept_{n}), sum(fail_{n}), sum(unmeasured_{n})" for n in numbers)
        query = f"SELECT {counts} FROM ({judge_all_sql(self.preset.tiers, KNOWN)})"
        return lambda: {"kept": connection.execute(query).fetchall()[0][::3]}

    def each(self) -> Callable[[], Told]:
        connection = self.open()

        def count(number: int) -> int:
            query = sql_by_place(self.store, connection, self.preset, number, KNOWN)
            sums = "count(*) FILTER (kept), sum(fail_mask), sum(unmeasured_mask)"
            return int(connection.execute(f"SELECT {sums} FROM ({query})").fetchall()[0][0])

        return lambda: {"kept": [count(number + 1) for number in range(len(self.preset.tiers))]}

    def write(self) -> Callable[[], Told]:
        lineage = Lineage(self.store, Options(), preset=self.preset.name)
        stamps = [expected_stamp(lineage, self.preset, n) for n in range(1, len(self.preset.tiers) + 1)]

        def judge() -> Told:
            kept = []
            for number, stamp in enumerate(stamps, 1):
                with self.open() as connection:
                    kept.append(write_tier(self.store, connection, self.preset, number, KNOWN, stamp).kept)
            return {"kept": kept}

        return judge

    def funnel(self) -> Callable[[], Told]:
        names = [tier.name for tier in self.preset.tiers]

        def ask() -> Told:
            with self.open() as connection:
                rows = funnel(connection, stored_funnel_tiers(self.store, self.preset.name, names))
            return {"kept": [row.clips for row in rows if row.rule == "kept"]}

        return ask

    def memory(self) -> Callable[[], Told]:
        def ask() -> Told:
            with self.open() as connection:
                rows = funnel(connection, judge_in_memory(connection, self.preset, KNOWN))
            return {"kept": [row.clips for row in rows if row.rule == "kept"]}

        return ask


def work(way: str, root: str, preset: Preset, threads: int | None) -> Callable[[], Told]:
    """What is measured; all that comes before it is done."""
    asked = Work(root, preset, threads)
    ways = {
        "raw": lambda: asked.raw("clip_id"),
        "raw_values": asked.raw,
        "select": asked.select,
        "each": asked.each,
        "write": asked.write,
        "funnel": asked.funnel,
        "memory": asked.memory,
    }
    return ways[way]()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way")
    parser.add_argument("root")
    parser.add_argument("preset")
    parser.add_argument("--rules", action="store_true")
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    measured(work(given.way, given.root, preset_of(given.preset, given.rules), given.threads))
