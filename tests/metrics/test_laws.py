"""What must hold for any counts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal

from tests.metrics.frames import with_totals
from yjd import metrics
from yjd.schema import RESULT_COLUMNS, RESULT_KEYS, RESULT_VALUES

GROUPS = ["Asian", "Black", "Mixed", "White", "Other", "Unknown"]
STATUSES = {
    "ok", "no_events", "no_reference", "no_denominator", "inconsistent",
    "not_available", "censored", "break", "hidden",
}  # fmt: skip
KEYS = list(RESULT_KEYS)
QUICK = settings(max_examples=3, deadline=None)
# a frame drawn from a seed has nothing to shrink
WILD = settings(max_examples=2, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])


@st.composite
def stratum(draw: st.DrawFn, *, least: int = 0, kind: str = "proportion") -> pd.DataFrame:
    """All six groups with counts that agree with each other."""
    bases = [draw(st.integers(max(least, 0), 400)) for _ in GROUPS]
    most = bases if kind == "proportion" else [400] * len(GROUPS)
    events = [draw(st.integers(min(least, top), top)) for top in most]
    return pd.DataFrame({"group": GROUPS, "numerator": events, "denominator": bases}, dtype=object).astype(
        {"group": "str", "numerator": float, "denominator": float}
    )


@st.composite
def wild(draw: st.DrawFn) -> pd.DataFrame:
    """Any non-negative counts at all, with gaps, statuses, disclosures, and totals that need not agree.

    A frame of many strata costs no more than a frame of one, so one draw is a seed that fills a whole frame.
    """
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    names = np.array([*GROUPS, "Known", "All"])
    present = chance.random((60, len(names))) < draw(st.sampled_from([0.5, 0.8, 1.0]))
    strata, columns = np.nonzero(present)
    size = len(strata)
    odd = draw(st.sampled_from([0.02, 0.1]))  # how often a row is not plain

    def counts() -> np.ndarray:
        small, large = chance.integers(0, 30, size).astype(float), chance.random(size).round(4) * 1e6
        return chance.choice([0, 1, 2, 3], size, p=[0.15, 0.6, 0.2, 0.05]).choose([0.0, small, large, np.nan])

    def words(plain: str, others: list[str]) -> np.ndarray:
        return np.where(chance.random(size) < odd, chance.choice(others, size), plain)

    return pd.DataFrame(
        {
            "measure": [f"measure {number}" for number in strata],
            "group": names[columns],
            "numerator": counts(),
            "denominator": counts(),
            "status": words("ok", ["break", "censored", "not_available"]),
            "disclosure": words("shown", ["rounded", "hidden"]),
        }
    )


def everything(frame: pd.DataFrame, kind: str = "proportion", **options: object) -> pd.DataFrame:
    plan = metrics.Plan(**{"references": ["White", "others", "everyone"], **options})
    found = metrics.all_results(frame, kind=kind, per=100, plan=plan)
    return found[found["quantity"] != "missing_explains"]  # a yes or no, without limits


def ordered(results: pd.DataFrame) -> pd.DataFrame:
    return results.sort_values(KEYS, ignore_index=True)


@pytest.mark.parametrize("kind", ["proportion", "rate"])
@WILD
@given(frame=wild())
def test_no_exception_and_no_silent_number(kind: str, frame: pd.DataFrame) -> None:
    found = everything(frame, kind)
    assert tuple(found.columns) == RESULT_COLUMNS
    assert set(found["status"]) <= STATUSES
    usable = found["status"].isin(["ok", "break"])
    numbers = found.loc[usable, ["estimate", "lower", "upper", "numerator", "denominator"]].to_numpy()
    assert np.isfinite(numbers).all()
    slack = 1e-9 * (1 + np.abs(numbers[:, 0]))
    assert (numbers[:, 1] <= numbers[:, 0] + slack).all()
    assert (numbers[:, 0] <= numbers[:, 2] + slack).all()
    assert found.loc[~usable, ["estimate", "lower", "upper", "p_value"]].isna().all(axis=None)
    assert (found.loc[usable, "method"] != "").all()
    hidden = found["disclosure"].eq("hidden")
    assert (hidden == (found["status"] == "hidden")).all()
    assert found.loc[hidden, list(RESULT_VALUES[:8])].isna().all(axis=None)


@pytest.mark.parametrize("kind", ["proportion", "rate"])
@WILD
@given(frame=wild(), other=st.integers(0, 1000))
def test_nothing_depends_on_the_value_of_a_hidden_cell(kind: str, frame: pd.DataFrame, other: int) -> None:
    hidden = frame["disclosure"].eq("hidden")
    assume(hidden.any())
    swapped = frame.copy()
    swapped.loc[hidden, ["numerator", "denominator"]] = float(other)
    assert_frame_equal(everything(frame, kind), everything(swapped, kind))


@WILD
@given(frame=wild(), seed=st.integers(0, 999))
def test_the_order_of_rows_makes_no_difference(frame: pd.DataFrame, seed: int) -> None:
    shuffled = frame.sample(frac=1, random_state=seed)
    assert_frame_equal(ordered(everything(frame)), ordered(everything(shuffled)), rtol=1e-9)


@QUICK
@given(frame=stratum())
def test_new_names_give_the_same_numbers(frame: pd.DataFrame) -> None:
    names = {"Asian": "Black", "Black": "Roma", "White": "Irish"}
    renamed = frame.replace({"group": names})
    before = everything(frame).replace({"group": names, "reference": names})
    after = everything(renamed, references=["Irish", "others", "everyone"])
    assert_frame_equal(before, after)


@pytest.mark.parametrize("kind", ["proportion", "rate"])
@QUICK
@given(data=st.data())
def test_a_comparison_turned_round_is_the_inverse(kind: str, data: st.DataObject) -> None:
    frame = data.draw(stratum(least=1, kind=kind))
    there = metrics.relative_rate(frame, kind=kind, reference="White").set_index("group").loc["Black"]
    back = metrics.relative_rate(frame, kind=kind, reference="Black").set_index("group").loc["White"]
    assert_allclose(
        there[["estimate", "lower", "upper"]].to_numpy(dtype=float),
        1 / back[["estimate", "upper", "lower"]].to_numpy(dtype=float),
        rtol=1e-9,
    )
    assert there["p_value"] == pytest.approx(back["p_value"])


@pytest.mark.parametrize("kind", ["proportion", "rate"])
@QUICK
@given(data=st.data())
def test_what_must_add_up_adds_up(kind: str, data: st.DataObject) -> None:
    frame = with_totals(data.draw(stratum(least=1, kind=kind)))
    found = everything(frame, kind, references=["everyone"])

    def estimates(quantity: str) -> pd.Series:
        part = found[found["quantity"] == quantity].set_index("group")["estimate"]
        return part.drop("Unknown", errors="ignore")

    assert estimates("composition").sum() == pytest.approx(100)
    assert estimates("representation").sum() == pytest.approx(0, abs=1e-9)
    assert estimates("excess").sum() == pytest.approx(0, abs=1e-8)
    bases = frame.set_index("group")["denominator"].loc[GROUPS[:-1]]
    rates = estimates("rate")
    assert np.average(rates[bases.index], weights=bases) == pytest.approx(rates["Known"])
    assert np.average(estimates("rri")[bases.index], weights=bases) == pytest.approx(1)


@pytest.mark.parametrize("kind", ["proportion", "rate"])
@QUICK
@given(data=st.data())
def test_totals_given_as_rows_or_summed_are_the_same(kind: str, data: st.DataObject) -> None:
    frame = data.draw(stratum(kind=kind))
    whole = everything(with_totals(frame), kind)
    assert_frame_equal(ordered(everything(frame, kind)), ordered(whole[~whole["group"].isin(["Known", "All"])]))


@QUICK
@given(frame=stratum(least=1), extra=st.integers(1, 9))
def test_the_ratio_to_the_population_is_the_product_along_the_pathway(frame: pd.DataFrame, extra: int) -> None:
    population = frame.assign(numerator=frame["denominator"], denominator=frame["denominator"] * extra + 7)
    through = frame.assign(denominator=population["denominator"])

    def ratios(counts: pd.DataFrame) -> np.ndarray:
        return metrics.relative_rate(counts, kind="rate")["estimate"].to_numpy()

    assert_allclose(ratios(population) * ratios(frame), ratios(through), rtol=1e-9)


@QUICK
@given(frame=stratum(least=1))
def test_more_confidence_is_wider_and_one_call_is_as_good_as_two(frame: pd.DataFrame) -> None:
    both = everything(frame, confidence=[0.95, 0.998])
    apart = pd.concat([everything(frame, confidence=level) for level in (0.95, 0.998)])
    assert_frame_equal(ordered(both), ordered(apart.drop_duplicates(KEYS)))
    wide, narrow = (both[both["confidence"] == level].reset_index() for level in (0.998, 0.95))
    assert (wide["lower"].isna() | (wide["lower"] <= narrow["lower"] + 1e-9)).all()
    assert (wide["upper"].isna() | (wide["upper"] >= narrow["upper"] - 1e-9)).all()
