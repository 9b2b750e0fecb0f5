"""Requests in flight: an event loop in a thread of its own, so that pictures are read while servers think."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

Value = TypeVar("Value")


class Flight:
    """A context in which coroutines run beside the caller; leaving it cancels what has not ended.

    `resource` is opened in the loop before the first coroutine and closed after the last.
    """

    def __init__(self, resource: AbstractAsyncContextManager[Any]) -> None:
        self._resource = resource
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="captions", daemon=True)

    def __enter__(self) -> Flight:
        """Raises what opening the resource raises."""
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def submit(self, work: Coroutine[Any, Any, Value]) -> Future[Value]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._landed.set)
        self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._live())

    async def _live(self) -> None:
        self._loop, self._landed = asyncio.get_running_loop(), asyncio.Event()
        try:
            async with self._resource:
                self._ready.set()
                await self._landed.wait()
                others = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
                for task in others:
                    task.cancel()
                await asyncio.gather(*others, return_exceptions=True)
        except BaseException as error:
            self._failure = error
        finally:
            self._ready.set()
