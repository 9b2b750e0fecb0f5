"""`clipsieve models list` and `clipsieve models pull`: which models exist, which are here, and fetching them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from assets.filter_scores.scorers import SCORERS
from assets.models.catalogue import MODELS, find_model
from assets.models.model import Model, Weights
from assets.models.pull import PullError, fetch

from .settings import Settings

ALL = "all"
OTHER_USES = {"embed": "embeddings"}
"""What a task serves beside the columns of the scorers that name the model."""


class ModelsError(ValueError):
    """What was asked for cannot be done; the message is one sentence."""


def models_table(settings: Settings) -> list[dict[str, Any]]:
    """One row a model of the catalogue: is it here, what is it for, under which licence."""
    return [_row(settings, model) for model in MODELS]


def _row(settings: Settings, model: Model) -> dict[str, Any]:
    lack = settings.options.models.lacks(model)
    return {
        "model": model.name,
        "tasks": ", ".join(model.tasks),
        "serves": ", ".join(serves(model)) or "nothing yet: a detector to choose instead of another",
        "here": "yes" if lack is None else lack,
        "bytes": size(model),
        "offered": _offered(model),
        "licence": model.licence,
        "device": model.device,
        "path": ", ".join(map(str, settings.options.models.paths(model))) or "in its package",
        "about": model.about,
        "source": model.source,
    }


def serves(model: Model) -> list[str]:
    """Columns of filter_scores and stages that the model fills."""
    columns = [c.name for s in SCORERS if s.model == model.name for c in s.columns]
    return columns + [OTHER_USES[t] for t in model.tasks if t in OTHER_USES]


def size(model: Model) -> int | None:
    """Bytes of all its files together; None where one is not known and none is told."""
    known = [w.size for w in model.weights if w.size is not None]
    return sum(known) if known or not model.weights else None


def _offered(model: Model) -> str:
    if not model.weights:
        return "with its package"
    return "yes" if all(w.url for w in model.weights) else "no: put the files there yourself"


def pull(settings: Settings, names: Sequence[str], say: Callable[[str], None]) -> int:
    """Fetch the models that are named, or `all` that are offered. Returns 0 when all of them are here at the end.

    `say` is given one sentence a file or model; progress is drawn on stderr. A model that fails does not keep the
    others back. Raises ModelsError when a name is unknown or none is given.
    """
    models, every = _named(names)
    folder = Path(settings.options.models.path)
    failed = 0
    with _bars() as bars:
        for model in models:
            try:
                _pull(folder, model, say, bars)
                if lack := settings.options.models.lacks(model):
                    say(f"{model.name} cannot be used yet: {lack}")
            except PullError as error:
                failed += not (every and not _fetchable(model))
                say(f"{model.name}: {error}")
    return 1 if failed else 0


def _named(names: Sequence[str]) -> tuple[list[Model], bool]:
    if not names:
        raise ModelsError(f"name a model, or {ALL}: {', '.join(m.name for m in MODELS)}")
    if ALL in names:
        return list(MODELS), True
    known = {m.name: m for m in MODELS}
    if unknown := [n for n in names if n not in known]:
        raise ModelsError(f"no model {', '.join(unknown)}; known: {', '.join(known)}")
    return [find_model(n) for n in dict.fromkeys(names)], False


def _fetchable(model: Model) -> bool:
    return all(w.url for w in model.weights)


def _pull(folder: Path, model: Model, say: Callable[[str], None], bars: Progress) -> None:
    if not model.weights:
        say(f"{model.name}: comes with the package {', '.join(model.packages)}, nothing to fetch")
    for weights in (w for w in model.weights if not w.optional):
        say(f"{model.name}: {_fetched(folder, weights, model, bars)}")


def _fetched(folder: Path, weights: Weights, model: Model, bars: Progress) -> str:
    """One file brought, told in one sentence."""
    bar = bars.add_task(Path(weights.path).name, total=weights.size, visible=weights.url is not None)
    try:
        done = fetch(folder, weights, lambda now, total: bars.update(bar, completed=now, total=total))
    except PullError as error:
        made = f". It is {model.source}" if weights.url is None and model.source else ""
        raise PullError(f"{error}{made}") from error
    finally:
        bars.remove_task(bar)
    if not done.fresh:
        return f"{weights.path} is already here"
    checked = "as the catalogue says" if done.known else "which the catalogue does not know and is noted beside it"
    return f"fetched {weights.path}, sha256 {done.sha256}, {checked}"


def _bars() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
