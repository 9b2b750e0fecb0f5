"""What the product must say about a planted file, and whether it did: pure functions over query results.

An expectation states how a file must be caught; `facts_by_file` collects what the views tell about each file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any, Protocol

Row = dict[str, Any]
Query = Callable[[str], list[Row]]

TOLERANCE_FRAMES = 2
TOLERANCE_PIXELS = 4


@dataclass(frozen=True)
class Facts:
    """All that the views say about one file. `clips` are in the order of the video; `scores` hold one row a clip."""

    status: str | None = None
    error: str | None = None
    clips: tuple[Row, ...] = ()
    scores: tuple[Row, ...] = ()
    fails: tuple[Row, ...] = ()
    in_tier_3: int = 0


@dataclass(frozen=True)
class Verdict:
    """Whether an expectation came true, and what was found instead or by what it was caught."""

    ok: bool
    found: str


class Expectation(Protocol):
    """One statement about a file."""

    def __str__(self) -> str: ...

    def judge(self, facts: Facts | None) -> Verdict:
        """`facts` is None when no view knows the file."""
        ...


@dataclass(frozen=True)
class HasStatus:
    """The file's row has this status."""

    status: str

    def __str__(self) -> str:
        return f"status {self.status}"

    def judge(self, facts: Facts | None) -> Verdict:
        if facts is None:
            return Verdict(False, "no row")
        return Verdict(facts.status == self.status, f"status {facts.status}: {facts.error or 'no error'}")


@dataclass(frozen=True)
class Ignored:
    """The file is no media file and has no row."""

    def __str__(self) -> str:
        return "ignored"

    def judge(self, facts: Facts | None) -> Verdict:
        return Verdict(facts is None, "no row" if facts is None else f"a row with status {facts.status}")


@dataclass(frozen=True)
class RejectedBy:
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
        return str(value)


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
class HasShots:
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
class HasOrientation:
    """Every clip has this orientation."""

    orientation: str

    def __str__(self) -> str:
        return f"orientation {self.orientation}"

    def judge(self, facts: Facts | None) -> Verdict:
        found = {clip["orientation"] for clip in facts.clips} if facts else set()
        return Verdict(found == {self.orientation}, f"orientation {', '.join(sorted(found)) or 'unknown'}")


@dataclass(frozen=True)
class HasCropBox:
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
class Measures:
    """The mean of a score over the file's clips lies within `tolerance` (a share) of the drawn truth."""

    column: str
    truth: float
    tolerance: float = 0.2

    def __str__(self) -> str:
        return f"{self.column} {self.truth:.3g} +- {self.tolerance:.0%}"

    def judge(self, facts: Facts | None) -> Verdict:
        values = [row[self.column] for row in facts.scores if row[self.column] is not None] if facts else []
        if not values:
            return Verdict(False, f"{self.column} unmeasured")
        mean = sum(values) / len(values)
        return Verdict(abs(mean - self.truth) <= self.tolerance * abs(self.truth), f"{self.column} {mean:.3g}")


@dataclass(frozen=True)
class Survives:
    """At least one clip of the file is in tier_3."""

    def __str__(self) -> str:
        return "in tier_3"

    def judge(self, facts: Facts | None) -> Verdict:
        if facts and facts.in_tier_3:
            return Verdict(True, f"{facts.in_tier_3} clip(s) in tier_3")
        rules = sorted({_spell(row) for row in facts.fails}) if facts else []
        return Verdict(False, "; ".join(rules) or "no clip")


@dataclass
class _Gathered:
    status: str | None = None
    error: str | None = None
    clips: list[Row] = field(default_factory=list)
    scores: list[Row] = field(default_factory=list)
    fails: list[Row] = field(default_factory=list)
    in_tier_3: int = 0


CLIP_COLUMNS = (
    "c.clip_id, c.shot_start_frame, c.shot_end_frame, c.start_frame, c.end_frame, c.boundary_in, c.boundary_out, "
    "c.orientation, c.crop_x, c.crop_y, c.crop_w, c.crop_h"
)


def facts_by_file(query: Query, preset: str, score_columns: Sequence[str]) -> dict[str, Facts]:
    """Facts by file name. `query` answers one SELECT over the product's views with a dict a row."""
    by_file: dict[str, _Gathered] = {}

    def of(row: Row) -> _Gathered:
        return by_file.setdefault(PurePosixPath(row.pop("uri")).name, _Gathered())

    clips = "FROM clips c JOIN raw_videos r ON r.video_id = c.video_id"
    for row in query("SELECT uri, status, error FROM raw_videos"):
        gathered = of(row)
        gathered.status, gathered.error = row["status"], row["error"]
    for row in query(f"SELECT r.uri, {CLIP_COLUMNS} {clips} ORDER BY r.uri, c.start_frame"):
        of(row).clips.append(row)
    scores = ", ".join(["c.clip_id", *(f"s.{column}" for column in score_columns)])
    for row in query(f"SELECT r.uri, {scores} {clips} JOIN filter_scores s ON s.clip_id = c.clip_id"):
        of(row).scores.append(row)
    verdicts = "d.clip_id, d.tier, d.rule, d.value, d.bound"
    failed = f"JOIN decisions d ON d.clip_id = c.clip_id WHERE d.verdict = 'fail' AND d.preset = '{preset}'"
    for row in query(f"SELECT r.uri, {verdicts} {clips} {failed} ORDER BY d.tier, d.rule"):
        of(row).fails.append(row)
    for row in query(f"SELECT r.uri {clips} JOIN tier_3 t ON t.clip_id = c.clip_id"):
        of(row).in_tier_3 += 1
    return {
        name: Facts(g.status, g.error, tuple(g.clips), tuple(g.scores), tuple(g.fails), g.in_tier_3)
        for name, g in by_file.items()
    }
