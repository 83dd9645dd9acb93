"""Slides: one message each, as its heading, with the chart and the table that it comes from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from yjd.reporting import adjusted, facts, headlines, missing, pathway, questions, sentences, tables, trends
from yjd.reporting.charts import forest_chart, trend_measure
from yjd.reporting.eia_rows import before_mediators
from yjd.reporting.report import Report, open_report
from yjd.reporting.tables import Html
from yjd.reporting.view import Comparison
from yjd.reporting.words import (
    CAUTION,
    Measure,
    and_list,
    capital,
    children,
    counted,
    escape_html,
    escape_markdown,
    lower_first,
)

_SIDES = {"adverse": 0, "neither": 1, "favourable": 2}


@dataclass(frozen=True)
class Slide:
    """One message and what it stands on.

    Attributes
    ----------
    message : str
        The heading, plain text.
    shown : str
        HTML of what is seen first, beside the points: a chart, or nothing.
    points : sequence of str
        Plain text.
    below : str
        HTML of what stands under both: a table, folded or not.
    """

    message: str
    shown: str = ""
    points: Sequence[str] = ()
    below: str = ""

    def markdown(self, stamp: str) -> str:
        """The slide as Markdown that pandoc and Quarto read alike."""
        said = "".join(f"<li>{escape_html(line)}</li>" for line in self.points)
        said = f"<ul>{said}</ul>" if said else ""
        body = f'<div class="yjd-side"><div>{self.shown}</div><div>{said}</div></div>' if self.shown else said
        return f"## {escape_markdown(self.message)}\n\n{Html(f'{stamp}{body}{self.below}')._repr_markdown_()}\n"


def open_deck(release: str | Path | None = None) -> Deck:
    """The slides on a release; its argument is that of `yjd.reporting.report.open_report`."""
    return Deck(open_report(release))


class Deck:
    """The slides on a release.

    Parameters
    ----------
    report : Report
        On the release.
    """

    def __init__(self, report: Report) -> None:
        self._report, self.view = report, report.view

    def text(self) -> str:
        """Every slide, as Markdown."""
        return "\n".join(slide.markdown(self.stamp) for slide in self.slides())

    def slides(self) -> list[Slide]:
        """The slides in order: all at once, a measure each, the pathway, time, adjusting, what is not known."""
        view = self.view
        compared = [items for measure in view.pathway if (items := view.compare(measure))]
        found = [self._whole(compared)]
        found += [self._measure(items) for items in compared]
        found += [*self._pathway(), *self._over_time(), *self._adjusted(), self._unknown(), self._hidden(compared)]
        return [*found, Slide("Questions for the room", points=questions.questions(view)), self._source()]

    @property
    def stamp(self) -> str:
        """What state the numbers are in, on every slide; empty once real data are signed off."""
        said = ["DEMONSTRATION DATA, made up"] if self.view.manifest.get("demonstration") else []
        said += [] if self._report.signed else ["DRAFT, not signed off"]
        return f'<p class="yjd-stamp">{escape_html(" · ".join(said))}</p>' if said else ""

    def _whole(self, compared: Sequence[Sequence[Comparison]]) -> Slide:
        view, items = self.view, [item for found in compared for item in found]
        if not items:
            return Slide("This release holds no comparison between groups")
        clear = [item for item in items if item.verdict.is_clear]
        sides = [item.verdict.side for item in clear]
        adverse, favourable, neither = (sides.count(side) for side in ("adverse", "favourable", "neither"))
        message = (
            f"{len(clear)} of {counted(len(items), 'comparison')} with {children(view.reference)} "
            f"{'is' if len(clear) == 1 else 'are'} clear, {adverse} of them less favourable"
        )
        unclear = sum(item.verdict.outcome == "no_clear_difference" for item in items)
        without = sum(not item.verdict.has_numbers for item in items)
        points = [
            f"{view.period_label()}{sentences.periods_clause(view)}.",
            f"{favourable} more favourable." if favourable else "",
            f"{neither} clear on a measure where neither side is less favourable." if neither else "",
            f"{unclear} not clearly different, {without} without a number.",
            CAUTION,
        ]
        return Slide(message, points=[line for line in points if line], below=tables.matrix_table(view, view.pathway))

    def _measure(self, items: Sequence[Comparison]) -> Slide:
        view, measure = self.view, items[0].measure
        lead = leading(items)
        points = [sentences.comparison_sentence(lead)] if lead else []
        points += [sentences.brief_statement(view, items)]
        told = _missing_point([e for e in missing.explained(view, measure) if e.item.verdict.is_clear])
        side = {"higher": "A higher rate is less favourable.", "lower": "A lower rate is less favourable."}
        points += [line for line in (told, side.get(measure.adverse, "")) if line]
        chart = partial(forest_chart, view, [measure])
        title, alt = headlines.forest_headline(view, [measure]), headlines.forest_alt(view, [measure])
        caption = f"{measure.title}: rates and ratios by ethnic group, {facts.period_words(view, [measure])}"
        made = tables.details(f"{measure.title}: the numbers", tables.forest_table(view, [measure], caption))
        return Slide(
            message_of(self, lead, measure),
            self._report.drawing(f"slide-{measure.id}", chart, title, alt),
            points,
            made,
        )

    def _pathway(self) -> list[Slide]:
        view = self.view
        for name in pathway.pathways(view):
            way = pathway.furthest(view, name)
            if way is None:
                continue
            last = lower_first(view.stage_title(name.removeprefix(pathway.PREFIX)))
            chart = partial(pathway.pathway_chart, view, name, way.group)
            drawn = self._report.drawing(f"slide-{name}", chart, pathway.pathway_headline(view, name),
                                pathway.pathway_alt(view, name))  # fmt: skip
            made = tables.details(f"The pathway to {last}: the numbers", pathway.pathway_table(view, name))
            points = [
                pathway.way_sentence(view, way),
                "A stage can add to a difference without deciding it: children come by the stages before.",
            ]
            return [Slide(pathway.pathway_headline(view, name), drawn, points, made)]
        return []

    def _over_time(self) -> list[Slide]:
        view = self.view
        said, measure = trends.overview(view), trend_measure(view)
        if not said or measure is None:
            return []
        lines = trends.trend_statements(view, measure)
        return [Slide(said[0].rstrip("."), points=lines, below=tables.trend_table(view, measure))]

    def _adjusted(self) -> list[Slide]:
        view = self.view
        ladders = [ladder for m in view.pathway if (ladder := adjusted.ladder_of(view, m)) and before_mediators(ladder)]
        items = [item for ladder in ladders for item in adjusted.compare_at(view, ladder, before_mediators(ladder))]
        told = [item for item in items if item.verdict.has_numbers]
        if not told:
            return []
        clear = sum(item.verdict.is_clear for item in told)
        message = (
            f"Once the listed factors are alike, {clear} of {counted(len(told), 'adjusted difference')} "
            f"{'is' if clear == 1 else 'are'} clear"
        )
        points = [adjusted.ladder_headline(view, ladder) + "." for ladder in ladders]
        made = "".join(
            tables.details(f"{ladder.measure.title}: every rung", adjusted.ladder_table(view, ladder))
            for ladder in ladders
        )
        note = "Adjusting does not say why a difference is there. A factor may itself come of disparity."
        return [Slide(message, points=[*points, note], below=made)]

    def _unknown(self) -> Slide:
        view = self.view
        points = missing.missing_statements(view, view.pathway)
        return Slide(headlines.unknown_headline(view), self._report.unknown().text, points)

    def _hidden(self, compared: Sequence[Sequence[Comparison]]) -> Slide:
        items = [item for found in compared for item in found]
        hidden = [item for item in items if item.verdict.outcome == "hidden"]
        message = f"{len(hidden)} of {counted(len(items), 'comparison')} {'is' if len(hidden) == 1 else 'are'} hidden"
        by_group: dict[str, int] = {}
        for item in hidden:
            by_group[item.group] = by_group.get(item.group, 0) + 1
        told = [f"{capital(children(group))}: {number} hidden [c]." for group, number in by_group.items()]
        return Slide(message, points=[sentences.hidden_statement(items), *told, CAUTION])

    def _source(self) -> Slide:
        view = self.view
        areas = [str(area) for area in view.manifest.get("areas", ())]
        points = [
            f"Areas: {and_list(areas)}." if areas else "",
            f"Period of the main numbers: {view.period_label()}.",
            sentences.periods_statement(view, view.pathway),
            f"A difference is called clear only where the whole {view.interval_name} lies on one side of 1.",
            f"Release {view.manifest.get('run', '')}: every number is in its results.csv.",
            str((view.manifest.get("office") or {}).get("caveat") or ""),
        ]
        return Slide("Where the numbers come from", points=[line for line in points if line])


def leading(items: Sequence[Comparison]) -> Comparison | None:
    """The clear difference that a slide is about: adverse first, then the furthest from 1; None where none is clear."""
    clear = [item for item in items if item.verdict.is_clear]
    return min(clear, key=lambda item: (_SIDES[item.verdict.side], -_distance(item)), default=None)


def _distance(item: Comparison) -> float:
    estimate = float(item.row["estimate"])
    return abs(math.log(estimate)) if estimate > 0 else math.inf


def message_of(deck: Deck, lead: Comparison | None, measure: Measure) -> str:
    """What one measure shows, in one line: its leading clear difference, or that there is none."""
    view = deck.view
    if lead is None:
        return headlines.family_headline(view, measure)
    without_rates = Comparison(measure, lead.group, {**lead.row, "numerator": math.nan}, lead.verdict)
    said = sentences.comparison_sentence(without_rates).rstrip(".")
    period = view.period_of(measure)
    return said if period == view.period else f"{said} ({view.period_label(period)})"


def _missing_point(clear: Sequence[missing.Explained]) -> str:
    """Whether missing ethnicity alone could explain a measure's clear differences; empty where that cannot be told."""
    could = [entry.item.group for entry in clear if entry.could]
    could_not = [entry.item.group for entry in clear if entry.could is False]
    parts = [f"could explain the difference for {and_list(could)}"] if could else []
    parts += [f"could not explain it for {and_list(could_not)}"] if could_not else []
    return f"Missing ethnicity alone {'; it '.join(parts)}." if parts else ""
