"""A page of a real browser: Debian's Chromium, driven by Playwright, with nothing that asks the network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip


@contextmanager
def page(width: int = 1500, height: int = 900) -> Iterator[Any]:
    """Skips the test with a reason where there is no browser. Waits up to a minute for what a test asks for."""
    sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}")
    with sync.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        try:
            opened = browser.new_page(viewport={"width": width, "height": height})
            opened.set_default_timeout(60_000)
            yield opened
        finally:
            browser.close()
