"""PySceneDetect and Data-Juicer on the same file in the same rounds as `clipsieve run`. On demand only.

    python -m benchmarks.peers [--rounds 3] [--seconds 30]

Installs both from the package index, each into an environment of its own below the folder of the benchmarks (2.5 GB),
once. Nothing of theirs is imported here: their command lines are run as a user would.
"""

from __future__ import annotations

from ..figures import Bench, Section


def section(bench: Bench) -> Section:
    """With the default length of the file."""
    from .compare import compare  # the measured child imports this package and should stay small

    return compare(bench)
