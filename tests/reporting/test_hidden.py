"""A report of which much is hidden: every mark is explained beside its table, and no name is lost."""

from __future__ import annotations

import re

import pandas as pd

from tests.reporting.made_up import manifest, results, row
from yjd.reporting import tables
from yjd.reporting.area import AreaReport
from yjd.reporting.report import Report
from yjd.reporting.sentences import events_statement, measure_statement
from yjd.reporting.view import View
from yjd.reporting.words import SHORTHAND, Measure

DETAILED = ("African", "Caribbean", "Chinese", "Indian", "Pakistani")
BLOCK = re.compile(r"<table.*?</table></div>(<p class=\"yjd-note\">.*?</p>)?", flags=re.DOTALL)


def _detailed() -> View:
    """Detailed groups of which one can be shown, three are hidden and one was not supplied."""
    kinds = dict.fromkeys(DETAILED, "hidden") | {"African": "ok", "Pakistani": "not_available"}
    rows = [
        row(
            level="detailed",
            group=group,
            reference="White British",
            status=status,
            disclosure="hidden" if status == "hidden" else "shown",
            **({"estimate": 2.1, "lower": 1.9, "upper": 2.4, "numerator": 302.0} if status == "ok" else {}),
            **({"denominator": 9000.0} if status == "ok" else {}),
        )
        for group, status in kinds.items()
    ]
    groups = {"broad": manifest()["groups"]["broad"], "detailed": [*DETAILED, "White British", "Unknown"]}
    return View(pd.concat([results(), pd.DataFrame(rows)], ignore_index=True), manifest(groups=groups))


def test_every_mark_is_explained_right_below_its_table(
    complete: Report, page: dict[str, str], brief: AreaReport
) -> None:
    others = (complete.accounting(), complete.composition("precourt_share"), brief.stages(), brief.funnel())
    seen = set()
    for block in (*page.values(), *(other.text for other in others)):
        for found in BLOCK.finditer(block):
            table, note = found[0].removesuffix(found[1] or ""), found[1] or ""
            for mark in SHORTHAND:
                assert (mark in table) == (f"{mark} means" in note)
                seen |= {mark} if mark in table else set()
    assert seen == set(SHORTHAND)


def test_no_two_tables_or_charts_of_a_page_have_the_same_name(page: dict[str, str]) -> None:
    whole = "".join(page.values())
    names = re.findall(r'role="region" aria-label="([^"]+)"', whole)
    assert len(names) == len(set(names)) > 12
    ids = re.findall(r'\bid="([^"]+)"', whole)
    assert len(ids) == len(set(ids))
    summaries = re.findall(r"<summary>(.*?)</summary>", whole)
    assert "" not in summaries


def test_groups_that_share_a_reason_share_a_row_that_names_them() -> None:
    view = _detailed()
    measures = [measure for measure in view.measures if measure.id == "arrest_rate"]
    keys = {"level": "detailed", "reference": "White British"}
    folded = tables.forest_table(view, measures, "Detailed", fold=True, **keys)
    assert "3 groups" in folded
    assert "Hidden to protect confidentiality [c]: Caribbean, Chinese, Indian" in folded
    assert '<th scope="row">Pakistani</th>' in folded  # alone in its reason: a row of its own
    assert '<th scope="row">African</th>' in folded
    assert '<th scope="row">White British</th>' in folded
    for group in DETAILED:
        assert folded.count(group) == 1
        assert f'<th scope="row">{group}</th>' in tables.forest_table(view, measures, "Detailed", **keys)


def test_no_clear_difference_is_not_said_of_what_is_hidden(view: View) -> None:
    measure = next(measure for measure in view.measures if measure.id == "intervention_accepted")
    told = measure_statement(view, view.compare(measure))
    assert told.startswith("Interventions accepted: no group that can be shown clearly differs from White children.")
    frame = results()
    frame["disclosure"] = "hidden"
    hidden = View(frame, manifest())
    told = measure_statement(hidden, hidden.compare(measure))
    assert told == (
        "Interventions accepted: no group can be compared with White children. Hidden [c]: Asian, Black, Mixed and "
        "Other."
    )


def _measure(name: str, unit: str, **changes: str) -> Measure:
    entry = {"id": name, "title": name, "numerator": name, "denominator": "population", "kind": "rate"}
    return Measure.of(entry | changes | {"definition": {"numerator": {"unit": unit}}})


def test_the_measure_that_counts_each_child_once_is_named_beside_events() -> None:
    shown = [_measure("Arrest rate", "event"), _measure("Children arrested at least once", "child")]
    assert events_statement(shown, by_child=[]) == (
        '"Arrest rate" counts events, not children: one child can be counted more than once. Its intervals treat every '
        "event as independent of every other, as the records do not say which belong to one child, so they may be "
        'narrower than they should be. "Children arrested at least once" counts each child once and does not have this '
        "weakness."
    )
    assert events_statement(shown, by_child=["Arrest rate"]) == (
        '"Arrest rate" counts events, not children: one child can be counted more than once. Its intervals allow for '
        "children who come again."
    )
    assert events_statement([_measure("Children arrested at least once", "child")], by_child=[]) == ""


def test_several_for_each_child_are_events_too() -> None:
    """Re-offences for each child: the children are counted once, what they add up to is not."""
    each = _measure("Re-offences for each child", "child", denominator="reoffenders")
    share = _measure("Re-offending rate", "child", denominator="cohort", kind="proportion")
    assert "narrower" in events_statement([each], by_child=[])
    assert events_statement([share], by_child=[]) == ""


def test_the_section_says_so(report: Report) -> None:
    assert "one child can be counted more than once" in report.family("arrest").text
    assert "one child can be counted more than once" in report.family("search").text
