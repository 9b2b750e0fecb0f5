"""Pictures and films of clips, by their ids: stored keyframes, and previews that are cut when they are asked for."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

from assets.store import Store
from assets.tables import KEYFRAMES
from assets.work import Engine, Success

from .library import Library

MOST_FILMS = 400
"""Previews that are kept at once, some 100 kB each."""
CARD_S = 6.0
"""So much of a clip plays on a card; its page shows all."""
TIME_LIMIT_S = 60.0


def _name(clip_id: str, whole: bool) -> str:
    return f"{clip_id}{'' if whole else '-short'}.mp4"


class Media:
    """Films in a folder of their own, which goes when the page ends. Safe to ask from several threads."""

    def __init__(self, store: Store, engine: Engine) -> None:
        self.store, self.engine = store, engine
        self.folder = Path(tempfile.mkdtemp(prefix="clipsieve-explore-"))
        self._films: OrderedDict[str, str] = OrderedDict()
        self._making: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def keyframes(self, clip: dict[str, Any]) -> list[tuple[float, bytes]]:
        """(pts_s, jpeg) of the clip's stored pictures in time order; none when retention dropped them."""
        with self.store.by_video(KEYFRAMES, clip["shard"]) as reader:
            rows = reader.between(clip["video_id"], clip["start_frame"], clip["end_frame"], ["frame", "pts_s", "jpeg"])
        listed = sorted(rows.to_pylist(), key=lambda row: row["frame"])
        return [(row["pts_s"], row["jpeg"]) for row in listed if row["jpeg"]]

    def made(self, clip_id: str, whole: bool) -> Path | None:
        """The film, when it was cut before."""
        name = _name(clip_id, whole)
        return self.folder / name if name in self._films else None

    def film(self, clip: dict[str, Any], whole: bool) -> Path | str:
        """The preview of a clip, cut now unless it is there; or a sentence that says why there is none."""
        name = _name(clip["clip_id"], whole)
        with self._lock:
            mine = self._making.setdefault(name, threading.Lock())
        with mine:
            if name not in self._films:
                told = self._make(clip, whole, self.folder / name)
                if told:
                    return told
                self._remember(name)
        return self.folder / name

    def _remember(self, name: str) -> None:
        with self._lock:
            self._films[name] = name
            while len(self._films) > MOST_FILMS:
                oldest, _ = self._films.popitem(last=False)
                self._making.pop(oldest, None)
                (self.folder / oldest).unlink(missing_ok=True)

    def _make(self, clip: dict[str, Any], whole: bool, target: Path) -> str:
        """Empty when the film was made. A worker of its own opens the source: it is hostile input."""
        from assets.preview import Wish, make_preview

        end_s = clip["end_s"] if whole else min(clip["end_s"], clip["start_s"] + CARD_S)
        source = clip["uri"] if clip["uri"] and "://" not in clip["uri"] else None
        pictures = tuple((pts_s, jpeg) for pts_s, jpeg in self.keyframes(clip) if pts_s < end_s)
        told = "no worker answered"
        for way in (
            (source, None) if pictures and source else (source,)
        ):  # a worker that was lost made no film of stills
            wish = Wish(way, clip["start_s"], end_s, str(target), pictures)
            for _, outcome in self.engine.run(make_preview, [wish], TIME_LIMIT_S, workers=1):
                if isinstance(outcome, Success):
                    return ""
                told = outcome.sentence
                target.unlink(missing_ok=True)
        return told


def clip_row(library: Library, clip_id: str) -> dict[str, Any] | None:
    """The clip's row of `clips` and the address of its file; None when there is none."""
    query = "SELECT c.*, v.uri FROM clips c LEFT JOIN raw_videos v USING (video_id) WHERE clip_id = ?"
    return next(iter(library.rows(query, [clip_id])), None)
