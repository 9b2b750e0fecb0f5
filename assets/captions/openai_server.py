"""The captioner that asks a server with OpenAI's chat interface, through the `openai` package.

What leaves this machine is decided in one place, the transport: one address, no redirects, our headers only. What
comes back is bounded in size, read as bytes and never trusted. Known weakness: models that accept neither
`temperature` nor `max_tokens` (hosted reasoning models) answer 400.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import urllib.request
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai

from .answer import RETRIED, Answer, CaptionServerError, read_answer
from .options import CaptionOptions
from .schema import response_format

SERVER = "server: "
"""How the reason of a clip begins that the server failed, not the model."""
TEMPERATURES = (0.0, 0.3)
"""Of the first and the second attempt (Motif and VideoX-Fun sample again when an answer is no JSON)."""
MOST_BYTES = 2 << 20
"""Of one answer; a caption takes some 3 KB."""
SENT_HEADERS = frozenset(
    {"host", "accept", "accept-encoding", "connection", "content-length", "content-type", "user-agent"}
)
_CLIP_ID = re.compile(r"[0-9a-f]{32}")
_USUAL_NAME = re.compile(r"[A-Z0-9_]+")


class UnreadableAnswer(Exception):
    """What the server sent is too large, packed, or not what its interface promises."""


class _Bounded(httpx2.AsyncByteStream):
    """Bytes of an answer up to a limit."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self.stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        received = 0
        async for part in self.stream:
            received += len(part)
            if received > MOST_BYTES:
                raise UnreadableAnswer(f"the answer is larger than {MOST_BYTES} bytes")
            yield part

    async def aclose(self) -> None:
        await self.stream.aclose()


class _Transport(httpx2.AsyncHTTPTransport):
    """Sends the headers that a request needs and no other, adds the key, and bounds the answer.

    The package itself never sees the key, so that none of its logs and exceptions can hold it.
    The package would add headers from OPENAI_ORG_ID, OPENAI_CUSTOM_HEADERS and others to requests to any server.
    """

    def __init__(self, key: str, proxy: str | None) -> None:
        super().__init__(proxy=proxy)
        self.key = key

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = {n: v for n, v in request.headers.items() if n.lower() in SENT_HEADERS}
        headers["accept-encoding"] = "identity"
        if self.key:
            headers["authorization"] = f"Bearer {self.key}"
        sent = httpx2.Request(
            request.method, request.url, headers=headers, stream=request.stream, extensions=request.extensions
        )
        response = await super().handle_async_request(sent)
        if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            await response.aclose()
            raise UnreadableAnswer("the answer is packed although that was not asked for")
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _Bounded(response.stream)
        return response


