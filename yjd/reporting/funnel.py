"""Areas beside one another: which lie further from the rate of all than chance puts an area of their size."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from yjd.reporting.charts import MARGIN, WIDTH, chart_texts
from yjd.reporting.classify import Verdict, classify
from yjd.reporting.palette import ADVERSE, DARK_BLUE, DARK_GREY, GRID, INK, WHITE
from yjd.reporting.tables import Cell, number, table, text
from yjd.reporting.view import Row, View
from yjd.reporting.words import Measure, and_list, capital, children, counted, plain, rate_text
from yjd.schema import ALL, UNKNOWN

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WARNING, ALARM = 0.95, 0.998  # the levels of the limits
_PANEL, _GAP = 1.6, 0.5
_NEAR = 0.2  # of the axis: names of areas closer than this would lie over each other
Place = Literal["above", "below", "inside", "far above", "far below"]
PLACES: dict[Place, str] = {
    "far above": "Above the 99.8% limits",
    "above": "Above the 95% limits",
    "inside": "Within the limits",
    "below": "Below the 95% limits",
    "far below": "Below the 99.8% limits",
}


@dataclass(frozen=True)
class Position:
    """One area of one group in a funnel."""

    area: str
    group: str
    warning: Row | None
    alarm: Row | None
    shrunken: Row | None

    @property
    def verdict(self) -> Verdict:
        """Whether its numbers may be shown."""
        return classify(self.warning) if self.warning is not None else Verdict("not_available", reason="no such row")

    @property
    def place(self) -> Place | None:
        """Where the area's rate lies against the limits; None without numbers."""
        if self.warning is None or not self.verdict.has_numbers:
            return None
        rate = self.warning["estimate"]
        if self.alarm is not None and classify(self.alarm).has_numbers:
            if rate > self.alarm["upper"]:
                return "far above"
            if rate < self.alarm["lower"]:
                return "far below"
        return "above" if rate > self.warning["upper"] else "below" if rate < self.warning["lower"] else "inside"

    @property
    def words(self) -> str:
        """Its place in words, or why there is none."""
        return PLACES[self.place] if self.place else f"{self.verdict.words} {self.verdict.shorthand}"

    @property
    def likely(self) -> Row | None:
        """The shrunken rate, where it has numbers."""
        return self.shrunken if self.shrunken is not None and classify(self.shrunken).has_numbers else None


def positions(view: View, measure: Measure, group: str) -> list[Position]:
    """Every area of a group in the measure's period; empty where the release has no areas."""
    period = view.period_of(measure)
    found = []
    for area in view.areas:
        there = view.at(area)
        rows = [
            next(iter(there.parts(measure.id, quantity, period=period, group=group, confidence=level)), None)
            for quantity, level in (("funnel", WARNING), ("funnel", ALARM), ("shrunken_rate", view.confidence))
        ]
        if rows[0] is not None or rows[2] is not None:
            found.append(Position(area, group, *rows))
    return found


def funnels(view: View, measure: Measure, groups: Sequence[str] = ()) -> dict[str, list[Position]]:
    """The positions of every group (or of some) that has any, in the fixed order, all children first."""
    every = [ALL, *(group for group in view.groups() if group != UNKNOWN)]
    found = {group: positions(view, measure, group) for group in every if not groups or group in groups}
    return {group: places for group, places in found.items() if places}


def funnel_statement(view: View, measure: Measure) -> str:
    """Which areas lie outside the limits, of how many; says so where areas are hidden or there are none."""
    found = funnels(view, measure)
    if not found:
        return "This release is not split by area."
    said, without = [], []
    inside = []
    for group, places in found.items():
        told = [place for place in places if place.place]
        who = "all children" if group == ALL else children(group)
        if not told:
            without.append((who, places[0].verdict))
            continue
        parts = []
        for kind in ("far above", "above", "below", "far below"):
            names = [plain(place.area) for place in told if place.place == kind]
            if names:
                words = PLACES[kind]
                parts.append(f"{and_list(names)} {words[:1].lower()}{words[1:]}")
        if parts:
            said.append(f"{capital(who)}: {'; '.join(parts)}, of {counted(len(told), 'area')}")
        else:
            inside.append(who)
    if inside:
        said.append(f"No area lies outside the limits for {and_list(inside)}")
    marks: dict[str, list[str]] = {}
    for who, verdict in without:
        marks.setdefault(f"{verdict.words.lower()} {verdict.shorthand}", []).append(who)
    said += [f"{capital(words)}: {and_list(names)}" for words, names in marks.items()]
    return f"{'. '.join(said)}."


