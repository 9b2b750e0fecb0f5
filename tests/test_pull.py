"""Models fetched from a server on this machine: whole, broken, resumed, refused."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from assets.models.model import Model, Weights
from assets.models.pull import PullError, fetch, here
from orchestration import models
from orchestration.models import ModelsError, models_table, pull
from orchestration.settings import Settings

CONTENT = bytes(range(256)) * 8000
SHA = hashlib.sha256(CONTENT).hexdigest()
NAME = "m/weights.bin"


class Server(ThreadingHTTPServer):
    """Serves CONTENT at /good. `cut`: how many bytes an answer gives before it breaks off, for the answers to come."""

    daemon_threads = True
    content, tag, ranges = CONTENT, '"one"', True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str | None]] = []
        self.cut: list[int] = []

    def url(self, path: str = "good") -> str:
        return f"http://127.0.0.1:{self.server_port}/{path}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.asked.append((self.path, asked))
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/").replace("https:/x", "https://x"))
            self.end_headers()
        elif self.path != "/good":
            self.send_error(404, "Not Found")
        else:
            self._give(asked)

    def _give(self, asked: str | None) -> None:
        content, start = self.server.content, 0
        same = self.headers.get("If-Range") in (None, self.server.tag)
        if asked and same and self.server.ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(content):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", self.server.tag)
        self.end_headers()
        limit = self.server.cut.pop(0) if self.server.cut else len(content)
        self.wfile.write(content[start : start + limit])


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.01,))
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


@pytest.fixture
def weights(server: Server) -> Weights:
    return Weights(NAME, len(CONTENT), SHA, server.url())


def test_a_file_is_fetched_once(server: Server, weights: Weights, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    first = fetch(tmp_path, weights, lambda done, total: seen.append((done, total)))
    assert first.fresh and first.known and first.sha256 == SHA and (tmp_path / NAME).read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT)) and [p.name for p in (tmp_path / "m").iterdir()] == ["weights.bin"]
    asked = len(server.asked)
    assert not fetch(tmp_path, weights).fresh and len(server.asked) == asked, "nobody is asked: works offline"


def test_a_cut_connection_is_gone_on_from(server: Server, weights: Weights, tmp_path: Path) -> None:
    server.cut = [700_000, 500_000]
    assert fetch(tmp_path, weights).fresh
    assert [r for _, r in server.asked] == [None, "bytes=700000-", "bytes=1200000-"]


def test_after_too_many_cuts_the_next_call_goes_on(server: Server, weights: Weights, tmp_path: Path) -> None:
    server.cut = [100_000] * 3
    with pytest.raises(PullError, match=r"broke off after 300,000 bytes .*: the same command goes on from there"):
        fetch(tmp_path, weights)
    assert not (tmp_path / NAME).exists() and here(tmp_path, weights) is None
    assert fetch(tmp_path, weights).fresh and server.asked[-1][1] == "bytes=300000-"


def test_a_server_without_ranges_starts_over(server: Server, weights: Weights, tmp_path: Path) -> None:
    server.cut, server.ranges = [100_000], False
    assert fetch(tmp_path, weights).sha256 == SHA


def test_a_file_that_changed_on_the_way_is_not_mixed(server: Server, tmp_path: Path) -> None:
    unknown = Weights(NAME, url=server.url())
    server.cut = [100_000] * 3
    with pytest.raises(PullError):
        fetch(tmp_path, unknown)
    server.content, server.tag = CONTENT[::-1], '"two"'
    assert fetch(tmp_path, unknown).sha256 == hashlib.sha256(CONTENT[::-1]).hexdigest()


def test_a_part_that_is_longer_than_the_file_starts_over(server: Server, weights: Weights, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT + b"more")
    assert fetch(tmp_path, weights).sha256 == SHA
    sized = Weights(NAME, None, SHA, server.url())
    (tmp_path / NAME).rename(tmp_path / f"{NAME}.part")
    with (tmp_path / f"{NAME}.part").open("ab") as part:
        part.write(b"more")
    assert fetch(tmp_path, sized).sha256 == SHA, "416"


def test_a_wrong_digest_leaves_nothing(server: Server, tmp_path: Path) -> None:
    with pytest.raises(PullError, match=f"sha256 {SHA}, the catalogue says {'0' * 64}"):
        fetch(tmp_path, Weights(NAME, len(CONTENT), "0" * 64, server.url()))
    assert list((tmp_path / "m").iterdir()) == []


def test_a_wrong_file_is_replaced_only_by_the_right_one(server: Server, weights: Weights, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / NAME).write_bytes(b"mine")
    with pytest.raises(PullError, match="404"):
        fetch(tmp_path, Weights(NAME, len(CONTENT), SHA, server.url("gone")))
    assert (tmp_path / NAME).read_bytes() == b"mine"
    assert fetch(tmp_path, weights).fresh and (tmp_path / NAME).read_bytes() == CONTENT


def test_an_unknown_digest_is_noted_and_a_later_change_noticed(server: Server, tmp_path: Path) -> None:
    unknown = Weights(NAME, url=server.url())
    first = fetch(tmp_path, unknown)
    assert not first.known and (tmp_path / f"{NAME}.sha256").read_text() == f"{SHA}\n"
    assert not fetch(tmp_path, unknown).fresh
    (tmp_path / NAME).write_bytes(b"other weights")
    with pytest.raises(PullError, match="changed since it was fetched"):
        fetch(tmp_path, unknown)


def test_sizes_are_kept_to(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PullError, match="offers 2,048,000 bytes, the limit is 1,000"):
        fetch(tmp_path, Weights(NAME, 1000, SHA, server.url()))
    monkeypatch.setattr("assets.models.pull.LIMIT_BYTES", 5000)
    with pytest.raises(PullError, match="the limit is 5,000"):
        fetch(tmp_path, Weights(NAME, url=server.url()))
    with pytest.raises(PullError, match="gave 2,048,000 bytes, the catalogue says 9,000,000"):
        fetch(tmp_path, Weights(NAME, 9_000_000, SHA, server.url()))


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("gone", "answered 404 Not Found"),
        ("to//to//to//to//to//to//to//good", "one redirect too many"),
        ("to/ftp://x/good", "ftp://x/good is not https"),
        ("to/http://example.com/good", "http://example.com/good is not https"),
    ],
)
def test_other_answers_are_told(server: Server, tmp_path: Path, path: str, told: str) -> None:
    with pytest.raises(PullError, match=told):
        fetch(tmp_path, Weights(NAME, len(CONTENT), SHA, server.url(path)))


def test_a_redirect_is_followed(server: Server, tmp_path: Path) -> None:
    assert fetch(tmp_path, Weights(NAME, len(CONTENT), SHA, server.url("to//good"))).fresh


@pytest.mark.parametrize("url", ["http://example.com/x", "file:///etc/passwd", "ftp://127.0.0.1/x", "x"])
def test_only_https_is_asked(tmp_path: Path, url: str) -> None:
    with pytest.raises(PullError, match="is not https"):
        fetch(tmp_path, Weights(NAME, 1, SHA, url))


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "out/x"])
def test_no_path_leaves_the_folder(server: Server, tmp_path: Path, path: str) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "out").symlink_to(tmp_path)
    with pytest.raises(PullError, match="does not lie in the models folder"):
        fetch(folder, Weights(path, len(CONTENT), SHA, server.url()))


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(PullError, match="broke off after 0 bytes"):
        fetch(tmp_path, Weights(NAME, 1, SHA, "http://127.0.0.1:9/x"))


@pytest.fixture
def catalogue(server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """A catalogue of a model that is offered, one that is not, one whose file is gone, and one in its package."""

    def model(name: str, *files: Weights, packages: tuple[str, ...] = ()) -> Model:
        return Model(name, 1, "score", "nsfw:X", "", "MIT", files, source="a place", packages=packages)

    listed = (
        model("offered", Weights("o/a", len(CONTENT), SHA, server.url()), Weights("o/b", url=server.url())),
        model("unoffered", Weights("u.onnx", 12)),
        model("gone", Weights("g", 12, None, server.url("gone"))),
        model("packed", packages=("no_such_package",)),
    )
    monkeypatch.setattr(models, "MODELS", listed)
    monkeypatch.setattr(models, "find_model", lambda name: {m.name: m for m in listed}[name])
    return lambda: [m.name for m in listed]


def test_pull_tells_of_each_file(catalogue: Any, tmp_path: Path) -> None:
    settings, said = Settings(models=tmp_path), list[str]()
    assert pull(settings, ["offered"], said.append) == 0
    assert said[0] == f"offered: fetched o/a, sha256 {SHA}, as the catalogue says"
    assert "which the catalogue does not know and is noted beside it" in said[1]
    assert pull(settings, ["offered"], said.append) == 0 and said[2:] == [
        "offered: o/a is already here",
        "offered: o/b is already here",
    ]


def test_pull_goes_on_after_a_failure_and_tells_it(catalogue: Any, tmp_path: Path) -> None:
    said: list[str] = []
    assert pull(Settings(models=tmp_path), ["unoffered", "gone", "offered"], said.append) == 1
    assert said[0] == (
        f"unoffered: u.onnx is offered for download nowhere: put it at {tmp_path / 'u.onnx'}. It is a place"
    )
    assert "answered 404" in said[1] and "fetched o/a" in said[2]
    (tmp_path / "u.onnx").write_bytes(b"12 bytes now")
    assert pull(Settings(models=tmp_path), ["unoffered"], said.append) == 0


def test_all_takes_what_is_offered(catalogue: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "MODELS", models.MODELS[:2] + models.MODELS[3:])
    said: list[str] = []
    assert pull(Settings(models=tmp_path), ["all"], said.append) == 0
    assert any("put it at" in s for s in said) and any("nothing to fetch" in s for s in said)
    assert "packed cannot be used yet: packed needs the package no_such_package" in said


def test_mistakes_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelsError, match="no model clop; known: yolo-fastest-xl"):
        pull(Settings(models=tmp_path), ["clop"], print)
    with pytest.raises(ModelsError, match="name a model, or all"):
        pull(Settings(models=tmp_path), [], print)


def test_the_table_tells_what_is_here_and_what_it_serves(tmp_path: Path) -> None:
    (tmp_path / "nsfw-mobilenetv2.onnx").write_bytes(b"")
    rows = {r["model"]: r for r in models_table(Settings(models=tmp_path))}
    assert rows["nsfw-mobilenetv2"]["here"] == "yes" and "embeddings" in rows["nsfw-mobilenetv2"]["serves"]
    laion = rows["laion-aesthetic-v2"]
    assert laion["here"] == "no weights of laion-aesthetic-v2" and laion["serves"] == "aesthetic_laion"
    assert laion["offered"] == "yes" and laion["bytes"] == 1714260174 and str(tmp_path) in laion["path"]
    assert rows["yolo-fastest-xl"]["offered"] == "no: put the files there yourself"
