"""A root's clips in memory, as far as the rules of a preset read them, judged anew whenever a bound is moved.

Counts are those of `clipsieve whatif`: the same SQL judges. Nothing here knows of a page.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from assets.curation import Curation
from assets.store import fingerprint
from assets.tiers.funnel import TierMasks, funnel
from assets.tiers.literals import quoted
from assets.tiers.rules import Preset
from assets.tiers.sql import LENGTH_US, judge_all_sql, population_sql
from assets.tiers.vocabulary import SAMPLE

from ..questions import Rows, open_views

EXPLORED = "explored"
FILES = "explored_files"
"""Addresses of the videos: the view of them folds three tables."""
FACTS = ("video_id", "shard", "start_s", "end_s")
"""Of every clip, beside what rules read: what a person is shown of it."""
MOST_JUDGED = 6
"""Judged states that are kept: to move a bound back costs nothing."""


@dataclass(frozen=True)
class Count:
    """What a tier keeps."""

    tier: str
    clips: int
    hours: float


class Library:
    """Clips that have scores, and the columns of one preset's rules. Safe to ask from several threads."""

    def __init__(self, curation: Curation) -> None:
        self.curation, self.preset = curation, curation.preset
        self.vocabulary = curation.vocabulary
        self._lock = threading.Lock()
        self._judged: OrderedDict[str, str] = OrderedDict()
        self._views = open_views(curation)
        self._asking: set[duckdb.DuckDBPyConnection] = set()
        bounds = [bound for tier in self.preset.tiers for bound in tier.bounds]
        self.columns = list(dict.fromkeys(c for bound in bounds for c in bound.columns if c != SAMPLE))
        self._views.execute(f"CREATE TABLE {EXPLORED} AS {self._snapshot()}")
        self._views.execute(f"CREATE TABLE {FILES} AS SELECT video_id, uri FROM raw_videos")
        self.clips, self.hours = self.row(f"SELECT count(*), coalesce(sum(length_us), 0) / 3.6e9 FROM {EXPLORED}")

    def _snapshot(self) -> str:
        facts = [f"c.{name} AS {name}_" for name in FACTS] + [f"{LENGTH_US[1]} AS {LENGTH_US[0]}"]
        population = population_sql(self.columns, self.vocabulary, None, facts)
        return f"SELECT row_number() OVER () AS place, * FROM ({population})"

    @contextmanager
    def cursor(self, limit_s: float | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of the caller's own to the views and tables, read-only as far as the root is concerned. A query
        that takes longer than `limit_s` ends by duckdb.InterruptException.
        """
        with self._views.cursor() as connection:
            limit = threading.Timer(limit_s or threading.TIMEOUT_MAX, connection.interrupt)
            limit.daemon = True
            if limit_s:
                limit.start()
            self._asking.add(connection)
            try:
                yield connection
            finally:
                self._asking.discard(connection)
                limit.cancel()

    def interrupt(self) -> None:
        """End every query that is being answered."""
        for connection in list(self._asking):
            connection.interrupt()

    def row(self, query: str) -> tuple[Any, ...]:
        with self.cursor() as connection:
            found: tuple[Any, ...] = connection.execute(query).fetchall()[0]
        return found

    def rows(self, query: str, params: list[Any] | None = None) -> Rows:
        with self.cursor() as connection:
            return list(connection.sql(query, params=params).to_arrow_table().to_pylist(maps_as_pydicts="strict"))

    def judged(self, preset: Preset) -> str:
        """Name of the table with the verdicts of a preset that has the rules of the library's, with other numbers:
        place, length_us, fail_N, unmeasured_N, kept_N, and `reached`, the number of tiers that keep the clip.
        """
        name = f"judged_{fingerprint([tier.version for tier in preset.tiers])[:16]}"
        with self._lock:
            if name not in self._judged:
                self._judge(preset, name)
            self._judged.move_to_end(name)
        return name

    def _judge(self, preset: Preset, name: str) -> None:
        facts = [("place", "c.place"), LENGTH_US]
        judged = judge_all_sql(preset.tiers, self.vocabulary, facts, EXPLORED)
        reached = " + ".join(f"kept_{n}::TINYINT" for n in range(1, len(preset.tiers) + 1))
        with self.cursor() as connection:
            connection.execute(
                f"CREATE OR REPLACE TABLE {name} AS SELECT * EXCLUDE (clip_id), {reached} AS reached "
                f"FROM ({judged}) ORDER BY place"
            )
            while len(self._judged) >= MOST_JUDGED:
                connection.execute(f"DROP TABLE {self._judged.popitem(last=False)[0]}")
        self._judged[name] = name

    def counts(self, preset: Preset) -> list[Count]:
        """What each tier keeps."""
        kept = [f"count(*) FILTER (kept_{n}), coalesce(sum(length_us) FILTER (kept_{n}), 0) / 3.6e9"
                for n in range(1, len(preset.tiers) + 1)]  # fmt: skip
        told = self.row(f"SELECT {', '.join(kept)} FROM {self.judged(preset)}")
        return [Count(tier.name, told[2 * i], told[2 * i + 1]) for i, tier in enumerate(preset.tiers)]

    def tiers(self, preset: Preset) -> list[TierMasks]:
        """Judged tiers in the form in which funnel() and decisions_sql() take them."""
        beside, listed = self.beside(preset), []
        for number, tier in enumerate(preset.tiers, 1):
            masks = f"fail_{number} AS fail_mask, unmeasured_{number} AS unmeasured_mask, kept_{number} AS kept"
            reached = f" WHERE kept_{number - 1}" if number > 1 else ""
            relation = f"(SELECT e.clip_id, j.length_us, {masks} FROM {beside}{reached})"
            listed.append(TierMasks(tier.name, relation, tier.bounds, tier.hold_mask))
        return listed

    def funnel(self, preset: Preset) -> Rows:
        """A row for each tier's input, each rule, and what is kept (assets/tiers/funnel.py)."""
        with self.cursor() as connection:
            return [vars(row) for row in funnel(connection, self.tiers(preset))]

    def beside(self, preset: Preset) -> str:
        """SQL of every clip `e` beside its verdicts `j`: both are in the order of `place`, nothing is joined."""
        return f"{EXPLORED} e POSITIONAL JOIN {self.judged(preset)} j"

    def value_of(self, column: str) -> str:
        """SQL of a column of `explored`; the word `sample` has none."""
        return "NULL" if column == SAMPLE else f"e.{quoted(column)}"
