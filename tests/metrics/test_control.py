"""Control charts against published examples, R's quantiles (tests/reference/control.R) and their own laws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal

from tests.metrics.series_frames import check_results, ordered, series, wild, with_status
from yjd.errors import EstimationError
from yjd.metrics.chart_limits import exact_limits
from yjd.metrics.control import RULES, control_chart
from yjd.metrics.rare import gaps_between_events, rare_event_chart

REFERENCE = pd.read_csv(Path(__file__).parents[1] / "reference" / "control.csv")
FEW = settings(max_examples=2, deadline=None)
KINDS = pytest.mark.parametrize("kind", ["rate", "proportion"])

# Montgomery, Introduction to Statistical Quality Control, chapter on attributes charts: 30 samples of 50 cans
CANS = [12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22, 8, 10, 5, 13, 11, 20, 18, 24, 15, 9, 12, 7, 13, 9, 6]
# the same: 20 samples of 5 computers
COMPUTERS = [10, 12, 8, 14, 10, 16, 11, 7, 10, 15, 9, 5, 7, 11, 12, 6, 8, 10, 7, 5]


def control(frame: pd.DataFrame, **options: object) -> pd.DataFrame:
    found = control_chart(frame, **({"kind": "rate"} | options))
    return found[found["quantity"] == "control"].reset_index(drop=True)


def fired(frame: pd.DataFrame, rule: str, **options: object) -> list[int]:
    """Places of the periods at which a rule is a signal."""
    found = control_chart(frame, **({"kind": "rate"} | options))
    found = found[found["term"] == rule].reset_index(drop=True)
    return np.flatnonzero(found["estimate"] == 1).tolist()


def test_published_p_chart() -> None:
    found = control(series(CANS, 50), kind="proportion", limits="sigma")
    assert found["reference_numerator"][0] / found["reference_denominator"][0] == pytest.approx(0.2313, abs=5e-5)
    assert found["lower"][0] == pytest.approx(0.0524, abs=5e-5)
    assert found["upper"][0] == pytest.approx(0.4102, abs=5e-5)
    assert fired(series(CANS, 50), "beyond_limits", kind="proportion", limits="sigma") == [14, 22]
    assert found["method"][0] == "p_sigma"


def test_published_u_chart() -> None:
    found = control(series(COMPUTERS, 5), limits="sigma", per=10)
    assert found["lower"][0] == pytest.approx(0.7, abs=0.05)
    assert found["upper"][0] == pytest.approx(37.9, abs=0.05)
    assert fired(series(COMPUTERS, 5), "beyond_limits", limits="sigma") == []


@pytest.mark.parametrize("distribution", ["poisson", "binomial"])
def test_exact_limits_are_the_quantiles_of_r(distribution: str) -> None:
    rows = REFERENCE[REFERENCE["distribution"] == distribution]
    kind = "rate" if distribution == "poisson" else "proportion"
    for tail, part in rows.groupby("tail"):
        found = exact_limits(part["base"], part["rate"], kind, float(tail))
        assert_allclose(found.lower, part["lower"])
        assert_allclose(found.upper, part["upper"])


@KINDS
def test_laney_limits_are_the_formula(kind: str) -> None:
    base = np.array([5000.0, 7000, 6000, 8000, 5500, 6500, 7500, 9000])
    events = np.array([600.0, 700, 780, 730, 700, 560, 900, 950])
    centre = events.sum() / base.sum()
    sigma = np.sqrt(centre * (1 - centre if kind == "proportion" else 1) / base)
    between = np.abs(np.diff((events / base - centre) / sigma)).mean() / 1.128
    assert between > 1
    found = control(series(events, base), kind=kind, limits="laney")
    assert_allclose(found["upper"], centre + 3 * between * sigma, rtol=1e-9)
    assert_allclose(found["lower"], centre - 3 * between * sigma, rtol=1e-9)
    # of counts that vary less than chance the limits are Shewhart's
    even = control(series([50, 51, 49, 50, 50, 51, 49, 50], 500), kind=kind, limits="laney")
    plain = control(series([50, 51, 49, 50, 50, 51, 49, 50], 500), kind=kind, limits="sigma")
    assert_allclose(even["upper"], plain["upper"])


def test_the_baseline_is_the_first_periods_after_a_break() -> None:
    frame = series([*[10] * 10, *[30] * 10], 100)
    found = control(frame, baseline=8)
    assert (found["reference_numerator"] == 80).all()
    assert fired(frame, "beyond_limits", baseline=8) == list(range(10, 20))
    for options in ({"breaks": ["2020"]}, {"breaks": {"": ["2020"]}}):
        found = control(frame, baseline=8, **options)
        assert found["reference_numerator"].tolist() == [80] * 10 + [240] * 10
        assert fired(frame, "beyond_limits", baseline=8, **options) == []
    broken = control(with_status(frame, "2020", status="break"), baseline=8)
    assert broken["reference_numerator"].tolist() == [80] * 10 + [240] * 10
    assert broken["status"][10] == "break"
    assert control(frame, breaks=["2025"])["status"].tolist() == ["ok"] * 15 + ["too_few"] * 5


def test_rules() -> None:
    flat = [10.0, 11, 9, 10.5, 9.5, 10, 11, 9]
    base = np.array([100.0] * 8)

    def places(more: list[float], rule: str) -> list[int]:
        return fired(series(flat + more, [*base, *[100.0] * len(more)]), rule, baseline=8, limits="sigma")

    assert places([12.0] * 9, "run_of_8") == [15, 16]
    assert places([12.0] * 7 + [10.0] + [12.0] * 7, "run_of_8") == []
    assert places([8.0] * 8, "run_of_8") == [14, 15]  # the last of the flat ones lies below as well
    # two standard deviations: 6.3
    assert places([17.0, 10, 17, 10, 10, 17], "two_of_three") == [10]
    assert places([17.0, 17, 3], "two_of_three") == [9]
    assert places([7.0, 8, 9, 10, 11, 12, 12], "trend_of_6") == [13]
    assert places([12.0, 11, 10, 9, 8, 7, 6], "trend_of_6") == [13, 14]
    assert places([20.0, 10], "beyond_limits") == [8]


@pytest.mark.parametrize(("rule", "length"), [("run_of_8", 8), ("trend_of_6", 6), ("two_of_three", 3)])
def test_false_alarms_of_each_rule(rule: str, length: int) -> None:
    chance = np.random.default_rng(8)
    size, periods = 400, 48
    events = chance.poisson(1e6, (size, periods)).astype(float)
    events[:, :8] = 1e6  # a centre that is known
    frame = pd.DataFrame(
        {"measure": np.repeat(np.arange(size), periods).astype(str), "group": "g",
         "period": np.tile([f"{place:02d}" for place in range(periods)], size),
         "numerator": events.ravel(), "denominator": 1e6}
    )  # fmt: skip
    found = control_chart(frame, kind="rate", rules=[rule], baseline=8)
    found = found[(found["quantity"] == "signal") & (found["period"].astype(int) >= 7 + length)]
    expected = {"run_of_8": 0.0078, "trend_of_6": 2 / 720, "two_of_three": 0.0021}[rule]
    assert found["estimate"].mean() == pytest.approx(expected, abs=0.002)


def test_a_gap_ends_a_run_of_points() -> None:
    frame = series([*[10] * 8, *[12] * 9], 100)
    assert fired(frame, "run_of_8", baseline=8) == [15, 16]
    for change in ({"status": "not_available"}, {"numerator": np.nan}, {"numerator": 0.0, "denominator": 0.0}):
        assert fired(with_status(frame, "2020", **change), "run_of_8", baseline=8) == []


def test_a_hidden_period_hides_what_it_is_part_of() -> None:
    frame = with_status(series([*[10] * 8, *[12] * 9], 100), "2019", disclosure="hidden")
    assert set(control_chart(frame, kind="rate")["status"]) == {"hidden"}
    found = control_chart(frame, kind="rate", baseline=8)
    check_results(found, limits=False)
    assert np.flatnonzero(found[found["quantity"] == "control"]["status"] == "hidden").tolist() == [9]
    for rule, length in (("beyond_limits", 1), ("two_of_three", 3), ("trend_of_6", 6), ("run_of_8", 8)):
        hidden = found.loc[found["term"] == rule, "status"].to_numpy() == "hidden"
        assert np.flatnonzero(hidden).tolist() == list(range(9, min(9 + length, 17)))


@pytest.mark.parametrize(
    ("events", "base", "kind", "status"),
    [
        ([1] * 7, 50, "rate", "too_few"),
        ([0] * 9, 50, "rate", "no_events"),
        ([5] * 9, 5, "proportion", "too_few"),
        ([5] * 9, 0, "rate", "no_denominator"),
        ([5] * 9, np.nan, "rate", "no_denominator"),
        ([5] * 9, 4, "proportion", "inconsistent"),
        ([1] * 8, 50, "rate", "ok"),
    ],
)
def test_statuses(events: list[float], base: float, kind: str, status: str) -> None:
    found = control_chart(series(events, base), kind=kind)
    assert set(found["status"]) == {status}
    check_results(found, limits=False)


@KINDS
def test_repeat_children_widen_the_limits(kind: str) -> None:
    frame = series([300.0, 280, 260, 250, 290, 280, 270, 265], 4000)
    sums = {"numerator_squares": frame["numerator"] * 4, "products": 0.0, "denominator_squares": 0.0}
    before, after = (control(table, kind=kind, limits="sigma") for table in (frame, frame.assign(**sums)))
    centre = frame["numerator"].sum() / frame["denominator"].sum()
    wider = (after["upper"] - centre) / (before["upper"] - centre)
    assert_allclose(wider, 2 if kind == "rate" else 2.07, rtol=0.01)
    assert after["method"][0].endswith("_by_child")
    exact = control(frame.assign(**sums), kind=kind)
    assert_allclose(exact["upper"], after["upper"], rtol=0.05)


@pytest.mark.parametrize("limits", ["exact", "sigma", "laney"])
@KINDS
@FEW
@given(seed=st.integers(0, 2**32 - 1))
def test_any_counts_at_all(kind: str, limits: str, seed: int) -> None:
    frame = wild(seed, odd=0.01)
    options = {"kind": kind, "limits": limits, "baseline": 8, "confidence": [0.95, 0.998]}
    found = control_chart(frame, **options)
    check_results(found[found["quantity"] == "control"])
    check_results(found[found["quantity"] == "signal"], limits=False)
    assert len(found) == len(frame) * 2 * (1 + len(RULES))
    hidden = frame["disclosure"].eq("hidden")
    swapped = frame.copy()
    swapped.loc[hidden, ["numerator", "denominator"]] = 7.0
    assert_frame_equal(found, control_chart(swapped, **options))
    shuffled = control_chart(frame.sample(frac=1, random_state=1), **options)
    assert_frame_equal(ordered(found), ordered(shuffled), rtol=1e-9)


def test_geometric_limits_are_the_quantiles_of_r() -> None:
    rows = REFERENCE[REFERENCE["distribution"] == "geometric"]
    for row in rows.to_dict("records"):
        gaps = pd.DataFrame({"group": "g", "gap": [row["base"]] * 8})
        found = rare_event_chart(gaps, confidence=1 - 2 * row["tail"]).iloc[0]
        assert (found["lower"], found["upper"]) == (row["lower"], row["upper"])


def test_a_long_gap_is_a_signal() -> None:
    gaps = pd.DataFrame({"group": "g", "gap": [40.0] * 8 + [400.0, 0.0], "period": "2020"})
    found = rare_event_chart(gaps, baseline=8)
    signal = found[found["quantity"] == "gap_signal"]
    assert signal["estimate"].tolist() == [0.0] * 8 + [1.0, 0.0]
    assert signal["term"].tolist() == [str(number) for number in range(1, 11)]
    assert (found["reference_numerator"] == 8).all()
    often = rare_event_chart(gaps.assign(gap=[4000.0] * 8 + [1.0, 4000.0]), baseline=8)
    assert often.loc[often["quantity"] == "gap_signal", "estimate"].tolist() == [0.0] * 8 + [-1.0, 0.0]
    assert rare_event_chart(gaps[:7])["status"].eq("too_few").all()
    hidden = rare_event_chart(gaps.assign(disclosure=["hidden"] + ["shown"] * 9))
    assert hidden["status"].eq("hidden").all()
    check_results(hidden, limits=False)


def test_gaps_of_counts() -> None:
    frame = pd.concat([series([0, 1, 0, 2, 0, 1, 0], 100), series([0, 0, 1, 0, 0, 0, 0], 100, "White")])
    found = gaps_between_events(frame)
    black = found[found["group"] == "Black"]
    # events at 150; 325 and 375; 550
    assert black["gap"].tolist() == [175, 50, 175]
    assert black["period"].tolist() == ["2013", "2013", "2015"]
    white = found[found["group"] == "White"]
    assert len(white) == 1
    assert np.isnan(white["gap"].iloc[0])
    chart = rare_event_chart(found)
    check_results(chart, limits=False)
    assert chart["status"].eq("too_few").all()
    closed = gaps_between_events(with_status(frame, "2013", disclosure="hidden"))
    assert closed["disclosure"].tolist() == ["hidden", "hidden"]
    assert rare_event_chart(closed)["status"].eq("hidden").all()


def test_the_gap_chart_of_counts_alarms_as_often_as_it_says() -> None:
    chance = np.random.default_rng(2)
    size, periods = 60, 400
    frame = pd.DataFrame(
        {"measure": np.repeat(np.arange(size), periods).astype(str), "group": "g",
         "period": np.tile([f"{place:03d}" for place in range(periods)], size),
         "numerator": chance.poisson(0.15, size * periods).astype(float), "denominator": 1000.0}
    )  # fmt: skip
    found = rare_event_chart(gaps_between_events(frame), confidence=0.95)
    signal = found[found["quantity"] == "gap_signal"]["estimate"]
    assert 0.01 <= (signal == 1).mean() <= 0.035


@FEW
@given(seed=st.integers(0, 2**32 - 1))
def test_gaps_of_any_counts_at_all(seed: int) -> None:
    frame = wild(seed, whole=True, odd=0.01)
    frame = frame.assign(numerator=np.minimum(frame["numerator"], 3), denominator=frame["denominator"] / 7)
    found = rare_event_chart(gaps_between_events(frame), confidence=[0.95, 0.998])
    check_results(found[found["quantity"] == "gap"])
    check_results(found[found["quantity"] == "gap_signal"], limits=False)


def test_counts_of_nothing_give_an_empty_table() -> None:
    empty = series([1], 1).iloc[:0]
    assert control_chart(empty, kind="rate").empty
    assert gaps_between_events(empty).empty
    assert rare_event_chart(gaps_between_events(empty)).empty


def test_wrong_calls_are_refused() -> None:
    frame = series([1] * 9, 10)
    for options in ({"limits": "wide"}, {"rules": ["run"]}, {"rules": "run_of_8"}, {"baseline": 5}, {"per": 0}):
        with pytest.raises(EstimationError):
            control_chart(frame, kind="rate", **options)
    with pytest.raises(EstimationError, match="whole"):
        gaps_between_events(series([0.5] * 9, 10))
    with pytest.raises(EstimationError, match="gap"):
        rare_event_chart(frame)
    with pytest.raises(EstimationError, match="8 gaps"):
        rare_event_chart(pd.DataFrame({"group": ["g"], "gap": [1.0]}), baseline=3)
