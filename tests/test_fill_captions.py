"""How captions are stored: what was paid for stays, whoever is asked next, whatever stops the work."""

from __future__ import annotations

import _thread
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from caption_server import BEHAVIOURS, CaptionStub, Request, asking, drawing, said
from synthetic import InThisProcess, Silent, ask, judge, preset, root

from assets.captions.answer import CaptionServerError
from assets.captions.captions import captions
from assets.captions.fill import failed_captions, fill_captions, kept_now
from assets.captions.options import CaptionOptions
from assets.captions.tables import CAPTIONS
from assets.curation import Curation
from assets.options import Options
from assets.store import Stamp, Store, rows_to_table
from assets.tables import CLIPS, KEYFRAMES, SOURCES
from assets.tiers.vocabulary import vocabulary
from assets.work import Counts

SHARD = "shard-000001"
ALL, LONG = "[tier_1]\nduration_s = { min = 1 }", "[tier_1]\nduration_s = { min = 10 }"
SHOWN = "SELECT captioner, caption_status, count(*) n FROM captions GROUP BY ALL ORDER BY ALL"
STAGED = ".staging/captions/" + SHARD


def library(path: Path, clips: int = 6) -> Store:
    """One shard; every clip is of a file of its own and lasts 5, 6, 7 .. s. Its picture is the drawing of its number."""
    store = root(path, [{"duration_s": 5.0 + i, "fps": 25.0, "media": "video"} for i in range(clips)])
    with store.writer(KEYFRAMES, SHARD, Stamp("drawn")) as out:
        for clip in sorted(store.read(CLIPS, SHARD).to_pylist(), key=lambda c: str(c["video_id"])):
            picture = {"video_id": clip["video_id"], "frame": 0, "pts_s": 0.0, "jpeg": drawing(number_of(clip))}
            out.add(rows_to_table(KEYFRAMES, [picture | {"width": 64, "height": 36}]))
    judge(store, preset(ALL))
    store.delete("captions", SHARD)
    return store


def number_of(clip: dict[str, Any]) -> int:
    return round(float(clip["duration_s"]) - 5)


def curated(store: Store, options: CaptionOptions, tiers: str = ALL, **more: Any) -> Curation:
    return Curation(store, Options(captions=options), InThisProcess(), preset(tiers), vocabulary(), **more)


def fill(store: Store, options: CaptionOptions, force: bool = False, retry_failed: bool = False) -> Counts:
    curation = curated(store, options, retry_failed=retry_failed)
    lineage = curation.lineage()
    return fill_captions(curation, lineage, SHARD, *kept_now(curation, lineage, SHARD), Silent(), force)


def shown(store: Store) -> list[tuple[Any, ...]]:
    """What the view shows, after a check that every clip has one current row."""
    rows = store.read(CAPTIONS, SHARD).to_pylist()
    assert len({(r["clip_id"], r["caption_recipe"]) for r in rows}) == len(rows)
    current = [r["clip_id"] for r in rows if r["is_current"]]
    assert len(current) == len(set(current)) and set(current) == {r["clip_id"] for r in rows}
    return [tuple(r.values()) for r in ask(store, SHOWN)]


def behave(stub: CaptionStub, how: str, numbers: range = range(20)) -> None:
    stub.plan = {drawing(i): how for i in numbers}
    stub.requests.clear()


def test_a_caption_is_shown_until_the_next_captioner_has_one(tmp_path: Path) -> None:
    store = library(tmp_path)
    with CaptionStub() as stub:
        one, two = asking(stub, retries=0, give_up_after=99), asking(stub, model="two", retries=0, give_up_after=99)
        fill(store, one)
        for how in ("refusal", "500"):
            behave(stub, how)
            fill(store, replace(one, images=3 if how == "500" else 5))
            assert shown(store) == [("openai:m", "ok", 6)] and len(stub.requests) == 6
        behave(stub, "refusal", range(2))
        fill(store, two)
        assert shown(store) == [("openai:m", "ok", 2), ("openai:two", "ok", 4)]
        stub.requests.clear()
        assert fill(store, one).reused == 6 and shown(store) == [("openai:m", "ok", 6)]
        fill(store, two)
        assert shown(store) == [("openai:m", "ok", 2), ("openai:two", "ok", 4)] and not stub.requests


