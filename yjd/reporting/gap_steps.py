"""What the gaps keep anyone from knowing, and the steps toward one way of recording ethnicity."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yjd.reporting import gap_data
from yjd.reporting.gap_agreement import agreement
from yjd.reporting.tables import Html, table, text
from yjd.reporting.view import View
from yjd.reporting.words import and_list, capital, counted, percent_text

if TYPE_CHECKING:
    from yjd.measures import Measure

WELL_RECORDED = 5  # of every 100 at most without known ethnicity: a step taken

_HELD, _PART, _NOT, _UNTOLD = "Taken", "Taken in part", "Not taken", "Cannot be told"


# --- what cannot be known -----------------------------------------------------------------------------------


def missing_measures(view: View) -> list[tuple[Measure, list[str]]]:
    """The measures of the package that this release lacks, each with its stages that no released measure has."""
    from yjd.measures import measures, stages

    held = {measure.id for measure in view.measures}
    fed = {stage for measure in view.measures for stage in (measure.numerator, measure.denominator)}
    titles = stages()
    return [
        (measure, [titles[name].title for name in (measure.numerator, measure.denominator) if name not in fed])
        for measure in measures().values()
        if measure.id not in held
    ]


def not_measured_sentence(view: View) -> str:
    """How many measures this release lacks."""
    lacking = missing_measures(view)
    if not lacking:
        return "Every measure of the pathway could be computed for some group, area or period."
    names = and_list(f'"{measure.title}"' for measure, _ in lacking[:4])
    more = f" and {counted(len(lacking) - 4, 'other measure')}" if len(lacking) > 4 else ""
    return f"Nobody can know {names}{more} from this release: the data were not supplied, or the measure was left out."


def prevented(view: View) -> Html:
    """Each gap beside what it keeps anyone from knowing: made from the measures and what feeds them."""
    rows = [
        (gap, unknown)
        for make in (_absent, _nameless, _unknown, _coarse, _recent, _areas)
        for gap, unknown in make(view)
    ]
    if not rows:
        return Html("<p>No gap was found that keeps a measure of this release from being known.</p>")
    written = [[text(gap), text(unknown)] for gap, unknown in rows]
    return Html(table("What each gap keeps anyone from knowing", ("Gap", "What nobody can know"), [("", written)]))


def _absent(view: View) -> list[tuple[str, str]]:
    """Stages that nothing feeds, and the measures that need them; then those that were left out though it does."""
    from yjd.measures import stages

    registry, supplied = stages(), {str(entry["table"]) for entry in gap_data.extracts(view)}
    fed = {one.title for one in registry.values() if supplied and set(one.reads) <= supplied}
    by_gap: dict[str, list[str]] = {}
    for measure, lacking in missing_measures(view):
        unfed = [title for title in lacking if title not in fed]
        gap = (
            f"{and_list(unfed)}: no records or counts"
            if unfed
            else ("Left out of this release: not asked for, or children are counted and records do not say which child")
        )
        by_gap.setdefault(gap, []).append(measure.title)
    return [(gap, f"{and_list(titles)}.") for gap, titles in by_gap.items()]


def _nameless(view: View) -> list[tuple[str, str]]:
    found = []
    for entry in gap_data.extracts(view):
        if entry["counts"] or entry["identifier"]:
            continue
        found.append(
            (
                f"{entry['extract']}: records do not say which child they are about",
                (
                    "How many children there were, how often the same child comes again, what happened to a child "
                    "next, and whether one child is recorded under different groups."
                ),
            )
        )
    return found


def _unknown(view: View) -> list[tuple[str, str]]:
    """Measures in which the unknown children alone could explain a clear difference."""
    open_to_doubt, checked = [], 0
    for measure in view.measures:
        bounds = {item.group: item.verdict for item in view.compare(measure, quantity="rri_bounds")}
        clear = [
            item.group for item in view.compare(measure) if item.verdict.is_clear and bounds[item.group].has_numbers
        ]
        checked += len(clear)
        groups = [group for group in clear if not bounds[group].is_clear]
        if groups:
            open_to_doubt.append(f"{measure.title} ({and_list(groups)})")
    if not open_to_doubt:
        return []
    return [
        (
            "Children of unknown ethnicity",
            f"Whether groups differ at all in {and_list(open_to_doubt)}: the missing data alone could explain it.",
        )
    ]


def _coarse(view: View) -> list[tuple[str, str]]:
    """Detailed groups that the labels of a stage's source cannot express."""
    from yjd.measures import stages

    registry, schemes = stages(), gap_data.quality(view).get("schemes", {})
    detailed = [str(g) for g in view.manifest.get("groups", {}).get("detailed", ()) if g in _all_groups(schemes)]
    found = []
    for entry in gap_data.extracts(view):
        can = schemes.get(entry["self_scheme"], {}).get("detailed", [])
        lost = [group for group in detailed if group not in can]
        if entry["counts"] or not lost:
            continue
        titles = [
            m.title for m in view.measures if m.numerator in registry and entry["table"] in registry[m.numerator].reads
        ]
        if titles:
            what = "any detailed group" if not can else and_list(lost)
            found.append(
                (
                    f"{entry['extract']}: its labels cannot express {what}",
                    f"Anything about {what} in {_few(titles)}.",
                )
            )
    return found


