"""The ladder: what it says, and what it says when the data cannot carry an estimate."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.genmod import families
from statsmodels.genmod.generalized_linear_model import GLM

from tests.models.known import counts, dense, grouped, made_up, r
from yjd.errors import EstimationError
from yjd.models.children import ByChild
from yjd.models.clusters import ByArea, ByRow
from yjd.models.design import build
from yjd.models.dispersion import pearson
from yjd.models.fit import fit_rung
from yjd.models.ladder import Rung, ladder
from yjd.models.sample import read_sample
from yjd.schema import RESULT_COLUMNS
from yjd.warehouse import Warehouse

NAMES = ("a0", "a1", "a2")
RUNGS = (Rung("M0"), Rung("M1", ("a0",)), Rung("M2", NAMES, mediator=True))


def _pick(results, quantity, group, rung):
    rows = results[(results["quantity"] == quantity) & (results["group"] == group) & (results["rung"] == rung)]
    assert len(rows) == 1
    return rows.iloc[0]


def _statuses(results, quantity, rung):
    rows = results[(results["quantity"] == quantity) & (results["rung"] == rung)]
    return dict(zip(rows["group"], rows["status"], strict=True))


def _small(rows):
    return pd.DataFrame(rows, columns=["group", "a0", "base", "events"]).astype({"base": float, "events": float})


FULL = [("White", "x", 500, 200), ("White", "y", 600, 310), ("Black", "x", 300, 140), ("Black", "y", 200, 120)]


def test_ucb_admissions_turn_round():
    """Women's admission looks lower, and department by department it is not (Bickel and others 1975)."""
    frame = counts("ucb", ["group", "dept"])
    found = ladder(frame, kind="proportion", rungs=[Rung("M0"), Rung("M1", ("dept",))], reference="Male", measure="m")
    assert list(found.columns) == list(RESULT_COLUMNS)
    for rung in ("M0", "M1"):
        said, ratio = r(f"ucb_{rung}"), _pick(found, "adjusted_rri", "Female", rung)
        assert np.log(ratio["estimate"]) == pytest.approx(said["log_rri"], rel=1e-9)
        limits = np.exp(said["log_rri"] + np.array([-1, 1]) * 1.959963984540054 * said["log_rri_se"])
        np.testing.assert_allclose(ratio[["lower", "upper"]].astype(float), limits, rtol=1e-8)
        gap = _pick(found, "marginal_difference", "Female", rung)
        assert gap["estimate"] == pytest.approx(100 * said["difference"], rel=1e-9)
        reach = 195.9963984540054 * said["difference_se"]
        assert gap["upper"] - gap["estimate"] == pytest.approx(reach, rel=1e-8)
        odds = _pick(found, "odds_ratio", "Female", rung)
        assert odds["estimate"] == pytest.approx(np.exp(said["coefficient"]), rel=1e-9)
        assert odds["method"] == "logit_model"
        rate = _pick(found, "adjusted_rate", "Male", rung)
        assert rate["estimate"] == pytest.approx(100 * said["rate_Male"], rel=1e-9)
        assert (rate["numerator"], rate["denominator"]) == (1198, 2691)
    assert _pick(found, "adjusted_rri", "Female", "M0")["upper"] < 1
    change = _pick(found, "rung_change", "Female", "M1")
    assert change["lower"] > 1
    assert change["term"] == "M0"
    assert (change["reference_numerator"], change["reference_denominator"]) == (1198, 2691)


