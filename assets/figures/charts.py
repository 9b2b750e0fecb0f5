"""Charts as PNG, by matplotlib's objects: no window, no state of pyplot. Words in them are text, never formulas."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np
import numpy.typing as npt

from ..tiers.funnel import FunnelRow
from .histogram import Histogram
from .markdown import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 100
COLOURS_OF_A_CHART = 48
"""Few colours make a chart a third of the bytes."""
WIDE = 8.6
"""Inches of a chart at DPI: what Dagster's dialog shows without scaling."""
PANELS_A_ROW = 3
BAR, KEPT, TAKEN, NO_VALUE = "#7f9fc4", "#4a78b0", "#d9a38f", "#e0b000"
TIER_COLOURS = ("#1a7f37", "#c77700", "#c62828", "#7b1fa2")
SETTINGS: dict[Any, Any] = {
    "text.parse_math": False,
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titley": 1.0,
    "axes.linewidth": 0.6,
}
"""A title whose place is given spares a third of the time: matplotlib looks for none."""
TICKS, STEPS = 4, (1, 2, 5, 10)
Numbers = npt.NDArray[np.float64]
Arguments = ParamSpec("Arguments")


def drawn(fill: Callable[Arguments, Figure]) -> Callable[Arguments, bytes]:
    """The figure that the function makes, as PNG."""

    @wraps(fill)
    def draw(*args: Arguments.args, **named: Arguments.kwargs) -> bytes:
        import matplotlib
        from PIL import Image

        with matplotlib.rc_context(SETTINGS), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph")  # of a script that DejaVu has not: drawn as boxes
            canvas = fill(*args, **named).canvas
            canvas.draw()  # type: ignore[no-untyped-call]
            picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")  # type: ignore[attr-defined]
        out = io.BytesIO()
        picture.quantize(COLOURS_OF_A_CHART, Image.Quantize.FASTOCTREE).save(out, "PNG")
        return out.getvalue()

    return draw