def _all_groups(schemes: dict[str, dict[str, list[str]]]) -> set[str]:
    return {group for can in schemes.values() for group in can["detailed"]}


def _few(titles: Sequence[str]) -> str:
    return and_list([*titles[:3], f"{len(titles) - 3} other measures"] if len(titles) > 4 else titles)


def _recent(view: View) -> list[tuple[str, str]]:
    late = [m.title for m in view.measures if view.period_of(m) != view.period]
    if not late:
        return []
    return [
        (
            f"{view.period_label()}: follow-up not over, or not covered",
            f"{and_list(late)} in that period; an earlier one is shown.",
        )
    ]


def _areas(view: View) -> list[tuple[str, str]]:
    """Comparisons between groups by area that are hidden."""
    total = hidden = 0
    for area in view.areas:
        looked = view.at(area)
        for measure in view.pathway:
            for item in looked.compare(measure):
                total += 1
                hidden += item.verdict.outcome == "hidden"
    if not hidden:
        return []
    return [
        (
            "Small numbers by area",
            (
                f"Whether groups differ within one area, for {hidden} of {total} comparisons of the overview: hidden "
                "so that no child can be identified [c]."
            ),
        )
    ]


# --- toward one standard ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One step toward a regional standard: what, who asks for it, and where this release says it stands."""

    what: str
    source: str
    judge: Callable[[View], tuple[str, str]]


def steps(view: View) -> Html:
    """Every step with its source, its state by a stated rule, and the evidence for that."""
    rows = []
    for number, step in enumerate(STEPS, start=1):
        state, evidence = step.judge(view)
        rows.append([text(f"{number}. {step.what}"), text(state), text(evidence), text(step.source)])
    columns = ("Step", "Where it stands", "What this release shows", "Who asks for it")
    return Html(table("Steps toward a regional ethnicity data standard", columns, [("", rows)]))


def _one_scheme(view: View) -> tuple[str, str]:
    named = [entry["self_scheme"] for entry in gap_data.extracts(view) if entry["self_scheme"]]
    if not named:
        return _UNTOLD, "No extract says which labels it uses [x]."
    used = sorted({gap_data.scheme_words(name) for name in named})
    state = _HELD if len(set(named)) == 1 else _NOT
    return state, f"{counted(len(set(named)), 'set')} of labels in use: {and_list(used)}."


def _all_groups_told(view: View) -> tuple[str, str]:
    schemes = gap_data.quality(view).get("schemes", {})
    records = [entry for entry in gap_data.extracts(view) if not entry["counts"]]
    if not records:
        return _UNTOLD, "No extract of records [x]."
    wanted = [g for g in view.manifest.get("groups", {}).get("detailed", ()) if not g.endswith("(no detail)")]
    wanted = [group for group in wanted if group != "Unknown"]
    can = [set(schemes.get(entry["self_scheme"], {}).get("detailed", ())) >= set(wanted) for entry in records]
    return _state(
        sum(can), len(can)
    ), f"{sum(can)} of {counted(len(can), 'extract')} can express all {len(wanted)} groups."


def _self_defined(view: View) -> tuple[str, str]:
    records = [entry for entry in gap_data.extracts(view) if not entry["counts"]]
    if not records:
        return _UNTOLD, "No extract of records [x]."
    asked = sum(bool(entry["self_scheme"]) for entry in records)
    return _state(asked, len(records)), f"{asked} of {counted(len(records), 'extract')} record what the child says."


