"""The numbers in plain English: panels of one idea each, in short sentences that read well aloud."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from yjd.office import Office
from yjd.reporting import plain_words
from yjd.reporting.missing import explained
from yjd.reporting.plain_pictures import Amount, icon, picture
from yjd.reporting.report import Report, open_report
from yjd.reporting.sentences import most_telling
from yjd.reporting.tables import Cell, Html, details, table, text
from yjd.reporting.view import Comparison, View
from yjd.reporting.words import and_list, children, escape_html, escape_markdown, percent_text
from yjd.schema import UNKNOWN

_PICTURES = 4  # measures with a picture: with these two pages are full
_NAMED = 8  # areas that are named one by one
_INSTEAD = {"hidden": "private", "not_available": "no numbers", "censored": "too soon", "not_estimated": "not known"}
_WORSE = {"higher": "A high number is worse for children.", "lower": "A low number is worse for children."}


@dataclass(frozen=True)
class Panel:
    """One idea: a heading, a picture, short sentences, and for a web page what stands folded below.

    Attributes
    ----------
    title : str
        Plain text.
    drawing : str
        SVG.
    lines : sequence of str
        Plain text, a sentence or two each.
    points : bool
        The lines are points of a list.
    more : str
        HTML.
    """

    title: str
    drawing: str
    lines: Sequence[str]
    points: bool = False
    more: str = ""

    @property
    def markdown(self) -> str:
        """The panel as Markdown that pandoc and Quarto read alike."""
        tag = "li" if self.points else "p"
        words = "".join(f"<{tag}>{escape_html(line)}</{tag}>" for line in self.lines)
        words = f"<ul>{words}</ul>" if self.points else words
        body = Html(f'<div class="yjd-beside">{self.drawing}<div class="yjd-words">{words}</div></div>')
        parts = ["::: {.yjd-panel}", f"## {escape_markdown(self.title)}", body._repr_markdown_()]
        if self.more:
            folded = Html(self.more)._repr_markdown_()
            parts += ['::: {.content-visible when-format="html"}', folded, ":::"]
        return "\n\n".join([*parts, ":::"])


def open_plain(release: str | Path | None = None) -> Plain:
    """The text in plain English on a release; its argument is that of `yjd.reporting.report.open_report`."""
    return Plain(open_report(release))


class Plain:
    """A release in plain English.

    Parameters
    ----------
    report : Report
        On the release.
    """

    def __init__(self, report: Report) -> None:
        self.view = report.view
        self.signed = report.signed

    def stamp(self) -> Html:
        """In what state this is, and what the office says of it."""
        said = []
        if self.view.manifest.get("demonstration"):
            said.append("<strong>DEMONSTRATION DATA.</strong> Every child and every number here is made up.")
        if not self.signed:
            said.append("<strong>DRAFT.</strong> This has not been signed off. Please do not share it.")
        office = self.view.manifest.get("office") or {}
        caveat = f'<p class="yjd-about">{escape_html(office["caveat"])}</p>' if office.get("caveat") else ""
        label = 'role="note" aria-label="Status of this text"'
        return Html((f'<div class="yjd-banner" {label}><p>{" ".join(said)}</p></div>' if said else "") + caveat)

    def text(self) -> str:
        """Every panel, as Markdown."""
        inner = "\n\n".join(panel.markdown for panel in self.panels())
        return f":::: {{.yjd-easy}}\n\n{inner}\n\n::::\n"

    def panels(self) -> list[Panel]:
        """The panels in order: what this is, what the numbers show, what they do not show, and what comes next."""
        view = self.view
        compared = [items for measure in view.pathway if (items := view.compare(measure))]
        clear = [items for items in compared if any(item.verdict.is_clear for item in items)]
        drawn = most_telling(clear, _PICTURES)
        others = [items for items in clear if items not in drawn]
        unclear = [items for items in compared if items not in clear]
        found = [self._about(), self._comparing(), _reasons()]
        found += [self._finding(items) for items in drawn]
        found += [self._listed("Other differences", "more", others)] if others else []
        none = all(any(item.verdict.outcome == "no_clear_difference" for item in items) for items in unclear)
        title = "No clear difference" if none else "What we cannot tell"
        found += [self._listed(title, "same", unclear)] if unclear else []
        if not compared:
            found.append(Panel("No numbers yet", icon("unknown"), ["We have no numbers that compare these groups."]))
        everything = [item for items in compared for item in items]
        found += [self._unknown()]
        if any(item.verdict.outcome == "hidden" for item in everything):
            found.append(_private())
        return [*found, self._next()]

    def _about(self) -> Panel:
        areas = [plain_words.spoken(str(area)) for area in self.view.manifest.get("areas", ())]
        where = f"It covers {and_list(areas)}." if 0 < len(areas) <= _NAMED else f"It covers {len(areas)} areas."
        lines = [
            "Youth justice is about children who may have broken the law.",
            "The children here are at least 10 and not yet 18.",
            *([where] if areas else []),
            _when(self.view, self.view.period),
        ]
        return Panel("What this is about", icon("people"), lines)

    def _comparing(self) -> Panel:
        whom = children(self.view.reference)
        lines = [
            f"We compare each ethnic group with {whom}.",
            "We name a difference only where chance is an unlikely reason.",
        ]
        return Panel("How we compare", icon("compare"), lines)

    def _finding(self, items: Sequence[Comparison]) -> Panel:
        """A measure with a clear difference, its picture, and its numbers in a table."""
        view, measure = self.view, items[0].measure
        words = plain_words.easy(measure)
        per, amounts = _amounts(view, items)
        title = f"{words.counted} {words.base.format(per=f'{per:,}')}"
        drawing = picture(f"plain-{measure.id}".replace("_", "-"), title, amounts, per=per, people=words.people)
        lines = [line for line in (words.about, _WORSE.get(measure.adverse, "")) if line]
        period = view.period_of(measure)
        lines = [" ".join(lines), *([_when(view, period)] if period != view.period else [])]
        folded = details(f"{words.title}: the numbers in a table", _table(view, items, title, amounts))
        found = [*filter(None, lines), *plain_words.sentences(items)]
        return Panel(words.title, f'<div class="yjd-picture">{drawing}</div>', found, more=folded)

    def _listed(self, title: str, sign: str, measures: Sequence[Sequence[Comparison]]) -> Panel:
        """Measures without a picture of their own, a point each."""
        lines = []
        for items in measures:
            period = self.view.period_of(items[0].measure)
            when = [_when(self.view, period)] if period != self.view.period else []
            name = f"{plain_words.easy(items[0].measure).title}."
            lines.append(" ".join([name, *plain_words.sentences(items), *when]))
        return Panel(title, icon(sign), lines, points=True)

    def _unknown(self) -> Panel:
        """How often ethnicity is not known, and whether that alone could be the reason of a difference."""
        view = self.view
        shown = [
            entry for entry in view.unknown(pathway=True) if entry["share"] is not None and "(" not in entry["words"]
        ]
        lines = []
        if shown:
            most = max(shown, key=lambda entry: float(entry["share"]))
            share = percent_text(most["share"])
            about = f"about {share}" if share[0].isdigit() else share
            lines.append(f"For {about} of every 100 {plain_words.spoken(most['words'])}, the group is not known.")
        else:
            lines.append("We do not always know the ethnic group of a child.")
        told = [entry.could for measure in view.pathway for entry in explained(view, measure)
                if entry.item.verdict.is_clear and entry.could is not None]  # fmt: skip
        could = told.count(True)
        if could:
            lines.append(
                f"For {could} of the {len(told)} clear differences that we could check, this alone could be the reason."
                if len(told) > 1
                else "For the one clear difference that we could check, this alone could be the reason."
            )
        elif told:
            lines.append("This alone cannot be the reason for the clear differences that we could check.")
        return Panel("What we do not know", icon("unknown"), lines)

    def _next(self) -> Panel:
        office = self.view.manifest.get("office") or {}
        lines = ["Do these numbers match what you see? What would you change?"]
        if office.get("contact"):
            lines.append(f"You can tell us. Write to {office['contact']}.")
        elif (name := office.get("name")) and name != Office().name:
            lines.append(f"You can tell us. We are the {name}.")
        return Panel("What do you think?", icon("talk"), lines)


def _private() -> Panel:
    lines = [
        "We keep some numbers private, so that no child can be found.",
        "A private number can be big or small.",
    ]
    return Panel("Numbers that are private", icon("private"), lines)


def _reasons() -> Panel:
    lines = [
        "A difference does not prove that anyone was unfair.",
        "It does not prove that ethnicity is the reason.",
    ]
    return Panel("What a difference does not show", icon("look"), lines)


def _when(view: View, period: str) -> str:
    """The period in a sentence without a range: 'The numbers are for the year that began in April 2024' and no 'to'."""
    entry: Mapping[str, object] = next(
        (entry for entry in view.manifest.get("periods", ()) if entry.get("period") == period), {}
    )
    try:
        start, end = (date.fromisoformat(str(entry.get(name))[:10]) for name in ("start", "end"))
    except ValueError:
        return f"The numbers are for {plain_words.spoken(view.period_label(period))}."
    months = 12 * (end.year - start.year) + end.month - start.month + (1 if end.day > 27 else 0)
    long = {12: "year", 3: "three months", 6: "six months", 1: "month"}.get(months, "")
    if not long and months > 0 and months % 12 == 0:
        long = f"{months // 12} years"
    if not long:
        return f"The numbers are for {plain_words.spoken(view.period_label(period))}."
    return f"The numbers are for the {long} that began in {start:%B} {start.year}."


def _amounts(view: View, items: Sequence[Comparison]) -> tuple[int, list[Amount]]:
    """The rows of a measure's picture: rounded rates, and words for a group of which nothing is shown."""
    reference = str(items[0].row["reference"])
    counts: dict[str, tuple[float, float]] = {}
    for item in items:
        if item.verdict.has_numbers:
            row = item.row
            _put(counts, item.group, row["numerator"], row["denominator"])
            _put(counts, reference, row["reference_numerator"], row["reference_denominator"])
    clear = {item.group: item.verdict.outcome for item in items if item.verdict.is_clear}
    per, rates = plain_words.rounded_rates(counts, clear, reference)
    outcomes = {item.group: item.verdict.outcome for item in items}
    amounts = []
    for group in view.groups():
        if group == UNKNOWN or (group != reference and group not in outcomes):
            continue
        instead = _INSTEAD.get(outcomes.get(group, ""), "not known")
        amounts.append(Amount(group, rates.get(group), instead, is_reference=group == reference))
    return per, amounts


def _put(counts: dict[str, tuple[float, float]], group: str, number: object, base: object) -> None:
    pair = (float(number), float(base))  # type: ignore[arg-type]
    if all(map(math.isfinite, pair)) and pair[1] > 0:
        counts[group] = pair


def _table(view: View, items: Sequence[Comparison], title: str, amounts: Sequence[Amount]) -> str:
    words = {item.group: _in_words(item) for item in items}
    rows = [
        [
            text(amount.label),
            Cell(f"about {amount.value:,}" if amount.value is not None else escape_html(amount.instead), number=True),
            text(words.get(amount.label, "The others are compared with this group")),
        ]
        for amount in amounts
    ]
    return table(title, ("Ethnic group", "Number", f"Compared with {children(view.reference)}"), [("", rows)])


def _in_words(item: Comparison) -> str:
    if item.verdict.is_clear:
        return f"Clearly {item.verdict.outcome}"
    return "No clear difference" if item.verdict.has_numbers else _INSTEAD[item.verdict.outcome].capitalize()
