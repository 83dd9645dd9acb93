"""Fits on grouped counts against statsmodels (grouped and row by row) and R."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.genmod import families
from statsmodels.genmod.generalized_linear_model import GLM

from tests.models.known import counts, dense, grouped, made_up, r
from yjd.models.design import build
from yjd.models.dispersion import negative_binomial, pearson
from yjd.models.firth import maximise, profile_limit
from yjd.models.fit import fit_rung
from yjd.models.sample import read_sample

NAMES = ("a0", "a1", "a2")
EXACT = {"rtol": 1e-8, "atol": 1e-9}


def _fit(frame, adjusters, *, kind="proportion", reference="White", **options):
    sample = read_sample(frame, kind=kind, adjusters=adjusters)
    rung = build(sample, adjusters, reference=reference)
    return sample, rung, fit_rung(rung, family="binomial" if kind == "proportion" else "poisson", **options)


def _errors(fitted):
    return np.sqrt(np.diag(fitted.covariance))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("adjusters", [(), ("a0",), NAMES])
def test_logistic_equals_statsmodels_on_rows_and_on_counts(seed, adjusters):
    records = made_up(seed, levels=(3, 40, 2) if seed == 3 else (3, 4, 2))
    frame, _ = grouped(records, NAMES)
    _, _, fitted = _fit(frame, adjusters)
    columns = fitted.design.columns
    on_rows = GLM(records["event"], dense(records, columns), family=families.Binomial()).fit(tol=1e-14)
    both = np.column_stack([frame["events"], frame["base"] - frame["events"]])
    on_counts = GLM(both, dense(frame, columns), family=families.Binomial()).fit(tol=1e-14)
    for other in (on_rows, on_counts):
        np.testing.assert_allclose(fitted.coefficients, other.params, **EXACT)
        np.testing.assert_allclose(_errors(fitted), other.bse, **EXACT)
    assert fitted.converged
    assert fitted.log_likelihood == pytest.approx(on_rows.llf, rel=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_poisson_equals_statsmodels(seed):
    frame, _ = grouped(made_up(seed), NAMES)
    frame["base"] = np.random.default_rng(seed).uniform(20, 4000, len(frame))
    sample, rung, fitted = _fit(frame, NAMES, kind="rate")
    other = GLM(frame["events"], dense(frame, fitted.design.columns), family=families.Poisson(),
                exposure=frame["base"]).fit(tol=1e-14)  # fmt: skip
    np.testing.assert_allclose(fitted.coefficients, other.params, **EXACT)
    np.testing.assert_allclose(_errors(fitted), other.bse, **EXACT)
    assert fitted.deviance == pytest.approx(other.deviance, rel=1e-9)
    found = pearson(sample, rung, fitted)
    assert found.ratio == pytest.approx(other.pearson_chi2 / other.df_resid, rel=1e-9)
    assert found.degrees == pytest.approx(other.df_resid, rel=1e-9)


@pytest.mark.parametrize("rung", ["M0", "M1"])
def test_ucb_admissions_equal_r(rung):
    frame = counts("ucb", ["group", "dept"])
    sample, built, fitted = _fit(frame, ("dept",) if rung == "M1" else (), reference="Male")
    said = r(f"ucb_{rung}")
    at = fitted.design.columns.index(("group", "Female"))
    assert fitted.coefficients[at] == pytest.approx(said["coefficient"], rel=1e-10)
    assert _errors(fitted)[at] == pytest.approx(said["se"], rel=1e-8)
    assert pearson(sample, built, fitted).ratio == pytest.approx(said["pearson"], rel=1e-8)
    if rung == "M1":  # M0 has fewer patterns, hence another saturated model
        assert fitted.deviance == pytest.approx(said["deviance"], rel=1e-8)


def test_rates_equal_r():
    frame = counts("warp", ["group", "tension", "loom"])
    sample, rung, fitted = _fit(frame, ("tension",), kind="rate", reference="A")
    at = fitted.design.columns.index(("group", "B"))
    assert fitted.coefficients[at] == pytest.approx(r("warp")["coefficient"], rel=1e-9)
    assert _errors(fitted)[at] == pytest.approx(r("warp")["se"], rel=1e-8)
    found = pearson(read_sample(frame, kind="rate", adjusters=("tension", "loom")), rung, fitted)
    assert found.ratio == pytest.approx(r("warp")["pearson"], rel=1e-8)
    assert _errors(fitted)[at] * np.sqrt(found.ratio) == pytest.approx(r("warp_quasi")["se"], rel=1e-8)
    assert found.p_value < 1e-20
    assert len(sample.base) == len(frame)


def test_negative_binomial_equals_r_and_statsmodels():
    frame = counts("warp", ["group", "tension", "loom"])
    sample = read_sample(frame, kind="rate", adjusters=("tension",))
    rung = build(sample, ("tension",), reference="A", collapse=False)
    fitted, alpha = negative_binomial(rung, fit_rung(rung, family="poisson"))
    at = fitted.design.columns.index(("group", "B"))
    assert fitted.coefficients[at] == pytest.approx(r("warp_nb")["coefficient"], rel=1e-7)
    assert _errors(fitted)[at] == pytest.approx(r("warp_nb")["se"], rel=1e-7)
    assert 1 / alpha == pytest.approx(r("warp_nb")["theta"], rel=1e-7)
    other = GLM(frame["events"], dense(frame, fitted.design.columns), exposure=frame["base"],
                family=families.NegativeBinomial(alpha=alpha)).fit(tol=1e-14)  # fmt: skip
    np.testing.assert_allclose(fitted.coefficients, other.params, **EXACT)


def test_no_extra_variation_has_no_negative_binomial():
    frame = pd.DataFrame({"group": ["A", "A", "B", "B"], "base": 10.0, "events": [5.0, 5.0, 7.0, 7.0]})
    rung = build(read_sample(frame, kind="rate", adjusters=()), (), reference="A", collapse=False)
    assert negative_binomial(rung, fit_rung(rung, family="poisson")) is None


@pytest.mark.parametrize("case", ["firth", "firth_separated"])
def test_firth_equals_brglm2_and_its_profile(case):
    frame = counts("infert", ["group", "induced", "parity"])
    if case == "firth_separated":
        frame.loc[frame["group"] == "b", "events"] = 0.0
    _, rung, fitted = _fit(frame, ("induced", "parity"), reference="a", penalty="firth")
    said = r(case)
    best = maximise(fitted.family, rung.design, rung.events, rung.base, start=fitted.coefficients, kept=fitted.kept)
    for group in ("b", "c"):
        at = fitted.design.columns.index(("group", group))
        assert fitted.coefficients[at] == pytest.approx(said[f"coefficient_{group}"], rel=1e-8)
        assert _errors(fitted)[at] == pytest.approx(said[f"se_{group}"], rel=1e-8)
        ends = [profile_limit(fitted.family, rung.design, rung.events, rung.base, best=best, kept=fitted.kept,
                              column=at, drop=3.841458820694124 / 2, upward=upward)
                for upward in (False, True)]  # fmt: skip
        # R's limits come from a numerical optimum, and are good to about 1e-6
        np.testing.assert_allclose(ends, [said[f"lower_{group}"], said[f"upper_{group}"]], rtol=1e-5)


def test_firth_for_rates_equals_brglm2():
    frame = counts("warp_few", ["group", "tension", "loom"])
    _, _, fitted = _fit(frame, ("tension",), kind="rate", reference="A", penalty="firth")
    at = fitted.design.columns.index(("group", "B"))
    assert fitted.coefficients[at] == pytest.approx(r("firth_rate")["coefficient"], rel=1e-8)
    assert _errors(fitted)[at] == pytest.approx(r("firth_rate")["se"], rel=1e-8)


@pytest.mark.parametrize(("events", "base"), [((0, 5), (8, 30)), ((3, 5), (8, 30)), ((8, 0), (8, 30))])
def test_firth_of_a_table_of_four_adds_a_half_to_each_cell(events, base):
    frame = pd.DataFrame(
        {"group": ["Black", "White"], "base": np.array(base, float), "events": np.array(events, float)}
    )
    _, _, fitted = _fit(frame, (), penalty="firth")
    odds = [(a + 0.5) / (n - a + 0.5) for a, n in zip(events, base, strict=True)]
    assert fitted.coefficients[1] == pytest.approx(np.log(odds[0] / odds[1]), abs=1e-9)


def test_firth_of_two_rates_adds_a_half_to_each_count():
    frame = pd.DataFrame({"group": ["Black", "White"], "base": [500.0, 9000.0], "events": [0.0, 12.0]})
    _, _, fitted = _fit(frame, (), kind="rate", penalty="firth")
    assert fitted.coefficients[1] == pytest.approx(np.log((0.5 / 500) / (12.5 / 9000)), abs=1e-9)


def test_collinear_columns_are_dropped_and_named():
    frame, _ = grouped(made_up(5), NAMES)
    frame["copy"] = frame["a1"].map({"l0": "x", "l1": "x", "l2": "y", "l3": "z"})
    _, _, fitted = _fit(frame, (*NAMES, "copy"))
    _, _, plain = _fit(frame, NAMES)
    assert {name for name, _ in fitted.collinear} == {"copy"}
    assert len(fitted.collinear) == 2
    np.testing.assert_allclose(fitted.linear, plain.linear[_match(fitted, plain)], **EXACT)
    assert set(fitted.contrast_status) == {"ok"}
    np.testing.assert_allclose(fitted.coefficients[1:4], plain.coefficients[1:4], **EXACT)


def _match(one, other):
    assert one.design.rows == other.design.rows  # the copy tells no more patterns apart, in the same order
    return np.arange(one.design.rows)


def test_an_adjuster_that_is_the_group_leaves_no_contrast():
    frame, _ = grouped(made_up(5), NAMES)
    frame["a0"] = frame["group"].map({"White": "w", "Black": "b", "Asian": "w", "Mixed": "w"})
    frame = frame.groupby(["group", *NAMES], as_index=False)[["base", "events"]].sum()
    _, _, fitted = _fit(frame, NAMES)
    status = dict(zip(fitted.design.groups, fitted.contrast_status, strict=True))
    assert status == {"White": "ok", "Asian": "ok", "Black": "collinear", "Mixed": "ok"}


@pytest.mark.parametrize("seed", range(6))
def test_firth_rests_where_its_score_is_0(seed):
    """Many columns, few events, half of the levels without any: the modified score of the dense design is 0."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"group": rng.choice(["Asian", "Black", "White"], 900, p=[0.05, 0.25, 0.7])})
    for at, size in enumerate((3, 7, 12)):
        frame[f"a{at}"] = [f"l{one}" for one in rng.geometric(0.4, 900) % size]
    frame = frame.assign(events=(rng.random(900) < 0.05).astype(float), base=1.0)
    counted = frame.groupby(["group", *NAMES], as_index=False)[["base", "events"]].sum()
    _, _, fitted = _fit(counted, NAMES, penalty="firth")
    assert fitted.converged
    matrix = dense(frame, [fitted.design.columns[at] for at in fitted.kept])
    likely = 1 / (1 + np.exp(-(matrix @ fitted.coefficients[fitted.kept])))
    weighted = matrix * np.sqrt(likely * (1 - likely))[:, None]
    leverage = ((weighted @ np.linalg.inv(weighted.T @ weighted)) * weighted).sum(axis=1)
    score = matrix.T @ (frame["events"] - likely + leverage * (0.5 - likely))
    np.testing.assert_allclose(score, 0.0, atol=1e-6)
