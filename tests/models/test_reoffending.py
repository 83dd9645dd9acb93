"""Re-offending against R and statsmodels: how often, how soon; and what is said where data carry no estimate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.discrete.discrete_model as discrete
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.duration.hazard_regression import PHReg

from tests.models.known import dense
from yjd.errors import EstimationError
from yjd.models.children import ByChild
from yjd.models.clusters import ByArea, ByRow
from yjd.models.number_fit import _alpha
from yjd.models.reoffending import reoffences, reoffending, time_to_reoffence
from yjd.models.rungs import Rung
from yjd.schema import RESULT_COLUMNS
from yjd.warehouse import Warehouse

_VALUES = pd.read_csv(Path(__file__).parents[1] / "reference" / "reoffending.csv", dtype=str)
Z = 1.959963984540054
LUNG = (Rung("M0"), Rung("M1", ("sex", "band")))
QUINE = (Rung("M0"), Rung("M1", ("Sex", "Age", "Lrn")))


def r(case):
    """What R said: name -> value."""
    rows = _VALUES[_VALUES["case"] == case]
    return dict(zip(rows["name"], rows["value"].astype(float), strict=True))


def data(case):
    """Rows that the R script wrote down."""
    rows = _VALUES[_VALUES["case"] == f"{case}_data"]
    frame = pd.DataFrame([value.split("/") for value in rows["value"]], columns=rows["name"].iloc[0].split("/"))
    frame["reoffences"] = frame["reoffences"].astype(int)
    return frame.assign(days=frame["days"].astype(float)) if "days" in frame else frame


def counted(frame, *names):
    """Counts of the cohort: one row a pattern."""
    keys = ["group", *names, "reoffences", *(["days"] if "days" in frame else [])]
    return frame.groupby(keys).size().rename("n").reset_index()


def pick(results, quantity, group, rung="", term=""):
    rows = results[(results["quantity"] == quantity) & (results["group"] == group) & (results["rung"] == rung)]
    rows = rows[rows["term"] == term]
    assert len(rows) == 1, (quantity, group, rung, term)
    return rows.iloc[0]


def statuses(results, quantity, rung):
    rows = results[(results["quantity"] == quantity) & (results["rung"] == rung)]
    return dict(zip(rows["group"], rows["status"], strict=True))


def log_error(row):
    return (np.log(row["upper"]) - np.log(row["lower"])) / (2 * Z)


# How soon


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("rung", ["M0", "M1"])
def test_hazard_ratios_and_their_check_are_those_of_r(ties, rung):
    found = time_to_reoffence(counted(data("lung"), "sex", "band"), rungs=LUNG, reference="e0", ties=ties)
    said = r(f"lung_{ties}_{rung}")
    for group in ("e1", "e2"):
        row = pick(found, "hazard_ratio", group, rung)
        assert np.log(row["estimate"]) == pytest.approx(said[f"group{group}"], abs=1e-9)
        assert log_error(row) == pytest.approx(said[f"group{group}_se"], rel=1e-8)
        assert (row["method"], row["status"]) == (f"cox_{ties}_model", "ok")
    names = {"group": "group"} if rung == "M0" else {"group": "group", "sex": "sex", "band": "band", "all": "GLOBAL"}
    for term, name in names.items():
        row = pick(found, "ph_test", "All", rung, term)
        assert row["estimate"] == pytest.approx(said[f"zph_{name}"], rel=1e-8)
        assert row["p_value"] == pytest.approx(said[f"zphp_{name}"], rel=1e-8)


def _lung_in_a_warehouse(warehouse):
    """Patterns, and the rows of the model with their child."""
    frame = data("lung")
    keys = ["group", "sex", "band", "reoffences", "days"]
    counts = counted(frame, "sex", "band")
    counts["pattern"] = np.arange(len(counts))
    rows = frame.merge(counts, on=keys)[["id", "pattern"]].rename(columns={"id": "child_id"}).assign(event=1)
    warehouse.write(rows, "reoffending_rows")
    return counts


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_standard_errors_by_child_are_those_of_r(ties):
    with Warehouse.open() as warehouse:
        counts = _lung_in_a_warehouse(warehouse)
        by_child = ByChild(warehouse, "reoffending_rows", small_sample=False)
        found = time_to_reoffence(counts, rungs=LUNG, reference="e0", ties=ties, clusters=by_child)
    for rung in ("M0", "M1"):
        said = r(f"lung_{ties}_{rung}")
        for group in ("e1", "e2"):
            row = pick(found, "hazard_ratio", group, rung)
            assert log_error(row) == pytest.approx(said[f"group{group}_cluster_se"], rel=1e-8)
            assert row["method"] == f"cox_{ties}_by_child"
    curve = r("lung_curve")
    for group in ("e0", "e1", "e2"):
        for month in (1, 4, 12):
            row = pick(found, "survival", group, term=str(month))
            low, share, high = (1 - row[name] / 100 for name in ("upper", "estimate", "lower"))
            width = np.log(-np.log(low)) - np.log(-np.log(high))
            error = width / (2 * Z) * -np.log(share) * share
            assert error == pytest.approx(curve[f"{group}_{month}_cluster_se"], rel=1e-8)


def test_curves_are_those_of_r():
    counts, curve = counted(data("lung")), r("lung_curve")
    by_row = time_to_reoffence(counts, rungs=[Rung("M0")], reference="e0", clusters=ByRow())
    found = time_to_reoffence(counts, rungs=[Rung("M0")], reference="e0")
    for group in ("e0", "e1", "e2"):
        for month in range(1, 13):
            row = pick(found, "survival", group, term=str(month))
            for name, other in (("estimate", "share"), ("upper", "lower"), ("lower", "upper")):
                assert row[name] == pytest.approx(100 * (1 - curve[f"{group}_{month}_{other}"]), rel=1e-9)
            # each child by itself, the jackknife is Greenwood's variance
            robust = pick(by_row, "survival", group, term=str(month))
            assert robust["upper"] == pytest.approx(row["upper"], rel=1e-9)
            assert row["method"] == "kaplan_meier"
            assert row["numerator"] <= row["denominator"]


def made_up(seed, size=600, *, reach=365):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "group": rng.choice(["White", "Black", "Asian"], size, p=[0.6, 0.25, 0.15]),
        "age": rng.choice(["10-11", "12-14", "15-17"], size, p=[0.1, 0.3, 0.6]),
        "sex": rng.choice(["Female", "Male"], size),
        "area": rng.choice(["A", "B", "C", "D", "E"], size),
        "fold": rng.integers(0, 4, size),
    })  # fmt: skip
    hazard = np.exp(
        0.4 * (frame["group"] == "Black") + 0.5 * (frame["age"] == "15-17") - 0.4 * (frame["sex"] == "Female")
    )
    day = np.ceil(rng.exponential(700 / hazard.to_numpy()))
    did = day <= reach
    more = rng.negative_binomial(0.7, 0.5, size)
    return frame.assign(days=np.where(did, day, reach), reoffences=np.where(did, 1 + more, 0))


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_grouped_cox_is_that_of_statsmodels_on_rows(ties):
    frame = made_up(1)
    found = time_to_reoffence(counted(frame, "age", "sex"), rungs=[Rung("M1", ("age", "sex"))], ties=ties)
    columns = [("group", "Asian"), ("group", "Black"), ("age", "10-11"), ("age", "12-14"), ("sex", "Female")]
    rows = PHReg(frame["days"], dense(frame, columns), status=(frame["reoffences"] > 0).astype(int), ties=ties).fit()
    for at, group in enumerate(("Asian", "Black")):
        row = pick(found, "hazard_ratio", group, "M1")
        assert np.log(row["estimate"]) == pytest.approx(rows.params[at], abs=1e-9)
        assert log_error(row) == pytest.approx(rows.bse[at], rel=1e-8)
        assert row["p_value"] == pytest.approx(rows.pvalues[at], rel=1e-7)
        did = frame["reoffences"] > 0
        assert row["numerator"] == (did & (frame["group"] == group)).sum()
        assert row["reference_denominator"] == (frame["group"] == "White").sum()


# How often


@pytest.mark.parametrize("rung", ["M0", "M1"])
def test_negative_binomial_is_that_of_r(rung):
    """Both take turns between coefficients and theta until nothing moves; what differs is below 1e-9."""
    found = reoffences(counted(data("quine"), "Sex", "Age", "Lrn"), rungs=QUINE, reference="A")
    said = r(f"quine_{rung}")
    row = pick(found, "count_ratio", "N", rung)
    assert np.log(row["estimate"]) == pytest.approx(said["coefficient"], rel=1e-8)
    assert log_error(row) == pytest.approx(said["se"], rel=1e-8)
    assert (row["method"], row["status"]) == ("negative_binomial_model", "ok")
    for group in ("A", "N"):
        rate = pick(found, "adjusted_rate", group, rung)
        assert rate["estimate"] == pytest.approx(said[f"rate_{group}"], rel=1e-8)
        assert log_error(rate) * rate["estimate"] == pytest.approx(said[f"rate_se_{group}"], rel=1e-8)
    spread = pick(found, "dispersion", "All", rung)
    assert spread["estimate"] == pytest.approx(said["pearson"], rel=1e-8)
    assert spread["p_value"] == pytest.approx(said["dean_lawless_p"], rel=1e-8, abs=1e-300)


def test_counts_without_extra_variation_are_poisson():
    found, said = reoffences(counted(data("poisson")), rungs=[Rung("M0")], reference="a"), r("poisson")
    row = pick(found, "count_ratio", "b", "M0")
    assert np.log(row["estimate"]) == pytest.approx(said["coefficient"], rel=1e-8)
    assert log_error(row) == pytest.approx(said["se"], rel=1e-8)
    assert row["method"] == "poisson_model"
    assert pick(found, "dispersion", "All", "M0")["p_value"] > 0.05


def test_grouped_negative_binomial_is_that_of_statsmodels_on_rows():
    """Standard errors differ by design: statsmodels takes the observed information, R and this the expected one."""
    frame = made_up(2, 900)
    found = reoffences(counted(frame, "age", "sex"), rungs=[Rung("M1", ("age", "sex"))])
    columns = [("", ""), ("group", "Asian"), ("group", "Black"), ("age", "10-11"), ("age", "12-14"), ("sex", "Female")]
    matrix = dense(frame, columns)
    rows = discrete.NegativeBinomial(frame["reoffences"], matrix).fit(
        disp=0, method="newton", start_params=[0.0] * 6 + [1.0], tol=1e-14, maxiter=200
    )  # fmt: skip
    for at, group in ((1, "Asian"), (2, "Black")):
        row = pick(found, "count_ratio", group, "M1")
        assert np.log(row["estimate"]) == pytest.approx(rows.params.iloc[at], abs=1e-7)
        assert log_error(row) == pytest.approx(rows.bse.iloc[at], rel=0.05)


def test_number_by_area_and_by_row_are_the_sandwich_on_rows():
    """The sandwich written out: scores of rows at statsmodels' estimate, summed over areas."""
    frame = made_up(3, 900)
    counts = counted(frame, "age", "area")
    found = {one.name: reoffences(counts, rungs=[Rung("M1", ("age",))], clusters=one)
             for one in (ByRow(), ByArea(small_sample=False))}  # fmt: skip
    columns = [("", ""), ("group", "Asian"), ("group", "Black"), ("age", "10-11"), ("age", "12-14")]
    matrix, y = dense(frame, columns), frame["reoffences"].to_numpy(float)
    fit = discrete.NegativeBinomial(y, matrix).fit(
        disp=0, method="newton", start_params=[0.0] * 5 + [1.0], tol=1e-14, maxiter=200
    )  # fmt: skip
    mean, alpha = np.exp(matrix @ fit.params[:5]), fit.params[5]
    spread = 1 + alpha * mean
    bread = np.linalg.inv(matrix.T @ (matrix * (mean / spread)[:, None]))
    scores = matrix * ((y - mean) / spread)[:, None]
    for name, sums in (("by_row", scores), ("by_area", pd.DataFrame(scores).groupby(frame["area"]).sum().to_numpy())):
        error = np.sqrt(np.diag(bread @ sums.T @ sums @ bread))
        for at, group in ((1, "Asian"), (2, "Black")):
            row = pick(found[name], "count_ratio", group, "M1")
            assert log_error(row) == pytest.approx(error[at], rel=1e-6)
            assert row["method"] == f"negative_binomial_{name}"


