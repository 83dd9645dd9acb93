"""The chart of the data gaps: how often ethnicity is not known, a row a stage, a mark an area."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from yjd.reporting import gap_data
from yjd.reporting.charts import MARGIN, WIDTH, chart_texts
from yjd.reporting.gap_data import Completeness
from yjd.reporting.palette import CLEAR, DARK_GREY, GRID, INK, WHITE
from yjd.reporting.view import View
from yjd.reporting.words import Measure, counted, percent_text, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW, _VALUES = 0.6, 1.35
_MOST_ROWS = 12


def shown_stages(view: View) -> list[Measure]:
    """The stages of the overview that have anything to draw, or else every stage; not more than fit on a page."""
    overview = {measure.numerator for measure in view.pathway}
    measures = gap_data.stages(view)
    chosen = [measure for measure in measures if measure.numerator in overview] or measures
    return [m for m in chosen if any(found.told for found in _all(view, m))][:_MOST_ROWS]


def _all(view: View, measure: Measure) -> list[Completeness]:
    """All areas together, then each area."""
    period = gap_data.wide_period(view, measure)
    return [gap_data.not_known(view, measure, area=area, period=period) for area in ("All", *view.areas)]


def gaps_headline(view: View) -> str:
    """The stage and the area with the largest share that can be shown."""
    told = [found for measure in shown_stages(view) for found in _all(view, measure)[1:] if found.told]
    if not told:
        return "Missing ethnicity cannot be shown by area at any stage"
    most = max(told, key=lambda found: found.percent)
    if most.percent == 0:
        return "No record lacks ethnicity in any area that can be shown"
    what = view.stage_words(most.measure.numerator)
    period = view.period_label(gap_data.wide_period(view, most.measure))
    return f"Missing ethnicity, of what can be shown by area: most for {what} in {most.area}, {_every(most)}, {period}"


def gaps_description(view: View) -> str:
    """Type, what is drawn, each stage's range, how much is hidden, and where the numbers are."""
    said = []
    cells = [found for measure in shown_stages(view) for found in _all(view, measure)[1:]]
    for measure in shown_stages(view):
        told = [found for found in _all(view, measure)[1:] if found.told]
        if told:
            low, high = min(told, key=lambda f: f.percent), max(told, key=lambda f: f.percent)
            least = f"from {percent_text(low.percent / 100)} in {low.area} to " if low.area != high.area else ""
            said.append(f"{view.stage_title(measure.numerator)}: {least}{_every(high)} in {high.area}. ")
    hidden = sum(not found.told for found in cells)
    return (
        "Dot chart with a row for each stage: how many of every 100 have no known ethnicity, in each area and in all "
        f"areas together. {gaps_headline(view)}. {''.join(said)}{hidden} of {counted(len(cells), 'share')} by area "
        "cannot be shown. All numbers are in the table below the chart."
    )


def _every(found: Completeness) -> str:
    return f"{percent_text(found.percent / 100)} of every 100"


def gaps_chart(view: View) -> Figure:
    """Rows of stages on one axis from 0; a diamond is all areas together, a hollow circle one area."""
    from matplotlib.figure import Figure

    measures = shown_stages(view)
    rows = [_all(view, measure) for measure in measures]
    title = textwrap.wrap(gaps_headline(view), 46)
    note = textwrap.wrap("Ethnicity not known, of every 100. The period stands below each stage.", 54)
    foot = textwrap.wrap(
        "Diamond: all areas together. Hollow circle: one area. Right: how many areas can be shown; the others are "
        "hidden to protect confidentiality [c] or not available [x].",
        54,
    )
    head = 0.12 + 0.2 * len(title) + 0.185 * len(note) + 0.12
    bottom = 0.34 + 0.185 * len(foot) + 0.1
    height = head + bottom + _ROW * len(rows)
    figure = Figure(figsize=(WIDTH, height))
    chart_texts(figure, height, title, note, foot)
    left = 1.5
    axes = figure.add_axes((left / WIDTH, bottom / height, (WIDTH - left - _VALUES) / WIDTH, _ROW * len(rows) / height))
    top = max([found.percent for row in rows for found in row if found.told] + [1.0])
    axes.set_xlim(-0.03 * top, 1.08 * top)
    axes.set_ylim(len(rows), 0)
    axes.set_yticks([])
    axes.tick_params(labelsize=10, length=3, labelcolor=INK, color=GRID)
    axes.locator_params(axis="x", nbins=4, integer=True)
    for place, (measure, row) in enumerate(zip(measures, rows, strict=True)):
        _draw_row(axes, view, measure, row, place + 0.5, left)
    return figure


def _draw_row(axes: Axes, view: View, measure: Measure, row: list[Completeness], middle: float, left: float) -> None:
    from matplotlib.transforms import blended_transform_factory

    across = blended_transform_factory(axes.transAxes, axes.transData)
    inch = WIDTH - left - _VALUES
    names = [*textwrap.wrap(plain(view.stage_title(measure.numerator)), 19)[:2], row[0].period]
    for line, name in enumerate(names):
        y = middle + 0.155 / _ROW * (line - (len(names) - 1) / 2)
        size = 8.5 if line == len(names) - 1 else 10
        axes.text((MARGIN - left) / inch, y, name, transform=across, va="center", ha="left", color=INK, size=size)
    axes.hlines(middle, *axes.get_xlim(), color=GRID, linewidth=0.6, zorder=0)
    areas = [found for found in row[1:] if found.told]
    axes.plot(
        [found.percent for found in areas], [middle] * len(areas), linestyle="", marker="o", markersize=6,
        markerfacecolor=WHITE, markeredgecolor=DARK_GREY, markeredgewidth=1.3, zorder=2, clip_on=False,
    )  # fmt: skip
    if row[0].told:
        axes.plot(row[0].percent, middle, marker="D", markersize=5.5, color=CLEAR, zorder=3, clip_on=False)
    whole = percent_text(row[0].percent / 100) if row[0].told else row[0].mark
    for line, said in enumerate((f"All areas: {whole}", f"{len(areas)} of {len(row) - 1} areas")):
        y = middle + 0.155 / _ROW * (line - 0.5)
        axes.text(1 + 0.1 / inch, y, said, transform=across, va="center", ha="left", color=INK, size=9.5)
