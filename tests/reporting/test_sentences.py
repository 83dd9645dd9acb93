"""No sentence says more than its row does."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reporting.made_up import MEASURES, manifest, results, row
from yjd.reporting import headlines, missing, sentences
from yjd.reporting.classify import classify
from yjd.reporting.view import View
from yjd.reporting.words import (
    Measure,
    children,
    escape_html,
    escape_markdown,
    interval_text,
    order_groups,
    percent_text,
    ratio_text,
)

ARRESTS = Measure.of(MEASURES[1])
PRECOURT = Measure.of(MEASURES[2])
ratios = st.floats(min_value=0, max_value=50) | st.sampled_from([0.0, 0.999, 1.0, 1.001, math.nan, math.inf])
statuses = st.sampled_from(
    [
        "ok",
        "no_events",
        "no_reference",
        "no_denominator",
        "inconsistent",
        "not_available",
        "censored",
        "break",
        "hidden",
        "a status of a later version",
    ]
)
disclosures = st.sampled_from(["shown", "hidden", "rounded"])


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    lower, estimate, upper = sorted(draw(st.tuples(ratios, ratios, ratios)))
    counts = [draw(st.integers(1, 987_654)) for _ in range(4)]
    return row(
        status=draw(statuses),
        disclosure=draw(disclosures),
        lower=lower,
        estimate=estimate,
        upper=upper,
        numerator=float(counts[0]),
        denominator=float(counts[1]),
        reference_numerator=float(counts[2]),
        reference_denominator=float(counts[3]),
    )


@given(rows(), st.sampled_from([ARRESTS, PRECOURT]))
def test_likely_is_said_only_where_the_interval_is_clear_of_1(one: dict[str, Any], measure: Measure) -> None:
    said = sentences.row_sentence(one, measure)
    if "times as likely" in said or "times the rate" in said:
        assert one["lower"] > 1 or one["upper"] < 1
        assert one["disclosure"] in ("shown", "rounded")
        assert one["status"] in ("ok", "break", "no_events")


@given(rows())
def test_a_hidden_row_gives_no_digit(one: dict[str, Any]) -> None:
    said = sentences.row_sentence(one, ARRESTS)
    if one["disclosure"] == "hidden" or one["status"] == "hidden":
        assert not re.search(r"\d", said)
        assert "[c]" in said


@given(rows())
def test_a_row_without_an_estimate_gives_no_digit(one: dict[str, Any]) -> None:
    if not classify(one).has_numbers:
        assert not re.search(r"\d", sentences.row_sentence(one, ARRESTS))


@given(rows(), st.sampled_from(["higher", "lower", "neither"]))
def test_the_adverse_side_is_apart_from_the_direction(one: dict[str, Any], adverse: str) -> None:
    verdict = classify(one, adverse=adverse)
    assert verdict.outcome == classify(one).outcome
    if verdict.side == "adverse":
        assert verdict.outcome == adverse
    if verdict.side == "favourable":
        assert verdict.is_clear
        assert verdict.outcome != adverse


@given(st.floats(min_value=1e-6, max_value=100))
def test_a_ratio_is_never_shown_on_the_wrong_side_of_1(value: float) -> None:
    shown = float(ratio_text(value).replace(",", ""))
    if abs(value - 1) > 1e-4:
        assert (shown > 1) == (value > 1)


def test_the_sentence_of_the_brief() -> None:
    one = row(
        numerator=630.0,
        denominator=18000.0,
        reference_numerator=1210.0,
        reference_denominator=110000.0,
        estimate=3.18,
        lower=2.9,
        upper=3.5,
    )
    plain = Measure.of(MEASURES[1] | {"per_words": "for every 1,000 {group} children"})
    assert sentences.row_sentence(one, plain) == (
        "3.2 times the rate: 35 arrests for every 1,000 Black children, 11 for every 1,000 White children "
        "(interval 2.9 to 3.5)."
    )


def test_a_lower_ratio_keeps_its_direction() -> None:
    one = row(
        measure="precourt_share",
        numerator=41.0,
        denominator=100.0,
        reference_numerator=68.0,
        reference_denominator=100.0,
        estimate=0.603,
        lower=0.5,
        upper=0.8,
    )
    assert sentences.row_sentence(one, PRECOURT).startswith("0.6 times as likely: 41 pre-court outcomes of every 100")
    assert classify(one, adverse="lower").words == "Lower (less favourable)"
    assert classify(one, adverse="higher").words == "Lower (more favourable)"


@pytest.mark.parametrize(("lower", "upper"), [(1.0, 2.0), (0.5, 1.0), (0.2, 4.0)])
def test_an_interval_that_touches_1_shows_no_clear_difference(lower: float, upper: float) -> None:
    assert classify(row(estimate=1.0, lower=lower, upper=upper)).outcome == "no_clear_difference"


def test_main_points_are_five_to_seven_and_true_of_the_rows(view: View) -> None:
    points = sentences.main_points(view)
    assert 5 <= len(points) <= 7
    assert points[0] == (
        "April 2024 to March 2025: each ethnic group is compared with White children on 6 measures. Of these 24 "
        "comparisons, 9 are clearly less favourable to the group, 1 is clearly more favourable to the group, 5 are not "
        "clearly different and 9 cannot be shown (2 hidden [c], 1 not available [x], 4 too recent to judge [x], 2 "
        "impossible to work out [z])."
    )


def test_main_points_of_a_release_that_shows_nothing() -> None:
    frame = results()
    frame["disclosure"] = "hidden"
    points = sentences.main_points(View(frame, manifest()))
    assert not any("times as likely" in point or "times the rate" in point for point in points)
    assert not any("3.2" in point for point in points)


@pytest.mark.parametrize(("explains", "could"), [(1.0, True), (0.0, False)])
def test_missing_data_alone_could_explain_only_where_a_row_says_so(explains: float, could: bool) -> None:
    verdict = row(quantity="missing_explains", estimate=explains)
    frame = type(results())([row(estimate=1.5, lower=1.2, upper=1.8), verdict])
    said = " ".join(missing.missing_statements(View(frame, manifest()), [ARRESTS]))
    assert ("alone could explain these clear differences: Arrest rate (Black)" in said) == could
    assert ("alone could not explain these: Arrest rate (Black)" in said) == (not could)


@given(rows())
def test_alternative_texts_never_hold_a_hidden_count(one: dict[str, Any]) -> None:
    one |= {"numerator": 123_457.0, "status": "hidden", "disclosure": "hidden"}
    frame = results().iloc[:0]
    view = View(type(frame)([one]), manifest())
    told = " ".join([headlines.forest_alt(view), headlines.trend_alt(view, ARRESTS), *sentences.main_points(view)])
    assert "123" not in told


def test_groups_come_in_the_fixed_order() -> None:
    assert order_groups(["Unknown", "Other", "White", "Asian", "Mixed"]) == [
        "Asian",
        "Mixed",
        "White",
        "Other",
        "Unknown",
    ]


def test_groups_in_sentences() -> None:
    assert children("White and Asian") == "children of White and Asian ethnicity"  # not two groups
    assert children("others") == "all other children of known ethnicity"
    reoffended = Measure.of(
        {"id": "a", "per": 1, "kind": "rate", "per_words": "for each {group} child who re-offended"}
    )
    assert reoffended.base("Black") == "for each Black child who re-offended"
    assert reoffended.base("Mixed") == "for each child of Mixed ethnicity who re-offended"


def test_numbers_as_text() -> None:
    assert interval_text(1.02, 3.04) == "1.02 to 3.0"
    assert interval_text(0.7, math.inf) == "at least 0.7"
    assert percent_text(0.0001) == "fewer than 1"
    assert percent_text(0.9999) == "more than 99"
    assert percent_text(0) == "0"


@given(st.text())
def test_no_text_becomes_markup(text: str) -> None:
    assert "<" not in escape_html(text)
    assert not re.search(r"(?<!\\)(?:\\\\)*[<`*\[{]", escape_markdown(text))
