"""Training texts from a caption row: pure functions, no model. Rows are stored once, texts made when they are read.

Neither paper publishes its probabilities. The mix of lengths is Motif-Video 2B's; the share of dropped fields is ours.
Every choice is a hash of (clip, recipe, epoch, field): the same on every machine, and one field's choice does not
depend on another's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .camera import class_words, prefix
from .hygiene import sentences
from .measured import CAPTIONER as MEASURED
from .schema import CAPTIONED
from .split import unit

Row = Mapping[str, Any]
Length = Literal["long", "short", "truncated"]


@dataclass(frozen=True)
class Mix:
    """Shares of texts of each length; they need not add up to 1.

    `truncated` is the first sentences of the long text, a random number of them, never a part of one.
    """

    long: float = 0.5
    short: float = 0.3
    truncated: float = 0.2

    def pick(self, at: float) -> Length:
        """The length at a number in [0, 1). Raises ValueError when no share is positive."""
        total = self.long + self.short + self.truncated
        if min(self.long, self.short, self.truncated) < 0 or total <= 0:
            raise ValueError(f"shares must not be negative, and one must be positive: {self}")
        if at * total < self.long:
            return "long"
        return "short" if at * total < self.long + self.short else "truncated"


@dataclass(frozen=True)
class MovieGenRecipe:
    """Movie Gen, section 3.2.1: camera words first, where they are confident; a token of the frame rate on demand.

    How the paper spells its token is not known to us; "FPS-24." is ours.
    """

    name: str = "movie_gen"
    mix: Mix = Mix()
    camera: bool = True
    fps_token: bool = False
    seed: int = 0


@dataclass(frozen=True)
class HunyuanRecipe:
    """HunyuanVideo, section 3.2: a JSON object of fields, some dropped, the rest in changing order.

    `dropped` is the chance of each field to be left out; `short description` is never dropped and always first.
    """

    name: str = "hunyuan_video"
    mix: Mix = Mix()
    dropped: tuple[tuple[str, float], ...] = (
        ("background", 0.3),
        ("style", 0.3),
        ("shot type", 0.0),
        ("lighting", 0.3),
        ("atmosphere", 0.3),
        ("camera movement", 0.0),
        ("source tags", 0.3),
        ("quality tags", 0.3),
    )
    permute: bool = True
    seed: int = 0


MOVIE_GEN, HUNYUAN_VIDEO = MovieGenRecipe(), HunyuanRecipe()


def movie_gen_text(
    row: Row, recipe: MovieGenRecipe = MOVIE_GEN, epoch: int = 0, fps: float | None = None
) -> str | None:
    """E.g. "FPS-24. Pan right. A red boat ...", or None when the row holds no caption.

    `row` has the columns of CAPTIONS; `fps` the rate at which frames are taken for training, wanted by `fps_token`.
    """
    if row["caption_status"] not in CAPTIONED:
        return None
    token = f"FPS-{round(fps)}." if recipe.fps_token and fps else ""
    is_told = row["captioner"] == MEASURED  # its one sentence names the camera's movement
    camera = "" if is_told or not recipe.camera else prefix(class_words(row["camera"], "movie_gen"))
    length = recipe.mix.pick(_unit(row, recipe, epoch, "length"))
    body = row["short"] if length == "short" else _dense(row, recipe, epoch, length) or row["short"]
    return " ".join(part for part in (token, camera, body) if part)


def hunyuan_fields(row: Row, recipe: HunyuanRecipe = HUNYUAN_VIDEO, epoch: int = 0) -> dict[str, Any] | None:
    """The fields that this text has, in its order, or None when the row holds no caption. No field is empty."""
    if row["caption_status"] not in CAPTIONED:
        return None
    length = recipe.mix.pick(_unit(row, recipe, epoch, "length"))
    dense = None if length == "short" else _dense(row, recipe, epoch, length)
    chance = dict(recipe.dropped)
    kept = {
        name: value
        for name, value in ({"dense description": dense} | _tail(row)).items()
        if value and _unit(row, recipe, epoch, f"drop {name}") >= chance.get(name, 0.0)
    }
    order = sorted(kept, key=lambda n: _unit(row, recipe, epoch, f"order {n}")) if recipe.permute else list(kept)
    return {"short description": row["short"]} | {name: kept[name] for name in order}


def hunyuan_text(row: Row, recipe: HunyuanRecipe = HUNYUAN_VIDEO, epoch: int = 0) -> str | None:
    """`hunyuan_fields` as one line of JSON, or None."""
    fields = hunyuan_fields(row, recipe, epoch)
    return None if fields is None else json.dumps(fields, ensure_ascii=False)


def _tail(row: Row) -> dict[str, Any]:
    """Fields beside the descriptions; empty ones too."""
    shot, style = row["shot_type"], row["style"]
    return {
        "background": row["background"],
        "style": style if style != "other" else None,
        "shot type": shot.replace("_", " ") if shot and shot != "other" else None,
        "lighting": row["lighting"],
        "atmosphere": row["atmosphere"],
        "camera movement": class_words(row["camera"], "hunyuan"),
        "source tags": row["source_tags"],
        "quality tags": row["quality_tags"],
    }


def _dense(row: Row, recipe: MovieGenRecipe | HunyuanRecipe, epoch: int, length: Length) -> str | None:
    """The dense description, or as many whole sentences of it as the hash says: at least one, not all."""
    if not row["dense"] or length == "long":
        dense: str | None = row["dense"]
        return dense
    every = sentences(row["dense"])
    most = max(len(every) - 1, 1)
    return " ".join(every[: 1 + int(_unit(row, recipe, epoch, "cut") * most)])


def _unit(row: Row, recipe: MovieGenRecipe | HunyuanRecipe, epoch: int, what: str) -> float:
    return unit("compose", row["clip_id"], recipe.name, recipe.seed, epoch, what)
