"""Adjusted rates, ratios and differences against R, statsmodels and truth; covariances against row-level sandwiches."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.genmod import families
from statsmodels.genmod.generalized_linear_model import GLM

from tests.models.known import counts, dense, grouped, made_up, r
from yjd.errors import EstimationError
from yjd.models.children import ByChild
from yjd.models.clusters import ByArea, ByRow
from yjd.models.design import build
from yjd.models.dispersion import negative_binomial
from yjd.models.fit import fit_rung
from yjd.models.influence import Dense, Stacked
from yjd.models.marginal import adjusted_rates, coefficients
from yjd.models.sample import read_sample

NAMES = ("a0", "a1", "a2")


def _targets(frame, adjusters, *, kind="proportion", reference="White", **options):
    sample = read_sample(
        frame, kind=kind, adjusters=[name for name in frame.columns if name.startswith(("a", "d", "t"))]
    )
    rung = build(sample, adjusters, reference=reference)
    fitted = fit_rung(rung, family="binomial" if kind == "proportion" else "poisson")
    return sample, fitted, adjusted_rates(fitted, rung.row, **options), coefficients(fitted, rung.row)


def _like_r(case, rates, covariance):
    said = r(case)
    for at, group in enumerate(rates.groups):
        assert rates.estimates[at] == pytest.approx(said[f"rate_{group}"], rel=1e-9)
        assert np.sqrt(covariance[at, at]) == pytest.approx(said[f"rate_se_{group}"], rel=1e-8)
    theta, pair = rates.estimates, covariance[:2, :2]
    slope = np.array([-1 / theta[0], 1 / theta[1]])
    assert np.log(theta[1] / theta[0]) == pytest.approx(said["log_rri"], rel=1e-9)
    assert np.sqrt(slope @ pair @ slope) == pytest.approx(said["log_rri_se"], rel=1e-8)
    assert np.sqrt(pair[0, 0] + pair[1, 1] - 2 * pair[0, 1]) == pytest.approx(said["difference_se"], rel=1e-8)


@pytest.mark.parametrize(("rung", "adjusters"), [("M0", ()), ("M1", ("dept",))])
def test_ucb_margins_equal_r(rung, adjusters):
    _, _, rates, _ = _targets(counts("ucb", ["group", "dept"]), adjusters, reference="Male")
    _like_r(f"ucb_{rung}", rates, rates.model_covariance)


def test_rate_margins_equal_r():
    frame = counts("warp", ["group", "tension", "loom"])
    _, _, rates, _ = _targets(frame, ("tension",), kind="rate", reference="A")
    _like_r("warp", rates, rates.model_covariance)
    sample = read_sample(frame, kind="rate", adjusters=("tension",))
    rung = build(sample, ("tension",), reference="A", collapse=False)
    fitted, _ = negative_binomial(rung, fit_rung(rung, family="poisson"))
    rates = adjusted_rates(fitted, rung.row)
    said = r("warp_nb")
    assert np.sqrt(np.diag(rates.model_covariance)) == pytest.approx([said["rate_se_A"], said["rate_se_B"]], rel=1e-7)


def _ucb_rows():
    """The order of R's as.data.frame(UCBAdmissions): admitted and rejected men, then women, by department."""
    frame = counts("ucb", ["group", "dept"])
    rows = []
    for dept in "ABCDEF":
        for group in ("Male", "Female"):
            at = frame[(frame["group"] == group) & (frame["dept"] == dept)].iloc[0]
            rows += [(group, dept, 1, at["events"]), (group, dept, 0, at["base"] - at["events"])]
    table = pd.DataFrame(rows, columns=["group", "dept", "event", "n"])
    records = table.loc[table.index.repeat(table["n"].astype(int)), ["group", "dept", "event"]].reset_index(drop=True)
    places = frame.reset_index()[["index", "group", "dept"]]
    records["pattern"] = records.merge(places, on=["group", "dept"], how="left")["index"]
    return frame, records.assign(child_id=[f"c{at % 1500}" for at in range(len(records))])