# Known truth


def test_known_truth_is_found():
    """In 60 samples, hazard and count ratios of exp(0.4), and 95% intervals that hold them about as often."""
    inside, values = np.zeros(2), np.zeros((60, 2))
    for seed in range(60):
        rng = np.random.default_rng(seed)
        black, old = rng.random(1500) < 0.3, rng.random(1500) < 0.5
        hazard = np.exp(0.4 * black + 0.6 * old) / 900
        day = np.ceil(rng.exponential(1 / hazard))
        mean = 0.5 * np.exp(0.4 * black + 0.6 * old)
        number = rng.negative_binomial(1.25, 1.25 / (1.25 + mean))
        frame = pd.DataFrame({"group": np.where(black, "Black", "White"), "old": np.where(old, "y", "n")})
        rungs = [Rung("M1", ("old",))]
        timed = frame.assign(days=np.minimum(day, 365), reoffences=(day <= 365).astype(int))
        rows = (
            pick(time_to_reoffence(counted(timed, "old"), rungs=rungs), "hazard_ratio", "Black", "M1"),
            pick(
                reoffences(counted(frame.assign(reoffences=number), "old"), rungs=rungs), "count_ratio", "Black", "M1"
            ),
        )
        values[seed] = [np.log(row["estimate"]) for row in rows]
        inside += [row["lower"] <= np.exp(0.4) <= row["upper"] for row in rows]
    assert np.abs(values.mean(axis=0) - 0.4).max() < 4 * 0.1 / np.sqrt(60)
    assert (inside >= 52).all()  # of 60 at 95%: fewer happens once in 200 times
    assert (inside < 60).any()


