"""Accessible tables: a caption, headers with a scope, no empty cell, a region that the keyboard scrolls.

Written as plain HTML: great-tables writes no caption and no row headers, and both would have to
be patched in.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from yjd.reporting.charts import Scale
from yjd.reporting.classify import classify
from yjd.reporting.palette import GRID, INK, WHITE, marker_colour
from yjd.reporting.view import Comparison, Row, View
from yjd.reporting.words import (
    SHORTHAND,
    Measure,
    children,
    escape_html,
    interval_text,
    rate_text,
    ratio_text,
)
from yjd.schema import ALL, UNKNOWN

_WIDE, _HIGH, _EDGE = 150, 26, 8
_FEW = 6  # periods that fit beside one another


@dataclass(frozen=True)
class Html:
    """HTML that a notebook cell shows as it is: all text from outside has been escaped."""

    text: str

    def _repr_html_(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        """For Quarto's other formats: a block of raw HTML, which `reports/_filters/typst.lua` reads."""
        fence = "`" * (3 + max((len(run) for run in re.findall("`+", self.text)), default=0))
        return f"{fence}{{=html}}\n{self.text}\n{fence}"


@dataclass(frozen=True)
class Cell:
    """One cell of a table: its HTML, and whether it is a number."""

    html: str
    number: bool = False


def text(value: object) -> Cell:
    """A cell of text; nothing is shown as `[x]`."""
    return Cell(escape_html(value) or "[x]")


def number(value: object) -> Cell:
    """A cell with a whole number; `[c]` where it is hidden."""
    try:
        count = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return Cell("[c]", number=True)
    return Cell(f"{count:,.0f}" if math.isfinite(count) else "[c]", number=True)


def table(caption: str, columns: Sequence[str], bodies: Sequence[tuple[str, Sequence[Sequence[Cell]]]]) -> str:
    """A table; each body has a heading (or '') and rows whose first cell is the row's header.

    Parameters
    ----------
    caption : str
        Plain text.
    columns : sequence of str
        Plain text; a column is right-aligned when its first cell is a number.
    bodies : sequence of (str, rows)
        One `<tbody>` each.
    """
    first = next((rows[0] for _, rows in bodies if rows), [])
    numeric = [cell.number for cell in first] or [False] * len(columns)
    heads = "".join(
        f'<th scope="col"{_class(right)}>{escape_html(name)}</th>' for name, right in zip(columns, numeric, strict=True)
    )
    parts = []
    for heading, rows in bodies:
        lines = [_row(cells) for cells in rows]
        if heading:
            said = f"<span>{escape_html(heading)}</span>"
            lines.insert(0, f'<tr><th scope="rowgroup" colspan="{len(columns)}">{said}</th></tr>')
        parts.append(f"<tbody>{''.join(lines)}</tbody>")
    label = escape_html(caption)
    body = "".join(parts)
    return (
        f'<div class="yjd-scroll" role="region" aria-label="{label}" tabindex="0">'
        f'<table class="yjd-table"><caption><span>{label}</span></caption>'
        f"<thead><tr>{heads}</tr></thead>{body}"
        f"</table></div>{shorthand_legend(body)}"
    )


def _class(right: bool) -> str:
    return ' class="yjd-number"' if right else ""


def _row(cells: Sequence[Cell]) -> str:
    head, *rest = cells
    others = "".join(f"<td{_class(cell.number)}>{cell.html}</td>" for cell in rest)
    return f'<tr><th scope="row">{head.html}</th>{others}</tr>'


def details(summary: str, inner: str) -> str:
    """A part of the page that is folded until it is asked for."""
    return f"<details><summary>{escape_html(summary)}</summary>{inner}</details>"


def picture(content: bytes) -> str:
    """A chart inside the page: text stays text, and the page asks for nothing; empty for no chart."""
    return f'<div class="yjd-chart">{content.decode("utf-8")}</div>' if content else ""


def matrix_table(view: View, measures: Sequence[Measure]) -> str:
    """Every measure against every group at a glance: the ratio, its interval and the classification in words."""
    groups = [group for group in view.groups() if group not in (view.reference, UNKNOWN)]
    rows = [
        [Cell(_with_side(view, measure)), *(_at_a_glance(item) for item in view.compare(measure))]
        for measure in measures
    ]
    if not rows:
        return "<p>This release holds no comparison to show [x].</p>"
    where = f"{view.area}: r" if view.area != ALL else "R"
    others = " unless another period is named" if view.other_periods(measures) else ""
    caption = (
        f"{where}atio of each group's rate to that of {children(view.reference)} ({view.interval_name}), "
        f"{view.period_label()}{others}"
    )
    return table(caption, ("Measure", *groups), [("", rows)])


def _with_side(view: View, measure: Measure) -> str:
    side = f" ({measure.adverse} is less favourable)" if measure.adverse in ("higher", "lower") else ""
    return f"{escape_html(view.title_of(measure))}{side}"


