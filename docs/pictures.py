"""Draws the README's pictures of the two pages: `python -m docs.pictures ROOT`, with the demo's root.

It starts `clipsieve ui` and `clipsieve explore` over the root, and needs Playwright and a Chromium.
"""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).parent
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
COLOURS = 128
"""Of a picture: a fifth of the bytes, and still legible."""


@contextmanager
def served(command: str, root: str, *more: str) -> Iterator[str]:
    """The address of `clipsieve COMMAND` over the root while it runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "orchestration.cli", command, "--root", root, "--port", str(port), *more]
    process = subprocess.Popen(words, start_new_session=True)
    try:
        _wait(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def _wait(address: str) -> None:
    for _ in range(240):
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise RuntimeError(f"nothing answers at {address}")


def save(page: Any, name: str, **how: Any) -> None:
    """A screenshot in few colours."""
    shot = Image.open(io.BytesIO(page.screenshot(**how))).convert("RGB")
    path = FOLDER / name
    shot.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"wrote {path}: {path.stat().st_size // 1000} kB")


def draw_graph(browser: Any, root: str) -> None:
    with served("ui", root) as address:
        page = browser.new_page(viewport={"width": 1500, "height": 700})
        page.goto(f"{address}/asset-groups")  # groups closed: opened, they are laid out too tall for a picture
        page.get_by_text("filter_scores").first.wait_for(timeout=120_000)
        for group in ("tiers", "scan", "embeddings"):
            box = page.get_by_text(group, exact=True).first.bounding_box()
            page.mouse.click(box["x"] - 40, box["y"] + box["height"] / 2)  # the arrow before its name
        page.wait_for_timeout(6000)
        save(page, "graph.png")


def draw_explore(browser: Any, root: str) -> None:
    with served("explore", root, "--no-browser") as address:
        page = browser.new_page(viewport={"width": 1560, "height": 960})
        page.goto(address)
        page.wait_for_selector(".clip", timeout=120_000)
        page.locator(".rule", has_text="sharpness").first.click()
        page.wait_for_timeout(12_000)
        save(page, "explore.png")


def main() -> None:
    (root,) = sys.argv[1:]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        draw_explore(browser, root)
        draw_graph(browser, root)
        browser.close()


if __name__ == "__main__":
    main()
