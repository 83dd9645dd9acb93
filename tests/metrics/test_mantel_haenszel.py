"""Mantel-Haenszel ratios and tests of homogeneity against metafor, epiR, glm, a textbook and algebra.

Reference values are of R 4.2 (tests/reference/mantel_haenszel.R) and agree to 1e-9; the p-value of epiR is 1 less
the distribution function, which loses digits below 1e-7, so that one agrees to 1e-15 absolutely.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal
from scipy import special

from tests.metrics.frames import is_blank, row
from tests.metrics.stratified import (
    DIMENSIONS,
    INPUTS,
    LAWS,
    REFERENCE,
    STATUSES,
    WILD,
    at,
    case,
    check_table,
    crude,
    strata,
    wild,
)
from yjd.errors import EstimationError
from yjd.metrics import relative_rate
from yjd.metrics.mantel_haenszel import mantel_haenszel

VALUES = pd.read_csv(REFERENCE / "mantel_haenszel.csv")
LIMITS = ["estimate", "lower", "upper"]
KINDS = ["proportion", "rate"]
MALE = {"sex": "Male", "age_band": "15-17"}


@pytest.mark.parametrize(
    "value", VALUES.to_dict("records"), ids=lambda v: f"{v['case']}-{v['kind']}-{v['quantity']}-{v['source']}"
)
def test_values_of_r(value: dict[str, object]) -> None:
    found = row(mantel_haenszel(case(str(value["case"])), kind=value["kind"]), "Black", quantity=value["quantity"])
    assert found["status"] == "ok"
    assert found["p_value"] == pytest.approx(value["p"], rel=1e-9, abs=1e-15)
    if value["quantity"] == "mh_ratio":
        assert_allclose(found[LIMITS].astype(float), [value[name] for name in LIMITS], rtol=1e-9)
        assert (found["method"], found["term"], found["confidence"]) == ("greenland_robins", "", 0.95)
    else:
        assert found["estimate"] == pytest.approx(value["estimate"], rel=1e-9)
        assert found["term"] == f"df {value['df']:.0f}"
        assert found["method"] == ("breslow_day" if value["kind"] == "rate" else "wald")
        assert found[["lower", "upper", "confidence"]].isna().all()


def test_published_risk_ratio() -> None:
    """Deaths in the University Group Diabetes Program by age: 1.33 (Rothman, Modern Epidemiology)."""
    frame = pd.DataFrame(
        [("Black", "<55", 8, 106), ("White", "<55", 5, 120), ("Black", "55+", 22, 98), ("White", "55+", 16, 85)],
        columns=["group", "age_band", "numerator", "denominator"],
    )
    found = row(mantel_haenszel(frame, kind="proportion", over=["age_band"]), "Black", quantity="mh_ratio")
    assert found["estimate"] == pytest.approx(1.33, abs=0.005)


def test_one_stratum() -> None:
    """Katz's interval and the chi-square of a two-by-two table for a proportion; crude for a rate."""
    frame = case("one")
    found = row(mantel_haenszel(frame, kind="proportion"), "Black", quantity="mh_ratio")
    katz = row(relative_rate(crude(frame), kind="proportion", method="katz"), "Black")
    assert_allclose(found[LIMITS].astype(float), katz[LIMITS].astype(float), rtol=1e-12)
    a, A, b, B = 12, 3000, 40, 30000
    n, m = A + B, a + b
    chi_square = (a - A * m / n) ** 2 / (A * B * m * (n - m) / (n**2 * (n - 1)))
    assert found["p_value"] == pytest.approx(special.chdtrc(1, chi_square))
    found = row(mantel_haenszel(frame, kind="rate"), "Black", quantity="mh_ratio")
    spread = np.exp(1.959963984540054 * np.sqrt(1 / a + 1 / b))
    assert_allclose(found[LIMITS].astype(float), [3, 3 / spread, 3 * spread], rtol=1e-12)
    for kind in KINDS:
        test = row(mantel_haenszel(frame, kind=kind), "Black", quantity="mh_homogeneity")
        assert (test["status"], test["term"]) == ("too_few", "")