def test_hazards_that_cross_fail_the_check():
    rng = np.random.default_rng(5)
    black = rng.random(3000) < 0.5
    day = np.where(black, 365 * rng.random(3000) ** 3, 365 * rng.random(3000)) + 1
    late = rng.random(3000) < 0.5
    frame = pd.DataFrame({"group": np.where(black, "Black", "White"), "days": np.where(late, 366, np.ceil(day)),
                          "reoffences": (~late).astype(int)})  # fmt: skip
    found = time_to_reoffence(counted(frame), rungs=[Rung("M0")])
    assert pick(found, "ph_test", "All", "M0", "group")["p_value"] < 1e-6


# Where data carry no estimate


def _frame(rows):
    return pd.DataFrame(rows, columns=["group", "a0", "reoffences", "days", "n"])


FULL = [("White", "x", 0, 365, 200), ("White", "x", 1, 90, 30), ("White", "x", 2, 40, 20), ("White", "y", 0, 365, 90),
        ("White", "y", 1, 200, 20), ("Black", "x", 0, 365, 50), ("Black", "x", 1, 60, 20), ("Black", "y", 3, 60, 11),
        ("Black", "y", 0, 366, 22)]  # fmt: skip
RUNGS = (Rung("M0"), Rung("M1", ("a0",)))


