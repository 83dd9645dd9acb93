"""Doubly robust comparison: against statsmodels, R, algebra and a known truth; and where data cannot carry it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.discrete.discrete_model import Logit
from statsmodels.regression.linear_model import OLS
from statsmodels.treatment.treatment_effects import TreatmentEffect

from tests.models.known import grouped, made_up
from tests.study import robust
from yjd.errors import EstimationError
from yjd.models.children import ByChild
from yjd.models.clusters import ByArea, ByRow
from yjd.models.doubly_robust import doubly_robust
from yjd.models.nuisance import Nuisance, cross_fit, deal, in_order, patterns
from yjd.models.sample import GROUP, read_sample
from yjd.models.weighting import augmented, matched, trimmed_weights, weighted
from yjd.schema import RESULT_COLUMNS, RESULT_KEYS
from yjd.warehouse import Warehouse

NAMES = ["a0", "a1", "a2"]
_R = pd.read_csv(Path(__file__).parents[1] / "reference" / "decomposition.csv", dtype={"name": str})
QUANTITIES = ("aipw_difference", "aipw_rri", "ipw_difference", "matched_difference")


def said(case):
    rows = _R[_R["case"] == case]
    return dict(zip(rows["name"], rows["value"], strict=True))


def arrests():
    """5,226 arrests in Toronto: was the person released with a summons (carData)?"""
    events, base = said("arrests_events"), said("arrests_base")
    keys = pd.DataFrame([name.split("/") for name in base], columns=["group", "age", "sex", "employed", "citizen",
                                                                      "checks"])  # fmt: skip
    return keys.assign(base=list(base.values()), events=[events[name] for name in base])


def picked(results, quantity, group, term=""):
    rows = results[(results["quantity"] == quantity) & (results["group"] == group) & (results["term"] == term)]
    assert len(rows) == 1
    return rows.iloc[0]


def statuses(results, quantity, term=""):
    rows = results[(results["quantity"] == quantity) & (results["term"] == term)]
    return dict(zip(rows["group"], rows["status"], strict=True))


@pytest.fixture(scope="module")
def two_groups():
    """Records of two groups, their counts, and the predictions of statsmodels' own models."""
    frame = made_up(5, records=1500, levels=(3, 2))
    frame = frame[frame["group"].isin(["Black", "White"])].reset_index(drop=True)
    sample = read_sample(frame.assign(base=1.0, events=frame["event"]), kind="proportion", adjusters=["a0", "a1"])
    design = np.column_stack([np.ones(len(frame)), pd.get_dummies(frame[["a0", "a1"]], drop_first=True)]).astype(float)
    treated = (frame["group"] == "Black").to_numpy(dtype=float)
    group = Logit(treated, design).fit(disp=0, tol=1e-12)
    model = OLS(frame["event"].to_numpy(), design)
    effect = TreatmentEffect(model, treated, results_select=group)
    own = [OLS(frame["event"].to_numpy()[treated == at], design[treated == at]).fit().predict(design) for at in (1, 0)]
    chance = group.predict()
    return sample, Nuisance(np.column_stack([chance, 1 - chance]), np.column_stack(own), True), effect


def test_the_formulas_are_those_of_statsmodels(two_groups):
    """The same predictions, without cross-fitting, put together by statsmodels.treatment."""
    sample, nuisance, effect = two_groups
    code = sample.factors[GROUP].codes
    weight = 1 / nuisance.propensity[np.arange(len(code)), code]
    theirs = effect.aipw(return_results=False)
    ours = augmented(sample, nuisance, weight, target="population")
    assert ours.estimates[0] - ours.estimates[1] == pytest.approx(theirs[0], abs=1e-10)
    np.testing.assert_allclose(ours.estimates[::-1], theirs[1:], atol=1e-10)
    slope = np.array([1.0, -1.0])
    error = np.sqrt(slope @ ByRow().covariance(sample, ours.influence).covariance @ slope)
    # theirs allows for the estimation of the models, which to first order changes nothing
    assert error == pytest.approx(float(effect.aipw().results_gmm.bse[0]), rel=0.02)
    hajek = weighted(sample, weight)
    assert hajek.estimates[0] - hajek.estimates[1] == pytest.approx(effect.ipw(return_results=False)[0], abs=1e-10)


def test_trimming_leaves_common_groups_alone_and_says_what_it_does(two_groups):
    sample, nuisance, _ = two_groups
    weight, overlap = trimmed_weights(sample, nuisance)
    own = nuisance.propensity[np.arange(len(weight)), sample.factors[GROUP].codes]
    np.testing.assert_array_equal(weight, 1 / own)
    assert overlap.trimmed.tolist() == [0, 0]
    chance = nuisance.propensity.copy()
    chance[:30] = [0.001, 0.999]
    weight, overlap = trimmed_weights(sample, Nuisance(chance, nuisance.outcome, True))
    assert weight.max() <= 50
    np.testing.assert_allclose(overlap.trimmed, [30 / len(weight), 0])
    assert (overlap.effective <= 1).all()


