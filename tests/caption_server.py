"""A server with OpenAI's chat interface that answers by the bytes of the first picture, and misbehaves on demand.

Below it, clips whose pictures it knows.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cv2
import numpy as np
from synthetic import Silent

from assets.captions.caption_shard import caption_shard
from assets.captions.options import CaptionOptions
from assets.measuring.clip_view import Keyframe
from assets.store import fingerprint

Row = dict[str, Any]
KEY = "sk-test-9f8e7d6c5b4a-never-to-be-seen"
LOOP = "a red boat on the blue lake " * 40


def drawing(number: int, size: tuple[int, int] = (64, 36)) -> bytes:
    """A small JPEG that no other number has."""
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    cv2.putText(picture, str(number), (2, 26), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (40, 200, 90 + number % 100), 2)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def said(jpeg: bytes) -> dict[str, str]:
    """The caption that belongs to a picture: it names the picture's hash."""
    name = hashlib.sha256(jpeg).hexdigest()[:12]
    return {
        "short": f"A boat called {name} crosses a lake.",
        "dense": f"A red boat called {name} crosses a lake. A man in a grey coat rows it. Then he rests his oars.",
        "background": "A lake with low hills.",
        "style": "realistic",
        "shot_type": "long",
        "lighting": "Soft light from the left.",
        "atmosphere": "calm",
    }


class Request:
    """One request as the server sees it: body, picture, how often this picture came, and ways to answer."""

    def __init__(self, handler: BaseHTTPRequestHandler, stub: CaptionStub) -> None:
        self.handler, self.stub = handler, stub
        self.body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        parts = self.body["messages"][1]["content"]
        self.images = [
            base64.b64decode(p["image_url"]["url"].split(",")[1]) for p in parts if p["type"] == "image_url"
        ]
        self.texts = [p["text"] for p in parts if p["type"] == "text"]
        self.headers = {k.lower(): v for k, v in handler.headers.items()}
        self.caption = said(self.images[0])

    def send(self, status: int, data: bytes, **headers: str) -> None:
        self.handler.send_response(status)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(data))} | {
            k.replace("_", "-"): v for k, v in headers.items()
        }
        for name, value in headers.items():
            self.handler.send_header(name, value)
        self.handler.end_headers()
        self.handler.wfile.write(data)

    def say(self, text: str | None, finish: str = "stop", refusal: str | None = None, **echo: Any) -> None:
        message = {"role": "assistant", "content": text, "refusal": refusal}
        choice = {"index": 0, "message": message, "finish_reason": finish}
        answer = {"id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
        self.send(200, json.dumps(answer | {"user": self.body["user"]} | echo).encode())

    def caption_text(self, **changed: str) -> str:
        return json.dumps(self.caption | changed)

    def fail(self, status: int, message: str = "on purpose", **headers: str) -> None:
        self.send(status, json.dumps({"error": {"message": message}}).encode(), **headers)


def _busy(r: Request) -> None:
    r.fail(429, Retry_After="1") if r.stub.times[r.images[0]] == 1 else r.say(r.caption_text())


def _second_try(r: Request) -> None:
    r.say("A boat, and water." if r.body["temperature"] == 0 else r.caption_text())


def _huge(r: Request) -> None:
    r.send(200, b'{"choices": "' + b"x" * (8 << 20) + b'"}')


def _drip(r: Request) -> None:
    r.handler.send_response(200)
    r.handler.end_headers()
    while not r.stub.closing.wait(0.2):
        r.handler.wfile.write(b" ")


def _invalid_utf8(r: Request) -> None:
    r.send(200, json.dumps({"choices": [{"message": {"content": "caf"}}]}).encode().replace(b"caf", b"caf\xe9"))


def _hang_up(r: Request) -> None:
    r.handler.close_connection = True
    r.handler.connection.close()


def _packed(r: Request) -> None:
    r.send(200, b"\x1f\x8b not really", Content_Encoding="gzip")


BEHAVIOURS: dict[str, Callable[[Request], None]] = {
    "ok": lambda r: r.say(r.caption_text()),
    "late": lambda r: (time.sleep(0.2), r.say(r.caption_text()))[1],
    "busy": _busy,
    "second try": _second_try,
    "think": lambda r: r.say("<think>The user wants {JSON}.</think>\n" + r.caption_text()),
    "opener": lambda r: r.say(r.caption_text(short="The video shows " + r.caption["short"].lower())),
    "fenced": lambda r: r.say(f"Here it is:\n```json\n{r.caption_text()}\n```"),
    "wrong enum": lambda r: r.say(r.caption_text(style="vaporwave", shot_type="Close-up")),
    "control": lambda r: r.say(
        r.caption_text(background="a\\nb \\ud800 c").replace("\\\\n", "\n").replace("\\\\ud", "\\ud")
    ),
    "prose": lambda r: r.say("A red boat crosses a lake while a man rows."),
    "endless thought": lambda r: r.say("<think>Let me see. " + r.caption_text()),
    "cut": lambda r: r.say(r.caption_text()[:-9]),
    "extra key": lambda r: r.say(json.dumps(r.caption | {"camera": "pan right"})),
    "sentinel": lambda r: r.say(r.caption_text(dense="Unknown caption")),
    "too long": lambda r: r.say(r.caption_text(lighting=" ".join(str(i) for i in range(200)))),
    "truncated": lambda r: r.say(r.caption_text()[:90], finish="length"),
    "white space": lambda r: r.say('{"short": "A boat",' + "\n" * 900, finish="length"),
    "refusal": lambda r: r.say("I'm sorry, but I can't help with describing this."),
    "refusal field": lambda r: r.say(None, refusal="It shows a person."),
    "repeat": lambda r: r.say(r.caption_text(dense=LOOP)),
    "500": lambda r: r.fail(500),
    "404": lambda r: r.fail(404, "no such model"),
    "400": lambda r: r.fail(400, f"no, {r.headers.get('authorization')}"),
    "slow": lambda r: r.stub.closing.wait(30) and None,
    "drip": _drip,
    "hang up": _hang_up,
    "wrong clip": lambda r: r.say(r.caption_text(), user=r.stub.other_clip),
    "wrong id": lambda r: r.say(r.caption_text(), id=f"chatcmpl-{r.stub.other_clip}"),
    "invalid utf-8": _invalid_utf8,
    "huge": _huge,
    "packed": _packed,
    "no choice": lambda r: r.send(200, b'{"choices": []}'),
    "page": lambda r: r.send(200, b"<html>It works!</html>", Content_Type="text/html"),
    "redirect": lambda r: r.fail(307, Location=r.stub.elsewhere),
    "says the key": lambda r: r.say(r.caption_text(background=f"A wall with {r.headers.get('authorization')} on it.")),
}


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, *_: Any) -> None:
        """A client that leaves is no fault of the server."""


