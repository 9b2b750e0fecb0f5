"""How a stage asks for work in other processes, and tells how far it is. The engine itself is orchestration's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar

Item = TypeVar("Item")
Value = TypeVar("Value")
FailureKind = Literal["crashed", "timeout", "memory", "error"]


@dataclass(frozen=True)
class Success(Generic[Value]):
    """What the function returned for the item."""

    value: Value


@dataclass(frozen=True)
class Failure:
    """Why there is no value: the worker died, was killed for its time or size, or the function raised."""

    kind: FailureKind
    sentence: str


Outcome = Success[Value] | Failure


class Engine(Protocol):
    """Runs a function over items in isolated workers; outcomes come in the order in which they finish."""

    def run(
        self,
        function: Callable[[Item], Value],
        items: Iterable[Item],
        time_limit_s: Callable[[Item], float] | float,
        workers: int | None = None,
        extra_memory_bytes: int = 0,
    ) -> Iterator[tuple[Item, Outcome[Value]]]:
        """`workers`: at most so many, whatever the setting; `extra_memory_bytes` beyond the limit of one."""


class Progress(Protocol):
    """Told what a stage does, so that a terminal or a run log can show it."""

    def begin(self, step: str, shard: str, items: int, video_s: float) -> None:
        """A stage starts on a shard: so many items (videos or clips) with so much video time in all."""

    def advance(self, items: int = 1, video_s: float = 0.0) -> None:
        """Some of them are done."""

    def end(self) -> None:
        """The stage is done with the shard."""


@dataclass
class Counts:
    """What a stage did for a shard. Summed over a run, it proves how often media were opened and decoded."""

    computed: int = 0
    reused: int = 0
    failed: int = 0
    demux_opens: int = 0
    decode_opens: int = 0
    frames_decoded: int = 0
    rows: int = 0

    def as_metadata(self) -> dict[str, Any]:
        return {k: v for k, v in vars(self).items() if v or k in ("computed", "reused")}
