"""The explore page in a real browser: sliders, counts, playing previews, a search, a saved preset that runs."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from browser import page
from conftest import Clipsieve, call

HOSTILE = "<img src=x onerror=document.title='taken'>"
RULES = """
[tier_1]
motion_mean = { min = 0.0 }
sharpness = { min = 1 }
[tier_2]
motion_mean = { min = 0.01 }
sharpness = { min = 2 }
[tier_3]
duration_s = { min = 1.7 }
"""
PLAYING = "() => [...document.querySelectorAll('video')].filter(v => v.currentTime > 0.1 && !v.paused).length"


@dataclass
class Explored:
    """A page over a root, the input that it was made of, and where presets are saved."""

    address: str
    root: Path
    manifest: Path
    saved: Path


@pytest.fixture(scope="module")
def explored(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Explored]:
    """Files and manifest carry texts that a careless page would take for HTML."""
    folder = tmp_path_factory.mktemp("explored")
    media = folder / "media"
    media.mkdir()
    names = {"pan.mp4": f"{HOSTILE}.mp4", "still.mp4": "still.mp4", "three shots.mp4": "three shots.mp4"}
    for name, new in names.items():
        shutil.copy(drawn / name, media / new)
    manifest = folder / "list.csv"
    with manifest.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["uri", "title", "tags"])
        writer.writerows([str(media / new), HOSTILE, HOSTILE] for new in names.values())
    root, saved = folder / "root", folder / "saved"
    saved.mkdir()
    rules = folder / "given.toml"
    rules.write_text(RULES)
    answer = call("run", "--input", manifest, "--root", root, "--workers", "2", "--preset", rules)
    assert answer.code == 0, answer.err
    port = free_port()
    command = [sys.executable, "-m", "orchestration.cli", "explore", "--root", str(root), "--port", str(port)]
    command += ["--no-browser", "--save-in", str(saved)]
    outside = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}  # NiceGUI serves no page to tests
    with subprocess.Popen(command, env=outside) as server:
        try:
            wait_until_served(f"http://127.0.0.1:{port}/", server)
            yield Explored(f"http://127.0.0.1:{port}", root, manifest, saved)
        finally:
            server.send_signal(signal.SIGINT)
            assert server.wait(30) in (0, 130), "Ctrl-C ends it without a traceback"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_served(address: str, server: subprocess.Popen[Any]) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.3)
    raise AssertionError("the page was not served")


def kept(browser: Any) -> list[int]:
    """Clips of the three tiers, as the page shows them."""
    heads = browser.locator(".tier").all_inner_texts()
    return [int(re.search(r"([\d,]+) clips", text)[1].replace(",", "")) for text in heads]  # type: ignore[index]


def settled(browser: Any) -> list[int]:
    """The counts when nothing is being asked any more."""
    browser.wait_for_timeout(1500)
    browser.wait_for_function("() => !document.querySelector('.q-spinner')?.offsetParent")
    return kept(browser)


def number(browser: Any, tier: int, rule: str) -> Any:
    """The box of a rule's number. Tiers are told apart by the order of their rules in the page."""
    return browser.locator(".rule", has_text=rule).nth(tier - 1).locator("input")


@pytest.mark.slow
def test_two_sliders_counts_and_a_preset_that_runs(explored: Explored, clipsieve: Clipsieve) -> None:
    with page(1600, 1100) as browser:
        browser.goto(explored.address)
        browser.wait_for_selector(".clip")
        before = settled(browser)
        slider = browser.locator(".rule", has_text="motion_mean \u2265").first.locator(".q-slider")
        box = slider.bounding_box()
        browser.mouse.click(box["x"] + box["width"] * 0.45, box["y"] + box["height"] / 2)
        once = settled(browser)
        number(browser, 2, "sharpness \u2265").fill("200")
        twice = settled(browser)
        assert once != before and twice != before
        motion = float(number(browser, 1, "motion_mean \u2265").input_value())
        changes = [f"tier_1.motion_mean.min={motion}", "tier_2.sharpness.min=200"]
        told = clipsieve("whatif", *changes, "--root", explored.root, "--format", "json").data
        assert twice == [row["clips_then"] for row in told] and before == [row["clips_now"] for row in told]

        browser.get_by_role("button", name="Save as preset").click()
        browser.get_by_label("Name").fill("from_the_page")
        browser.get_by_role("button", name="Save", exact=True).click()
        browser.get_by_text("Written:").wait_for()
    preset = explored.saved / "from_the_page.toml"
    run = clipsieve(
        "run", "--input", explored.manifest, "--root", explored.root, "--preset", preset, "--format", "json"
    )
    assert run.code == 0, run.err
    rows = clipsieve("funnel", "--root", explored.root, "--preset", preset, "--format", "json").data
    assert [row["clips"] for row in rows if row["rule"] == "kept"] == twice


@pytest.mark.slow
def test_previews_play_and_a_clip_is_told_of(explored: Explored) -> None:
    with page(1600, 1100) as browser:
        faults: list[str] = []
        browser.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
        browser.on("request", lambda r: faults.append(r.url) if explored.address not in r.url else None)
        browser.goto(explored.address)
        browser.wait_for_function(PLAYING)
        browser.get_by_role("tab", name="Clips").click()
        browser.get_by_label("A part of a file name").fill("uri LIKE '%onerror%'")
        browser.keyboard.press("Enter")
        browser.get_by_text("1 clips; ").wait_for()
        assert HOSTILE in browser.locator(".clip").inner_text()
        browser.locator(".clip").click()
        browser.get_by_text("Nearest by embedding").wait_for()
        shown = browser.locator(".q-dialog").inner_text()
        assert f"{HOSTILE}.mp4" in shown and shown.count(HOSTILE) >= 2, "its name, and the tags of its caption"
        browser.wait_for_function(PLAYING)
        assert browser.title() == "clipsieve explore" and not browser.locator("img[src=x]").count()
        browser.get_by_role("button", name="Close").click()
        browser.get_by_label("A part of a file name").fill("sharpnes > 1")
        browser.keyboard.press("Enter")
        browser.get_by_text("did you mean sharpness").wait_for()
        assert not faults


@pytest.mark.slow
def test_a_clip_has_an_address_and_unknown_ones_are_told(explored: Explored, clipsieve: Clipsieve) -> None:
    (clip, *_) = clipsieve("sql", "SELECT clip_id FROM tier_1", "--root", explored.root, "--format", "json").data
    with page() as browser:
        browser.goto(f"{explored.address}/clip/{clip['clip_id']}")
        browser.get_by_text(re.compile("^(kept|rejected) in tier_")).first.wait_for()
        browser.goto(f"{explored.address}/clip/{'0' * 32}")
        browser.get_by_text("There is no such clip").wait_for()
        answer = browser.request.get(f"{explored.address}/media/..%2f..%2fetc/keyframe.jpg")
        assert answer.status == 404
        assert json.dumps(browser.request.get(explored.address, headers={"Host": "evil.example"}).status) == "403"