class CaptionServer:
    """One server. `clip_ids` are all clips whose captions are asked for: an answer that names another is refused.

    Raises CaptionServerError when the key's variable is empty or holds what no header can hold.
    """

    def __init__(self, options: CaptionOptions, clip_ids: Collection[str]) -> None:
        self.options, self.clip_ids = options, frozenset(clip_ids)
        self._key = _key(options.api_key_variable)
        self._client: openai.AsyncOpenAI | None = None
        self._places = asyncio.Semaphore(options.concurrency)

    async def __aenter__(self) -> CaptionServer:
        proxies = urllib.request.getproxies() if self.options.use_proxy else {}
        transport = _Transport(self._key, proxies.get(urlsplit(self.options.base_url).scheme))
        client = httpx2.AsyncClient(transport=transport, follow_redirects=False, trust_env=False)
        self._client = openai.AsyncOpenAI(
            api_key="added by the transport",
            base_url=self.options.base_url,
            timeout=self.options.silence_s,
            max_retries=self.options.retries,
            http_client=client,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._client is not None
        await self._client.close()

    async def check(self) -> None:
        """Raises CaptionServerError when nobody answers at the address, or the key is refused."""
        assert self._client is not None
        try:
            await self._client.models.list()
        except openai.APIConnectionError as error:
            reason = self._sentence(error)
            raise CaptionServerError(f"no server answers at {self.options.base_url}: {reason}") from None
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise CaptionServerError(f"{self.options.base_url} refuses: {self._sentence(error)}") from None
        except Exception:  # any other answer shows that somebody is there; not every server lists its models
            return

    async def caption(self, clip_id: str, model: str, messages: Sequence[dict[str, Any]]) -> Answer:
        """The model's answer, asked for at most twice; faults of the server become the status `error`.

        Raises CaptionServerError when the server says that the key or the model is wrong.
        """
        async with self._places:
            attempt = 0
            try:
                async with asyncio.timeout(self.options.deadline_s):
                    for temperature in TEMPERATURES:
                        attempt += 1
                        answer = await self._ask(clip_id, model, messages, temperature)
                        if answer.status not in RETRIED:
                            break
                return replace(answer, attempts=attempt)
            except (openai.AuthenticationError, openai.NotFoundError) as error:
                raise CaptionServerError(f"{self.options.base_url}, {model}: {self._sentence(error)}") from None
            except TimeoutError:
                return self._fault(f"no caption in {self.options.deadline_s:g} s", attempt)
            except Exception as error:  # one clip's fault must not cost the others: it becomes a reason
                return self._fault(self._sentence(error), attempt)

    async def _ask(self, clip_id: str, model: str, messages: Sequence[dict[str, Any]], temperature: float) -> Answer:
        assert self._client is not None
        create: Any = self._client.chat.completions.with_raw_response.create
        answered = await create(
            model=model,
            messages=messages,
            temperature=temperature,
            max_tokens=self.options.max_tokens,
            response_format=response_format(self.options.schema_lengths),
            user=clip_id,
        )
        body = _body(answered.content)
        if other := self._named_clips(body) - {clip_id}:
            raise UnreadableAnswer(f"the answer names another clip, {min(other)}")
        content, refusal, finish_reason = _choice(body)
        return read_answer(self._redacted(content), self._redacted(refusal), finish_reason)

    def _named_clips(self, body: dict[str, Any]) -> frozenset[str]:
        """Clips of ours that the answer's own bookkeeping names: servers may echo what they were asked with."""
        metadata = body.get("metadata")
        told = (body.get("id"), body.get("user"), metadata.get("clip_id") if isinstance(metadata, dict) else None)
        return self.clip_ids & {found for text in told for found in _CLIP_ID.findall(str(text))}

    def _fault(self, sentence: str, attempts: int) -> Answer:
        return Answer("error", reason=f"{SERVER}{sentence}", attempts=attempts, is_server_fault=True)

    def _sentence(self, error: Exception) -> str:
        """What went wrong in one line, without the key, whatever the server put into its message."""
        if isinstance(error, openai.APITimeoutError):
            return f"silent for {self.options.silence_s:g} s"
        if isinstance(error, openai.APIConnectionError):
            cause = error.__cause__
            return f"the connection failed: {type(cause).__name__ if cause else 'unknown'}"
        if isinstance(error, openai.APIStatusError):
            if 300 <= error.status_code < 400:
                return f"status {error.status_code}: redirects are not followed"
            told = error.message.removeprefix(f"Error code: {error.status_code}").lstrip(" -")
            return f"status {error.status_code}" + (f": {self._line(told)}" if told else "")
        named = "" if isinstance(error, UnreadableAnswer) else f"{type(error).__name__}: "
        return named + self._line(str(error))

    def _line(self, text: str) -> str:
        """At most 200 characters in one line; the key is taken out first, so that no part of it stays."""
        return str(self._redacted(" ".join(text.split())))[:200]

    def _redacted(self, text: Any) -> Any:
        return text.replace(self._key, "***") if self._key and isinstance(text, str) else text


def _key(variable: str) -> str:
    """Raises CaptionServerError that names the variable, never its value.

    A name that is not set may be a key that was put there by mistake: it is told only when it looks like a name.
    """
    if not variable:
        return ""
    key = os.environ.get(variable, "").strip()
    if not key:
        named = variable if _USUAL_NAME.fullmatch(variable) else "that captions.api_key_variable names"
        raise CaptionServerError(f"the environment variable {named} is to hold the server's key and is empty")
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise CaptionServerError(f"the environment variable {variable} holds characters that no key has")
    return key


def _body(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise UnreadableAnswer("the answer is no UTF-8") from None
    except (ValueError, RecursionError):
        raise UnreadableAnswer("the answer is no JSON") from None
    if not isinstance(body, dict):
        raise UnreadableAnswer("the answer is no JSON object")
    return body


def _choice(body: dict[str, Any]) -> tuple[str | None, str | None, str | None]:
    """Text, refusal and end of the first choice. Raises UnreadableAnswer."""
    try:
        choice = body["choices"][0]
        message, finish_reason = choice["message"], choice.get("finish_reason")
        content, refusal = message.get("content"), message.get("refusal")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise UnreadableAnswer("the answer has no choice") from None
    if not isinstance(content, str | None) or not isinstance(refusal, str | None):
        raise UnreadableAnswer("the answer holds no text")
    return content, refusal, finish_reason if isinstance(finish_reason, str) else None