def _stacked(records, adjusters_of, group, reference):
    """The covariance of log ratios of two rungs, record by record, with numerical gradients."""
    influences, values = [], []
    for adjusters in adjusters_of:
        levels = {name: sorted(set(records[name])) for name in ("group", *adjusters)}
        columns = [("", "")] + [(name, level) for name in levels for level in levels[name][1:]]
        matrix = dense(records, columns)
        fit = GLM(records["event"], matrix, family=families.Binomial()).fit(tol=1e-14)
        sets = [dense(records.assign(group=one), columns) for one in (group, reference)]

        def log_ratio(beta, sets=sets):
            one, other = ((1 / (1 + np.exp(-(part @ beta)))).mean() for part in sets)
            return np.log(one / other)

        beta, step = fit.params.to_numpy(), 1e-5
        slope = np.array([(log_ratio(beta + step * unit) - log_ratio(beta - step * unit)) / (2 * step)
                          for unit in np.eye(len(beta))])  # fmt: skip
        residual = records["event"].to_numpy() - fit.fittedvalues.to_numpy()
        influences.append((matrix @ fit.normalized_cov_params @ slope) * residual)
        values.append(log_ratio(beta))
    return values[1] - values[0], influences[1] - influences[0]


def test_a_change_between_rungs_has_the_error_of_stacked_rows():
    records = made_up(11, records=1500)
    frame, pattern = grouped(records, NAMES)
    value, influence = _stacked(records, [("a0",), NAMES], "Black", "White")
    with Warehouse.open() as warehouse:
        warehouse.write(records[["child_id", "event"]].assign(pattern=pattern), "model_rows")
        children = ladder(frame, kind="proportion", rungs=RUNGS, clusters=ByChild(warehouse, "model_rows"))
    rows = ladder(frame, kind="proportion", rungs=RUNGS)
    by_child = pd.Series(influence).groupby(records["child_id"]).sum().to_numpy()
    for found, each, method in ((rows, influence, "logit_by_row"), (children, by_child, "logit_by_child")):
        change = _pick(found, "rung_change", "Black", "M2")
        assert np.log(change["estimate"]) == pytest.approx(value, rel=1e-8)
        error = np.log(change["upper"] / change["lower"]) / 2 / 1.959963984540054
        assert error == pytest.approx(np.sqrt((each**2).sum()), rel=1e-7)  # gradients are numerical here
        assert change["method"] == method
    assert set(children.loc[children["quantity"] == "adjusted_rri", "method"]) == {"logit_by_child"}


def test_areas_have_students_t():
    records = made_up(4, levels=(3, 8, 2))
    frame, _ = grouped(records, NAMES)
    found = ladder(frame, kind="proportion", rungs=RUNGS[:2], clusters=ByArea("a1"), confidence=(0.95, 0.5))
    gap = found[(found["quantity"] == "marginal_difference") & (found["rung"] == "M1") & (found["group"] == "Black")]
    reach = (gap["upper"] - gap["estimate"]).to_numpy()
    assert reach[0] / reach[1] == pytest.approx(2.364624251592785 / 0.7111417781, rel=1e-7)  # t with 7 degrees
    assert set(gap["method"]) == {"logit_by_area"}
    with pytest.raises(EstimationError, match="column"):
        ladder(frame, kind="proportion", rungs=RUNGS, clusters=ByArea("nowhere"))


def test_one_area_cannot_be_judged():
    found = ladder(_small(FULL).assign(area="one"), kind="proportion", rungs=RUNGS[:2], clusters=ByArea())
    assert set(_statuses(found, "adjusted_rri", "M1").values()) == {"too_few"}


