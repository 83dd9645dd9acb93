"""Strata and areas as random intercepts, against lme4, brute force and known truth.

Tolerances. Optima and standard errors agree with lme4's deviance to about 1e-6: the reference takes its derivatives
numerically, and maximises a sum over 25 nodes where the code maximises the integral. Limits of the standard deviation
are roots in R, to 1e-5. glmer's own optimum, not improved, is good to about 1e-4.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yjd.errors import EstimationError
from yjd.models.area_effects import area_effects
from yjd.models.intercepts import fit_intercepts
from yjd.models.multilevel import multilevel, share_between
from yjd.models.quadrature import Clustered, evaluate
from yjd.models.sample import read_sample
from yjd.models.strata import fit_models, strata_of
from yjd.models.strata_rates import shrink
from yjd.schema import RESULT_COLUMNS

_VALUES = pd.read_csv(Path(__file__).parents[1] / "reference" / "multilevel.csv", dtype={"name": str})
DIMENSIONS = ("group", "sex", "age_band", "area")


def r(case):
    rows = _VALUES[_VALUES["case"] == case]
    return dict(zip(rows["name"], rows["value"].astype(float), strict=True))


def counts(case, columns):
    events, base = r(f"{case}_events"), r(f"{case}_base")
    keys = pd.DataFrame([name.split("/") for name in events], columns=columns)
    return keys.assign(events=list(events.values()), base=[base[name] for name in events])


def made_strata(kind="proportion"):
    frame = counts("strata", list(DIMENSIONS))
    return frame if kind == "proportion" else frame.assign(base=20 * frame["base"] + 7)


def models(kind):
    sample = read_sample(made_strata(kind), kind=kind, adjusters=DIMENSIONS[1:])
    made = strata_of(sample, DIMENSIONS, "White")
    return made, dict(zip(("null", "main"), fit_models(sample, made), strict=True))


def drawn(seed, deviation, *, kind="proportion", groups=5, areas=4, size=60.0):
    """Strata with a known rate: main terms, and what they do not add up to."""
    rng = np.random.default_rng(seed)
    names = ["White", *(f"group {at}" for at in range(1, groups))]
    keys = [names, ["F", "M"], ["10-14", "15-17"], [f"area {at}" for at in range(areas)]]
    frame = pd.DataFrame(list(itertools.product(*keys)), columns=list(DIMENSIONS))
    rate = kind == "rate"
    base = np.maximum(np.exp(rng.normal(np.log(size), 0.9, len(frame))).round(), 1) * (25 if rate else 1)
    linear = (-4.0 if rate else -0.8) + 0.5 * (frame["sex"] == "M") + 0.3 * (frame["age_band"] == "15-17")
    linear = linear.to_numpy() + rng.normal(0, deviation, len(frame))
    truth = np.exp(linear) if rate else 1 / (1 + np.exp(-linear))
    events = rng.poisson(base * truth) if rate else rng.binomial(base.astype(int), truth)
    return frame.assign(base=base, events=events.astype(float)), truth


def share(found, term):
    rows = found[(found["quantity"] == "between_share") & (found["term"] == term)]
    assert len(rows) == 1
    return rows.iloc[0]


def rows_of(found, quantity, term):
    return found[(found["quantity"] == quantity) & (found["term"] == term)]


# against lme4


@pytest.mark.parametrize("term", ["null", "main"])
@pytest.mark.parametrize("kind", ["proportion", "rate"])
def test_strata_equal_lme4(kind, term):
    made, fitted = models(kind)
    word = "logit" if kind == "proportion" else "poisson"
    said, model = r(f"strata_{word}_{term}"), fitted[term].fitted
    assert model.deviation == pytest.approx(said["sd"], rel=2e-6)
    assert model.deviation == pytest.approx(said["glmer_sd"], abs=2e-4)
    if term == "null":
        assert model.best.coefficients[0] == pytest.approx(said["(Intercept)"], rel=1e-6)
        assert np.sqrt(model.covariance()[0, 0]) == pytest.approx(said["se_(Intercept)"], rel=1e-5)
    else:  # other dimensions have other baselines than in R
        for group in ("Asian", "Black", "Mixed"):
            at = made.rung.design.columns.index(("group", group))
            assert model.best.coefficients[at] == pytest.approx(said[f"group{group}"], abs=1e-6)
            assert np.sqrt(model.covariance()[at, at]) == pytest.approx(said[f"se_group{group}"], rel=1e-5)
    for adjusted, which in ((True, "adjusted"), (False, "plain")):
        lower, upper = model.limits(np.array([0.95]), adjusted=adjusted)
        assert lower[0] == pytest.approx(said[f"lower_{which}"], abs=1e-5)
        assert upper[0] == pytest.approx(said[f"upper_{which}"], rel=1e-5)
        assert np.log(model.p_value(adjusted=adjusted)) == pytest.approx(np.log(said[f"p_{which}"]), rel=1e-4)
    shrunken = shrink(model, np.array([0.95])).estimate
    names = ["/".join(made.labels[name][at] for name in DIMENSIONS) for at in range(len(made.base))]
    expected = r(f"shrunken_{word}_{term}")
    np.testing.assert_allclose(shrunken, [expected[name] for name in names], rtol=1e-5)


@pytest.mark.parametrize(("family", "kind"), [("binomial", "proportion"), ("poisson", "rate")])
def test_limits_of_strata_are_those_of_the_whole_posterior(family, kind):
    """By brute force over mean and standard deviation; the code takes the mean as normal, and 15 deviations."""
    frame = made_strata(kind)
    frame = frame[frame["area"] == "north"]
    found = rows_of(multilevel(frame, kind=kind, per=1, strata=DIMENSIONS[:3]), "stratum_rate", "null")
    lower, upper = r(f"limits_{family}_lower"), r(f"limits_{family}_upper")
    for _, row in found.iterrows():
        name = f"{row['group']}/{row['sex']}/{row['age_band']}"
        width = upper[name] - lower[name]
        assert abs(row["lower"] - lower[name]) < 0.03 * width
        assert abs(row["upper"] - upper[name]) < 0.03 * width


CASES = [
    ("cbpp", ["group", "area"], "proportion", (), "1", ["2", "3", "4"]),
    ("ucb", ["group", "area"], "proportion", (), "Male", ["Female"]),
    ("area_poisson", ["group", "age_band", "area"], "rate", ("age_band",), "White", ["Asian", "Black", "Mixed"]),
]


@pytest.mark.parametrize(("case", "columns", "kind", "adjusters", "reference", "groups"), CASES)
def test_areas_equal_lme4(case, columns, kind, adjusters, reference, groups):
    said = r(case)
    found = area_effects(counts(case, columns), kind=kind, adjusters=adjusters, reference=reference, per=1)
    method = "mixed_logit" if kind == "proportion" else "mixed_poisson"
    assert set(found["method"]) == {method}
    assert set(found["rung"]) == {"M1 areas random"}
    whole = found[found["quantity"] == "area_effects_sd"].iloc[0]
    assert whole["estimate"] == pytest.approx(said["sd"], rel=2e-6)
    assert whole["lower"] == pytest.approx(said["lower_adjusted"], rel=1e-5)
    assert whole["upper"] == pytest.approx(said["upper_adjusted"], rel=1e-5)
    assert whole["p_value"] == pytest.approx(said["p_adjusted"], rel=1e-3)
    z = 1.959963984540054
    for group in groups:
        row = found[(found["quantity"] == "adjusted_rri") & (found["group"] == group)].iloc[0]
        assert np.log(row["estimate"]) == pytest.approx(said[f"log_rri_{group}"], rel=1e-5)
        assert np.log(row["upper"] / row["lower"]) / 2 / z == pytest.approx(said[f"log_rri_se_{group}"], rel=1e-4)
        gap = found[(found["quantity"] == "marginal_difference") & (found["group"] == group)].iloc[0]
        assert gap["estimate"] == pytest.approx(said[f"rate_{group}"] - said[f"rate_{reference}"], rel=1e-4)
    for group in (reference, *groups):
        row = found[(found["quantity"] == "adjusted_rate") & (found["group"] == group)].iloc[0]
        assert row["estimate"] == pytest.approx(said[f"rate_{group}"], rel=1e-5)
        scale = np.log if kind == "rate" else (lambda p: np.log(p / (1 - p)))
        slope = row["estimate"] if kind == "rate" else row["estimate"] * (1 - row["estimate"])
        error = (scale(row["upper"]) - scale(row["lower"])) / 2 / z * slope
        assert error == pytest.approx(said[f"rate_se_{group}"], rel=1e-4)


# algebra


@pytest.mark.parametrize("kind", ["proportion", "rate"])
@pytest.mark.parametrize("clusters", [30, 7])
def test_derivatives_are_those_of_the_likelihood(kind, clusters):
    rng = np.random.default_rng(3)
    base, matrix = rng.integers(3, 200, 30).astype(float), np.column_stack([np.ones(30), rng.normal(size=(30, 2))])
    events = np.minimum(rng.poisson(base / 5), base).astype(float)
    rows = Clustered.of(kind, matrix, events, base, np.arange(30) % clusters)
    at, step = np.array([-1.4, 0.2, -0.1, 0.6]), 1e-5 * np.eye(4)
    found = evaluate(rows, at[:3], at[3])
    ends = [[evaluate(rows, (at + sign * one)[:3], (at + sign * one)[3]) for sign in (1, -1)] for one in step]
    slope = [(one.log_likelihood - other.log_likelihood) / 2e-5 for one, other in ends]
    np.testing.assert_allclose(found.score, slope, rtol=1e-6, atol=1e-6)
    curve = [(other.score - one.score) / 2e-5 for one, other in ends]
    np.testing.assert_allclose(found.information, curve, rtol=1e-5, atol=1e-5)
    more = evaluate(rows, at[:3], at[3], nodes=60).log_likelihood
    assert found.log_likelihood == pytest.approx(more, abs=1e-9)
    without = evaluate(rows, at[:3], 0.0)
    linear = matrix @ at[:3]
    plain = events @ linear - (base @ np.log1p(np.exp(linear)) if kind == "proportion" else base @ np.exp(linear))
    assert without.log_likelihood == pytest.approx(plain, rel=1e-12)


def test_shares_have_their_formulas():
    assert share_between("proportion", np.array([1.0]), 0.5)[0] == pytest.approx(1 / (1 + np.pi**2 / 3))
    assert share_between("rate", np.array([0.5]), 0.02)[0] == pytest.approx(0.25 / (0.25 + np.log(51)))
    np.testing.assert_array_equal(share_between("rate", np.array([0.0, np.inf]), 0.02), [0, 1])


def test_shares_and_their_change():
    found = multilevel(made_strata(), kind="proportion")
    assert list(found.columns) == list(RESULT_COLUMNS)
    null, main, change = (share(found, term) for term in ("null", "main", "change"))
    squares = [r(f"strata_logit_{term}")["sd"] ** 2 for term in ("null", "main")]
    assert null["estimate"] == pytest.approx(100 * squares[0] / (squares[0] + np.pi**2 / 3), rel=1e-5)
    assert main["estimate"] == pytest.approx(100 * squares[1] / (squares[1] + np.pi**2 / 3), rel=1e-5)
    assert change["estimate"] == pytest.approx(100 * (1 - squares[1] / squares[0]), rel=1e-5)
    assert np.isnan([change["lower"], change["upper"]]).all()
    assert (null["method"], null["group"], null["status"]) == ("agq", "All", "ok")
    assert null["lower"] < null["estimate"] < null["upper"]


def test_rows_of_strata():
    frame = made_strata()
    found = multilevel(frame, kind="proportion", per=100, measure="m", period="2024-25", confidence=(0.95, 0.8))
    assert set(found["measure"]) == {"m"}
    assert set(found["period"]) == {"2024-25"}
    rate = rows_of(found, "stratum_rate", "main")
    assert len(rate) == 2 * len(frame)
    both = rate[rate["confidence"] == 0.95].merge(frame, on=list(DIMENSIONS))
    assert (both["numerator"] == both["events"]).all()
    assert (both["denominator"] == both["base"]).all()
    assert (both["lower"] < both["estimate"]).all()
    assert (both["estimate"] < both["upper"]).all()
    narrow = rate[rate["confidence"] == 0.8]
    assert (narrow["upper"].to_numpy() < rate.loc[rate["confidence"] == 0.95, "upper"].to_numpy()).all()
    ratio = rows_of(found, "stratum_rri", "main")
    assert len(ratio) == 2 * len(frame[frame["group"] != "White"])
    one = ratio[(ratio["group"] == "Black") & (ratio["sex"] == "M") & (ratio["age_band"] == "15-17")
                & (ratio["area"] == "north")].iloc[0]  # fmt: skip
    white = frame[(frame["group"] == "White") & (frame["sex"] == "M") & (frame["age_band"] == "15-17")
                  & (frame["area"] == "north")].iloc[0]  # fmt: skip
    assert (one["reference_numerator"], one["reference_denominator"]) == (white["events"], white["base"])
    rates = both.set_index(list(DIMENSIONS))["estimate"]
    assert one["estimate"] == pytest.approx(
        rates["Black", "M", "15-17", "north"] / rates["White", "M", "15-17", "north"], rel=1e-12
    )
    assert one["lower"] < one["estimate"] < one["upper"]
    assert rows_of(found, "stratum_rri", "null").empty


# data that are hard


def test_a_stratum_with_0_of_8_events_shrinks_and_stays_finite():
    for kind in ("proportion", "rate"):
        found = multilevel(made_strata(kind), kind=kind, per=100)
        for term in ("null", "main"):
            rows = rows_of(found, "stratum_rate", term)
            row = rows[(rows["numerator"] == 0)].iloc[0]
            assert row["status"] == "ok"
            assert 0 < row["lower"] < row["estimate"] < row["upper"] < 100
        ratios = rows_of(found, "stratum_rri", "main")
        assert np.isfinite(ratios[["estimate", "lower", "upper"]].to_numpy()).all()


def test_strata_without_a_base_are_left_out():
    frame = made_strata()
    gone = (frame["group"] == "Asian") & (frame["area"] == "west")
    empty = frame.assign(base=frame["base"].where(~gone, 0), events=frame["events"].where(~gone, 0))
    found, without = multilevel(empty, kind="proportion"), multilevel(frame[~gone], kind="proportion")
    pd.testing.assert_frame_equal(found, without)
    white = (frame["group"] == "White") & (frame["area"] == "west")
    found = rows_of(multilevel(frame[~white], kind="proportion"), "stratum_rri", "main")
    assert (found.loc[found["area"] == "west", "status"] == "no_reference").all()
    assert (found.loc[found["area"] != "west", "status"] == "ok").all()
    assert found.loc[found["area"] == "west", ["estimate", "reference_numerator"]].isna().all().all()


def test_a_group_without_events_is_separated_from_main_terms_alone():
    frame = made_strata()
    none = pd.DataFrame({"group": "Other", "sex": "F", "age_band": ["10-14", "15-17"], "area": "north"}).assign(
        base=[5.0, 3.0], events=0.0
    )
    found, without = multilevel(pd.concat([frame, none]), kind="proportion"), multilevel(frame, kind="proportion")
    other = found[found["group"] == "Other"]
    assert set(other.loc[other["term"] == "main", "status"]) == {"separated"}
    assert set(other.loc[other["term"] == "null", "status"]) == {"ok"}
    assert share(found, "main")["estimate"] == pytest.approx(share(without, "main")["estimate"], rel=1e-6)
    assert share(found, "null")["estimate"] != pytest.approx(share(without, "null")["estimate"], rel=1e-6)


def test_strata_that_are_alike_have_a_variance_of_0():
    frame = made_strata().assign(base=40.0, events=10.0)
    for kind in ("proportion", "rate"):
        found = multilevel(frame, kind=kind)
        for term in ("null", "main"):
            row = share(found, term)
            assert (row["estimate"], row["lower"], row["p_value"]) == (0, 0, 1)
            assert row["upper"] > 0
            assert (row["method"], row["status"]) == ("agq_boundary", "ok")
        assert share(found, "change")["status"] == "no_difference"
        rates = rows_of(found, "stratum_rate", "main")
        np.testing.assert_allclose(rates["estimate"], 25, rtol=1e-9)
        assert (rates["lower"] < 25).all()
        assert rates["method"].str.endswith("_boundary").all()


def test_too_few_strata():
    frame = made_strata()
    few = multilevel(frame[frame["group"].isin(["White", "Black"])], kind="proportion", strata=("group", "sex"))
    assert set(few["status"]) == {"too_few"}
    assert few["estimate"].isna().all()
    groups = frame.assign(group=frame["group"] + frame["sex"])  # eight groups: nothing is left beside main terms
    found = multilevel(groups, kind="proportion", strata=("group",), reference="WhiteF")
    assert share(found, "null")["status"] == "ok"
    assert share(found, "main")["status"] == "too_few"
    assert share(found, "change")["status"] == "too_few"


@pytest.mark.parametrize(
    ("events", "status"),
    [(lambda b: 0 * b, "no_events"), (lambda b: b, "separated"), (lambda b: b + 1, "inconsistent")],
)
def test_counts_that_carry_no_model(events, status):
    frame = made_strata()
    frame = frame.assign(events=events(frame["base"]))
    assert set(multilevel(frame, kind="proportion")["status"]) == {status}
    areas = frame.assign(area=frame["area"] + frame["sex"])
    assert set(area_effects(areas, kind="proportion", adjusters=())["status"]) == {status}


def test_nothing_but_all_or_none():
    """Half of the strata have events only and half none: no standard deviation is large enough."""
    frame = made_strata().assign(base=200.0, events=np.tile([0.0, 200.0], 24))
    frame["events"] = np.random.default_rng(1).permutation(frame["events"].to_numpy())
    found = multilevel(frame, kind="proportion")
    assert share(found, "null")["status"] in ("ok", "not_converged")
    assert np.isfinite(found.loc[found["status"] == "ok", "estimate"]).all()


def test_counts_in_millions_leave_little_to_shrink():
    for kind in ("proportion", "rate"):
        frame, _ = drawn(2, 0.7, kind=kind, size=1e6)
        found = multilevel(frame, kind=kind, per=1)
        assert set(found["status"]) == {"ok"}
        rates = rows_of(found, "stratum_rate", "main")
        np.testing.assert_allclose(rates["estimate"], rates["numerator"] / rates["denominator"], rtol=1e-3)


def test_areas_that_are_few_or_alike_and_groups_that_are_separated():
    frame = made_strata()
    assert set(area_effects(frame, kind="proportion", adjusters=("sex",))["status"]) == {"too_few"}
    areas = frame.assign(area=frame["area"] + frame["sex"] + frame["age_band"])
    one = area_effects(areas[areas["group"] == "White"], kind="proportion", adjusters=())
    assert set(one["status"]) == {"too_few"}
    alike = areas.assign(base=40.0, events=10.0 + 2 * (areas["group"] == "Black"))
    found = area_effects(alike, kind="proportion", adjusters=(), per=1)
    assert set(found["method"]) == {"mixed_logit_boundary"}
    ratio = found[(found["quantity"] == "adjusted_rri") & (found["group"] == "Black")].iloc[0]
    assert ratio["estimate"] == pytest.approx(1.2, rel=1e-9)
    error = np.sqrt(1 / 144 - 1 / 480 + 1 / 120 - 1 / 480)  # two groups of 480, independent
    assert np.log(ratio["upper"] / ratio["estimate"]) == pytest.approx(1.959963984540054 * error, rel=1e-8)
    none = areas.assign(events=areas["events"].where(areas["group"] != "Mixed", 0.0))
    found = area_effects(none, kind="proportion", adjusters=("sex",))
    ratios = found[found["quantity"] == "adjusted_rri"].set_index("group")["status"]
    assert ratios.to_dict() == {"Asian": "ok", "Black": "ok", "Mixed": "separated"}
    found = area_effects(areas, kind="proportion", adjusters=("sex",), reference="Other")
    assert set(found.loc[found["quantity"] == "adjusted_rri", "status"]) == {"no_reference"}
    assert set(found.loc[found["quantity"] == "adjusted_rate", "status"]) == {"ok"}


def test_a_rate_with_more_than_chance_is_a_quasi_likelihood():
    """Every count and exposure three times as large, and the dispersion with them: the limits stay."""
    frame, _ = drawn(5, 0.5, kind="rate", areas=6)
    one = area_effects(frame, kind="rate", adjusters=("sex", "age_band"))
    assert one["method"].str.startswith("mixed_poisson_quasi").all()
    areas = frame.assign(base=2 * frame["base"], events=2 * frame["events"])
    two = area_effects(areas, kind="rate", adjusters=("sex", "age_band"))
    np.testing.assert_allclose(one["estimate"], two["estimate"], rtol=1e-7)
    np.testing.assert_allclose(one["upper"], two["upper"], rtol=1e-6)


# laws


def test_names_and_order_do_not_matter():
    frame = made_strata()
    mixed = frame.sample(frac=1, random_state=3)

    def areas(one):
        return area_effects(one.assign(area=one["area"] + one["sex"]), kind="proportion", adjusters=("age_band",))

    for run in (lambda one: multilevel(one, kind="proportion"), areas):
        pd.testing.assert_frame_equal(run(frame), run(mixed), rtol=1e-8)
    words = {"Asian": "Zulu", "Black": "Aleph", "Mixed": "Mem", "White": "White"}
    found = multilevel(frame, kind="proportion")
    other = multilevel(frame.assign(group=frame["group"].map(words)), kind="proportion")
    keys = ["quantity", "term", *DIMENSIONS]
    back = found.assign(group=found["group"].replace(words)).sort_values(keys).reset_index(drop=True)
    pd.testing.assert_frame_equal(back, other.sort_values(keys).reset_index(drop=True), rtol=1e-7)


def test_the_input_is_as_it_was():
    frame = made_strata()
    before = frame.copy(deep=True)
    multilevel(frame, kind="proportion")
    area_effects(frame, kind="proportion", adjusters=("sex",))
    pd.testing.assert_frame_equal(frame, before)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 30)), min_size=16, max_size=16), st.booleans())
def test_any_counts_give_rows_and_no_warning(pairs, rate):
    kind = "rate" if rate else "proportion"
    keys = list(itertools.product(["White", "Black"], ["F", "M"], ["a", "b", "c", "d"]))
    frame = pd.DataFrame(keys, columns=["group", "sex", "area"])
    base = np.array([base for base, _ in pairs], dtype=float)
    events = np.array([event for _, event in pairs], dtype=float)
    frame = frame.assign(base=base, events=events if rate else np.minimum(events, base))
    for found in (multilevel(frame, kind=kind, strata=("group", "sex", "area")),
                  area_effects(frame.assign(area=frame["area"] + frame["sex"]), kind=kind, adjusters=())):  # fmt: skip
        shown = found[(found["status"] == "ok") & (found["term"] != "change")]
        assert np.isfinite(shown[["estimate", "lower"]].to_numpy()).all()
        assert (shown["lower"] <= shown["estimate"] * (1 + 1e-12) + 1e-12).all()
        assert (shown["estimate"] <= shown["upper"] * (1 + 1e-12) + 1e-12).all()
        assert found.loc[found["status"] != "ok", "estimate"].isna().all()


# known truth


@pytest.mark.parametrize("kind", ["proportion", "rate"])
def test_known_truth_is_recovered(kind):
    """Limits of strata and their ratios hold on average over strata, and the share's in most of the samples."""
    rates, ratios, shares, values = [], [], [], []
    for seed in range(12):
        frame, truth = drawn(seed, 0.4, kind=kind)
        frame = frame.assign(truth=truth)
        found = multilevel(frame, kind=kind, per=1)
        rows = rows_of(found, "stratum_rate", "main").merge(frame, on=list(DIMENSIONS))
        rates.append(((rows["lower"] <= rows["truth"]) & (rows["truth"] <= rows["upper"])).mean())
        white = frame[frame["group"] == "White"].rename(columns={"truth": "other"})
        rows = rows_of(found, "stratum_rri", "main").merge(frame, on=list(DIMENSIONS))
        rows = rows.merge(white[[*DIMENSIONS[1:], "other"]], on=list(DIMENSIONS[1:]))
        gap = rows["truth"] / rows["other"]
        ratios.append(((rows["lower"] <= gap) & (gap <= rows["upper"])).mean())
        true = 100 * share_between(kind, np.array([0.4]), float(frame["events"].sum() / frame["base"].sum()))[0]
        row = share(found, "main")
        shares.append(row["lower"] <= true <= row["upper"])
        values.append(row["estimate"] / true)
    assert 0.925 < np.mean(rates) < 0.975
    assert 0.92 < np.mean(ratios) < 0.98
    assert sum(shares) >= 10
    assert 0.7 < np.mean(values) < 1.2  # greatest likelihood: a little too small


