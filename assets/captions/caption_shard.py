"""The captions of a shard: rows kept, rows asked for, rows of facts, in the order of its clips."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from ..measuring.clip_view import Keyframe, Unmeasured
from ..store import fingerprint
from ..work import Counts, Progress
from .answer import Answer
from .hygiene import clean
from .measured import CAPTIONER as MEASURED
from .measured import facts, measured_caption
from .options import CaptionOptions
from .prompt import PROMPT_VERSION, messages, pictures
from .schema import CAPTIONED, FIELDS, VERSION
from .split import is_second

Row = dict[str, Any]
Keyframes = Callable[[Row], tuple[Keyframe, ...]]
Ask = Callable[[Row, str, list[dict[str, Any]]], Future[Answer]]
"""Called with a clip, a model and a chat."""
MEASURED_VERSION = 1
"""Raise it when the rows of the captioner `measured` change."""
Finished = Callable[[Row | None], None]
"""Called with a row, or with None when some time has passed."""
PULSE_S = 1.0
"""`finished` is called at least so often while an answer is waited for."""
AHEAD = 32
"""Clips that are read beyond those in flight: one slow answer does not keep the others waiting."""
NOT_RECIPE = frozenset({"captioner", "model", "second_model", "second_share", "seed", "camera_confidence"})
"""Options that choose who is asked, or only change facts: the other model's captions stay when one is replaced."""


@dataclass(frozen=True)
class Captioner:
    """Who writes a clip's caption. `recipe` changes when the clip would have to be asked for again."""

    name: str
    recipe: str
    model: str = ""

    @classmethod
    def of(cls, clip_id: str, options: CaptionOptions) -> Captioner:
        if options.captioner == "measured":
            return cls(MEASURED, fingerprint(MEASURED, VERSION, MEASURED_VERSION))
        is_other = options.second_model and is_second(clip_id, options.second_share, options.seed)
        model = options.second_model if is_other else options.model
        name = f"openai:{model}" + (f"@{options.revision}" if options.revision else "")
        asked = {k: v for k, v in options.recipe().items() if k not in NOT_RECIPE}
        return cls(name, fingerprint("openai", VERSION, PROMPT_VERSION, model, asked), model)


@dataclass(frozen=True)
class _Task:
    clip: Row
    by: Captioner
    kept: Row | None

    @property
    def is_asked(self) -> bool:
        return self.kept is None and self.by.model != ""


def caption_shard(
    clips: Sequence[Row], keyframes: Keyframes, previous: Mapping[str, Row], options: CaptionOptions,
    progress: Progress, shard: str, counts: Counts | None = None, retry_failed: bool = False,
    finished: Finished | None = None,
) -> Generator[Row, None, None]:  # fmt: skip
    """Rows of CAPTIONS, one a clip, in the order of `clips`, each as soon as those before it are there.

    `clips`: columns of clips, filter_scores and the manifest; what is absent or NULL is not told. `keyframes` gives a
    clip's pictures in the order of time and is called for clips that are asked for only. `previous`: rows by clip_id
    of an earlier run, whole or cut short; one of the same captioner and recipe keeps its text and gets new facts, one
    without a caption is asked for again when `retry_failed`. `counts` is filled as rows come.

    `finished` gets the row of every answer as soon as it is there, whatever its place in the order, and those that
    were there when the work was stopped; rows of the server's faults are not among them. It is called in the thread
    that takes the rows.

    Raises CaptionServerError when the server cannot be used. Rows that came before stay good: pass them as `previous`.
    Rows of the clips that failed last, one after the other, are held back, so that an outage leaves none behind.
    """
    tasks = [_task(clip, previous, options, retry_failed) for clip in clips]
    todo = [t.clip for t in tasks if t.kept is None]
    counted = counts if counts is not None else Counts()
    counted.rows, counted.computed, counted.reused = len(tasks), len(todo), len(tasks) - len(todo)
    progress.begin("captions", shard, len(todo), sum(c["duration_s"] for c in todo))
    try:
        for task, row in _in_order(tasks, keyframes, options, _Arrivals(options, finished)):
            counted.failed += row["error"] is not None
            if task.kept is None:
                progress.advance(1, task.clip["duration_s"])
            yield row
    finally:
        progress.end()


def _task(clip: Row, previous: Mapping[str, Row], options: CaptionOptions, retry_failed: bool) -> _Task:
    """A row of facts only is always made anew: scores may have changed, and it costs nothing."""
    by, row = Captioner.of(clip["clip_id"], options), previous.get(clip["clip_id"])
    if row is None or not by.model or row.get("caption_recipe") != by.recipe:
        return _Task(clip, by, None)
    if retry_failed and row["caption_status"] not in CAPTIONED:
        return _Task(clip, by, None)
    return _Task(clip, by, {**row, "captioner": by.name, **facts(clip, options)})


