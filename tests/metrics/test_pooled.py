"""Counts of several periods added up."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from tests.metrics.frames import RATES, counts, row
from tests.metrics.stratified import WILD, wild
from yjd.errors import EstimationError
from yjd.metrics import rate, relative_rate
from yjd.metrics.counts import prepare
from yjd.metrics.pooled import pooled

YEARS = ["2021-22", "2022-23", "2023-24"]
THREE = {"2021-24": YEARS}


def years(**changes: object) -> pd.DataFrame:
    """Three years that are alike, the group Black of the middle one changed."""
    frame = pd.concat([counts(RATES, period=year) for year in YEARS], ignore_index=True)
    frame = frame.assign(status="ok", disclosure="shown")
    for name, value in changes.items():
        frame.loc[(frame["group"] == "Black") & (frame["period"] == YEARS[1]), name] = value
    return frame


def test_numerators_and_bases_add_up() -> None:
    found = pooled(years(numerator=20.0, denominator=3100.0), periods=THREE)
    assert row(found, "Black")[["numerator", "denominator"]].to_list() == [44, 9100]
    assert row(found, "White")[["period", "numerator", "denominator"]].to_list() == ["2021-24", 120, 90000]
    assert row(found, "Asian")[["numerator", "denominator"]].to_list() == [0, 1500]
    # Unknown has no population in any year
    assert row(found, "Unknown")[["numerator", "status"]].to_list() == [15, "ok"]
    assert np.isnan(row(found, "Unknown")["denominator"])


def test_metrics_take_the_result() -> None:
    found = pooled(years(), periods=THREE)
    assert row(rate(found, kind="rate", per=1000), "Black")["estimate"] == pytest.approx(4)
    ratio = row(relative_rate(found, kind="rate"), "Black")
    # three times the events: the published Katz interval of 12 and 40 with a third of its variance
    katz = row(relative_rate(found, kind="proportion", method="katz"), "Black")
    assert ratio["estimate"] == pytest.approx(3)
    width = np.log(5.71231 / 1.57555) / np.sqrt(3)
    assert np.log(katz["upper"] / katz["lower"]) == pytest.approx(width, abs=1e-5)


@pytest.mark.parametrize(
    ("changes", "status", "disclosure"),
    [
        ({"status": "not_available"}, "not_available", "shown"),
        ({"status": "censored"}, "censored", "shown"),
        ({"status": "something_else"}, "not_available", "shown"),
        ({"disclosure": "hidden"}, "ok", "hidden"),
    ],
)
def test_one_member_that_cannot_be_used(changes: dict[str, object], status: str, disclosure: str) -> None:
    found = row(pooled(years(**changes), periods=THREE), "Black")
    assert found[["status", "disclosure"]].to_list() == [status, disclosure]
    assert found[["numerator", "denominator"]].isna().all()
    assert row(pooled(years(**changes), periods=THREE), "White")["numerator"] == 120


def test_marks_that_do_not_stand_in_the_way() -> None:
    for changes in ({"status": "break"}, {"disclosure": "rounded"}):
        found = row(pooled(years(**changes), periods=THREE), "Black")
        assert found["numerator"] == 36
        assert set(changes.values()) <= set(found)
    absent = row(pooled(years(numerator=np.nan), periods=THREE), "Black")
    assert np.isnan(absent["numerator"])
    assert absent["denominator"] == 9000


def test_a_member_that_is_missing_makes_it_not_available() -> None:
    frame = years()
    without = frame[~((frame["group"] == "Black") & (frame["period"] == YEARS[1]))]
    found = pooled(without, periods=THREE)
    assert row(found, "Black")["status"] == "not_available"
    assert np.isnan(row(found, "Black")["numerator"])
    assert row(found, "White")["status"] == "ok"
    assert set(pooled(frame, periods={"2021-25": [*YEARS, "2024-25"]})["status"]) == {"not_available"}
    assert pooled(frame, periods={"2030-32": ["2030-31", "2031-32"]}).empty


def test_a_period_may_be_part_of_several() -> None:
    found = pooled(years(), periods={"2021-23": YEARS[:2], "2022-24": YEARS[1:], "only 2023": YEARS[2:]})
    black = found[found["group"] == "Black"].set_index("period")["numerator"]
    assert black.to_dict() == {"2021-23": 24, "2022-24": 24, "only 2023": 12}


def test_sums_of_repeat_children_are_left_out() -> None:
    frame = years().assign(numerator_squares=1.0, products=2.0, denominator_squares=3.0)
    names = ["group", "numerator", "denominator"]
    found = pooled(frame, periods=THREE)
    assert_frame_equal(found[names], pooled(years(), periods=THREE)[names])
    assert not {"numerator_squares", "products", "denominator_squares"} & {
        name for name in found.columns if found[name].notna().any()
    }


@pytest.mark.parametrize(
    "periods", [{"a": []}, {"a": "2021-22"}, {"a": ["2021-22", "2021-22"]}, {"2021-22": ["2022-23", "2023-24"]}]
)
def test_wrong_calls(periods: dict[str, list[str]]) -> None:
    with pytest.raises(EstimationError, match="pooled period"):
        pooled(years(), periods=periods)


@WILD
@given(frame=wild(), seed=st.integers(0, 99))
def test_any_counts(frame: pd.DataFrame, seed: int) -> None:
    """It is counts again, whatever the order of the rows, and nothing hangs on a hidden count."""
    before = frame.copy()
    periods = {f"group {number}": [f"period {number + step}" for step in range(3)] for number in range(0, 30, 3)}
    found = pooled(frame, periods=periods)
    assert_frame_equal(frame, before)
    assert_frame_equal(prepare(found)[list(found.columns)], found)
    shuffled = pooled(frame.sample(frac=1, random_state=seed), periods=periods)
    keys = ["period", "sex", "age_band", "group"]
    assert_frame_equal(found.sort_values(keys, ignore_index=True), shuffled.sort_values(keys, ignore_index=True))
    closed = frame["disclosure"].eq("hidden")
    assert_frame_equal(found, pooled(frame.assign(numerator=frame["numerator"].mask(closed, 3)), periods=periods))
    rate(found, kind="rate")
