"""Which columns a rule may name, and from which view each comes."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa

from ..captions.tables import CAPTIONS
from ..columns import BOOL, STRING, Column
from ..embeddings.tables import CONCEPTS, DUPLICATES
from ..planned import PLANNED_NUMBERS, PLANNED_TEXTS
from ..tables import CLIPS, FILTER_SCORES, MANIFEST_COLUMNS, RAW_VIDEOS

SAMPLE = "sample"
"""Not a column: `sample = { share = 0.5, seed = 1 }` keeps a share of the clips, chosen by hash."""

LATER_VIEWS = ("duplicates", "concepts", "captions")
"""Views that are no part of the scores: a tier that reads one is made of it as well, one that does not is not."""


NO_RULE = ("is_current", "clip_id", "video_id", "shard", "error")
"""Ids, places, and the reasons of several tables: no rule is about them."""


@dataclass(frozen=True)
class Vocabulary:
    """Columns by name; `views` says where each is read."""

    columns: dict[str, Column]
    views: dict[str, str]
    unfilled: frozenset[str] = frozenset()

    def knows(self, name: str) -> bool:
        return name in self.columns or name in PLANNED_NUMBERS or name in PLANNED_TEXTS or name == SAMPLE

    def is_active(self, name: str) -> bool:
        """Whether some enabled scorer or earlier stage fills the column."""
        return (name in self.columns and name not in self.unfilled) or name == SAMPLE

    def is_number(self, name: str) -> bool:
        if name in self.columns:
            kind = self.columns[name].type
            return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))
        return name in PLANNED_NUMBERS

    def is_flag(self, name: str) -> bool:
        return name in self.columns and self.columns[name].type == BOOL

    def is_group(self, name: str) -> bool:
        """Whether clips of the same value can be one group: texts and whole numbers."""
        if name in self.columns:
            kind = self.columns[name].type
            return bool(kind == STRING or pa.types.is_integer(kind))
        return name in PLANNED_TEXTS

    def is_caption(self, name: str) -> bool:
        return self.views.get(name) == "captions"

    def nearest(self, name: str) -> str:
        """A hint for a misspelt column."""
        names = [*self.columns, *PLANNED_NUMBERS, *PLANNED_TEXTS, SAMPLE]
        near = difflib.get_close_matches(name, names, n=3)
        return f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(sorted(names))}"


def _usable(column: Column) -> bool:
    kind = column.type
    return kind in (STRING, BOOL) or bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def vocabulary(unfilled: Collection[str] = ()) -> Vocabulary:
    """Columns of clips, filter_scores and the other views, in this order where a name is in two.

    `unfilled` names columns whose scorer is not enabled: rules on them are inactive.

    The view raw_videos folds the probe's verdict into `status`.
    """
    columns: dict[str, Column] = {}
    views: dict[str, str] = {}
    tables = (
        ("clips", CLIPS.columns),
        ("filter_scores", FILTER_SCORES.columns),
        ("raw_videos", tuple(c for c in RAW_VIDEOS.columns if not c.name.startswith("probe_"))),
        ("sources", MANIFEST_COLUMNS),
        ("duplicates", DUPLICATES.columns),
        ("concepts", CONCEPTS.columns),
        ("captions", CAPTIONS.columns),
    )
    for view, listed in tables:
        for column in filter(_usable, listed):
            if column.name not in columns and column.name not in NO_RULE:
                columns[column.name], views[column.name] = column, view
    return Vocabulary(columns, views, frozenset(unfilled))
