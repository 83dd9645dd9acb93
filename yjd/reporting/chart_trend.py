"""The trend chart and the chart of unknown ethnicity."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from yjd.reporting import headlines
from yjd.reporting.charts import (
    MARGIN,
    WIDTH,
    Scale,
    chart_texts,
    draw_mark,
    log_ticks,
    row_label,
    value_text,
)
from yjd.reporting.palette import CLEAR, DARK_GREY, GRID, INK
from yjd.reporting.view import Comparison, View
from yjd.reporting.words import Measure, percent_text, plain
from yjd.schema import UNKNOWN

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANEL, _GAP = 1.0, 0.42


def trend_chart(view: View, measure: Measure) -> Figure:
    """One panel a group, the same log axis in each, whiskers, and gaps where nothing can be shown."""
    from matplotlib.figure import Figure

    groups = [group for group in view.groups() if group not in (view.reference, UNKNOWN)]
    panels = {
        group: [item for period in view.series for item in view.compare(measure, period=period) if item.group == group]
        for group in groups
    }
    scale = Scale.over([item for items in panels.values() for item in items])
    title = textwrap.wrap(headlines.trend_headline(view, measure), 46)
    note = textwrap.wrap(f"Ratio to {plain(view.reference)} (= 1), {view.interval_name}, log scale.", 54)
    foot = textwrap.wrap(
        "Diamond: clearly higher. Filled circle: clearly lower. Hollow circle: no clear difference. [c] "
        "hidden, "
        "[x] not available, [b] break. Overlapping intervals do not test a change between periods.",
        54,
    )
    head = 0.12 + 0.2 * len(title) + 0.185 * len(note) + 0.08
    bottom = 0.34 + 0.185 * len(foot) + 0.1
    height = head + bottom + len(groups) * (_PANEL + _GAP)
    figure = Figure(figsize=(WIDTH, height))
    chart_texts(figure, height, title, note, foot)
    for place, (group, items) in enumerate(panels.items()):
        base = bottom + (len(groups) - 1 - place) * (_PANEL + _GAP)
        axes = figure.add_axes((0.5 / WIDTH, base / height, (WIDTH - 0.65) / WIDTH, _PANEL / height))
        last = items[-1]
        figure.text(
            MARGIN / WIDTH,
            (base + _PANEL + 0.1) / height,
            f"{plain(group)}: {value_text(last)} in {view.series[-1]}",
            weight="bold",
            size=10,
            va="bottom",
            color=INK,
        )
        _panel(axes, scale, items, view.series, labelled=place == len(groups) - 1)
    return figure


def _panel(axes: Axes, scale: Scale, items: Sequence[Comparison], periods: Sequence[str], *, labelled: bool) -> None:
    axes.set_yscale("log")
    axes.set_ylim(scale.low, scale.high)
    axes.set_xlim(-0.5, len(periods) - 0.5)
    log_ticks(axes, scale, along="y")
    axes.hlines(scale.ticks, -0.5, len(periods) - 0.5, color=GRID, linewidth=0.6, zorder=0)
    axes.hlines(1, -0.5, len(periods) - 0.5, color=INK, linewidth=1.4, zorder=1)
    for place, item in enumerate(items):
        draw_mark(axes, scale, item, place, along="y")
        if item.verdict.after_break:
            axes.vlines(place - 0.5, scale.low, scale.high, color=DARK_GREY, linewidth=1.2, linestyle=(0, (4, 3)))
            axes.text(place - 0.46, scale.high, "[b]", va="top", ha="left", size=9, color=INK)
    for place, (before, after) in enumerate(itertools.pairwise(items)):
        if before.verdict.has_numbers and after.verdict.has_numbers and not after.verdict.after_break:
            heights = [scale.clip(float(item.row["estimate"])) for item in (before, after)]
            axes.plot((place, place + 1), heights, color=DARK_GREY, linewidth=1, zorder=1.5)
    step = 1 if len(periods) <= 6 else 2 if len(periods) <= 12 else 4
    kept = range((len(periods) - 1) % step, len(periods), step)
    axes.set_xticks(list(kept), [plain(periods[place]) for place in kept] if labelled else [])


def unknown_chart(view: View) -> Figure:
    """A bar for each stage: the share of it whose ethnicity is not known."""
    from matplotlib.figure import Figure

    entries = view.unknown(pathway=True)
    names = [textwrap.wrap(plain(entry["title"]), 20) or [""] for entry in entries]
    left = 0.2 + 0.085 * max(len(line) for lines in names for line in lines)
    title = textwrap.wrap(headlines.unknown_headline(view), 46)
    others = ", unless another period is named" if view.other_periods(view.pathway) else ""
    said = f"Share of each stage whose ethnicity is not known, per 100. {view.period_label()}{others}."
    note = textwrap.wrap(said, 54)
    bottom = 0.54
    heights = [0.32 + 0.16 * (len(lines) - 1) for lines in names]
    height = 0.24 + 0.2 * len(title) + 0.185 * len(note) + sum(heights) + bottom
    figure = Figure(figsize=(WIDTH, height))
    chart_texts(figure, height, title, note, ["[c] hidden to protect confidentiality, [x] not available."])
    box = (left / WIDTH, bottom / height, (WIDTH - left - 1.1) / WIDTH, sum(heights) / height)
    axes = figure.add_axes(box)
    widest = 100 * max([0.05, *(entry["share"] for entry in entries if entry["share"] is not None)])
    axes.set_xlim(0, widest * 1.02)
    axes.set_ylim(sum(heights), 0)
    ends = list(itertools.accumulate(heights))
    middles = [end - tall / 2 for end, tall in zip(ends, heights, strict=True)]
    for entry, middle in zip(entries, middles, strict=True):
        share = entry["share"]
        if share is not None:
            axes.barh(middle, 100 * share, height=0.2, color=CLEAR, zorder=2)
        label = entry["mark"] if share is None else percent_text(share)
        spot = 100 * (share or 0) + widest * 0.02
        axes.text(spot, middle, label, va="center", ha="left", size=10, color=INK)
    for lines, middle in zip(names, middles, strict=True):
        row_label(axes, middle, lines)
    axes.set_yticks([])
    axes.tick_params(axis="x", labelsize=10, length=3, labelcolor=INK, color=GRID)
    axes.locator_params(axis="x", nbins=5, integer=True)
    axes.vlines(0, 0, sum(heights), color=INK, linewidth=1.4, zorder=3)
    return figure