def test_a_group_in_which_nobody_re_offended():
    counts = _frame([*FULL, ("Asian", "x", 0, 365, 8)])
    without = _frame(FULL)
    for found, quantity in ((reoffences(counts, rungs=RUNGS), "count_ratio"),
                            (time_to_reoffence(counts, rungs=RUNGS), "hazard_ratio")):  # fmt: skip
        for rung in ("M0", "M1"):
            assert statuses(found, quantity, rung) == {"Asian": "separated", "Black": "ok"}
            assert np.isnan(pick(found, quantity, "Asian", rung)["estimate"])
    both = [time_to_reoffence(one, rungs=RUNGS) for one in (counts, without)]
    # its children leave every risk set, and the others' ratio is as without them
    pair = [pick(found, "hazard_ratio", "Black", "M1")["estimate"] for found in both]
    assert pair[0] == pytest.approx(pair[1], rel=1e-9)
    curve = pick(both[0], "survival", "Asian", term="12")
    assert (curve["estimate"], curve["lower"], curve["method"]) == (0, 0, "wilson")
    assert 30 < curve["upper"] < 40  # 0 of 8


def test_a_level_of_an_adjuster_in_which_nobody_re_offended():
    """What is left is Cox without these children, who are in no risk set that matters (statsmodels on rows)."""
    frame = made_up(21)
    frame.loc[frame["age"] == "10-11", ["reoffences", "days"]] = 0, 365
    found = time_to_reoffence(counted(frame, "age", "sex"), rungs=[Rung("M1", ("age", "sex"))])
    left = frame[frame["age"] != "10-11"]
    columns = [("group", "Asian"), ("group", "Black"), ("age", "12-14"), ("sex", "Female")]
    rows = PHReg(left["days"], dense(left, columns), status=(left["reoffences"] > 0).astype(int), ties="efron").fit()
    for at, group in enumerate(("Asian", "Black")):
        row = pick(found, "hazard_ratio", group, "M1")
        assert np.log(row["estimate"]) == pytest.approx(rows.params[at], abs=1e-8)
        assert log_error(row) == pytest.approx(rows.bse[at], rel=1e-7)
    assert pick(found, "ph_test", "All", "M1", "age")["status"] == "ok"