def test_a_group_with_0_of_8_events_has_a_status():
    found = ladder(_small([*FULL, ("Asian", "x", 5, 0), ("Asian", "y", 3, 0)]), kind="proportion", rungs=RUNGS[:2])
    without = ladder(_small(FULL), kind="proportion", rungs=RUNGS[:2])
    for rung in ("M0", "M1"):
        for quantity in ("adjusted_rate", "adjusted_rri", "marginal_difference"):
            row = _pick(found, quantity, "Asian", rung)
            assert row["status"] == "separated"
            assert np.isnan(row[["estimate", "lower", "upper"]].astype(float)).all()
            assert (row["numerator"], row["denominator"]) == (0, 8)
            assert row["method"] == ""
        odds = _pick(found, "odds_ratio", "Asian", rung)  # Firth's, from the profile
        assert (odds["status"], odds["method"]) == ("ok", "firth_profile")
        assert 0 < odds["lower"] < odds["estimate"] < odds["upper"] < 5
        for quantity in ("odds_ratio",):
            one, other = (_pick(each, quantity, "Black", rung) for each in (found, without))
            np.testing.assert_allclose(one[["estimate", "lower", "upper"]].astype(float),
                                       other[["estimate", "lower", "upper"]].astype(float), rtol=1e-8)  # fmt: skip
    assert np.nanmax(found[["estimate", "lower", "upper"]].abs().to_numpy()) < 1000
    never = ladder(_small([*FULL, ("Asian", "x", 8, 0)]), kind="proportion", rungs=RUNGS[:1], firth="never")
    assert _pick(never, "odds_ratio", "Asian", "M0")["status"] == "separated"
    table = (0.5 / 8.5) / (510.5 / 590.5)  # a half added to each cell: exact for a saturated model of two groups
    two = ladder(_small([*FULL[:2], ("Asian", "x", 5, 0), ("Asian", "y", 3, 0)]), kind="proportion", rungs=RUNGS[:1])
    assert _pick(two, "odds_ratio", "Asian", "M0")["estimate"] == pytest.approx(table, rel=1e-8)


def test_a_group_with_nothing_but_events_and_a_separated_reference():
    found = ladder(_small([*FULL, ("Asian", "x", 8, 8)]), kind="proportion", rungs=RUNGS[:2])
    assert _statuses(found, "adjusted_rri", "M1") == {"Asian": "separated", "Black": "ok"}
    found = ladder(_small([("White", "x", 9, 0), ("Asian", "x", 90, 30), ("Black", "x", 70, 30)]), kind="proportion",
                   rungs=RUNGS[:1])  # fmt: skip
    assert _statuses(found, "adjusted_rri", "M0") == {"Asian": "separated", "Black": "separated"}
    assert _statuses(found, "adjusted_rate", "M0") == {"Asian": "ok", "Black": "ok", "White": "separated"}


def test_rates_without_events_are_separated_too():
    rows = [*FULL, ("Asian", "x", 40, 0), ("White", "z", 500, 0), ("Black", "z", 300, 0)]
    found = ladder(_small(rows), kind="rate", rungs=RUNGS[:2], per=1000)
    assert _statuses(found, "adjusted_rri", "M1") == {"Asian": "separated", "Black": "ok"}
    assert _pick(found, "rate_ratio", "Asian", "M1")["method"] == "firth_profile"


def test_an_adjuster_level_without_events_hurts_nobody():
    found = ladder(_small([*FULL, ("White", "z", 9, 0), ("Black", "z", 4, 0)]), kind="proportion", rungs=RUNGS[:2])
    without = ladder(_small(FULL), kind="proportion", rungs=RUNGS[:2])
    one, other = (_pick(each, "odds_ratio", "Black", "M1") for each in (found, without))
    np.testing.assert_allclose(one[["estimate", "lower", "upper"]].astype(float),
                               other[["estimate", "lower", "upper"]].astype(float), rtol=1e-8)  # fmt: skip
    # the children of that level are in the sample, with 0 for either group: 1600 of 1613 children as before
    gap, before = (_pick(each, "marginal_difference", "Black", "M1")["estimate"] for each in (found, without))
    assert gap == pytest.approx(before * 1600 / 1613, rel=1e-8)


def test_one_group_and_no_group():
    found = ladder(_small(FULL[:2]), kind="proportion", rungs=RUNGS[:2])
    assert set(found["status"]) == {"too_few"}
    assert set(found["group"]) == {"White"}
    empty = ladder(_small([]), kind="proportion", rungs=RUNGS[:2])
    assert list(empty.columns) == list(RESULT_COLUMNS)
    assert empty.empty


