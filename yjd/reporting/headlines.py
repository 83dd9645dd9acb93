"""Headlines and alternative texts of charts, each made from the classification of the rows it is about.

Everything here is plain text: whoever writes it into a page escapes it.
"""

from __future__ import annotations

from collections.abc import Sequence

from yjd.reporting.classify import Verdict
from yjd.reporting.sentences import periods_clause
from yjd.reporting.view import View
from yjd.reporting.words import Measure, and_list, capital, children, counted, lower_first, percent_text


def lead_of(view: View, measures: Sequence[Measure]) -> Measure:
    """The measure that stands for a family: that of the overview, or the first."""
    return next((measure for measure in measures if measure in view.pathway), measures[0])


def forest_headline(view: View, measures: Sequence[Measure] | None = None) -> str:
    """The group with most clear differences on the adverse side, and on how many measures."""
    shown = view.pathway if measures is None else measures
    if measures is not None:
        return family_headline(view, lead_of(view, measures))
    by_group: dict[str, list[Verdict]] = {}
    for measure in shown:
        for item in view.compare(measure):
            by_group.setdefault(item.group, []).append(item.verdict)
    whom = children(view.reference)
    if not any(verdict.is_clear for verdicts in by_group.values() for verdict in verdicts):
        return f"No clear difference from {whom} on {_any(len(shown))}"
    group, verdicts = max(
        by_group.items(),
        key=lambda pair: (sum(v.side == "adverse" for v in pair[1]), sum(v.is_clear for v in pair[1])),
    )
    higher, lower = (sum(v.outcome == outcome for v in verdicts) for outcome in ("higher", "lower"))
    parts = [f"clearly {word} on {n}" for word, n in (("higher", higher), ("lower", lower)) if n]
    hidden = sum(not v.has_numbers for v in verdicts)
    tail = f" ({hidden} without a number)" if hidden else ""
    return f"{capital(children(group))}: {and_list(parts)} of {counted(len(verdicts), 'measure')} against {whom}{tail}"


def family_headline(view: View, measure: Measure) -> str:
    """Who clearly differs on the first measure of a family, each group on its side."""
    items = view.compare(measure)
    sides = [
        f"clearly {outcome} for {and_list(names)}"
        for outcome in ("higher", "lower")
        if (names := [item.group for item in items if item.verdict.outcome == outcome])
    ]
    if sides:
        return f"{view.title_of(measure)}: {', '.join(sides)}"
    if any(item.verdict.has_numbers for item in items):
        return f"{view.title_of(measure)}: no group that can be shown clearly differs from {children(view.reference)}"
    return f"{view.title_of(measure)}: no group can be compared with {children(view.reference)}"


def _any(measures: int) -> str:
    return "this measure" if measures == 1 else f"any of {counted(measures, 'measure')}"


def forest_alt(view: View, measures: Sequence[Measure] | None = None) -> str:
    """Type, measure, main finding, how much is hidden, and where the numbers are."""
    shown = view.pathway if measures is None else measures
    items = [item for measure in shown for item in view.compare(measure)]
    hidden = sum(item.verdict.outcome == "hidden" for item in items)
    return (
        f"Forest chart: ratio of each group's rate to that of {children(view.reference)}, with "
        f"{view.interval_name}s, "
        f"on {counted(len(shown), 'measure')}, {view.period_label()}{periods_clause(view, shown)}. "
        f"{forest_headline(view, measures)}. {hidden} of {counted(len(items), 'comparison')} hidden. "
        "All numbers are in the table below the chart."
    )


def trend_headline(view: View, measure: Measure) -> str:
    """Who was clear of 1 in every period that can be told, or else in most. A change is not tested here."""
    whom = children(view.reference)
    counts = {group: _clear_periods(verdicts) for group, verdicts in _series(view, measure).items()}
    always = [
        f"clearly {word} than {whom} in every period with a number: {and_list(names)}"
        for place, word in enumerate(("higher", "lower"))
        if (names := [group for group, found in counts.items() if found[place] == found[2] > 1])
    ]
    if always:
        return f"{measure.title}: {'; '.join(always)}"
    clear = {group: counted for group, counted in counts.items() if counted[0] or counted[1]}
    if not clear:
        return f"{measure.title}: no clear difference from {whom} in any period"
    group, (higher, lower, told) = max(clear.items(), key=lambda pair: max(pair[1][:2]))
    word, number = ("higher", higher) if higher >= lower else ("lower", lower)
    return (
        f"{measure.title}: {children(group)} clearly {word} than {whom} in {number} of {counted(told, 'period')} "
        "with a number"
    )


def trend_alt(view: View, measure: Measure) -> str:
    """The alternative text of the trend chart: every group, in how many periods."""
    series = _series(view, measure)
    verdicts = [verdict for found in series.values() for verdict in found]
    hidden = sum(verdict.outcome == "hidden" for verdict in verdicts)
    told = []
    for group, found in series.items():
        higher, lower, shown = _clear_periods(found)
        told.append(f"{group}: clearly higher in {higher} and clearly lower in {lower} of {shown}")
    return (
        f"Trend chart with one panel a group: {lower_first(measure.title)}, ratio to "
        f"{children(view.reference)} with "
        f"{view.interval_name}s in {counted(len(view.series), 'period')}. {'. '.join(told)}. "
        f"{hidden} of {counted(len(verdicts), 'point')} hidden. All numbers are in the table below the chart."
    )


def _series(view: View, measure: Measure) -> dict[str, list[Verdict]]:
    found: dict[str, list[Verdict]] = {}
    for period in view.series:
        for item in view.compare(measure, period=period):
            found.setdefault(item.group, []).append(item.verdict)
    return found


def _clear_periods(verdicts: Sequence[Verdict]) -> tuple[int, int, int]:
    """How many are clearly higher, clearly lower, and shown at all."""
    higher, lower = (sum(v.outcome == outcome for v in verdicts) for outcome in ("higher", "lower"))
    return higher, lower, sum(v.has_numbers for v in verdicts)


def unknown_headline(view: View) -> str:
    """Where ethnicity is missing most often."""
    shown = [entry for entry in view.unknown(pathway=True) if entry["share"] is not None]
    if not shown:
        return "How often ethnicity is not known is hidden or not available"
    entry = max(shown, key=lambda entry: float(entry["share"]))
    if entry["share"] == 0:
        return "No record lacks ethnicity at any stage that can be shown"
    where, share = entry["words"], percent_text(entry["share"])
    return f"Ethnicity is missing most often for {where}: {share} of every 100"


def unknown_alt(view: View) -> str:
    """The alternative text of the chart of unknown ethnicity."""
    entries = view.unknown(pathway=True)
    hidden = sum(entry["mark"] == "[c]" for entry in entries)
    return (
        f"Bar chart: share of each stage whose ethnicity is not known, {view.period_label()}{periods_clause(view)}. "
        f"{unknown_headline(view)}. "
        f"{hidden} of {counted(len(entries), 'stage')} hidden. All numbers are in the table below the chart."
    )
