"""What a document asks for: each method gives one block of a page, made from a release and nothing else."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yjd.errors import RenderingError
from yjd.reporting import (
    adjusted,
    facts,
    funnel,
    headlines,
    limits,
    missing,
    pathway,
    questions,
    sentences,
    tables,
    trends,
)
from yjd.reporting.chart_trend import trend_chart
from yjd.reporting.charts import chart_svg, forest_chart
from yjd.reporting.classify import classify
from yjd.reporting.svg import chart_style, svg_bytes
from yjd.reporting.tables import Html
from yjd.reporting.view import View
from yjd.reporting.words import CAUTION, Measure, children, escape_html, escape_markdown, lower_first
from yjd.signoff import CHECKSUMS, Signature

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

RELEASE_VARIABLE = "YJD_RELEASE"

_ABOUT = 90  # characters: what stands out of a point, not the point itself
_NOT_ADJUSTED = "<p>No adjusted comparison of these measures is in this release [x].</p>"
_ABSENT = "<p>Not in this release [x]: no data were supplied for it.</p>"


def open_report(release: str | Path | None = None) -> Report:
    """The report on a release; a release that was read before is not read again.

    Parameters
    ----------
    release : path, optional
        The folder of a release; by default the one that the environment variable `YJD_RELEASE` names.
    """
    place = str(release or os.environ.get(RELEASE_VARIABLE, ""))
    if not place:
        raise RenderingError(
            "No release to report on was named.",
            f"Set the parameter `release` or the variable {RELEASE_VARIABLE}.",
        )
    from yjd.release import verify

    folder = Path(place).resolve()
    signatures = verify(folder)
    return _opened(folder, (folder / CHECKSUMS).read_bytes(), signatures)


@lru_cache(maxsize=2)
def _opened(folder: Path, _sums: bytes, _signatures: tuple[Signature, ...]) -> Report:
    from yjd.release import read_release

    found = read_release(folder)
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
        """Five to seven generated statements, and what a difference is not."""
        return Html(points_list(sentences.main_points(self.view)) + f"<p><strong>{escape_html(CAUTION)}</strong></p>")

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
            facts.breaks_sentence(view),
            CAUTION,
        ]
        return Html(f"<ul>{''.join(f'<li>{escape_html(line)}</li>' for line in said if line)}</ul>")

    def unknown(self) -> Html:
        """Unknown ethnicity: the chart with its table."""
        inner = tables.details("Unknown ethnicity at every stage: the numbers", facts.unknown_table(self.view))
        return Html(f"{self._held('unknown')}{inner}")

    def missing(self) -> Html:
        """What the missing ethnicity could explain: the sentences, and four ways to treat it side by side."""
        made = missing.missing_table(self.view, self.view.pathway)
        said = "".join(
            f"<li>{escape_html(line)}</li>" for line in missing.missing_statements(self.view, self.view.pathway)
        )
        note = f'<p class="yjd-note">{escape_html(missing.NOTE)}</p>'
        inner = (
            tables.details("Every comparison under four ways to treat unknown ethnicity", made + note) if made else ""
        )
        return Html(f"<ul>{said}</ul>{inner}")

    def ethnicity_rule(self) -> Html:
        """Which recorded ethnicity counts, and how often one child's records disagree."""
        return Html(f"<p>{escape_html(facts.ethnicity_sentence(self.view))}</p>")

    def overview(self) -> Html:
        """Every measure of the overview against every group: the matrix, and the forest chart of the same rows."""
        matrix = tables.matrix_table(self.view, self.view.pathway)
        return Html(matrix + tables.details("The same ratios as a chart", self._held("forest")))

    def pathway(self) -> Html:
        """Where along each pathway a difference arises: the sentences, a chart and its table."""
        view = self.view
        parts: list[str] = []
        for name in pathway.pathways(view):
            found = pathway.ways(view, name)
            said = "".join(f"<li>{escape_html(pathway.way_sentence(view, way))}</li>" for way in found)
            drawn = self.drawing(name, partial(pathway.pathway_chart, view, name),
                                  pathway.pathway_headline(view, name), pathway.pathway_alt(view, name))  # fmt: skip
            last = lower_first(view.stage_title(name.removeprefix(pathway.PREFIX)))
            made = tables.details(
                f"From {pathway.base_words(view, name)} to {last}: the numbers", pathway.pathway_table(view, name)
            )
            block = f"<ul>{said}</ul>{drawn}{made}"
            parts.append(tables.details(f"The pathway to {last}", block) if parts else block)
        return Html("".join(parts) or "<p>No pathway can be followed in this release [x].</p>")

    def family(self, name: str) -> Html:
        """One family of measures: statements, the table of its first measure, the chart of all."""
        shown = self._measures(name)
        if not shown:
            return Html(_ABSENT)
        view, lead = self.view, self._lead(shown)
        lines = [sentences.measure_statement(view, items) for items in [view.compare(lead)] if items]
        lines += [sentences.brief_statement(view, items) for m in shown if m is not lead and (items := view.compare(m))]
        said = "".join(f"<li>{escape_html(line)}</li>" for line in lines)
        events = sentences.events_statement(shown, view.by_child)
        noted = f"<p>{escape_html(events)}</p>" if events else ""
        drawn = self.drawing(f"forest-{name}", partial(forest_chart, view, shown),
                              headlines.forest_headline(view, shown), headlines.forest_alt(view, shown))  # fmt: skip
        return Html(f"<ul>{said}</ul>{self._forest([lead], lead.title)}{noted}{drawn}")

    def more(self, name: str) -> Html:
        """What stands behind a family, folded: areas, other measures, other ladders, detailed ethnic groups."""
        shown = self._measures(name)
        if not shown:
            return Html("<p>Not in this release [x].</p>")
        rest = [measure for measure in shown if measure is not self._lead(shown)]
        parts = [self._funnel(self._lead(shown))]
        parts += [tables.details(f"{_named(rest)}: the numbers", self._forest(rest, _named(rest)))] if rest else []
        parts += [
            tables.details(f"{ladder.measure.title}, adjusted", self._ladder(ladder))
            for ladder in self._ladders(name)[1:]
        ]
        return Html("".join([*parts, self._detailed(shown)]))

    def trend(self, name: str) -> Html:
        """Whether the first measure of a family changes: the tests in words, the chart, every number folded."""
        shown = self._measures(name)
        if not shown:
            return Html(_ABSENT)
        view, lead = self.view, self._lead(shown)
        periods = [period for period in view.series if view.rows(lead, "rri", period=period)]
        if len(periods) < 2:
            return Html("<p>This release holds one period only: no trend can be shown.</p>")
        lines = trends.trend_statements(view, lead)
        said = "".join(f"<li>{escape_html(line)}</li>" for line in lines)
        drawn = self.drawing(f"trend-{lead.id}", partial(trend_chart, view, lead),
                              headlines.trend_headline(view, lead), headlines.trend_alt(view, lead))  # fmt: skip
        changed = trends.change_table(view, lead)
        folded = tables.details(
            f"{lead.title}: every period, and how it changed", tables.trend_table(view, lead) + changed
        )
        return Html(f"{f'<ul>{said}</ul>' if said else ''}{drawn}{folded}")

    def ladder(self, name: str) -> Html:
        """Unadjusted and adjusted comparisons of a family's first model: in words, the chart, the table folded."""
        found = self._ladders(name)
        return Html(self._ladder(found[0]) if found else _NOT_ADJUSTED)

    def _ladders(self, name: str) -> list[adjusted.Ladder]:
        found = (adjusted.ladder_of(self.view, measure) for measure in self._measures(name))
        return [ladder for ladder in found if ladder is not None]

    def _ladder(self, ladder: adjusted.Ladder) -> str:
        view = self.view
        said = "".join(f"<li>{escape_html(line)}</li>" for line in adjusted.ladder_statements(view, ladder))
        title, alt = adjusted.ladder_headline(view, ladder), adjusted.ladder_alt(view, ladder)
        chart = partial(adjusted.ladder_chart, view, ladder)
        drawn = self.drawing(f"ladder-{ladder.measure.id}", chart, title, alt)
        steps = "".join(f"<li>{escape_html(line)}</li>" for line in adjusted.rungs_list(ladder))
        made = f"{adjusted.ladder_table(view, ladder)}<ul>{steps}</ul>"
        return f"<ul>{said}</ul>{drawn}{tables.details(f'{ladder.measure.title}: every rung', made)}"

    def areas(self, name: str) -> Html:
        """The areas beside one another on the first measure of a family, in words."""
        shown = self._measures(name)
        if not shown:
            return Html(_ABSENT)
        return Html(f"<p>{escape_html(funnel.funnel_statement(self.view, self._lead(shown)))}</p>")

    def _funnel(self, lead: Measure) -> str:
        view = self.view
        made = funnel.funnel_table(view, lead)
        if not made:
            return ""
        title, alt = funnel.funnel_headline(view, lead), funnel.funnel_alt(view, lead)
        drawn = self.drawing(f"funnel-{lead.id}", partial(funnel.funnel_chart, view, lead), title, alt)
        return tables.details(f"{lead.title} in each area", drawn + made)

    def limits(self, name: str) -> Html:
        """What a family does not show."""
        shown = self._measures(name)
        said = "".join(f"<li>{escape_html(line)}</li>" for line in limits.limits(shown))
        return Html(f"<ul>{said}</ul>" if shown else _ABSENT)

    def adjusting(self) -> Html:
        """What adjusting is and is not, once for all ladders."""
        return Html(f"<p>{escape_html(adjusted.LADDER_NOTE)}</p>")

    def questions(self) -> Html:
        """Questions that the clear differences of this release raise."""
        items = "".join(f"<li>{escape_html(line)}</li>" for line in questions.questions(self.view))
        return Html(f"<ul>{items}</ul>")

    def _measures(self, name: str) -> list[Measure]:
        found = [measure for measure in self.view.measures if measure.family == name]
        return [measure for measure in found if self.view.has(measure, "rri") or self.view.has(measure, "rate")]

    def _lead(self, measures: Sequence[Measure]) -> Measure:
        return headlines.lead_of(self.view, measures)

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
        return tables.details(f"{_named(measures)}: detailed ethnic groups", made)

    def _held(self, name: str) -> str:
        """A chart that the release holds, or that is drawn where it does not; empty where there is nothing to show."""
        held = self._folder / "charts" / f"{name}.svg" if self._folder else None
        return tables.picture(held.read_bytes() if held and held.is_file() else chart_svg(self.view, name))

    def drawing(self, name: str, draw: Callable[[], Figure | None], title: str, alt: str) -> str:
        """A chart of this page alone; empty where there is nothing to draw."""
        with chart_style():
            figure = draw()
            if figure is None:
                return ""
            safe = re.sub(r"[^A-Za-z0-9_-]", "-", name)
            return tables.picture(svg_bytes(figure, name=safe, title=title, description=alt))


def points_list(points: Sequence[str]) -> str:
    """Main points as a list; what each is about, before its first colon, stands out."""
    items = []
    for point in points:
        about, colon, rest = point.partition(": ")
        stands_out = bool(colon) and len(about) <= _ABOUT
        items.append(
            f"<li><strong>{escape_html(about)}:</strong> {escape_html(rest)}</li>"
            if stands_out
            else f"<li>{escape_html(point)}</li>"
        )
    return f'<ul class="yjd-points">{"".join(items)}</ul>'


def _named(measures: Sequence[Measure]) -> str:
    """What a table is about: no two tables of a page may have the same name, for those who go from one to the next."""
    first, others = measures[0].title, len(measures) - 1
    return first if not others else f"{first} and {others} other measure{'' if others == 1 else 's'}"