def _at_a_glance(item: Comparison) -> Cell:
    """'2.2 (2.0 to 2.5) higher': numbers that no line break parts."""
    verdict = item.verdict
    if not verdict.has_numbers:
        return Cell(verdict.shorthand)
    mark = " [b]" if verdict.after_break else ""
    interval = interval_text(item.row["lower"], item.row["upper"])
    ratio = f"{ratio_text(item.row['estimate'])} ({interval}){mark}".replace(" ", "&nbsp;")
    if not verdict.is_clear:
        return Cell(f"{ratio} no clear difference")
    return Cell(f"<strong>{ratio} {verdict.outcome}</strong>")


def forest_table(view: View, measures: Sequence[Measure], caption: str, *, fold: bool = False, **keys: str) -> str:
    """The main display: a row for each measure and group, with numbers, a small chart and words.

    The status of the comparison covers its whole row: where the ratio is hidden, so are the
    count and the rate. With `fold`, groups of which nothing can be shown share one row that names them.
    """
    compared = [(measure, view.compare(measure, **keys)) for measure in measures]
    scale = Scale.over([item for _, items in compared for item in items])
    bodies = []
    for measure, items in compared:
        by_group = {item.group: item for item in items}
        folded = _to_fold(items) if fold else {}
        out = {item.group for found in folded.values() for item in found}
        rows = []
        for group in view.groups(keys.get("level")):
            if group not in out:
                item = by_group.get(group)
                rows.append(_compared(item, scale) if item else _alone(view, measure, group, scale, **keys))
        rows += [_folded(found) for found in folded.values()]
        bodies.append((_heading(view, measure), rows))
    reference = children(keys.get("reference", view.reference))
    columns = (
        "Ethnic group",
        "Number",
        "Rate",
        "Ratio",
        view.interval_name,
        "Chart, log scale (line at 1)",
        f"Compared with {reference}",
    )
    return table(caption, columns, bodies)


def _to_fold(items: Sequence[Comparison]) -> dict[str, list[Comparison]]:
    """The comparisons without numbers by outcome, where there is more than one of a kind."""
    found: dict[str, list[Comparison]] = {}
    for item in items:
        if not item.verdict.has_numbers:
            found.setdefault(item.verdict.outcome, []).append(item)
    return {outcome: alike for outcome, alike in found.items() if len(alike) > 1}


def _folded(items: Sequence[Comparison]) -> list[Cell]:
    """One row for all groups of which nothing can be shown for the same reason: each is named in it."""
    verdict = items[0].verdict
    words = f"{verdict.words} {verdict.shorthand}: {', '.join(item.group for item in items)}"
    return _without_numbers(f"{len(items)} groups", verdict.shorthand, words)


def _heading(view: View, measure: Measure) -> str:
    side = {"higher": "a higher rate is less favourable", "lower": "a lower rate is less favourable"}
    adverse = side.get(measure.adverse, "neither side is less favourable in itself")
    return f"{view.title_of(measure)}: {measure.unit} {measure.base('All')} ({adverse})"


def _compared(item: Comparison, scale: Scale) -> list[Cell]:
    verdict, row = item.verdict, item.row
    if not verdict.has_numbers:
        words = f"{verdict.words} {verdict.shorthand}" + ("" if verdict.outcome == "hidden" else f": {verdict.reason}")
        return _without_numbers(item.group, verdict.shorthand, words)
    mark = " [b]" if verdict.after_break else ""
    words = escape_html(verdict.words)
    return [
        text(item.group),
        number(row["numerator"]),
        _rate(row, item.measure),
        Cell(ratio_text(row["estimate"]) + mark, number=True),
        Cell(interval_text(row["lower"], row["upper"])),
        Cell(small_chart(item, scale)),
        Cell(f"<strong>{words}</strong>" if verdict.is_clear else words),
    ]


def _alone(view: View, measure: Measure, group: str, scale: Scale, **keys: str) -> list[Cell]:
    """The reference, or Unknown: a row with a rate and nothing to compare."""
    keys = {name: value for name, value in keys.items() if name != "reference"}
    row = view.row(measure, "rate", group=group, reference="", **keys)
    if row is None:
        return _without_numbers(group, "[x]", "Not available [x]")
    verdict = classify(row)
    if verdict.outcome in ("hidden", "not_available", "censored"):
        return _without_numbers(group, verdict.shorthand, f"{verdict.words} {verdict.shorthand}")
    has_rate = verdict.has_numbers and math.isfinite(float(row["estimate"]))
    words = "Comparison group"
    if group == UNKNOWN:
        words = "Not compared" if has_rate else "Not compared: no rate"
    rate = Cell(rate_text(float(row["estimate"])), number=True) if has_rate else Cell("[z]", number=True)
    ratio = "[z]" if group == UNKNOWN else "1.0"
    chart = "[z]" if group == UNKNOWN else _svg(scale, "")
    return [
        text(group),
        number(row["numerator"]),
        rate,
        Cell(ratio, number=True),
        Cell("[z]"),
        Cell(chart),
        text(words),
    ]