def test_force_asks_again_and_keeps_the_caption_while_the_answer_is_none(tmp_path: Path) -> None:
    store = library(tmp_path)
    with CaptionStub() as stub:
        options = asking(stub, retries=0, give_up_after=99)
        fill(store, options)
        behave(stub, "refusal", range(4))
        fill(store, options, force=True)
        assert len(stub.requests) == 6 and shown(store) == [("openai:m", "ok", 6)]
        fill(store, CaptionOptions(), force=True)
        assert shown(store) == [("measured", "ok", 6)] == (fill(store, CaptionOptions()), shown(store))[1]
        stub.requests.clear()
        fill(store, options)
        assert shown(store) == [("openai:m", "ok", 6)] and not stub.requests
        fill(store, replace(options, model="two"))
        assert shown(store) == [("openai:m", "ok", 4), ("openai:two", "ok", 2)]


def test_facts_of_a_paid_caption_are_told_anew_without_its_model(tmp_path: Path) -> None:
    store = library(tmp_path)
    sources = store.read(SOURCES, SHARD).to_pylist()
    with CaptionStub() as stub:
        behave(stub, "refusal", range(1))
        fill(store, asking(stub))
    store.write(SOURCES, SHARD, rows_to_table(SOURCES, [r | {"tags": "new"} for r in sources]), Stamp("told anew"))
    counts = fill(store, CaptionOptions())
    assert shown(store) == [("measured", "ok", 1), ("openai:m", "ok", 5)] and (counts.computed, counts.reused) == (
        1,
        5,
    )
    rows = ask(store, "SELECT captioner, source_tags, dense FROM captions")
    assert all(r["source_tags"] == ["new"] and bool(r["dense"]) == (r["captioner"] != "measured") for r in rows)


CHILD = """
import sys
sys.path[:0] = {path}
from test_fill_captions import Store, CaptionOptions, fill
fill(Store(sys.argv[1]), CaptionOptions(**eval(sys.argv[2])))
"""


