"""Intervals that allow for repeat children: against robust variances of other software, by law, by simulation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal
from scipy import stats

from tests.metrics.frames import NAN, counts, row, with_totals
from yjd import metrics
from yjd.errors import EstimationError
from yjd.metrics.counts import CHILD_SUMS, Counts
from yjd.metrics.design import FEW_CHILDREN, child_variance, design, inflation
from yjd.schema import RESULT_COLUMNS

SUMS = list(CHILD_SUMS)
NUMBERS = ["estimate", "lower", "upper", "p_value"]
METRICS: dict[str, Callable[..., pd.DataFrame]] = {
    "rate": metrics.rate,
    "composition": lambda frame, kind: metrics.composition(frame),
    "relative_rate": metrics.relative_rate,
    "others": lambda frame, kind: metrics.relative_rate(frame, kind=kind, reference="others"),
    "everyone": lambda frame, kind: metrics.relative_rate(frame, kind=kind, reference="everyone"),
    "difference": metrics.difference,
    "excess": metrics.excess,
    "representation": metrics.representation,
}


def children(seed: int, groups: dict[str, int], *, chance: float = 0.4, heavy: float = 1.0) -> pd.DataFrame:
    """One row a child: group, x (its part of the base), y (its events there); some children come back often."""
    draw = np.random.default_rng(seed)
    group = np.repeat(list(groups), list(groups.values()))
    x = 1 + draw.poisson(draw.gamma(1 / heavy, heavy, len(group)))
    own = draw.beta(2 * chance, 2 * (1 - chance), len(group))
    return pd.DataFrame({"group": group, "x": x, "y": draw.binomial(x, own)})


def summed(child: pd.DataFrame, population: dict[str, float] | None = None) -> pd.DataFrame:
    """Counts frame of these children: their events among their base, or among a population."""
    parts = child.assign(yy=child["y"] ** 2, xy=child["x"] * child["y"], xx=child["x"] ** 2)
    total = parts.groupby("group", sort=False)[["y", "x", "yy", "xy", "xx"]].sum().astype(float).reset_index()
    frame = total.set_axis(["group", "numerator", "denominator", *SUMS], axis=1)
    if population is not None:
        frame["denominator"] = frame["group"].map(population).astype(float)
        frame[SUMS[1:]] = 0.0
    return frame


def independent(frame: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The same counts, each event of another child."""
    part = kind == "proportion"
    return frame.assign(
        numerator_squares=frame["numerator"],
        products=frame["numerator"] if part else 0.0,
        denominator_squares=frame["denominator"] if part else 0.0,
    )


def test_the_variance_is_the_robust_one_of_a_regression_on_children() -> None:
    # the log of a ratio y / x is the constant of a Poisson regression with offset log x
    child = children(3, {"Black": 80})
    own = Counts.of(summed(child)).own
    ones, family = np.ones(len(child)), sm.families.Poisson()
    model = sm.GLM(child["y"], ones, family=family, offset=np.log(child["x"])).fit(cov_type="HC0", tol=1e-14)
    assert np.exp(model.params.iloc[0]) == pytest.approx(child["y"].sum() / child["x"].sum(), rel=1e-10)
    assert child_variance(own)[0] / own.numerator[0] ** 2 == pytest.approx(model.cov_params().iloc[0, 0], rel=1e-8)


def events(child: pd.DataFrame) -> pd.DataFrame:
    """One row an event of the base: whether it led to the event counted, and whose it was."""
    many = child.loc[child.index.repeat(child["x"])]
    return many.assign(child=many.index, hit=(many.groupby(level=0).cumcount() < many["y"]).astype(float))


def test_the_variance_is_that_of_events_clustered_by_child() -> None:
    child = children(4, {"Black": 80})
    rows = events(child)
    clustered = {"groups": rows["child"], "use_correction": False}
    model = sm.OLS(rows["hit"], np.ones(len(rows))).fit(cov_type="cluster", cov_kwds=clustered)
    variance = child_variance(Counts.of(summed(child)).own)[0]
    assert variance / len(rows) ** 2 == pytest.approx(model.cov_params().iloc[0, 0], rel=1e-8)


