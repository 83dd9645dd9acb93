"""By how much years vary, against statsmodels; and that verdicts allow for it, with words for whose number it is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import special

from tests.progress.regions import KINDS, Change, calendar, counts, results, wanted
from yjd.metrics import rate
from yjd.progress.changes import changes, released_rows
from yjd.progress.sentences import reasons
from yjd.progress.verdicts import judge, with_detectable
from yjd.progress.years import with_year_variation
from yjd.recommendations import Judging

EVERY_YEAR = Change(every_year=True, dispersion=2.0)


@pytest.fixture(scope="module")
def region() -> dict[str, pd.DataFrame]:
    return counts(EVERY_YEAR, regions=1, volume=5, seed=6)


@pytest.mark.parametrize("measure", KINDS)
def test_variation_is_pearsons_statistic_of_all_groups_before_the_judged_year(
    region: dict[str, pd.DataFrame], measure: str
) -> None:
    found = with_year_variation(wanted(1), released_rows(results(region)), calendar(EVERY_YEAR))
    frame = region[measure]
    pearson, freedom = 0.0, 0
    for _, rows in frame[~frame["group"].isin(["All", "Known", "Unknown"])].groupby("group"):
        before = rows[rows["period"] < "2024-25"].sort_values("period")
        line = sm.add_constant(np.arange(4.0))
        events, base = before["numerator"].to_numpy(), before["denominator"].to_numpy()
        if KINDS[measure] == "rate":
            fit = sm.GLM(events, line, family=sm.families.Poisson(), exposure=base).fit()
        else:
            fit = sm.GLM(np.column_stack([events, base - events]), line, family=sm.families.Binomial()).fit()
        pearson, freedom = pearson + fit.pearson_chi2, freedom + fit.df_resid
    own = found[found["measure"] == measure]
    np.testing.assert_allclose(own["year_dispersion"], pearson / freedom, rtol=1e-3)  # years differ by a leap day
    assert set(own["year_freedom"]) == {freedom} == {10.0}


def test_too_few_years_allow_no_estimate_and_an_area_takes_the_regions(region: dict[str, pd.DataFrame]) -> None:
    rows = released_rows(results(region))
    two = [one for one in calendar(EVERY_YEAR) if one["period"] in ("2020-21", "2024-25")]
    assert with_year_variation(wanted(1), rows, two)["year_dispersion"].isna().all()
    assert with_year_variation(wanted(1), rows.iloc[:0], two)["year_dispersion"].isna().all()
    whole = with_year_variation(wanted(1), rows, calendar(EVERY_YEAR))
    of_region = with_year_variation(wanted(1), rows.assign(area="All"), calendar(EVERY_YEAR))
    pd.testing.assert_series_equal(of_region["year_dispersion"], whole["year_dispersion"])


def test_years_before_a_break_take_no_part(region: dict[str, pd.DataFrame]) -> None:
    frame = region["entrants"]
    jump = frame["period"] > "2020-21"
    frame = frame.assign(numerator=frame["numerator"].where(~jump, frame["numerator"] * 3))
    asked = wanted(1).query("measure == 'entrants'")
    broken = frame.assign(status=frame["status"].mask(frame["period"] == "2021-22", "break"))
    as_one, apart = (
        with_year_variation(asked, released_rows(rate(one, kind="rate")), calendar(EVERY_YEAR)).iloc[0]
        for one in (frame, broken)
    )
    assert as_one["year_dispersion"] > 5 * apart["year_dispersion"]
    assert (as_one["year_freedom"], apart["year_freedom"]) == (10.0, 5.0)


def test_children_who_come_again_are_not_counted_as_years_that_vary(region: dict[str, pd.DataFrame]) -> None:
    """With each child's events doubled Pearson's statistic is twice as large, and so is what the interval allows."""
    frame = region["entrants"]
    twice = frame.assign(numerator=2 * frame["numerator"])
    squares = {
        "numerator_squares": 4 * frame["numerator"],
        "products": 0.0,
        "denominator_squares": frame["denominator"],
    }
    asked = wanted(1).query("measure == 'entrants'")
    tables = [released_rows(rate(one, kind="rate")) for one in (frame, twice, twice.assign(**squares))]
    found = [with_year_variation(asked, table, calendar(EVERY_YEAR)) for table in tables]
    once, again, by_child = (one["year_dispersion"].iloc[0] for one in found)
    assert again == pytest.approx(2 * once)
    assert by_child == pytest.approx(once, rel=0.05)


def test_verdicts_take_the_larger_of_given_and_shown_and_say_which(region: dict[str, pd.DataFrame]) -> None:
    rows = released_rows(results(region))
    frame = with_year_variation(changes(wanted(1), rows), rows, calendar(EVERY_YEAR))
    frame["target_date"] = ""
    entry = {"id": "entrants", "unit": "entrants", "kind": "rate"}

    def judged(given: float, **columns: float) -> pd.DataFrame:
        judging = Judging(year_dispersion=given)
        found = with_detectable(judge(frame.assign(**columns), judging), judging).assign(visible_by="", late=False)
        told = [" ".join(reasons(row, entry, judging)) for row in found.to_dict(orient="records")]
        return found.assign(told=told)

    plain, shown = judged(1.0, year_dispersion=np.nan), judged(1.0)
    t = special.stdtrit(10, 1 - 0.05 / 16) / special.ndtri(1 - 0.05 / 16)  # eight tests, two sides, ten degrees
    assert (frame["year_dispersion"] > 1).all()
    np.testing.assert_allclose(shown["year_factor"], frame["year_dispersion"] * t**2)
    np.testing.assert_allclose(shown["rate_change_se"], plain["rate_change_se"] * np.sqrt(shown["year_factor"]))
    assert shown["told"].str.contains("The years before vary .* since they are few", regex=True).all()
    assert plain["told"].str.contains("Too few years are on record to see").all()
    given = judged(9.0)
    assert set(given["year_factor"]) == {9.0}
    assert given["told"].str.contains("9 times as much as chance alone, as the register says; the years before").all()
    assert set(judged(1.0, year_dispersion=0.95)["year_factor"]) == {1.0}  # no more than chance: nothing to allow for
    assert judged(1.0, year_dispersion=0.3)["told"].str.contains("by chance alone; the years before show 0.3").all()
    assert judged(2.0, year_dispersion=np.nan)["told"].str.contains("as the register says. ").all()