def funnel_table(view: View, measure: Measure, groups: Sequence[str] = ()) -> str:
    """Each area's rate, its shrunken rate, the limits, and the place in words, of every group that can be told."""
    bodies = []
    found = funnels(view, measure, groups)
    for group, places in found.items():
        if any(place.place for place in places):
            rows = [_row(place) for place in places]
            bodies.append(("All children" if group == ALL else group, rows))
    if not bodies:
        return ""
    columns = ("Area", "Number", "Rate", "95% limits", "Likely rate", "Against the limits")
    caption = (
        f"{view.title_of(measure)}: {measure.unit} {measure.base(ALL)} in each area, the limits of chance, and the "
        "likely rate, which draws a small area towards all"
    )
    return table(caption, columns, bodies)


def _row(place: Position) -> list[Cell]:
    row = place.warning
    if row is None or place.place is None:
        mark = place.verdict.shorthand
        right = Cell(mark, number=True)
        return [text(place.area), right, right, Cell(mark), Cell(mark), text(place.words)]
    words = place.words if place.place == "inside" else f"<strong>{place.words}</strong>"
    return [
        text(place.area),
        number(row["numerator"]),
        Cell(rate_text(row["estimate"]), number=True),
        Cell(f"{rate_text(row['lower'])} to {rate_text(row['upper'])}"),
        Cell(likely_text(place.likely) or "[z]"),
        Cell(words),
    ]


def likely_text(row: Row | None) -> str:
    """The shrunken rate with its interval; empty where there is none."""
    if row is None:
        return ""
    return f"{rate_text(row['estimate'])} ({rate_text(row['lower'])} to {rate_text(row['upper'])})"


def funnel_chart(view: View, measure: Measure, *, named: str = "", groups: Sequence[str] = ()) -> Figure | None:
    """A panel for each group whose areas can be shown; only areas outside the limits, and `named`, have a name."""
    from matplotlib.figure import Figure

    panels = {
        group: [place for place in places if place.place]
        for group, places in funnels(view, measure, groups).items()
        if any(place.place for place in places)
    }
    if not panels:
        return None
    title = textwrap.wrap(funnel_headline(view, measure, named=named, groups=groups), 46)
    when = view.period_label(view.period_of(measure))
    what = f"{capital(measure.unit)} {measure.base(ALL)}, by the size of its base in the area. {when}."
    note = textwrap.wrap(what, 54)
    foot = textwrap.wrap(
        "Line: all areas together. Dashed: 95% limits. Solid: 99.8% limits. Diamond: above, square: below the 95% "
        "limits, which does not by itself mean that children are treated differently.",
        54,
    )
    head = 0.12 + 0.2 * len(title) + 0.185 * len(note) + 0.08
    bottom = 0.55 + 0.185 * len(foot) + 0.1
    height = head + bottom + len(panels) * (_PANEL + _GAP)
    figure = Figure(figsize=(WIDTH, height))
    chart_texts(figure, height, title, note, foot)
    for place, (group, points) in enumerate(panels.items()):
        base = bottom + (len(panels) - 1 - place) * (_PANEL + _GAP)
        axes = figure.add_axes((0.62 / WIDTH, base / height, (WIDTH - 0.78) / WIDTH, _PANEL / height))
        figure.text(
            MARGIN / WIDTH, (base + _PANEL + 0.12) / height, plain("All children" if group == ALL else group),
            weight="bold", size=10, va="bottom", color=INK,
        )  # fmt: skip
        _panel(axes, measure, points, named)
    axes.set_xlabel(plain(view.stage_title(measure.denominator)), size=9.5, color=INK)
    return figure


def _panel(axes: Axes, measure: Measure, points: Sequence[Position], named: str) -> None:
    rows = [place.warning for place in points if place.warning is not None]
    bases, rates = [row["denominator"] for row in rows], [row["estimate"] for row in rows]
    right = max(bases) * 1.08
    _limits(axes, measure, points, right)
    target = measure.per * rows[0]["reference_numerator"] / rows[0]["reference_denominator"]
    axes.hlines(target, 0, right, color=INK, linewidth=1.2, zorder=1)
    shapes = {"above": "D", "far above": "D", "below": "s", "far below": "s", "inside": "o"}
    for place, base, rate in zip(points, bases, rates, strict=True):
        outside = place.place != "inside"
        colour = ADVERSE if outside else DARK_GREY
        fill = colour if outside or place.area == named else WHITE
        axes.plot(base, rate, marker=shapes[place.place or "inside"], markersize=6.5 if outside else 5.5, color=colour,
                  markerfacecolor=fill, markeredgewidth=1.5, linestyle="none", zorder=4, clip_on=False)  # fmt: skip
    _names(axes, points, right, target, named)
    axes.set_xlim(0, right)
    most = max([*rates, *(row["upper"] for row in rows)])
    axes.set_ylim(0, min(most * 1.18, measure.per * 1.06 if measure.kind == "proportion" else most * 1.18))
    axes.tick_params(labelsize=9.5, length=3, labelcolor=INK, color=GRID)
    axes.locator_params(axis="x", nbins=4)
    axes.locator_params(axis="y", nbins=4)
    axes.xaxis.set_major_formatter(lambda value, _place: f"{value:,.0f}")
    axes.yaxis.set_major_formatter(lambda value, _place: f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:g}")