def test_with_the_true_shares_any_model_of_the_event_gives_direct_standardisation():
    """Where the chance of a group is its share in each pattern, the predictions cancel out."""
    frame, _ = grouped(made_up(2, records=4000), NAMES[:2])
    sample = in_order(read_sample(frame, kind="proportion", adjusters=NAMES[:2]), NAMES[:2])
    number, labels = patterns(sample, NAMES[:2])
    code, groups = sample.factors[GROUP].codes, len(sample.groups)
    base, events = (np.zeros((len(labels), groups)) for _ in range(2))
    np.add.at(base, (number, code), sample.base)
    np.add.at(events, (number, code), sample.events)
    assert (base > 0).all()
    share = base.sum(axis=1) / base.sum()
    expected = share @ (events / base)
    chance = (base / base.sum(axis=1, keepdims=True))[number]
    rng = np.random.default_rng(0)
    nuisance = Nuisance(chance, rng.random((len(labels), groups))[number], True)
    weight = 1 / chance[np.arange(len(code)), code]
    np.testing.assert_allclose(augmented(sample, nuisance, weight).estimates, expected, rtol=1e-12)
    np.testing.assert_allclose(weighted(sample, weight).estimates, expected, rtol=1e-12)


def test_matching_is_stratification_as_r_does_it():
    found = doubly_robust(deal(arrests()), adjusters=["age", "sex", "employed", "citizen", "checks"])
    known = said("arrests_matched")
    assert picked(found, "matched_difference", "Black")["estimate"] == pytest.approx(
        100 * known["difference"], abs=1e-9
    )
    assert picked(found, "overlap", "Black", "matched")["estimate"] == pytest.approx(known["share"], abs=1e-12)
    # all four ways agree here, within a third of the raw gap of 11.7
    for quantity in ("aipw_difference", "ipw_difference"):
        row = picked(found, quantity, "Black")
        assert row["lower"] < 100 * known["difference"] < row["upper"] < 0
        assert (row["numerator"], row["denominator"]) == (said_counts("Black"))


def said_counts(group):
    frame = arrests()
    own = frame[frame["group"] == group]
    return own["events"].sum(), own["base"].sum()


def test_children_are_clusters_as_they_are_row_by_row():
    records = made_up(3, records=1200, levels=(3, 2), children=300)
    records["fold"] = (records["child_id"].str[1:].astype(int) % 3).astype(str)
    table, pattern = grouped(records, ["a0", "a1", "fold"])
    table["pattern"] = np.arange(len(table))
    with Warehouse.open() as warehouse:
        warehouse.write(records[["child_id", "event"]].assign(pattern=pattern), "model_rows")
        found = doubly_robust(table, adjusters=["a0", "a1"], clusters=ByChild(warehouse, "model_rows"))
    alone = doubly_robust(table, adjusters=["a0", "a1"])
    row, other = picked(found, "aipw_difference", "Black"), picked(alone, "aipw_difference", "Black")
    assert row["estimate"] == other["estimate"]
    assert row["method"] == "aipw_logistic_by_child"
    names = ["a0", "a1", "fold"]
    sample = in_order(read_sample(table, kind="proportion", adjusters=names), names)
    nuisance = cross_fit(sample, ["a0", "a1"], learner="logistic")
    weight, _ = trimmed_weights(sample, nuisance)
    influence = augmented(sample, nuisance, weight).influence
    place = np.empty(len(table), dtype=int)
    place[sample.pattern] = np.arange(len(table))
    at, has = place[pattern], records["event"].to_numpy()[:, None]
    each = has * influence.event[at] + (1 - has) * influence.other[at]
    slope = (np.array(sample.groups) == "Black") * 1.0 - (np.array(sample.groups) == "White")
    sums = pd.Series(each @ slope).groupby(records["child_id"].to_numpy()).sum()
    reach = 1.959963984540054 * np.sqrt((sums**2).sum())
    assert (row["upper"] - row["lower"]) / 200 == pytest.approx(reach, rel=1e-9)


def test_clusters_may_be_areas():
    frame, _ = grouped(made_up(4, records=3000, levels=(3, 6)), ["a0", "a1"])
    found = doubly_robust(deal(frame), adjusters=["a0"], clusters=ByArea("a1"))
    row = picked(found, "aipw_rri", "Black")
    assert (row["status"], row["method"]) == ("ok", "aipw_logistic_by_area")


