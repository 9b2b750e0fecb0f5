"""The rules of the preset, tier by tier: each with its values in small, a slider, and what it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui

from assets.tiers.bounds import Bound
from assets.tiers.rules import Preset
from assets.tiers.words import bound_text

from ..questions import Rows
from ..report import clock
from .answer import Place
from .charts import sparkline
from .library import Count
from .spread import Axis, Scale, slider_scale

SIGNS = {"min": "\N{GREATER-THAN OR EQUAL TO}", "max": "\N{LESS-THAN OR EQUAL TO}", "in": "in", "quota": "mix",
         "keep_best": "best by", "keep_top": "top share", "share": "share", "sqrt_sample": "1/sqrt share"}  # fmt: skip

STEPS = 400
"""Of a slider."""


class RuleList:
    """`move(place, value)` is called when a bound is moved, `select(place)` when a rule is clicked."""

    def __init__(self, preset: Preset, move: Callable[[Place, float], Any], select: Callable[[Place], Any]) -> None:
        self.preset, self.move, self.select = preset, move, select
        self.heads: list[tuple[ui.label, ui.label]] = []
        self.took: dict[tuple[str, str], ui.label] = {}
        self.rows: dict[Place, ui.element] = {}
        self.controls: dict[Place, tuple[Scale, ui.slider, ui.number]] = {}

    def build(self, axes: dict[str, Axis], small: dict[str, list[int]]) -> None:
        """`small`: clips in each bar of a rule's column, by the rule's name."""
        for number, tier in enumerate(self.preset.tiers, 1):
            with ui.row().classes("tier items-baseline justify-between w-full no-wrap"):
                ui.label(tier.name).classes("text-h6")
                self.heads.append((ui.label().mark(f"{tier.name} clips"), ui.label().classes("change")))
            for index, bound in enumerate(tier.bounds):
                self._rule((number, index), tier.name, bound, axes[bound.name], small[bound.name])
            for bound in tier.inactive:
                told = f"{bound.column} {SIGNS[bound.kind]} {bound_text(bound)}"
                ui.label(f"{told}: inactive, no scorer fills it").classes("text-caption text-grey-6 q-px-sm")

    def _rule(self, place: Place, tier: str, bound: Bound, axis: Axis, small: list[int]) -> None:
        with ui.column().classes("rule gap-0 w-full").on("click", lambda: self.select(place)) as row:
            self.rows[place] = row
            with ui.row().classes("items-center justify-between w-full no-wrap"):
                ui.label(f"{bound.column} {SIGNS[bound.kind]}").classes("ellipsis")
                self.took[(tier, bound.name)] = ui.label().classes("took")
            scale = slider_scale(bound, axis)
            if scale is None:
                ui.label(bound_text(bound)).classes("text-caption text-grey-8")
                return
            self._slider(place, f"{tier}.{bound.name}", scale, small)

    def _slider(self, place: Place, name: str, scale: Scale, small: list[int]) -> None:
        """A slider below the column's bars, and the same number as a box; each follows the other."""
        with ui.row().classes("items-center w-full no-wrap gap-2"):
            with ui.column().classes("col gap-0"):
                ui.html(sparkline(small), sanitize=False).classes("w-full")  # numbers only
                slider = ui.slider(min=0, max=STEPS, step=1, value=self._step(place, scale)).props("dense").mark(name)
            box = ui.number(value=self._now(place), format="%.15g").classes("bound").mark(f"{name} number")
            box.props("dense outlined hide-bottom-space debounce=400")

        self.controls[place] = (scale, slider, box)

        def slid(step: float) -> None:
            if step != self._step(place, scale):  # else it only follows
                self.move(place, scale.value(step / STEPS))

        def written(value: float | None) -> None:
            if value is not None and value != self._now(place):
                self.move(place, value)

        slider.on_value_change(lambda event: slid(event.value))
        box.on_value_change(lambda event: written(event.value))

    def follow(self, preset: Preset) -> None:
        """Show the numbers of a preset whose bounds were moved: one bound may take others along."""
        self.preset = preset
        for place, (scale, slider, box) in self.controls.items():
            box.value, slider.value = self._now(place), self._step(place, scale)

    def _step(self, place: Place, scale: Scale) -> int:
        return round(scale.position(self._now(place)) * STEPS)

    def _now(self, place: Place) -> Any:
        return self.preset.tiers[place[0] - 1].bounds[place[1]].value

    def update(self, before: list[Count], now: list[Count], funnel: Rows) -> None:
        """Show what the tiers keep, how that differs from what they kept before, and what each rule takes."""
        for (count, change), was, is_now in zip(self.heads, before, now, strict=True):
            count.text = f"{is_now.clips:,} clips, {clock(is_now.hours)}"
            difference = is_now.clips - was.clips
            change.text = f"{difference:+,}" if difference else ""
            change.style(f"color:{'#2e7d32' if difference > 0 else '#b3261e'}")
        for row in funnel:
            if (label := self.took.get((row["tier"], row["rule"]))) is not None:
                lacking = f", {row['unmeasured']:,} no value" if row["unmeasured"] else ""
                label.text = f"took {row['taken']:,}{lacking}"

    def mark(self, place: Place) -> None:
        """Show which rule is selected."""
        for each, row in self.rows.items():
            row.classes(add="selected") if each == place else row.classes(remove="selected")
