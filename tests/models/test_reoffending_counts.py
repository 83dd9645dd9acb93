"""Counts of the cohort: the days that a child was at risk, its re-offences, and one row of the model for each child."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.conftest import AREAS, fill
from yjd.measures import stages
from yjd.model_counts import OF_CELLS, PRIOR_OUTCOMES
from yjd.models.children import ByChild
from yjd.models.reoffending import reoffending
from yjd.models.rungs import Rung
from yjd.reoffending_counts import MOST, ROWS, reoffending_counts
from yjd.schema import RESULT_COLUMNS

INDEX = {"day": "2024-05-10", "disposal": "youth_caution", "offence_day": "2024-05-01", "offence_group": "Theft"}
AGAIN = {"day": "2024-09-01", "disposal": "referral_order", "offence_day": "2024-08-01", "offence_group": "Theft"}
YEAR = "2024-25"


def _records(*rows):
    return [{"row_id": place} | row for place, row in enumerate(rows, start=1)]


def _counts(warehouse, *rows, adjusters=("sex",), periods=(YEAR,)):
    fill(warehouse, "outcomes", _records(*rows))
    return reoffending_counts(warehouse, stages(), adjusters=adjusters, periods=periods, areas=AREAS)


def _one(found):
    row = found.frame.iloc[0]
    assert len(found.frame) == 1
    return row["reoffences"], row["days"], row["n"]


def test_days_to_the_first_re_offence_and_how_many(tiny):
    later = AGAIN | {"offence_day": "2024-08-15", "day": "2024-10-01"}
    found = _counts(tiny, *({"child_id": "a"} | row for row in (INDEX, AGAIN, later)))
    assert _one(found) == (2, 83, 1)  # 10 May to 1 August
    assert found.frame["group"].tolist() == ["White"]
    assert found.flow[-1] == ("sex known", 1)


@pytest.mark.parametrize(("index", "days"), [("2024-05-10", 365), ("2023-05-10", 366), ("2024-02-29", 365)])
def test_without_a_re_offence_days_run_to_the_same_day_a_year_on(tiny, index, days):
    period = "2024-25" if index > "2024-03-31" else "2023-24"
    found = _counts(tiny, {"child_id": "a"} | INDEX | {"day": index, "offence_day": None}, periods=(period,))
    assert _one(found) == (0, days, 1)


def test_after_custody_days_run_from_the_release(tiny):
    custody = INDEX | {"disposal": "detention_training_order", "day": "2023-06-10", "release_day": "2024-05-10"}
    found = _counts(tiny, {"child_id": "a"} | custody, {"child_id": "a"} | AGAIN)
    assert _one(found) == (1, 83, 1)


def test_a_child_is_counted_once_in_each_period_and_is_one_cluster(tiny):
    early = INDEX | {"day": "2023-05-10", "offence_day": "2023-05-01"}
    rows = [{"child_id": child} | row for child in "abcd" for row in (early, INDEX)]
    rows += [{"child_id": "a"} | AGAIN, {"child_id": "b"} | AGAIN | {"offence_day": "2024-05-11"}]
    found = _counts(tiny, *rows, periods=("2023-24", YEAR), adjusters=("period", "sex", PRIOR_OUTCOMES))
    assert found.adjusters == ("period", "sex", PRIOR_OUTCOMES)
    assert found.frame["n"].sum() == 8
    again = found.frame[found.frame["reoffences"] > 0]
    # after the index of 2023, the offence behind that of 2024 is a re-offence, 357 days on
    assert again.groupby("days")["n"].sum().to_dict() == {1: 1, 83: 1, 357: 4}
    rows = tiny.query(f"SELECT child_id, COUNT(*) AS n, SUM(event) AS s FROM {ROWS} GROUP BY child_id")
    assert rows["n"].tolist() == [2, 2, 2, 2] == rows["s"].tolist()
    assert found.frame.groupby("fold")["n"].sum().mod(2).eq(0).all()  # a child is in one fold


def test_what_the_sample_leaves_out(tiny):
    rows = [
        {"child_id": "a"},
        {"child_id": "b", "ethnicity": "Unknown"},
        {"child_id": "c", "area": "Unknown"},
        {"child_id": "d", "sex": "Unknown"},
        {"child_id": "e", "disposal": "outcome_22"},  # no index event
    ]
    found = _counts(tiny, *(INDEX | row for row in rows))
    assert [number for _, number in found.flow] == [4, 3, 2, 1]
    assert found.frame["n"].tolist() == [1]
    assert {"reoffences", "days", "n", "fold", "pattern", "group", "sex"} == set(found.frame.columns)


def test_no_cohort(tiny):
    found = _counts(tiny)
    assert len(found.frame) == 0
    results = reoffending(found.frame, rungs=[Rung("M0")])
    assert len(results) == 0
    assert list(results.columns) == list(RESULT_COLUMNS)


def test_an_identifier_of_many_children_cannot_count_without_end(tiny):
    many = [{"child_id": "a", "day": "2024-09-01", "disposal": "fine", "offence_day": "2024-08-01",
             "offence_group": f"Group {place}"} for place in range(MOST + 3)]  # fmt: skip
    assert _one(_counts(tiny, {"child_id": "a"} | INDEX, *many)) == (MOST, 83, 1)


def test_from_records_to_results_by_child(tiny):
    """Two periods with the same children; that standard errors by child are right: see test_reoffending.py."""
    rows, groups = [], {"White": "White British", "Black": "African"}
    for at in range(80):
        child = {"child_id": f"c{at}", "ethnicity": groups["Black" if at % 3 == 0 else "White"],
                 "sex": "Female" if at % 4 == 0 else "Male"}  # fmt: skip
        rows += [child | INDEX | {"day": "2023-05-10", "offence_day": "2023-05-01"}, child | INDEX]
        if at % 5 < 2:
            offence = f"2024-{6 + at % 6:02d}-{1 + at % 28:02d}"
            rows.append(child | AGAIN | {"offence_day": offence, "day": "2025-03-01"})
    found = _counts(tiny, *rows, periods=("2023-24", YEAR), adjusters=("sex", "period"))
    rungs = [Rung("M0"), Rung("M1", ("sex", "period"))]
    results = reoffending(found.frame, rungs=rungs, clusters=ByChild(tiny, ROWS))
    plain = reoffending(found.frame, rungs=rungs)
    keys = ["quantity", "rung", "term", "group"]
    both = results.merge(plain, on=keys, suffixes=("", "_plain"))
    assert len(both) == len(results) == len(plain)
    pd.testing.assert_series_equal(both["estimate"], both["estimate_plain"], check_names=False)
    ok = both[both["status"] == "ok"]
    for quantity in ("count_ratio", "hazard_ratio", "adjusted_rate", "survival", "observed_expected"):
        shown = ok[(ok["quantity"] == quantity) & ok["estimate"].gt(0)]
        assert len(shown) > 1, quantity
        assert (shown["upper"] - shown["lower"]).sub(shown["upper_plain"] - shown["lower_plain"]).abs().max() > 1e-6
    assert ok.loc[ok["quantity"] == "hazard_ratio", "method"].unique().tolist() == ["cox_efron_by_child"]


def test_adjusters_are_those_of_the_ladder(tiny):
    found = _counts(tiny, {"child_id": "a"} | INDEX, adjusters=(*OF_CELLS, "offence_group", "gravity", "nonsense"))
    assert found.adjusters == ("period", "area", "sex", "age_band", "offence_group")
