"""The charts of a release: where the differences are, whether they last, how much ethnicity is missing."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from yjd.reporting import headlines
from yjd.reporting.palette import GRID, INK, UNCLEAR, WHITE, marker_colour
from yjd.reporting.svg import both_files, chart_style, svg_bytes
from yjd.reporting.view import Comparison, View
from yjd.reporting.words import Measure, interval_text, plain, ratio_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 4.4  # inches: a phone shows it at four fifths, with text no smaller than 10 pixels
_LINE, _TIGHT, MARGIN = 0.26, 0.195, 0.08
_LIMITS = (1 / 8, 16.0)
_TICKS = (0.125, 0.25, 0.5, 1, 2, 4, 8, 16)


@dataclass(frozen=True)
class Scale:
    """A log axis that holds every interval, or shows by an arrow that one goes further."""

    low: float
    high: float

    @classmethod
    def over(cls, items: Sequence[Comparison]) -> Scale:
        """The scale for all rows that have numbers."""
        rows = [item.row for item in items if item.verdict.has_numbers]
        middles = [float(row["estimate"]) for row in rows if row["estimate"] > 0]
        ends = [float(row[name]) for row in rows for name in ("lower", "upper") if 0 < row[name] < math.inf]
        # one wide interval may not press all others together: whiskers are cut at 3 times the outermost
        reach = (min([0.5, *middles]) / 3, max([2.0, *middles]) * 3)
        low = max(min([0.5, *middles, *ends]), reach[0], _LIMITS[0])
        high = min(max([2.0, *middles, *ends]), reach[1], _LIMITS[1])
        return cls(low / 1.12, high * 1.12)

    @property
    def ticks(self) -> list[float]:
        """Halvings and doublings inside the axis."""
        return [tick for tick in _TICKS if self.low <= tick <= self.high]

    def clip(self, value: float) -> float:
        """The nearest value on the axis."""
        return min(max(value, self.low), self.high)


def charts_for(results: pd.DataFrame, manifest: Mapping[str, Any]) -> dict[str, bytes]:
    """Every chart of a release.

    Parameters
    ----------
    results : DataFrame
        Released results, columns `yjd.schema.RESULT_COLUMNS`.
    manifest : mapping
        The content of `release.json`, at least `headline`, `measures`, `periods`, `groups`.

    Returns
    -------
    dict of str to bytes
        File name to content: `forest`, `trend` and `unknown`, each as `.svg` and `.png`. The same input
        gives the same bytes. A chart that would have nothing to show is left out.
    """
    files: dict[str, bytes] = {}
    with chart_style():
        for name, (draw, title, description) in _charts(View(results, manifest)).items():
            files |= both_files(draw(), name=name, title=title, description=description)
    return files


def chart_svg(view: View, name: str) -> bytes:
    """One chart of a release, by its name, as SVG; empty where it would have nothing to show."""
    if name not in (found := _charts(view)):
        return b""
    draw, title, description = found[name]
    with chart_style():
        return svg_bytes(draw(), name=name, title=title, description=description)


def _charts(view: View) -> dict[str, tuple[Callable[[], Figure], str, str]]:
    """How each chart of a release is drawn, with its title and its alternative text."""
    from yjd.reporting.chart_trend import trend_chart, unknown_chart

    found: dict[str, tuple[Callable[[], Figure], str, str]] = {}
    if view.pathway:
        title, description = headlines.forest_headline(view), headlines.forest_alt(view)
        found["forest"] = (partial(forest_chart, view), title, description)
    if (measure := trend_measure(view)) is not None:
        title, description = headlines.trend_headline(view, measure), headlines.trend_alt(view, measure)
        found["trend"] = (partial(trend_chart, view, measure), title, description)
    if view.unknown(pathway=True):
        title, description = headlines.unknown_headline(view), headlines.unknown_alt(view)
        found["unknown"] = (partial(unknown_chart, view), title, description)
    return found


def trend_measure(view: View) -> Measure | None:
    """The measure of the trend chart: the first of the pathway that has more than one period."""
    for measure in view.pathway:
        if sum(bool(view.rows(measure, "rri", period=period)) for period in view.series) > 1:
            return measure
    return None


@dataclass(frozen=True)
class Line:
    """A row of a chart: its name, what it shows and, where there is one, what stands beside it in grey."""

    label: str
    item: Comparison
    beside: Comparison | None = None


@dataclass(frozen=True)
class Block:
    """Rows of a chart under one heading."""

    heading: str
    lines: Sequence[Line]


MARKS = (
    "Diamond: clearly higher. Filled circle: clearly lower. Hollow circle: the interval holds 1, no clear "
    "difference. [c] hidden to protect confidentiality, [x] not available, [z] cannot be estimated."
)


def forest_chart(view: View, measures: Sequence[Measure] | None = None) -> Figure:
    """Stages one under the other, a row for each group, on one log axis; the overview's by default."""
    shown = view.pathway if measures is None else measures
    blocks = [
        Block(view.title_of(measure), [Line(item.group, item) for item in view.compare(measure)]) for measure in shown
    ]
    others = ", unless another period is named" if view.other_periods(shown) else ""
    note = f"Ratio to {plain(view.reference)} (= 1), {view.interval_name}, log scale. {view.period_label()}{others}."
    return blocks_chart(headlines.forest_headline(view, measures), note, MARKS, blocks)