class CaptionStub:
    """A real HTTP server on a free port, as a context. `plan`: how it behaves for a picture; `ok` for all others."""

    def __init__(self, plan: dict[bytes, str] | None = None, key: str = "") -> None:
        self.plan, self.key = plan or {}, key
        self.requests: list[Request] = []
        self.times: Counter[bytes] = Counter()
        self.in_flight, self.most_in_flight = 0, 0
        self.other_clip, self.elsewhere = "", ""
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> CaptionStub:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        request = Request(handler, self)
        with self._lock:
            self.requests.append(request)
            self.times[request.images[0]] += 1
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
                request.fail(401, f"wrong key {request.headers.get('authorization')}")
            else:
                BEHAVIOURS[self.plan.get(request.images[0], "ok")](request)
        except OSError:
            pass  # the client has left
        finally:
            with self._lock:
                self.in_flight -= 1

    def _handler(stub) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                refused = stub.key and self.headers.get("Authorization") != f"Bearer {stub.key}"
                data = b'{"error": {"message": "wrong key"}}' if refused else b'{"object": "list", "data": []}'
                self.send_response(401 if refused else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_POST(self) -> None:
                stub.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


QUICK = {"silence_s": 1.0, "deadline_s": 4.0, "retries": 1, "concurrency": 16}


def clip(number: int, **more: Any) -> Row:
    size = {
        "width": 64,
        "height": 36,
        "crop_x": 0,
        "crop_y": 0,
        "crop_w": 64,
        "crop_h": 36,
        "orientation": "landscape",
    }
    times = {"start_s": 10.0, "duration_s": 6.0, "fps": 24.0}
    return {"clip_id": fingerprint("clip", number), "number": number} | size | times | more


def keyframes(of: Row) -> tuple[Keyframe, ...]:
    return (Keyframe(240, 10.0, drawing(of["number"])), Keyframe(312, 13.0, drawing(1000 + of["number"])))


def asking(stub: CaptionStub, **more: Any) -> CaptionOptions:
    return CaptionOptions(**({"captioner": "openai", "base_url": stub.url, "model": "m"} | QUICK | more))


def captioned(clips: list[Row], options: CaptionOptions, **more: Any) -> list[Row]:
    return list(caption_shard(clips, keyframes, more.pop("previous", {}), options, Silent(), "shard", **more))
