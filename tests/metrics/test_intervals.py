"""Intervals against published examples, other software and their own definitions.

Tolerances: published values to their printed decimals; other software to 1e-9 where it is closed form or a
quantile, and to what its root finder promises where it searches.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats
from scipy.stats.contingency import relative_risk
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint
from statsmodels.stats.rates import confint_poisson

from yjd.metrics import intervals, midp

REFERENCE = Path(__file__).parents[1] / "reference"
PUBLISHED = pd.read_csv(REFERENCE / "intervals.csv")
FROM_R = pd.read_csv(REFERENCE / "exact_midp.csv")  # made by exact_midp.R

LEVELS = (0.8, 0.95, 0.998)
TABLES = [
    (12, 300, 40, 900),
    (7, 34, 1, 34),
    (0, 20, 5, 30),
    (5, 20, 0, 30),
    (20, 20, 12, 30),
    (3, 9, 30, 30),
]

counts = st.integers(0, 200)
levels = st.sampled_from(LEVELS)


@st.composite
def two_proportions(draw: st.DrawFn) -> tuple[int, int, int, int]:
    A, B = draw(st.integers(1, 300)), draw(st.integers(1, 300))
    return draw(st.integers(0, A)), A, draw(st.integers(0, B)), B


@pytest.mark.parametrize("row", PUBLISHED.to_dict("records"), ids=lambda row: f"{row['method']}-{row['a']}-{row['b']}")
def test_published_values(row: dict[str, float]) -> None:
    arguments = [row[name] for name in ("a", "A", "b", "B") if not np.isnan(row[name])]
    lower, upper = getattr(intervals, str(row["method"]))(*arguments, 0.95)
    half_a_unit = 0.5 * 10.0 ** -row["decimals"] * (1 + 1e-9)
    assert lower == pytest.approx(row["lower"], abs=half_a_unit)
    assert upper == pytest.approx(row["upper"], abs=half_a_unit)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("a", "n"), [(0, 20), (1, 7), (8, 40), (19, 20), (20, 20), (3000, 9000)])
def test_wilson_is_that_of_statsmodels(a: int, n: int, level: float) -> None:
    assert_allclose(intervals.wilson(a, n, level), proportion_confint(a, n, 1 - level, method="wilson"), atol=1e-9)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("a", [1, 2, 9, 10, 250, 40_000])
def test_garwood_is_that_of_statsmodels(a: int, level: float) -> None:
    assert_allclose(intervals.garwood(a, level), confint_poisson(a, 1, "exact-c", 1 - level), rtol=1e-9)


@pytest.mark.parametrize("a", [10, 25, 100, 1000])
def test_byar_lies_close_to_exact(a: int) -> None:
    # Breslow and Day call it accurate to the third figure from about 10 events
    assert_allclose(intervals.byar(a), intervals.garwood(a), rtol=5e-3)


def test_poisson_rate_says_which_method_it_used() -> None:
    lower, upper, method = intervals.poisson_rate([0, 9, 10, 25], [1000, 1000, 1000, 1000])
    assert method.tolist() == ["garwood", "garwood", "byar", "byar"]
    assert upper[0] * 1000 == pytest.approx(3.68888, abs=5e-6)
    assert (lower[3] * 1000, upper[3] * 1000) == pytest.approx((16.17427, 36.90645), abs=5e-6)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("table", TABLES)
def test_exact_ratio_is_scipys_clopper_pearson(table: tuple[int, int, int, int], level: float) -> None:
    a, A, b, B = table
    p = stats.binomtest(a, a + b).proportion_ci(level, method="exact")
    with np.errstate(divide="ignore"):
        expected = [np.float64(limit) / np.float64(1 - limit) * B / A for limit in (p.low, p.high)]
    assert_allclose(intervals.rri_exact(a, A, b, B, level), expected, rtol=1e-7)


@pytest.mark.parametrize("table", TABLES)
def test_exact_p_value_is_twice_scipys_smaller_tail(table: tuple[int, int, int, int]) -> None:
    a, A, b, B = table
    tails = [stats.binomtest(a, a + b, A / (A + B), alternative=side).pvalue for side in ("less", "greater")]
    assert intervals.rri_exact_p(a, A, b, B) == pytest.approx(min(1, 2 * min(tails)), rel=1e-9)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("table", [table for table in TABLES if table[0] and table[2]])
def test_katz_is_scipys(table: tuple[int, int, int, int], level: float) -> None:
    expected = relative_risk(*table).confidence_interval(level)
    assert_allclose(intervals.rri_katz(*table, level), (expected.low, expected.high), rtol=1e-9)


@pytest.mark.parametrize("table", [(0, 5, 2, 6), (2, 6, 0, 5), (0, 5, 0, 6), (5, 5, 6, 6)])
def test_katz_has_no_limits_without_a_standard_error(table: tuple[int, int, int, int]) -> None:
    assert np.isnan(intervals.rri_katz(*table)).all()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("table", [(12, 300, 40, 900), (7, 34, 1, 34), (45, 60, 30, 70), (3, 500, 9, 800)])
def test_score_ratio_is_that_of_statsmodels(table: tuple[int, int, int, int], level: float) -> None:
    expected = confint_proportions_2indep(*table, method="score", compare="ratio", alpha=1 - level, correction=True)
    assert_allclose(intervals.rri_score(*table, level), expected, rtol=1e-6)


@pytest.mark.parametrize("table", [(12, 300, 40, 900), (7, 34, 1, 34), (45, 60, 30, 70), (0, 50, 9, 80)])
def test_score_p_value_is_the_n_minus_1_chi_squared(table: tuple[int, int, int, int]) -> None:
    a, A, b, B = table
    pearson = stats.chi2_contingency([[a, A - a], [b, B - b]], correction=False).statistic
    expected = stats.chi2.sf(pearson * (A + B - 1) / (A + B), 1)
    assert intervals.rri_score_p(*table) == pytest.approx(expected, rel=1e-9)


def test_score_ratio_where_everyone_has_the_event() -> None:
    # n of n against n of n: beyond 1 the constrained estimates are 1 and 1/ratio, so the score equation is
    # n x (ratio - 1) = z^2 x 2n / (2n - 1), whose solution needs no search
    n, z2 = 25, stats.norm.ppf(0.975) ** 2
    upper = 1 + z2 * 2 / (2 * n - 1)
    assert_allclose(intervals.rri_score(n, n, n, n), (1 / upper, upper), rtol=1e-12)


def test_score_ratio_at_the_corners() -> None:
    lower, upper = intervals.rri_score([0, 5, 0], [20, 20, 20], [5, 0, 0], [20, 20, 20])
    assert lower[0] == 0
    assert 0 < upper[0] < np.inf
    assert upper[1] == np.inf
    assert (lower[2], upper[2]) == (0, np.inf)


def _score_equation(a: int, A: int, b: int, B: int, ratio: float) -> float:
    """The score statistic from its definition: the constrained likelihood maximised by search."""
    from scipy.optimize import minimize_scalar

    def loss(p: float) -> float:
        return -(stats.binom.logpmf(a, A, min(ratio * p, 1.0)) + stats.binom.logpmf(b, B, p))

    top = min(1.0, 1 / ratio)
    p = minimize_scalar(loss, bounds=(0, top), method="bounded", options={"xatol": 1e-12}).x
    variance = (ratio * p * (1 - ratio * p) / A + ratio**2 * p * (1 - p) / B) * (A + B) / (A + B - 1)
    return float((a / A - ratio * b / B) / np.sqrt(variance))


@pytest.mark.parametrize("table", [(12, 300, 40, 900), (7, 34, 1, 34), (45, 60, 30, 70), (1, 12, 11, 12)])
def test_score_limits_solve_the_score_equation(table: tuple[int, int, int, int]) -> None:
    lower, upper = intervals.rri_score(*table)
    assert _score_equation(*table, float(lower)) == pytest.approx(1.959964, abs=1e-4)
    assert _score_equation(*table, float(upper)) == pytest.approx(-1.959964, abs=1e-4)


def test_difference_of_rates_from_a_reference_known_almost_exactly() -> None:
    # 1 in 1000 among a billion: the reference adds nothing, so the group's own limits remain
    lower, upper = intervals.mover_rates(25, 1000, 1e6, 1e9)
    assert (lower * 1000 + 1, upper * 1000 + 1) == pytest.approx((16.17427, 36.90645), abs=1e-3)


def test_exact_ratio_covers_at_least_as_often_as_it_says() -> None:
    # by enumeration: group mean 6, reference mean 10, true ratio 1.2 on bases 1 and 2
    a, b = (side.ravel() for side in np.meshgrid(np.arange(60), np.arange(70)))
    chance = stats.poisson.pmf(a, 6) * stats.poisson.pmf(b, 10)
    some = a + b > 0
    lower, upper = intervals.rri_exact(a[some], 1, b[some], 2, 0.95)
    covered = chance[some][(lower <= 1.2) & (upper >= 1.2)].sum() + chance[~some].sum()
    assert 0.95 <= covered <= 0.99


@settings(max_examples=60, deadline=None)
@given(two_proportions(), levels)
def test_turning_a_comparison_round_inverts_it(table: tuple[int, int, int, int], level: float) -> None:
    a, A, b, B = table
    for method in (intervals.rri_exact, intervals.rri_score, intervals.rri_katz):
        lower, upper = method(a, A, b, B, level)
        back_lower, back_upper = method(b, B, a, A, level)
        with np.errstate(divide="ignore"):
            assert_allclose([lower, upper], [1 / back_upper, 1 / back_lower], rtol=1e-9)
    for gap in (intervals.newcombe, intervals.mover_rates):
        lower, upper = gap(a, A, b, B, level)
        back_lower, back_upper = gap(b, B, a, A, level)
        assert_allclose([lower, upper], [-back_upper, -back_lower], atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(two_proportions(), levels)
def test_estimates_lie_inside_their_intervals(table: tuple[int, int, int, int], level: float) -> None:
    a, A, b, B = table
    tiny = 1e-9
    for lower, upper in (intervals.wilson(a, A, level), intervals.poisson_rate(a, A, level)[:2]):
        assert 0 <= lower <= a / A <= upper
    for lower, upper in (intervals.newcombe(*table, level), intervals.mover_rates(*table, level)):
        assert lower - tiny <= a / A - b / B <= upper + tiny
    assume(b > 0)
    ratio = (a / A) / (b / B)
    for lower, upper in (intervals.rri_exact(*table, level), intervals.rri_score(*table, level)):
        assert lower * (1 - tiny) <= ratio <= upper * (1 + tiny)


@settings(max_examples=60, deadline=None)
@given(two_proportions(), levels)
def test_p_value_agrees_with_interval(table: tuple[int, int, int, int], level: float) -> None:
    assume(table[0] + table[2] > 0)
    for method, p_value in (
        (intervals.rri_exact, intervals.rri_exact_p),
        (intervals.rri_score, intervals.rri_score_p),
    ):
        lower, upper = method(*table, level)
        p = p_value(*table)
        assume(abs(p - (1 - level)) > 1e-9)
        assert (p < 1 - level) == (lower > 1 or upper < 1)


@settings(max_examples=25, deadline=None)
@given(st.lists(two_proportions(), min_size=1, max_size=8), st.lists(levels, min_size=1, max_size=3))
def test_arrays_give_what_rows_one_by_one_give(
    tables: list[tuple[int, int, int, int]], confidence: list[float]
) -> None:
    columns = [np.array(column, dtype=float)[:, None] for column in zip(*tables, strict=True)]
    for method in (intervals.rri_exact, intervals.rri_score, intervals.newcombe, intervals.mover_rates):
        together = np.stack(method(*columns, np.array(confidence)), axis=-1)
        apart = [[method(*table, level) for level in confidence] for table in tables]
        assert_allclose(together, np.array(apart), rtol=1e-12)


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 300), st.floats(0.01, 1e7), st.floats(0, 300), st.floats(0.01, 1e7), levels)
def test_counts_need_not_be_whole(a: float, A: float, b: float, B: float, level: float) -> None:
    a, b = round(a, 2), round(b, 2)
    assume(a + b > 0)
    for lower, upper in (
        intervals.garwood(a, level),
        intervals.byar(a, level),
        intervals.rri_exact(a, A, b, B, level),
    ):
        assert 0 <= lower <= upper


@pytest.mark.parametrize("name", ["rri_exact", "rri_katz", "rri_score", "newcombe", "mover_rates"])
def test_nothing_follows_from_an_empty_base_or_a_missing_count(name: str) -> None:
    lower, upper = getattr(intervals, name)([1, 0, np.nan], [5, 0, 5], [1, 1, 1], [0, 5, 5])
    assert np.isnan(lower).all()
    assert np.isnan(upper).all()


@pytest.mark.parametrize("method", FROM_R["method"].unique())
def test_exact_and_midp_are_those_of_r(method: str) -> None:
    rows = FROM_R[FROM_R["method"] == method]
    names = [name for name in ("a", "A", "b", "B", "level") if rows[name].notna().all()]
    function = getattr(midp if "midp" in method else intervals, method)
    found = function(*(rows[name].to_numpy() for name in names))
    lower, upper = (found, found) if method == "rri_midp_p" else found
    # R's uniroot stops within 1e-14 of the root, which for the smallest limits is 1e-9 of their size
    assert_allclose(lower, rows["lower"], rtol=1e-8, atol=1e-13)
    assert_allclose(upper, rows["upper"], rtol=1e-8, atol=1e-13)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("a", "n"), [(0, 20), (1, 7), (8, 40), (20, 20), (3000, 9000)])
def test_clopper_pearson_is_that_of_statsmodels(a: int, n: int, level: float) -> None:
    assert_allclose(intervals.clopper_pearson(a, n, level), proportion_confint(a, n, 1 - level, method="beta"))


@settings(max_examples=60, deadline=None)
@given(two_proportions(), levels)
def test_midp_lies_within_exact_and_holds_the_estimate(table: tuple[int, int, int, int], level: float) -> None:
    a, A, b, B = table
    pairs = [
        (midp.poisson_midp(a, level), intervals.garwood(a, level), a),
        (midp.binomial_midp(a, A, level), intervals.clopper_pearson(a, A, level), a / A),
    ]
    if b:
        pairs.append((midp.rri_midp(*table, level), intervals.rri_exact(*table, level), a / A / (b / B)))
    for inner, outer, estimate in pairs:
        assert outer.lower * (1 - 1e-9) <= inner.lower <= estimate * (1 + 1e-9)
        assert estimate * (1 - 1e-9) <= inner.upper <= outer.upper * (1 + 1e-9)
    if a + b:
        lower, upper = midp.rri_midp(*table, level)
        back_lower, back_upper = midp.rri_midp(b, B, a, A, level)
        with np.errstate(divide="ignore"):
            assert_allclose([lower, upper], [1 / back_upper, 1 / back_lower], rtol=1e-9)
        p = midp.rri_midp_p(*table)
        assert p <= intervals.rri_exact_p(*table) * (1 + 1e-9)
        assert p == pytest.approx(float(midp.rri_midp_p(b, B, a, A)), rel=1e-9)
        if abs(p - (1 - level)) > 1e-9:
            assert (p < 1 - level) == (lower > 1 or upper < 1)


def test_midp_covers_on_average_as_often_as_it_says() -> None:
    # by enumeration over means from 2 to 20: exact is above 95% everywhere, mid-P close to it on average
    a = np.arange(80)
    means = np.linspace(2, 20, 181)[:, None]
    chance = stats.poisson.pmf(a, means)
    covered = {}
    for name, (lower, upper) in {"midp": midp.poisson_midp(a), "exact": intervals.garwood(a)}.items():
        covered[name] = (chance * ((lower <= means) & (means <= upper))).sum(axis=1)
    assert covered["exact"].min() >= 0.95
    assert covered["midp"].mean() == pytest.approx(0.955, abs=0.01)
    assert covered["midp"].min() == pytest.approx(0.917, abs=0.001)  # the price of being shorter


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 300), st.floats(0, 300), levels)
def test_midp_needs_no_whole_counts(a: float, b: float, level: float) -> None:
    a, b = round(a, 2), round(b, 2)
    assume(a + b > 0)
    for lower, upper in (
        midp.poisson_midp(a, level),
        midp.binomial_midp(a, a + b, level),
        midp.rri_midp(a, 10, b, 20, level),
    ):
        assert 0 <= lower <= upper


@pytest.mark.parametrize("function", [midp.rri_midp, midp.rri_midp_p])
def test_midp_of_an_empty_base_or_a_missing_count_is_nothing(function: object) -> None:
    assert np.isnan(function([1, 0, np.nan], [5, 0, 5], [1, 1, 1], [0, 5, 5])).all()  # type: ignore[operator]
    for limits in (intervals.clopper_pearson, midp.binomial_midp):
        assert np.isnan(limits([3, 1, np.nan], [2, 0, 5])).all()
    assert np.isnan(midp.poisson_midp([np.nan])).all()
