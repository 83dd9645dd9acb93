"""Questions for the room that the rows of a release raise: each asks, and none answers."""

from __future__ import annotations

from yjd.reporting import pathway
from yjd.reporting.missing import explained
from yjd.reporting.view import View
from yjd.reporting.words import and_list, capital, children, lower_first

_MOST = 6
_DECISIONS = "Which decisions come before these, who makes them, and what do children and families say about them?"


def questions(view: View) -> list[str]:
    """At most six: on clear adverse differences, where they arise, missing ethnicity and hidden numbers."""
    asked = _of_differences(view) + _of_pathway(view) + _of_missing(view) + _of_hidden(view)
    return asked[:_MOST] or ["What would have to be recorded, by whom, for a comparison between groups to be possible?"]


def _of_differences(view: View) -> list[str]:
    found = []
    for measure in view.pathway:
        groups = [item.group for item in view.compare(measure) if item.verdict.side == "adverse"]
        found += [f"{view.title_of(measure)} ({and_list(groups)})"] if groups else []
    if not found:
        return []
    return [f"Clearly less favourable than to {children(view.reference)}: {and_list(found)}. {_DECISIONS}"]


def _of_pathway(view: View) -> list[str]:
    for name in pathway.pathways(view):
        way = pathway.furthest(view, name)
        if way is None:
            continue
        outcome = pathway.verdict_of(way.whole).outcome
        clear = [step for step in way.steps if pathway.verdict_of(step.factor).outcome == outcome]
        if clear:
            at = and_list(lower_first(step.title) for step in clear)
            start = f"For {children(way.group)} the numbers grow apart at {at}."
            return [f"{start} What would be seen there if cases were read one by one, and who could do that?"]
    return []


def _of_missing(view: View) -> list[str]:
    could = [measure for measure in view.pathway if any(entry.could for entry in explained(view, measure))]
    if not could:
        return []
    names = and_list(f'"{measure.title}"' for measure in could)
    return [f"Missing ethnicity alone could explain a difference in {names}. Who can have it recorded, and by when?"]


def _of_hidden(view: View) -> list[str]:
    hidden = {
        item.group for m in view.pathway for item in view.compare(m) if item.verdict.outcome == "hidden"
    }  # fmt: skip
    if not hidden:
        return []
    names = and_list(children(group) for group in view.groups() if group in hidden)
    return [f"{capital(names)}: some numbers are too small to show. What else would tell how these children fare?"]