@pytest.mark.parametrize(("case", "small_sample"), [("ucb_children", False), ("ucb_children_adjusted", True)])
def test_by_child_equals_r_sandwich(warehouse, case, small_sample):
    frame, records = _ucb_rows()
    warehouse.write(records[["child_id", "pattern", "event"]], "model_rows")
    sample, _, rates, contrasts = _targets(frame, ("dept",), reference="Male")
    clusters = ByChild(warehouse, "model_rows", small_sample=small_sample)
    spread = clusters.covariance(sample, Stacked([rates.influence, contrasts.influence]))
    assert spread.clusters == 1500
    _like_r(case, rates, spread.covariance)
    assert np.sqrt(spread.covariance[3, 3]) == pytest.approx(r(case)["se"], rel=1e-8)
    assert not warehouse.exists("model_influence_patterns")
    assert not warehouse.exists("model_influence_children")


def test_by_area_and_by_row_equal_r_sandwich():
    frame, _ = _ucb_rows()
    sample, _, _, contrasts = _targets(frame, ("dept",), reference="Male")
    by_area = ByArea("dept").covariance(sample, contrasts.influence)
    assert np.sqrt(by_area.covariance[1, 1]) == pytest.approx(r("ucb_areas")["se"], rel=1e-8)
    assert (by_area.clusters, by_area.degrees) == (6, 5.0)
    by_row = ByRow().covariance(sample, contrasts.influence)
    assert np.sqrt(by_row.covariance[1, 1]) == pytest.approx(r("ucb_rows")["se"], rel=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_covariances_equal_statsmodels_on_rows(warehouse, seed):
    records = made_up(seed)
    frame, pattern = grouped(records, NAMES)
    sample, fitted, _, contrasts = _targets(frame, NAMES)
    warehouse.write(records[["child_id", "event"]].assign(pattern=pattern), "model_rows")
    matrix = dense(records, fitted.design.columns)
    places = fitted.design.group_columns[1:]
    model = GLM(records["event"], matrix, family=families.Binomial())
    child = pd.factorize(records["child_id"])[0]
    area = pd.factorize(records["a1"])[0]
    for clusters, groups in (
        (ByRow(), None),
        (ByArea("a1", small_sample=False), area),
        (ByChild(warehouse, "model_rows"), child),
    ):
        options = {"cov_type": "HC0"}
        if groups is not None:
            options = {"cov_type": "cluster", "cov_kwds": {"groups": groups, "use_correction": False}}
        other = model.fit(tol=1e-14, **options).cov_params().to_numpy()[np.ix_(places, places)]
        found = clusters.covariance(sample, contrasts.influence).covariance[1:, 1:]
        np.testing.assert_allclose(found, other, rtol=1e-8, atol=1e-13)


def test_a_child_who_is_not_known_stands_alone(warehouse):
    records = made_up(1, records=400)
    frame, pattern = grouped(records, NAMES)
    sample, _, _, contrasts = _targets(frame, NAMES)
    rows = records[["child_id", "event"]].assign(pattern=pattern)
    warehouse.write(rows.assign(child_id=pd.Series([None] * len(rows), dtype="str")), "model_rows")
    by_child = ByChild(warehouse, "model_rows").covariance(sample, contrasts.influence)
    by_row = ByRow().covariance(sample, contrasts.influence)
    np.testing.assert_allclose(by_child.covariance, by_row.covariance, rtol=1e-10, atol=1e-16)
    assert by_child.clusters == 400


def test_rates_by_child_are_a_compound_poisson(warehouse):
    """One group: the variance of a log rate is the sum of squared events of each child over the events squared."""
    frame = pd.DataFrame({"group": ["Black", "White"], "base": [900.0, 5000.0], "events": [6.0, 30.0]})
    rows = pd.DataFrame({"child_id": ["a"] * 3 + ["b"] * 2 + ["c"] + [f"w{at // 2}" for at in range(30)],
                         "pattern": [0] * 6 + [1] * 30, "event": 1})  # fmt: skip
    warehouse.write(rows, "model_rows")
    sample, _, _, contrasts = _targets(frame, (), kind="rate")
    found = ByChild(warehouse, "model_rows").covariance(sample, contrasts.influence).covariance[1, 1]
    assert found == pytest.approx((9 + 4 + 1) / 36 + 15 * 4 / 900, rel=1e-10)
    alone = ByRow().covariance(sample, contrasts.influence).covariance[1, 1]
    assert alone == pytest.approx(1 / 6 + 1 / 30, rel=1e-10)


def test_many_estimates_take_several_statements(warehouse):
    rng = np.random.default_rng(0)
    frame, records = _ucb_rows()
    sample, *_ = _targets(frame, ("dept",), reference="Male")
    influence = Dense(rng.normal(size=(12, 40)), rng.normal(size=(12, 40)))
    warehouse.write(records[["child_id", "pattern", "event"]], "model_rows")
    values = np.where(records["event"].to_numpy()[:, None] == 1, influence.event[records["pattern"]],
                      influence.other[records["pattern"]])  # fmt: skip
    sums = pd.DataFrame(values).groupby(records["child_id"]).sum().to_numpy()
    found = ByChild(warehouse, "model_rows").covariance(sample, influence).covariance
    np.testing.assert_allclose(found, sums.T @ sums, rtol=1e-10, atol=1e-9)


def test_statsmodels_margin_of_a_binary_group():
    records = made_up(2)
    records["group"] = np.where(records["group"] == "White", "White", "Black")
    frame, _ = grouped(records, NAMES)
    _, fitted, rates, _ = _targets(frame, NAMES)
    from statsmodels.discrete.discrete_model import Logit

    matrix = dense(records, fitted.design.columns)
    found = Logit(records["event"], matrix).fit(disp=0, tol=1e-12).get_margeff(at="overall", method="dydx", dummy=True)
    place = fitted.design.columns.index(("group", "Black")) - 1
    slope = np.array([-1.0, 1.0])
    assert slope @ rates.estimates == pytest.approx(found.margeff[place], rel=1e-8)
    error = np.sqrt(slope @ rates.model_covariance @ slope)
    assert error == pytest.approx(found.margeff_se[place], rel=1e-8)


def test_the_population_as_target_adds_the_draw_of_the_adjusters():
    """What is added is the variance of a mean of predictions, taken here from the dense design."""
    frame, _ = grouped(made_up(3), NAMES)
    sample, fitted, given, _ = _targets(frame, NAMES)
    _, _, drawn, _ = _targets(frame, NAMES, target="population")
    np.testing.assert_allclose(drawn.estimates, given.estimates)
    for at, group in enumerate(given.groups):
        matrix = dense(frame.assign(group=group), fitted.design.columns)
        likely = 1 / (1 + np.exp(-(matrix @ fitted.coefficients)))
        mean = np.average(likely, weights=frame["base"])
        added = (frame["base"] * (likely - mean) ** 2).sum() / frame["base"].sum() ** 2
        assert drawn.model_covariance[at, at] - given.model_covariance[at, at] == pytest.approx(added, rel=1e-8)
    with pytest.raises(EstimationError, match="residents"):
        _targets(frame, NAMES, kind="rate", target="population")
    by_row = ByRow().covariance(sample, drawn.influence).covariance
    np.testing.assert_allclose(np.diag(by_row), np.diag(drawn.model_covariance), rtol=0.2)


def test_intervals_of_differences_hold_the_truth_of_the_sample():
    """Known truth: 400 samples of 600 records; the truth is the average over each sample's own adjusters."""
    rng = np.random.default_rng(20240601)
    shape = np.array([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]])  # White, Black: adjuster given group
    level = np.array([-1.2, -0.2, 0.9])
    held = 0
    for _ in range(400):
        base = np.vstack([rng.multinomial(400, shape[0]), rng.multinomial(200, shape[1])]).astype(float)
        linear = level + np.array([[0.0], [0.6]])
        likely = 1 / (1 + np.exp(-linear))
        events = rng.binomial(base.astype(int), likely).astype(float)
        frame = pd.DataFrame({
            "group": np.repeat(["White", "Black"], 3), "a0": ["x", "y", "z"] * 2,
            "base": base.ravel(), "events": events.ravel(),
        })  # fmt: skip
        _, _, rates, _ = _targets(frame, ("a0",))
        share = base.sum(axis=0) / base.sum()
        truth = share @ (likely[1] - likely[0])
        slope = np.array([-1.0, 1.0])
        error = np.sqrt(slope @ rates.model_covariance @ slope)
        held += abs(slope @ rates.estimates - truth) < 1.959963984540054 * error
    assert 0.95 - 3 * np.sqrt(0.95 * 0.05 / 400) < held / 400 < 0.95 + 3 * np.sqrt(0.95 * 0.05 / 400)
