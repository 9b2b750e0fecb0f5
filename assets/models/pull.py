"""Files of models fetched from where the catalogue says they are: resumed, checked, and put in place at once.

While a file comes it is called NAME.part; it gets its name when it is whole and right. Beside a file whose digest the
catalogue does not know, NAME.sha256 keeps the one that it came with, so that a later change is noticed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from .model import Weights

if TYPE_CHECKING:
    import httpx2

LIMIT_BYTES = 20 << 30
"""Of a file whose size the catalogue does not know."""
ATTEMPTS, REDIRECTS, TIMEOUT_S = 3, 5, 30.0
REDIRECT_CODES = (301, 302, 303, 307, 308)

Told = Callable[[int, int | None], None]
"""Called with the bytes that are here and the bytes there will be, where known."""


class PullError(Exception):
    """A file cannot be had; the message is one sentence."""


@dataclass(frozen=True)
class Pulled:
    """`fresh`: it was fetched now. `known`: the catalogue knew its digest."""

    sha256: str
    fresh: bool
    known: bool


def place(folder: Path, weights: Weights) -> Path:
    """Where the file belongs. Raises PullError for a path that leaves the folder."""
    path = PurePosixPath(weights.path)
    inside = (folder / path).resolve().is_relative_to(folder.resolve())
    if path.is_absolute() or ".." in path.parts or not inside:
        raise PullError(f"{weights.path} does not lie in the models folder {folder}")
    return folder / path


def here(folder: Path, weights: Weights) -> str | None:
    """The digest of the file that is there and right; None when it is absent or not what the catalogue says.

    Raises PullError when the file changed since it was fetched and the catalogue does not know its digest.
    """
    target = place(folder, weights)
    if not target.is_file() or (weights.size is not None and target.stat().st_size != weights.size):
        return None
    digest = digest_of(target)
    if weights.sha256 is not None:
        return digest if digest == weights.sha256 else None
    noted = _note(target).read_text().strip() if _note(target).is_file() else digest
    if noted != digest:
        raise PullError(f"{target} changed since it was fetched: remove it and pull again, or remove {_note(target)}")
    return digest


def fetch(folder: Path, weights: Weights, told: Told = lambda done, total: None) -> Pulled:
    """Bring one file, or say that it is already here. Raises PullError; what came so far is kept for the next time."""
    if digest := here(folder, weights):
        return Pulled(digest, False, weights.sha256 is not None)
    if weights.url is None:
        raise PullError(f"{weights.path} is offered for download nowhere: put it at {folder / weights.path}")
    target = place(folder, weights)
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _bring(weights, part, told)
        digest = _checked(weights, part)
        if weights.sha256 is None:
            _note(target).write_text(f"{digest}\n")
        os.replace(part, target)
        _tag(part).unlink(missing_ok=True)
    except OSError as error:
        raise PullError(f"{target} cannot be written: {error.strerror or error}") from error
    return Pulled(digest, True, weights.sha256 is not None)


def digest_of(path: Path) -> str:
    """sha256 of a file, 64 hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _note(target: Path) -> Path:
    return target.with_name(f"{target.name}.sha256")


def _tag(part: Path) -> Path:
    """Keeps what the server called the version that `part` is the beginning of."""
    return part.with_name(f"{part.name}.etag")


def _checked(weights: Weights, part: Path) -> str:
    digest = digest_of(part)
    if weights.sha256 not in (None, digest):
        part.unlink()
        _tag(part).unlink(missing_ok=True)
        raise PullError(f"{weights.url} gave a file with sha256 {digest}, the catalogue says {weights.sha256}")
    return digest


def _bring(weights: Weights, part: Path, told: Told) -> None:
    """Go on where the last attempt ended, a few times. A cut connection costs nothing that came before it."""
    import httpx2

    if part.is_file() and part.stat().st_size == weights.size and digest_of(part) == weights.sha256:
        return
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with httpx2.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=True) as client:
                return _receive(client, weights, part, told)
        except httpx2.InvalidURL as error:
            raise PullError(f"{weights.url} is no address: {error}") from error
        except httpx2.HTTPError as error:
            if attempt == ATTEMPTS:
                size = part.stat().st_size if part.exists() else 0
                raise PullError(
                    f"{weights.url} broke off after {size:,} bytes ({error or type(error).__name__}): "
                    "the same command goes on from there"
                ) from error


def _receive(client: httpx2.Client, weights: Weights, part: Path, told: Told) -> None:
    start = _beginning(weights, part)
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers |= {"Range": f"bytes={start}-"}
        if _tag(part).is_file():
            headers["If-Range"] = _tag(part).read_text()
    with _opened(client, str(weights.url), headers) as answer:
        if answer.status_code == 416 and start:  # the part is no beginning of what the server has
            part.unlink()
            return _receive(client, weights, part, told)
        if answer.status_code not in ((200, 206) if start else (200,)):
            raise PullError(f"{weights.url} answered {answer.status_code} {answer.reason_phrase}")
        goes_on = answer.headers.get("content-range", "").startswith(f"bytes {start}-")
        start = start if answer.status_code == 206 and goes_on else 0
        length = answer.headers.get("content-length")
        total = start + int(length) if length else weights.size
        _room(weights, part, start, total)
        if tag := answer.headers.get("etag"):
            _tag(part).write_text(tag)
        _write(weights, part, answer, start, total, told)


def _beginning(weights: Weights, part: Path) -> int:
    """Bytes that are here and can be gone on from. Without a digest and without a tag nobody could see a mixture."""
    if not part.exists():
        return 0
    size = part.stat().st_size
    if (weights.sha256 or _tag(part).is_file()) and (weights.size is None or size < weights.size):
        return size
    part.unlink()
    return 0


def _write(
    weights: Weights, part: Path, answer: httpx2.Response, start: int, total: int | None, told: Told
) -> None:  # fmt: skip
    limit = LIMIT_BYTES if weights.size is None else weights.size
    with open(part, "ab" if start else "wb") as file:
        for block in answer.iter_raw():  # as it comes: what waits to fill a block is lost with the connection
            start += len(block)
            if start > limit:
                raise PullError(f"{weights.url} gives more than {limit:,} bytes")
            file.write(block)
            told(start, total)
        file.flush()
        os.fsync(file.fileno())
    if weights.size is not None and start != weights.size:
        raise PullError(f"{weights.url} gave {start:,} bytes, the catalogue says {weights.size:,}")


def _room(weights: Weights, part: Path, start: int, total: int | None) -> None:
    """Raises PullError before a byte comes that would be too many."""
    limit = LIMIT_BYTES if weights.size is None else weights.size
    if total is not None and total > limit:
        raise PullError(f"{weights.url} offers {total:,} bytes, the limit is {limit:,}")
    free = shutil.disk_usage(part.parent).free
    if total is not None and total - start > free:
        raise PullError(f"{part.parent} has room for {free:,} bytes, {weights.path} needs {total - start:,}")


@contextmanager
def _opened(client: httpx2.Client, url: str, headers: dict[str, str]) -> Iterator[httpx2.Response]:
    """The answer after all redirects, each of them to an allowed address."""
    for _ in range(REDIRECTS + 1):
        _allowed(url)
        with client.stream("GET", url, headers=headers) as answer:
            if answer.status_code not in REDIRECT_CODES:
                yield answer
                return
            url = urljoin(url, answer.headers.get("location", ""))
    raise PullError(f"{url} is one redirect too many")


def _allowed(url: str) -> None:
    """https, or http to this machine. Raises PullError."""
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
    if not (parts.scheme == "https" or local):
        raise PullError(f"{url} is not https")
