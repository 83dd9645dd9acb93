"""Slopes against R's glm (tests/reference/trend.R, to 1e-8) and the laws that they must keep."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal
from scipy import stats

from tests.metrics.series_frames import check_results, ordered, series, wild, with_status
from yjd.errors import EstimationError
from yjd.metrics.trend import trend, trend_ratio

REFERENCE = pd.read_csv(Path(__file__).parents[1] / "reference" / "trend.csv")
FEW = settings(max_examples=4, deadline=None)
KINDS = pytest.mark.parametrize("kind", ["rate", "proportion"])


def numbers(text: str) -> list[float]:
    return [float(part) for part in str(text).split()]


@pytest.mark.parametrize("row", REFERENCE.to_dict("records"), ids=lambda row: f"{row['case']}-{row['quantity']}")
def test_slope_and_interval_are_those_of_r(row: dict[str, object]) -> None:
    times = dict(zip("abcdefghijk", numbers(row["times"]), strict=False))
    frame = pd.concat(
        pd.DataFrame(
            {"group": group, "period": list(times), "numerator": numbers(row[a]), "denominator": numbers(row[b])}
        )
        for group, a, b in (("Black", "events", "base"), ("White", "reference_events", "reference_base"))
    )
    kind = str(row["kind"])
    if row["quantity"] == "trend_rate":
        options = [trend(frame, kind=kind, times=times, overdispersed=more).iloc[0] for more in (True, False)]
    else:
        options = [trend_ratio(frame, kind=kind, times=times, overdispersed=more).iloc[0] for more in (True, False)]
    wide, plain = options
    value, error, df = (float(row[name]) for name in ("value", "error", "df"))
    assert np.log(wide["estimate"]) == pytest.approx(value, rel=1e-8)
    z = stats.norm.ppf(0.975)
    assert np.log([plain["lower"], plain["upper"]]) == pytest.approx([value - z * error, value + z * error], rel=1e-8)
    assert plain["p_value"] == pytest.approx(2 * stats.norm.sf(abs(value) / error), rel=1e-7)
    quasi = stats.t.ppf(0.975, df) * error * np.sqrt(float(row["dispersion"]))
    assert np.log(wide["upper"]) - value == pytest.approx(max(quasi, z * error), rel=1e-8)
    t_value = 2 * stats.t.sf(abs(value) / error / np.sqrt(float(row["dispersion"])), df)
    assert wide["p_value"] == pytest.approx(max(plain["p_value"], t_value), rel=1e-7)
    assert (wide["period"], wide["term"]) == (list(times)[-1], "a")


@KINDS
def test_a_course_without_chance_is_found_again(kind: str) -> None:
    found = trend(series(100 * 0.9 ** np.arange(6), 1e6), kind=kind).iloc[0]
    assert found["estimate"] == pytest.approx(0.9, rel=1e-4)
    assert found["numerator"] == pytest.approx(100 * (0.9 ** np.arange(6)).sum())
    assert found["method"] == ("quasi_poisson" if kind == "rate" else "quasi_logistic")


def test_times_are_in_years() -> None:
    frame = series(1000 * 0.9 ** (np.arange(8) / 4), 1e6)
    quarters = {name: 2020 + place / 4 for place, name in enumerate(frame["period"])}
    assert trend(frame, kind="rate", times=quarters)["estimate"][0] == pytest.approx(0.9)
    assert trend(frame, kind="rate")["estimate"][0] == pytest.approx(0.9**0.25)


@KINDS
def test_the_slope_of_a_ratio_is_the_ratio_of_slopes(kind: str) -> None:
    chance = np.random.default_rng(3)
    frame = pd.concat(series(chance.binomial(90, 0.4, 7), 90, group) for group in ("Black", "Asian", "White"))
    each = trend(frame, kind=kind).set_index("group")["estimate"]
    ratio = trend_ratio(frame, kind=kind).set_index("group")
    assert_allclose(ratio["estimate"], each[["Black", "Asian"]] / each["White"], rtol=1e-9)
    everyone = frame.groupby("period", as_index=False)[["numerator", "denominator"]].sum().assign(group="Known")
    of_all = trend(everyone, kind=kind)["estimate"][0]
    found = trend_ratio(frame, kind=kind, reference="everyone").set_index("group")["estimate"]
    assert_allclose(found, each[found.index] / of_all, rtol=1e-9)
    back = trend_ratio(frame, kind=kind, reference="Black").set_index("group").loc["White"]
    there = ratio.loc["Black"]
    assert_allclose(
        there[["estimate", "lower", "upper"]].astype(float), 1 / back[["estimate", "upper", "lower"]].astype(float)
    )


@KINDS
def test_the_interval_against_everyone_allows_for_the_group_in_it(kind: str) -> None:
    chance = np.random.default_rng(5)
    size, years = 1500, 6
    base = np.array([400.0, 600.0])
    rate = np.array([0.2, 0.1])[:, None] * 0.95 ** np.arange(years)
    if kind == "rate":
        events = chance.poisson(base[:, None] * rate, (size, 2, years))
    else:
        events = chance.binomial(base[:, None].astype(int), rate, (size, 2, years))
    number, group, year = (axis.ravel() for axis in np.indices(events.shape))
    frame = pd.DataFrame(
        {
            "measure": number.astype(str), "group": np.array(["Black", "White"])[group],
            "period": (2010 + year).astype(str), "numerator": events.ravel(), "denominator": base[group],
        }
    )  # fmt: skip
    found = trend_ratio(frame, kind=kind, reference="everyone", overdispersed=False)
    found = found[found["group"] == "Black"]
    truth = np.log(trend_ratio(
        frame[frame["measure"] == "0"].assign(numerator=(base[:, None] * rate)[group, year][: 2 * years]),
        kind=kind, reference="everyone",
    )["estimate"][0])  # fmt: skip
    inside = (np.log(found["lower"]) <= truth) & (truth <= np.log(found["upper"]))
    assert 0.935 <= inside.mean() <= 0.967


@pytest.mark.parametrize("dispersion", [1, 3])
def test_coverage_whether_or_not_counts_vary_more_than_chance(dispersion: int) -> None:
    chance = np.random.default_rng(7)
    size, years = 2000, 5
    mean = np.broadcast_to(40 * 0.95 ** np.arange(years), (size, years))
    if dispersion > 1:
        mean = chance.gamma(mean / (dispersion - 1), dispersion - 1)
    frame = pd.DataFrame(
        {
            "measure": np.repeat(np.arange(size), years).astype(str), "group": "g",
            "period": np.tile(np.arange(years), size).astype(str),
            "numerator": chance.poisson(mean).ravel().astype(float), "denominator": 1000.0,
        }
    )  # fmt: skip

    def coverage(**options: bool) -> float:
        found = trend(frame, kind="rate", **options)
        return float(((found["lower"] <= 0.95) & (found["upper"] >= 0.95)).mean())

    assert 0.945 <= coverage() <= 0.99
    plain = coverage(overdispersed=False)
    assert 0.935 <= plain <= 0.965 if dispersion == 1 else plain < 0.8


def test_breaks_start_the_run() -> None:
    frame = series([5, 9, 20, 80, 40, 20, 10], 1000)
    for options in ({"breaks": ["2013"]}, {"breaks": {"": ["2013"]}}):
        found = trend(frame, kind="rate", **options).iloc[0]
        assert (found["term"], found["period"], found["numerator"]) == ("2013", "2016", 150)
        assert found["estimate"] == pytest.approx(0.5)
    assert trend(frame, kind="rate", breaks={"other": ["2013"]})["term"][0] == "2010"
    assert trend(with_status(frame, "2013", status="break"), kind="rate")["term"][0] == "2013"
    assert trend(frame, kind="rate", breaks=["2015"])["status"][0] == "too_few"


def test_what_could_not_be_seen_is_left_out_at_the_ends_only() -> None:
    frame = series([np.nan, 80, 40, 20, 10, np.nan], 1000)
    frame = with_status(with_status(frame, "2015", status="censored"), "2010", status="not_available")
    found = trend(frame, kind="rate").iloc[0]
    assert (found["status"], found["term"], found["period"]) == ("ok", "2011", "2014")
    assert found["estimate"] == pytest.approx(0.5)
    assert trend(with_status(frame, "2013", status="censored"), kind="rate")["status"][0] == "censored"
    # a period that one series lacks and another has is one that could not be seen
    gap = pd.concat([frame[frame["period"] != "2013"], frame.assign(group="White")])
    assert trend(gap, kind="rate")["status"].tolist() == ["not_available", "ok"]
    nothing = trend(frame.assign(status="censored"), kind="rate").iloc[0]
    assert (nothing["status"], nothing["period"]) == ("censored", "2015")


@pytest.mark.parametrize("period", ["2010", "2013", "2015"])
def test_a_hidden_period_hides_the_trend(period: str) -> None:
    frame = with_status(series([5, 9, 20, 10, 40, 20], 1000), period, disclosure="hidden")
    found = trend(frame, kind="rate").iloc[0]
    assert found["status"] == "hidden"
    assert found["disclosure"] == "hidden"
    assert np.isnan(found["numerator"])
    after = trend(frame, kind="rate", breaks=["2013"])["status"][0]
    assert after == ("ok" if period == "2010" else "hidden")


@pytest.mark.parametrize(
    ("events", "base", "kind", "status"),
    [
        ([0, 0, 0, 0], 50, "rate", "no_events"),
        ([0, 0, 0, 4], 50, "rate", "too_few"),
        ([4, 0, 0, 0], 50, "rate", "too_few"),
        ([0, 2, 2, 0], 50, "rate", "ok"),
        ([1, 2], 50, "rate", "too_few"),
        ([5, 5, 5, 5], 5, "proportion", "too_few"),
        ([0, 3, 5, 5], 5, "proportion", "too_few"),
        ([0, 3, 4, 5], 5, "proportion", "ok"),
        ([1, 2, 6, 4], 5, "proportion", "inconsistent"),
        ([1, 2, 6, 4], np.nan, "rate", "no_denominator"),
        ([0, 0, 0, 0], 0, "rate", "no_denominator"),
        ([1, 2, 0, 4], [5, 5, 0, 5], "proportion", "ok"),
        ([1, 2, 1, 4], [5, 5, 0, 5], "rate", "no_denominator"),
    ],
)
def test_statuses(events: list[float], base: float, kind: str, status: str) -> None:
    found = trend(series(events, base), kind=kind)
    assert found["status"][0] == status
    check_results(found)


def test_a_reference_without_events_is_no_reference() -> None:
    frame = pd.concat([series([3, 4, 5], 50), series([0, 0, 0], 50, "White")])
    assert trend_ratio(frame, kind="rate")["status"][0] == "no_reference"
    turned = trend_ratio(frame, kind="rate", reference="Black")
    assert turned["status"][0] == "no_events"


@KINDS
def test_repeat_children_widen_the_interval(kind: str) -> None:
    frame = series([300, 280, 260, 250], 4000)
    sums = {"numerator_squares": frame["numerator"] * 4.0, "products": 0.0, "denominator_squares": 0.0}
    before = trend(frame, kind=kind, overdispersed=False).iloc[0]
    after = trend(frame.assign(**sums), kind=kind, overdispersed=False).iloc[0]
    assert after["estimate"] == before["estimate"]
    assert after["method"].endswith("_by_child")
    wider = np.log(after["upper"] / after["estimate"]) / np.log(before["upper"] / before["estimate"])
    # 4 events a child; of a proportion the binomial variance, below the mean, is what is compared
    assert wider == pytest.approx(2 if kind == "rate" else 2.07, rel=0.01)


@KINDS
@FEW
@given(seed=st.integers(0, 2**32 - 1), whole=st.booleans())
def test_any_counts_at_all(kind: str, seed: int, whole: bool) -> None:
    frame = wild(seed, whole=whole, present=1.0, odd=0.01)
    both = [trend(frame, kind=kind, confidence=[0.95, 0.998])]
    both += [trend_ratio(frame, kind=kind, reference=name) for name in ("White", "others", "everyone")]
    found = pd.concat(both, ignore_index=True)
    check_results(found)
    assert set(found["status"]) >= {"ok", "hidden"}
    good = found[found["status"] == "ok"]
    assert (good["lower"] <= good["estimate"]).all()
    assert (good["estimate"] <= good["upper"]).all()
    hidden = frame["disclosure"].eq("hidden")
    swapped = frame.copy()
    swapped.loc[hidden, ["numerator", "denominator"]] = 7.0
    assert_frame_equal(both[0], trend(swapped, kind=kind, confidence=[0.95, 0.998]))
    shuffled = trend(frame.sample(frac=1, random_state=1), kind=kind, confidence=[0.95, 0.998])
    assert_frame_equal(ordered(both[0]), ordered(shuffled), rtol=1e-6)


def test_counts_of_nothing_give_an_empty_table() -> None:
    empty = series([1], 1).iloc[:0]
    assert trend(empty, kind="rate").empty
    assert trend_ratio(empty, kind="rate").empty


def test_wrong_calls_are_refused() -> None:
    frame = series([1, 2, 3], 10)
    for options in ({"kind": "odds"}, {"kind": "rate", "times": {"2010": 1.0}}, {"kind": "rate", "breaks": "2011"}):
        with pytest.raises(EstimationError):
            trend(frame, **options)
    times = {"2010": 1.0, "2011": 2.0, "2012": 2.0}
    with pytest.raises(EstimationError, match="same time"):
        trend(frame, kind="rate", times=times)
    with pytest.raises(EstimationError, match="no time"):
        trend(frame, kind="rate", times={"2010": 1.0, "2011": 2.0, "2012": 3.0}, breaks=["2013"])
