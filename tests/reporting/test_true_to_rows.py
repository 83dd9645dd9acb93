"""Sentences, tables and alternative texts of releases with rows of every kind: none says more than its rows."""

from __future__ import annotations

import html
import math
import re
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.reporting import whole
from tests.reporting.conftest import BLOCKS, FAMILIES, PARTS
from tests.reporting.made_up import GROUPS, PERIODS, row
from yjd.reporting import adjusted, area_rows, funnel, headlines, missing, pathway, questions, sentences, tables, trends
from yjd.reporting.area import AreaReport
from yjd.reporting.classify import REASONS, classify
from yjd.reporting.report import Report
from yjd.reporting.view import View
from yjd.reporting.words import Measure
from yjd.schema import RESULT_COLUMNS

SECRET = re.compile(r"7,?7\d\d,?\d{3}|7,?777")
SECRETS = dict(zip(
    ("numerator", "denominator", "reference_numerator", "reference_denominator", "estimate", "lower", "upper"),
    (7_777_001.0, 7_777_003.0, 7_777_005.0, 7_777_007.0, 7_777_011.0, 7_777_009.0, 7_777_013.0),
    strict=True,
))  # fmt: skip
RAW = re.compile("|".join(sorted(status for status in REASONS if "_" in status)))
NUMBERS = st.floats(min_value=0.01, max_value=40) | st.sampled_from([0.0, 0.999, 1.0, 1.001, math.inf])
ARRESTS = Measure.of(next(entry for entry in whole.manifest()["measures"] if entry["id"] == "arrest_rate"))


@st.composite
def kinds(draw: st.DrawFn) -> dict[str, Any]:
    """What becomes of a row: an estimate, a status, hidden with its numbers still there, hidden by a status."""
    kind = draw(st.sampled_from(["estimate"] * 4 + ["status", "hidden", "marked"]))
    if kind == "status":
        return {"status": draw(st.sampled_from(sorted(set(REASONS) - {"ok", "break"}))), **whole.BLANK}
    if kind == "hidden":
        return {"status": "hidden", "disclosure": "hidden", **SECRETS}
    if kind == "marked":
        return {"disclosure": "hidden", **SECRETS}
    lower, estimate, upper = sorted(draw(st.tuples(NUMBERS, NUMBERS, NUMBERS)))
    status = draw(st.sampled_from(["ok", "ok", "break"]))
    mark = draw(st.sampled_from(["shown", "rounded"]))
    return {"estimate": estimate, "lower": lower, "upper": upper, "status": status, "disclosure": mark, **whole.COUNTS}


