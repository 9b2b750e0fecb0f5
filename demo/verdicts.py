"""What the product must say about a planted file, and whether it did: pure functions over the facts of the file."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from .facts import Facts, Row

TOLERANCE_FRAMES = 2
TOLERANCE_PIXELS = 4
ID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True)
class Verdict:
    """Whether an expectation came true, and what was found instead or by what it was caught."""

    ok: bool
    found: str


class Expectation(ABC):
    """One statement about a file; `str` of it says what must be."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of filter_scores that it reads."""
        return ()

    @abstractmethod
    def judge(self, facts: Facts | None) -> Verdict:
        """`facts` is None when no view knows the file."""


@dataclass(frozen=True)
class HasStatus(Expectation):
    """The file's row has this status."""

    status: str

    def __str__(self) -> str:
        return f"status {self.status}"

    def judge(self, facts: Facts | None) -> Verdict:
        if facts is None:
            return Verdict(False, "no row")
        return Verdict(facts.status == self.status, f"status {facts.status}: {facts.error or 'no error'}")


@dataclass(frozen=True)
class Ignored(Expectation):
    """The file is no media file and has no row."""

    def __str__(self) -> str:
        return "ignored"

    def judge(self, facts: Facts | None) -> Verdict:
        return Verdict(facts is None, "no row" if facts is None else f"a row with status {facts.status}")


@dataclass(frozen=True)
class RejectedBy(Expectation):
    """Every clip of the file is failed by one of these rules (COLUMN.min, COLUMN.max...)."""

    rules: tuple[str, ...]

    def __str__(self) -> str:
        return "rule " + " or ".join(self.rules)

    def judge(self, facts: Facts | None) -> Verdict:
        if facts is None or not facts.clips:
            return Verdict(False, "no clip")
        hits = [row for row in facts.fails if row["rule"] in self.rules]
        caught = {row["clip_id"] for row in hits} == {clip["clip_id"] for clip in facts.clips}
        others = sorted({row["rule"] for row in facts.fails})
        return Verdict(caught, _spell(hits[0]) if hits else f"failed by {', '.join(others) or 'no rule'}")


def _spell(row: Row) -> str:
    return f"{row['rule']}: {_short(row['value'])}, bound {_short(row['bound'])} ({row['tier']})"


def _short(value: Any) -> str:
    try:
        return f"{float(value):.4g}"
    except (TypeError, ValueError):
        text = str(value)
    return f"{text[:8]}..." if ID.fullmatch(text) else text


@dataclass(frozen=True)
class Boundary:
    """Between two shots: `kind` is cut, dissolve or fade; frames of [start, end) belong to neither (cut: none)."""

    kind: str
    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.kind} {self.start}" if self.start == self.end else f"{self.kind} [{self.start}, {self.end})"

    def near(self, other: Boundary) -> bool:
        offsets = abs(self.start - other.start), abs(self.end - other.end)
        return self.kind == other.kind and max(offsets) <= TOLERANCE_FRAMES


@dataclass(frozen=True)
class HasShots(Expectation):
    """The shots of the file are divided by exactly these boundaries; none = one shot."""

    boundaries: tuple[Boundary, ...] = ()

    def __str__(self) -> str:
        return ", ".join(map(str, self.boundaries)) or "one shot"

    def judge(self, facts: Facts | None) -> Verdict:
        if facts is None or not facts.clips:
            return Verdict(False, "no clip")
        found = boundaries_of(facts.clips)
        pairs = zip(self.boundaries, found, strict=False)
        ok = len(found) == len(self.boundaries) and all(expected.near(other) for expected, other in pairs)
        return Verdict(ok, ", ".join(map(str, found)) or "one shot")


def boundaries_of(clips: Sequence[Row]) -> list[Boundary]:
    """The boundaries between the distinct shots of one video's clips, which are in the order of the video."""
    last_of_shot = {clip["shot_start_frame"]: clip for clip in clips}
    shots = list(last_of_shot.values())
    return [
        Boundary(before["boundary_out"], before["shot_end_frame"], after["shot_start_frame"])
        for before, after in pairwise(shots)
    ]


