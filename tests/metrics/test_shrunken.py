"""Shrunken area rates against R, against a published example, and against a truth that is known.

Tolerances: R's maximum is polished by Newton steps on numerical derivatives, good to 1e-8 in t and u; an estimate is
then good to 1e-8. R's limits come of 600 by 600 points where ours come of 12 by 7: they agree to 1% of their width.
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
from scipy import special

from tests.metrics.frames import is_blank
from tests.metrics.test_funnel import areas, wild_areas
from tests.metrics.test_laws import WILD, wild
from yjd.errors import EstimationError
from yjd.metrics import rising
from yjd.metrics.conjugate import BetaBinomial, GammaPoisson, Model
from yjd.metrics.empirical_bayes import fit, profile
from yjd.metrics.shrunken import shrunken_rate
from yjd.schema import RESULT_COLUMNS, RESULT_KEYS

FROM_R = pd.read_csv(Path(__file__).parents[1] / "reference" / "shrunken.csv")
EXAMPLES = [(name, rows) for name, rows in FROM_R.groupby("example", sort=False)]
KEYS = list(RESULT_KEYS)
KINDS = ["rate", "proportion"]
NAMES = {"rate": "gamma_poisson", "proportion": "beta_binomial"}
STATUSES = {
    "ok", "break", "hidden", "not_available", "censored", "no_denominator", "inconsistent", "no_events", "too_few",
}  # fmt: skip


def model(kind: str, a: np.ndarray, n: np.ndarray) -> Model:
    return (GammaPoisson if kind == "rate" else BetaBinomial)(np.asarray(a, float), np.asarray(n, float))


@pytest.mark.parametrize(("name", "rows"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_r_finds_the_same_maximum_and_estimates(name: str, rows: pd.DataFrame) -> None:
    kind = rows["kind"].iloc[0]
    of_one = model(kind, rows[["a"]].T, rows[["n"]].T)
    found = fit(of_one, profile(of_one))
    assert found.converged.all()
    assert found.t[0, 0] == pytest.approx(rows["t"].iloc[0], abs=1e-8)
    assert found.u[0, 0] == pytest.approx(rows["u"].iloc[0], abs=2e-8)
    table = shrunken_rate(areas(rows["a"], rows["n"]), kind=kind, per=1000)
    assert_allclose(table["estimate"], 1000 * rows["estimate"], rtol=1e-8)
    pooled = "_pooled" if np.isinf(rows["u"].iloc[0]) else ""
    assert set(table["method"]) == {NAMES[kind] + pooled}


def test_the_published_estimates_of_the_pumps() -> None:
    # shape 0.82 and rate 1.26: the greatest likelihood that NIMBLE's tests of its own algorithm state for these data
    rows = dict(EXAMPLES)["pumps"]
    of_one = model("rate", rows[["a"]].T, rows[["n"]].T)
    found = fit(of_one, profile(of_one))
    shape = np.exp(-found.u[0, 0])
    assert (round(shape, 2), round(shape / np.exp(found.t[0, 0]), 2)) == (0.82, 1.26)


@pytest.mark.parametrize(("name", "rows"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_a_fine_grid_gives_the_same_limits(name: str, rows: pd.DataFrame) -> None:
    found = shrunken_rate(areas(rows["a"], rows["n"]), kind=rows["kind"].iloc[0])
    width = (rows["upper"] - rows["lower"]).to_numpy()
    assert (np.abs(found["lower"] - rows["lower"].to_numpy()) < 0.01 * width).all()
    assert (np.abs(found["upper"] - rows["upper"].to_numpy()) < 0.01 * width).all()


def test_unequal_strata_solved_at_once_are_as_those_solved_alone() -> None:
    frames = [areas(rows["a"], rows["n"], measure=name) for name, rows in EXAMPLES if rows["kind"].iloc[0] == "rate"]
    together = shrunken_rate(pd.concat(frames, ignore_index=True), kind="rate")
    apart = pd.concat([shrunken_rate(frame, kind="rate") for frame in frames], ignore_index=True)
    assert_frame_equal(together, apart, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_slopes_are_those_of_the_likelihood(kind: str, seed: int) -> None:
    chance = np.random.default_rng(seed)
    n = chance.integers(1, 2000, (4, 5)).astype(float)
    of_all = model(kind, np.floor(n * chance.random((4, 5)) ** 3), n)
    t, u = chance.normal(-1, 1, (4, 1)), chance.uniform(-6, 2, (4, 1))
    slopes, step = of_all.slopes(t, u), 1e-5
    for place, (by_t, by_u) in enumerate([(step, 0.0), (0.0, step)]):
        ahead, behind = (t + by_t, u + by_u), (t - by_t, u - by_u)
        first = (of_all.likelihood(*ahead) - of_all.likelihood(*behind))[:, 0] / (2 * step)
        second = (of_all.slopes(*ahead).first - of_all.slopes(*behind).first) / (2 * step)
        assert_allclose(slopes.first[:, place], first, rtol=1e-5, atol=2e-4)
        assert_allclose(slopes.second[:, place], second, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("c", [0.0, 0.3, 1.0, 40.0, 1e4])
def test_the_rising_factorial_is_the_same_on_either_side_of_its_change_of_method(c: float) -> None:
    x = np.array([24.999999999, 25.0, 60.0, 1000.0])
    count = np.full(4, c)
    log = special.gammaln(x + c) - special.gammaln(x) - c * np.log(x)
    assert_allclose(rising.log_rising(count, x), log, rtol=1e-10, atol=1e-10)
    by_one = special.psi(x + c) - special.psi(x) - np.log1p(c / x)
    assert_allclose(rising.first(count, x), by_one, atol=1e-14)
    by_two = special.polygamma(1, x + c) - special.polygamma(1, x) + c / x / (x + c)
    assert_allclose(rising.second(count, x), by_two, atol=1e-15)
    # where gamma functions would lose every digit: c (c - 1) / 2x is the first term of the series
    few, huge = np.array([min(c, 40.0)]), np.array([1e12])
    assert_allclose(rising.log_rising(few, huge), few * (few - 1) / (2 * huge), atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_an_estimate_lies_between_the_areas_rate_and_the_mean(kind: str, seed: int) -> None:
    chance = np.random.default_rng(seed)
    n = chance.integers(1, 500, 7).astype(float)
    a = chance.binomial(n.astype(int), chance.beta(1, 5, 7)).astype(float)
    found = shrunken_rate(areas(a, n), kind=kind)
    if set(found["status"]) != {"ok"}:
        return
    of_one = model(kind, a[None], n[None])
    t = fit(of_one, profile(of_one)).t[0, 0]
    mean = np.exp(t) if kind == "rate" else special.expit(t)
    low, high = np.minimum(a / n, mean), np.maximum(a / n, mean)
    if found["method"].iloc[0].endswith("_pooled"):
        assert_allclose(found["estimate"], a.sum() / n.sum(), rtol=1e-12)
    else:
        assert (found["estimate"] >= low * (1 - 1e-9)).all()
        assert (found["estimate"] <= high * (1 + 1e-9)).all()


@pytest.mark.parametrize(
    ("numerators", "bases"),
    [([0, 50, 0, 7], [100, 50, 80, 7]), ([1, 0, 0], [1, 1, 1]), ([0, 5, 0, 3], [5, 5, 4, 3]), ([0, 0, 9], [1, 1, 9])],
)
def test_areas_as_far_apart_as_can_be_keep_their_own_rates_or_are_one(
    numerators: list[float], bases: list[float]
) -> None:
    found = shrunken_rate(areas(numerators, bases), kind="proportion")
    assert set(found["status"]) == {"ok"}
    estimate = found["estimate"].to_numpy()
    own, common = np.divide(numerators, bases), np.sum(numerators) / np.sum(bases)
    # bases of one say nothing about differences: no spread fits as well as any
    assert np.allclose(estimate, common) if max(bases) == 1 else np.abs(estimate - own).max() < 1e-4


def simulated(kind: str, cv: float, expected: float) -> tuple[np.ndarray, pd.DataFrame]:
    """Many strata of 7 areas whose true rates are known."""
    chance = np.random.default_rng([7, int(100 * cv), int(expected)])
    shape = (400, 7)
    n = np.ceil(np.exp(chance.normal(0, 0.7, shape)) * expected / 0.2)
    if kind == "rate":
        truth = 0.2 * (chance.gamma(cv**-2, cv**2, shape) if cv else np.ones(shape))
        a = chance.poisson(n * truth)
    else:
        s = 0.8 / (0.2 * cv**2) - 1 if cv else np.inf
        truth = chance.beta(0.2 * s, 0.8 * s, shape) if cv else np.full(shape, 0.2)
        a = chance.binomial(n.astype(int), truth)
    strata, names = np.indices(shape)
    frame = pd.DataFrame({"measure": strata.ravel().astype(str), "area": names.ravel().astype(str), "group": "Black"})
    return truth.ravel(), frame.assign(numerator=a.ravel().astype(float), denominator=n.ravel())


@pytest.mark.parametrize("expected", [3, 30])
@pytest.mark.parametrize("cv", [0.0, 0.2, 0.4, 0.8])
@pytest.mark.parametrize("kind", KINDS)
def test_intervals_hold_the_truth_and_estimates_are_nearer_to_it_than_raw_rates(
    kind: str, cv: float, expected: float
) -> None:
    truth, frame = simulated(kind, cv, expected)
    found = shrunken_rate(frame, kind=kind)
    ok = (found["status"] == "ok").to_numpy()
    assert ok.mean() > 0.99
    held = ((found["lower"] <= truth) & (truth <= found["upper"]))[ok].mean()
    assert 0.915 < held <= 1
    raw = found["numerator"] / found["denominator"]
    assert ((found["estimate"] - truth)[ok] ** 2).mean() < ((raw - truth)[ok] ** 2).mean() * 1.02


@pytest.mark.parametrize("kind", KINDS)
def test_intervals_hold_the_truth_where_those_of_known_hyperparameters_do_not(kind: str) -> None:
    truth, frame = simulated(kind, 0.2, 30)
    found = shrunken_rate(frame, kind=kind)
    a, n = (frame[name].to_numpy().reshape(-1, 7) for name in ("numerator", "denominator"))
    of_all = model(kind, a, n)
    best = fit(of_all, profile(of_all))
    naive = of_all.posterior(best.t, np.where(np.isinf(best.u), -20.0, best.u))
    near = np.abs(naive.mean[..., 0].ravel() - truth) < 1.96 * np.sqrt(naive.variance[..., 0].ravel())
    assert near.mean() < 0.8
    assert ((found["lower"] <= truth) & (truth <= found["upper"])).mean() > 0.94


@pytest.mark.parametrize(
    ("frame", "status"),
    [
        (areas([5, 6], [100, 90]), ["too_few"] * 2),
        (areas([5, 6, 7], [100, 90, 0]), ["too_few"] * 2 + ["no_denominator"]),
        (areas([5, 6, 7, 2], [100, 90, np.nan, 50]), ["ok", "ok", "no_denominator", "ok"]),
        (areas([0, 0, 0], [100, 90, 80]), ["no_events"] * 3),
        (areas([5, np.nan, 7], [100, 90, 80]), ["not_available"] * 3),
        (areas([5, 6, 7], [100, 90, 80], status=["ok", "censored", "not_available"]), ["censored"] * 3),
        (areas([5, 6, 7], [100, 90, 80], status=["ok", "break", "ok"]), ["break"] * 3),
        (areas([5, 6, 7], [100, 90, 80], disclosure=["shown", "rounded", "shown"]), ["ok"] * 3),
    ],
)
def test_statuses(frame: pd.DataFrame, status: list[str]) -> None:
    found = shrunken_rate(frame, kind="rate")
    assert found["status"].tolist() == status
    assert found.loc[found["status"].isin(["ok", "break"]), "estimate"].notna().all()
    assert found.loc[~found["status"].isin(["ok", "break"]), ["estimate", "lower", "upper"]].isna().all(axis=None)


def test_a_proportion_above_one_or_that_does_not_vary_has_no_estimates() -> None:
    assert set(shrunken_rate(areas([5, 6, 9], [9, 9, 8]), kind="proportion")["status"]) == {"inconsistent"}
    assert set(shrunken_rate(areas([5, 6, 9], [5, 6, 9]), kind="proportion")["status"]) == {"no_events"}


def test_rows_keep_their_own_counts_beside_those_of_all_areas() -> None:
    frame = pd.concat(
        [areas([5, 6, 10], [100, 90, 80]), areas([50, 3], [999, 5]).assign(area=["All", "Unknown"])], ignore_index=True
    )
    found = shrunken_rate(frame, kind="rate", per=1000, confidence=[0.95, 0.998])
    assert found["area"].tolist() == [name for name in ("area 00", "area 01", "area 02") for _ in range(2)]
    assert found["numerator"].tolist()[::2] == [5, 6, 10]
    assert set(found["reference_numerator"]) == {21.0}
    assert set(found["reference_denominator"]) == {270.0}
    assert set(found["quantity"]) == {"shrunken_rate"}
    assert (found["lower"].to_numpy()[1::2] < found["lower"].to_numpy()[::2]).all()
    assert tuple(shrunken_rate(frame.iloc[:0], kind="rate").columns) == RESULT_COLUMNS


def test_one_hidden_area_hides_all_of_its_group() -> None:
    frame = areas([5, 6, 7], [100, 90, 80], disclosure=["shown", "hidden", "shown"])
    found = shrunken_rate(frame, kind="rate")
    assert found["disclosure"].tolist() == ["hidden", "hidden", "hidden"]
    assert is_blank(found, counts_too=True)


def test_other_splits_can_be_drawn_together() -> None:
    by_area = areas([5, 6, 17], [100, 90, 80])
    by_age = by_area.rename(columns={"area": "age_band"})
    found = shrunken_rate(by_age, kind="rate", over="age_band")
    assert_allclose(found["estimate"], shrunken_rate(by_area, kind="rate")["estimate"])


@pytest.mark.parametrize("options", [{"over": "group"}, {"confidence": 2.0}, {"per": -1.0}, {"kind": "ratio"}])
def test_options_without_a_meaning_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(EstimationError):
        shrunken_rate(areas([5, 6], [100, 90]), **({"kind": "rate"} | options))


@pytest.mark.parametrize("kind", KINDS)
@WILD
@given(frame=wild(), seed=st.integers(0, 999))
def test_any_counts(kind: str, frame: pd.DataFrame, seed: int) -> None:
    frame = wild_areas(frame)
    found = shrunken_rate(frame, kind=kind, confidence=[0.5, 0.95])
    assert tuple(found.columns) == RESULT_COLUMNS
    assert set(found["status"]) <= STATUSES  # among them is no not_converged
    usable = found["status"].isin(["ok", "break"])
    numbers = found.loc[usable, ["estimate", "lower", "upper", "numerator", "denominator"]].to_numpy()
    assert np.isfinite(numbers).all()
    assert ((numbers[:, 1] <= numbers[:, 0]) & (numbers[:, 0] <= numbers[:, 2])).all()
    assert found.loc[~usable, ["estimate", "lower", "upper"]].isna().all(axis=None)
    assert (found.loc[usable, "method"] != "").all()
    shuffled = shrunken_rate(frame.sample(frac=1, random_state=seed), kind=kind, confidence=[0.5, 0.95])
    assert_frame_equal(
        found.sort_values(KEYS, ignore_index=True), shuffled.sort_values(KEYS, ignore_index=True), rtol=1e-9
    )
    hidden = frame["disclosure"].eq("hidden")
    swapped = frame.copy()
    swapped.loc[hidden, ["numerator", "denominator"]] = 7.0
    assert_frame_equal(found, shrunken_rate(swapped, kind=kind, confidence=[0.5, 0.95]))


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 999))
def test_new_names_and_another_scale_give_the_same_numbers(seed: int) -> None:
    chance = np.random.default_rng(seed)
    n = chance.integers(50, 500, 5).astype(float)
    frame = areas(chance.poisson(n * chance.gamma(4, 0.02, 5)).astype(float), n)
    renamed = frame.assign(area=frame["area"].iloc[::-1].to_numpy(), group="White")
    there, back = shrunken_rate(frame, kind="rate"), shrunken_rate(renamed, kind="rate", per=100)
    numbers = ["estimate", "lower", "upper"]
    assert_allclose(
        100 * there.sort_values("area")[numbers].to_numpy(),
        back.sort_values("area", ascending=False)[numbers],
        rtol=1e-7,
    )
