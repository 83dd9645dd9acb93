"""What a document asks for: each method gives one block of a page, made from a release and nothing else."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yjd.errors import RenderingError
from yjd.reporting import facts, sentences, tables
from yjd.reporting.charts import charts_for, trend_measure
from yjd.reporting.classify import classify
from yjd.reporting.tables import Html
from yjd.reporting.view import View
from yjd.reporting.words import CAUTION, Measure, children, escape_html, escape_markdown

if TYPE_CHECKING:
    import pandas as pd

RELEASE_VARIABLE = "YJD_RELEASE"

_RULES = {
    "most_recent_self_defined": "the most recent self-defined one",
    "most_frequent": "the one recorded most often",
    "as_recorded": "none chosen, each record keeps its own",
}


def open_report(release: str | Path | None = None) -> Report:
    """The report on a release.

    Parameters
    ----------
    release : path, optional
        The folder of a release; by default the one that the environment variable `YJD_RELEASE` names.
    """
    from yjd.release import read_release

    place = str(release or os.environ.get(RELEASE_VARIABLE, ""))
    if not place:
        raise RenderingError(
            "No release to report on was named.",
            f"Set the parameter `release` or the variable {RELEASE_VARIABLE}.",
        )
    found = read_release(Path(place))
    return Report(found.results, found.manifest, folder=Path(found.path), signed=found.signed)


class Report:
    """Blocks of HTML for a document.

    Parameters
    ----------
    results : DataFrame
        Released results, columns `yjd.schema.RESULT_COLUMNS`.
    manifest : mapping
        The content of `release.json`.
    folder : Path, optional
        The release's folder: its charts are used as they are; without them they are drawn.
    signed : bool, optional
        Whether two reviewers have signed the release: without it, the report is a draft.
    """

    def __init__(
        self, results: pd.DataFrame, manifest: Mapping[str, Any], *, folder: Path | None = None, signed: bool = False
    ) -> None:
        self.view = View(results, manifest)
        self.signed = signed
        self._folder = folder

    @property
    def title(self) -> str:
        """The project's title, for inline code."""
        return escape_markdown(self.view.title)

    @property
    def period(self) -> str:
        """The headline period in words, for inline code."""
        return escape_markdown(self.view.period_label())

    @property
    def own_periods(self) -> str:
        """Which measures of the overview are shown in another period, for inline code; may be empty."""
        return escape_markdown(sentences.periods_statement(self.view, self.view.pathway))

    @property
    def reference(self) -> str:
        """The comparison group in words, for inline code."""
        return escape_markdown(children(self.view.reference))

    def banner(self) -> Html:
        """Whose report this is and in what state: a draft until it is signed, demonstration data or not."""
        manifest = self.view.manifest
        parts = []
        if manifest.get("demonstration"):
            parts.append("<p><strong>DEMONSTRATION DATA.</strong> Every child and every number here is made up.</p>")
        if not self.signed:
            parts.append("<p><strong>DRAFT.</strong> This release has not been signed off: do not share it.</p>")
        stamp = f'<div class="yjd-banner" role="note" aria-label="Status of this report">{"".join(parts)}</div>'
        office = manifest.get("office") or manifest.get("contact") or {}
        lines = [self.view.title, self.view.period_label(), office.get("name"), office.get("contact")]
        about = " &middot; ".join(escape_html(line) for line in lines if line)
        caveat = f"<p>{escape_html(office['caveat'])}</p>" if office.get("caveat") else ""
        return Html(f'{stamp if parts else ""}<p class="yjd-about">{about}</p>{caveat}')

    def main_points(self) -> Html:
        """Five to seven generated statements."""
        items = "".join(f"<li>{escape_html(point)}</li>" for point in sentences.main_points(self.view))
        return Html(f'<ul class="yjd-points">{items}</ul>')

    def coverage(self) -> Html:
        """Areas, periods, comparison and how to read a clear difference."""
        view = self.view
        areas = [str(area) for area in view.manifest.get("areas", ())]
        said = [
            f"Areas: {', '.join(areas)}." if areas else "",
            f"Period of the main numbers: {view.period_label()}.",
            sentences.periods_statement(view, view.measures),
            f"Every group is compared with {children(view.reference)}.",
            f"A difference is called clear only where the whole {view.interval_name} lies on one side of 1.",
            "Of many comparisons, now and then one is clear by chance alone.",
            self._breaks(),
            CAUTION,
        ]
        return Html(f"<ul>{''.join(f'<li>{escape_html(line)}</li>' for line in said if line)}</ul>")

    def _breaks(self) -> str:
        results = self.view.results
        broken = results.loc[results["status"] == "break", ["measure", "period"]].drop_duplicates()
        titles = {measure.id: measure.title for measure in self.view.measures}
        places = [f"{titles.get(m, m)} in {p}" for m, p in broken.itertuples(index=False)]
        return f"Not comparable with earlier periods [b]: {'; '.join(places)}." if places else ""

    def unknown(self) -> Html:
        """Unknown ethnicity: the sentence, the chart, the table, and what it could do to the ratios."""
        said = f"<p>{escape_html(sentences.unknown_statement(self.view))}</p>"
        inner = facts.unknown_table(self.view)
        bounds = tables.details("What the unknown children could do to each ratio", facts.bounds_table(self.view))
        return Html(f"{said}{self._picture('unknown')}{inner}{bounds}")

    def ethnicity_rule(self) -> Html:
        """Which recorded ethnicity counts, and how often one child's records disagree."""
        told = self.view.manifest.get("ethnicity", {})
        sources = {
            "self": "self-defined",
            "officer": "officer-observed",
            "self_then_officer": "self-defined, else officer-observed",
        }
        source = sources.get(str(told.get("source")), str(told.get("source", "[x]")))
        rule = str(told.get("rule", "[x]"))
        said = f"Ethnicity is {source}. One value for each child: {_RULES.get(rule, rule)}."
        apart = told.get("disagreements") or {}
        if isinstance(apart.get("children"), int | float) and isinstance(apart.get("shared"), int | float):
            said += (
                f" Records disagree for {apart['children']:,.0f} of {apart['shared']:,.0f} children with "
                "more than "
                "one record."
            )
        elif apart:
            said += " How many children have records that disagree is hidden [c]."
        return Html(f"<p>{escape_html(said)}</p>")

    def pathway_chart(self) -> Html:
        """The forest chart."""
        return Html(self._picture("forest") or "<p>This release holds no comparison to draw [x].</p>")

    def pathway_table(self) -> Html:
        """The forest table of the measures of the pathway."""
        return Html(self._forest(self.view.pathway, "Along the pathway"))

    def family(self, name: str) -> Html:
        """One family of measures: statements, the table, detailed groups, what it does not show."""
        measures = [measure for measure in self.view.measures if measure.family == name]
        shown = [measure for measure in measures if self.view.has(measure, "rri") or self.view.has(measure, "rate")]
        if not shown:
            return Html("<p>Not in this release [x]: no data were supplied for it.</p>")
        said = "".join(
            f"<li>{escape_html(sentences.measure_statement(self.view, items))}</li>"
            for measure in shown
            if (items := self.view.compare(measure))
        )
        events = sentences.events_statement(shown, self.view.by_child)
        noted = f"<p>{escape_html(events)}</p>" if events else ""
        parts = [
            f"<ul>{said}</ul>",
            noted,
            self._forest(shown, _named(shown)),
            self._detailed(shown),
            self._limits(shown),
        ]
        return Html("".join(parts))

    def composition(self, measure_id: str) -> Html:
        """The other reading of a share: who the stage is made up of."""
        measure = next((measure for measure in self.view.measures if measure.id == measure_id), None)
        if measure is None or not self.view.has(measure, "composition"):
            return Html("<p>Not in this release [x].</p>")
        rows = [next(iter(self.view.rows(measure, "composition", group=group)), None) for group in self.view.groups()]
        said = "".join(
            f"<li>{escape_html(sentences.composition_sentence(row, measure, measure.unit))}</li>"
            for row in rows
            if row is not None and classify(row).has_numbers
        )
        note = (
            "These shares say who the children are, not how likely a child is to get this outcome: a large "
            "group has a "
            "large share even where every group is treated alike. Shares that add to 100 are this reading."
        )
        return Html(f"<ul>{said}</ul>{tables.composition_table(self.view, measure, measure.unit)}<p>{note}</p>")

    def trend(self) -> Html:
        """The trend chart with its table, and the tables of all other measures of the pathway."""
        drawn = trend_measure(self.view)
        if drawn is None:
            return Html("<p>This release holds one period only: no trend can be shown.</p>")
        parts = [self._picture("trend")]
        measures = [drawn, *(other for other in self.view.pathway if other is not drawn)]
        parts += [
            tables.details(f"{measure.title}: every period", tables.trend_table(self.view, measure))
            for measure in measures
        ]
        return Html("".join(parts))

    def accounting(self) -> Html:
        """How rows became numbers."""
        said = f"<p>{escape_html(facts.accounting_sentence(self.view))}</p>"
        return Html(said + facts.accounting_table(self.view) + facts.attrition_table(self.view))

    def findings(self) -> Html:
        """What the run found wrong with the data."""
        return Html(facts.findings_list(self.view))

    def rules(self) -> Html:
        """Disclosure control."""
        return Html(facts.rules_list(self.view))

    def definitions(self) -> Html:
        """What each measure counts."""
        return Html(facts.definitions_table(self.view))

    def glossary(self) -> Html:
        """The words of the report."""
        return Html(facts.glossary_list())

    def provenance(self) -> Html:
        """What the release was made from."""
        return Html(facts.provenance_list(self.view))

    def _forest(self, measures: Sequence[Measure], about: str) -> str:
        view = self.view
        against = children(view.reference)
        period = facts.period_words(view, measures)
        caption = f"{about}: rates and ratios by ethnic group, {period}, compared with {against}"
        return tables.forest_table(view, measures, caption) if measures else "<p>Not in this release [x].</p>"

    def _detailed(self, measures: Sequence[Measure]) -> str:
        view = self.view
        if view.level == "detailed" or not view.groups("detailed"):
            return ""
        compared = [measure for measure in measures if view.rows(measure, "rri", level="detailed")]
        if not compared:
            return ""
        references = {row["reference"] for measure in compared for row in view.rows(measure, "rri", level="detailed")}
        preferred = [name for name in (view.reference, "White British", *sorted(references)) if name in references]
        period = facts.period_words(view, compared)
        against = children(preferred[0])
        caption = f"{_named(compared)}: detailed ethnic groups, {period}, compared with {against}"
        made = tables.forest_table(view, compared, caption, fold=True, level="detailed", reference=preferred[0])
        return tables.details("Detailed ethnic groups", made)

    def _limits(self, measures: Sequence[Measure]) -> str:
        items = "".join(f"<li>{escape_html(line)}</li>" for line in limits(measures))
        return f"<p><strong>What this does not show</strong></p><ul>{items}</ul>"

    @cached_property
    def _drawn(self) -> dict[str, bytes]:
        return charts_for(self.view.results, self.view.manifest)

    def _picture(self, name: str) -> str:
        """A chart inside the page: text stays text, and the page asks for nothing."""
        held = self._folder / "charts" / f"{name}.svg" if self._folder else None
        content = held.read_bytes() if held is not None and held.is_file() else self._drawn.get(f"{name}.svg", b"")
        return f'<div class="yjd-chart">{content.decode("utf-8")}</div>' if content else ""


def _named(measures: Sequence[Measure]) -> str:
    """What a table is about: no two tables of a page may have the same name, for those who go from one to the next."""
    first, others = measures[0].title, len(measures) - 1
    return first if not others else f"{first} and {others} other measure{'' if others == 1 else 's'}"


def limits(measures: Sequence[Measure]) -> list[str]:
    """What measures of these kinds cannot show, from their definitions."""
    found = ["Why rates differ. " + CAUTION]
    if any(measure.denominator == "population" for measure in measures):
        found.append("Children who live elsewhere but were counted here; the number of residents is an estimate.")
    if any(measure.kind == "proportion" for measure in measures):
        found.append(
            "What happened before this stage: children who reach it may differ because of earlier decisions about them."
        )
    found.append("Differences that offence, age or previous outcomes would account for: nothing here is adjusted.")
    return found