@pytest.mark.parametrize("learner", ["logistic", "trees"])
def test_order_of_rows_and_input_do_not_matter(learner):
    counts = deal(grouped(made_up(6, records=2000), NAMES)[0])
    before = counts.copy()
    found = doubly_robust(counts, adjusters=NAMES, learner=learner, confidence=(0.8, 0.95), rung="M2", measure="m")
    pd.testing.assert_frame_equal(counts, before)
    again = doubly_robust(counts.sample(frac=1, random_state=1), adjusters=NAMES, learner=learner,
                          confidence=(0.8, 0.95), rung="M2", measure="m")  # fmt: skip
    pd.testing.assert_frame_equal(found, again, check_exact=True)
    assert list(found.columns) == list(RESULT_COLUMNS)
    assert set(found["rung"]) == {"M2"}
    assert set(found["quantity"]) == {*QUANTITIES, "overlap"}
    assert not found.duplicated(list(RESULT_KEYS)).any()


def test_a_leaf_counts_records_and_not_patterns():
    """Four patterns of 400 records are told apart; a hundred patterns of one record are not."""
    few = pd.DataFrame({"group": list("ABAB") * 4, "x": sorted("pqrs" * 4), "fold": [0, 0, 1, 1] * 4, "base": 400.0})
    few["events"] = few["x"].map({"p": 40.0, "q": 120.0, "r": 240.0, "s": 360.0})
    sample = in_order(read_sample(few, kind="proportion", adjusters=["x", "fold"]), ["x", "fold"])
    nuisance = cross_fit(sample, ["x"], learner="trees")
    np.testing.assert_allclose(nuisance.outcome[:, 0], sample.events / 400, atol=1e-12)
    np.testing.assert_allclose(nuisance.propensity, 0.5, atol=1e-12)
    many = pd.DataFrame({"group": "A", "x": [f"x{at:03}" for at in range(100)] * 2, "fold": [0] * 100 + [1] * 100})
    many = many.assign(base=1.0, events=np.tile([1.0, 0.0], 100))
    sample = in_order(read_sample(many, kind="proportion", adjusters=["x", "fold"]), ["x", "fold"])
    nuisance = cross_fit(sample, ["x"], learner="trees")
    assert np.ptp(nuisance.outcome[:, 0]) < 0.2


def _known_truth(scenario, runs=8):
    made = robust.world(scenario)
    found = pd.concat([robust.one_run(made, 77 + seed, records=8000) for seed in range(runs)])
    summed = robust.tally(found)
    return summed, 3.5 * summed["spread"] / np.sqrt(runs)


@pytest.mark.parametrize(("scenario", "wrong"), [("event wrong", "ladder"), ("group wrong", "weighted")])
def test_right_when_one_of_its_models_is_wrong(scenario, wrong):
    summed, tolerance = _known_truth(scenario)
    assert abs(summed.loc[wrong, "error"]) > tolerance[wrong]
    for method in ("augmented", "augmented, whole population"):
        assert abs(summed.loc[method, "error"]) < tolerance[method]
        assert summed.loc[method, "held"] > 0.82


def _one(rows):
    frame = pd.DataFrame(rows, columns=["group", "a", "base", "events"]).astype({"base": float, "events": float})
    return deal(frame)


FULL = [("White", "x", 500, 200), ("White", "y", 600, 310), ("Black", "x", 300, 140), ("Black", "y", 200, 120)]


def test_a_group_of_eight_without_events_gets_a_status_and_the_rest_is_reported():
    found = doubly_robust(_one([*FULL, ("Other", "x", 5, 0), ("Other", "y", 3, 0)]), adjusters=["a"])
    for quantity in QUANTITIES:
        assert statuses(found, quantity) == {"Black": "ok", "Other": "separated"}
    own = found[(found["group"] == "Other") & (found["quantity"] != "overlap")]
    assert own[["estimate", "lower", "upper", "p_value"]].isna().all(axis=None)
    assert own["denominator"].eq(8).all()


def test_a_small_group_has_too_few():
    found = doubly_robust(_one([*FULL, ("Other", "x", 9, 3), ("Other", "y", 6, 4)]), adjusters=["a"])
    assert statuses(found, "aipw_difference") == {"Black": "ok", "Other": "too_few"}
    assert statuses(found, "matched_difference")["Other"] == "too_few"


def test_groups_that_live_apart_have_no_overlap():
    apart = [("White", "x", 500, 200), ("White", "y", 600, 310), ("Black", "z", 500, 140), ("Asian", "x", 400, 140),
             ("Asian", "y", 400, 140), ("Asian", "z", 400, 200)]  # fmt: skip
    found = doubly_robust(_one(apart), adjusters=["a"])
    assert statuses(found, "aipw_difference")["Black"] == "no_overlap"
    assert statuses(found, "matched_difference") == {"Asian": "ok", "Black": "no_overlap"}
    assert picked(found, "overlap", "Black", "trimmed")["estimate"] > 0.3
    assert picked(found, "overlap", "Black", "matched")["estimate"] == 0