def _without_numbers(group: str, shorthand: str, words: str) -> list[Cell]:
    right = Cell(shorthand, number=True)
    return [text(group), right, right, right, Cell(shorthand), Cell(shorthand), text(words)]


def _rate(row: Row, measure: Measure) -> Cell:
    base = float(row["denominator"])
    shown = measure.rate(float(row["numerator"]), base) if base > 0 else "[z]"
    return Cell(shown, number=True)


def small_chart(item: Comparison, scale: Scale) -> str:
    """One row's marker and whiskers; screen readers have the same numbers in the cells beside it."""
    colour = marker_colour(item.verdict.side, clear=item.verdict.is_clear)
    low, high, middle = (_across(scale, float(item.row[name])) for name in ("lower", "upper", "estimate"))
    fill = colour if item.verdict.is_clear else WHITE
    y = _HIGH / 2
    shape = f'<circle cx="{middle:.1f}" cy="{y}" r="4.5" fill="{fill}" stroke="{colour}" stroke-width="1.8"/>'
    if item.verdict.outcome == "higher":
        points = f"{middle:.1f},{y - 6} {middle + 6:.1f},{y} {middle:.1f},{y + 6} {middle - 6:.1f},{y}"
        shape = f'<polygon points="{points}" fill="{fill}"/>'
    line = (
        f'<path d="M{low:.1f},{y - 4}V{y + 4}M{low:.1f},{y}H{high:.1f}M{high:.1f},{y - 4}V{y + 4}" '
        f'stroke="{colour}" stroke-width="1.8" fill="none"/>'
    )
    return _svg(scale, line + shape)


def _svg(scale: Scale, inner: str) -> str:
    ticks = "".join(f"M{_across(scale, tick):.1f},2V{_HIGH - 2}" for tick in scale.ticks if tick != 1)
    one = _across(scale, 1)
    return (
        f'<svg class="yjd-small" aria-hidden="true" focusable="false" width="{_WIDE}" height="{_HIGH}" '
        f'viewBox="0 0 {_WIDE} {_HIGH}"><path d="{ticks}" stroke="{GRID}"/>'
        f'<path d="M{one:.1f},1V{_HIGH - 1}" stroke="{INK}" stroke-width="1.4"/>{inner}</svg>'
    )


def _across(scale: Scale, value: float) -> float:
    part = math.log(scale.clip(value) / scale.low) / math.log(scale.high / scale.low)
    return _EDGE + part * (_WIDE - 2 * _EDGE)


def trend_table(view: View, measure: Measure) -> str:
    """Every point of a trend chart: a row a group and a column a period, or a row a point where periods are many."""
    bodies = []
    series = [(period, view.compare(measure, period=period)) for period in view.series]
    groups = [item.group for item in series[-1][1]] if series else []
    caption = f"{measure.title}: ratio to {children(view.reference)} in each period"
    if len(series) <= _FEW:
        rows = [
            [text(group), *(_at_a_glance(item) for _, items in series for item in items if item.group == group)]
            for group in groups
        ]
        caption += f" ({view.interval_name})"
        return table(caption, ("Ethnic group", *(period for period, _ in series)), [("", rows)])
    for group in groups:
        rows = [[text(period), *_point(item)] for period, items in series for item in items if item.group == group]
        bodies.append((group, rows))
    return table(caption, ("Period", "Ratio", view.interval_name, "In words"), bodies)


def _point(item: Comparison) -> list[Cell]:
    verdict = item.verdict
    if not verdict.has_numbers:
        mark = verdict.shorthand
        return [Cell(mark, number=True), Cell(mark), text(f"{verdict.words} {mark}")]
    mark = " [b]" if verdict.after_break else ""
    return [
        Cell(ratio_text(item.row["estimate"]) + mark, number=True),
        Cell(interval_text(item.row["lower"], item.row["upper"])),
        text(verdict.words),
    ]


def composition_table(view: View, measure: Measure, stage: str) -> str:
    """Who the stage is made up of: shares that add to 100 over the groups, and so are no rates."""
    rows = []
    for group in view.groups():
        row = next(iter(view.rows(measure, "composition", group=group)), None)
        verdict = classify(row) if row is not None else None
        if row is None or verdict is None or not verdict.has_numbers:
            mark = (verdict.shorthand if verdict else "") or "[x]"
            rows.append([text(group), Cell(mark, number=True), Cell(mark, number=True)])
        else:
            share = Cell(rate_text(row["estimate"]), number=True)
            rows.append([text(group), number(row["numerator"]), share])
    period = view.period_label(view.period_of(measure))
    caption = f"Of every 100 {stage} with known ethnicity, how many were for each group (Unknown: of all), {period}"
    return table(caption, ("Ethnic group", "Number", "Of every 100"), [("", rows)])


def shorthand_legend(content: str) -> str:
    """What the shorthand that a table uses means, for right below it; empty where it uses none."""
    used = [f"{mark} means {escape_html(meaning)}" for mark, meaning in SHORTHAND.items() if mark in content]
    return f'<p class="yjd-note">In this table, {"; ".join(used)}.</p>' if used else ""