def test_a_killed_run_loses_no_answer_that_came(tmp_path: Path) -> None:
    store = library(tmp_path)
    with CaptionStub({drawing(0): "slow"}) as stub:
        options = asking(stub, silence_s=60, deadline_s=60)
        code = CHILD.format(path=[str(Path(__file__).parent), str(Path(__file__).parents[1])])
        child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), repr(vars(options))])
        try:
            until(lambda: sum(store.rows(STAGED, part) for part in store.parts(STAGED)) == 5)
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
        assert not store.exists("captions", SHARD)
        behave(stub, "ok")
        counts = fill(store, options)
        assert len(stub.requests) == 1 and (counts.computed, counts.reused) == (1, 5)
    assert shown(store) == [("openai:m", "ok", 6)] and not store.parts(STAGED)
    order = store.read(CLIPS, SHARD).to_pylist()
    stored = store.read(CAPTIONS, SHARD).to_pylist()
    assert [r["dense"] for r in stored] == [said(drawing(number_of(c)))["dense"] for c in order]


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("stop", ["interrupt", "404"])
def test_answers_behind_a_slow_one_are_kept_when_the_work_stops(
    tmp_path: Path, stop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = library(tmp_path)
    first = drawing(number_of(store.read(CLIPS, SHARD).to_pylist()[0]))

    def late_404(request: Request) -> None:
        time.sleep(0.7)
        request.fail(404, "no such model")

    monkeypatch.setitem(BEHAVIOURS, "late 404", late_404)
    with CaptionStub({first: "slow" if stop == "interrupt" else "late 404"}) as stub:
        options = asking(stub, silence_s=60, deadline_s=60)
        if stop == "interrupt":
            threading.Timer(0.7, _thread.interrupt_main).start()
        with pytest.raises(KeyboardInterrupt if stop == "interrupt" else CaptionServerError):
            fill(store, options)
        assert shown(store) == [("openai:m", "ok", 5)] and not store.parts(STAGED)
        behave(stub, "ok")
        assert fill(store, options).reused == 5 and len(stub.requests) == 1


def materialized(store: Store, options: CaptionOptions, **more: Any) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("shards", [SHARD])
        resources = {"curation": curated(store, options, **more)}
        assert dg.materialize([captions], partition_key=SHARD, instance=instance, resources=resources).success


def is_fresh(store: Store, options: CaptionOptions) -> bool:
    lineage = curated(store, options).lineage()
    return lineage.is_fresh("captions", SHARD, lineage.captions(SHARD))


def test_failures_are_left_alone_until_they_are_to_be_tried_again(tmp_path: Path) -> None:
    store = library(tmp_path)
    with CaptionStub() as stub:
        options = asking(stub, retries=0, give_up_after=99)
        behave(stub, "400", range(3))
        materialized(store, options)
        assert failed_captions(store, SHARD) == 3 and is_fresh(store, options)
        ids = {number_of(c): c["clip_id"] for c in store.read(CLIPS, SHARD).to_pylist()}
        assert failed_captions(store, SHARD, {ids[0], ids[5]}) == 1
        behave(stub, "ok")
        materialized(store, options)
        assert not stub.requests and failed_captions(store, SHARD) == 3
        materialized(store, options, retry_failed=True)
        assert len(stub.requests) == 3 and failed_captions(store, SHARD) == 0 and is_fresh(store, options)
        materialized(store, options, retry_failed=True)
        assert len(stub.requests) == 3


def test_failures_of_clips_that_left_the_tier_are_not_tried_again(tmp_path: Path) -> None:
    store = library(tmp_path, 8)
    with CaptionStub() as stub:
        options = asking(stub, retries=0, give_up_after=99)
        behave(stub, "400", range(3))
        fill(store, options)
        judge_keeping_captions(store, LONG)
        fill(store, options)
        assert failed_captions(store, SHARD) == 0 and len(store.read(CAPTIONS, SHARD)) == 8
        stub.requests.clear()
        fill(store, replace(options, model="two"))
        behave(stub, "refusal")
        fill(store, replace(options, model="three"))
        assert failed_captions(store, SHARD) == 3, "a caption of another model is shown; this one's is still to come"
        assert shown(store) == [("openai:m", "error", 3), ("openai:m", "ok", 2), ("openai:two", "ok", 3)]


def judge_keeping_captions(store: Store, text: str) -> None:
    rows, stamp = store.read(CAPTIONS, SHARD), store.stamp("captions", SHARD)
    judge(store, preset(text))
    store.write(CAPTIONS, SHARD, rows, stamp or Stamp("none"))


class JudgesMeanwhile(Silent):
    """Somebody judges tier_1 with looser bounds while the captions are made."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def begin(self, step: str, shard: str, items: int, video_s: float) -> None:
        super().begin(step, shard, items, video_s)
        judge_keeping_captions(self.store, ALL)


def test_captions_are_stamped_with_the_clips_that_they_are_of(tmp_path: Path) -> None:
    store = library(tmp_path)
    judge_keeping_captions(store, LONG)
    with CaptionStub() as stub:
        options = asking(stub)
        materialized(store, options, tiers=LONG, progress=JudgesMeanwhile(store))
        assert len(store.read(CAPTIONS, SHARD)) == 1 and not is_fresh(store, options)
        fill(store, options)
    assert len(store.read(CAPTIONS, SHARD)) == 6 and is_fresh(store, options)


def test_the_state_changes_with_what_is_shown(tmp_path: Path) -> None:
    store, states = library(tmp_path), []
    with CaptionStub() as stub:
        options = asking(stub, retries=0)
        for behaviour in ("refusal", "refusal", "ok"):
            behave(stub, behaviour)
            fill(store, options, retry_failed=True)
            stamp = store.stamp("captions", SHARD)
            assert stamp is not None
            states.append(stamp.extra["state"])
    assert states[0] == states[1] != states[2]
