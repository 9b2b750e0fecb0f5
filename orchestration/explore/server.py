"""The page on loopback: its addresses, and who may ask."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import HTTPException, Request
from fastapi.responses import FileResponse, Response
from nicegui import app, ui
from starlette.types import ASGIApp, Receive, Scope, Send

from .clips import CLIP_ID, FAULTS
from .explorer import Explorer
from .workbench import Workbench, clip_page

LOOPBACK = "127.0.0.1"
FILMS_AT_ONCE = 2
NOBODY_WAITS = 499
"""The status of a request that was given up, as other servers log it."""
STYLE = Path(__file__).with_name("style.css")


class OnlyThisPage:
    """Turns away requests that come by another name or from another site's page: a browser on this machine reaches
    loopback whoever wrote the page that it shows.
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self.app, self.hosts = app, {host.encode() for host in hosts}
        self.origins = {b"http://" + host for host in self.hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            headers = dict(scope["headers"])
            is_ours = headers.get(b"host") in self.hosts
            if not is_ours or headers.get(b"origin", b"") not in {b"", *self.origins}:
                await self._refuse(scope, receive, send)
                return
        await self.app(scope, receive, send)

    @staticmethod
    async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        await Response("this page is for the machine that it runs on", 403)(scope, receive, send)


def install(explorer: Explorer) -> None:
    """Register the pages and the media of an explorer."""
    _install_pages(explorer)
    _install_media(explorer)


def _install_pages(explorer: Explorer) -> None:

    @ui.page("/", title="clipsieve explore")
    def index(preset: str = "") -> None:
        name = preset if preset in explorer.presets else explorer.first

        async def build() -> None:
            Workbench(explorer, name, await asyncio.to_thread(explorer.shelf, name)).build()

        _when_there(f"Reading the clips for {name}", build)

    @ui.page("/clip/{clip_id}", title="clipsieve clip")
    def clip(clip_id: str) -> None:
        async def build() -> None:
            library = (await asyncio.to_thread(explorer.shelf, explorer.first)).library
            await clip_page(explorer, library, library.preset, clip_id, lambda other: ui.navigate.to(f"/clip/{other}"))

        _when_there("Reading the clip", build)


def _install_media(explorer: Explorer) -> None:
    turns = asyncio.Semaphore(FILMS_AT_ONCE)

    @app.get("/media/{clip_id}/keyframe.jpg")
    def keyframe(clip_id: str, n: int = -1) -> Response:
        pictures = explorer.media.keyframes(_clip(explorer, clip_id))
        if not pictures or n >= len(pictures):
            raise HTTPException(404, "no such picture is stored")
        _, jpeg = pictures[n if n >= 0 else len(pictures) // 2]
        return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "max-age=3600"})

    @app.get("/media/{clip_id}/{length}.mp4")
    async def preview(request: Request, clip_id: str, length: str) -> Response:
        whole = length == "film"
        made: Path | str | None = explorer.media.made(clip_id, whole)
        if made is None:
            async with turns:
                if await request.is_disconnected():  # who dragged on does not want it any more
                    return Response(status_code=NOBODY_WAITS)
                made = await asyncio.to_thread(lambda: explorer.media.film(_clip(explorer, clip_id), whole))
        if isinstance(made, str):
            raise HTTPException(404, made)
        return FileResponse(made, media_type="video/mp4", headers={"Cache-Control": "max-age=3600"})


def _when_there(told: str, build: Callable[[], Awaitable[None]]) -> None:
    """Build a page when its visitor is connected; until it is built, say what takes so long."""
    ui.add_css(STYLE.read_text())
    with ui.row().classes("items-center") as waiting:
        ui.spinner()
        ui.label(told)

    async def begin() -> None:
        with ui.column().classes("w-full"):
            try:
                await build()
            except FAULTS as error:
                ui.label(str(error)).classes("text-red-9")
        waiting.delete()

    ui.timer(0.01, begin, once=True)


def _clip(explorer: Explorer, clip_id: str) -> dict[str, Any]:
    found = explorer.clip(clip_id) if CLIP_ID.fullmatch(clip_id) else None
    if found is None:
        raise HTTPException(404, "no such clip")
    return found


def serve(explorer: Explorer, port: int, show: bool) -> None:
    """Serve until Ctrl-C."""
    install(explorer)
    app.add_middleware(OnlyThisPage, hosts=(f"{LOOPBACK}:{port}", f"localhost:{port}"))
    app.on_shutdown(explorer.close)
    ui.run(host=LOOPBACK, port=port, reload=False, show=show, show_welcome_message=False, favicon="\N{FILM FRAMES}")
