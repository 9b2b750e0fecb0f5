"""One clip: its film, its pictures, why it is kept or dropped, its scores, its caption, and what looks like it."""

from __future__ import annotations

from nicegui import ui

from assets.tiers.rules import Preset

from ..questions import Rows
from ..report import cell
from .cards import Open, clip_card, film
from .clips import has_source
from .one_clip import OneClip

VERDICTS = {"fail": "#b3261e", "rejected": "#b3261e", "pass": "#2e7d32", "kept": "#2e7d32", "unmeasured": "#9a6700"}
STRIP = 12
"""Keyframes that are shown side by side."""


def clip_view(told: OneClip, preset: Preset, pictures: int, show: Open) -> None:
    """`pictures`: how many keyframes are stored of the clip."""
    clip = told.clip
    ui.label(told.explanation.sentence).classes("text-h6")
    where = f"{clip['start_s']:.2f} to {clip['end_s']:.2f} s of {cell(clip['uri'])}"
    ui.label(f"{clip['clip_id']}: {where}").classes("text-caption text-grey-8 break-all")
    with ui.row().classes("w-full gap-4 items-start"):
        with ui.column().classes("gap-1"):
            film(clip["clip_id"], whole=True)
            if not has_source(clip["uri"]):
                ui.label("The file is not there any more: the film is made of stored keyframes.").classes("reason")
        with ui.column().classes("col gap-2"):
            _strip(clip["clip_id"], pictures)
            _facts("Caption", told.caption, "none: clips that the root's last preset keeps in tier_1 are captioned")
    with ui.row().classes("w-full gap-4 items-start"):
        with ui.column().classes("col"):
            _rules(told.explanation.rules)
        with ui.column().classes("col"):
            _facts("Scores", told.scores, "")
    _others("The same footage", [(c, "") for c in told.copies], preset, show, "no other clip shows it")
    near = [(n.card, f"cosine {n.similarity:.3f}") for n in told.neighbours]
    _others("Nearest by embedding", near, preset, show, "the clip has no embedding")


def _strip(clip_id: str, pictures: int) -> None:
    shown = sorted(
        {i * (pictures - 1) // max(STRIP - 1, 1) for i in range(STRIP)} if pictures > STRIP else range(pictures)
    )
    with ui.row().classes("strip gap-1"):
        for index in shown:
            ui.image(f"/media/{clip_id}/keyframe.jpg?n={index}").classes("still")


def _rules(rules: Rows) -> None:
    ui.label("Rules").classes("text-subtitle1 text-weight-bold")
    with ui.element("table").classes("facts"):
        with ui.element("tr").classes("end"):
            for head in ("tier", "rule", "value", "bound", "verdict"):
                with ui.element("td"):
                    ui.label(head)
        for row in rules:
            verdict = row["verdict"]
            with ui.element("tr").classes("" if row["rule"] else "end"):
                for text in (row["tier"], row["rule"], cell(_short(row["value"])), cell(row["bound"])):
                    with ui.element("td"):
                        ui.label(text)
                with ui.element("td"):
                    ui.label(verdict).style(f"color:{VERDICTS.get(verdict, '#555')}")


def _short(value: str | None) -> str | None:
    from ..why import short_value

    return short_value(value)


def _facts(title: str, rows: Rows, none: str) -> None:
    ui.label(title).classes("text-subtitle1 text-weight-bold")
    if not rows:
        ui.label(none).classes("text-grey-7")
        return
    with ui.element("table").classes("facts"):
        for row in rows:
            with ui.element("tr"):
                with ui.element("td"):
                    ui.label(row["name"]).tooltip(row["doc"])
                with ui.element("td"):
                    text = "no value" if row["value"] is None else cell(row["value"])
                    ui.label(f"{text} {row['unit']}" if row["value"] is not None else text).classes("value")


def _others(title: str, cards: list, preset: Preset, show: Open, none: str) -> None:  # type: ignore[type-arg]
    ui.label(title).classes("text-subtitle1 text-weight-bold")
    if not cards:
        ui.label(none).classes("text-grey-7")
        return
    with ui.element("div").classes("clips"):
        for card, headline in cards:
            clip_card(card, preset, show, headline)
