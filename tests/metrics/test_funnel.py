"""Funnel limits against R, SciPy and their own definition.

Tolerances: R's values are stored to twelve figures; 1e-9 relative is what its distribution functions and ours agree to.
"""

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

from tests.metrics.frames import is_blank
from tests.metrics.test_laws import WILD, wild
from yjd.errors import EstimationError
from yjd.metrics.funnel import funnel, funnel_limits, overdispersion
from yjd.schema import RESULT_COLUMNS, RESULT_KEYS

FROM_R = pd.read_csv(Path(__file__).parents[1] / "reference" / "funnel.csv")
KEYS = list(RESULT_KEYS)
KINDS = ["rate", "proportion"]
STATUSES = {
    "ok", "break", "hidden", "not_available", "censored", "no_denominator", "inconsistent", "no_events", "too_few",
}  # fmt: skip


def areas(numerators: list[float], bases: list[float], **columns: object) -> pd.DataFrame:
    names = [f"area {place:02d}" for place in range(len(bases))]
    frame = pd.DataFrame({"group": "Black", "area": names, "numerator": numerators, "denominator": bases})
    return frame.assign(**columns)


def wild_areas(frame: pd.DataFrame) -> pd.DataFrame:
    """Wild counts with areas: every six strata are the areas (and All) of one."""
    number = frame["measure"].str.extract(r"(\d+)")[0].astype(int)
    names = np.array(["All", "Avon", "Brent", "Camden", "Devon", "Unknown"])
    return frame.assign(measure=(number // 6).astype(str), area=names[number % 6])


@pytest.mark.parametrize("limits", ["spiegelhalter", "mid_p"])
@pytest.mark.parametrize("kind", KINDS)
def test_r_gives_the_same_exact_limits(kind: str, limits: str) -> None:
    name = limits.split("_")[0]
    for level, rows in FROM_R[FROM_R["kind"] == kind].groupby("level"):
        found = funnel(areas(rows["a"], rows["base"]), kind=kind, confidence=level, limits=limits)
        assert_allclose(found["lower"], rows[f"{name}_lower"], rtol=1e-9, atol=1e-12)
        assert_allclose(found["upper"], rows[f"{name}_upper"], rtol=1e-9)
        assert_allclose(found["p_value"], rows["p_value"], rtol=1e-9)
        assert set(found["method"]) == {f"{'poisson' if kind == 'rate' else 'binomial'}_{limits}"}


@pytest.mark.parametrize("dispersion", ["multiplicative", "additive"])
@pytest.mark.parametrize("kind", KINDS)
def test_r_gives_the_same_dispersion_and_limits_follow_from_it(kind: str, dispersion: str) -> None:
    rows = FROM_R[(FROM_R["kind"] == kind) & (FROM_R["level"] == 0.95)]
    target, base = rows["target"].iloc[0], rows["base"].to_numpy(float)
    expected = rows["factor" if dispersion == "multiplicative" else "between"].iloc[0]
    widening = overdispersion(rows["a"], base, target, kind=kind, dispersion=dispersion)
    assert widening == pytest.approx(expected, rel=1e-10)
    stable, back = (
        (np.sqrt, np.square) if kind == "rate" else (lambda x: np.arcsin(np.sqrt(x)), lambda x: np.sin(x) ** 2)
    )
    chance = 1 / (4 * base)
    reach = stats.norm.ppf(0.975) * np.sqrt(chance * expected if dispersion == "multiplicative" else chance + expected)
    found = funnel(areas(rows["a"], base), kind=kind, confidence=0.95, dispersion=dispersion)
    assert_allclose(found["lower"], back(np.maximum(stable(target) - reach, 0)), rtol=1e-9)
    assert_allclose(found["upper"], back(stable(target) + reach), rtol=1e-9)
    drawn = funnel_limits(base, target, kind=kind, confidence=0.95, dispersion=dispersion, widening=widening)
    assert_allclose(drawn.lower[:, 0], found["lower"], rtol=1e-12)
    assert_allclose(drawn.upper[:, 0], found["upper"], rtol=1e-12)
    outside = (found["estimate"] < found["lower"]) | (found["estimate"] > found["upper"])
    assert (outside == (found["p_value"] < 0.05)).all()


@pytest.mark.parametrize("dispersion", ["multiplicative", "additive"])
def test_without_overdispersion_limits_are_exact(dispersion: str) -> None:
    frame = areas([10, 11, 9, 10, 10], [100, 105, 95, 100, 98])
    found = funnel(frame, kind="rate", dispersion=dispersion)
    assert_frame_equal(found, funnel(frame, kind="rate"))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20, deadline=None)
@given(base=st.integers(1, 3000), target=st.floats(0.001, 0.95), level=st.sampled_from([0.5, 0.95, 0.998, 0.999999]))
def test_limits_lie_within_one_event_of_scipys_quantiles(kind: str, base: int, target: float, level: float) -> None:
    by_scipy = stats.poisson(base * target) if kind == "rate" else stats.binom(base, target)
    tails = (1 - level) / 2, 1 - (1 - level) / 2
    whole = np.array([by_scipy.ppf(p) for p in tails])
    for limits, before, after in (("spiegelhalter", 1, 0), ("mid_p", 1, 1)):
        found = funnel_limits(base, target, kind=kind, confidence=level, limits=limits)
        counts = np.array([found.lower[0, 0], found.upper[0, 0]]) * base
        assert (counts >= np.maximum(whole - before, 0) - 1e-9).all()
        assert (counts <= whole + after + 1e-9).all()


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20, deadline=None)
@given(base=st.integers(1, 400), target=st.floats(0.01, 0.9), level=st.sampled_from([0.8, 0.95, 0.998]))
def test_an_area_is_outside_just_where_its_mid_p_value_says_so(
    kind: str, base: int, target: float, level: float
) -> None:
    counts = np.arange(0, base + 1, dtype=float)
    frame = areas(counts, [base] * len(counts))
    found = funnel(frame, kind=kind, target=target, confidence=level)
    outside = (found["estimate"] < found["lower"] - 1e-12) | (found["estimate"] > found["upper"] + 1e-12)
    edge = np.abs(found["p_value"] - (1 - level)) < 1e-9
    assert ((outside == (found["p_value"] < 1 - level)) | edge).all()


