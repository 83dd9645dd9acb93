"""Sentences, headlines and alternative texts, each made from the classification of the rows it is about.

Everything here is plain text: whoever writes it into a page escapes it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from yjd.reporting.classify import Verdict, classify
from yjd.reporting.view import Comparison, Row, View
from yjd.reporting.words import (
    CAUTION,
    Measure,
    and_list,
    children,
    interval_text,
    percent_text,
    rate_text,
    ratio_text,
)
from yjd.schema import UNKNOWN

_OPENING = {"higher": "Higher", "lower": "Lower", "no_clear_difference": "No clear difference"}


def both_rates(row: Row, measure: Measure) -> str:
    """'35 arrests for every 1,000 Black children, 11 for ... White children'; empty without counts."""
    counts = [
        float(row[name])
        for name in ("numerator", "denominator", "reference_numerator", "reference_denominator")
    ]
    if not all(math.isfinite(count) for count in counts) or counts[1] <= 0 or counts[3] <= 0:
        return ""
    own, other = measure.rate(*counts[:2]), measure.rate(*counts[2:])
    return f"{own} {measure.unit} {measure.base(row['group'])}, {other} {measure.base(row['reference'])}"


def row_sentence(row: Row, measure: Measure) -> str:
    """What one relative rate says, and no more.

    Parameters
    ----------
    row : mapping
        A row of quantity `rri`.
    measure : Measure
        Its measure.

    Returns
    -------
    str
        A hidden row gives a sentence without a single number.
    """
    verdict = classify(row, adverse=measure.adverse)
    if not verdict.has_numbers:
        return f"{verdict.words} {verdict.shorthand}: {verdict.reason}."
    rates = both_rates(row, measure)
    tail = f": {rates}" if rates else ""
    interval = interval_text(row["lower"], row["upper"])
    mark = " Not comparable with earlier periods [b]." if verdict.after_break else ""
    if verdict.is_clear:
        return f"{ratio_text(row['estimate'])} {measure.likely}{tail} (interval {interval}).{mark}"
    ratio = ratio_text(row["estimate"])
    return f"No clear difference{tail} (ratio {ratio}; interval {interval}, which holds 1).{mark}"


def comparison_sentence(item: Comparison) -> str:
    """A row sentence with its group and its reference named."""
    who, whom = children(item.group), children(item.row["reference"])
    if not item.verdict.has_numbers:
        return f"{_capital(who)} compared with {whom}: {_lower_first(row_sentence(item.row, item.measure))}"
    if not item.verdict.is_clear:
        return f"{_capital(who)} compared with {whom}: {_lower_first(row_sentence(item.row, item.measure))}"
    rates = both_rates(item.row, item.measure)
    ratio = ratio_text(item.row["estimate"])
    if item.measure.likely == "times as many":
        sentence = f"{_capital(item.measure.unit)} were {ratio} times as many for {who} as for {whom}"
    else:
        to = f" to {item.measure.likely_to}" if item.measure.likely_to else ""
        sentence = f"{_capital(who)} were {ratio} times as likely as {whom}{to}"
    return f"{sentence}{f': {rates}' if rates else ''}."


def measure_statement(comparisons: Sequence[Comparison]) -> str:
    """One measure in one statement: the largest clear difference with both rates, then the other groups.

    A clear difference on the adverse side comes before one on the favourable side.
    """
    title = comparisons[0].measure.title
    clear = [item for item in comparisons if item.verdict.is_clear]
    if not clear:
        return f"{title}: {_lower_first(_tally(comparisons))}."
    order = {"adverse": 0, "neither": 1, "favourable": 2}
    lead = min(clear, key=lambda item: (order[item.verdict.side], -_distance(item)))
    rest = [item for item in comparisons if item is not lead]
    more = f" {_tally(rest)}." if rest else ""
    sentence = comparison_sentence(lead)
    names_group_first = sentence.startswith(lead.group)
    return f"{title}: {sentence if names_group_first else _lower_first(sentence)}{more}"


def main_points(view: View) -> list[str]:
    """Five to seven statements, each true of the rows it comes from."""
    by_measure = [view.compare(measure) for measure in view.pathway]
    by_measure = [items for items in by_measure if items]
    everything = [item for items in by_measure for item in items]
    points = [_overall(view, everything)]
    points += [measure_statement(items) for items in _most_telling(by_measure, 3)]
    points.append(unknown_statement(view))
    points.append(_hidden_statement(everything))
    points.append(CAUTION)
    return points


def _overall(view: View, items: Sequence[Comparison]) -> str:
    if not items:
        return "This release holds no comparison between groups for its headline period."
    higher, lower, unclear, none = (
        sum(item.verdict.outcome == outcome for item in items)
        for outcome in ("higher", "lower", "no_clear_difference", "")
    )
    none = len(items) - higher - lower - unclear
    adverse = sum(item.verdict.side == "adverse" for item in items)
    return (
        f"{view.period_label()}: {_count(len(items), 'comparison')} with {children(view.reference)}. "
        f"{higher} clearly higher and {lower} clearly lower ({adverse} of these on the less favourable "
        "side); "
        f"{unclear} with no clear difference; {none} hidden, not available or impossible to estimate."
    )


def _hidden_statement(items: Sequence[Comparison]) -> str:
    hidden = sum(item.verdict.outcome == "hidden" for item in items)
    if not hidden:
        return "None of these comparisons is hidden to protect confidentiality."
    verb = "is" if hidden == 1 else "are"
    return (
        f"{_count(hidden, 'comparison')} of {len(items)} {verb} hidden to protect confidentiality [c]. "
        "Hidden does not mean none."
    )


def _most_telling(by_measure: Sequence[Sequence[Comparison]], most: int) -> list[Sequence[Comparison]]:
    """Measures with a clear adverse difference first, the others after, each in the order of the pathway."""
    first = [items for items in by_measure if any(item.verdict.side == "adverse" for item in items)]
    rest = [items for items in by_measure if items not in first]
    chosen = (first + rest)[:most]
    return [items for items in by_measure if items in chosen]


def _tally(items: Sequence[Comparison]) -> str:
    """'Clearly higher: Mixed. No clear difference: Asian and Other'."""
    parts = []
    labels = {
        "higher": "Clearly higher",
        "lower": "Clearly lower",
        "no_clear_difference": "No clear difference",
        "hidden": "Hidden [c]",
        "not_estimated": "Cannot be estimated [z]",
        "not_available": "Not available [x]",
        "censored": "Too recent to judge [x]",
    }
    for outcome, label in labels.items():
        names = [item.group for item in items if item.verdict.outcome == outcome]
        if names:
            parts.append(f"{label}: {and_list(names)}")
    return ". ".join(parts)


def _distance(item: Comparison) -> float:
    estimate = float(item.row["estimate"])
    return abs(math.log(estimate)) if estimate > 0 else math.inf


# --- ethnicity not known ------------------------------------------------------------------------------------


def unknown_statement(view: View) -> str:
    """How much ethnicity is missing, and whether it alone could explain the differences."""
    entries = view.unknown(pathway=True)
    shown = sorted(
        (entry for entry in entries if entry["share"] is not None), key=lambda entry: -entry["share"]
    )
    hidden = sum(entry["mark"] == "[c]" for entry in entries)
    if not shown:
        first = "How often ethnicity is not known is hidden [c] or not available [x]."
    else:
        most = and_list(
            f"{percent_text(entry['share'])} of every 100 {_lower_first(entry['title'])}"
            for entry in shown[:3]
        )
        others = [f"as often or less at {_count(len(shown) - 3, 'other stage')}"] if len(shown) > 3 else []
        others += [f"hidden for {hidden} more [c]"] if hidden else []
        first = f"Ethnicity is not known for {most}{f' ({and_list(others)})' if others else ''}."
    clear, could = 0, 0
    for measure in view.pathway:
        bounds = {item.group: item.verdict for item in view.compare(measure, quantity="rri_bounds")}
        told = [
            bounds[item.group]
            for item in view.compare(measure)
            if item.verdict.is_clear and bounds[item.group].has_numbers
        ]
        clear += len(told)
        could += sum(not verdict.is_clear for verdict in told)
    if not clear:
        return f"{first} Those children are in no group's numbers."
    return (
        f"{first} Those children are in no group's numbers. For {could} of "
        f"{_count(clear, 'clear difference')} the "
        "missing data alone could explain the difference."
    )


def bounds_sentence(item: Comparison) -> str:
    """The bounds of one ratio: every unknown child in the group, or every one in the reference."""
    if not item.verdict.has_numbers:
        return f"{item.verdict.words} {item.verdict.shorthand}."
    bounds = interval_text(item.row["lower"], item.row["upper"])
    start = f"Between {bounds.replace(' to ', ' and ')}" if " to " in bounds else f"{_capital(bounds)}"
    if item.verdict.is_clear:
        side = "above" if item.verdict.outcome == "higher" else "below"
        return f"{start} whoever the unknown children are: {side} 1 in every case."
    why = "the missing data alone could explain the difference"
    return f"{start}, depending on who the unknown children are: {why}."


# --- headlines and alternative texts ------------------------------------------------------------------------


def forest_headline(view: View) -> str:
    """The group with most clear differences on the adverse side, and on how many measures."""
    by_group: dict[str, list[Verdict]] = {}
    for measure in view.pathway:
        for item in view.compare(measure):
            by_group.setdefault(item.group, []).append(item.verdict)
    whom = children(view.reference)
    if not any(verdict.is_clear for verdicts in by_group.values() for verdict in verdicts):
        return f"No clear difference from {whom} on any of {_count(len(view.pathway), 'measure')}"
    group, verdicts = max(
        by_group.items(),
        key=lambda pair: (sum(v.side == "adverse" for v in pair[1]), sum(v.is_clear for v in pair[1])),
    )
    higher, lower = (sum(v.outcome == outcome for v in verdicts) for outcome in ("higher", "lower"))
    parts = [f"clearly {word} on {n}" for word, n in (("higher", higher), ("lower", lower)) if n]
    hidden = sum(not v.has_numbers for v in verdicts)
    tail = f" ({hidden} without a number)" if hidden else ""
    return f"{_capital(children(group))}: {and_list(parts)} of {len(verdicts)} measures against {whom}{tail}"


def forest_alt(view: View) -> str:
    """Type, measure, main finding, how much is hidden, and where the numbers are."""
    items = [item for measure in view.pathway for item in view.compare(measure)]
    hidden = sum(item.verdict.outcome == "hidden" for item in items)
    return (
        f"Forest chart: ratio of each group's rate to that of {children(view.reference)}, with "
        f"{view.interval_name}s, "
        f"on {_count(len(view.pathway), 'measure')}, {view.period_label()}. {forest_headline(view)}. "
        f"{hidden} of {_count(len(items), 'comparison')} hidden. All numbers are in the table below the "
        "chart."
    )


def trend_headline(view: View, measure: Measure) -> str:
    """The group that was clear of 1 in most periods. A change between periods is not tested here."""
    counts = {group: _clear_periods(verdicts) for group, verdicts in _series(view, measure).items()}
    clear = {group: counted for group, counted in counts.items() if counted[0] or counted[1]}
    if not clear:
        return f"{measure.title}: no clear difference from {children(view.reference)} in any period"
    group, (higher, lower, told) = max(clear.items(), key=lambda pair: max(pair[1][:2]))
    word, number = ("higher", higher) if higher >= lower else ("lower", lower)
    return (
        f"{measure.title}: {children(group)} clearly {word} than {children(view.reference)} in {number} of "
        f"{_count(told, 'period')} with a number"
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
        f"Trend chart with one panel a group: {_lower_first(measure.title)}, ratio to "
        f"{children(view.reference)} with "
        f"{view.interval_name}s in {_count(len(view.series), 'period')}. {'. '.join(told)}. "
        f"{hidden} of {_count(len(verdicts), 'point')} hidden. All numbers are in the table below the chart."
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
    where, share = _lower_first(entry["title"]), percent_text(entry["share"])
    return f"Ethnicity is missing most often for {where}: {share} of every 100"


def unknown_alt(view: View) -> str:
    """The alternative text of the chart of unknown ethnicity."""
    entries = view.unknown(pathway=True)
    hidden = sum(entry["mark"] == "[c]" for entry in entries)
    return (
        f"Bar chart: share of each stage whose ethnicity is not known, {view.period_label()}. "
        f"{unknown_headline(view)}. "
        f"{hidden} of {_count(len(entries), 'stage')} hidden. All numbers are in the table below the chart."
    )


def composition_sentence(row: Row, measure: Measure, stage: str) -> str:
    """'Of every 100 pre-court outcomes, 22 were for Black children': a share of the stage, not a rate."""
    verdict = classify(row, adverse=measure.adverse)
    if not verdict.has_numbers:
        return f"{verdict.words} {verdict.shorthand}: {verdict.reason}."
    whole = stage if row["group"] == UNKNOWN else f"{stage} with known ethnicity"
    return f"Of every 100 {whole}, {rate_text(float(row['estimate']))} were for {children(row['group'])}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lower_first(text: str) -> str:
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