def _complete(view: View) -> tuple[str, str]:
    measures = gap_data.stages(view)
    found = [gap_data.not_known(view, measure) for measure in measures]
    told = [one for one in found if one.told]
    if not told:
        return _UNTOLD, "Hidden [c] or not available [x] at every stage."
    well = sum(one.percent <= WELL_RECORDED for one in told)
    untold = len(found) - len(told)
    rest = f"; {untold} cannot be shown" if untold else ""
    return (
        _state(well, len(told)) if not untold or well < len(told) else _PART,
        (
            f"At {well} of {counted(len(told), 'stage')} that can be shown, at most {WELL_RECORDED} of every 100 have "
            f"no known ethnicity{rest}."
        ),
    )


def _why_missing(view: View) -> tuple[str, str]:
    found = gap_data.slices(view, "all")
    told = [one for one in found if "blank" in one.percent]
    if not told:
        return _UNTOLD, "Hidden [c] or not available [x] for every source."
    clean = [one for one in told if one.percent["blank"][0] == 0 and one.percent["unmapped"][0] == 0]
    worst = max(told, key=lambda one: one.percent["blank"][0])
    return (
        _state(len(clean), len(told)),
        (
            f"{len(clean)} of {counted(len(told), 'source')} that can be shown leave few or none blank or under a "
            f"label that nobody knows. Most blank: {worst.source}, {worst.words('blank')} of every 100."
        ),
    )


def _agree(view: View) -> tuple[str, str]:
    found = [agreement(entry) for entry in gap_data.quality(view).get("agreement", ())]
    told = [one for one in found if math.isfinite(one.share)]
    if not told:
        return _UNTOLD, "No extract holds both for enough children, or it is hidden."
    said = and_list(f"{one.extract}: {percent_text(one.share)} of every 100" for one in told)
    return "Counted", f"Child and officer name the same heading in {said}."


def _identified(view: View) -> tuple[str, str]:
    records = [entry for entry in gap_data.extracts(view) if not entry["counts"]]
    if not records:
        return _UNTOLD, "No extract of records [x]."
    named = sum(bool(entry["identifier"]) for entry in records)
    return _state(
        named, len(records)
    ), f"{named} of {counted(len(records), 'extract')} say which child a record is about."


def _published(view: View) -> tuple[str, str]:
    told = sum(not _blank(view, measure) for measure in view.measures)
    return (
        _state(told, len(view.measures)),
        f"{told} of {counted(len(view.measures), 'measure')} can be shown for at least one group.",
    )


def _blank(view: View, measure: object) -> bool:
    return not any(item.verdict.has_numbers for item in view.compare(measure))  # type: ignore[arg-type]


def _state(done: int, of: int) -> str:
    if of == 0:
        return _UNTOLD
    return _HELD if done == of else _PART if done else _NOT


_LAMMY_1 = "Lammy Review 2017, recommendation 1: one approach to recording ethnicity"
STEPS = (
    Step("Ask the child, and record what the child says", _LAMMY_1, _self_defined),
    Step("Use one set of labels in every agency", _LAMMY_1 + "; Race Forward: a West Midlands ethnicity data standard",
         _one_scheme),
    Step("Use labels that tell every group of the census apart, Roma among them",
         "Race Forward: consistent, granular and intersectional data; HM Inspectorate of Probation 2021: publish by "
         "separate ethnic group", _all_groups_told),
    Step(f"Record ethnicity for at least {100 - WELL_RECORDED} of every 100 at every stage",
         "HM Inspectorate of Constabulary 2023: fix missing data; Justice Committee 2020: accurate out-of-court data",
         _complete),
    Step("Say why it is missing: not stated and refused apart, and no blanks", _LAMMY_1, _why_missing),
    Step("Count how often officers' views and children's own answers agree", _LAMMY_1, _agree),
    Step("Share one pseudonymous identifier of the child between agencies",
         "Race Forward: improve data sharing", _identified),
    Step("Publish by group at every stage, and repeat it",
         "Lammy Review 2017, recommendations 2 and 3; HM Inspectorate of Constabulary 2023", _published),
)  # fmt: skip


def next_steps_sentence(view: View) -> str:
    """How many steps are taken, and the first that is not."""
    judged = [(step, step.judge(view)[0]) for step in STEPS]
    taken = sum(state in (_HELD, "Counted") for _, state in judged)
    first = next((step for step, state in judged if state in (_NOT, _PART)), None)
    said = f"{taken} of {len(judged)} steps are taken."
    return f"{said} The first that is not: {capital(first.what)}." if first else said
