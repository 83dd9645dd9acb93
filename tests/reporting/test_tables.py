"""Tables: one status to a row, no empty cell, text from outside stays text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from tests.reporting.made_up import manifest, results, row
from yjd.reporting import facts, tables
from yjd.reporting.limits import limits
from yjd.reporting.report import Report
from yjd.reporting.sentences import events_statement
from yjd.reporting.view import View

ATTACK = "<script>alert('x')</script>\"onmouseover=`x` & [c]"


class _Cells(HTMLParser):
    """The text of every cell, row by row; a picture counts as text."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._inside = True
        if tag == "svg" and self._inside:
            self.rows[-1][-1] += "(picture)"

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.rows[-1][-1] += data


def _cells(html: str) -> _Cells:
    parser = _Cells()
    parser.feed(html)
    return parser


def test_forest_table_has_caption_scopes_and_a_region_for_the_keyboard(view: View) -> None:
    html = tables.forest_table(view, view.pathway, "Rates")
    assert "<caption><span>Rates</span></caption>" in html
    assert 'role="region" aria-label="Rates" tabindex="0"' in html
    assert html.count("<tr>") == html.count('<th scope="row') + 1
    assert all(cell for cells in _cells(html).rows for cell in cells)


def test_one_status_covers_the_whole_row(view: View) -> None:
    rows = _cells(tables.forest_table(view, view.measures, "Rates")).rows
    hidden = [cells for cells in rows if cells[-1].startswith("Hidden")]
    assert len(hidden) == 3
    for cells in hidden:
        assert cells[1:6] == ["[c]"] * 5


def test_a_group_hidden_by_its_comparison_shows_no_count_either() -> None:
    frame = type(results())(
        [
            row(status="hidden", disclosure="hidden"),
            row(
                quantity="rate",
                reference="",
                numerator=14.0,
                denominator=90.0,
                estimate=155.0,
                lower=90.0,
                upper=250.0,
            ),
        ]
    )
    view = View(frame, manifest())
    html = tables.forest_table(view, view.measures[1:2], "Rates")
    black = next(cells for cells in _cells(html).rows if cells[0] == "Black")
    assert "14" not in "".join(black)


def test_groups_stand_in_the_fixed_order(view: View) -> None:
    rows = _cells(tables.forest_table(view, view.pathway[:1], "Rates")).rows
    assert [cells[0] for cells in rows[2:]] == ["Asian", "Black", "Mixed", "White", "Other", "Unknown"]


def test_composition_and_share_are_two_tables(report: Report) -> None:
    html = report.composition("precourt_share").text
    assert "Of every 100 pre-court outcomes with known ethnicity, 12 were for Black children." in html
    assert "times as likely" not in html
    assert "were for children of Other ethnic groups" not in html  # hidden


def test_a_stage_that_could_not_be_counted_is_not_marked_as_hidden(view: View) -> None:
    rows = {cells[0]: cells[1] for cells in _cells(facts.attrition_table(view)).rows[1:]}
    assert rows == {"Arrests": "1,900", "Outcomes": "[c]", "Re-offences": "[x]"}


def test_accounting_says_whether_the_rows_add_up(view: View) -> None:
    assert facts.accounting_sentence(view).startswith("Every row read is accounted for: read =")
    row = {"extract": "a", "read": 10, "used": 10, "set_aside": "fewer than 10", "out_of_scope": 0}
    wrong = manifest(accounting=[row | {"adds_up": True}, row | {"extract": "b", "adds_up": False}])
    assert facts.accounting_sentence(View(results(), wrong)) == "The rows do not add up for 1 of 2 extracts: b."
    assert "does not say" in facts.accounting_sentence(View(results(), manifest(accounting=[row])))


def test_accounting_shows_the_numbers_as_rounded_as_they_are(view: View) -> None:
    html = facts.accounting_table(view)
    assert "rounded to the nearest 10" in html
    assert ">fewer than 10<" in html
    assert "[c]" not in html


