"""The study of intervals against algebra, against itself drawn, and against what its document says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.study import drawn, enumerated, intervals
from yjd.metrics.intervals import Limits, ratio_to_everyone, rri_exact
from yjd.metrics.midp import rri_midp

DOCUMENT = Path(__file__).parents[2] / "docs" / "intervals.md"


def test_coverage_of_a_half_of_ten_children_is_that_of_two_to_eight() -> None:
    """Both Wilson's and Clopper and Pearson's limits hold 1/2 just where 2 to 8 of 10 have the event."""
    count = np.arange(11.0)
    for limits_of in (enumerated.OF_SHARE["wilson"], enumerated.OF_SHARE["clopper_pearson"]):
        limits = limits_of(count, 10.0, 0.95)
        held = ((limits.lower <= 0.5) & (limits.upper >= 0.5)) @ stats.binom.pmf(count, 10, 0.5)
        assert held == pytest.approx(1 - 2 * (1 + 10) / 2**10, abs=1e-12)


def test_guaranteed_methods_never_fall_below_their_level() -> None:
    found = pd.DataFrame(enumerated.rates(20))
    least = found[found["expected"].isna()].set_index("method")
    assert least.loc["garwood", "least_of_all"] >= 0.95 - 1e-9
    assert least.loc["midp", "least_of_all"] < 0.93  # the price of being shorter
    proportions = pd.DataFrame(enumerated.shares((10, 30)))
    assert (proportions.loc[proportions["method"] == "clopper_pearson", "least"] >= 0.95 - 1e-9).all()


def test_the_least_coverage_is_found_between_the_points_of_any_grid() -> None:
    count = np.arange(21.0)
    limits = enumerated.OF_SHARE["wilson"](count, 20.0, 0.95)

    def chance(share: np.ndarray) -> np.ndarray:
        return np.asarray(stats.binom.pmf(count, 20, share))

    least = enumerated.of_one_count(0.02, 0.98, limits, chance).min()
    grid = np.linspace(0.02, 0.98, 4001)[:, None]
    held = (chance(grid) * ((limits.lower <= grid) & (grid <= limits.upper))).sum(axis=1)
    assert least <= held.min() <= least + 0.01


@pytest.mark.parametrize(("method", "limits_of"), [("exact", rri_exact), ("midp", rri_midp)])
@pytest.mark.parametrize("truth", [1 / 3, 1.0, 3.0])
def test_p_values_and_limits_hold_the_same_ratios(method: str, limits_of: object, truth: float) -> None:
    a, b = np.arange(25.0)[:, None], np.arange(40.0)[None, :]
    limits: Limits = limits_of(a, 100.0, b, 300.0)  # type: ignore[operator]
    by_p = enumerated._P_VALUE[method](a, 100.0 * truth, b, 300.0) >= 0.05
    inside = (limits.lower <= truth) & (truth <= limits.upper)
    assert (by_p == inside).all()


def test_against_everyone_an_interval_holds_the_truth_as_often_as_against_others() -> None:
    """The two ratios rise together, so each outcome holds both truths or neither."""
    a, b = np.arange(30.0)[:, None], np.arange(1.0, 60.0)[None, :]
    limits, truth, share = rri_exact(a, 100.0, b, 250.0), 1.7, 100 / 350
    with np.errstate(divide="ignore"):
        carried = Limits(*(ratio_to_everyone(limit, share) for limit in limits))
    true = float(ratio_to_everyone(truth, share))
    inside = (limits.lower <= truth) & (truth <= limits.upper)
    assert ((carried.lower <= true) & (true <= carried.upper) == inside).all()


def test_what_is_drawn_is_what_is_enumerated() -> None:
    """A change of a rate by 1.25 from 20 events is an exact ratio with bases alike."""
    one, two = enumerated.poisson(25.0), enumerated.poisson(20.0)
    held = enumerated.of_ratio("exact", one, 1.0, two, 1.0, 1.25)[1]
    found = pd.DataFrame(drawn.changes(2000))
    row = found[(found["quantity"] == "change_rate") & (found["expected"] == 20)].iloc[0]
    assert abs(row["held"] - held) < 4 * row["error"]


def test_events_of_children_vary_as_they_should() -> None:
    events, squares = drawn._children(np.random.default_rng(1), 30.0, 1.5, 20_000)
    assert events.mean() == pytest.approx(30, rel=0.01)
    assert events.var() / events.mean() == pytest.approx(1.5, rel=0.04)
    assert squares.sum() / events.sum() == pytest.approx(1.5, rel=0.02)


def test_the_document_holds_what_the_study_finds() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert intervals.rates(pd.DataFrame(enumerated.rates())) in text
    assert intervals.shares(pd.DataFrame(enumerated.shares())) in text
