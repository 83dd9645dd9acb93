"""E-values against the published example and their own definition; benchmarks against the ladder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.models.known import grouped, made_up
from tests.models.test_doubly_robust import arrests
from yjd.errors import EstimationError
from yjd.models.doubly_robust import doubly_robust
from yjd.models.ladder import Rung, ladder
from yjd.models.nuisance import deal
from yjd.models.sensitivity import benchmarks, e_values, sensitivity
from yjd.schema import RESULT_COLUMNS, RESULT_KEYS

NAMES = ["a0", "a1", "a2"]
PUBLISHED = pd.read_csv(Path(__file__).parents[1] / "reference" / "sensitivity.csv").to_dict("records")


def _rows(**columns):
    """Results with one adjusted ratio, or what is given instead."""
    row = dict.fromkeys(RESULT_COLUMNS, "") | dict.fromkeys(("lower", "upper", "p_value", "q_value"), np.nan)
    row |= {"quantity": "adjusted_rri", "group": "Black", "confidence": 0.95, "status": "ok", "disclosure": "shown",
            "numerator": 40.0}  # fmt: skip
    return pd.DataFrame([row | columns])


def _picked(results, term):
    (row,) = results[results["term"] == term].to_dict("records")
    return row


@pytest.mark.parametrize("case", PUBLISHED)
def test_published_example(case):
    found = sensitivity(_rows(estimate=case["ratio"], lower=case["lower"], upper=case["upper"]))
    assert round(_picked(found, "estimate")["estimate"], case["digits"]) == case["e_value"]
    assert round(_picked(found, "limit")["estimate"], case["digits"]) == case["limit"]
    assert set(found["quantity"]) == {"e_value"}
    assert found["numerator"].eq(40).all()


def test_a_ratio_below_1_is_turned_over_and_a_limit_beyond_1_is_1():
    over, under = sensitivity(_rows(estimate=2.0, lower=1.6, upper=2.5)), sensitivity(
        _rows(estimate=0.5, lower=0.4, upper=0.625)
    )  # fmt: skip
    np.testing.assert_allclose(over["estimate"], under["estimate"])
    assert _picked(sensitivity(_rows(estimate=1.3, lower=0.9, upper=1.9)), "limit")["estimate"] == 1
    assert _picked(sensitivity(_rows(estimate=0.8, lower=0.5, upper=1.2)), "limit")["estimate"] == 1
    assert sensitivity(_rows(estimate=1.0, lower=0.9, upper=1.1))["estimate"].tolist() == [1, 1]


@given(ratio=st.floats(1.0, 50.0))
def test_a_factor_of_that_strength_is_just_enough(ratio):
    """Ding and VanderWeele's bounding factor of two strengths u and v is uv / (u + v - 1)."""
    strength = e_values(np.array([ratio]))[0]
    assert strength**2 / (2 * strength - 1) == pytest.approx(ratio, rel=1e-9)


def test_a_world_in_which_such_a_factor_makes_the_whole_ratio():
    """All of one group have a factor, some of the other, and the groups do not matter: the ratio comes out."""
    ratio = 1.8
    strength = float(e_values(np.array([ratio]))[0])
    # the factor is had by all of one group and by 1 in `strength` of the other, and multiplies the risk by `strength`
    of_one, of_other = 0.1 * strength, 0.1 * (1 + (strength - 1) / strength)
    assert of_one / of_other == pytest.approx(ratio)


def test_what_has_no_ratio_has_no_e_value():
    for row in (_rows(estimate=np.nan, status="separated"), _rows(estimate=np.nan, status="hidden", numerator=np.nan,
                                                                  disclosure="hidden")):  # fmt: skip
        found = sensitivity(row)
        assert found["estimate"].isna().all()
        assert found["status"].eq(row["status"].iloc[0]).all()
        assert found["disclosure"].eq(row["disclosure"].iloc[0]).all()
    assert sensitivity(_rows(quantity="odds_ratio", estimate=3.0)).empty
    with pytest.raises(EstimationError):
        sensitivity(pd.DataFrame({"quantity": ["adjusted_rri"]}))