def test_unknown_is_in_the_sample_and_compared_with_nobody():
    counts = _frame([*FULL, ("Unknown", "x", 1, 10, 40), ("Unknown", "y", 0, 365, 60)])
    for function, quantity in ((reoffences, "count_ratio"), (time_to_reoffence, "hazard_ratio")):
        assert set(statuses(function(counts, rungs=RUNGS), quantity, "M1")) == {"Black"}
    assert pick(reoffences(counts, rungs=RUNGS), "adjusted_rate", "Unknown", "M0")["estimate"] == pytest.approx(0.4)


def test_a_reference_in_which_nobody_re_offended():
    counts = _frame([("White", "x", 0, 365, 60), *FULL[5:], ("Asian", "x", 1, 100, 9), ("Asian", "y", 0, 365, 30)])
    for found, quantity in ((reoffences(counts, rungs=RUNGS), "count_ratio"),
                            (time_to_reoffence(counts, rungs=RUNGS), "hazard_ratio")):  # fmt: skip
        assert set(statuses(found, quantity, "M0").values()) == {"separated"}


def test_a_group_of_one_child_who_re_offended_first():
    """Its hazard ratio grows without end, although it has an event: the others are still compared."""
    found = time_to_reoffence(_frame([*FULL, ("Asian", "x", 1, 1, 1)]), rungs=RUNGS)
    for rung in ("M0", "M1"):
        assert statuses(found, "hazard_ratio", rung) == {"Asian": "separated", "Black": "ok"}


def test_ratios_that_no_reader_could_use():
    """All of 900 children on the first day against 2 in 900 on the last: thousands to one."""
    counts = _frame([("White", "x", 0, 365, 900), ("White", "x", 1, 360, 2), ("Black", "x", 30, 1, 900),
                     ("Black", "x", 0, 365, 10)])  # fmt: skip
    for function, quantity in ((reoffences, "count_ratio"), (time_to_reoffence, "hazard_ratio")):
        row = pick(function(counts, rungs=[Rung("M0")]), quantity, "Black", "M0")
        assert row["status"] == "separated"
        assert np.isnan(row["estimate"])


