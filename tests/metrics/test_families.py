"""Families of comparisons against R's p.adjust, statsmodels and the published example."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal
from statsmodels.stats.multitest import multipletests

from yjd.errors import EstimationError
from yjd.metrics.families import adjust
from yjd.schema import RESULT_COLUMNS

FROM_R = pd.read_csv(Path(__file__).parents[1] / "reference" / "families.csv")
STATSMODELS = {"bh": "fdr_bh", "by": "fdr_by", "holm": "holm"}


def results(p_value: list[float], **columns: object) -> pd.DataFrame:
    frame = pd.DataFrame("", index=range(len(p_value)), columns=list(RESULT_COLUMNS)).astype(object)
    numbers = {"p_value": p_value, "q_value": np.nan, "confidence": 0.95, "estimate": 1.0}
    return frame.assign(quantity="rri", **numbers).assign(**columns)


@pytest.mark.parametrize("method", STATSMODELS)
def test_r_gives_the_same(method: str) -> None:
    frame = results(FROM_R["p_value"].tolist(), measure=FROM_R["family"])
    assert_allclose(adjust(frame, method=method)["q_value"], FROM_R[method], rtol=1e-11, atol=1e-310)


def test_the_published_example_finds_four_where_holm_finds_three() -> None:
    # Benjamini and Hochberg 1995: four of fifteen at 0.05, three by Bonferroni's and Hochberg's procedures
    frame = results(FROM_R.loc[FROM_R["family"] == "benjamini_hochberg", "p_value"].tolist())
    assert (adjust(frame)["q_value"] <= 0.05).sum() == 4
    assert (adjust(frame, method="holm")["q_value"] <= 0.05).sum() == 3


@pytest.mark.parametrize("method", STATSMODELS)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_statsmodels_gives_the_same_in_every_family(method: str, seed: int) -> None:
    chance = np.random.default_rng(seed)
    p_value = chance.choice([chance.random(60) ** 3, chance.choice([0.0, 0.01, 0.5, 1.0], 60), np.full(60, np.nan)])
    p_value = np.where(chance.random(60) < 0.2, np.nan, p_value)
    frame = results(p_value.tolist(), measure=chance.choice(["a", "b", "c"], 60), period=chance.choice(["1", "2"], 60))
    found = adjust(frame, method=method)
    gc.freeze()  # statsmodels collects garbage in every call; what is there already need not be looked through
    for _, family in found.groupby(["measure", "period"]):
        valid = family["p_value"].notna()
        assert family.loc[~valid, "q_value"].isna().all()
        if valid.any():
            expected = multipletests(family.loc[valid, "p_value"], method=STATSMODELS[method])[1]
            assert_allclose(family.loc[valid, "q_value"].astype(float), expected, rtol=1e-12)
    gc.unfreeze()
    order = chance.permutation(60)
    shuffled = adjust(frame.iloc[order].reset_index(drop=True), method=method)
    assert_frame_equal(shuffled, found.iloc[order].reset_index(drop=True))


def test_a_second_level_of_confidence_makes_no_difference() -> None:
    once = results([0.01, 0.02, 0.03])
    twice = pd.concat([once, once.assign(confidence=0.998)], ignore_index=True)
    found = adjust(twice)["q_value"].to_numpy()
    assert_allclose(found[:3], adjust(once)["q_value"])
    assert_allclose(found[3:], found[:3])
    # also where the caller forgets it
    assert_allclose(adjust(twice, families=["measure"])["q_value"], found)


def test_other_quantities_keep_what_they_have_and_the_input_is_not_changed() -> None:
    frame = results([0.01, 0.04, 0.04], quantity=["rri", "funnel", "rri"], q_value=[np.nan, 0.7, 0.9])
    before = frame.copy()
    assert adjust(frame)["q_value"].tolist() == [0.02, 0.7, 0.04]
    assert_frame_equal(frame, before)
    assert adjust(frame, quantities=["funnel"])["q_value"].tolist()[1] == 0.04


def test_what_was_adjusted_before_and_has_no_p_value_now_has_no_q_value() -> None:
    assert np.isnan(adjust(results([np.nan], q_value=[0.5]))["q_value"].iloc[0])


def test_no_rows() -> None:
    assert adjust(results([])).empty


@pytest.mark.parametrize("options", [{"method": "bonferroni"}, {"families": ["estimate"]}, {"families": "measure"}])
def test_options_without_a_meaning_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(EstimationError):
        adjust(results([0.1]), **options)


def test_missing_columns_are_named() -> None:
    with pytest.raises(EstimationError, match="p_value"):
        adjust(results([0.1]).drop(columns="p_value"))
