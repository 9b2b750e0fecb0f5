"""The command line `clipsieve`: arguments in, work done elsewhere, exit status out."""

from __future__ import annotations

from . import cli_questions, cli_setup  # noqa: F401 - they add their commands to the application
from .cli_app import app


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
