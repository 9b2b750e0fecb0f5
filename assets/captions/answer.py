"""What a model answered, read: a caption, or the reason why it is none.

An answer passes, in this order: end of the answer, refusal, thinking, JSON, schema, loops, hygiene.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from .hygiene import clean, is_refusal, loop, tidy, without_thinking
from .schema import ENUMS, NEEDED, PROSE, CaptionFields, Status

RETRIED: tuple[Status, ...] = ("bad_json", "looped", "truncated")
"""Statuses after which a second attempt at a higher temperature may end better."""
REPAIRED_CHARS = 20_000
"""Longer answers are not repaired: all texts of the schema together are a tenth of this."""


class CaptionServerError(Exception):
    """The server cannot be used at all: no key, a wrong one, no such model, or nobody answers. Holds no key."""


@dataclass(frozen=True)
class Answer:
    """A caption's fields (empty texts stay ""), or a status and its reason."""

    status: Status
    fields: dict[str, str] = field(default_factory=dict)
    reason: str | None = None
    attempts: int = 0
    is_server_fault: bool = False


def read_answer(content: str | None, refusal: str | None, finish_reason: str | None) -> Answer:
    """Read one choice of a chat completion. Never raises: whatever a server sends becomes a status."""
    if finish_reason == "length":
        looped = f" and {found}" if (found := loop(content or "")) else ""
        return Answer("truncated", reason=f"the answer did not fit into max_tokens{looped}")
    if refusal or finish_reason == "content_filter":
        return Answer("refused", reason=f"the model refused: {(refusal or 'content filter')[:200]}")
    if finish_reason != "stop":
        return Answer("error", reason=f"the answer ended with {str(finish_reason)[:40]!r}")
    text = without_thinking(content or "")
    if text is None:
        return Answer("bad_json", reason="thinking that never ends")
    return _read_text(text)


def _read_text(text: str) -> Answer:
    parsed, is_repaired = _parsed(text)
    if parsed is None:
        if is_refusal(text):
            return Answer("refused", reason=f"the model refused: {text[:200]}")
        if looped := loop(text):
            return Answer("looped", reason=f"the answer {looped}")
        return Answer("bad_json", reason="the answer is no JSON object" if text else "the answer is empty")
    parsed = {clean(k): clean(v) if isinstance(v, str) else v for k, v in parsed.items()}
    renamed = _known_words(parsed)
    try:
        fields = CaptionFields.model_validate(renamed).model_dump()
    except ValidationError as error:
        return _invalid(parsed, error)
    return _tidied(fields, is_repaired or renamed != parsed)


def _parsed(text: str) -> tuple[dict[str, Any] | None, bool]:
    """The JSON object, and whether it had to be repaired.

    Raw control characters inside texts are let through (xgrammar writes them). A text that does not end as an object
    ends is not repaired: the repair would close a cut sentence and pass it for a whole one.
    """
    try:
        parsed = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        if not text.rstrip("`\n\r\t ").endswith("}") or len(text) > REPAIRED_CHARS or loop(text):
            return None, False
        return _repaired(text), True
    return (parsed if isinstance(parsed, dict) else None), False


def _repaired(text: str) -> dict[str, Any] | None:
    from json_repair import repair_json

    try:
        parsed = repair_json(text, return_objects=True, skip_json_loads=True)
    except (ValueError, RecursionError, IndexError):
        return None
    return parsed if isinstance(parsed, dict) and parsed else None


def _known_words(parsed: dict[str, Any]) -> dict[str, Any]:
    """A style or shot type that the schema does not know becomes `other`; "Close-up" is close_up."""
    renamed = dict(parsed)
    for name, words in ENUMS.items():
        if isinstance(value := parsed.get(name), str):
            word = value.strip().lower().replace("-", "_").replace(" ", "_").removesuffix("_shot")
            renamed[name] = word if word in words else "other"
    return renamed


def _invalid(parsed: dict[str, Any], error: ValidationError) -> Answer:
    """A text that is too long because it loops is told as a loop."""
    texts = [v for v in parsed.values() if isinstance(v, str)]
    if looped := next((found for found in map(loop, texts) if found), None):
        return Answer("looped", reason=f"a field {looped}")
    first = error.errors(include_url=False, include_input=False)[0]
    return Answer("bad_json", reason=f"not of the schema: {'.'.join(map(str, first['loc']))[:60]}: {first['msg']}")


def _tidied(fields: dict[str, str], is_repaired: bool) -> Answer:
    if refused := next((fields[n] for n in PROSE if is_refusal(fields[n])), None):
        return Answer("refused", reason=f"the model refused: {refused[:200]}")
    for name in PROSE:
        if looped := loop(fields[name]):
            return Answer("looped", reason=f"{name} {looped}")
    tidied = {k: tidy(v) if k in PROSE else v for k, v in fields.items()}
    if empty := [n for n in NEEDED if not tidied[n]]:
        return Answer("bad_json", reason=f"nothing is said in {', '.join(empty)}")
    return Answer("repaired" if is_repaired else "ok", tidied)
