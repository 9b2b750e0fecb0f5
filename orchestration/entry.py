"""The console script: Ctrl-C is one word also while the command is being loaded."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of `clipsieve`."""
    try:
        from .cli import main as command

        command()
    except KeyboardInterrupt:
        print("clipsieve: stopped", file=sys.stderr)
        sys.exit(130)
