"""Diagnostics against R, statsmodels, scikit-learn and the data with a part truly left out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from tests.models.known import dense, grouped, made_up
from tests.models.test_public_examples import LADDERS, model_counts, r, records
from yjd.errors import EstimationError
from yjd.metrics.intervals import wilson
from yjd.models.clusters import ByArea, ByRow
from yjd.models.diagnostics import TABLES, diagnose
from yjd.models.fit_checks import auc
from yjd.models.ladder import Rung, ladder

NAMES = ("a0", "a1", "a2")
RUNGS = (Rung("M0"), Rung("M1", ("a0",)), Rung("M2", NAMES, mediator=True))


@pytest.fixture(scope="module")
def arrests():
    return diagnose(model_counts("arrests"), kind="proportion", rungs=LADDERS["arrests"], across=("year",), most=5)


@pytest.fixture(scope="module")
def rossi():
    frame = (
        records("rossi").rename(columns={"week": "base", "arrest": "events"}).astype({"base": float, "events": float})
    )
    return diagnose(frame, kind="rate", rungs=LADDERS["rossi"], reference="other", firth="never", across=())


def _of(table, **keys):
    for name, value in keys.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_tables_have_their_columns(arrests):
    assert list(arrests) == list(TABLES)
    for name, table in arrests.items():
        assert list(table.columns) == list(TABLES[name])
        assert set(table["rung"]) == {"M0", "M1", "M2"}


@pytest.mark.parametrize("rung", ["M0", "M1", "M2"])
def test_fit_is_what_r_says(arrests, rung):
    said, row = r(f"arrests_{rung}"), _of(arrests["fit"], rung=rung)
    for name in ("deviance", "pearson", "residual_df", "aic", "bic", "log_likelihood", "auc"):
        assert row[name] == pytest.approx(said[name], rel=1e-8), name
    assert (row["base"], row["events"]) == (5226, 4334)


def test_a_rate_has_rs_likelihood_with_every_constant(rossi):
    for rung in LADDERS["rossi"]:
        said, row = r(f"rossi_rate_{rung.name}"), _of(rossi["fit"], rung=rung.name)
        assert row["deviance"] == pytest.approx(said["deviance"], rel=1e-8)
        if row["method"] == "poisson":
            assert row["aic"] == pytest.approx(said["aic"], rel=1e-8)
        else:  # a quasi model has no likelihood
            assert np.isnan(row["aic"])
            assert 2 * row["parameters"] - 2 * row["log_likelihood"] == pytest.approx(said["aic"], rel=1e-8)
        assert np.isnan(row["auc"])


def test_a_negative_binomial_has_statsmodels_likelihood():
    rng = np.random.default_rng(6)
    frame = pd.DataFrame(
        {"group": rng.choice(["Black", "White"], 200), "a0": rng.choice(["x", "y"], 200), "base": 30.0}
    )
    frame["events"] = rng.negative_binomial(2, 0.2, 200).astype(float)
    rungs = [Rung("M1", ("a0",))]
    row = diagnose(frame, kind="rate", rungs=rungs, overdispersion="negative_binomial")["fit"].iloc[0]
    assert row["method"] == "negative_binomial"
    matrix = dense(frame, [("", ""), ("group", "Black"), ("a0", "y")])
    fit = sm.NegativeBinomial(frame["events"], matrix, exposure=frame["base"]).fit(method="bfgs", disp=False, gtol=1e-6)
    assert row["log_likelihood"] == pytest.approx(fit.llf, rel=1e-8)
    assert row["aic"] == pytest.approx(fit.aic, rel=1e-8)
    assert row["parameters"] == 4  # three coefficients and the variance


@pytest.mark.parametrize("rung", ["M1", "M2"])
def test_the_link_test_is_rs(arrests, rung):
    said, row = r(f"arrests_{rung}"), _of(arrests["link"], rung=rung)
    # R adds the square of the predictor itself: the same columns span both
    assert row["coefficient"] == pytest.approx(said["link"], rel=1e-7)  # R's column is almost one with the others
    assert row["z"] == pytest.approx(said["link_z"], rel=1e-7)
    assert row["p_value"] == pytest.approx(said["link_p"], rel=1e-6)


def test_a_saturated_rung_has_no_link_to_judge(arrests):
    assert _of(arrests["link"], rung="M0")["status"] == "saturated"


def test_the_link_test_finds_what_it_should_and_seldom_else():
    rng = np.random.default_rng(8)
    frame = pd.DataFrame([(g, x, y) for g in ("Black", "White") for x in "pqrs" for y in "tuvw"],
                         columns=["group", "a0", "a1"]).assign(base=400.0)  # fmt: skip
    part = frame["a0"].map(dict(zip("pqrs", (-1, -0.3, 0.4, 1.2), strict=True)))
    linear = 0.4 * (frame["group"] == "Black") + part + frame["a1"].map(dict(zip("tuvw", (-1, 0, 0.5, 1), strict=True)))
    found = {}
    for name, risk in (("right", 1 / (1 + np.exp(-linear))), ("wrong", 1 - np.exp(-np.exp(linear / 1.5 - 0.5)))):
        values = []
        for _ in range(60):
            events = rng.binomial(400, risk).astype(float)
            tables = diagnose(frame.assign(events=events), kind="proportion", rungs=[Rung("M1", ("a0", "a1"))], refit=0)
            values.append(tables["link"]["p_value"].iloc[0])
        found[name] = np.mean(np.array(values) < 0.05)
    assert found["right"] < 0.15
    assert found["wrong"] > 0.5


@pytest.mark.parametrize("rung", ["M1", "M2"])
def test_terms_are_tested_as_in_r(arrests, rung):
    said, rows = r(f"arrests_{rung}"), arrests["adjusters"]
    for term in ("colour", *next(one.adjusters for one in LADDERS["arrests"] if one.name == rung)):
        row = _of(rows, rung=rung, term="group" if term == "colour" else term)
        assert row["wald"] == pytest.approx(said[f"wald_{term}"], rel=1e-8)
        assert row["deviance"] == pytest.approx(said[f"lrt_{term}"], rel=1e-8)
        assert row["deviance_p"] == pytest.approx(said[f"lrtp_{term}"], rel=1e-7)


def test_terms_by_record_are_statsmodels_sandwich():
    rows = made_up(3, records=1200)
    frame, _ = grouped(rows, NAMES)
    found = diagnose(frame, kind="proportion", rungs=RUNGS[2:], clusters=ByRow())["adjusters"]
    columns = [("", "")] + [(name, level) for name in ("group", *NAMES) for level in sorted(set(rows[name]))[1:]]
    fit = sm.GLM(rows["event"], dense(rows, columns), family=sm.families.Binomial()).fit(tol=1e-14)
    influences = (dense(rows, columns) @ np.asarray(fit.normalized_cov_params)) * (
        rows["event"] - fit.fittedvalues
    ).to_numpy()[:, None]
    covariance = influences.T @ influences
    for term in ("group", *NAMES):
        at = [place for place, (name, _) in enumerate(columns) if name == term]
        values = fit.params.to_numpy()[at]
        row = _of(found, term=term)
        assert row["wald"] == pytest.approx(values @ np.linalg.solve(covariance[np.ix_(at, at)], values), rel=1e-7)
        assert (row["df"], row["method"]) == (len(at), "logit_by_row")


def test_few_clusters_judge_few_levels():
    frame, _ = grouped(made_up(4, levels=(9, 4, 2)), NAMES)
    rows = diagnose(frame, kind="proportion", rungs=RUNGS[2:], clusters=ByArea("a1"))["adjusters"].set_index("term")
    assert rows.loc[["a0", "a1"], "status"].tolist() == ["too_few", "too_few"]  # 8 levels, and the clusters themselves
    assert rows.loc[["group", "a2"], "status"].tolist() == ["ok", "ok"]


def test_the_curve_is_scikit_learns():
    rng = np.random.default_rng(2)
    risk, events, rest = rng.normal(size=80).round(1), rng.integers(0, 9, 80), rng.integers(0, 9, 80)
    label = np.concatenate([np.ones(80), np.zeros(80)])
    said = roc_auc_score(label, np.tile(risk, 2), sample_weight=np.concatenate([events, rest]))
    assert auc(risk, events.astype(float), rest.astype(float)) == pytest.approx(said, rel=1e-12)
    assert np.isnan(auc(risk, np.zeros(80), rest.astype(float)))


def test_calibration_adds_up(arrests):
    """The equations of the fit: each group's expected events are its events; limits are Wilson's."""
    rows = arrests["calibration"]
    summed = rows.groupby(["rung", "group"])[["base", "events", "expected"]].sum()
    np.testing.assert_allclose(summed["events"], summed["expected"], rtol=1e-8)
    assert (summed.loc[("M2", "All"), "base"], summed.loc[("M2", "Black"), "base"]) == (5226, 1288)
    last = rows[(rows["rung"] == "M2") & (rows["group"] == "All")]
    assert last["tenth"].tolist() == list(range(1, 11))
    assert last["expected_rate"].is_monotonic_increasing
    assert last["base"].between(350, 700).all()
    said = wilson(rows["events"], rows["base"])
    np.testing.assert_allclose(rows["lower"], said.lower)
    np.testing.assert_allclose(rows["upper"], said.upper)


def test_calibration_of_a_right_model_holds_as_often_as_it_says():
    rng = np.random.default_rng(12)
    frame = pd.DataFrame([(g, x, y) for g in ("Asian", "Black", "White") for x in "pqrs" for y in "tuvw"],
                         columns=["group", "a0", "a1"]).assign(base=200.0)  # fmt: skip
    linear = frame["a0"].map(dict(zip("pqrs", (-1, 0, 0.4, 1), strict=True))) - frame["a1"].map(
        dict(zip("tuvw", (0, 0.5, 0.9, 1.4), strict=True)))  # fmt: skip
    inside = [diagnose(frame.assign(events=rng.binomial(200, 1 / (1 + np.exp(-linear))).astype(float)), refit=0,
                       kind="proportion", rungs=[Rung("M1", ("a0", "a1"))])["calibration"]["inside"].mean()
              for _ in range(40)]  # fmt: skip
    assert 0.93 < np.mean(inside) <= 1  # more than 95, as the fit follows the data


def test_a_year_is_left_out_in_truth_as_in_r(arrests):
    rows = arrests["influence"]
    for rung in ("M0", "M1", "M2"):
        for year in range(1997, 2003):
            row = _of(rows, rung=rung, what="year", label=str(year))
            assert row["without"] == pytest.approx(r(f"arrests_{rung}")[f"without_{year}"], rel=1e-7, abs=1e-9)
            assert row["method"] == "refit"


def test_the_most_telling_pattern_is_the_algebras(rossi):
    """With the log link the ratio is a coefficient, and one step without a row is x'(X'WX)^-1 (y - mu) / (1 - h)."""
    assert rossi["influence"].query("rung == 'M0'").empty  # two patterns, and neither can go
    frame = (
        records("rossi").rename(columns={"week": "base", "arrest": "events"}).astype({"base": float, "events": float})
    )
    rungs = LADDERS["rossi"][2:3]
    patterns = _of(rossi["influence"].query("rung == 'M2'").head(1))
    keys = ["group", *rungs[0].adjusters]
    tall = frame.groupby(keys)[["base", "events"]].sum().reset_index()
    columns = [("", "")] + [(name, level) for name in keys for level in sorted(set(tall[name]))[1:]]
    matrix = dense(tall, columns)
    fit = sm.GLM(tall["events"], matrix, family=sm.families.Poisson(), exposure=tall["base"]).fit(tol=1e-14)
    hat = fit.get_hat_matrix_diag()
    each = (matrix @ np.asarray(fit.normalized_cov_params))[:, 1] * (tall["events"] - fit.fittedvalues) / (1 - hat)
    assert abs(patterns["change"]) == pytest.approx(each[hat < 1 - 1e-9].abs().max(), rel=1e-7)


def test_one_step_is_close_to_the_truth():
    frame, _ = grouped(made_up(9), NAMES)
    rungs = RUNGS[2:]
    rows = diagnose(frame, kind="proportion", rungs=rungs, most=6)["influence"]
    whole = ladder(frame, kind="proportion", rungs=rungs)
    for _, row in rows[rows["group"] == "Black"].iterrows():
        label = dict(part.split(": ") for part in row["label"].split(", "))
        own = (frame[list(label)] == pd.Series(label)).all(axis=1)
        assert (frame.loc[own, "base"].sum(), frame.loc[own, "events"].sum()) == (row["base"], row["events"])
        # its records stay in the average, and tell nothing of the outcome: fitted without, averaged over all
        columns = [("", "")] + [(name, level) for name in ("group", *NAMES) for level in sorted(set(frame[name]))[1:]]
        rest = frame[~own]
        fit = sm.GLM(np.column_stack([rest["events"], rest["base"] - rest["events"]]), dense(rest, columns),
                     family=sm.families.Binomial()).fit(tol=1e-14)  # fmt: skip
        risks = [np.average(1 / (1 + np.exp(-dense(frame.assign(group=one), columns) @ fit.params)),
                            weights=frame["base"]) for one in ("Black", "White")]  # fmt: skip
        assert row["without"] == pytest.approx(np.log(risks[0] / risks[1]), abs=0.1 * abs(row["change"]) + 1e-4)
    ratio = whole[(whole["quantity"] == "adjusted_rri") & (whole["group"] == "Black")].iloc[0]
    black = rows[rows["group"] == "Black"].iloc[0]
    assert black["log_rri"] == pytest.approx(np.log(ratio["estimate"]), rel=1e-10)
    error = np.log(ratio["upper"] / ratio["lower"]) / 2 / 1.959963984540054
    assert black["change_in_errors"] == pytest.approx(black["change"] / error, rel=1e-8)
    size = rows.groupby("group")["change"].apply(lambda part: part.abs().is_monotonic_decreasing)
    assert size.all()


def test_levels_to_first_order_where_nothing_is_fitted_again():
    frame, _ = grouped(made_up(9, levels=(3, 40, 2)), NAMES)
    exact, quick = (diagnose(frame, kind="proportion", rungs=RUNGS[1:2], across=("a1",), refit=refit)["influence"]
                    .query("what == 'a1'") for refit in (50_000, 0))  # fmt: skip
    assert set(exact["method"]) == {"refit"}
    assert set(quick["method"]) == {"one_step"}
    assert np.corrcoef(exact["change"], quick["change"])[0, 1] > 0.95
    again = diagnose(frame, kind="proportion", rungs=RUNGS[1:2], refit=0)["adjusters"]
    assert again["deviance"].isna().all()
    assert again["wald"].notna().all()


def test_fits_are_the_ladders_and_counts_are_not_changed():
    rows = made_up(7, records=250, levels=(3, 10, 2))
    frame, _ = grouped(rows, NAMES)
    before = frame.copy()
    fit = diagnose(frame, kind="proportion", rungs=RUNGS)["fit"].set_index("rung")
    pd.testing.assert_frame_equal(frame, before)
    assert fit["method"].to_dict() == {"M0": "logit", "M1": "logit", "M2": "firth"}
    assert np.isnan(fit.loc["M2", "aic"])
    calibration = diagnose(frame, kind="proportion", rungs=RUNGS)["calibration"].query(
        "rung == 'M2' and group == 'All'"
    )
    assert calibration["expected"].sum() == pytest.approx(calibration["events"].sum(), rel=1e-9)


def test_a_rung_that_cannot_be_fitted_has_a_row_and_no_more():
    frame, _ = grouped(made_up(7, records=40, levels=(3, 10, 2)), NAMES)
    found = diagnose(frame, kind="proportion", rungs=RUNGS)
    assert _of(found["fit"], rung="M2")["status"] == "too_few"
    assert "M2" not in set(found["link"]["rung"])
    for events, status in ((0.0, "no_events"), (1e6, "inconsistent")):
        found = diagnose(frame.assign(events=events), kind="proportion", rungs=RUNGS)
        assert set(found["fit"]["status"]) == {status}
        assert all(found[name].empty for name in TABLES if name != "fit")
        assert all(list(found[name].columns) == list(columns) for name, columns in TABLES.items())


@pytest.mark.parametrize("change", [
    {"rungs": []}, {"rungs": [Rung("M0"), Rung("M0")]}, {"reference": "others"}, {"confidence": 95}, {"kind": "odds"},
    {"rungs": [Rung("M1", ("absent",))]}, {"confidence": (0.9, 0.95)},
])  # fmt: skip
def test_a_wrong_call_is_refused(change):
    frame, _ = grouped(made_up(7, records=200), NAMES)
    with pytest.raises(EstimationError):
        diagnose(frame, **({"kind": "proportion", "rungs": RUNGS} | change))


_CELLS = st.lists(
    st.tuples(st.sampled_from(["Asian", "Black", "White", "Unknown"]), st.sampled_from(["x", "y", "z"]),
              st.integers(0, 30), st.integers(0, 30)),
    max_size=12,
)  # fmt: skip


@given(_CELLS, st.sampled_from(["proportion", "rate"]), st.sampled_from([None, ByRow(), ByArea("a0")]))
def test_any_counts_give_tables(cells, kind, clusters):
    frame = pd.DataFrame(cells, columns=["group", "a0", "base", "events"])
    frame = (
        frame.groupby(["group", "a0"], as_index=False)[["base", "events"]]
        .sum()
        .astype({"base": float, "events": float})
    )
    found = diagnose(frame, kind=kind, rungs=RUNGS[:2], clusters=clusters, across=("a0",))
    for name, table in found.items():
        assert list(table.columns) == list(TABLES[name])
    assert len(found["fit"]) == 2
    assert found["adjusters"]["wald_p"].dropna().between(0, 1).all()
    assert found["link"]["p_value"].dropna().between(0, 1).all()