def test_a_missing_reference():
    found = ladder(_small(FULL), kind="proportion", rungs=RUNGS[:2], reference="Chinese")
    assert set(_statuses(found, "adjusted_rri", "M1").values()) == {"no_reference"}
    assert set(_statuses(found, "rung_change", "M1").values()) == {"no_reference"}
    assert set(_statuses(found, "adjusted_rate", "M1").values()) == {"ok"}


@pytest.mark.parametrize(("events", "status"), [(0.0, "no_events"), (900.0, "inconsistent")])
def test_what_no_rung_can_be_fitted_to(events, status):
    found = ladder(_small(FULL).assign(events=events), kind="proportion", rungs=RUNGS[:2])
    assert set(found["status"]) == {status}
    everything = _small(FULL)
    found = ladder(everything.assign(events=everything["base"]), kind="proportion", rungs=RUNGS[:2])
    assert set(found["status"]) == {"separated"}


def test_a_missing_label_is_a_level_and_unknown_is_compared_with_nobody():
    frame = _small([*FULL, ("Unknown", "x", 90, 30), ("Unknown", "y", 80, 30)])
    frame["a0"] = frame["a0"].where(frame["a0"] != "y")
    found = ladder(frame, kind="proportion", rungs=RUNGS[:2])
    named = ladder(frame.fillna({"a0": "Unknown"}), kind="proportion", rungs=RUNGS[:2])
    pd.testing.assert_frame_equal(found, named)
    assert set(_statuses(found, "adjusted_rate", "M1")) == {"White", "Black", "Unknown"}
    assert set(_statuses(found, "adjusted_rri", "M1")) == {"Black"}


def test_a_collinear_adjuster_changes_nothing():
    frame = _small(FULL).assign(a1=lambda rows: rows["a0"])
    found = ladder(frame, kind="proportion", rungs=[Rung("M1", ("a0",)), Rung("M2", ("a0", "a1"))])
    change = _pick(found, "rung_change", "Black", "M2")
    assert change["estimate"] == pytest.approx(1, abs=1e-10)
    one, other = (_pick(found, "adjusted_rri", "Black", rung) for rung in ("M1", "M2"))
    np.testing.assert_allclose(one[["estimate", "lower", "upper"]].astype(float),
                               other[["estimate", "lower", "upper"]].astype(float), rtol=1e-9)  # fmt: skip
    same = ladder(frame.assign(a1=frame["group"]), kind="proportion", rungs=[Rung("M0"), Rung("M1", ("a1",))])
    assert _statuses(same, "adjusted_rri", "M1") == {"Black": "collinear"}
    assert _statuses(same, "rung_change", "M1") == {"Black": "collinear"}
    assert _statuses(same, "adjusted_rri", "M0") == {"Black": "ok"}


def test_few_events_are_penalised_and_fewer_are_too_few():
    records = made_up(7, records=250, levels=(3, 10, 2))
    frame, _ = grouped(records, NAMES)
    found = ladder(frame, kind="proportion", rungs=RUNGS)
    methods = found[found["quantity"] == "adjusted_rri"].groupby("rung")["method"].first()
    assert methods.to_dict() == {"M0": "logit_model", "M1": "logit_model", "M2": "firth"}
    assert set(found.loc[(found["quantity"] == "odds_ratio") & (found["rung"] == "M2"), "method"]) == {"firth_profile"}
    # the intercept is moved back: over the sample the predictions add up
    rates = found[(found["quantity"] == "adjusted_rate") & (found["rung"] == "M2")]
    assert (rates["status"] == "ok").all()
    tiny, _ = grouped(records.iloc[:40], NAMES)
    found = ladder(tiny, kind="proportion", rungs=RUNGS)
    assert set(_statuses(found, "adjusted_rri", "M2").values()) == {"too_few"}


