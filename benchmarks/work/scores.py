"""The clips of a shard measured by all scorers, or by the ones named, in a process of its own.

    python -m benchmarks.work.scores ROOT WARM SHARD [SCORER ...]

It is the step as a run does it (assets/measuring/measure_shard.py) without its worker processes: signals and pictures
are read from the tables, every scorer's table is written. WARM is a small root that is measured before, uncounted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from assets.lineage import Lineage
from assets.measuring.measure_shard import measure_shard
from assets.measuring.scorer import Scorer
from assets.options import Options
from assets.store import Store
from assets.work import Success
from orchestration.worker import ONE_THREAD

from ..roots import Quiet
from ..rounds import measured


class InThisProcess:
    """An engine without workers."""

    def run(self, function: Callable[[Any], Any], items: Iterable[Any], *_: Any) -> Iterator[tuple[Any, Success[Any]]]:
        return ((item, Success(function(item))) for item in items)


def measure(store: Store, shard: str, scorers: Sequence[Scorer]) -> dict[str, Any]:
    """Counts of clips measured, and of those without a value, by scorer."""
    lineage = Lineage(store, Options())
    counts = measure_shard(store, lineage, shard, scorers, InThisProcess(), Quiet(), force=True)
    told = {name: [count.computed, count.failed] for name, count in counts.items()}
    return {"clips": max(computed for computed, _ in told.values()), "scorers": told}


def main(root: str, warm: str, shard: str, *names: str) -> None:
    os.environ |= ONE_THREAD
    store = Store(root)
    enabled = Lineage(store, Options()).scorers
    scorers = [scorer for scorer in enabled if not names or scorer.name in names]
    measure(Store(warm), shard, scorers)  # libraries and networks are loaded by the first clips
    measured(lambda: measure(store, shard, scorers))


if __name__ == "__main__":
    main(*sys.argv[1:])