def test_every_rung_is_read_and_nothing_else():
    counts = deal(grouped(made_up(1, records=3000), NAMES)[0])
    results = pd.concat([
        ladder(counts, kind="proportion", rungs=[Rung("M0"), Rung("M2", tuple(NAMES))]),
        doubly_robust(counts, adjusters=NAMES, rung="M2"),
    ], ignore_index=True)  # fmt: skip
    before = results.copy()
    found = sensitivity(results)
    pd.testing.assert_frame_equal(results, before)
    assert list(found.columns) == list(RESULT_COLUMNS)
    assert (found.dtypes == results.dtypes).all()
    assert len(found) == 2 * 2 * 3
    assert set(found["method"]) == {"e_value"}
    assert not found.duplicated(list(RESULT_KEYS)).any()


def test_benchmarks_are_ladders_with_one_adjuster_left_out():
    counts, _ = grouped(made_up(1, records=6000), NAMES)
    found = benchmarks(counts, adjusters=NAMES, rung="M2", measure="m")
    assert list(found.columns) == list(RESULT_COLUMNS)
    for name in NAMES:
        rest = tuple(one for one in NAMES if one != name)
        results = ladder(counts, kind="proportion", rungs=[Rung("all", tuple(NAMES)), Rung("rest", rest)])
        rri = results[(results["quantity"] == "adjusted_rri") & (results["group"] == "Black")].set_index("rung")
        change = rri.loc["rest", "estimate"] / rri.loc["all", "estimate"]
        own = found[(found["group"] == "Black") & (found["term"] == name)].set_index("quantity")
        factor = max(change, 1 / change)
        assert own.loc["benchmark", "estimate"] == pytest.approx(factor + np.sqrt(factor * (factor - 1)))
        assert own.loc["benchmark", "lower"] < own.loc["benchmark", "estimate"] < own.loc["benchmark", "upper"]
        expected = abs(np.log(rri.loc["all", "estimate"]) / np.log(change))
        assert own.loc["benchmark_times", "estimate"] == pytest.approx(expected)
        # as many such factors as that bring the ratio to 1
        turned = rri.loc["all", "estimate"] * factor ** (-expected * np.sign(np.log(rri.loc["all", "estimate"])))
        assert turned == pytest.approx(1)


def test_what_changes_nothing_is_no_yardstick():
    counts, _ = grouped(made_up(1, records=6000), NAMES)
    constant = benchmarks(counts.assign(same="one"), adjusters=["a0", "same"])
    own = constant[constant["term"] == "same"]
    assert set(own.loc[own["quantity"] == "benchmark_times", "status"]) == {"no_difference"}
    assert own.loc[own["quantity"] == "benchmark_times", "estimate"].isna().all()
    np.testing.assert_allclose(own.loc[own["quantity"] == "benchmark", "estimate"], 1.0, atol=1e-5)


def test_arrests_in_toronto():
    """Earlier police contact is the strongest yardstick: something twice as strong is needed, beyond it."""
    counts, names = arrests(), ["age", "sex", "employed", "citizen", "checks"]
    found = benchmarks(counts, adjusters=names)
    strength = found[found["quantity"] == "benchmark"].set_index("term")["estimate"]
    assert strength.idxmax() == "checks"
    times = found[found["quantity"] == "benchmark_times"].set_index("term")["estimate"]
    assert times.idxmin() == "checks"
    assert times["checks"] > 1


def test_statuses_and_wrong_calls():
    rows = [("White", "x", 500, 200), ("White", "y", 600, 310), ("Black", "x", 300, 140), ("Black", "y", 200, 120),
            ("Other", "x", 5, 0), ("Other", "y", 3, 0)]  # fmt: skip
    counts = pd.DataFrame(rows, columns=["group", "a", "base", "events"]).astype({"base": float, "events": float})
    found = benchmarks(counts, adjusters=["a"])
    assert set(found.loc[found["group"] == "Other", "status"]) == {"separated"}
    assert found.loc[found["group"] == "Other", ["estimate", "lower", "upper"]].isna().all(axis=None)
    assert benchmarks(counts[counts["group"] == "White"], adjusters=["a"]).empty
    for names in ([], ["a", "a"], ["nosuch"]):
        with pytest.raises(EstimationError):
            benchmarks(counts, adjusters=names)
