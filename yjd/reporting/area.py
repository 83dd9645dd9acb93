"""The brief of one area: its own rates and ratios beside the region's, and what small numbers allow to be said."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from yjd.errors import RenderingError
from yjd.reporting import area_rows, facts, funnel, sentences
from yjd.reporting.report import Report, open_report, points_list
from yjd.reporting.tables import Html
from yjd.reporting.view import View
from yjd.reporting.words import CAUTION, children, escape_html, escape_markdown, plain

AREA_VARIABLE = "YJD_AREA"
NO_AREAS = (
    "This release is not split by area, so there is no brief of an area. Add the split `area` to the configuration "
    "and make the release again."
)
_LIKELY = (
    "The likely rate draws the rate of a small area towards that of all areas: the better guess of what lies behind "
    "few events. An area outside the limits of chance differs by more than its size explains; nothing says why."
)
_QUESTIONS = 3


def open_area(release: str | Path | None = None, area: str | None = None) -> AreaReport:
    """The brief of one area of a release.

    Parameters
    ----------
    release : path, optional
        As for `yjd.reporting.report.open_report`.
    area : str, optional
        The area; by default the one that the environment variable `YJD_AREA` names, or else the first.

    Raises
    ------
    RenderingError
        The release has areas, and not this one.
    """
    report = open_report(release)
    wanted = str(area or os.environ.get(AREA_VARIABLE, ""))
    return AreaReport(report, wanted)


class AreaReport:
    """Blocks of HTML for the brief of one area.

    Parameters
    ----------
    report : Report
        On the whole release.
    area : str
        One of its areas; the first where it is empty.
    """

    def __init__(self, report: Report, area: str = "") -> None:
        self.region = report.view
        self._report = report
        areas = self.region.areas
        if area and areas and area not in areas:
            raise RenderingError(
                "The release holds no such area.", f"Choose from: {', '.join(plain(name) for name in areas)}."
            )
        self.name = plain(area or (areas[0] if areas else "No area"))
        self.view: View | None = self.region.at(area or areas[0]) if areas else None

    @property
    def title(self) -> str:
        """The area's name, for inline code."""
        return escape_markdown(self.name)

    @property
    def reference(self) -> str:
        """The comparison group in words, for inline code."""
        return self._report.reference

    def banner(self) -> Html:
        """Whose report this is and in what state."""
        return self._report.banner()

    def main_points(self) -> Html:
        """Five to seven generated statements on the area, and what a difference is not."""
        if self.view is None:
            return Html(f"<p>{escape_html(NO_AREAS)}</p>")
        return Html(points_list(area_rows.area_points(self.view)) + f"<p><strong>{escape_html(CAUTION)}</strong></p>")

    def overview(self) -> Html:
        """The chart of the area's ratios, with the region's beside them."""
        if self.view is None:
            return Html("")
        view = self.view
        said = f"<p>{escape_html(blank)}</p>" if (blank := area_rows.blank_statement(view)) else ""
        if not area_rows.told_measures(view):
            return Html(said)
        title, alt = area_rows.area_headline(view), area_rows.area_alt(view)
        return Html(self._report.drawing("area-forest", partial(area_rows.area_chart, view), title, alt) + said)

    def know(self) -> Html:
        """What to know of this area: comparison, small numbers, unknown ethnicity."""
        view = self.view
        if view is None:
            return Html("")
        said = [
            f"Numbers of {self.name} stand beside those of all areas together, the region.",
            f"Every group is compared with {children(view.reference)} of the same place.",
            sentences.periods_statement(view.region, view.pathway),
            area_rows.unknown_here(view),
            _LIKELY,
        ]
        return Html(f"<ul>{''.join(f'<li>{escape_html(line)}</li>' for line in said if line)}</ul>")

    def stages(self) -> Html:
        """Every measure of the overview in this area: what stands out, and one table with the region beside it."""
        if self.view is None:
            return Html("")
        view = self.view
        lines = [
            line for measure in view.pathway for line in area_rows.stage_statements(view, measure)
        ] + area_rows.inside_statement(view)
        said = "".join(f"<li>{escape_html(line)}</li>" for line in lines)
        return Html(f"{f'<ul>{said}</ul>' if said else ''}{area_rows.area_table(view, view.pathway)}")

    def funnel(self) -> Html:
        """Where this area lies among all, on the measure where that can be told and stands out most."""
        view = self.view
        measure = area_rows.funnel_measure(view) if view is not None else None
        if view is None or measure is None:
            return Html("<p>No measure can be compared from area to area: too many numbers are hidden [c].</p>")
        groups = area_rows.funnel_groups(view, measure)
        drawn = self._report.drawing(
            "area-funnel",
            partial(funnel.funnel_chart, self.region, measure, named=view.area, groups=groups),
            funnel.funnel_headline(self.region, measure, named=view.area, groups=groups),
            funnel.funnel_alt(self.region, measure, named=view.area, groups=groups),
        )
        return Html(drawn + funnel.funnel_table(self.region, measure, groups))

    def limits(self) -> Html:
        """What the brief does not show."""
        if self.view is None:
            return Html("")
        said = [
            f"Why rates differ, or which decisions in {self.name} lie behind a number.",
            "Children who live elsewhere but were counted here; the number of residents is an estimate.",
            "What offence, age or previous outcomes would account for: nothing in this brief is adjusted.",
            "Detailed ethnic groups: their numbers in one area are too small. The report on all areas has them.",
        ]
        return Html(f"<ul>{''.join(f'<li>{escape_html(line)}</li>' for line in said)}</ul>")

    def questions(self) -> Html:
        """Questions that the rows of this area raise."""
        if self.view is None:
            return Html("")
        from yjd.reporting.questions import questions

        return Html(
            f"<ul>{''.join(f'<li>{escape_html(line)}</li>' for line in questions(self.view)[:_QUESTIONS])}</ul>"
        )

    def rules(self) -> Html:
        """Disclosure control."""
        return Html(facts.rules_list(self.region))