def _release(drawn: list[dict[str, Any]]) -> pd.DataFrame:
    """The whole made-up release, with the drawn kinds in turn in place of its own; rows of a funnel stay together."""
    frame = whole.results()
    records = frame.to_dict("records")
    for place, record in enumerate(records):
        if record["quantity"] not in ("missing_explains", "funnel"):
            record |= {"status": "ok", "disclosure": "shown"} | drawn[(place * 7 + place // 5) % len(drawn)]
    return pd.DataFrame(records, columns=list(RESULT_COLUMNS))


def _texts(report: Report, brief: AreaReport) -> list[str]:
    """Everything but the pictures; their titles and alternative texts are said apart."""
    view = report.view
    said = [*sentences.main_points(view), *questions.questions(view), *missing.missing_statements(view, view.pathway)]
    said += [missing.missing_table(view, view.pathway), tables.matrix_table(view, view.pathway), report.coverage().text]
    for measure in view.measures:
        said += trends.trend_statements(view, measure)
        said += [trends.change_table(view, measure), headlines.trend_alt(view, measure)]
        said += [funnel.funnel_statement(view, measure), funnel.funnel_table(view, measure)]
        said += [funnel.funnel_alt(view, measure), headlines.forest_alt(view, [measure])]
    for name in pathway.pathways(view):
        said += [pathway.way_sentence(view, way) for way in pathway.ways(view, name)]
        said += [pathway.pathway_table(view, name), pathway.pathway_alt(view, name)]
    if (ladder := adjusted.ladder_of(view, ARRESTS)) is not None:
        said += [*adjusted.ladder_statements(view, ladder), adjusted.ladder_table(view, ladder)]
        said += [adjusted.ladder_alt(view, ladder)]
    said += [brief.main_points().text, brief.know().text, brief.stages().text, brief.questions().text]
    said += [headlines.forest_alt(view), headlines.forest_alt(view.at(whole.AREAS[0]))]
    return [*said, area_rows.area_alt(view.at(whole.AREAS[0]))]


# shrinking a whole release takes minutes and tells no more than the text that failed
@settings(max_examples=6, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(kinds(), min_size=9, max_size=23))
def test_no_hidden_number_and_no_raw_status_anywhere(drawn: list[dict[str, Any]]) -> None:
    report = Report(_release(drawn), whole.manifest())
    for text in _texts(report, AreaReport(report, whole.AREAS[0])):
        words = html.unescape(re.sub(r"<[^>]*>", " ", text))
        assert not SECRET.search(words), words
        assert not RAW.search(words), words
        assert "nan" not in words.lower().replace("finan", ""), words


def test_nothing_of_a_hidden_release_is_in_a_picture() -> None:
    frame = whole.results()
    for name, value in SECRETS.items():
        frame[name] = value
    frame["disclosure"] = "hidden"
    report = Report(frame, whole.manifest())
    brief = AreaReport(report, whole.AREAS[0])
    made = [getattr(report, name)().text for name in BLOCKS]
    made += [getattr(report, part)(name).text for name in FAMILIES[:2] for part in PARTS]
    made += [getattr(brief, name)().text for name in ("main_points", "know", "overview", "stages", "funnel")]
    for text in made:
        assert not SECRET.search(text)


@pytest.mark.parametrize("part", ["family", "trend", "ladder", "more"])
def test_every_picture_of_the_page_has_words_and_its_numbers_in_a_table(page: dict[str, str], part: str) -> None:
    block = page[f"{part} arrest"]
    pictures = re.findall(r"<svg[^>]*role=\"img\".*?</svg>", block, flags=re.DOTALL)
    assert pictures
    for picture in pictures:
        title, words = (re.search(rf"<{tag}[^>]*>([^<]+)</{tag}>", picture) for tag in ("title", "desc"))
        assert title
        assert words
        assert words[1].startswith(("Forest chart", "Trend chart", "Funnel chart"))
        assert "hidden" in words[1]
        assert "table" in words[1]
    assert "<table" in block


# --- one quantity at a time ---------------------------------------------------------------------------------


def _names(words: str) -> set[str]:
    return {group for group in (*GROUPS, "White") if re.search(rf"\b{group}\b", words)}


@settings(max_examples=40)
@given(st.lists(kinds(), min_size=4, max_size=4))
def test_a_trend_is_said_only_where_its_interval_is_clear_of_no_change(drawn: list[dict[str, Any]]) -> None:
    keys = {"quantity": "trend_rri", "term": PERIODS[0]}
    rows = [row(**keys, group=group) | kind for group, kind in zip(GROUPS, drawn, strict=True)]
    view = View(pd.DataFrame(rows, columns=list(RESULT_COLUMNS)), whole.manifest())
    (said,) = trends.trend_statements(view, ARRESTS)
    text = re.sub(r"\([^)]*\)", "", said).partition(": ")[2]
    for words, sign in (("clearly rising for", 1), ("clearly falling for", -1)):
        told = re.search(rf"{words} ([^;]*)", text)
        expected = {one["group"] for one in rows if _clear(one) == sign and one["status"] != "break"}
        assert _names(told[1] if told else "") == expected
    assert _names(text) == set(GROUPS) or text.endswith((" any group.", " every group."))
    assert not SECRET.search(said)


def _clear(one: dict[str, Any]) -> int:
    """1 or -1 where the whole interval of a shown row lies above or below 1."""
    if (
        one["disclosure"] == "hidden"
        or one["status"] not in ("ok", "break", "no_events")
        or math.isinf(one["estimate"])
    ):
        return 0
    return 1 if one["lower"] > 1 else -1 if one["upper"] < 1 else 0


@given(st.floats(min_value=0.0, max_value=50))
def test_a_change_is_never_said_the_wrong_way(value: float) -> None:
    said = trends.percent_change(value)
    assert said.startswith("up ") == (1 < value < 2)
    assert said.startswith("down ") == (value < 1)
    assert said != "up 0%"
    assert said != "down 0%"


@settings(max_examples=40)
@given(kinds(), st.sampled_from(["higher", "lower", "neither"]))
def test_an_adjusted_difference_is_said_with_both_rates_and_only_where_clear(
    kind: dict[str, Any], adverse: str
) -> None:
    keys = {"rung": "M1", "period": whole.SPAN, **whole.COUNTS}
    one = row(**{**keys, "quantity": "adjusted_rri"}) | kind
    rates = [
        row(**keys, quantity="adjusted_rate", reference="", group=group, estimate=rate, lower=1.0, upper=99.0)
        for group, rate in (("Black", 37.0), ("White", 44.0))
    ]
    view = View(pd.DataFrame([one, *rates], columns=list(RESULT_COLUMNS)), whole.manifest())
    measure = Measure.of({"id": "arrest_rate", "kind": "proportion", "per": 100, "adverse": adverse})
    ladder = adjusted.Ladder(measure, whole.SPAN, [adjusted.Rung("M1", ("age_band",), ("age_band",), mediator=False)])
    said = " ".join(adjusted.ladder_statements(view, ladder))
    assert ("times as likely" in said) == (_clear(one) != 0)
    if "times as likely" in said:
        assert "37 against 44 of every 100" in said
        assert f"clear for Black ({'higher' if _clear(one) > 0 else 'lower'})" in said
    assert not re.search(r"\b(effect|bias|cause)", said)
    assert not SECRET.search(said)


def test_rungs_that_may_carry_disparity_are_marked_from_the_first_on(complete: Report, page: dict[str, str]) -> None:
    ladder = adjusted.ladder_of(complete.view, ARRESTS)
    assert ladder is not None
    marked = [line for line in adjusted.rungs_list(ladder) if "possible mediators" in line]
    assert marked == ["M2: adds seriousness of the offence (gravity score) (possible mediators)."]
    said = adjusted.ladder_statements(complete.view, ladder)
    assert "with possible mediators among them" in next(line for line in said if line.startswith("M2"))
    assert "possible mediators" not in next(line for line in said if line.startswith("M1"))
    assert "possible mediators" in page["adjusting"]
    assert "M2, possible mediators" in page["ladder arrest"]


@settings(max_examples=40)
@given(st.lists(kinds(), min_size=3, max_size=3), kinds())
def test_shares_of_a_difference_are_said_only_where_there_is_one(
    shares: list[dict[str, Any]], total: dict[str, Any]
) -> None:
    keys = {"measure": "pathway_court", "group": "Black", **whole.COUNTS}
    rows = []
    for stage, share in zip(whole.STAGES, shares, strict=True):
        of_100 = {name: 100 * share[name] - 200 for name in ("estimate", "lower", "upper") if name in share}
        rows.append(
            row(**keys, quantity="pathway_share", term=stage) | share | (of_100 if "numerator" not in share else {})
        )
        rows.append(row(**keys, quantity="pathway_step", term=stage, estimate=1.5, lower=1.2, upper=1.9))
        rows.append(row(**keys, quantity="pathway_rri", term=stage, estimate=1.5, lower=1.2, upper=1.9))
    rows[-1] |= total
    view = View(pd.DataFrame(rows, columns=list(RESULT_COLUMNS)), whole.manifest())
    way = next(way for way in pathway.ways(view, "pathway_court") if way.group == "Black")
    assert [step.stage for step in way.steps] == list(whole.STAGES)
    said = pathway.way_sentence(view, way)
    assert not SECRET.search(said)
    assert ("times as many" in said) == (_clear(rows[-1]) != 0)
    if "times as many" in said:
        assert "for every 1,000 residents" in said
    for step in way.steps:
        clear = classify(step.share).is_clear if step.share else False
        if re.search(rf"arise at {step.title.lower()}\b|at {step.title.lower()} \(interval", said):
            assert clear
            assert _clear(rows[-1]) != 0


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (50.0, "Above the 99.8% limits"),
        (35.0, "Above the 95% limits"),
        (20.0, "Within the limits"),
        (12.0, "Below the 95% limits"),
        (5.0, "Below the 99.8% limits"),
    ],
)
def test_an_area_is_placed_where_its_rate_lies(rate: float, words: str) -> None:
    keys = {"area": "North Exampleshire", "quantity": "funnel", "reference": "", "estimate": rate, **whole.COUNTS}
    rows = [
        row(**keys, confidence=0.95, lower=15.0, upper=30.0),
        row(**keys, confidence=0.998, lower=10.0, upper=40.0),
    ]
    view = View(pd.DataFrame(rows, columns=list(RESULT_COLUMNS)), whole.manifest())
    (found,) = funnel.positions(view, ARRESTS, "Black")
    assert found.words == words
    said = funnel.funnel_statement(view, ARRESTS)
    assert ("North Exampleshire" in said) == (words != "Within the limits")


