"""Observed to expected: no child is expected from itself or from its ethnicity, and its limits are known ones."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from tests.models.test_reoffending import made_up, pick, r
from yjd.errors import EstimationError
from yjd.metrics.intervals import byar
from yjd.models.children import ByChild
from yjd.models.clusters import ByRow
from yjd.models.cohort import read_cohort
from yjd.models.expected import FIFTHS, WARNING, observed_to_expected, score_limits
from yjd.models.expected_risk import expected_risk
from yjd.warehouse import Warehouse

NAMES = ("age", "sex", "area")
LEVELS = np.array([0.95])


def counted(frame):
    return frame.groupby(["group", *NAMES, "reoffences", "fold"]).size().rename("n").reset_index()


def test_limits_are_wilsons_where_all_are_expected_alike():
    said = r("wilson")
    for events in (3, 20, 47):
        lower, upper, _ = score_limits(np.array([float(events)]), np.array([20.0]), np.array([50 * 0.4**2]), LEVELS)
        assert lower[0, 0] * 0.4 == pytest.approx(said[f"{events}_lower"], rel=1e-9)
        assert upper[0, 0] * 0.4 == pytest.approx(said[f"{events}_upper"], rel=1e-9)


def test_limits_turn_the_test_of_any_ratio_round():
    rng = np.random.default_rng(1)
    risk = rng.uniform(0.02, 0.6, 200)
    observed, expected, squares = 70.0, risk.sum(), (risk**2).sum()

    def beyond(ratio, level):
        variance = (ratio * risk * (1 - ratio * risk)).sum()
        return (observed - ratio * expected) ** 2 / variance - special.ndtri((1 + level) / 2) ** 2

    for level in (0.9, 0.998):
        lower, upper, p_value = score_limits(
            *(np.array([one]) for one in (observed, expected, squares)), np.array([level])
        )
        ratio = observed / expected
        assert lower[0, 0] == pytest.approx(optimize.brentq(beyond, 0.1, ratio, args=(level,)), rel=1e-9)
        assert upper[0, 0] == pytest.approx(optimize.brentq(beyond, ratio, 1.6, args=(level,)), rel=1e-9)
    statistic = beyond(1.0, 0.9) + special.ndtri(0.95) ** 2
    assert p_value[0] == pytest.approx(special.chdtrc(1, statistic), rel=1e-9)


def test_limits_of_rare_re_offending_are_near_byars():
    """Byar's limits are for events of which a child can have many; with few, there is no difference to speak of."""
    lower, upper, _ = score_limits(np.array([60.0]), np.array([50.0]), np.array([50 * 0.005]), LEVELS)
    other = byar(60.0)
    assert lower[0, 0] == pytest.approx(other.lower / 50, rel=0.02)
    assert upper[0, 0] == pytest.approx(other.upper / 50, rel=0.02)
    # where many re-offend they are wider than they need be
    lower, upper, _ = score_limits(np.array([60.0]), np.array([50.0]), np.array([50 * 0.4]), LEVELS)
    assert upper[0, 0] - lower[0, 0] < 0.85 * (other.upper - other.lower) / 50


def test_nobody_and_everybody():
    lower, upper, p_value = score_limits(np.array([0.0, 10.0]), np.array([4.0, 8.0]), np.array([1.6, 6.4]), LEVELS)
    assert lower[0, 0] == 0
    assert 0.2 < upper[0, 0] < 1
    assert upper[1, 0] == pytest.approx(1.25, rel=1e-9)  # no more can re-offend than there are
    assert (p_value < 0.2).all()