def test_katz_by_child_is_the_clustered_log_ratio_of_statsmodels() -> None:
    child = children(5, {"Black": 150, "White": 250})
    rows = events(child)
    design_matrix = sm.add_constant((rows["group"] == "Black").astype(float))
    clustered = {"groups": rows["child"], "use_correction": False}
    model = sm.GLM(rows["hit"], design_matrix, family=sm.families.Poisson()).fit(
        cov_type="cluster", cov_kwds=clustered, tol=1e-14
    )
    frame = summed(child)
    assert (inflation(Counts.of(frame).own, "proportion") > 1).all()
    found = row(metrics.relative_rate(frame, kind="proportion", method="katz"), "Black")
    assert found["method"] == "katz_by_child"
    assert_allclose(found[["lower", "upper"]].astype(float), np.exp(model.conf_int().iloc[1]), rtol=1e-8)
    assert found["p_value"] == pytest.approx(model.pvalues.iloc[1], rel=1e-7)


def test_effective_counts_by_hand() -> None:
    # 100 events of 50 children, two each: the design factor is 2, so they say what 50 events of half the base do
    frame = counts({"Black": (100, 2000)}).assign(numerator_squares=200.0, products=0.0, denominator_squares=0.0)
    found = row(metrics.rate(frame, kind="rate", method="exact"), "Black")
    assert found["estimate"] == 0.05
    assert (found["numerator"], found["denominator"], found["method"]) == (100, 2000, "garwood_by_child")
    expected = stats.chi2.ppf([0.025, 0.975], [100, 102]) / 2 / 1000
    assert_allclose(found[["lower", "upper"]].astype(float), expected, rtol=1e-9)


def test_composition_by_hand() -> None:
    # shares of 60 of 100 events, two to a child: as 30 of 50
    frame = counts({"Black": (60, 900), "White": (40, 900)})
    frame = frame.assign(numerator_squares=2 * frame["numerator"], products=0.0, denominator_squares=0.0)
    found = row(metrics.composition(frame), "Black")
    plain = row(metrics.composition(counts({"Black": (30, 900), "White": (20, 900)})), "Black")
    assert_allclose(
        found[["estimate", "lower", "upper"]].astype(float), plain[["estimate", "lower", "upper"]].astype(float)
    )
    assert (found["method"], found["denominator"]) == ("wilson_by_child", 100)


def test_few_children_take_the_factor_of_all_known_children_where_it_is_larger() -> None:
    rows = {"Asian": (0, 500), "Black": (4, 500), "Mixed": (10, 500), "White": (600, 9000)}
    squares = {"Asian": 0, "Black": 4, "Mixed": 60, "White": 1200}
    frame = counts(rows).assign(products=0.0, denominator_squares=0.0)
    side = Counts.of(frame.assign(numerator_squares=[float(squares[group]) for group in rows]))
    pool = inflation(side.known(), "rate")
    assert_allclose(pool, 1264 / 614)
    # Asian: of no events, 2 is the most; Black: few children, less than all have; Mixed: few and more; White: many
    assert FEW_CHILDREN < 600**2 / 1200
    assert_allclose(design(side.own, pool, "rate"), [2, 1264 / 614, 6, 2])


@pytest.mark.parametrize("kind", ["proportion", "rate"])
@pytest.mark.parametrize("name", METRICS)
def test_events_of_as_many_children_are_as_if_nothing_were_given(name: str, kind: str) -> None:
    plain = with_totals(counts({"Asian": (0, 30), "Black": (11, 40), "Mixed": (40, 40), "White": (40, 100)}))
    found = METRICS[name](independent(plain, kind), kind=kind)
    expected = METRICS[name](plain, kind=kind)
    usable = found["status"] == "ok"
    assert usable.any()
    assert (found["method"] == expected["method"].where(~usable, expected["method"] + "_by_child")).all()
    assert_frame_equal(found.drop(columns="method"), expected.drop(columns="method"))


@pytest.mark.parametrize("name", METRICS)
def test_one_missing_sum_and_nothing_is_claimed(name: str) -> None:
    frame = independent(counts({"Black": (11, 40), "White": (40, 100)}), "proportion")
    for column in SUMS:
        for gone in (frame.assign(**{column: NAN}), frame.drop(columns=column)):
            found = METRICS[name](gone, kind="proportion")
            if name == "composition" and column != SUMS[0]:
                continue  # shares of a stage need the squares alone
            assert not found["method"].str.contains("by_child").any()
            assert_frame_equal(found, METRICS[name](frame[["group", "numerator", "denominator"]], kind="proportion"))


def test_a_reference_without_sums_is_not_claimed_to_allow_for_the_child() -> None:
    frame = independent(counts({"Black": (11, 40), "White": (40, 100)}), "rate")
    frame.loc[frame["group"] == "White", SUMS] = NAN
    assert row(metrics.relative_rate(frame, kind="rate"), "Black")["method"] == "exact"
    assert row(metrics.rate(frame, kind="rate"), "Black")["method"] == "byar_by_child"