def test_false_alarms_are_as_rare_as_stated_on_average() -> None:
    # over means from 1 to 60: half-steps hold the level, steps themselves do so only at one end
    share = {}
    for limits in ("mid_p", "spiegelhalter"):
        alarms = []
        for mean in np.linspace(1, 60, 200):
            found = funnel_limits(mean, 1.0, kind="rate", confidence=0.95, limits=limits)
            count = np.arange(200)
            outside = (count < found.lower[0, 0] * mean) | (count > found.upper[0, 0] * mean)
            alarms.append(stats.poisson.pmf(count, mean)[outside].sum())
        share[limits] = np.mean(alarms)
    assert share["mid_p"] == pytest.approx(0.05, abs=0.003)
    assert share["spiegelhalter"] == pytest.approx(0.05, abs=0.01)


def test_the_target_is_the_rate_of_the_areas_together_unless_one_is_given() -> None:
    frame = areas([5, 10, 30], [100, 200, 300])
    found = funnel(frame, kind="rate", per=1000, confidence=0.95)
    assert set(found["reference_numerator"]) == {45.0}
    assert set(found["reference_denominator"]) == {600.0}
    named = funnel(frame, kind="rate", per=1000, confidence=0.95, target=75.0)
    assert_frame_equal(found, named, rtol=1e-12)
    assert_allclose(found["estimate"], [50, 50, 100])


def test_areas_all_and_unknown_take_no_part() -> None:
    frame = areas([5, 10, 30], [100, 200, 300])
    more = pd.concat([frame, areas([45, 9], [600, 1]).assign(area=["All", "Unknown"])], ignore_index=True)
    assert_frame_equal(funnel(more, kind="rate"), funnel(frame, kind="rate"))
    assert funnel(frame.assign(area="All").iloc[:1], kind="rate").empty
    assert tuple(funnel(frame.iloc[:0], kind="rate").columns) == RESULT_COLUMNS


