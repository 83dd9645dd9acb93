"""A verdict on a claim follows from the interval of one row and from nothing else."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reporting.made_up import manifest, results, row
from yjd import claims as held
from yjd.errors import ConfigurationError
from yjd.reporting import claims
from yjd.reporting.view import View

AREAS = manifest()["areas"]


def reading(**changes: Any) -> dict[str, Any]:
    start: dict[str, Any] = {
        "words": "Black children were about 3 times as likely.", "measure": "arrest_rate", "quantity": "rri",
        "group": "Black", "reference": "White", "turned": False, "says": "about", "value": 3.0, "why": "",
    }  # fmt: skip
    return start | changes


def claim(*readings: dict[str, Any], **changes: Any) -> dict[str, Any]:
    start: dict[str, Any] = {
        "id": "made_up", "text": "3 times more likely", "source": "Made up", "place": "Exampleshire", "areas": AREAS,
        "population": held.CHILDREN, "period": "", "note": "", "readings": list(readings), "local": False,
    }  # fmt: skip
    return start | changes


def looking(*found: dict[str, Any], **changes: Any) -> View:
    return View(results(), manifest(claims=list(found), demonstration=False) | changes)


# --- the rule -----------------------------------------------------------------------------------------------

LIMITS = st.floats(0, 20, allow_nan=False)


@given(st.tuples(LIMITS, LIMITS).map(sorted), st.tuples(LIMITS, LIMITS).map(sorted), st.data())
def test_a_verdict_is_true_of_every_value_of_the_interval(
    interval: list[float], asserted: list[float], data: st.DataObject
) -> None:
    low, high = asserted
    outcome = claims.verdict((interval[0], interval[1]), low, high)
    value = data.draw(st.floats(interval[0], interval[1]))
    if outcome == "stands":
        assert low < value < high
    elif outcome == "does_not_stand":
        assert not low <= value <= high
    else:
        assert outcome == "cannot_be_told"
        assert interval[0] <= high
        assert interval[1] >= low
        assert interval[0] <= low or interval[1] >= high  # some part of it lies outside, or at an end


@given(st.tuples(LIMITS, LIMITS).map(sorted), st.tuples(LIMITS, LIMITS).map(sorted), LIMITS, LIMITS)
def test_a_wider_interval_never_says_more(interval: list[float], asserted: list[float], down: float, up: float) -> None:
    narrow = claims.verdict((interval[0], interval[1]), *asserted)
    wide = claims.verdict((interval[0] - down, interval[1] + up), *asserted)
    assert wide in (narrow, "cannot_be_told")


@pytest.mark.parametrize(
    ("interval", "asserted", "outcome"),
    [
        ((2.5, 3.5), (2.4, 3.75), "stands"),
        ((2.4, 3.5), (2.4, 3.75), "cannot_be_told"),  # touching an end is no verdict
        ((1.0, 2.4), (2.4, 3.75), "cannot_be_told"),
        ((1.0, 2.3), (2.4, 3.75), "does_not_stand"),
        ((3.1, math.inf), (3, math.inf), "stands"),
        ((3.1, math.inf), (2.4, 3.75), "cannot_be_told"),
        ((math.nan, math.nan), (2.4, 3.75), "cannot_be_told"),
        ((0.0, 0.4), (-math.inf, 0.5), "stands"),
        ((4.0, 3.0), (0, 10), "cannot_be_told"),  # limits the wrong way round are no interval
    ],
)
def test_known_verdicts(interval: tuple[float, float], asserted: tuple[float, float], outcome: str) -> None:
    assert claims.verdict(interval, *asserted) == outcome


# the Black row of arrests is 3.2 (2.8 to 3.7); that of pre-court 0.62 (0.51 to 0.76)
@pytest.mark.parametrize(
    ("changes", "outcome", "today"),
    [
        ({}, "stands", "3.20 (2.80 to 3.70)"),
        ({"value": 4.0}, "cannot_be_told", "3.20 (2.80 to 3.70)"),
        ({"value": 6.0}, "does_not_stand", "3.20 (2.80 to 3.70)"),
        ({"says": "more_than"}, "cannot_be_told", "3.20 (2.80 to 3.70)"),
        ({"says": "more_than", "value": 2.0}, "stands", "3.20 (2.80 to 3.70)"),
        ({"says": "less_than", "value": 2.0}, "does_not_stand", "3.20 (2.80 to 3.70)"),
        ({"turned": True, "says": "less_than", "value": 0.5}, "stands", "0.31 (0.27 to 0.36)"),
        ({"measure": "precourt_share", "says": "less_than", "value": 0.5}, "does_not_stand", "0.62 (0.51 to 0.76)"),
        ({"measure": "precourt_share", "quantity": "composition", "reference": "", "group": "White", "value": 58.0},
         "stands", "58 (56 to 60)"),
        ({"measure": "precourt_share", "quantity": "composition", "reference": "", "group": "Black", "value": 18.0},
         "does_not_stand", "12 (10 to 14)"),
        ({"quantity": "rate", "reference": "", "group": "White", "value": 11.0}, "stands", "11 (10 to 12)"),
        ({"measure": "search_rate", "group": "Other"}, "cannot_be_told", "[c]"),
        ({"measure": "fte_rate_pnc", "group": "Other"}, "cannot_be_told", "[x]"),
        ({"measure": "reoffending_rate"}, "cannot_be_told", "[x]"),
        ({"measure": "intervention_accepted", "group": "Other"}, "cannot_be_told", "[z]"),
        ({"measure": "court_share"}, "not_measured", "[x]"),
        ({"reference": "everyone"}, "not_measured", "[x]"),
        ({"measure": "", "why": "nobody counts it"}, "not_measured", "[z]"),
    ],
)  # fmt: skip
def test_every_kind_of_row(changes: dict[str, Any], outcome: str, today: str) -> None:
    found = claims.judge(looking(), reading(**changes))
    assert (found.outcome, found.today) == (outcome, today)
    if today.startswith("["):
        assert not re.search(r"\d", found.why)


@settings(max_examples=20)
@given(
    status=st.sampled_from(
        ["hidden", "not_available", "censored", "no_reference", "too_few", "inconsistent", "unheard"]
    ),
    disclosure=st.sampled_from(["hidden", "shown"]),
    says=st.sampled_from(["about", "more_than", "less_than"]),
)
def test_a_row_without_a_number_gives_no_verdict_and_no_number(status: str, disclosure: str, says: str) -> None:
    # numbers that ought not to be there, so that one that slips through is seen
    planted = row(status=status, disclosure=disclosure, estimate=7.77, lower=6.66, upper=8.88, numerator=123.0)
    facts = manifest(claims=[claim(reading(says=says))], demonstration=False)
    view = View(pd.DataFrame([planted]), facts)
    found = claims.judge(view, reading(says=says))
    assert found.outcome == "cannot_be_told"
    page = claims.all_claims(view).text + claims.main_points(view).text
    assert not re.search(r"7\.7|6\.6|8\.8|123", page)


def test_a_share_beside_that_of_the_population_is_found_whatever_it_is_compared_with() -> None:
    ratio = row(quantity="representation_ratio", reference="everyone", estimate=3.6, lower=3.3, upper=3.9)
    view = View(pd.DataFrame([ratio]), manifest())
    found = claims.judge(view, reading(quantity="representation_ratio", reference="", value=3.75))
    assert (found.outcome, found.today) == ("stands", "3.60 (3.30 to 3.90)")


def test_about_is_as_near_for_a_share_as_for_a_ratio() -> None:
    share = next(measure for measure in looking().measures if measure.id == "precourt_share")
    composition = reading(quantity="composition", reference="")
    assert claims.asserted(composition | {"value": 70.0}, share) == (65, 75)
    assert claims.asserted(composition | {"value": 18.0}, share) == pytest.approx((14.4, 22.5))
    assert claims.asserted(reading(value=3.0), share) == pytest.approx((2.4, 3.75))
    assert claims.asserted(reading(says="more_than"), share) == (3, math.inf)
    assert claims.asserted(reading(says="less_than"), share) == (-math.inf, 3)


# --- whom a claim is about ----------------------------------------------------------------------------------


def test_a_claim_about_others_is_not_judged() -> None:
    away = claim(reading(), place="England and Wales", areas=["England and Wales"], population="people of all ages")
    said = claims.conclusion(looking(away), away, [claims.judge(looking(away), reading())])
    assert said.startswith("Not judged: the claim was made about England and Wales")
    assert "people of all ages" in said
    assert "Said of the children of this release: it stands." in said
    here = claim(reading(), areas=[area.upper() for area in reversed(AREAS)])
    assert claims.made_elsewhere(looking(here), here) == ""
    assert "about others" in claims.main_points(looking(here, away)).text
    assert "Said of the children of this release" in claims.all_claims(looking(away)).text


def test_made_up_records_say_nothing_of_a_claim() -> None:
    one = claim(reading())
    assert "made up" in claims.conclusion(looking(one, demonstration=True), one, [claims.judge(looking(), reading())])


def test_one_reading_that_stands_and_one_that_does_not_is_said() -> None:
    two = claim(reading(), reading(value=6.0))
    said = claims.main_points(looking(two)).text
    assert "of 2 readings, 1 stands and 1 does not stand" in said
    assert "one reading stands and another does not" in said


def test_text_from_outside_comes_out_letter_for_letter() -> None:
    nasty = '<script>alert("x")</script> {{< meta title >}} **b**'
    one = claim(reading(words=nasty), text=nasty, source=nasty, note=nasty, place=nasty, areas=["x"])
    page = claims.all_claims(looking(one)).text + claims.main_points(looking(one)).text
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_release_without_a_register_says_so() -> None:
    assert "[x]" in claims.main_points(View(results(), manifest())).text
    assert "[x]" in claims.all_claims(View(results(), manifest())).text


# --- the register -------------------------------------------------------------------------------------------

LOCAL = """
[[claims]]
id = "{id}"
text = "Ours"
source = "Our council, 2024"
place = "Here"
areas = ["Here"]