def _in_order(
    tasks: list[_Task], keyframes: Keyframes, options: CaptionOptions, arrivals: _Arrivals
) -> Iterator[tuple[_Task, Row]]:
    """Tasks with their rows, in order; some are asked for ahead. What came is told even when this breaks off."""
    asked = [t.clip["clip_id"] for t in tasks if t.is_asked]
    waiting: deque[tuple[_Task, Future[Answer] | Answer]] = deque()
    patience = _Patience(options.give_up_after)
    try:
        with _server(asked, options) as ask:
            for task in tasks:
                waiting.append((task, arrivals.expect(task, _begin(task, ask, keyframes, options))))
                if len(waiting) > options.concurrency + AHEAD:
                    yield from patience.take(*arrivals.end(*waiting.popleft()))
            while waiting:
                yield from patience.take(*arrivals.end(*waiting.popleft()))
        yield from patience.held
    finally:
        arrivals.tell()


class _Arrivals:
    """Tells rows of answers as they come, in the thread that waits for the first of them."""

    def __init__(self, options: CaptionOptions, finished: Finished | None) -> None:
        self.options, self.finished = options, finished
        self.came: SimpleQueue[tuple[_Task, Future[Answer]]] = SimpleQueue()

    def expect(self, task: _Task, pending: Future[Answer] | Answer) -> Future[Answer] | Answer:
        if isinstance(pending, Future):
            pending.add_done_callback(lambda future: self.came.put((task, future)))
        self.tell()
        return pending

    def end(self, task: _Task, pending: Future[Answer] | Answer) -> tuple[_Task, Row, Answer]:
        """A task with its row and answer, once that is there. Raises what the server raised."""
        while isinstance(pending, Future) and not pending.done():
            self._tell_next(PULSE_S)
            self.tell()
        answer = pending.result() if isinstance(pending, Future) else pending
        return task, task.kept or _row(task, answer, self.options), answer

    def tell(self) -> None:
        """All that came by now."""
        while not self.came.empty():
            self._tell_next(0)

    def _tell_next(self, wait_s: float) -> None:
        row = None
        try:
            task, future = self.came.get(timeout=wait_s)
        except Empty:
            pass
        else:
            if future.cancelled() or future.exception() is not None or future.result().is_server_fault:
                return
            row = _row(task, future.result(), self.options)
        if self.finished is not None:
            self.finished(row)


@contextmanager
def _server(clip_ids: list[str], options: CaptionOptions) -> Iterator[Ask]:
    """A way to ask, where there is anything to ask. Raises CaptionServerError."""
    if not clip_ids:
        yield _nobody
        return
    from .flight import Flight
    from .openai_server import CaptionServer

    server = CaptionServer(options, clip_ids)
    with Flight(server) as flight:
        flight.submit(server.check()).result()
        yield lambda clip, model, chat: flight.submit(server.caption(clip["clip_id"], model, chat))


def _nobody(clip: Row, model: str, chat: list[dict[str, Any]]) -> Future[Answer]:
    raise AssertionError("nothing was to be asked")


def _begin(task: _Task, ask: Ask, keyframes: Keyframes, options: CaptionOptions) -> Future[Answer] | Answer:
    if not task.is_asked:
        return Answer("ok")
    try:
        shown = pictures(task.clip, keyframes(task.clip), options)
    except Unmeasured as reason:
        return Answer("error", reason=str(reason))
    except Exception as error:  # a picture that cannot be read costs its clip, not the shard
        return Answer("error", reason=f"pictures: {type(error).__name__}: {error}")
    return ask(task.clip, task.by.model, messages(task.clip, shown, options))


def _row(task: _Task, answer: Answer, options: CaptionOptions) -> Row:
    if not task.by.model:
        told = measured_caption(task.clip, options)
    else:
        told = {k: answer.fields.get(k) or None for k in FIELDS} | facts(task.clip, options)
    return (
        dict.fromkeys(FIELDS)
        | told
        | {
            "clip_id": task.clip["clip_id"],
            "caption_status": answer.status,
            "captioner": task.by.name,
            "caption_recipe": task.by.recipe,
            "caption_version": VERSION,
            "caption_attempts": answer.attempts,
            "error": clean(answer.reason) if answer.reason else None,
        }
    )


@dataclass
class _Patience:
    """Holds rows back while the server fails for one clip after the other.

    Its faults end in an exception once there are too many: rows of an outage are no facts about clips.
    """

    most: int
    faults: int = 0
    held: list[tuple[_Task, Row]] = field(default_factory=list)

    def take(self, task: _Task, row: Row, answer: Answer) -> list[tuple[_Task, Row]]:
        """The rows that may go on. Raises CaptionServerError."""
        self.held.append((task, row))
        if answer.is_server_fault:
            self.faults += 1
            if self.faults >= self.most:
                from .answer import CaptionServerError

                raise CaptionServerError(f"{self.faults} clips in a row failed, the last one: {answer.reason}")
        elif answer.attempts:
            self.faults = 0
        if self.faults:
            return []
        passed, self.held = self.held, []
        return passed