def test_areas_of_a_known_spread():
    """Groups that do not differ and areas that do: ratios about 1, and the spread within its limits."""
    held = spread = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        keys = list(itertools.product(["White", "Black"], ["F", "M"], [f"a{at:02d}" for at in range(20)]))
        frame = pd.DataFrame(keys, columns=["group", "sex", "area"])
        linear = -1.0 + 0.5 * (frame["sex"] == "M") + np.tile(rng.normal(0, 0.5, 20), 4)
        base = rng.integers(20, 120, len(frame))
        events = rng.binomial(base, 1 / (1 + np.exp(-linear)))
        frame = frame.assign(base=base.astype(float), events=events.astype(float))
        found = area_effects(frame, kind="proportion", adjusters=("sex",))
        row = found[found["quantity"] == "adjusted_rri"].iloc[0]
        held += row["lower"] <= 1 <= row["upper"]
        row = found[found["quantity"] == "area_effects_sd"].iloc[0]
        spread += row["lower"] <= 0.5 <= row["upper"]
    assert held >= 10
    assert spread >= 10


# wrong calls


def test_wrong_calls():
    frame = made_strata()
    wrong = ({"strata": ("sex", "area")}, {"strata": ("group", "group")}, {"strata": ("group", "period")},
             {"strata": "group"}, {"reference": "All"}, {"reference": "others"}, {"per": 0})  # fmt: skip
    for options in wrong:
        with pytest.raises(EstimationError):
            multilevel(frame, **{"kind": "proportion", **options})
    for options in ({"adjusters": ("area",)}, {"adjusters": "sex"}, {"adjusters": ("sex", "sex")},
                    {"reference": "Unknown"}, {"area": "nowhere"}):  # fmt: skip
        with pytest.raises(EstimationError):
            area_effects(frame, **{"kind": "proportion", "adjusters": ("sex",), **options})
    many = pd.DataFrame({"group": ["White", "Black"] * 2000, "base": 9.0, "events": 2.0})
    many = many.assign(area=[f"a{at % 6}" for at in range(4000)], code=[f"c{at}" for at in range(4000)])
    with pytest.raises(EstimationError, match="2,000,000"):
        area_effects(many, kind="proportion", adjusters=("code",))


def test_no_rows():
    frame = made_strata().iloc[:0]
    assert multilevel(frame, kind="proportion").empty
    assert area_effects(frame, kind="proportion", adjusters=()).empty


def test_the_fit_is_the_same_from_anywhere():
    _, fitted = models("proportion")
    rows = fitted["null"].fitted.profile.rows
    found = [fit_intercepts(rows, np.array([start])) for start in (-6.0, 0.0, 5.0)]
    np.testing.assert_allclose([one.deviation for one in found], fitted["null"].fitted.deviation, rtol=1e-8)