[[claims.readings]]
words = "As likely."
measure = "{measure}"
quantity = "rri"
group = "Black"
reference = "White"
value = {value}
"""


def test_the_register_of_the_package_is_whole() -> None:
    found = held.register()
    assert len({entry["id"] for entry in found}) == len(found) >= 7
    assert all(entry["source"] and entry["readings"] and not entry["local"] for entry in found)
    assert {"race_forward_precourt", "black_arrests_three_times"} <= {entry["id"] for entry in found}
    by_id = {entry["id"]: entry for entry in found}
    quantities = [one["quantity"] for one in by_id["race_forward_precourt"]["readings"]]
    assert quantities == ["rri", "rate", "composition"]  # 30 and 70: as two rates, and as one composition
    values = [one["value"] for one in by_id["black_arrests_three_times"]["readings"]]
    assert {3, 4} <= set(values)  # "3 times more" has two meanings


def test_an_office_adds_and_replaces_claims(tmp_path: Path) -> None:
    assert held.local_sha256(tmp_path) == {}
    assert held.register(tmp_path) == held.register()
    own = LOCAL.format(id="ours", measure="arrest_rate", value=2)
    other = LOCAL.format(id="lammy_custody", measure="arrest_rate", value=2)
    (tmp_path / "claims.toml").write_text(own + other, encoding="utf-8")
    found = {entry["id"]: entry for entry in held.register(tmp_path)}
    assert len(found) == len(held.register()) + 1
    assert found["ours"]["local"]
    assert found["lammy_custody"]["text"] == "Ours"
    first = held.local_sha256(tmp_path)
    (tmp_path / "claims.toml").write_text(own, encoding="utf-8")
    assert held.local_sha256(tmp_path) != first


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (LOCAL.format(id="ours", measure="arrests", value=2), "no measure 'arrests'"),
        (LOCAL.format(id="ours", measure="arrest_rate", value=0), "above 0"),
        (LOCAL.format(id="ours", measure="arrest_rate", value="nan"), "finite"),
        (LOCAL.format(id="ours", measure="", value=2), "say `why`"),
        (LOCAL.format(id="ours", measure="arrest_rate", value=2).replace('"Black"', '"Martian"'), "no group 'Martian'"),
        (LOCAL.format(id="ours", measure="arrest_rate", value=2).replace('reference = "White"\n', ""), "`reference`"),
        (LOCAL.format(id="ours", measure="arrest_rate", value=2) * 2, "two claims have the id ours"),
        ("[[claims]\n", "not valid TOML"),
        ("[[claims]]\nid = 'ours'\n", "readings"),
        ("colour = 3\n", "colour"),
    ],
)
def test_every_problem_of_a_register_is_named(text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(problem)):
        held.parse(text)
