"""Tables about the data: how rows became numbers, who is missing, what was hidden, what words mean."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from yjd.reporting.tables import Cell, number, table, text
from yjd.reporting.view import View
from yjd.reporting.words import Measure, capital, escape_html, percent_text, plain

GLOSSARY: tuple[tuple[str, str], ...] = (
    (
        "Adjusted",
        "compared once the listed factors, such as age and area, are alike; it does not say why groups differ",
    ),
    ("Area", "the place where a child lives, or where the event was recorded, as the extract says"),
    ("Comparison group", "the group that every other group is compared with; its ratio is 1"),
    ("Group", "an ethnic group, named as in the Census 2021 standard; Unknown is a group of its own"),
    (
        "Interval",
        "the range of values that the data are in keeping with; a narrow one says more than a wide one",
    ),
    ("Likely rate", "the rate of an area drawn towards that of all areas, the more so the smaller the area"),
    (
        "Less favourable",
        "the side of a measure that is worse for children: more arrests, fewer pre-court outcomes",
    ),
    ("Measure", "one stage counted against another, or against the number of children living in the area"),
    ("No clear difference", "the interval holds 1: the data do not show whether the rates differ"),
    (
        "Pre-court",
        "an outcome that settles the case without court: a caution, a community resolution, outcome 22",
    ),
    (
        "Possible mediator",
        "a factor that may itself come of disparity: adjusting for it can hide part of what is looked for",
    ),
    ("Rate", "how many for every 100, 1,000 or 100,000 of the base"),
    ("Ratio", "the rate of a group divided by the rate of the comparison group (the relative rate index)"),
    ("Stage", "a step of the pathway: the rows that count there are written down in the definitions"),
    ("Times as likely, times the rate", "the ratio in words; the second where a child can be counted more than once"),
)


_RULES = {
    "most_recent_self_defined": "the most recent self-defined one",
    "most_frequent": "the one recorded most often",
    "as_recorded": "none chosen, each record keeps its own",
}
_SOURCES = {
    "self": "self-defined",
    "officer": "officer-observed",
    "self_then_officer": "self-defined, else officer-observed",
}


def ethnicity_sentence(view: View) -> str:
    """Which recorded ethnicity counts, and for how many children records disagree."""
    told = view.manifest.get("ethnicity", {})
    source, rule = str(told.get("source", "[x]")), str(told.get("rule", "[x]"))
    said = f"Ethnicity is {_SOURCES.get(source, source)}. One value for each child: {_RULES.get(rule, rule)}."
    apart = told.get("disagreements") or {}
    counts = [_said(apart.get(name)) for name in ("children", "shared")]
    if all(counts):
        said += f" Records disagree for {counts[0]} of {counts[1]} children with more than one record."
    elif apart:
        said += " How many children have records that disagree is hidden [c]."
    return said


def _said(count: object) -> str:
    """A count, or what stands for one ('fewer than 10'); nothing where it is hidden."""
    return f"{count:,.0f}" if isinstance(count, int | float) else str(count or "")


def breaks_sentence(view: View) -> str:
    """Which measures cannot be compared with earlier periods, from the rows that say so; empty for none."""
    index = view.index
    held = index.places(status="break", quantity="rate") | index.places(status="break", quantity="rri")
    titles = {measure.id: (place, measure.title) for place, measure in enumerate(view.measures)}
    broken = sorted((titles.get(m, (len(titles), m)), p) for m, p in index.pairs("measure", "period", held))
    places = list(dict.fromkeys(f"{title} in {period}" for (_, title), period in broken))
    return f"Not comparable with earlier periods [b]: {'; '.join(places)}." if places else ""


def accounting_table(view: View) -> str:
    """Rows read, used, set aside and out of scope, by extract, as rounded as the release has them."""
    names = ("read", "used", "set_aside", "out_of_scope")
    rows = [
        [text(entry["extract"]), *(_rows(entry.get(name)) for name in names)]
        for entry in view.manifest.get("accounting", ())
    ]
    columns = ("Extract", "Rows read", "Used", "Set aside", "Out of scope")
    base = view.manifest.get("accounting_rounded_to")
    caption = f"Rows of each extract{f', rounded to the nearest {base}' if base else ''}"
    return _or_none(rows, table(caption, columns, [("", rows)]) if rows else "")


def accounting_sentence(view: View) -> str:
    """Whether every row read is accounted for: found out before the numbers were rounded."""
    entries = view.manifest.get("accounting", ())
    wrong = [plain(str(entry["extract"])) for entry in entries if entry.get("adds_up") is False]
    if wrong:
        return f"The rows do not add up for {len(wrong)} of {len(entries)} extracts: {', '.join(wrong)}."
    if not entries or any(entry.get("adds_up") is None for entry in entries):
        return "This release does not say whether every row read is accounted for."
    return (
        "Every row read is accounted for: read = used + set aside + out of scope. The numbers shown are rounded, so "
        "that no single record can be told, and need not add up."
    )


def _rows(value: object) -> Cell:
    """A number of rows, or 'fewer than 10'."""
    return Cell(escape_html(value), number=True) if isinstance(value, str) else number(value)


def attrition_table(view: View) -> str:
    """How many were counted at each step."""
    units = {"child": "children", "event": "events"}
    rows = [
        [
            text(str(entry.get("step", entry.get("stage_or_step"))).replace("_", " ")),
            number(entry.get("rows")) if entry.get("counted", True) else Cell("[x]", number=True),
            text(units.get(str(entry.get("unit")), "rows")),
        ]
        for entry in view.manifest.get("attrition", ())
    ]
    caption = f"Counted at each stage, {view.period_label()}"
    return _or_none(rows, table(caption, ("Stage", "Number", "Counts"), [("", rows)]) if rows else "")


def period_words(view: View, measures: Sequence[Measure]) -> str:
    """The period of a table; says so where some of its measures have another, which their headings then name."""
    periods = {view.period_of(measure) for measure in measures}
    if len(periods) == 1:
        return view.period_label(periods.pop())
    return f"{view.period_label()} unless another period is named"


def unknown_table(view: View) -> str:
    """How often ethnicity is not known, by stage."""
    rows = []
    for entry in view.unknown(pathway=False):
        mark = Cell(entry["mark"], number=True)
        total = number(entry["total"]) if math.isfinite(entry["total"]) else mark
        told = entry["share"] is not None
        missing = number(entry["unknown"]) if told else mark
        share = Cell(escape_html(percent_text(entry["share"])), number=True) if told else mark
        rows.append([text(entry["title"]), missing, total, share])
    caption = f"Children and events of unknown ethnicity, {period_words(view, view.measures)}"
    columns = ("Stage", "Unknown", "All", "Unknown of every 100")
    return _or_none(rows, table(caption, columns, [("", rows)]) if rows else "")


def definitions_table(view: View) -> str:
    """What each stage counts, once, in the words of its definition, and which stages each measure sets side by side."""
    stages: dict[str, Mapping[str, Any]] = {}
    for measure in view.measures:
        for part in ("denominator", "numerator"):
            stages.setdefault(getattr(measure, part), measure.definition.get(part) or {})
    units = {"child": "Children", "event": "Events"}
    rows = [
        [
            text(view.stage_title(stage)),
            text(known.get("counts") or "[x]"),
            text(units.get(str(known.get("unit")), "[x]")),
            text(known.get("source") or "[x]"),
        ]
        for stage, known in stages.items()
    ]
    measured = [
        [text(measure.title), text(view.stage_title(measure.numerator)), text(view.stage_title(measure.denominator)),
         text(f"{measure.per:,.0f}")]
        for measure in view.measures
    ]  # fmt: skip
    if not rows:
        return _or_none(rows, "")
    return table("What each stage counts", ("Stage", "What is counted", "Counts", "Source"), [("", rows)]) + table(
        "What each measure sets side by side", ("Measure", "Counted", "Against", "For every"), [("", measured)]
    )


_RULES = {
    "preset": "Set of rules that these started from",
    "method": "What is done with small counts",
    "minimum_count": "Smallest count that is shown",
    "zero_safe": "May a count of 0 be shown?",
    "minimum_denominator": "Smallest base that a rate is shown of",
    "minimum_children": "Fewest children behind a count of events",
    "largest_share_percent": "Most of a count of events that may be one child's, of 100",
    "interval_width": "How many counts must stay possible for a hidden one",
    "round_to": "Counts are rounded to multiples of",
    "minimum_degrees_of_freedom": "Fewest records of a model beyond what it estimates",
}
_METHODS = {"hide": "Hidden", "round": "Rounded", "hide_and_round": "Hidden, and the others rounded"}
_NO_RULE = {
    "minimum_denominator": 0, "minimum_children": 0, "largest_share_percent": 100, "round_to": 0,
    "minimum_degrees_of_freedom": 0,
}  # fmt: skip
_COUNTS = {
    "shown": "Counts shown",
    "rounded": "Counts rounded",
    "hidden": "Counts hidden",
}


def rules_list(view: View) -> str:
    """The rules of disclosure control that this release was made under."""
    control = view.manifest.get("disclosure", {})
    rules = control.get("rules", {})
    rows = [[text(words), text(_setting(name, rules[name]))] for name, words in _RULES.items() if _is_set(name, rules)]
    rows += [
        [text(capital(str(name).replace("_", " "))), text(_setting(name, value))]
        for name, value in rules.items()
        if name not in _RULES
    ]
    counts = control.get("cells") or {}
    rows += [
        [text(words), text(f"{counts[name]:,.0f}")]
        for name, words in _COUNTS.items()
        if isinstance(counts.get(name), int | float)
    ]
    caption = "Rules that protect children from being identified"
    return _or_none(rows, table(caption, ("Rule", "Setting"), [("", rows)]) if rows else "")


def findings_list(view: View) -> str:
    """Every finding of the run on the quality of the data."""
    found = view.manifest.get("findings", ())
    items = "".join(
        f"<li>{escape_html(entry.get('severity', ''))}: {escape_html(entry['text'])}</li>" for entry in found
    )
    return f'<ul class="yjd-findings">{items}</ul>' if items else "<p>The run found nothing to report.</p>"


def glossary_list() -> str:
    """The words of the report."""
    items = "".join(f"<dt>{escape_html(word)}</dt><dd>{escape_html(meaning)}</dd>" for word, meaning in GLOSSARY)
    return f'<dl class="yjd-glossary">{items}</dl>'


def provenance_list(view: View) -> str:
    """From what the release was made: enough to make it again."""
    made = view.manifest.get("created_from", {})
    rows = [
        [text("Run"), text(view.manifest.get("run"))],
        [text("Version of yjd"), text(made.get("version"))],
        [text("Configuration (SHA-256)"), text(made.get("config_sha256"))],
    ]
    rows += [
        [text(f"Extract {entry['extract']} (fingerprint)"), text(entry.get("fingerprint"))]
        for entry in made.get("inputs", ())
    ]
    return table("What this release was made from", ("What", "Value"), [("", rows)])


def _is_set(name: str, rules: Mapping[str, Any]) -> bool:
    """Whether there is anything to say of a rule: a set of rules that nobody named is not a gap in the data."""
    return name in rules and rules[name] != ""


def _setting(name: str, value: object) -> object:
    if value == _NO_RULE.get(name):
        return "No rule"
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return _METHODS.get(str(value), value) if name == "method" else value


def _or_none(rows: object, written: str) -> str:
    return written if rows else "<p>Not in this release [x].</p>"