def blocks_chart(
    title: str, note: str, foot: str, blocks: Sequence[Block], *, places: int = 1, tight: bool = False
) -> Figure:
    """Blocks of rows on one log axis with the line of parity, and the values in a column at the right.

    Parameters
    ----------
    title, note, foot : str
        The finding, what is shown, and how to read it.
    blocks : sequence of Block
        Names are wrapped; ratios are what their rows hold.
    places : int
        Decimal places of the values.
    tight : bool
        Rows close together, for a chart of many that has to share a page.
    """
    from matplotlib.figure import Figure

    lines = [line for block in blocks for line in block.lines]
    scale = Scale.over([item for line in lines for item in (line.item, line.beside) if item is not None])
    names = {line.label: textwrap.wrap(plain(line.label), 17) or [""] for line in lines}
    left = 0.2 + 0.085 * max((len(text) for wrapped in names.values() for text in wrapped), default=0)
    texts = (textwrap.wrap(title, 46), textwrap.wrap(note, 54), textwrap.wrap(foot, 54))
    head = 0.12 + 0.2 * len(texts[0]) + 0.185 * len(texts[1]) + 0.08
    headings = [textwrap.wrap(plain(block.heading), 50) for block in blocks]
    body = sum(
        _heading_height(heading, tight) + sum(_row_height(names[line.label], tight) for line in block.lines)
        for heading, block in zip(headings, blocks, strict=True)
    )
    bottom = 0.3 + 0.185 * len(texts[2]) + 0.1
    height = head + body + bottom
    figure = Figure(figsize=(WIDTH, height))
    chart_texts(figure, height, *texts)
    values = 1.42 if places == 1 else 1.6
    axes = figure.add_axes((left / WIDTH, bottom / height, (WIDTH - left - values) / WIDTH, body / height))
    axes.set_xscale("log")
    axes.set_xlim(scale.low, scale.high)
    axes.set_ylim(body, 0)
    log_ticks(axes, scale, along="x")
    place = 0.0
    for heading, block in zip(headings, blocks, strict=True):
        place = _block(axes, scale, heading, block.lines, names, (place, left), places, tight)
    return figure


def _block(
    axes: Axes,
    scale: Scale,
    heading: Sequence[str],
    rows: Sequence[Line],
    names: Mapping[str, list[str]],
    spot: tuple[float, float],
    places: int,
    tight: bool,
) -> float:
    """One block: its heading, its rows; returns where the next begins."""
    from matplotlib.transforms import blended_transform_factory

    place, left = spot
    inch = axes.get_position().width * WIDTH
    across = blended_transform_factory(axes.transAxes, axes.transData)
    fixed: dict[str, Any] = {"transform": across, "va": "center", "ha": "left", "color": INK, "size": 10}
    for line, words in enumerate(heading):
        axes.text(
            (MARGIN - left) / inch, place + (0.19 if tight else 0.27) + 0.17 * line, words, weight="bold", **fixed
        )
    start = place = place + _heading_height(heading, tight)
    for row in rows:
        height = _row_height(names[row.label], tight)
        middle = place + height / 2
        row_label(axes, middle, names[row.label])
        axes.text(1 + 0.1 / inch, middle, value_text(row.item, places), **fixed)
        if row.beside is not None and row.beside.verdict.has_numbers:
            other = scale.clip(float(row.beside.row["estimate"]))
            axes.plot(other, middle, marker="x", markersize=6, color=UNCLEAR, markeredgewidth=1.6, zorder=5)
        if row.beside is None or row.item.verdict.has_numbers:  # no mark lies over what stands beside it
            draw_mark(axes, scale, row.item, middle, along="x")
        place += height
    axes.vlines(scale.ticks, start, place, color=GRID, linewidth=0.6, zorder=0)
    axes.vlines(1, start, place, color=INK, linewidth=1.4, zorder=1)
    return place