def _figure(rows: int, height: float, columns: int = 1, whole: bool = False) -> tuple[Figure, list[Axes]]:
    """`whole`: the x axis counts things."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(WIDE, rows * height), dpi=DPI)
    FigureCanvasAgg(figure)
    axes = [figure.add_subplot(rows, columns, i + 1) for i in range(rows * columns)]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(length=2, pad=2)
        ax.xaxis.set_major_locator(MaxNLocator(2 * TICKS if columns == 1 else TICKS, steps=STEPS, integer=whole))
        ax.yaxis.set_major_locator(MaxNLocator(TICKS, steps=STEPS, integer=True))
    return figure, axes


@drawn
def histograms(panels: Sequence[Histogram]) -> Figure:
    """One panel a column, three a row, with the bounds of the tiers as lines and their names above."""
    columns = min(len(panels), PANELS_A_ROW)
    rows = -(-len(panels) // columns)
    figure, axes = _figure(rows, 2.6, columns)
    for ax, panel in zip(axes, panels, strict=False):
        _panel(ax, panel)
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    side = 0.06 if columns > 1 else 0.05
    figure.subplots_adjust(side, 0.46 / (rows * 2.6), 0.985, 1 - 0.3 / (rows * 2.6), 0.22, 0.62)
    return figure


def _panel(ax: Axes, panel: Histogram) -> None:
    ax.stairs(panel.counts, panel.edges, fill=True, color=BAR)
    ax.set_title(plain(panel.title, 60), loc="left", fontweight="bold")
    beyond = f"; {panel.beyond} clips beyond" if panel.beyond else ""
    ax.set_xlabel(plain(f"{panel.unit or panel.title.partition(' ')[0]}{beyond}", 60), labelpad=2)
    low, high = float(panel.edges[0]), float(panel.edges[-1])
    room = (high - low) * 0.02
    ax.set_xlim(low - room, high + room)
    top = max(float(panel.counts.max()), 1.0)
    ax.set_ylim(0, top * (1.06 + 0.13 * len(panel.marks)))
    for number, mark in enumerate(panel.marks):
        colour = TIER_COLOURS[(mark.tier - 1) % len(TIER_COLOURS)]
        height = 1 - (number + 0.5) * 0.13 / (1.06 + 0.13 * len(panel.marks))
        at = min(max(mark.value, low), high)
        if not mark.outside:
            ax.axvline(at, 0, height, color=colour, linewidth=1.4)
        left = at < (low + high) / 2
        arrow = "" if not mark.outside else "\N{LEFTWARDS ARROW} " if mark.value < low else " \N{RIGHTWARDS ARROW}"
        label = f"{arrow}{mark.label}" if left else f"{mark.label}{arrow}"
        ax.text(
            at, height, f" {label} ", color=colour, transform=ax.get_xaxis_transform(), va="center",
            ha="left" if left else "right",
        )  # fmt: skip


@drawn
def funnel_chart(rows: Sequence[FunnelRow]) -> Figure:
    """A tier: a bar for what came in, one for what each rule left (blue) and took (red), and one for what it kept; a
    thin yellow bar for what a rule found no value of.
    """
    figure, (ax,) = _figure(1, 0.55 + 0.24 * len(rows), whole=True)
    places = np.arange(len(rows))
    left, taken = (np.array([getattr(r, name) or 0 for r in rows], float) for name in ("clips", "taken"))
    without = np.array([r.unmeasured or 0 for r in rows], float)
    ax.barh(places, left, 0.72, color=[KEPT if r.rule in ("input", "kept") else BAR for r in rows], label="left")
    ax.barh(places, taken, 0.72, left, color=TAKEN, label="took")
    ax.barh(places + 0.27, without, 0.18, color=NO_VALUE, label="no value")
    ax.set_yticks(places, [plain(_name(r), 60) for r in rows])
    ax.invert_yaxis()
    ax.set_xlim(0, max(float(left.max()), 1.0) * 1.4)
    for place, row in enumerate(rows):
        end = max(row.clips + (row.taken or 0), row.unmeasured or 0)
        ax.text(end, place, f"  {_told(row)}", va="center")
    ax.set_xlabel("clips", labelpad=1)
    ax.legend(loc="lower right", frameon=False)
    figure.subplots_adjust(0.34, 0.42 / figure.get_figheight(), 0.985, 1 - 0.1 / figure.get_figheight())
    return figure


def _name(row: FunnelRow) -> str:
    return f"{row.tier} {row.rule}" if row.rule in ("input", "kept") else f"{row.rule}  {plain(row.bound, 16)}"


def _told(row: FunnelRow) -> str:
    told = [f"{row.clips:,} left" if row.taken is not None else f"{row.clips:,}"]
    told += [f"took {row.taken:,}"] if row.taken else []
    told += [f"no value {row.unmeasured:,}"] if row.unmeasured else []
    return ", ".join(told)


@drawn
def sizes_chart(sizes: Mapping[str, Numbers], title: str) -> Figure:
    """Clips of each concept, concepts from the largest to the smallest; several series over each other."""
    figure, (ax,) = _figure(1, 2.6, whole=True)
    first = next(iter(sizes.values()))
    for number, (name, values) in enumerate(sizes.items()):
        colour = (BAR, KEPT)[number % 2]
        ax.stairs(values, np.arange(len(values) + 1) + 0.5, fill=True, color=colour, label=name)
    ax.set_xlim(0.5, max(len(first), 1) + 0.5)
    if len(first) and float(first.max()) > 100 * max(float(np.median(first)), 1):
        ax.set_yscale("log")
    ax.set_title(plain(title, 100), loc="left", fontweight="bold")
    ax.set_xlabel("concepts, the largest first", labelpad=2)
    ax.set_ylabel("clips", labelpad=2)
    if len(sizes) > 1:
        ax.legend(frameon=False)
    figure.subplots_adjust(0.075, 0.18, 0.985, 0.9)
    return figure


@drawn
def series_chart(rows: Sequence[tuple[str, Numbers, Mapping[str, Numbers]]]) -> Figure:
    """Signals over time: a row a video (title, seconds, values by name), a panel a signal."""
    names = list(rows[0][2])
    figure, axes = _figure(len(rows), 1.7, len(names))
    for number, ax in enumerate(axes):
        title, seconds, values = rows[number // len(names)]
        name = names[number % len(names)]
        ax.plot(seconds, values[name], color=KEPT, linewidth=0.8)
        ax.set_title(plain(title if number % len(names) == 0 else "", 60), loc="left", fontweight="bold")
        ax.set_ylabel(name, labelpad=1)
        ax.set_xlabel("s", labelpad=0)
        ax.set_ylim(bottom=min(0.0, float(np.nanmin(values[name], initial=0.0))))
    height = figure.get_figheight()
    figure.subplots_adjust(0.055, 0.38 / height, 0.985, 1 - 0.3 / height, 0.24, 0.75)
    return figure
