"""Faults of captions, found and where possible mended: thinking aloud, refusals, loops, stock phrases.

The lists are ours, after the rules of VideoX-Fun, Open-Sora Plan, MiraData and HunyuanVideo 1.5 (no "The video shows",
no "there is no ..."); they are English only, so texts in other languages pass unchanged, except for loops.
"""

from __future__ import annotations

import re
import unicodedata
import zlib

REPEATED_SHARE = 0.3
"""A text loops when more of its runs of four words than this occurred before. Ours: in 772 windows of 60 to 180 words
of software manuals, which repeat themselves more than captions, the median is 0, the 99th percentile 0.18, one is over
0.3; a phrase that repeats to the end of an answer comes to 0.5 and more."""
NGRAM, NGRAM_WORDS = 4, 24
ZLIB_RATIO, ZLIB_BYTES = 0.3, 200
"""A text of so many bytes loops when it packs to less than this. Ours: the same windows lie between 0.37 and 0.7."""

_RUN = re.compile(r"(\S)\1{19}|(\S{2,8}?)\2{9}|\s{200}")
_THOUGHT = re.compile(r"^.*</think(?:ing)?\s*>", re.DOTALL | re.IGNORECASE)
_THINKING = re.compile(r"<think(?:ing)?\s*>", re.IGNORECASE)
_REFUSAL = re.compile(
    r"^\W*(?:i['\u2019]?m sorry|i am sorry|sorry,|i apologi[sz]e|i can(?:no|['\u2019])t\b|i can not\b|"
    r"i(?:['\u2019]?m| am) (?:not able|unable)|i won['\u2019]t\b|i must decline|as an ai\b|unfortunately,? i\b)",
    re.IGNORECASE,
)
_PICTURE = r"(?:video|clip|footage|scene|shot|image|picture|photo(?:graph)?|frames?|sequence|film|camera)"
_SHOWS = (
    r"(?:shows?|depicts?|displays?|captures?|features?|presents?|portrays?|showcases?|illustrates?|highlights?|reveals?|"
    r"focus(?:es)? on|(?:begins?|opens?|starts?) (?:with|by (?:showing|depicting)))"
)
_SEE = r"(?:we|you|one) (?:can )?(?:clearly )?(?:see|observe)s? "
_OPENER = re.compile(
    rf"^(?:"
    rf"(?:the|this|these) (?:(?:short|given|provided|entire|opening|next) )?(?:video )?{_PICTURE} (?:then |\w+ly )?"
    rf"{_SHOWS}(?: us)?(?: that)? |"
    rf"in (?:the|this|these) (?:(?:short|given|provided) )?(?:video )?{_PICTURE}(?:, (?:{_SEE})?| {_SEE})|"
    rf"{_SEE}|"
    rf"(?:(?:here|this) is )?an? (?:short )?(?:video|clip) (?:of|showing) )",
    re.IGNORECASE,
)
_CAMERA = re.compile(
    r"^(?:(?:then|meanwhile|throughout|finally|as [^,]{1,60}|throughout [^,]{1,40}),? )?(?:the )?(?:handheld )?camera"
    r"(?:['\u2019]s)?(?: (?:movement|motion|angle|work|view))? (?:then |also |\w+ly )?"
    r"(?:pan|tilt|zoom|doll(?:y|ies)|truck|track|follow|move|remain|stay|hold|circle|orbit|push|pull|rise|descend|shift|"
    r"maintain|keep|start|begin|glide|rotate|roll|linger|"
    r"(?:is|was) (?:\w+ly )?(?:static|still|fixed|stationary|steady|stable|handheld|positioned|level|\w+ing\b))",
    re.IGNORECASE,
)
_ABSENCE = re.compile(
    r"^(?:there (?:is|are) no\b|there (?:isn|aren)['\u2019]t (?:any|a)\b|"
    r"no [^.]{1,80} (?:is|are) (?:visible|present|shown|seen)\b)",
    re.IGNORECASE,
)
_SENTENCES = re.compile(r"(?<=[.!?])\s+")
_NOTHING = frozenset(
    {"unknown caption", "unknown", "none", "n/a", "na", "null", "nil", "string", "no caption", "not applicable",
     "not visible", "unspecified", "nothing", "short", "dense", "caption", "todo"}
)  # fmt: skip


def clean(text: str) -> str:
    """One line without control characters and lone surrogates, which no UTF-8 file can hold."""
    kept = "".join(" " if unicodedata.category(c) == "Cc" else c for c in text if unicodedata.category(c) != "Cs")
    return " ".join(kept.split())


def without_thinking(text: str) -> str | None:
    """The answer after `</think>`; None when thinking began and never ended."""
    rest = _THOUGHT.sub("", text)
    return None if _THINKING.search(rest) else rest.strip()


def is_refusal(text: str) -> bool:
    """Whether the text begins as models begin when they refuse."""
    return _REFUSAL.match(text) is not None


def is_sentinel(text: str) -> bool:
    """Whether the text only stands where a caption should be: `Unknown caption`, `N/A`, `...`."""
    bare = text.strip(" .-_*<>[](){}\"'?!").lower()
    return not bare or bare in _NOTHING


def loop(text: str) -> str | None:
    """Why the text is no text but a loop, as a short phrase; None when it is not."""
    if found := _RUN.search(text):
        return f"repeats {found.group(0)[:8].strip() or 'white space'!r}"
    words = text.lower().split()
    if len(words) >= NGRAM_WORDS:
        runs = [tuple(words[i : i + NGRAM]) for i in range(len(words) - NGRAM + 1)]
        if (share := 1 - len(set(runs)) / len(runs)) > REPEATED_SHARE:
            return f"{share:.0%} of its runs of {NGRAM} words are repeated"
    data = text.encode("utf-8", "replace")
    if len(data) >= ZLIB_BYTES and (ratio := len(zlib.compress(data)) / len(data)) < ZLIB_RATIO:
        return f"can be packed to {ratio:.0%}"
    return None


def without_openers(text: str) -> str:
    """Each sentence without a stock opener such as "The video shows", its first letter made a capital again.

    A sentence that is nothing but an opener stays as it is.
    """
    return " ".join(map(_without_opener, sentences(text)))


def _without_opener(sentence: str) -> str:
    while (rest := _OPENER.sub("", sentence, count=1)) != sentence and rest.strip(" .,"):
        sentence = capitalised(rest)
    return sentence


def capitalised(text: str) -> str:
    """The first letter upper case, the rest untouched."""
    return text[:1].upper() + text[1:]


def without_stock_sentences(text: str) -> str:
    """Without sentences about the camera (which is measured, not guessed) and about what is not there."""
    kept = (s for s in sentences(text) if not _CAMERA.match(s) and not _ABSENCE.match(s))
    return " ".join(kept)


def sentences(text: str) -> list[str]:
    """Split after `.`, `!` or `?` and white space. An abbreviation splits too; joining with a space restores it."""
    return [s for s in _SENTENCES.split(text) if s]


def tidy(text: str) -> str:
    """A cleaned field as it is stored: no opener, no sentence on the camera or on absence; "" for a sentinel."""
    tidied = without_stock_sentences(without_openers(text))
    return "" if is_sentinel(tidied) else tidied
