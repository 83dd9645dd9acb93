"""The rows and sentences of the evidence pack: of each group, of each comparison, and of what is not known."""

from __future__ import annotations

import math
from collections.abc import Sequence

from yjd.reporting import adjusted, missing, questions, sentences
from yjd.reporting.classify import classify
from yjd.reporting.tables import Cell, number, table, text
from yjd.reporting.view import Comparison, View
from yjd.reporting.words import (
    Measure,
    and_list,
    capital,
    children,
    counted,
    escape_html,
    interval_text,
    percent_text,
    ratio_text,
)
from yjd.schema import ALL, POPULATION, UNKNOWN

TO_FILL = "To be filled in."

# Equality Act 2010, section 4: every protected characteristic, and the split of a release that bears on it.
_CHARACTERISTICS: tuple[tuple[str, str], ...] = (
    ("Age", "age_band"),
    ("Disability", ""),
    ("Gender reassignment", ""),
    ("Marriage and civil partnership", ""),
    ("Pregnancy and maternity", ""),
    ("Race", "group"),
    ("Religion or belief", ""),
    ("Sex", "sex"),
    ("Sexual orientation", ""),
)


def group_points(view: View) -> list[str]:
    """For each group: on which measures it clearly differs, on which not, and which cannot be told."""
    by_group: dict[str, list[Comparison]] = {}
    for measure in view.pathway:
        for item in view.compare(measure):
            by_group.setdefault(item.group, []).append(item)
    if not by_group:
        return ["This release holds no comparison between groups for its headline period."]
    return [_group_point(view, group, items) for group, items in by_group.items()]


def _group_point(view: View, group: str, items: Sequence[Comparison]) -> str:
    start = f"{capital(children(group))} compared with {children(view.reference)}"
    parts = []
    sides = {
        "adverse": "clearly less favourable on",
        "favourable": "clearly more favourable on",
        "neither": "clearly different, neither side being less favourable, on",
    }
    for side, words in sides.items():
        names = [_with_direction(view, item) for item in items if item.verdict.is_clear and item.verdict.side == side]
        parts += [f"{words} {and_list(names)}"] if names else []
    unclear = [view.title_of(item.measure) for item in items if item.verdict.outcome == "no_clear_difference"]
    parts += [f"no clear difference on {and_list(unclear)}"] if unclear else []
    for outcome, words in (("hidden", "hidden [c] on"), ("not_available", "not available [x] on"),
                           ("censored", "too recent to judge [x] on"), ("not_estimated", "not to be worked out [z] on"),
                           ):  # fmt: skip
        names = [view.title_of(item.measure) for item in items if item.verdict.outcome == outcome]
        parts += [f"{words} {and_list(names)}"] if names else []
    return f"{start}: {'; '.join(parts)}."


def _with_direction(view: View, item: Comparison) -> str:
    return f"{view.title_of(item.measure)} ({item.verdict.outcome}, ratio {ratio_text(item.row['estimate'])})"


def groups_table(view: View) -> str:
    """Each group: children living in the areas, its share of them, and how many comparisons are shown of it."""
    base = next((measure for measure in view.pathway if measure.denominator == POPULATION), None)
    counts = {group: _residents(view, base, group) for group in view.groups()} if base else {}
    known = [count for group, count in counts.items() if group != UNKNOWN]
    whole = sum(known) if known and all(map(math.isfinite, known)) else math.nan
    items = [item for measure in view.pathway for item in view.compare(measure)]
    rows = []
    for group in view.groups():
        if group == UNKNOWN:
            rows.append([text(group), Cell("[z]", number=True), Cell("[z]", number=True), text("Not compared")])
            continue
        count = counts.get(group, math.nan)
        own = [item for item in items if item.group == group]
        shown = sum(item.verdict.has_numbers for item in own)
        said = "Comparison group" if group == view.reference else f"{shown} of {counted(len(own), 'comparison')}"
        told = math.isfinite(count)
        share = percent_text(count / whole) if told and whole > 0 else "[x]"
        rows.append([text(group), number(count) if told else Cell("[x]", number=True),
                     Cell(escape_html(share), number=True), text(said)])  # fmt: skip
    if not rows:
        return "<p>Not in this release [x].</p>"
    columns = ("Ethnic group", "Children aged 10 to 17", "Of every 100", "Shown of the main measures")
    caption = f"The groups, and how much can be shown of each, {view.period_label()}"
    return table(caption, columns, [("", rows)])


