"""The document on progress: every verdict with its reasons, nothing of what is hidden."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.progress.regions import Change, of
from tests.progress.test_overview import manifest, register, released
from yjd.errors import RenderingError
from yjd.progress.overview import Progress, Run, progress, verdicts
from yjd.recommendations import load
from yjd.reporting import progress_page as pages
from yjd.reporting.owner import OwnerReport, owners
from yjd.reporting.progress_sheets import progress_sheets
from yjd.reporting.report import Report
from yjd.reporting.view import View
from yjd.reporting.workbook import sheets


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    table = released(Change({"entrants": of(Black=0.6)}))
    mixed = table["group"] == "Mixed"
    numbers = [name for name in table.columns if table[name].dtype == float and name != "confidence"]
    table.loc[mixed, numbers] = np.nan
    table.loc[mixed, ["status", "disclosure", "method"]] = ["hidden", "hidden", ""]
    now = Run("now", table, manifest())
    then = Run("before", table, manifest(created_from=manifest()["created_from"] | {"version": "0"}))
    kept = verdicts(now, register(tmp_path_factory.mktemp("project")), earlier=then).as_json()
    return View(table, manifest(progress=json.loads(json.dumps(kept))))


@pytest.fixture(scope="module")
def found(view: View) -> Progress:
    held = pages.found_in(view)
    assert held is not None
    return held


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_main_points_count_the_verdicts(found: Progress, view: View) -> None:
    text = words(pages.main_points(found, view).text)
    assert "Of 2 recommendations: 1 improving; 1 not measurable with this data." in text
    assert "of 100 registers without any change at most 5 would hold a false verdict" in text
    assert "A difference is not of itself evidence of bias" in text


def test_the_overview_has_every_owner_and_what_changed(found: Progress, view: View) -> None:
    html = pages.overview(found).text
    assert re.findall('scope="rowgroup"[^>]*><span>(.*?)</span>', html) == ["Office", "Other office"]
    changed = pages.changed(found, view).text
    assert re.search(r'<svg[^>]*role="img"', changed)
    assert changed.count('<tr><th scope="row">') == 1  # Black: improving; Mixed is hidden


def test_the_page_of_an_owner_holds_what_they_answer_for(found: Progress, view: View) -> None:
    report = Report(view.results, view.manifest)
    assert owners(view.manifest["progress"]["register"]) == ["Office", "Other office"]
    office, other = (OwnerReport(report, name) for name in ("Office", "Other office"))
    assert "Of 1 recommendation: 1 improving." in words(office.main_points().text)
    assert "Improving: Fewer." in words(office.main_points().text)
    assert re.findall("<h3>(.*?)</h3>", office.recommendations().text) == ["Fewer."]
    assert re.findall("<h3>(.*?)</h3>", other.recommendations().text) == ["More."]
    assert "Something is done." in office.timeline().text
    assert "Something is done." not in other.timeline().text
    assert "A meeting." in other.timeline().text
    assert "stands out" in words(other.answers().text)  # nothing tracks what they answer for, so none does
    assert "<tr>" in office.answers().text
    assert "Nothing: the record is complete." in other.asked().text
    assert "What differs from run before" in office.comparability().text
    assert "Beyond parity" in words(office.where().text)
    for block in (office.recommendations, office.timeline, office.main_points, office.asked):
        assert "More." not in block().text
    assert found.register.recommendations[1].id == "trust"  # what was found for all is as it was


def test_an_owner_is_asked_for_what_the_record_lacks(view: View, tmp_path: Path) -> None:
    register(tmp_path)
    path = tmp_path / "recommendations.toml"
    told = path.read_text(encoding="utf-8")
    told = told[: told.index("[[answers]]")].replace('gist = "Fewer."', 'gist = "Fewer."\nunsure = "Its date."')
    path.write_text(
        told.replace('date = "2024-05-01"\nwhat = "A meeting."', "").replace("[[recommendations.evidence]]", "")
    )
    made = verdicts(Run("now", released(), manifest()), load(path)).as_json()
    report = Report(released(), manifest(progress=json.loads(json.dumps(made))))
    office = words(OwnerReport(report).asked().text)
    assert re.search(r"An explanation or an action for \d ratios? below that stands? out without an answer", office)
    assert "To be confirmed: Its date. (Fewer.)" in office
    assert "Evidence of what was done: More." in OwnerReport(report, "Other office").asked().text


def test_an_owner_that_is_not_there_is_refused(view: View) -> None:
    with pytest.raises(RenderingError, match="no such owner"):
        OwnerReport(Report(view.results, view.manifest), "Nobody")
    without = OwnerReport(Report(released(), manifest()), "")
    for block in (without.main_points, without.asked, without.recommendations, without.answers, without.timeline):
        assert "without a register" in block().text


def test_each_recommendation_has_reasons_and_a_chart(found: Progress, view: View) -> None:
    html = pages.recommendations(found, view).text
    text = words(html)
    assert "Both the ratio and the group's own rate are clearly better" in text.replace("&#x27;", "'")
    assert re.search(r'<svg[^>]*role="img"', html)
    described = re.search(r"<desc[^>]*>(.*?)</desc>", html, flags=re.DOTALL)
    assert described is not None
    ratios = view.results[(view.results["quantity"] == "rri") & (view.results["group"] == "Black")]
    then, now = ratios.sort_values("period")["estimate"]
    assert f"First-time entrants, Black: {then:.2f} to {now:.2f}, improving" in described[1]
    assert "Ratios then and now of 1 comparison: 1 improving" in described[1]


def test_what_is_hidden_is_marked_and_said(found: Progress, view: View) -> None:
    html = pages.recommendations(found, view).text
    row = next(line for line in html.split("<tr>") if "Mixed" in line).split("</tr>")[0]
    assert row.count("[c]") == 7  # rate and ratio, then and now; their changes; what could be shown
    assert "hidden so that no child can be known" in words(html)
    assert "Mixed" not in words(pages.answers(found, view).text)


def test_what_differs_from_the_earlier_run_stands_first(found: Progress) -> None:
    text = words(pages.comparability(found).text)
    assert "What differs from run before" in text
    assert "The earlier run was made by yjd 0, this by 1." in text


def test_the_record_is_in_order(found: Progress, view: View) -> None:
    text = words(pages.timeline(found).text)
    places = [text.index(part) for part in ("A meeting.", "Something is done.", "Target")]
    assert places == sorted(places)
    assert "Acted on" in words(pages.answers(found, view).text)
    assert "no control charts" in words(pages.signals(found, view).text)
    assert "Beyond parity" in words(pages.where(found, view).text)


def test_the_workbook_has_it_too(view: View) -> None:
    register_sheet, comparisons, answers, record = progress_sheets(view.results, view.manifest)
    assert [row[3] for row in register_sheet.rows] == ["Improving", "Not measurable with this data"]
    by_group = {row[3]: row for row in comparisons.rows}
    assert by_group["Mixed"][8:18] == ["[c]"] * 10
    assert all(isinstance(value, float) for value in by_group["Black"][8:19])
    assert all(value != "" for row in comparisons.rows for value in row)
    assert {(row[2], row[8]) for row in answers.rows} == {("Black", "Acted on")}
    assert answers.rows[0][9] == "2024-09-01, Office: Something is done."
    assert [row[1] for row in record.rows] == ["Evidence", "Action", "Target"]
    assert list(progress_sheets(view.results, manifest())) == []
    names = [page.name for page in sheets(view.results, view.manifest)]
    assert names[-4:] == ["Progress", "Comparisons", "Explain or reform", "On record"]


def test_a_release_without_a_register_says_so() -> None:
    view = View(released(), manifest())
    assert pages.found_in(view) is None
    assert "without a register" in pages.main_points(None, view).text
    for part in (pages.comparability, pages.overview, pages.timeline):
        assert "without a register" in part(None).text
    for block in (pages.recommendations, pages.changed, pages.answers, pages.signals, pages.where):
        assert "without a register" in block(None, view).text


def test_names_from_outside_are_escaped(view: View, tmp_path: Path) -> None:
    path = tmp_path / "recommendations.toml"
    register(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace('"Fewer."', '"<b>Fewer</b>."'), encoding="utf-8")
    made = progress(Run("now", view.results, manifest()), load(path))
    for block in (pages.recommendations(made, view), pages.overview(made), pages.main_points(made, view)):
        assert "<b>Fewer" not in block.text