def test_the_ratio_of_every_stratum_is_the_common_ratio() -> None:
    """Where every stratum has the ratio 3, so has the whole, and nothing speaks against it."""
    frame = case("children")
    white = (frame["group"] == "White").to_numpy()
    frame["numerator"] = np.where(white, frame["denominator"] / 100, 3 * frame["denominator"] / 100)
    for kind in KINDS:
        found = mantel_haenszel(frame, kind=kind).set_index("quantity")
        assert found.loc["mh_ratio", "estimate"] == pytest.approx(3)
        assert found.loc["mh_homogeneity", "estimate"] == pytest.approx(0, abs=1e-12)
        assert found.loc["mh_homogeneity", "p_value"] == pytest.approx(1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("group", ["Black", "White"])
def test_strata_without_a_base_on_one_side_drop_out(kind: str, group: str) -> None:
    frame = case("children")
    there = (frame["sex"] == "Male") & (frame["age_band"] == "15-17")
    shorter = mantel_haenszel(frame[~there], kind=kind)
    assert row(shorter, "Black", quantity="mh_homogeneity")["term"] == "df 4"
    assert_frame_equal(mantel_haenszel(frame[~(there & (frame["group"] == group))], kind=kind), shorter)
    for base in (0.0, np.nan):
        assert_frame_equal(mantel_haenszel(at(frame, group=group, **MALE, denominator=base), kind=kind), shorter)


def test_statuses() -> None:
    frame = case("children")
    black, white = (frame["group"] == "Black", frame["group"] == "White")

    def status(changed: pd.DataFrame, kind: str = "rate") -> list[str]:
        found = mantel_haenszel(changed, kind=kind)
        return found.loc[found["group"] == "Black", "status"].to_list()

    assert status(frame.assign(denominator=frame["denominator"].mask(black, 0))) == ["no_denominator"] * 2
    assert status(frame.assign(denominator=frame["denominator"].mask(white, 0))) == ["no_reference"] * 2
    assert status(frame[black]) == ["no_reference"] * 2
    assert status(frame.assign(numerator=frame["numerator"].mask(black, 0))) == ["no_events"] * 2
    assert status(frame.assign(numerator=frame["numerator"].mask(white, 0))) == ["no_reference"] * 2
    assert status(frame.assign(numerator=0.0)) == ["no_events"] * 2
    assert status(at(frame, group="White", **MALE, status="censored")) == ["censored"] * 2
    assert status(at(frame, group="Black", **MALE, numerator=np.nan)) == ["not_available"] * 2
    assert status(at(frame, group="Black", **MALE, status="break")) == ["break"] * 2
    assert status(frame.assign(numerator=frame["denominator"]), "proportion") == ["too_few"] * 2
    assert status(frame.assign(numerator=frame["denominator"] + 1), "proportion") == ["inconsistent"] * 2
    assert status(frame.assign(numerator=frame["denominator"] + 1)) == ["ok"] * 2


@pytest.mark.parametrize("group", ["Black", "White"])
def test_hidden_if_any_stratum_is(group: str) -> None:
    found = mantel_haenszel(at(case("children"), group=group, **MALE, disclosure="hidden"), kind="rate")
    assert found[["status", "disclosure", "term"]].drop_duplicates().to_numpy().tolist() == [["hidden", "hidden", ""]]
    assert is_blank(found, counts_too=True)


def test_others_are_the_known_children_of_other_groups() -> None:
    frame = pd.concat([case("children"), case("children").query("group == 'White'").assign(group="Asian")])
    both = frame[frame["group"] != "Black"].groupby(DIMENSIONS, as_index=False)[["numerator", "denominator"]].sum()
    by_hand = pd.concat([frame[frame["group"] == "Black"], both.assign(group="White")])
    names = [*LIMITS, "p_value", "numerator", "reference_numerator"]
    for kind in KINDS:
        others = mantel_haenszel(frame, kind=kind, reference="others").query("group == 'Black'")
        assert_allclose(others[names].to_numpy(float), mantel_haenszel(by_hand, kind=kind)[names].to_numpy(float))


def test_wrong_calls() -> None:
    with pytest.raises(EstimationError, match="not part of"):
        mantel_haenszel(case("children"), kind="rate", reference="everyone")
    with pytest.raises(EstimationError, match="dimensions of the strata"):
        mantel_haenszel(case("children"), kind="rate", over=["ethnicity"])
    with pytest.raises(EstimationError, match="kind"):
        mantel_haenszel(case("children"), kind="odds")
    assert mantel_haenszel(crude(case("children")), kind="rate").empty


def test_more_levels_are_more_rows_of_the_ratio() -> None:
    found = mantel_haenszel(case("children"), kind="rate", confidence=[0.8, 0.95])
    assert found["quantity"].to_list() == ["mh_ratio", "mh_ratio", "mh_homogeneity"]
    assert found["p_value"][0] == found["p_value"][1]


@pytest.mark.parametrize("kind", KINDS)
@LAWS
@given(frame=strata(least=1), seed=st.integers(0, 99))
def test_order_names_and_direction(kind: str, frame: pd.DataFrame, seed: int) -> None:
    found = mantel_haenszel(frame, kind=kind)
    shuffled = mantel_haenszel(frame.sample(frac=1, random_state=seed), kind=kind)
    keys = ["quantity", "group"]
    assert_frame_equal(
        found.sort_values(keys, ignore_index=True), shuffled.sort_values(keys, ignore_index=True), rtol=1e-9
    )
    names = {"Black": "Irish", "White": "Black", "Asian": "Other"}
    renamed = mantel_haenszel(frame.replace({"group": names}), kind=kind, reference="Black")
    assert_frame_equal(found.replace({"group": names, "reference": names}), renamed)
    back = mantel_haenszel(frame, kind=kind, reference="Black")
    there, back = row(found, "Black", quantity="mh_ratio"), row(back, "White", quantity="mh_ratio")
    assert_allclose(there[LIMITS].astype(float), 1 / back[["estimate", "upper", "lower"]].astype(float), rtol=1e-9)
    assert there["p_value"] == pytest.approx(back["p_value"])
    twin = pd.concat([frame, frame[frame["group"] == "White"].assign(group="Other")], ignore_index=True)
    same = mantel_haenszel(twin, kind=kind)
    assert row(same, "Other", quantity="mh_ratio")["estimate"] == pytest.approx(1)
    assert row(same, "Other", quantity="mh_ratio")["p_value"] == pytest.approx(1)
    assert row(same, "Other", quantity="mh_homogeneity")["estimate"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@WILD
@given(frame=wild())
def test_no_exception_and_no_silent_number(kind: str, frame: pd.DataFrame) -> None:
    hidden = frame["disclosure"].eq("hidden")
    swapped = frame.assign(
        numerator=frame["numerator"].mask(hidden, 7), denominator=frame["denominator"].mask(hidden, 11)
    )
    for reference in ("White", "others"):
        found = mantel_haenszel(frame, kind=kind, reference=reference)
        ratios = found["quantity"] == "mh_ratio"
        check_table(found[ratios], STATUSES)
        check_table(found[~ratios], STATUSES, limits=False)
        assert_frame_equal(found, mantel_haenszel(swapped, kind=kind, reference=reference))


@pytest.mark.parametrize("kind", KINDS)
def test_intervals_and_tests_hold_a_known_truth(kind: str) -> None:
    """2,000 draws of six strata with the true ratio 1.5: limits hold it in 93.5% to 97% of draws.

    The homogeneity test rejects a true common ratio at 5% in 3% to 7% of draws.
    """
    chance, draws = np.random.default_rng(6), 2000
    table = INPUTS[INPUTS["case"] == "children"]
    rates = 4 * (table["b"] / table["B"]).to_numpy()

    def drawn(group: str, base: np.ndarray, rates: np.ndarray) -> pd.DataFrame:
        size = (draws, len(base))
        events = chance.poisson(base * rates, size) if kind == "rate" else chance.binomial(base, rates, size)
        frame = pd.concat([table[DIMENSIONS].assign(denominator=base.astype(float), group=group)] * draws)
        return frame.assign(numerator=events.ravel().astype(float), period=np.arange(draws).repeat(6).astype(str))

    base = (table["A"].to_numpy() // 2, table["B"].to_numpy() // 10)
    frame = pd.concat([drawn("Black", base[0], 1.5 * rates), drawn("White", base[1], rates)], ignore_index=True)
    found = mantel_haenszel(frame, kind=kind)
    ratios, tests = (found[found["quantity"] == name] for name in ("mh_ratio", "mh_homogeneity"))
    assert 0.935 < ((ratios["lower"] <= 1.5) & (ratios["upper"] >= 1.5)).mean() < 0.97
    assert 0.03 < (tests["p_value"] < 0.05).mean() < 0.07