def _residents(view: View, measure: Measure, group: str) -> float:
    """How many children of a group live in the areas, from a row that may show its base."""
    found = [
        (row, column)
        for quantity, column in (("rri", "denominator"), ("rate", "denominator"))
        for row in view.rows(measure, quantity, group=group)
    ]
    if group == view.reference:
        found += [(row, "reference_denominator") for row in view.rows(measure, "rri", reference=group)]
    values = [float(row[column]) for row, column in found if classify(row).has_numbers]
    return next((value for value in values if math.isfinite(value) and value > 0), math.nan)


def characteristics_table(view: View) -> str:
    """Every protected characteristic, and what the release has on it."""
    rows = [[text(name), text(_held(view, split))] for name, split in _CHARACTERISTICS]
    caption = "Protected characteristics (Equality Act 2010, section 4) and what this release holds"
    return table(caption, ("Characteristic", "Evidence in this release"), [("", rows)])


def _held(view: View, split: str) -> str:
    if split == "group":
        return (
            f"Ethnic groups: {and_list(group for group in view.groups() if group != UNKNOWN)}. This pack is about them"
        )
    if not split:
        return "None. Other sources are needed"
    values = view.index.values(split) - {ALL}
    if not values:
        return "None: this release is not split by it"
    return "Rates and ratios by ethnic group within it are in results.csv of the release"


def evidence_table(view: View) -> str:
    """A row for each measure and group: the finding, its interval, missing ethnicity, and what adjusting leaves."""
    bodies = []
    for measure in view.pathway:
        told = {entry.item.group: entry for entry in missing.explained(view, measure)}
        ladder = adjusted.ladder_of(view, measure)
        rung = before_mediators(ladder)
        at = {item.group: item for item in adjusted.compare_at(view, ladder, rung)} if ladder and rung else {}
        rows = [_evidence(item, told[item.group], at.get(item.group)) for item in view.compare(measure)]
        period = f"; adjusted: {ladder.period}" if ladder and rung else ""
        bodies.append((f"{view.title_of(measure)}{period}", rows))
    if not bodies:
        return "<p>This release holds no comparison to show [x].</p>"
    columns = (
        "Ethnic group",
        "What the numbers show",
        f"Ratio ({view.interval_name})",
        "Could missing ethnicity alone explain it?",
        "Once age, sex and other listed factors are alike",
    )
    caption = f"The evidence, row by row: each group compared with {children(view.reference)}, {view.period_label()}"
    return table(caption, columns, bodies)


def before_mediators(ladder: adjusted.Ladder | None) -> str:
    """The last rung that adjusts for nothing that may itself come of disparity."""
    rungs = [rung.name for rung in ladder.rungs if rung.adjusters and not rung.mediator] if ladder else []
    return rungs[-1] if rungs else ""


def _evidence(item: Comparison, told: missing.Explained, at: Comparison | None) -> list[Cell]:
    verdict = item.verdict
    if not verdict.has_numbers:
        mark = Cell(verdict.shorthand)
        return [text(item.group), text(f"{verdict.words} {verdict.shorthand}"), mark, mark, _adjusted(at)]
    words = escape_html(verdict.words)
    ratio = f"{ratio_text(item.row['estimate'])} ({interval_text(item.row['lower'], item.row['upper'])})"
    after = " [b]" if verdict.after_break else ""
    return [
        text(item.group),
        Cell(f"<strong>{words}</strong>" if verdict.is_clear else words),
        Cell(f"{ratio}{after}"),
        _explained(item, told),
        _adjusted(at),
    ]


def _explained(item: Comparison, told: missing.Explained) -> Cell:
    if not item.verdict.is_clear:
        return text("No clear difference to explain")
    if told.could is None:
        return text(f"Cannot be told {told.verdict.shorthand or '[x]'}")
    return text("Yes" if told.could else "No")


