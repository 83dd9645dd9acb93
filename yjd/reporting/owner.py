"""The page of one owner of recommendations: what they answer for, how far it has come, and what is asked of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from yjd.errors import RenderingError
from yjd.progress.overview import Progress
from yjd.progress.verdicts import VERDICTS
from yjd.reporting import progress_page as pages
from yjd.reporting.report import Report, open_report
from yjd.reporting.tables import Html
from yjd.reporting.words import CAUTION, counted, escape_html, plain

OWNER_VARIABLE = "YJD_OWNER"


def owners(register: Mapping[str, Any]) -> list[str]:
    """The owners of a register as release.json holds it, in its order."""
    return list(dict.fromkeys(str(one["owner"]) for one in register["recommendations"]))


def open_owner(release: str | Path | None = None, owner: str | None = None) -> OwnerReport:
    """The page of one owner.

    Parameters
    ----------
    release : path, optional
        As for `yjd.reporting.report.open_report`.
    owner : str, optional
        By default the one that the environment variable `YJD_OWNER` names, or else the first.

    Raises
    ------
    RenderingError
        The register of the release has owners, and not this one.
    """
    return OwnerReport(open_report(release), str(owner or os.environ.get(OWNER_VARIABLE, "")))


class OwnerReport:
    """Blocks of HTML for the page of one owner.

    Parameters
    ----------
    report : Report
        On the release.
    owner : str
        One of the register's owners; the first where it is empty.
    """

    def __init__(self, report: Report, owner: str = "") -> None:
        self.view, self._report = report.view, report
        whole = pages.found_in(report.view)
        named = owners(whole.register.as_json()) if whole else []
        if owner and named and owner not in named:
            raise RenderingError(
                "The register of the release has no such owner.", f"Choose from: {', '.join(map(plain, named))}."
            )
        self._owner = owner or next(iter(named), "")
        self.found = of_owner(whole, self._owner) if whole else None

    def banner(self) -> Html:
        """Whose report this is and in what state."""
        return self._report.banner()

    def main_points(self) -> Html:
        """What the owner answers for, with how many of each verdict, and what may be claimed."""
        found = self.found
        if found is None:
            return pages.NOTHING
        counts = found.counts()
        listed = "; ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts.get(verdict))
        unanswered = int((found.answers["state"] == "unanswered").sum())
        said = [
            f"Of {counted(len(found.recommendations), 'recommendation')}: {listed}.",
            *(
                f"{verdict.capitalize()}: {one.recommendation.gist} {one.reasons[0]}"
                for verdict in ("worsening", "met", "improving")
                for one in found.recommendations
                if one.verdict == verdict
            ),
            "Rate and ratio are judged together: a better ratio with a worse rate of the group is not progress.",
            f"{counted(len(found.answers), 'ratio')} of the measures that track them on the adverse side; unanswered: "
            f"{unanswered}." if len(found.answers) else "",
        ]  # fmt: skip
        return Html(f"{pages.points(said).text}<p><strong>{escape_html(CAUTION)}</strong></p>")

    def asked(self) -> Html:
        """What the record still lacks: answers, evidence of process, what is to be confirmed."""
        found = self.found
        if found is None:
            return pages.NOTHING
        unanswered = int((found.answers["state"] == "unanswered").sum())
        entries = [one.recommendation for one in found.recommendations]
        asked = [
            f"An explanation or an action for {counted(unanswered, 'ratio')} below that stand{'s' * (unanswered == 1)} "
            "out without an answer." if unanswered else "",
            *(f"Evidence of what was done: {one.gist}" for one in entries if not one.tracks and not one.evidence),
            *(f"To be confirmed: {one.unsure} ({one.gist})" for one in entries if one.unsure),
        ]  # fmt: skip
        items = "".join(f"<li>{escape_html(line)}</li>" for line in asked if line)
        return Html(f"<ul>{items}</ul>" if items else "<p>Nothing: the record is complete.</p>")

    def comparability(self) -> Html:
        """What changed since the earlier run besides the children."""
        return pages.comparability(self.found)

    def recommendations(self) -> Html:
        """Each recommendation with its verdict, reasons, chart and comparisons."""
        return pages.recommendations(self.found, self.view)

    def answers(self) -> Html:
        """Ratios of the measures that track them that stand out, and what is on record."""
        return pages.answers(self.found, self.view)

    def where(self) -> Html:
        """Where more work is needed, on the measures that track them."""
        return pages.where(self.found, self.view)

    def timeline(self) -> Html:
        """What was recommended to the owner, done and aimed at."""
        return pages.timeline(self.found, owner=self._owner)


def of_owner(found: Progress, owner: str) -> Progress:
    """The part of a register that one owner answers for, with what is said of the measures that track it."""
    own = tuple(one for one in found.recommendations if one.recommendation.owner == owner)
    entries = tuple(one.recommendation for one in own)
    tracked = {track.measure for entry in entries for track in entry.tracks}
    theirs = {str(place) for place, answer in enumerate(found.register.answers) if answer.owner == owner}
    answered = found.answers["answers"].map(lambda places: bool(theirs & set(places.split()))).astype(bool)
    return replace(
        found,
        register=found.register.model_copy(update={"recommendations": entries}),
        recommendations=own,
        comparisons=found.comparisons[found.comparisons["recommendation"].isin([entry.id for entry in entries])],
        answers=found.answers[answered | found.answers["measure"].isin(tracked)],
        priorities=found.priorities[found.priorities["measure"].isin(tracked)],
    )
