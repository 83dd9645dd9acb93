"""Paired dots: each comparison's ratio at the baseline and now, with its verdict in words."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from yjd.reporting.charts import MARGIN, WIDTH, chart_texts
from yjd.reporting.palette import ADVERSE, CLEAR, GRID, INK, UNCLEAR, WHITE
from yjd.reporting.words import and_list, counted, plain, ratio_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROW, _LEFT, _VALUES = 0.56, 1.5, 1.25
MOST = 12  # rows that fit on a page
_COLOUR = {"met": CLEAR, "improving": CLEAR, "worsening": ADVERSE}
_MARK = {"met": "D", "improving": "D", "worsening": "s"}


def drawable(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The comparisons that have a ratio then and now, as many as fit."""
    return [row for row in rows if all(_is_number(row[name]) for name in ("ratio_then", "ratio"))][:MOST]


def headline(rows: Sequence[Mapping[str, Any]]) -> str:
    """How many comparisons have a verdict of a change."""
    told = [
        f"{number} {verdict}"
        for verdict in ("met", "improving", "worsening")
        if (number := sum(row["verdict"] == verdict for row in rows))
    ]
    return f"Ratios then and now of {counted(len(rows), 'comparison')}: {', '.join(told) or 'no verdict of a change'}"


def description(rows: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> str:
    """Type, what is drawn, every pair, and where the numbers are."""
    pairs = [
        f"{titles.get(row['measure'], row['measure'])}, {row['group']}: {ratio_text(row['ratio_then'], 2)} to "
        f"{ratio_text(row['ratio'], 2)}, {row['verdict']}"
        for row in rows
    ]
    references = and_list(sorted({str(row["reference"]) for row in rows}))
    return (
        f"Paired dots with a row for each comparison: the ratio to {references} at the baseline and now. "
        f"{headline(rows)}. {'. '.join(pairs)}. All numbers are in the table below the chart."
    )


def paired_chart(rows: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> Figure:
    """Rows of comparisons on one logarithmic axis with a line at 1."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
    from matplotlib.transforms import blended_transform_factory

    title = textwrap.wrap(headline(rows), 46)
    note = textwrap.wrap("Ratio to the comparison group; at 1 the rates are alike.", 54)
    foot = textwrap.wrap(
        "Hollow circle: baseline. Filled: now. Diamond: met or improving. Square: worsening. Circle: no verdict of a "
        "change. Intervals of the changes are in the table.",
        54,
    )
    head, bottom = 0.12 + 0.2 * len(title) + 0.185 * len(note) + 0.12, 0.34 + 0.185 * len(foot) + 0.1
    height = head + bottom + _ROW * len(rows)
    figure = Figure(figsize=(WIDTH, height))
    chart_texts(figure, height, title, note, foot)
    inch = WIDTH - _LEFT - _VALUES
    axes = figure.add_axes((_LEFT / WIDTH, bottom / height, inch / WIDTH, _ROW * len(rows) / height))
    values = [float(row[name]) for row in rows for name in ("ratio_then", "ratio")]
    axes.set_xscale("log")
    axes.set_xlim(min([*values, 0.8]) / 1.15, max([*values, 1.25]) * 1.15)
    axes.set_ylim(len(rows), 0)
    axes.set_yticks([])
    low, high = axes.get_xlim()
    ticks = [tick for tick in (0.125, 0.25, 0.5, 0.7, 1, 1.5, 2, 3, 4, 8, 16) if low <= tick <= high]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.tick_params(labelsize=10, length=3, labelcolor=INK, color=GRID)
    axes.axvline(1, color=INK, linewidth=1, zorder=1)
    across = blended_transform_factory(axes.transAxes, axes.transData)
    for place, row in enumerate(rows):
        middle, verdict = place + 0.5, str(row["verdict"])
        colour = _COLOUR.get(verdict, UNCLEAR)
        axes.plot([row["ratio_then"], row["ratio"]], [middle, middle], color=colour, linewidth=1.4, zorder=2)
        axes.plot(
            row["ratio_then"], middle, marker="o", markersize=6.5, markerfacecolor=WHITE, markeredgecolor=colour,
            markeredgewidth=1.4, zorder=3, clip_on=False,
        )  # fmt: skip
        axes.plot(
            row["ratio"], middle, marker=_MARK.get(verdict, "o"), markersize=6.5, color=colour, zorder=4, clip_on=False
        )
        where = "" if row["area"] == "All" else f", {row['area']}"
        names = [
            *textwrap.wrap(plain(titles.get(row["measure"], row["measure"])), 21)[:2],
            plain(f"{row['group']}{where}"),
        ]
        said = [f"{ratio_text(row['ratio_then'], 2)} to {ratio_text(row['ratio'], 2)}", *textwrap.wrap(verdict, 16)]
        for words, x in ((names, (MARGIN - _LEFT) / inch), (said, 1 + 0.1 / inch)):
            for line, text in enumerate(words):
                y = middle + 0.155 / _ROW * (line - (len(words) - 1) / 2)
                axes.text(x, y, text, transform=across, va="center", ha="left", color=INK, size=9)
    return figure


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and value == value and value > 0