def _names(axes: Axes, points: Sequence[Position], right: float, target: float, named: str) -> None:
    """Names beside the points that have one: above those above the line, below the others, none over another."""
    last: dict[bool, tuple[float, int]] = {}
    labelled = [place for place in points if place.warning and (place.place != "inside" or place.area == named)]
    for place in sorted(labelled, key=lambda one: one.warning["denominator"] if one.warning else 0.0):
        assert place.warning is not None
        base, rate = place.warning["denominator"], place.warning["estimate"]
        low, late = rate < target, base > right * 0.6
        before, steps = last.get(low, (-right, 0))
        steps = steps + 1 if base - before < right * _NEAR else 0
        last[low] = (base, steps)
        rise = 5 + 12 * steps
        axes.annotate(
            plain(place.area), (base, rate), xytext=(-7 if late else 7, -rise if low else rise),
            textcoords="offset points", ha="right" if late else "left", va="top" if low else "bottom", size=9.5,
            color=INK, weight="bold" if place.area == named else "normal", zorder=5,
            bbox={"facecolor": WHITE, "edgecolor": "none", "pad": 0.4},
        )  # fmt: skip


def _limits(axes: Axes, measure: Measure, points: Sequence[Position], right: float) -> None:
    """The curves at any base where they are exact; where areas differ more than chance, through the areas' own."""
    import numpy as np

    first = points[0].warning
    assert first is not None
    if first["method"].endswith(("_mid_p", "_spiegelhalter")):
        from yjd.metrics.target_limits import funnel_limits

        target = first["reference_numerator"] / first["reference_denominator"]
        least = min(right, max(right / 60, min(place.warning["denominator"] for place in points if place.warning) / 2))
        bases = np.linspace(least, right, 60)
        if target > 0 and (target < 1 or measure.kind == "rate"):
            found = funnel_limits(
                bases, target, kind="proportion" if measure.kind == "proportion" else "rate",
                confidence=(WARNING, ALARM), limits="mid_p" if first["method"].endswith("_mid_p") else "spiegelhalter",
            )  # fmt: skip
            for level, style in enumerate(((0, (5, 3)), "solid")):
                for ends in (found.lower, found.upper):
                    axes.plot(bases, measure.per * ends[:, level], color=DARK_BLUE, linewidth=1.2, linestyle=style)
        return
    for name, style in (("warning", (0, (5, 3))), ("alarm", "solid")):
        rows = sorted((getattr(p, name) for p in points if getattr(p, name)), key=lambda row: row["denominator"])
        for end in ("lower", "upper"):
            axes.plot([r["denominator"] for r in rows], [r[end] for r in rows], color=DARK_BLUE, linewidth=1.2,
                      linestyle=style)  # fmt: skip


def funnel_headline(view: View, measure: Measure, *, named: str = "", groups: Sequence[str] = ()) -> str:
    """How many areas lie outside, or where one area lies."""
    found = funnels(view, measure, groups)
    told = {group: [place for place in places if place.place] for group, places in found.items()}
    if named:
        out = [
            f"{place.place} for {'all children' if group == ALL else children(group)}"
            for group, places in told.items()
            for place in places
            if place.area == named and place.place != "inside"
        ]
        where = f"outside the 95% limits ({and_list(out)})" if out else "within the 95% limits wherever it can be shown"
        return f"{view.title_of(measure)}: {plain(named)} is {where}"
    outside = {place.area for places in told.values() for place in places if place.place != "inside"}
    if not outside:
        return f"{view.title_of(measure)}: no area that can be shown is outside the 95% limits"
    named_areas = and_list(plain(area) for area in view.areas if area in outside)
    return f"{view.title_of(measure)}: outside the 95% limits for at least one group: {named_areas}"


def funnel_alt(view: View, measure: Measure, *, named: str = "", groups: Sequence[str] = ()) -> str:
    """The alternative text of a funnel."""
    found = [place for places in funnels(view, measure, groups).values() for place in places]
    hidden = sum(place.verdict.outcome == "hidden" for place in found)
    return (
        f"Funnel chart, one panel a group: the rate of each area by the size of its base, with 95% and 99.8% limits, "
        f"{view.period_label(view.period_of(measure))}. "
        f"{funnel_headline(view, measure, named=named, groups=groups)}. {hidden} of "
        f"{counted(len(found), 'point')} hidden. All numbers are in the table below the chart."
    )