def row_label(axes: Axes, middle: float, lines: Sequence[str]) -> None:
    """The name of a row, left of the axis whose unit is an inch.

    Each line is a text of its own: a browser then aligns it by its end, whatever font it has.
    """
    from matplotlib.transforms import blended_transform_factory

    across = blended_transform_factory(axes.transAxes, axes.transData)
    edge = -0.1 / (axes.get_position().width * WIDTH)
    for place, line in enumerate(lines):
        y = middle + 0.16 * (place - (len(lines) - 1) / 2)
        axes.text(edge, y, line, transform=across, va="center", ha="right", color=INK, size=10)


def value_text(item: Comparison, places: int = 1) -> str:
    """The right-hand column: '1.3 (1.1 to 1.5)' or the shorthand."""
    if not item.verdict.has_numbers:
        return item.verdict.shorthand
    mark = " [b]" if item.verdict.after_break else ""
    interval = interval_text(item.row["lower"], item.row["upper"], places)
    return f"{ratio_text(item.row['estimate'], places)} ({interval}){mark}"


def draw_mark(axes: Axes, scale: Scale, item: Comparison, place: float, *, along: str) -> None:
    """Marker and whiskers along one axis; shorthand in place where there are no numbers.

    A diamond is clearly higher, a filled circle clearly lower, a hollow circle neither.
    """
    across = along == "x"
    if not item.verdict.has_numbers:
        spot = (1.06, place) if across else (place, 1.0)
        axes.text(
            *spot,
            item.verdict.shorthand,
            va="center",
            ha="left" if across else "center",
            color=INK,
            size=9,
            bbox={"facecolor": WHITE, "edgecolor": "none", "pad": 0.8},
            zorder=3,
        )
        return
    colour = marker_colour(item.verdict.side, clear=item.verdict.is_clear)
    ends = (float(item.row["lower"]), float(item.row["upper"]))
    shown = (scale.clip(ends[0]), scale.clip(ends[1]))
    (axes.hlines if across else axes.vlines)(place, shown[0], shown[1], color=colour, linewidth=1.6, zorder=2)
    caps = ("|", "<", ">") if across else ("_", "v", "^")
    for end, drawn, arrow in zip(ends, shown, caps[1:], strict=True):
        spot = (drawn, place) if across else (place, drawn)
        cut = end != drawn
        axes.plot(
            *spot,
            marker=arrow if cut else caps[0],
            markersize=5 if cut else 6,
            color=colour,
            zorder=2,
            markeredgewidth=1.4,
            clip_on=False,
        )
    centre = scale.clip(float(item.row["estimate"]))
    axes.plot(
        *((centre, place) if across else (place, centre)),
        marker="D" if item.verdict.outcome == "higher" else "o",
        markersize=6.5 if across else 5,
        color=colour,
        markerfacecolor=colour if item.verdict.is_clear else WHITE,
        markeredgewidth=1.6,
        zorder=4,
        clip_on=False,
    )


def _row_height(lines: Sequence[str], tight: bool) -> float:
    return (_TIGHT if tight else _LINE) + 0.16 * (len(lines) - 1)


def _heading_height(lines: Sequence[str], tight: bool) -> float:
    return (0.31 if tight else 0.42) + 0.17 * (len(lines) - 1)


def log_ticks(axes: Axes, scale: Scale, *, along: str) -> None:
    """Halvings and doublings as the ticks of one axis."""
    from matplotlib.ticker import FixedLocator, NullLocator

    axis = axes.xaxis if along == "x" else axes.yaxis
    axis.set_major_locator(FixedLocator(scale.ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(lambda value, _place: f"{value:g}")
    axes.tick_params(labelsize=10, length=3, labelcolor=INK, color=GRID)
    if along == "x":
        axes.set_yticks([])


def chart_texts(figure: Figure, height: float, title: list[str], note: list[str], foot: list[str]) -> None:
    """Headline, what is shown, and how to read the marks."""
    top = 0.12
    figure.text(
        MARGIN / WIDTH,
        1 - top / height,
        "\n".join(title),
        weight="bold",
        size=11,
        va="top",
        color=INK,
        linespacing=1.25,
    )
    top += 0.2 * len(title)
    figure.text(
        MARGIN / WIDTH,
        1 - (top + 0.04) / height,
        "\n".join(note),
        size=9.5,
        va="top",
        color=INK,
        linespacing=1.3,
    )
    figure.text(MARGIN / WIDTH, 0.08 / height, "\n".join(foot), size=9.5, va="bottom", color=INK, linespacing=1.3)