def test_expected_is_sklearns_on_rows_of_the_other_folds():
    frame = made_up(11, 1500)
    cohort = read_cohort(counted(frame), adjusters=NAMES, needs=("fold",))
    risk, status = expected_risk(cohort, NAMES, "logistic")
    assert status == "ok"
    columns = pd.get_dummies(frame[list(NAMES)]).to_numpy(float)
    did, fold = (frame["reoffences"] > 0).to_numpy(), frame["fold"].to_numpy()
    expected = pd.Series(0.0, index=frame.index)
    for one in range(4):
        model = LogisticRegression(C=1.0, tol=1e-10, max_iter=5000).fit(columns[fold != one], did[fold != one])
        expected[fold == one] = model.predict_proba(columns[fold == one])[:, 1]
    by_group = dict(zip(cohort.groups, cohort.sample.by_group(cohort.children * risk), strict=True))
    for group, value in expected.groupby(frame["group"]).sum().items():
        assert by_group[group] == pytest.approx(value, rel=1e-5)  # two iterative solvers, each at rest


@pytest.mark.parametrize("learner", ["logistic", "boosting"])
def test_no_child_is_expected_from_itself_or_its_group(learner):
    frame = made_up(12, 1200)
    frame["fold"] %= 2
    keys = ["group", *NAMES, "reoffences", "fold"]

    def risks(changed):
        cohort = read_cohort(changed[keys].assign(n=1), adjusters=NAMES, needs=("fold",))
        return expected_risk(cohort, NAMES, learner)[0]

    plain = risks(frame)
    own = frame["fold"] == 1
    turned = risks(frame.assign(reoffences=np.where(own, 1 - frame["reoffences"].clip(upper=1), frame["reoffences"])))
    np.testing.assert_allclose(turned[own], plain[own], rtol=1e-9)
    assert np.abs(turned[~own] - plain[~own]).max() > 1e-3
    np.testing.assert_allclose(risks(frame.assign(group=frame["group"].to_numpy()[::-1])), plain, rtol=1e-9)


@pytest.mark.parametrize("learner", ["logistic", "boosting"])
def test_the_parts_add_up(learner):
    found = observed_to_expected(counted(made_up(13, 3000)), adjusters=NAMES, learner=learner)
    ratios = found[found["quantity"] == "observed_expected"]
    # over all children the model is right by construction, so a large group is near 1
    assert ratios["numerator"].sum() == pytest.approx(ratios["reference_numerator"].sum(), rel=0.03)
    assert pick(found, "observed_expected", "White")["estimate"] == pytest.approx(1, abs=0.15)
    for group in ("White", "Black", "Asian"):
        whole = pick(found, "observed_expected", group)
        assert whole["estimate"] == pytest.approx(whole["numerator"] / whole["reference_numerator"], rel=1e-12)
        fifths = found[(found["quantity"] == "calibration") & (found["group"] == group)]
        assert fifths["term"].tolist() == [str(one) for one in range(1, FIFTHS + 1)]
        for name in ("numerator", "denominator", "reference_numerator", "reference_denominator"):
            assert fifths[name].sum() == pytest.approx(whole[name], rel=1e-9)
        likely = fifths["reference_numerator"] / fifths["reference_denominator"]
        assert likely.is_monotonic_increasing
    again = observed_to_expected(counted(made_up(13, 3000)), adjusters=NAMES, learner=learner)
    pd.testing.assert_frame_equal(found, again)


def test_known_truth_is_found():
    """A group that re-offends as others do has a ratio near 1, and one with 1.4 times the odds or more is seen."""
    inside, above = 0, 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        size = 2500
        frame = pd.DataFrame({
            "group": rng.choice(["White", "Black", "Asian"], size, p=[0.7, 0.15, 0.15]),
            "age": rng.choice(["a", "b", "c"], size), "sex": rng.choice(["f", "m"], size), "area": "one",
            "fold": rng.integers(0, 4, size),
        })  # fmt: skip
        linear = -1 + 0.7 * (frame["age"] == "c") - 0.5 * (frame["sex"] == "f") + 0.9 * (frame["group"] == "Black")
        frame["reoffences"] = (rng.random(size) < special.expit(linear)).astype(int)
        found = observed_to_expected(counted(frame), adjusters=NAMES)
        # expectations come from all children, Black ones too: the truth for White and Asian is a little below 1
        truth = special.expit(linear - 0.9 * (frame["group"] == "Black"))
        asian = frame["group"] == "Asian"
        row = pick(found, "observed_expected", "Asian")
        right = row["reference_numerator"] / truth[asian].sum()
        inside += row["lower"] * right <= 1 <= row["upper"] * right
        above += pick(found, "observed_expected", "Black")["lower"] > 1
    assert inside >= 25
    assert above >= 29