# --- areas --------------------------------------------------------------------------------------------------


def test_the_brief_of_an_area_says_plainly_when_most_is_hidden(complete: Report) -> None:
    told = AreaReport(complete, whole.AREAS[1]).main_points().text
    assert "Most numbers of South Exampleshire are too small to show" in told
    assert "times as likely" not in told


def test_a_brief_has_five_to_seven_main_points(complete: Report) -> None:
    for area in whole.AREAS:
        assert 5 <= AreaReport(complete, area).main_points().text.count("<li>") <= 7


def test_one_status_covers_what_is_the_areas_own(brief: AreaReport) -> None:
    rows = re.findall(r'<tr><th scope="row">(\w+)</th>(.*?)</tr>', brief.stages().text)
    hidden = [cells for group, cells in rows if group == "Other"]
    assert hidden
    for cells in hidden:
        told = re.findall(r"<td[^>]*>(.*?)</td>", cells)
        assert told[:3] == ["[c]"] * 3
        assert told[4] == "[c]"


def test_the_regions_numbers_stand_beside_those_of_the_area(brief: AreaReport) -> None:
    black = re.search(r'Arrest rate: arrests.*?<th scope="row">Black</th>(.*?)</tr>', brief.stages().text)
    assert black
    told = [re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", black[1])]
    assert told == ["40", "44", "2.5", "35", "2.5 (2.1 to 2.9)", "3.2", "Higher"]


def test_a_release_without_areas_says_so() -> None:
    frame = whole.results()
    report = Report(frame[frame["area"] == "All"], whole.manifest())
    brief = AreaReport(report)
    assert "not split by area" in brief.main_points().text
    for name in ("overview", "know", "stages", "limits", "questions"):
        assert getattr(brief, name)().text == ""
    assert "not split by area" in report.areas("arrest").text


def test_another_area_is_refused_by_name(complete: Report) -> None:
    from yjd.errors import RenderingError

    with pytest.raises(RenderingError, match="no such area"):
        AreaReport(complete, "Elsewhere")
