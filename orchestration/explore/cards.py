"""Clips as a person sees them: playing previews with a value, a verdict and the rules that reject them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nicegui import ui

from assets.tiers.rules import Preset

from ..report import cell, clock
from .charts import REACHED
from .clips import Card, has_source

Open = Callable[[str], object]
MOST_REASONS = 3


def clip_cards(cards: Sequence[Card], preset: Preset, show: Open, none: str) -> None:
    """A card a clip; `show` is called with the id of one that is clicked. `none`: what is said where there is none."""
    if not cards:
        ui.label(none).classes("text-grey-7 q-pa-sm")
        return
    with ui.element("div").classes("clips"):
        for card in cards:
            clip_card(card, preset, show, cell(card.value))


def clip_card(card: Card, preset: Preset, show: Open, headline: str) -> None:
    with ui.card().tight().classes("clip cursor-pointer").on("click", lambda: show(card.clip_id)):
        film(card.clip_id, whole=False)
        with ui.column().classes("q-pa-xs gap-0 w-full"):
            with ui.row().classes("items-center justify-between w-full no-wrap"):
                ui.label(headline).classes("text-weight-bold ellipsis")
                verdict(card.reached, preset)
            ui.label(f"{card.file} {clock(card.start_s / 3600)}").classes("text-caption text-grey-7 ellipsis w-full")
            if not has_source(card.uri):
                ui.label("the file is not there: stills").classes("reason")
            for reason in card.reasons[:MOST_REASONS]:
                ui.label(reason).classes("reason ellipsis w-full")
            if len(card.reasons) > MOST_REASONS:
                ui.label(f"and {len(card.reasons) - MOST_REASONS} more").classes("reason")


def film(clip_id: str, whole: bool) -> ui.video:
    """The preview; until it has been cut, a stored picture."""
    address = f"/media/{clip_id}/{'film' if whole else 'short'}.mp4"
    video = ui.video(address, controls=whole, autoplay=True, muted=True, loop=True)
    video.props(f"poster=/media/{clip_id}/keyframe.jpg playsinline")
    return video.classes("film whole" if whole else "film")


def verdict(reached: int, preset: Preset) -> None:
    """How far a clip gets, in the colours of the histogram."""
    word = preset.tiers[reached - 1].name if reached else "rejected"
    colour = REACHED[min(reached, len(REACHED) - 1)]
    ui.label(word).classes("verdict").style(f"background:{colour};color:{'#fff' if reached > 1 else '#222'}")
