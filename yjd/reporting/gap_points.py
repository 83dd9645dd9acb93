"""The main points of the document on data gaps: statements, each made from what the release holds."""

from __future__ import annotations

import math
from collections.abc import Sequence

from yjd.reporting import gap_data
from yjd.reporting.gap_agreement import agreement
from yjd.reporting.gap_data import percent_words
from yjd.reporting.tables import Html
from yjd.reporting.view import View
from yjd.reporting.words import and_list, counted, escape_html, percent_text


def main_points(view: View) -> Html:
    """Five to seven statements, each made from what the release holds."""
    from yjd.reporting import gap_steps

    points = [_who(view), _worst_stage(view), _areas_told(view), _detail_point(view), _agreement_point(view)]
    points.append(_mixed_point(view))
    if gap_steps.missing_measures(view):
        points.append(gap_steps.not_measured_sentence(view))
    points.append(
        "Children whose ethnicity is not known are in no group's numbers. They need not be like the others, "
        "so a gap can hide a difference as well as make one."
    )
    return Html(f'<ul class="yjd-points">{"".join(f"<li>{escape_html(said)}</li>" for said in points if said)}</ul>')


def _who(view: View) -> str:
    records = [entry for entry in gap_data.extracts(view) if not entry["counts"]]
    if not records:
        return "This release does not say how its extracts record ethnicity [x]."
    named = sum(bool(entry["identifier"]) for entry in records)
    both = sum(bool(entry["self_scheme"] and entry["officer_scheme"]) for entry in records)
    schemes = len({entry["self_scheme"] for entry in gap_data.extracts(view) if entry["self_scheme"]})
    return (
        f"{counted(len(records), 'extract')} of records {'feeds' if len(records) == 1 else 'feed'} this release, and "
        f"the extracts use {counted(schemes, 'different set')} of labels for self-defined ethnicity. "
        f"{named} of {len(records)} say which child a record is about; {both} of {len(records)} hold an officer's view "
        "as well."
    )


def _worst_stage(view: View) -> str:
    told = [found for measure in gap_data.stages(view) if (found := gap_data.not_known(view, measure)).told]
    if not told:
        return "How often ethnicity is not known is hidden [c] or not available [x] at every stage."
    most, least = max(told, key=lambda found: found.percent), min(told, key=lambda found: found.percent)
    return (
        f"Of the {counted(len(told), 'stage')} that can be shown, ethnicity is missing most often for "
        f"{view.stage_words(most.measure.numerator)} ({percent_text(most.percent / 100)} of every 100) and least often "
        f"for {view.stage_words(least.measure.numerator)} ({percent_text(least.percent / 100)} of every 100)."
    )


def _areas_told(view: View) -> str:
    """Where and when it is missing most, of the overview's stages, areas and single periods; how much is hidden."""
    overview = {measure.numerator for measure in view.pathway}
    cells = [
        gap_data.not_known(view, measure, area=area, period=period)
        for measure in gap_data.stages(view)
        if measure.numerator in overview
        for area in view.areas
        for period in view.series
    ]
    told = [found for found in cells if found.told]
    if not told:
        return "No share of missing ethnicity can be shown for a single area and period." if cells else ""
    most = max(told, key=lambda found: found.percent)
    return (
        f"In a single area and period it is at most {percent_text(most.percent / 100)} of every 100 "
        f"({view.stage_words(most.measure.numerator)}, {most.area}, {most.period}), of {len(told)} of {len(cells)} "
        "shares that can be shown; the others are hidden [c] or not available [x]."
    )


def _detail_point(view: View) -> str:
    schemes = {
        str(entry["self_scheme"]) for entry in gap_data.extracts(view) if entry["self_scheme"] and not entry["counts"]
    }
    lost = [
        group for group in gap_data.groups(view) if not any(gap_data.expresses(view, name, group) for name in schemes)
    ]
    some = [
        group
        for group in gap_data.groups(view)
        if group not in lost and not all(gap_data.expresses(view, name, group) for name in schemes)
    ]
    if not schemes:
        return ""
    said = []
    if lost:
        said.append(f"No extract of records can tell {and_list(lost)} children apart.")
    if some:
        said.append(f"Some extracts of records can tell {and_list(some)} children apart and others cannot.")
    return " ".join(said) or "Every extract of records can tell all groups apart."


def _agreement_point(view: View) -> str:
    found = [agreement(entry) for entry in gap_data.quality(view).get("agreement", ())]
    told = [one for one in found if math.isfinite(one.share)]
    if not told:
        return "Whether officers' views agree with what children say cannot be shown [c] or was not recorded [x]."
    parts = [f"{percent_text(one.share)} of every 100 in {one.extract}" for one in told]
    of = ", of the headings that officers' labels have" if _without_officer_label(view) else ""
    return f"Officer and child name the same heading for {and_list(parts)}{of}."


def _without_officer_label(view: View) -> list[tuple[str, dict[str, Sequence[int]]]]:
    """Headings that officers' labels lack, each with where officers put the children who name it."""
    return [
        (str(row["heading"]), {to: share for to, share in row["officer"].items() if share})
        for entry in gap_data.quality(view).get("agreement", ())
        for row in entry["rows"]
        if row["heading"] not in entry["comparable"]
    ]


def _mixed_point(view: View) -> str:
    found = next(((heading, spread) for heading, spread in _without_officer_label(view) if spread), None)
    if found is None:
        return ""
    heading, spread = found
    parts = [f"{percent_words(*share)} as {to}" for to, share in spread.items() if share[0] > 0]
    return (
        f"Officers' labels have no {heading}: of every 100 children who say {heading}, they recorded {and_list(parts)}."
    )


def standard_sentence(view: View) -> str:
    """How many steps toward one standard are taken, for inline code."""
    from yjd.reporting.gap_steps import next_steps_sentence
    from yjd.reporting.words import escape_markdown

    return escape_markdown(next_steps_sentence(view))