def test_data_that_no_model_can_be_fitted_to():
    assert set(doubly_robust(_one(FULL[:2]), adjusters=["a"])["status"]) == {"too_few"}
    assert set(statuses(doubly_robust(_one(FULL), adjusters=["a"], reference="Asian"), "aipw_rri").values()) == {
        "no_reference"
    }
    one_fold = _one(FULL).assign(fold=1)
    assert set(doubly_robust(one_fold, adjusters=["a"])["status"]) == {"too_few"}
    assert set(doubly_robust(_one(FULL).assign(events=0.0), adjusters=["a"])["status"]) == {"no_events"}
    full = _one(FULL)
    assert set(doubly_robust(full.assign(events=full["base"]), adjusters=["a"])["status"]) == {"separated"}
    assert set(doubly_robust(full.assign(events=full["base"] + 1), adjusters=["a"])["status"]) == {"inconsistent"}
    assert doubly_robust(full.iloc[:0], adjusters=["a"]).empty


def test_collinear_adjusters_make_no_difference():
    """Predictions do not ask which of two that say the same is meant; the slight penalty alone tells them apart."""
    counts = _one(FULL)
    twice = counts.assign(b=counts["a"].map({"x": "p", "y": "q"}))
    first, second = (
        picked(doubly_robust(frame, adjusters=names), "aipw_difference", "Black")
        for frame, names in ((counts, ["a"]), (twice, ["a", "b"]))
    )
    assert first["estimate"] == pytest.approx(second["estimate"], abs=0.01)


@pytest.mark.parametrize(
    "change",
    [
        {"adjusters": []}, {"adjusters": ["a", "a"]}, {"adjusters": ["fold"]}, {"adjusters": ["nosuch"]},
        {"reference": "others"}, {"learner": "magic"}, {"target": "other"}, {"per": 0}, {"confidence": 1.0},
    ],
)  # fmt: skip
def test_wrong_calls(change):
    with pytest.raises(EstimationError):
        doubly_robust(_one(FULL), **{"adjusters": ["a"], **change})


def test_folds_are_needed_and_can_be_dealt():
    counts = _one(FULL)
    with pytest.raises(EstimationError, match="fold"):
        doubly_robust(counts.drop(columns="fold"), adjusters=["a"])
    assert counts.groupby(["group", "a"])[["base", "events"]].sum().reset_index().to_numpy().tolist() == sorted(
        [list(row) for row in FULL]
    )
    with pytest.raises(EstimationError, match="whole"):
        deal(counts.assign(events=0.5))
    with pytest.raises(EstimationError, match="folds"):
        deal(counts, folds=1)
    with pytest.raises(EstimationError, match="folds"):
        doubly_robust(counts.assign(fold=np.arange(len(counts)).repeat(1)).pipe(_many_folds), adjusters=["a"])


def _many_folds(counts):
    return pd.concat([counts.assign(fold=at, base=10.0, events=3.0) for at in range(25)])


cells = st.lists(
    st.tuples(st.sampled_from(["White", "Black", "Other"]), st.sampled_from("xyz"), st.sampled_from("01"),
              st.integers(0, 60), st.integers(0, 60)),
    max_size=12,
)  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(rows=cells, learner=st.sampled_from(["logistic", "trees"]), target=st.sampled_from(["sample", "population"]))
def test_any_counts_give_rows_and_nothing_else(rows, learner, target):
    frame = pd.DataFrame(rows, columns=["group", "a", "fold", "base", "events"]).astype({"base": float})
    frame["events"] = np.minimum(frame["events"], frame["base"]).astype(float)
    found = doubly_robust(frame, adjusters=["a"], learner=learner, target=target)
    assert list(found.columns) == list(RESULT_COLUMNS)
    ok = found["status"] == "ok"
    assert found.loc[ok, "estimate"].notna().all()
    assert found.loc[~ok, ["estimate", "lower", "upper"]].isna().all(axis=None)


def test_matched_residuals_are_not_those_of_a_stratum_of_one():
    """With one White record a stratum the stratum's own mean would leave no residual; predictions do."""
    rows = [(group, f"s{at}", 1.0, float((at + shift) % 2), at % 2)
            for at in range(60) for group, shift in (("White", 0), ("Black", at % 3))]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["group", "a", "base", "events", "fold"])
    sample = in_order(read_sample(frame, kind="proportion", adjusters=["a", "fold"]), ["a", "fold"])
    half = Nuisance(np.full((120, 2), 0.5), np.full((120, 2), 0.5), True)
    means, share = matched(sample, ["a"], half, sample.groups.index("White"))
    spread = ByRow().covariance(sample, means.influence)
    black = sample.groups.index("Black")
    assert share[black] == 1
    assert spread.covariance[black, black] == pytest.approx(2 * 0.25 / 60)
