"""Writes the generated pages of this folder: `python -m docs`, or `make docs`."""

from __future__ import annotations

from pathlib import Path

from . import columns, presets

FOLDER = Path(__file__).parent
PAGES = {"columns.md": columns.page, "presets.md": presets.page}


def main() -> None:
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page())
        print(f"wrote docs/{name}")


if __name__ == "__main__":
    main()