def test_a_pattern_in_several_folds_is_one_pattern():
    frame, _ = grouped(made_up(7), NAMES)
    folds = pd.concat([frame.assign(events=frame["events"] // 2, base=frame["events"] // 2),
                       frame.assign(events=frame["events"] - frame["events"] // 2,
                                    base=frame["base"] - frame["events"] // 2)])  # fmt: skip
    folds = folds.assign(pattern=range(len(folds)))
    pd.testing.assert_frame_equal(*(ladder(each, kind="proportion", rungs=RUNGS) for each in (frame, folds)))
    with pytest.raises(EstimationError, match="twice"):
        ladder(folds.assign(pattern=1), kind="proportion", rungs=RUNGS)


def test_forty_levels_are_fitted():
    frame, _ = grouped(made_up(8, records=8000, levels=(3, 40, 2)), NAMES)
    found = ladder(frame, kind="proportion", rungs=RUNGS, firth="never")
    assert set(_statuses(found, "adjusted_rri", "M2").values()) == {"ok"}


def test_a_rate_that_varies_more_is_widened():
    frame = counts("warp", ["group", "tension", "loom"])
    rungs = [Rung("M0"), Rung("M1", ("tension",))]
    frame["loom"] = frame["loom"].astype(str)
    found = ladder(frame, kind="rate", rungs=rungs, reference="A", per=1)
    said = r("warp_quasi")
    ratio = _pick(found, "rate_ratio", "B", "M1")
    assert np.log(ratio["upper"] / ratio["estimate"]) / 1.959963984540054 == pytest.approx(said["se"], rel=1e-8)
    assert ratio["method"] == "poisson_quasi"
    assert _pick(found, "dispersion", "All", "M1")["estimate"] == pytest.approx(r("warp")["pearson"], rel=1e-8)
    found = ladder(frame, kind="rate", rungs=rungs, reference="A", per=1, overdispersion="negative_binomial")
    ratio, said = _pick(found, "adjusted_rri", "B", "M1"), r("warp_nb")
    assert ratio["method"] == "negative_binomial"
    assert np.log(ratio["estimate"]) == pytest.approx(said["log_rri"], rel=1e-7)
    assert np.log(ratio["upper"] / ratio["estimate"]) / 1.959963984540054 == pytest.approx(said["log_rri_se"], rel=1e-6)


@pytest.mark.parametrize(("kind", "base", "mean"), [("rate", 40.0, 0.4), ("rate", 40.0, 20.0), ("proportion", 3.0, 1.2),
                                                    ("proportion", 40.0, 2.0)])  # fmt: skip
def test_dispersion_of_such_counts_is_about_1_and_seldom_significant(kind, base, mean):
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"group": np.repeat(["Black", "White"], 90), "a0": ["x", "y", "z"] * 60, "base": base})
    likely = mean * np.where(frame["a0"] == "x", 1.5, 0.75) * np.where(frame["group"] == "Black", 1.2, 1.0)
    found = []
    for _ in range(200):
        events = rng.poisson(likely) if kind == "rate" else rng.binomial(int(base), likely / base)
        sample = read_sample(frame.assign(events=events.astype(float)), kind=kind, adjusters=("a0",))
        rung = build(sample, ("a0",), reference="White")
        found.append(pearson(sample, rung, fit_rung(rung, family="poisson" if kind == "rate" else "binomial")))
    assert np.mean([one.ratio for one in found]) == pytest.approx(1, abs=0.03)
    assert 0.02 < np.mean([one.p_value < 0.05 for one in found]) < 0.09


@pytest.mark.parametrize("change", [
    {"rungs": []}, {"rungs": [Rung("M0"), Rung("M0")]}, {"rungs": [Rung("M1", ("a0", "a0"))]}, {"reference": "others"},
    {"reference": "Unknown"}, {"per": 0}, {"confidence": 95}, {"firth": "sometimes"}, {"kind": "odds"},
    {"overdispersion": "none"}, {"rungs": [Rung("M1", ("absent",))]}, {"rungs": [Rung("M1", ("base",))]},
])  # fmt: skip
def test_a_wrong_call_is_refused(change):
    with pytest.raises(EstimationError):
        ladder(_small(FULL), **({"kind": "proportion", "rungs": RUNGS[:2]} | change))


@pytest.mark.parametrize("change", [
    {"group": "All"}, {"group": "Known"}, {"base": -1.0}, {"events": np.nan}, {"base": np.inf}, {"events": "many"},
])  # fmt: skip
def test_counts_that_are_none_are_refused(change):
    with pytest.raises(EstimationError):
        ladder(_small(FULL).assign(**change), kind="proportion", rungs=RUNGS[:2])


def test_records_of_the_data_are_in_no_message():
    with pytest.raises(EstimationError) as refused:
        ladder(_small(FULL).assign(events="Birmingham"), kind="proportion", rungs=RUNGS[:2])
    assert "Birmingham" not in str(refused.value)


_CELLS = st.lists(
    st.tuples(st.sampled_from(["Asian", "Black", "White", "Unknown"]), st.sampled_from(["x", "y", "z"]),
              st.integers(0, 30), st.integers(0, 30)),
    max_size=12,
)  # fmt: skip


@given(_CELLS, st.sampled_from(["proportion", "rate"]), st.sampled_from([None, ByRow(), ByArea("a0")]))
def test_any_counts_give_rows_and_no_wild_number(cells, kind, clusters):
    frame = _small(cells).groupby(["group", "a0"], as_index=False)[["base", "events"]].sum()
    before = frame.copy()
    found = ladder(frame, kind=kind, rungs=RUNGS[:2], clusters=clusters)
    pd.testing.assert_frame_equal(frame, before)
    shown = found["status"].isin(["ok"])
    assert found.loc[~shown, ["estimate", "lower", "upper", "p_value"]].isna().all(axis=None)
    assert found.loc[shown, "estimate"].notna().all()
    limited = found[shown & (found["quantity"] != "dispersion")]
    assert (limited["lower"] <= limited["estimate"] * (1 + 1e-9) + 1e-9).all() or kind == "rate"
    rates = limited[limited["quantity"] == "adjusted_rate"]
    assert ((rates["lower"] <= rates["estimate"]) & (rates["estimate"] <= rates["upper"])).all()


@settings(max_examples=8)
@given(st.permutations(["x", "y"]), st.permutations([0, 1, 2, 3]))
def test_names_of_levels_and_the_order_of_rows_do_not_matter(names, order):
    frame = _small(FULL)
    other = frame.assign(a0=frame["a0"].map(dict(zip(["x", "y"], names, strict=True)))).iloc[order]
    one, again = (ladder(each, kind="proportion", rungs=RUNGS[:2]) for each in (frame, other))
    np.testing.assert_allclose(one["estimate"], again["estimate"], rtol=1e-9)
    np.testing.assert_allclose(one["upper"], again["upper"], rtol=1e-9)


def test_data_that_separate_almost_every_row_have_statuses():
    rng = np.random.default_rng(27)
    for size in (20, 26, 40):
        frame = pd.DataFrame({"group": rng.choice(["White", "Black", "Asian"], size, p=[0.6, 0.3, 0.1])})
        for at, count in enumerate((3, 7, 12)):
            frame[f"a{at}"] = [f"l{one}" for one in rng.geometric(0.4, size) % count]
        frame = frame.assign(events=(rng.random(size) < 0.3).astype(float), base=1.0)
        counted = frame.groupby(["group", *NAMES], as_index=False)[["base", "events"]].sum()
        for firth in ("auto", "never", "always"):
            found = ladder(counted, kind="proportion", rungs=RUNGS, firth=firth)
            shown = found[(found["status"] == "ok") & found["quantity"].isin(["adjusted_rri", "odds_ratio"])]
            assert (shown["upper"] / shown["estimate"] < 3000).all()


def test_a_target_that_does_not_exist_is_refused():
    frame = pd.DataFrame({"group": ["A", "White"], "base": [90.0, 80.0], "events": [30.0, 40.0]})
    with pytest.raises(EstimationError, match="target"):
        ladder(frame, kind="proportion", rungs=[Rung("M0")], target="everybody")