def test_no_reference_one_group_and_nobody():
    counts = _frame(FULL)
    nobody = counts.assign(reoffences=0)
    one = counts[counts["group"] == "White"]
    for function, quantity in ((reoffences, "count_ratio"), (time_to_reoffence, "hazard_ratio")):
        absent = function(counts, rungs=RUNGS, reference="Irish")
        assert set(statuses(absent, quantity, "M1").values()) == {"no_reference"}
        assert set(statuses(function(nobody, rungs=RUNGS), quantity, "M0").values()) == {"no_events"}
        assert set(statuses(function(one, rungs=RUNGS, reference="Black"), quantity, "M0").values()) == {"too_few"}
        assert len(function(counts[:0], rungs=RUNGS)) == 0
    assert pick(time_to_reoffence(nobody, rungs=RUNGS), "survival", "White", term="3")["estimate"] == 0


def test_collinear_and_single_level_adjusters():
    counts = _frame(FULL).assign(same="one", own=lambda frame: frame["group"])
    rungs = (Rung("M0"), Rung("M1", ("same",)), Rung("M2", ("own",)))
    for function, quantity in ((reoffences, "count_ratio"), (time_to_reoffence, "hazard_ratio")):
        found = function(counts, rungs=rungs)
        plain, single = (pick(found, quantity, "Black", rung) for rung in ("M0", "M1"))
        assert plain["estimate"] == pytest.approx(single["estimate"], rel=1e-9)
        assert statuses(found, quantity, "M2") == {"Black": "collinear"}


def test_extra_variation_next_to_nothing_and_without_end():
    number, times = np.array([0.0, 1.0, 2.0]), np.array([50.0, 50.0, 1.0])
    few = (np.array([52.0]), np.array([101.0]), np.array([52 / 101]))
    assert _alpha(number, times, *few) == 0  # less than a Poisson count varies
    many = (np.array([1e7]), np.array([1e6]), np.array([10.0]))
    assert _alpha(np.array([0.0, 1e7]), np.array([1e6 - 1, 1.0]), *many) is None
    enormous = pd.DataFrame({"group": ["White", "Black", "White"], "reoffences": [0, 0, 10**9], "n": [90, 90, 3]})
    found = reoffences(enormous, rungs=[Rung("M0")])  # neither memory nor time go with the number
    assert set(found["status"]) <= {"ok", "separated", "too_few", "not_converged"}


def test_too_few_events_for_each_parameter():
    counts = _frame([(group, f"l{at}", 0, 365, 40) for at in range(5) for group in ("White", "Black")]
                    + [("White" if at % 2 else "Black", f"l{at}", 1, 10 * at + 9, 1) for at in range(5)])  # fmt: skip
    for function, quantity in ((reoffences, "count_ratio"), (time_to_reoffence, "hazard_ratio")):
        found = function(counts, rungs=RUNGS)
        assert statuses(found, quantity, "M0") == {"Black": "ok"}
        assert statuses(found, quantity, "M1") == {"Black": "too_few"}
    assert pick(found, "ph_test", "All", "M1", "group")["status"] == "too_few"


def test_too_few_for_the_parameters():
    counts = _frame([("White", f"l{at}", 0, 365, 5) for at in range(20)] + [("Black", "l1", 1, 30, 3),
                     ("White", "l2", 1, 40, 2)])  # fmt: skip
    for function, quantity in ((reoffences, "count_ratio"), (time_to_reoffence, "hazard_ratio")):
        found = function(counts, rungs=[Rung("M1", ("a0",))])
        assert pick(found, quantity, "Black", "M1")["status"] in ("too_few", "separated")


