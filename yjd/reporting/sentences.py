"""Sentences, each made from the classification of the rows it is about.

Everything here is plain text: whoever writes it into a page escapes it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from yjd.reporting.classify import classify
from yjd.reporting.view import Comparison, Row, View
from yjd.reporting.words import (
    Measure,
    and_list,
    capital,
    children,
    counted,
    interval_text,
    lower_first,
    percent_text,
    rate_text,
    ratio_text,
)
from yjd.schema import ALL, POPULATION, UNKNOWN

_LEAST = 5  # main points


def both_rates(row: Row, measure: Measure) -> str:
    """'35 arrests for every 1,000 Black children, 11 for ... White children'; empty without counts."""
    counts = [float(row[name]) for name in ("numerator", "denominator", "reference_numerator", "reference_denominator")]
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
        return f"{capital(who)} compared with {whom}: {lower_first(row_sentence(item.row, item.measure))}"
    if not item.verdict.is_clear:
        return f"{capital(who)} compared with {whom}: {lower_first(row_sentence(item.row, item.measure))}"
    rates = both_rates(item.row, item.measure)
    ratio = ratio_text(item.row["estimate"])
    if item.measure.likely == "times the rate":
        sentence = f"The rate of {item.measure.unit} for {who} was {ratio} times that for {whom}"
    else:
        to = f" to {item.measure.likely_to}" if item.measure.likely_to else ""
        sentence = f"{capital(who)} were {ratio} times as likely as {whom}{to}"
    return f"{sentence}{f': {rates}' if rates else ''}."


def measure_statement(view: View, comparisons: Sequence[Comparison]) -> str:
    """One measure in one statement: the largest clear difference with both rates, then the other groups.

    A clear difference on the adverse side comes before one on the favourable side. The period is named where it
    is not the headline's.
    """
    title = view.title_of(comparisons[0].measure)
    clear = [item for item in comparisons if item.verdict.is_clear]
    if not clear:
        told = sum(item.verdict.has_numbers for item in comparisons)
        whom = children(view.reference)
        which = "no group" if told == len(comparisons) else "no group that can be shown"
        said = f"{which} clearly differs from {whom}" if told else f"no group can be compared with {whom}"
        return f"{title}: {said}. {_tally(comparisons)}."
    order = {"adverse": 0, "neither": 1, "favourable": 2}
    lead = min(clear, key=lambda item: (order[item.verdict.side], -_distance(item)))
    rest = [item for item in comparisons if item is not lead]
    more = f" {_tally(rest)}." if rest else ""
    sentence = comparison_sentence(lead)
    names_group_first = sentence.startswith(lead.group)
    return f"{title}: {sentence if names_group_first else lower_first(sentence)}{more}"


def brief_statement(view: View, comparisons: Sequence[Comparison]) -> str:
    """One measure in a line: which groups are clearly higher, clearly lower, not clearly different, or not told."""
    return f"{view.title_of(comparisons[0].measure)}: {lower_first(_tally(comparisons))}."


def main_points(view: View) -> list[str]:
    """Five to seven statements, each true of the rows it comes from; `CAUTION` belongs right below them."""
    by_measure = [view.compare(measure) for measure in view.pathway]
    by_measure = [items for items in by_measure if items]
    everything = [item for items in by_measure for item in items]
    points = [overall(view, everything)]
    points += [measure_statement(view, items) for items in most_telling(by_measure, 3)]
    points += [*arises(view)[:1], *over_time(view)[:1]]
    points.append(unknown_statement(view))
    if len(points) < _LEAST:
        points.append(hidden_statement(everything))
    return points if len(points) >= _LEAST else [*points, *_padding(view)][:_LEAST]


def _padding(view: View) -> list[str]:
    """What is true of every release, for one that shows next to nothing."""
    return [
        f"A difference is called clear only where the whole {view.interval_name} lies on one side of 1.",
        "A hidden number may be large or small: hidden does not mean none.",
        "Why rates differ is not shown by any number of this report.",
    ]


def arises(view: View) -> list[str]:
    """Where along the pathways a clear difference arises: a sentence for the group that is furthest from parity."""
    from yjd.reporting import pathway

    for name in pathway.pathways(view):
        group = pathway.furthest(view, name)
        if group is not None:
            return [pathway.way_sentence(view, group)]
    return []


def over_time(view: View) -> list[str]:
    """Whether any ratio of the overview has a clear trend; nothing where the release has no trends."""
    from yjd.reporting import trends

    return trends.overview(view)


def overall(view: View, items: Sequence[Comparison]) -> str:
    """How many comparisons there are and what became of each: the parts add up to the whole."""
    if not items:
        return "This release holds no comparison between groups for its headline period."
    where = f"{view.area}, " if view.area != ALL else ""
    sides = [item.verdict.side for item in items if item.verdict.is_clear]
    unclear = sum(item.verdict.outcome == "no_clear_difference" for item in items)
    found = (
        (sides.count("adverse"), "clearly less favourable to the group"),
        (sides.count("favourable"), "clearly more favourable to the group"),
        (sides.count("neither"), "clearly different, on a measure where neither side is less favourable"),
        (unclear, "not clearly different"),
    )
    parts = [f"{number} {'is' if number == 1 else 'are'} {words}" for number, words in found if number]
    said = and_list([*parts, *_without_result(items)])
    measures = len({item.measure.id for item in items})
    return (
        f"{where}{view.period_label()}: each ethnic group is compared with {children(view.reference)} on "
        f"{counted(measures, 'measure')}{periods_clause(view)}. "
        f"Of these {counted(len(items), 'comparison')}, {said}."
    )


def _without_result(items: Sequence[Comparison]) -> list[str]:
    """'4 cannot be shown (2 hidden [c], 2 not available [x])'."""
    words = {
        "hidden": "hidden [c]",
        "not_available": "not available [x]",
        "censored": "too recent to judge [x]",
        "not_estimated": "impossible to work out [z]",
    }
    counted = [(sum(item.verdict.outcome == outcome for item in items), said) for outcome, said in words.items()]
    counted = [(number, said) for number, said in counted if number]
    if not counted:
        return []
    total = sum(number for number, _ in counted)
    if len(counted) == 1:
        return [f"{total} {'is' if total == 1 else 'are'} {counted[0][1]}"]
    return [f"{total} cannot be shown ({', '.join(f'{number} {said}' for number, said in counted)})"]


def periods_clause(view: View, measures: Sequence[Measure] | None = None) -> str:
    """' (Proven re-offending rate: April 2022 to March 2023)', where a measure of the overview has its own period."""
    told = [
        f"{and_list(measure.title for measure in measures)}: {view.period_label(period)}"
        for period, measures in view.other_periods(view.pathway if measures is None else measures).items()
    ]
    return f" ({'; '.join(told)})" if told else ""


def periods_statement(view: View, measures: Sequence[Measure]) -> str:
    """Which measures are shown in another period, and why; empty where none is."""
    told = []
    for period, found in view.other_periods(measures).items():
        names, one = and_list(f'"{measure.title}"' for measure in found), len(found) == 1
        recent = all(item.verdict.outcome == "censored" for measure in found for item in _at_headline(view, measure))
        is_are, it_they, its_their = ("is", "it", "its") if one else ("are", "they", "their")
        why = (
            f"children have to be followed up before {it_they} can be worked out"
            if recent
            else f"{it_they} {is_are} not available for {view.period_label()}"
        )
        told.append(
            f"{names} {is_are} shown for {view.period_label(period)}, {its_their} latest period with results: {why}."
        )
    return " ".join(told)


def _at_headline(view: View, measure: Measure) -> list[Comparison]:
    return view.compare(measure, period=view.period)


def hidden_statement(items: Sequence[Comparison]) -> str:
    """How many comparisons are hidden, and that hidden does not mean none."""
    hidden = sum(item.verdict.outcome == "hidden" for item in items)
    if not hidden:
        return "None of these comparisons is hidden."
    verb = "is" if hidden == 1 else "are"
    return (
        f"{hidden} of the {counted(len(items), 'comparison')} {verb} hidden so that no child can be identified [c]. "
        "A hidden number may be large or small: hidden does not mean none."
    )


def events_statement(measures: Sequence[Measure], by_child: Collection[str]) -> str:
    """What to know where measures of a section count events, of which one child can have several; or empty.

    `by_child` are the ids of the measures whose intervals allow for it.
    """
    events = [measure for measure in measures if _counts_events(measure)]
    if not events:
        return ""
    everything = len(events) == len(measures) > 1
    names = "All measures of this section" if everything else _titles(events)
    count, their = ("counts", "Its") if len(events) == 1 else ("count", "Their")
    said = [f"{names} {count} events, not children: one child can be counted more than once."]
    allowed = [measure for measure in events if measure.id in by_child]
    taken = [measure for measure in events if measure.id not in by_child]
    if allowed:
        whose = f"{their} intervals allow" if allowed == events else f"The intervals of {_titles(allowed)} allow"
        said.append(f"{whose} for children who come again.")
    if taken:
        whose = f"{their} intervals treat" if taken == events else f"The intervals of {_titles(taken)} treat"
        said.append(
            f"{whose} every event as independent of every other, as the records do not say which belong to one child, "
            "so they may be narrower than they should be."
        )
    once = [
        measure
        for measure in measures
        if taken and not _counts_events(measure) and measure.denominator in {event.denominator for event in taken}
    ]
    if once:
        one = len(once) == 1
        said.append(
            f"{_titles(once)} {'counts' if one else 'count'} each child once and {'does' if one else 'do'} not have "
            "this weakness."
        )
    return " ".join(said)


def _titles(measures: Sequence[Measure]) -> str:
    return and_list(f'"{measure.title}"' for measure in measures)


def _counts_events(measure: Measure) -> bool:
    """One child can add more than one to the measure: it counts events, or how many for each child of a group."""
    unit = (measure.definition.get("numerator") or {}).get("unit")
    return unit == "event" or (measure.kind == "rate" and measure.denominator not in ("", POPULATION))


def most_telling(by_measure: Sequence[Sequence[Comparison]], most: int) -> list[Sequence[Comparison]]:
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
    shown = sorted((entry for entry in entries if entry["share"] is not None), key=lambda entry: -entry["share"])
    hidden = sum(entry["mark"] == "[c]" for entry in entries)
    if not shown:
        first = "How often ethnicity is not known is hidden [c] or not available [x]."
    else:
        most = and_list(f"{percent_text(entry['share'])} of every 100 {entry['words']}" for entry in shown[:3])
        others = [f"as often or less at {counted(len(shown) - 3, 'other stage')}"] if len(shown) > 3 else []
        others += [f"hidden for {hidden} more [c]"] if hidden else []
        first = f"Ethnicity is not known for {most}{f' ({and_list(others)})' if others else ''}."
    first += " Those without a known ethnicity are in no group's numbers."
    from yjd.reporting.missing import explained

    told = [
        entry.could for measure in view.pathway for entry in explained(view, measure) if entry.item.verdict.is_clear
    ]
    clear, could = sum(verdict is not None for verdict in told), told.count(True)
    if not clear:
        return first
    if not could:
        every = "the clear difference" if clear == 1 else f"each of the {clear} clear differences"
        return f"{first} Whichever group they belong to, {every} that can be checked remains."
    of = "the one clear difference" if clear == 1 else f"{could} of the {clear} clear differences"
    return f"{first} The missing data alone could explain {of} that can be checked."


def composition_sentence(row: Row, measure: Measure, stage: str) -> str:
    """'Of every 100 pre-court outcomes, 22 were for Black children': a share of the stage, not a rate."""
    verdict = classify(row, adverse=measure.adverse)
    if not verdict.has_numbers:
        return f"{verdict.words} {verdict.shorthand}: {verdict.reason}."
    whole = stage if row["group"] == UNKNOWN else f"{stage} with known ethnicity"
    return f"Of every 100 {whole}, {rate_text(float(row['estimate']))} were for {children(row['group'])}."