def test_unknown_table_marks_what_is_hidden(view: View) -> None:
    rows = {cells[0]: cells[1:] for cells in _cells(facts.unknown_table(view)).rows}
    assert rows["Searches"] == ["900", "5,000", "18"]
    assert rows["Precourt"] == ["[c]", "[c]", "[c]"]


def test_a_stage_that_was_not_supplied_is_not_called_hidden() -> None:
    frame = results()
    missing = row(measure="precourt_share", quantity="rate", reference="", group="All", status="not_available")
    frame = frame[~((frame["measure"] == "precourt_share") & (frame["quantity"] == "rate"))]
    frame = type(frame)([*frame.to_dict("records"), missing])
    frame = frame[frame["measure"] != "precourt_per_arrest"]
    entries = {entry["title"]: entry["mark"] for entry in View(frame, manifest()).unknown(pathway=False)}
    assert entries["Precourt"] == "[x]"


@pytest.mark.parametrize(
    "block",
    [
        "banner",
        "main_points",
        "coverage",
        "unknown",
        "ethnicity_rule",
        "overview",
        "pathway",
        "missing",
        "questions",
        "adjusting",
        "accounting",
        "findings",
        "rules",
        "definitions",
        "glossary",
        "provenance",
    ],
)
def test_text_from_the_configuration_comes_out_as_text(block: str) -> None:
    facts_of = manifest(title=ATTACK, areas=[ATTACK], office={"name": ATTACK, "contact": ATTACK, "caveat": ATTACK})
    facts_of["measures"] = [entry | {"title": ATTACK, "unit": ATTACK} for entry in facts_of["measures"]]
    facts_of["findings"] = [{"severity": ATTACK, "text": ATTACK}]
    facts_of["accounting"] = [{"extract": ATTACK, "read": 1, "used": ATTACK, "set_aside": 0, "out_of_scope": 0}]
    frame = results().replace({"group": {"Black": ATTACK}})
    html = getattr(Report(frame, facts_of), block)().text
    assert "script" not in _cells(html).tags
    assert not re.search(r"<[^>]*\sonmouseover=", html)


def test_banner_is_a_draft_until_it_is_signed() -> None:
    assert "DRAFT" in Report(results(), manifest()).banner().text
    assert "DEMONSTRATION DATA" in Report(results(), manifest()).banner().text
    signed = Report(results(), manifest(demonstration=False), signed=True).banner().text
    assert "DRAFT" not in signed
    assert "DEMONSTRATION" not in signed


def test_a_family_that_was_not_supplied_says_so(report: Report) -> None:
    assert "Not in this release [x]" in report.family("custody").text
    for block in ("more", "trend", "ladder", "areas", "limits"):
        assert "[x]" in getattr(report, block)("custody").text or block == "more"


def test_limits_come_from_the_definitions(view: View) -> None:
    told = " ".join(limits([measure for measure in view.measures if measure.id == "arrest_rate"]))
    assert "earlier decisions" not in told


def test_events_of_repeat_children_are_flagged(view: View) -> None:
    """Arrests are events: the section says so, and that their intervals are too narrow."""
    told = events_statement([measure for measure in view.measures if measure.id == "arrest_rate"], view.by_child)
    assert "one child can be counted more than once" in told
    assert "narrower" in told
    assert events_statement([], view.by_child) == ""


@pytest.mark.parametrize("split", [{"deprivation": "1"}, {"area": "Dudley"}, {"term": "outcomes"}, {"rung": "2"}])
def test_rows_of_a_split_or_a_part_are_none_of_the_whole(split: dict[str, str]) -> None:
    more = pd.concat([results(), results().assign(estimate=99.0, **split)], ignore_index=True)
    whole, with_more = Report(results(), manifest()), Report(more, manifest())
    for measure in whole.view.measures:
        given, found = (report.view.rows(measure, "rri") for report in (whole, with_more))
        assert [row["estimate"] for row in given if row["status"] == "ok"] == [
            row["estimate"] for row in found if row["status"] == "ok"
        ]