@pytest.mark.parametrize("kind", ["proportion", "rate"])
@pytest.mark.parametrize("name", METRICS)
def test_repeat_children_widen_and_change_no_estimate(name: str, kind: str) -> None:
    child = children(6, {"Asian": 4, "Black": 60, "Mixed": 20, "White": 300})
    frame = summed(child, {"Asian": 500.0, "Black": 900.0, "Mixed": 300.0, "White": 4000.0} if kind == "rate" else None)
    found, plain = METRICS[name](frame, kind=kind), METRICS[name](frame.drop(columns=SUMS), kind=kind)
    same = ["group", "numerator", "denominator", "reference_numerator", "estimate", "status"]
    assert_frame_equal(found[same], plain[same])
    slack = 1e-9 * (1 + found["estimate"].abs())
    assert (found["lower"] <= plain["lower"] + slack).all()
    assert (found["upper"] >= plain["upper"] - slack).all()
    assert (found["upper"] - found["lower"]).sum() > 1.05 * (plain["upper"] - plain["lower"]).sum()


@pytest.mark.parametrize(("kind", "method"), [
    ("rate", "exact"), ("rate", "midp"), ("proportion", "score"), ("proportion", "katz"), ("proportion", "exact"),
])  # fmt: skip
def test_turned_round_is_the_inverse(kind: str, method: str) -> None:
    frame = summed(children(8, {"Black": 25, "White": 90, "Mixed": 9}))
    there = metrics.relative_rate(frame, kind=kind, method=method)
    back = metrics.relative_rate(frame, kind=kind, method=method, reference="Black")
    one, two = row(there, "Black"), row(back, "White")
    assert_allclose(one[NUMBERS[:3]].astype(float), 1 / two[["estimate", "upper", "lower"]].astype(float), rtol=1e-9)
    assert one["p_value"] == pytest.approx(two["p_value"], rel=1e-9)
    assert one["method"] == f"{method}_by_child"


def test_others_are_all_known_children_but_the_groups() -> None:
    child = children(9, {"Asian": 70, "Black": 80, "White": 200})
    frame = with_totals_and_sums(summed(child))
    found = row(metrics.relative_rate(frame, kind="proportion", reference="others"), "Black")
    merged = summed(child.assign(group=child["group"].where(child["group"] == "Black", "White")))
    expected = row(metrics.relative_rate(with_totals_and_sums(merged), kind="proportion"), "Black")
    assert_allclose(found[NUMBERS].astype(float), expected[NUMBERS].astype(float), rtol=1e-9)


def with_totals_and_sums(frame: pd.DataFrame) -> pd.DataFrame:
    total = frame[["numerator", "denominator", *SUMS]].sum()
    return pd.concat([frame, pd.DataFrame([total]).assign(group="Known")], ignore_index=True)