def _adjusted(at: Comparison | None) -> Cell:
    if at is None:
        return text("Not adjusted in this release [x]")
    if not at.verdict.has_numbers:
        return text(f"{at.verdict.words} {at.verdict.shorthand}")
    interval = interval_text(at.row["lower"], at.row["upper"])
    return text(f"{at.verdict.words}: {ratio_text(at.row['estimate'])} ({interval})")


def chance_points(view: View) -> list[str]:
    """What chance does to comparisons of this number."""
    items = [item for measure in view.pathway for item in view.compare(measure)]
    told = [item for item in items if item.verdict.has_numbers]
    clear = sum(item.verdict.is_clear for item in told)
    by_chance = (1 - view.confidence) * len(told)
    told_of = (
        f"{counted(len(told), 'comparison')} can be shown, of which {clear} {'is' if clear == 1 else 'are'} clear."
    )
    nobody = (
        f"If no group differed from {children(view.reference)}, about {by_chance:.1f} of {len(told)} would be clear"
    )
    unclear = "No clear difference is not the same as no difference: where numbers are small, even a large difference"
    points = [
        f"A difference is called clear only where the whole {view.interval_name} lies on one side of 1.",
        f"{told_of} {nobody} by chance alone.",
        f"{unclear} may not be clear.",
    ]
    events = sentences.events_statement(view.pathway, view.by_child)
    return points + ([events] if events else [])


def hidden_table(view: View) -> str:
    """How many comparisons are hidden, of each group."""
    groups = [group for group in view.groups() if group not in (view.reference, UNKNOWN)]
    rows = []
    for group in groups:
        items = [item for measure in view.pathway for item in view.compare(measure) if item.group == group]
        hidden = [view.title_of(item.measure) for item in items if item.verdict.outcome == "hidden"]
        count = Cell(f"{len(hidden)} of {len(items)}", number=True)
        rows.append([text(group), count, text(and_list(hidden) or "None")])
    if not rows:
        return "<p>Not in this release [x].</p>"
    caption = "Comparisons of the main measures that are hidden so that no child can be identified"
    return table(caption, ("Ethnic group", "Hidden", "On which measures"), [("", rows)])


def community_questions(view: View) -> list[str]:
    """Questions that the rows raise for communities, each open, none with its answer in it."""
    asked = []
    for measure in view.pathway:
        groups = [item.group for item in view.compare(measure) if item.verdict.side == "adverse"]
        if groups:
            who = and_list(children(group) for group in groups)
            asked.append(
                f"{view.title_of(measure)}: the numbers are clearly less favourable to {who} than to "
                f"{children(view.reference)}. What do children and families see at this point, and what would you want "
                "to know about how decisions are made?"
            )
    hidden = {item.group for m in view.pathway for item in view.compare(m) if item.verdict.outcome == "hidden"}
    if hidden:
        names = and_list(children(group) for group in view.groups() if group in hidden)
        asked.append(f"Some numbers of {names} cannot be shown. What should we know that no number here can say?")
    favourable = [
        view.title_of(measure)
        for measure in view.pathway
        if any(item.verdict.side == "favourable" for item in view.compare(measure))
    ]
    if favourable:
        asked.append(
            f"On {and_list(favourable)}, the numbers of some group are clearly more favourable. Does that match what "
            "you see, or are there reasons why fewer things are recorded?"
        )
    asked += [line for line in questions.questions(view) if line.startswith("Missing ethnicity")]
    return [
        *asked,
        "How do children want to be asked about their ethnicity, by whom, and what should it be used for?",
        "Which children are not in any of these numbers, and how would you reach them?",
        "What would show you, a year from now, that something has changed?",
    ]


def actions_table(view: View) -> str:
    """Explain or reform: a row for every clear difference on the less favourable side."""
    blank = Cell(f"<em>{TO_FILL}</em>")
    rows = [
        [text(f"{view.title_of(measure)}: {item.group}"), blank, blank, blank]
        for measure in view.pathway
        for item in view.compare(measure)
        if item.verdict.side == "adverse"
    ]
    if not rows:
        return "<p>No comparison of the main measures is clearly on the less favourable side.</p>"
    columns = ("Clear difference", "Explanation that was tested, or action", "Who", "By when, and how it is checked")
    caption = "Explain or reform: every clear difference on the less favourable side"
    return table(caption, columns, [("", rows)])
