"""Raw strata from finest counts: the sums by hand, the estimates those of `rate` and `relative_rate`."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from tests.metrics.frames import is_blank, row
from tests.metrics.stratified import STATUSES, WILD, check_table, wild
from yjd.errors import EstimationError
from yjd.metrics import rate, relative_rate
from yjd.metrics.intersections import intersections
from yjd.schema import RESULT_KEYS, SPLITS

KEYS = ["area", "sex", "age_band", "deprivation", "group"]
PARTS = [["Hartlepool", "Stockton"], ["Female", "Male"], ["10-14", "15-17"], ["1", "2"], ["Black", "White"]]
SUBSETS = [by for size in range(1, 5) for by in itertools.combinations(SPLITS, size)]


def finest(seed: int = 0) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    frame = pd.DataFrame(list(itertools.product(*PARTS)), columns=KEYS)
    base = chance.integers(20, 90, len(frame))
    return frame.assign(numerator=chance.binomial(base, 0.2).astype(float), denominator=base.astype(float))


def by_hand(frame: pd.DataFrame, by: tuple[str, ...]) -> pd.DataFrame:
    return frame.groupby([*by, "group"], as_index=False)[["numerator", "denominator"]].sum()


def ordered(found: pd.DataFrame) -> pd.DataFrame:
    return found.sort_values(list(RESULT_KEYS), ignore_index=True)


@pytest.mark.parametrize("by", SUBSETS, ids="-".join)
def test_every_subset_from_finest_counts(by: tuple[str, ...]) -> None:
    frame = finest()
    found = intersections(frame, kind="proportion", per=100, by=by)
    summed = by_hand(frame, by)
    expected = [rate(summed, kind="proportion", per=100), relative_rate(summed, kind="proportion")]
    assert_frame_equal(ordered(found), ordered(pd.concat(expected)))
    assert len(found) == 3 * 2 ** len(by)
    assert set(found["quantity"]) == {"rate", "rri"}


def test_totals_are_never_added_to_their_parts() -> None:
    """Every margin at once, as cells have them: each answer is that of the finest rows alone."""
    frame = finest()
    margins = [by_hand(frame, by).assign(**dict.fromkeys(set(SPLITS) - set(by), "All")) for by in SUBSETS[:-1]]
    everything = pd.concat([frame, *margins, by_hand(frame, ()).assign(**dict.fromkeys(SPLITS, "All"))])
    for by in SUBSETS:
        found = intersections(everything, kind="rate", by=by)
        assert_frame_equal(ordered(found), ordered(intersections(frame, kind="rate", by=by)))


def test_rows_split_by_exactly_these_are_used_as_they_are() -> None:
    """A published margin may be whole where its parts are hidden."""
    frame = finest().assign(disclosure="hidden", status="ok")
    margin = by_hand(frame, ("sex",)).assign(disclosure="shown", status="ok")
    margin["numerator"] += 1
    both = pd.concat([frame, margin.assign(area="All", age_band="All", deprivation="All")])
    found = intersections(both, kind="rate", by=["sex"])
    assert_frame_equal(ordered(found), ordered(intersections(margin, kind="rate", by=["sex"])))
    assert set(found["status"]) == {"ok"}
    assert set(intersections(both, kind="rate", by=["age_band"])["status"]) == {"hidden"}


def test_the_fewest_parts_are_added_up() -> None:
    """Of sex by age and sex by age by area, age alone comes from the first, which hides less."""
    frame = finest()
    two = by_hand(frame, ("sex", "age_band")).assign(area="All", deprivation="All", disclosure="shown")
    both = pd.concat([frame.assign(disclosure="hidden"), two])
    assert set(intersections(both, kind="rate", by=["age_band"])["status"]) == {"ok"}


def test_each_period_and_level_has_its_own_finest_rows() -> None:
    early, late = finest(1).assign(period="2022-23"), by_hand(finest(2), ("sex", "area")).assign(period="2023-24")
    late = late.assign(age_band="All", deprivation="All")
    found = intersections(pd.concat([early, late]), kind="rate", by=["sex"])
    alone = [intersections(part, kind="rate", by=["sex"]) for part in (early, late)]
    assert_frame_equal(ordered(found), ordered(pd.concat(alone)))
    assert intersections(late, kind="rate", by=["age_band"]).empty


def test_hidden_and_unusable_parts() -> None:
    frame = finest().assign(status="ok", disclosure="shown")
    one = (frame[KEYS] == ["Stockton", "Male", "15-17", "2", "Black"]).all(axis=1)
    closed = intersections(frame.assign(disclosure=frame["disclosure"].mask(one, "hidden")), kind="rate", by=["sex"])
    for quantity in ("rate", "rri"):
        found = row(closed, "Black", quantity=quantity, sex="Male")
        assert found["status"] == "hidden"
        assert is_blank(found, counts_too=True)
        assert row(closed, "Black", quantity=quantity, sex="Female")["status"] == "ok"
    for status in ("censored", "not_available", "break"):
        found = intersections(frame.assign(status=frame["status"].mask(one, status)), kind="rate", by=["sex"])
        assert row(found, "Black", quantity="rate", sex="Male")["status"] == status


def test_repeat_children_are_allowed_for() -> None:
    """Every event twice over is no more evidence, whether the stratum is a row or a sum."""
    once = finest().drop(columns="numerator").assign(numerator=finest()["numerator"] + 10)
    sums = {"numerator_squares": 4 * once["numerator"], "products": 0.0, "denominator_squares": 0.0}
    twice = once.assign(numerator=2 * once["numerator"], **sums)
    for by in (SPLITS, ("sex",)):
        one, two = intersections(once, kind="rate", by=by), intersections(twice, kind="rate", by=by)
        times = np.where(one["quantity"] == "rate", 2, 1)[:, None]
        limits = ["lower", "upper"]
        assert np.allclose(two[limits], times * one[limits], rtol=1e-9)
        assert set(two["method"]) == {f"{name}_by_child" for name in one["method"]}


def test_counts_without_their_zeros() -> None:
    frame = finest()
    frame.loc[::5, ["numerator", "denominator"]] = 0.0
    for by in SUBSETS[:-1]:
        some = intersections(frame[frame["denominator"] > 0], kind="proportion", by=by)
        assert_frame_equal(ordered(some), ordered(intersections(frame, kind="proportion", by=by)))


def test_a_reference_counts_only_where_it_is_a_group() -> None:
    detailed = finest().replace({"group": {"White": "White British"}}).assign(level="detailed")
    frame = pd.concat([finest().assign(level="broad"), detailed])
    found = intersections(frame, kind="rate", by=["sex"])
    assert set(found.loc[found["quantity"] == "rri", "level"]) == {"broad"}
    assert set(found.loc[found["quantity"] == "rate", "level"]) == {"broad", "detailed"}
    others = intersections(frame, kind="rate", by=["sex"], reference="others")
    assert set(others.loc[others["quantity"] == "rri", "level"]) == {"broad", "detailed"}


def test_wrong_calls() -> None:
    for options in ({"by": ["group"]}, {"by": []}, {"kind": "odds"}, {"per": 0}, {"confidence": 95}):
        with pytest.raises(EstimationError):
            intersections(finest(), **({"kind": "rate"} | options))


@pytest.mark.parametrize("kind", ["proportion", "rate"])
@WILD
@given(frame=wild(), seed=st.integers(0, 99))
def test_any_counts(kind: str, frame: pd.DataFrame, seed: int) -> None:
    for by in (("sex",), ("sex", "age_band")):
        found = intersections(frame, kind=kind, by=by)
        check_table(found, STATUSES)
        shuffled = intersections(frame.sample(frac=1, random_state=seed), kind=kind, by=by)
        assert_frame_equal(ordered(found), ordered(shuffled), rtol=1e-9)