@pytest.mark.parametrize("kind", ["proportion", "rate"])
@settings(max_examples=2, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(seed=st.integers(0, 2**32 - 1))
def test_no_exception_and_no_silent_number_for_any_sums_at_all(kind: str, seed: int) -> None:
    draw = np.random.default_rng(seed)
    names = np.array(["Asian", "Black", "White", "Unknown", "Known", "All"])
    strata, columns = np.nonzero(draw.random((40, len(names))) < 0.9)

    def any_numbers() -> np.ndarray:
        size = len(strata)
        return draw.choice(5, size, p=[0.2, 0.4, 0.3, 0.05, 0.05]).choose(
            [0.0, draw.integers(0, 30, size).astype(float), draw.random(size) * 1e5, 1e200, NAN]
        )

    frame = pd.DataFrame({"measure": strata.astype(str), "group": names[columns]})
    for name in ("numerator", "denominator", *SUMS):
        values = any_numbers()
        frame[name] = np.where(values > 1e100, 1e5, values) if name in ("numerator", "denominator") else values
    for name, metric in METRICS.items():
        found = metric(frame, kind=kind)
        assert tuple(found.columns) == RESULT_COLUMNS
        usable = found["status"].isin(["ok", "break"])
        values = found.loc[usable, ["estimate", "lower", "upper"]].to_numpy()
        assert np.isfinite(values).all(), name
        slack = 1e-9 * (1 + np.abs(values[:, 0]))
        assert (values[:, 1] <= values[:, 0] + slack).all(), name
        assert (values[:, 0] <= values[:, 2] + slack).all(), name
        assert (found.loc[usable, "method"] != "").all(), name
    for method in ("exact", "midp", "score", "katz"):
        found = metrics.relative_rate(frame, kind=kind, method=method)
        usable = found["status"] == "ok"
        assert np.isfinite(found.loc[usable, NUMBERS].to_numpy()).all(), method
    for method in ("exact", "midp"):
        found = metrics.rate(frame, kind=kind, method=method)
        assert np.isfinite(found.loc[found["status"] == "ok", NUMBERS[:3]].to_numpy()).all(), method


def test_nothing_depends_on_the_sums_of_a_hidden_cell() -> None:
    frame = with_totals_and_sums(summed(children(10, {"Asian": 9, "Black": 30, "White": 90})))
    frame["disclosure"] = np.where(frame["group"].isin(["Known", "Asian"]), "hidden", "shown")
    swapped = frame.copy()
    swapped.loc[frame["disclosure"] != "shown", SUMS] = [7e4, 7e4, 7e4]
    for name, metric in METRICS.items():
        assert_frame_equal(metric(frame, kind="proportion"), metric(swapped, kind="proportion"), obj=name)


@pytest.mark.parametrize(("kind", "method", "word"), [
    ("rate", None, "byar"), ("rate", "exact", "garwood"), ("rate", "midp", "midp"),
    ("proportion", None, "wilson"), ("proportion", "exact", "clopper_pearson"), ("proportion", "midp", "midp"),
])  # fmt: skip
def test_the_method_of_a_rate_can_be_chosen_and_is_named(kind: str, method: str | None, word: str) -> None:
    frame = counts({"Black": (12, 40)})
    found = row(metrics.rate(frame, kind=kind, method=method), "Black")
    assert found["method"] == word
    assert (
        row(metrics.rate(independent(frame, kind), kind=kind, method=method), "Black")["method"] == f"{word}_by_child"
    )


def test_a_method_that_does_not_exist() -> None:
    with pytest.raises(EstimationError, match="exact or midp"):
        metrics.rate(counts({"Black": (12, 40)}), kind="rate", method="wald")
    with pytest.raises(EstimationError, match="negative"):
        metrics.rate(counts({"Black": (12, 40)}).assign(numerator_squares=-1.0), kind="rate")


def frailty(draw: np.random.Generator, residents: int, mean: float, spread: float) -> np.ndarray:
    """Arrests of each resident child: Poisson about a tendency that is gamma-distributed (variance / mean = spread)."""
    return draw.poisson(draw.gamma(mean / spread, spread, residents))


@pytest.mark.parametrize("size", [40, 300])
def test_coverage_of_the_truth_with_children_who_come_back(size: int) -> None:
    # Each child's arrests have variance 1.6 times their mean, so independent events cover as a normal deviate within
    # 1.96 / sqrt(1.6) does: 88%. 1,000 samples: the binomial standard error of 95% is 0.7 points, three of them 2.1.
    draw, repeats, mean, spread = np.random.default_rng(11), 1000, 0.2, 0.6
    residents = {"Black": round(size / mean), "White": round(1000 / mean)}
    frames = []
    for sample in range(repeats):
        arrests = {group: frailty(draw, number, mean, spread) for group, number in residents.items()}
        frames.append(
            pd.DataFrame({
                "measure": str(sample), "group": list(arrests), "denominator": list(map(float, residents.values())),
                "numerator": [float(y.sum()) for y in arrests.values()],
                "numerator_squares": [float((y**2).sum()) for y in arrests.values()],
            })
        )  # fmt: skip
    frame = pd.concat(frames, ignore_index=True).assign(products=0.0, denominator_squares=0.0)

    def coverage(found: pd.DataFrame, truth: float) -> float:
        black = found[found["group"] == "Black"]
        return float(((black["lower"] <= truth) & (black["upper"] >= truth)).mean())

    plain = frame.drop(columns=SUMS)
    assert 0.85 <= coverage(metrics.rate(plain, kind="rate"), mean) <= 0.915
    assert 0.85 <= coverage(metrics.relative_rate(plain, kind="rate"), 1.0) <= 0.93
    for found, truth in (
        (metrics.rate(frame, kind="rate"), mean),
        (metrics.relative_rate(frame, kind="rate"), 1.0),
        (metrics.relative_rate(frame, kind="rate", method="midp"), 1.0),
    ):
        assert 0.929 <= coverage(found, truth) <= 0.985
