"""Charts as options of ECharts: numbers in, dictionaries out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assets.tiers.bounds import Bound
from assets.tiers.rules import Preset
from assets.tiers.words import bound_text

from ..questions import Rows
from ..report import cell
from .spread import Axis, Scale

REACHED = ("#c9c4bc", "#9ecae1", "#4292c6", "#08519c", "#08306b", "#041c3a")
"""Colours by the number of tiers that keep a clip: none is grey."""
BOUND = "#d7301f"
TAKEN = "#e3a587"
PLAIN = {"animation": False, "textStyle": {"fontFamily": "inherit"}}


def histogram(axis: Axis, counted: list[list[int]], preset: Preset, bound: Bound, unit: str) -> dict[str, Any]:
    """Bars by how far clips get, and a line at every tier's bound on the column."""
    names = ["in no tier", *(f"up to {tier.name}" for tier in preset.tiers)]
    series: list[dict[str, Any]] = [
        {"type": "bar", "name": name, "stack": "clips", "data": clips, "barCategoryGap": "8%",
         "itemStyle": {"color": REACHED[min(i, len(REACHED) - 1)]}}
        for i, (name, clips) in enumerate(zip(names, counted, strict=True))
    ]  # fmt: skip
    below: list[dict[str, Any]] = [
        {"type": "category", "data": axis.labels, "name": unit, "nameLocation": "middle", "nameGap": 26}
    ]
    if axis.scale is not None:
        below.append({"type": "value", "min": 0, "max": 1, "show": False})
        series.append(_bound_lines(preset, bound, axis.scale))
    return PLAIN | {
        "grid": {"left": 56, "right": 24, "top": 40, "bottom": 44},
        "legend": {"top": 0, "data": names, "itemWidth": 12, "itemHeight": 10},
        "tooltip": {"trigger": "axis", "confine": True},
        "xAxis": below,
        "yAxis": {"type": "value", "minInterval": 1},
        "series": series,
    }


def bound_label(bound: Bound) -> str:
    """The bound's value as a person writes it."""
    return cell(bound.value) if isinstance(bound.value, float) else bound_text(bound)


def _bound_lines(preset: Preset, bound: Bound, scale: Scale) -> dict[str, Any]:
    at: dict[tuple[str, float], list[str]] = {}
    for tier in preset.tiers:
        for b in tier.bounds:
            if b.column == bound.column and b.kind in ("min", "max"):
                at.setdefault((b.kind, _value(b)), []).append(tier.name)
    lines = [{"xAxis": scale.position(value), "label": {"formatter": f"{', '.join(tiers)} {kind} {cell(value)}"}}
             for (kind, value), tiers in at.items()]  # fmt: skip
    mark = {"symbol": "none", "silent": True, "data": lines, "lineStyle": {"color": BOUND, "width": 2},
            "label": {"color": BOUND, "position": "insideEndTop"}}  # fmt: skip
    return {"type": "line", "xAxisIndex": 1, "data": [], "markLine": mark}


def _value(bound: Bound) -> float:
    assert isinstance(bound.value, int | float)
    return float(bound.value)


def funnel_bars(rows: Rows) -> dict[str, Any]:
    """What is left after each rule, and what the rule took, from the top downwards."""
    shown = [row for row in rows if row["rule"] != "kept"]
    names = [f"{row['tier']}  {row['rule']}" for row in shown]
    left = [row["clips"] for row in shown]
    taken = [row["taken"] or 0 for row in shown]
    bar = {"type": "bar", "stack": "clips", "barCategoryGap": "25%"}
    return PLAIN | {
        "grid": {"left": 230, "right": 30, "top": 30, "bottom": 24},
        "legend": {"top": 0, "data": ["left", "taken"]},
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}, "confine": True},
        "xAxis": {"type": "value", "minInterval": 1},
        "yAxis": {"type": "category", "inverse": True, "data": names, "axisLabel": {"interval": 0}},
        "series": [
            bar | {"name": "left", "data": left, "itemStyle": {"color": REACHED[2]}},
            bar | {"name": "taken", "data": taken, "itemStyle": {"color": TAKEN}},
        ],
    }


def sparkline(counted: Sequence[int]) -> str:
    """A column's bars as an SVG picture as wide as its place; numbers only go into it."""
    most = max([*counted, 1])
    bars = "".join(
        f'<rect x="{i}" y="{20 - 20 * clips / most:.2f}" width="0.86" height="{20 * clips / most:.2f}"/>'
        for i, clips in enumerate(counted)
        if clips
    )
    return (
        f'<svg viewBox="0 0 {max(len(counted), 1)} 20" preserveAspectRatio="none" '
        f'style="width:100%;height:26px;display:block;fill:{REACHED[2]}">{bars}</svg>'
    )