@pytest.mark.parametrize(
    ("frame", "options", "status"),
    [
        (areas([5], [100]), {}, ["too_few"]),
        (areas([5], [100]), {"target": 0.04}, ["ok"]),
        (areas([5, 6], [100, 90]), {"dispersion": "additive"}, ["too_few"] * 2),
        (areas([0, 0, 0], [100, 90, 80]), {}, ["no_events"] * 3),
        (areas([0, 0, 0], [100, 90, 80]), {"target": 0.1}, ["ok"] * 3),
        (areas([5, 6, 7], [100, 90, 0]), {}, ["ok", "ok", "no_denominator"]),
        (areas([5, np.nan, 7], [100, 90, 80]), {}, ["not_available"] * 3),
        (areas([5, 6, 7], [100, 90, 80], status=["ok", "censored", "not_available"]), {}, ["censored"] * 3),
        (areas([5, 6, 7], [100, 90, 80], status=["ok", "break", "ok"]), {}, ["break"] * 3),
    ],
)
def test_statuses(frame: pd.DataFrame, options: dict[str, object], status: list[str]) -> None:
    found = funnel(frame, kind="rate", confidence=0.95, **options)
    assert found["status"].tolist() == status
    assert is_blank(found[~found["status"].isin(["ok", "break"])]) or set(status) <= {"ok", "break"}


def test_a_proportion_above_one_in_one_area_spoils_the_target_of_all() -> None:
    frame = areas([5, 6, 9], [100, 90, 8])
    assert set(funnel(frame, kind="proportion")["status"]) == {"inconsistent"}
    assert set(funnel(frame, kind="rate")["status"]) == {"ok"}
    assert set(funnel(areas([5, 6], [5, 6]), kind="proportion")["status"]) == {"no_events"}


def test_one_hidden_area_hides_all_of_its_group() -> None:
    frame = areas([5, 6, 7], [100, 90, 80], disclosure=["shown", "hidden", "shown"])
    other = areas([5, 6, 7], [100, 90, 80], group="White", disclosure="shown")
    found = funnel(pd.concat([frame, other], ignore_index=True), kind="rate", confidence=0.95)
    assert found["status"].tolist() == ["hidden"] * 3 + ["ok"] * 3
    assert found["disclosure"].tolist()[:3] == ["hidden", "hidden", "hidden"]
    assert is_blank(found.iloc[:3], counts_too=True)


@pytest.mark.parametrize(
    "options",
    [
        {"over": "group"}, {"target": 0.0}, {"target": float("nan")}, {"target": 1.0, "kind": "proportion"},
        {"dispersion": "some"}, {"limits": "wald"}, {"confidence": 1.0}, {"per": 0.0}, {"kind": "ratio"},
    ],
)  # fmt: skip
def test_options_without_a_meaning_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(EstimationError):
        funnel(areas([5, 6], [100, 90]), **({"kind": "rate"} | options))


def test_curves_need_bases_above_0() -> None:
    with pytest.raises(EstimationError):
        funnel_limits([0.0, 10.0], 0.1, kind="rate")


@pytest.mark.parametrize("dispersion", ["none", "multiplicative", "additive"])
@pytest.mark.parametrize("kind", KINDS)
@WILD
@given(frame=wild(), seed=st.integers(0, 999))
def test_any_counts(kind: str, dispersion: str, frame: pd.DataFrame, seed: int) -> None:
    frame = wild_areas(frame)
    found = funnel(frame, kind=kind, dispersion=dispersion)
    assert tuple(found.columns) == RESULT_COLUMNS
    assert set(found["status"]) <= STATUSES
    usable = found["status"].isin(["ok", "break"])
    numbers = found.loc[usable, ["estimate", "lower", "upper", "p_value", "numerator", "denominator"]].to_numpy()
    assert np.isfinite(numbers).all()
    target = (found["reference_numerator"] / found["reference_denominator"])[usable]
    assert (numbers[:, 1] <= target * (1 + 1e-9)).all()
    assert (numbers[:, 2] >= target * (1 - 1e-9)).all() or kind == "proportion" or numbers[:, 2].min() >= 0
    assert found.loc[~usable, ["estimate", "lower", "upper", "p_value"]].isna().all(axis=None)
    shuffled = funnel(frame.sample(frac=1, random_state=seed), kind=kind, dispersion=dispersion)
    assert_frame_equal(
        found.sort_values(KEYS, ignore_index=True), shuffled.sort_values(KEYS, ignore_index=True), rtol=1e-12
    )
    hidden = frame["disclosure"].eq("hidden")
    swapped = frame.copy()
    swapped.loc[hidden, ["numerator", "denominator"]] = 7.0
    assert_frame_equal(found, funnel(swapped, kind=kind, dispersion=dispersion))