def test_followed_for_a_shorter_time_is_censored():
    counts = _frame([("White", "x", 1, 20, 30), ("White", "x", 0, 100, 50), ("Black", "x", 1, 9, 9),
                     ("Black", "x", 0, 365, 20)])  # fmt: skip
    found = time_to_reoffence(counts, rungs=[Rung("M0")])
    assert pick(found, "survival", "White", term="3")["status"] == "ok"
    late = pick(found, "survival", "White", term="4")
    assert late["status"] == "censored"
    assert np.isnan(late["estimate"])
    assert pick(found, "survival", "Black", term="12")["status"] == "ok"  # 365 days are a year


@pytest.mark.parametrize("change", [
    {"days": 0}, {"days": -1.0}, {"days": np.nan}, {"days": "soon"}, {"n": 1.5}, {"n": -1}, {"reoffences": 0.5},
    {"group": "All"},
])  # fmt: skip
def test_what_no_data_could_answer(change):
    with pytest.raises(EstimationError):
        time_to_reoffence(_frame(FULL).assign(**change), rungs=RUNGS)


def test_wrong_calls():
    counts = _frame(FULL)
    for options in ({"rungs": []}, {"rungs": [Rung("M0"), Rung("M0")]}, {"rungs": RUNGS, "reference": "others"},
                    {"rungs": [Rung("M1", ("absent",))]}, {"rungs": [Rung("M1", ("days",))]}):  # fmt: skip
        for function in (reoffences, time_to_reoffence):
            with pytest.raises(EstimationError):
                function(counts, **options)
    with pytest.raises(EstimationError):
        time_to_reoffence(counts, rungs=RUNGS, ties="exact")
    with pytest.raises(EstimationError):
        time_to_reoffence(counts.drop(columns="days"), rungs=RUNGS)


def test_inputs_stay_and_keys_are_written():
    frame = made_up(7)
    counts = counted(frame, "age", "fold")
    before = counts.copy()
    found = reoffending(counts, rungs=[Rung("M0"), Rung("M1", ("age",))], measure="m", period="p", level="broad",
                        confidence=(0.95, 0.998))  # fmt: skip
    pd.testing.assert_frame_equal(counts, before)
    assert list(found.columns) == list(RESULT_COLUMNS)
    assert found[["measure", "period", "level"]].drop_duplicates().to_numpy().tolist() == [["m", "p", "broad"]]
    assert not found.duplicated(["quantity", "rung", "term", "group", "confidence"]).any()
    shuffled = reoffending(counts.sample(frac=1, random_state=1), rungs=[Rung("M0"), Rung("M1", ("age",))],
                           measure="m", period="p", level="broad", confidence=(0.95, 0.998))  # fmt: skip
    pd.testing.assert_frame_equal(found, shuffled, rtol=1e-7)


@given(st.lists(
    st.tuples(st.sampled_from(["White", "Black", "Unknown"]), st.sampled_from(["x", "y", "z"]), st.integers(0, 4),
              st.sampled_from([1, 30, 31, 90, 365, 366]), st.integers(0, 30), st.integers(0, 2)),
    min_size=0, max_size=14,
), st.sampled_from([None, ByRow(), ByArea("a0")]))  # fmt: skip
def test_any_counts_at_all(rows, clusters):
    """A status or an estimate, never a wild number and never a warning."""
    counts = pd.DataFrame(rows, columns=["group", "a0", "reoffences", "days", "n", "fold"])
    counts = counts.astype({"group": str, "a0": str, "reoffences": int, "days": int, "n": int, "fold": int})
    found = reoffending(counts, rungs=RUNGS, clusters=clusters)
    shown = found[found["status"] == "ok"]
    assert shown["estimate"].notna().all()
    assert found.loc[found["status"] != "ok", ["estimate", "lower", "upper"]].isna().all().all()
    ratios = shown[shown["quantity"].isin(["hazard_ratio", "count_ratio"])]
    assert ratios["estimate"].between(1e-3, 1e3).all()
    assert (ratios["lower"].isna() | (ratios["lower"] <= ratios["estimate"])).all()
    curve = shown[shown["quantity"] == "survival"]
    assert curve[["estimate", "lower", "upper"]].stack().between(0, 100).all()
