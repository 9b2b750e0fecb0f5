"""The page of one visitor: rules on the left; the rule at hand, the funnel and a search on the right."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from nicegui import ui

from assets.tiers.rules import Preset

from ..questions import QuestionError
from ..report import clock
from . import charts
from .answer import Answer, Place, answer
from .cards import clip_cards
from .clip_view import clip_view
from .clips import FAULTS, PAGE, Found, search, searchable, told_error
from .explorer import Explorer, Shelf
from .library import Library
from .media import clip_row
from .moving import moves, with_moves
from .one_clip import one_clip
from .preset_file import save_preset
from .rule_list import SIGNS, RuleList

EXAMPLE = "sharpness > 100 AND orientation = 'portrait' AND tier = 'tier_1'"


class Workbench:
    """State of one visitor. Questions are asked in threads; the newest bounds win."""

    def __init__(self, explorer: Explorer, name: str, shelf: Shelf) -> None:
        self.explorer, self.name, self.shelf = explorer, name, shelf
        self.library: Library = shelf.library
        self.preset: Preset = self.library.preset
        self.place: Place = next((n, 0) for n, tier in enumerate(self.preset.tiers, 1) if tier.bounds)
        self.before = self.library.counts(self.preset)
        self.wanted: dict[tuple[int, str], float] = {}
        self.busy = self.again = False

    def build(self) -> None:
        self._header()
        self.dialog = ui.dialog().props("maximized")
        with ui.row().classes("w-full no-wrap items-start gap-4"):
            with ui.column().classes("gap-0 rules"):
                self.rules = RuleList(self.preset, self.move, self.select)
                self.rules.build(self.shelf.axes, self.shelf.small)
            with ui.column().classes("col"):
                with ui.tabs().props("align=left dense") as tabs:
                    rule, funnel, clips = ui.tab("Rule"), ui.tab("Funnel"), ui.tab("Clips")
                with ui.tab_panels(tabs, value=rule, animated=False).classes("w-full bg-transparent"):
                    with ui.tab_panel(rule).classes("q-pa-none"):
                        self._rule_panel()
                    with ui.tab_panel(funnel).classes("q-pa-none"):
                        self.funnel = ui.echart({}).classes("w-full").style("height:900px")
                    with ui.tab_panel(clips).classes("q-pa-none"):
                        self._search_panel()
        ui.timer(0.05, self.refresh, once=True)
        ui.timer(0.5, lambda: self.search(0), once=True)

    def _header(self) -> None:
        with ui.row().classes("w-full items-center gap-4"):
            ui.label("clipsieve explore").classes("text-h5")
            where = "/".join(self.explorer.root.split("/")[-2:])
            told = f"{self.library.clips:,} clips, {clock(self.library.hours)} of {where}"
            ui.label(told).classes("text-grey-8").tooltip(self.explorer.root)
            ui.space()
            self.moves = ui.label().classes("text-grey-8 moves ellipsis")
            self.spinner = ui.spinner(size="sm")
            names = sorted(self.explorer.presets)
            ui.select(names, value=self.name, label="preset",
                      on_change=lambda e: ui.navigate.to(f"/?preset={e.value}")).props("dense outlined")  # fmt: skip
            ui.button("Reset", on_click=self._reset).props("flat dense").tooltip("All bounds as the preset has them")
            ui.button("Read again", on_click=self._read_again).props("flat dense").tooltip(
                "After a run: all clips again"
            )
            ui.button("Save as preset", on_click=self._ask_name).props("dense")

    def _rule_panel(self) -> None:
        self.title = ui.label().classes("text-h6")
        self.note = ui.label().classes("text-grey-8")
        self.chart = ui.echart({}).classes("w-full").style("height:300px")
        with ui.element("div").classes("edges"):
            with ui.column():
                ui.label("Kept by this rule, nearest to its bound").classes("text-subtitle1 text-weight-bold")
                self.kept = ui.element("div").classes("w-full")
            with ui.column():
                ui.label("Rejected by this rule, nearest to its bound").classes("text-subtitle1 text-weight-bold")
                self.rejected = ui.element("div").classes("w-full")

    def move(self, place: Place, value: float) -> None:
        """Another number for a bound; what follows of it is shown when it has been counted."""
        self.wanted[(place[0], self.preset.tiers[place[0] - 1].bounds[place[1]].name)] = value
        self.place = place
        self._settle()

    def _reset(self) -> None:
        """All bounds as the preset has them."""
        self.wanted.clear()
        self._settle()

    def _settle(self) -> None:
        self.preset = with_moves(self.library.preset, self.wanted)
        self.rules.follow(self.preset)
        ui.timer(0.01, self.refresh, once=True)

    def select(self, place: Place) -> None:
        if place != self.place:
            self.place = place
            ui.timer(0.01, self.refresh, once=True)

    async def refresh(self) -> None:
        """Ask again until what is shown is what is asked for."""
        self.again = True
        if self.busy:
            return
        self.busy, self.spinner.visible = True, True
        try:
            while self.again:
                self.again = False
                preset, place = self.preset, self.place
                self._show(preset, place, await asyncio.to_thread(answer, self.shelf, preset, place))
        except FAULTS as error:
            self._notify(error)
        finally:
            self.busy, self.spinner.visible = False, False

    def _show(self, preset: Preset, place: Place, told: Answer) -> None:
        bound, tier = preset.tiers[place[0] - 1].bounds[place[1]], preset.tiers[place[0] - 1]
        column, axis = self.library.vocabulary.columns.get(bound.column), self.shelf.axes[bound.name]
        self.rules.update(self.before, told.counts, told.funnel)
        self.rules.mark(place)
        self.title.text = f"{tier.name}: {bound.column} {SIGNS[bound.kind]} {charts.bound_label(bound)}"
        held = "held back" if bound.unmeasured == "hold" else "let through"
        lacking = f" {told.unmeasured:,} clips without a value are {held}." if told.unmeasured else ""
        source = "The number is the paper's" if bound.source == "paper" else "The number is ours"
        note = f": {bound.note}." if bound.note else "."
        self.note.text = f"{column.doc if column else ''}{lacking} {source}{note}"
        unit = column.unit if column else ""
        self._draw(self.chart, charts.histogram(axis, told.bars, preset, bound, unit))
        self.chart.visible = axis.scale is not None or bool(axis.values)
        self._draw(self.funnel, charts.funnel_bars(told.funnel))
        self.funnel.style(f"height:{60 + 24 * len(told.funnel)}px")
        changes = moves(self.library.preset, preset)
        self.moves.text = f"moved: {', '.join(f'{tier}.{rule}' for tier, rule, *_ in changes)}" if changes else ""
        self._fill(self.kept, lambda: clip_cards(told.edge.kept, preset, self.show_clip, "none"))
        self._fill(self.rejected, lambda: clip_cards(told.edge.rejected, preset, self.show_clip, "none"))

    @staticmethod
    def _draw(chart: ui.echart, options: dict[str, Any]) -> None:
        chart.options.clear()
        chart.options.update(options)

    @staticmethod
    def _fill(place: ui.element, build: Callable[[], Any]) -> None:
        place.clear()
        with place:
            build()

    def _search_panel(self) -> None:
        with ui.row().classes("w-full items-center no-wrap"):
            self.condition = ui.input("A part of a file name, or an SQL condition", placeholder=EXAMPLE)
            self.condition.classes("col").props("dense outlined").on("keydown.enter", lambda: self.search(0))
            ui.button("Find", on_click=lambda: self.search(0)).props("dense")
            with (
                ui.button(icon="help_outline").props("flat dense"),
                ui.menu().classes("q-pa-sm").style("max-width:900px"),
            ):
                ui.label(f"For example: {EXAMPLE}. The columns:").classes("text-weight-bold")
                for row in searchable(self.library):
                    ui.label(f"{row['column']}: {row['doc']}" + (f" [{row['unit']}]" if row["unit"] else ""))
        self.found = ui.label().classes("text-grey-8")
        self.grid = ui.element("div").classes("w-full")
        self.pages = ui.pagination(1, 1, direction_links=True, on_change=self._turn).props("max-pages=9")
        self.pages.visible = False

    async def _turn(self) -> None:
        await self.search(int(self.pages.value or 1) - 1)

    async def search(self, page: int) -> None:
        """Show a page of the clips that the condition finds, under the bounds as they are now."""
        preset, condition = self.preset, self.condition.value or ""
        try:
            found: Found = await asyncio.to_thread(search, self.library, preset, condition, page)
        except QuestionError as error:
            self.found.text, self.pages.visible = str(error), False
            self.grid.clear()
            return
        parts = [f"{tier.name} {n:,}" for tier, n in zip(preset.tiers, found.in_tiers, strict=True)]
        self.found.text = f"{found.clips:,} clips; {', '.join(parts)}"
        self.pages.max, self.pages.visible = max(1, -(-found.clips // PAGE)), found.clips > PAGE
        self.pages.value = page + 1
        self._fill(self.grid, lambda: clip_cards(found.cards, preset, self.show_clip, "no clip"))

    async def show_clip(self, clip_id: str) -> None:
        """One clip over the whole page, judged by the bounds as they are now."""
        self.dialog.clear()
        with self.dialog, ui.card().classes("w-full"):
            with ui.row().classes("w-full justify-end"):
                ui.button("Close", on_click=self.dialog.close).props("flat dense")
            try:
                await clip_page(self.explorer, self.library, self.preset, clip_id, self.show_clip)
            except FAULTS as error:
                self._notify(error)
                return
        self.dialog.open()

    def _notify(self, error: Exception) -> None:
        ui.notify(told_error(self.library, str(error)), type="negative", multi_line=True)

    async def _read_again(self) -> None:
        await asyncio.to_thread(self.explorer.shelf, self.name, True)
        ui.navigate.to(f"/?preset={self.name}")

    def _ask_name(self) -> None:
        with ui.dialog() as dialog, ui.card().style("min-width:480px"):
            ui.label("Save the bounds as a preset of your own").classes("text-h6")
            for tier, rule, was, value in moves(self.library.preset, self.preset):
                ui.label(f"{tier}.{rule}: {was:.12g} to {value:.12g}")
            name = ui.input("Name", value=f"my_{self.name}".removeprefix("my_my_")).mark("preset name")
            told = ui.label().classes("break-all")
            with ui.row():
                ui.button("Save", on_click=lambda: self._save(name.value or "", told)).mark("save preset")
                ui.button("Close", on_click=dialog.close).props("flat")
        dialog.open()

    def _save(self, name: str, told: ui.label) -> None:
        try:
            path = save_preset(self.library.preset, self.preset, self.library.vocabulary, name, self.explorer.folder)
        except (ValueError, OSError) as error:
            told.text = str(error)
            return
        told.text = (
            f"Written: {path}. Run it: clipsieve run --input FOLDER --root {self.explorer.root} --preset {path}"
        )


async def clip_page(explorer: Explorer, library: Library, preset: Preset, clip_id: str, show: Any) -> None:
    """Everything about a clip, or a sentence when there is no such clip."""
    clip = await asyncio.to_thread(clip_row, library, clip_id)
    if clip is None:
        ui.label("There is no such clip on this root.")
        return
    told = await asyncio.to_thread(one_clip, library, preset, clip)
    pictures = await asyncio.to_thread(explorer.media.keyframes, clip)
    clip_view(told, preset, len(pictures), show)
