"""The settings of captions: who writes them, what the writer is shown, and how a server is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

CONNECTION = frozenset(
    {"base_url", "api_key_variable", "use_proxy", "concurrency", "silence_s", "deadline_s", "retries", "give_up_after"}
)
"""Options that say how a server is reached. They change no caption and stay out of recipes."""


@dataclass(frozen=True)
class CaptionOptions:
    """Environment: CLIPSIEVE_CAPTIONS__CAPTIONER=openai, CLIPSIEVE_CAPTIONS__BASE_URL=http://host:8000/v1 and so on.

    Raises ValueError when a value is out of its range, when `openai` has no server or model, or when
    `api_key_variable` is no variable's name: that may be the key itself, and is not repeated.
    """

    captioner: Literal["measured", "openai"] = "measured"
    """`measured`: facts only, no model. `openai`: any server with OpenAI's chat interface (vLLM, SGLang, hosted)."""

    base_url: str = ""
    """Address of the interface, e.g. http://localhost:8000/v1. No other address is contacted."""
    model: str = ""
    """The model's name as the server knows it."""
    second_model: str = ""
    """Writes the share `second_share` of the captions (Movie Gen: 70 % by the 8B model, 30 % by the 70B one)."""
    second_share: float = 0.3
    seed: int = 0
    """Which clips the second model gets."""
    revision: str = ""
    """Free text beside the model's name, e.g. of its weights or quantisation; a new one asks again."""
    api_key_variable: str = ""
    """Name of the environment variable that holds the key; empty = the server asks for none."""
    use_proxy: bool = False
    """Reach the server through the proxy that HTTP_PROXY and HTTPS_PROXY name."""

    images: int = 12
    """Pictures a clip at most, spread evenly over its stored keyframes."""
    long_side: int = 448
    """Their longer side in pixels, 64 to 640; 360 to 512 is usual. Keyframes are at most 640."""
    hint_measured: bool = True
    """Tell the model what was measured: duration and camera movement."""
    hint_title: bool = True
    """Tell the model the title that the manifest gives."""
    camera_confidence: float = 0.7
    """Camera words are used from this `camera_confidence` on (0..1). Ours: both papers say "high confidence" only."""
    max_tokens: int = 1024
    """Longest answer; what does not fit is `truncated`."""
    schema_lengths: bool = True
    """Send maxLength in the JSON schema. False for servers that refuse the keyword; lengths are checked either way."""

    concurrency: int = 8
    """Requests in flight."""
    silence_s: float = 120.0
    """A request is repeated when the server sends nothing for so long."""
    deadline_s: float = 900.0
    """One clip may take so long in all: waiting, repeating, asking once more."""
    retries: int = 4
    """Repetitions after 408, 409, 429, 5xx, silence or a broken connection; Retry-After of up to 120 s is honoured."""
    give_up_after: int = 20
    """So many clips in a row that end in a fault of the server stop the work: the server is down."""

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"captions.{name} is {getattr(self, name)}, allowed are {low} to {high}")
        if self.api_key_variable and not _VARIABLE.fullmatch(self.api_key_variable):
            raise ValueError(
                "captions.api_key_variable must be the name of an environment variable, not the key itself"
            )
        if self.captioner == "openai":
            if not self.model:
                raise ValueError("captions.model is not set: the captioner openai needs the model's name")
            _check_address(self.base_url)

    def recipe(self) -> dict[str, Any]:
        """The options that change rows: what belongs into a fingerprint."""
        if self.captioner == "measured":
            return {"captioner": "measured", "camera_confidence": self.camera_confidence}
        return {k: v for k, v in vars(self).items() if k not in CONNECTION}


_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RANGES: dict[str, tuple[float, float]] = {
    "second_share": (0, 1),
    "images": (1, 64),
    "long_side": (64, 640),
    "camera_confidence": (0, 1),
    "max_tokens": (64, 32768),
    "concurrency": (1, 256),
    "silence_s": (0.05, 3600),
    "deadline_s": (0.05, 86400),
    "retries": (0, 20),
    "give_up_after": (1, 1_000_000),
}


def _check_address(base_url: str) -> None:
    """Raises ValueError. A key in the address would end in logs: it is refused without being repeated."""
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError("captions.base_url must be an address like http://localhost:8000/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("captions.base_url must hold no user, password, query or fragment; see api_key_variable")