@dataclass(frozen=True)
class HasOrientation(Expectation):
    """Every clip has this orientation."""

    orientation: str

    def __str__(self) -> str:
        return f"orientation {self.orientation}"

    def judge(self, facts: Facts | None) -> Verdict:
        found = {clip["orientation"] for clip in facts.clips} if facts else set()
        return Verdict(found == {self.orientation}, f"orientation {', '.join(sorted(found)) or 'unknown'}")


@dataclass(frozen=True)
class HasCropBox(Expectation):
    """Every clip has this content box within 4 pixels."""

    x: int
    y: int
    width: int
    height: int

    def __str__(self) -> str:
        return f"content box {self.width}x{self.height}+{self.x}+{self.y}"

    def judge(self, facts: Facts | None) -> Verdict:
        boxes = [tuple(clip[f"crop_{side}"] for side in "xywh") for clip in facts.clips] if facts else []
        truth = (self.x, self.y, self.width, self.height)
        near = [all(abs(a - b) <= TOLERANCE_PIXELS for a, b in zip(box, truth, strict=True)) for box in boxes]
        found = ", ".join(sorted({f"{w}x{h}+{x}+{y}" for x, y, w, h in boxes}))
        return Verdict(bool(near) and all(near), f"content box {found or 'unknown'}")


@dataclass(frozen=True)
class Measures(Expectation):
    """The mean of a score over the file's clips lies within `tolerance` (a share) of the drawn truth."""

    column: str
    truth: float
    tolerance: float = 0.2

    def __str__(self) -> str:
        return f"{self.column} {self.truth:.3g} +- {self.tolerance:.0%}"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def judge(self, facts: Facts | None) -> Verdict:
        values = [row[self.column] for row in facts.scores if row[self.column] is not None] if facts else []
        if not values:
            return Verdict(False, f"{self.column} unmeasured")
        mean = sum(values) / len(values)
        return Verdict(abs(mean - self.truth) <= self.tolerance * abs(self.truth), f"{self.column} {mean:.3g}")


@dataclass(frozen=True)
class HasCamera(Expectation):
    """Every clip has these camera labels and no other."""

    labels: tuple[str, ...]

    def __str__(self) -> str:
        return f"camera {', '.join(self.labels)}"

    @property
    def columns(self) -> tuple[str, ...]:
        return ("camera_labels",)

    def judge(self, facts: Facts | None) -> Verdict:
        found = [row["camera_labels"] for row in facts.scores] if facts else []
        ok = bool(found) and all(told is not None and set(told.split(", ")) == set(self.labels) for told in found)
        return Verdict(ok, f"camera {'; '.join(sorted({told or 'unmeasured' for told in found})) or 'unmeasured'}")


@dataclass(frozen=True)
class SameVideoAs(Expectation):
    """The file has the bytes of another: they are one video, whose row counts both."""

    name: str

    def __str__(self) -> str:
        return f"one video with {self.name}"

    def judge(self, facts: Facts | None) -> Verdict:
        if facts is None:
            return Verdict(False, "no row")
        ok = facts.same_video == (self.name,) and facts.uri_count == 2
        return Verdict(ok, f"uri_count {facts.uri_count}, with {', '.join(facts.same_video) or 'no other file'}")


@dataclass(frozen=True)
class SameGroupAs(Expectation):
    """Every clip of the file is in a group of duplicates with a clip of the other, and with none of a third."""

    name: str

    def __str__(self) -> str:
        return f"same group_id as {self.name}"

    def judge(self, facts: Facts | None) -> Verdict:
        mates = [clip["mates"] for clip in facts.clips] if facts else []
        found = sorted({name for names in mates for name in names})
        ok = bool(mates) and all(names == (self.name,) for names in mates)
        return Verdict(ok, f"grouped with {', '.join(found) or 'no other file'}")


@dataclass(frozen=True)
class Survives(Expectation):
    """At least one clip of the file is in tier_3."""

    def __str__(self) -> str:
        return "in tier_3"

    def judge(self, facts: Facts | None) -> Verdict:
        if facts and facts.in_tier_3:
            return Verdict(True, f"{facts.in_tier_3} clip(s) in tier_3")
        rules = sorted({_spell(row) for row in facts.fails}) if facts else []
        return Verdict(False, "; ".join(rules) or "no clip")