def test_a_child_in_several_rows_is_one_cluster():
    frame = made_up(14, 800)
    frame["child_id"] = np.arange(len(frame))
    twice = pd.concat([frame, frame], ignore_index=True)  # every child two times, the same both times
    counts = counted(twice)
    counts["pattern"] = np.arange(len(counts))
    rows = twice.merge(counts, on=["group", *NAMES, "reoffences", "fold"])[["child_id", "pattern"]].assign(event=1)
    with Warehouse.open() as warehouse:
        warehouse.write(rows, "reoffending_rows")
        by_child = observed_to_expected(counts, adjusters=NAMES, clusters=ByChild(warehouse, "reoffending_rows"))
    by_row = observed_to_expected(counts, adjusters=NAMES, clusters=ByRow())
    for group in ("White", "Black", "Asian"):
        one, other = pick(by_child, "observed_expected", group), pick(by_row, "observed_expected", group)
        width = [np.log(row["upper"] / row["lower"]) for row in (one, other)]
        assert width[0] / width[1] == pytest.approx(np.sqrt(2), rel=1e-9)
        assert (one["method"], other["method"]) == ("logistic_by_child", "logistic_by_row")
        score = pick(observed_to_expected(counts, adjusters=NAMES), "observed_expected", group)
        assert np.log(score["upper"] / score["lower"]) == pytest.approx(width[1], rel=0.1)


def test_where_nothing_can_be_learned():
    counts = counted(made_up(15))
    for changed, status in ((counts.assign(fold=0), "too_few"), (counts.assign(reoffences=0), "no_events"),
                            (counts.assign(reoffences=1), "too_few"), (counts[:12], "too_few")):  # fmt: skip
        found = observed_to_expected(changed, adjusters=NAMES)
        assert set(found["status"]) == {status}
        assert found[["estimate", "lower", "upper", "p_value"]].isna().all().all()
    assert len(observed_to_expected(counts[:0], adjusters=NAMES)) == 0


def test_a_model_that_does_not_settle(monkeypatch):
    def restless(*_):
        warnings.warn("no", ConvergenceWarning, stacklevel=1)

    monkeypatch.setattr("yjd.models.expected_risk._logistic", restless)
    assert set(observed_to_expected(counted(made_up(18)), adjusters=NAMES)["status"]) == {"not_converged"}


def test_a_group_in_which_nobody_re_offended():
    extra = pd.DataFrame([["Other", "15-17", "Male", "A", 0, fold, 3] for fold in range(4)],
                         columns=["group", *NAMES, "reoffences", "fold", "n"])  # fmt: skip
    counts = pd.concat([counted(made_up(16)), extra], ignore_index=True)
    row = pick(observed_to_expected(counts, adjusters=NAMES), "observed_expected", "Other")
    assert (row["estimate"], row["lower"], row["status"]) == (0, 0, "ok")
    assert 0 < row["upper"] < 1.5
    found = observed_to_expected(counts, adjusters=NAMES, clusters=ByRow())
    assert pick(found, "observed_expected", "Other")["status"] == "no_events"
    absent = found[(found["quantity"] == "calibration") & (found["group"] == "Other") & (found["denominator"] == 0)]
    assert set(absent["status"]) == {"no_denominator"}


def test_wrong_calls():
    counts = counted(made_up(17))
    for options in ({"learner": "oracle"}, {"adjusters": ()}, {"adjusters": ("ethnicity",)}, {"adjusters": ("group",)},
                    {"adjusters": ("absent",)}, {"confidence": 2}):  # fmt: skip
        with pytest.raises(EstimationError):
            observed_to_expected(counts, **({"adjusters": NAMES} | options))
    with pytest.raises(EstimationError):
        observed_to_expected(counts.drop(columns="fold"), adjusters=NAMES)


def test_the_warning_says_what_the_model_is_not_for():
    assert "never be used for a decision about a child" in WARNING
