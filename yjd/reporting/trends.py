"""Is it changing? Trends and changes, each said only where its own interval is clear of no change."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from yjd.reporting.classify import Verdict, classify
from yjd.reporting.tables import Cell, table, text
from yjd.reporting.view import Row, View
from yjd.reporting.words import Measure, and_list, children, counted, ratio_text
from yjd.schema import UNKNOWN

_TIMES = 2.0  # from here on a multiplier is said as it is, not as a percentage
_TREND = {
    "higher": "clearly rising for",
    "lower": "clearly falling for",
    "no_clear_difference": "no clear trend for",
}
_CHANGE = {
    "higher": "clearly higher than before for",
    "lower": "clearly lower than before for",
    "no_clear_difference": "no clear change for",
}
_WITHOUT = {
    "hidden": "hidden [c] for",
    "not_available": "not available [x] for",
    "censored": "too recent to judge [x] for",
    "not_estimated": "cannot be estimated [z] for",
}
_BROKEN = "not comparable [b], as what is counted changed, for"


@dataclass(frozen=True)
class Change:
    """One multiplier over time, of a rate or of a ratio, and what may be said of it."""

    group: str
    row: Row
    verdict: Verdict

    @property
    def first(self) -> str:
        """The period that it starts from."""
        return str(self.row["term"])

    @property
    def last(self) -> str:
        """The period that it ends in."""
        return str(self.row["period"])

    @property
    def is_told(self) -> bool:
        """It has numbers, and nothing that is counted changed in between."""
        return self.verdict.has_numbers and not self.verdict.after_break


def trends(view: View, measure: Measure, quantity: str = "trend_rri") -> list[Change]:
    """The latest trend of every group: of its rate (`trend_rate`) or of its ratio to the reference."""
    found = []
    for group in _groups(view, quantity):
        for period in reversed(view.series):
            rows = view.parts(measure.id, quantity, period=period, group=group, reference=_against(view, quantity))
            if rows:
                found.append(Change(group, rows[0], classify(rows[0])))
                break
    return found


def changes(view: View, measure: Measure, quantity: str = "change_rri") -> list[Change]:
    """Every change to the period in which the measure is shown, from the period before and from the first."""
    period = view.period_of(measure)
    return [
        Change(group, row, classify(row))
        for group in _groups(view, quantity)
        for row in view.parts(measure.id, quantity, period=period, group=group, reference=_against(view, quantity))
    ]


def _groups(view: View, quantity: str) -> list[str]:
    own = (UNKNOWN,) if quantity.endswith("_rate") else (UNKNOWN, view.reference)
    return [group for group in view.groups() if group not in own]


def _against(view: View, quantity: str) -> str:
    return "" if quantity.endswith("_rate") else view.reference


def previous(view: View, measure: Measure) -> str:
    """The period before the one in which the measure is shown; empty where there is none."""
    series = view.series
    place = series.index(view.period_of(measure)) if view.period_of(measure) in series else 0
    return series[place - 1] if place > 0 else ""


def percent_change(multiplier: float) -> str:
    """'up 6%', 'down 0.4%', '3.8 times', 'no change': never on the wrong side of no change."""
    if math.isinf(multiplier):
        return "no upper limit"
    if multiplier == 1:
        return "no change"
    if multiplier >= _TIMES:
        return f"{ratio_text(multiplier)} times"
    size = 100 * abs(multiplier - 1)
    way = "up" if multiplier > 1 else "down"
    if size < 0.1:
        return f"{way} less than 0.1%"
    shown = f"{size:.1f}" if size < 1.95 else f"{size:,.0f}"
    if shown == "100" and multiplier > 0 and way == "down":
        shown = "more than 99"
    return f"{way} {shown.removesuffix('.0')}%"


def interval_change(row: Row) -> str:
    """'up 6% (up 2% to up 10%)'."""
    return f"{percent_change(row['estimate'])} ({percent_change(row['lower'])} to {percent_change(row['upper'])})"


def overview(view: View) -> list[str]:
    """Over all measures of the overview: which ratios have a clear trend, and of how many; empty without trends."""
    found = [(measure, change) for measure in view.pathway for change in trends(view, measure)]
    told = [(measure, change) for measure, change in found if change.is_told]
    if not told:
        return []
    clear = [
        f"{measure.title} of {children(change.group)} ({percent_change(change.row['estimate'])} a year, "
        f"{change.first} to {change.last})"
        for measure, change in told
        if change.verdict.is_clear
    ]
    start = f"Over the years, {counted(len(told), 'ratio')} to {children(view.reference)} can be followed"
    if not clear:
        return [f"{start}: {'it has no' if len(told) == 1 else 'none has a'} clear trend up or down."]
    return [f"{start}: {len(clear)} {'has' if len(clear) == 1 else 'have'} a clear trend, {and_list(clear)}."]


def trend_statements(view: View, measure: Measure) -> list[str]:
    """What the trends and the last change of a measure show: at most three sentences, none without rows."""
    said = []
    ratios, rates = trends(view, measure), trends(view, measure, "trend_rate")
    if ratios:
        spans = sorted({(change.first, change.last) for change in ratios if change.is_told})
        when = f", {and_list(f'{first} to {last}' for first, last in spans)}" if spans else ""
        said.append(f"Trend of the ratio to {children(view.reference)}{when}: {_tally(ratios, _TREND, ' a year')}.")
    if rates:
        said.append(f"Trend of the rate itself: {_tally(rates, _TREND, ' a year')}.")
    before = previous(view, measure)
    last = [change for change in changes(view, measure) if change.first == before]
    if last:
        against = f"Ratio in {view.period_of(measure)} against {before}"
        said.append(f"{against}: {_tally(last, _CHANGE, '')}.")
    return said


def _tally(found: Sequence[Change], words: Mapping[str, str], each: str) -> str:
    """'clearly rising for Mixed (up 5% a year); no clear trend for Asian and Black': every group once."""
    parts: list[tuple[str, list[Change]]] = []
    for outcome, label in words.items():
        parts.append((label, [change for change in found if change.is_told and change.verdict.outcome == outcome]))
    broken = [change for change in found if change.verdict.has_numbers and change.verdict.after_break]
    parts.append((_BROKEN, broken))
    for outcome, label in _WITHOUT.items():
        parts.append((label, [change for change in found if change.verdict.outcome == outcome]))
    some = [(label, kept) for label, kept in parts if kept]
    if len(some) == 1 and len(found) > 1 and not some[0][1][0].verdict.is_clear:
        return f"{some[0][0]} {'any' if some[0][0].startswith('no ') else 'every'} group"
    return "; ".join(f"{label} {and_list(_named(change, each) for change in kept)}" for label, kept in some)


def _named(change: Change, each: str) -> str:
    if not (change.verdict.is_clear and change.is_told):
        return change.group
    row = change.row
    low, high = percent_change(row["lower"]), percent_change(row["upper"])
    return f"{change.group} ({percent_change(row['estimate'])}{each}, interval {low} to {high})"


def change_table(view: View, measure: Measure) -> str:
    """Trends and changes of a measure, a row for each group; empty where the release has none."""
    rates = {change.group: change for change in trends(view, measure, "trend_rate")}
    ratios = {change.group: change for change in trends(view, measure)}
    steps = changes(view, measure)
    starts = [period for period in view.series if any(change.first == period for change in steps)]
    if not rates and not ratios and not steps:
        return ""
    by_start = {(change.group, change.first): change for change in steps}
    last = view.period_of(measure)
    rows = [
        [
            text(group),
            _cell(rates.get(group)),
            _cell(ratios.get(group), alone=group == view.reference),
            *(_cell(by_start.get((group, start)), alone=group == view.reference) for start in starts),
        ]
        for group in view.groups()
        if group != UNKNOWN
    ]
    columns = ("Ethnic group", "Rate, each year", "Ratio, each year", *(f"Ratio, {last} against {s}" for s in starts))
    spans = sorted({(c.first, c.last) for c in (*rates.values(), *ratios.values()) if c.is_told})
    when = f", trends over {and_list(f'{first} to {end}' for first, end in spans)}" if spans else ""
    caption = f"{measure.title}: how the rate and the ratio to {children(view.reference)} changed{when}"
    return table(caption, columns, [("", rows)])


def _cell(change: Change | None, *, alone: bool = False) -> Cell:
    if alone:
        return Cell("[z]")
    if change is None:
        return Cell("[x]")
    if not change.verdict.has_numbers:
        return Cell(change.verdict.shorthand)
    if change.verdict.after_break:
        return Cell("[b]")
    words = interval_change(change.row)
    return Cell(f"<strong>{words}</strong>" if change.verdict.is_clear else words)
