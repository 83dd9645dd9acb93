"""Proven re-offending: the edges of 12 and 18 months, and what is no re-offence."""

import pytest

from tests.conftest import fill

INDEX = {"child_id": "a", "day": "2024-05-10", "disposal": "youth_caution", "offence_day": "2024-05-01",
         "offence_group": "Theft"}  # fmt: skip
AGAIN = {"child_id": "a", "day": "2024-09-01", "disposal": "referral_order", "offence_day": "2024-08-01",
         "offence_group": "Theft"}  # fmt: skip


def measured(tiny, counted, *rows, period="2024-25"):
    """Children in the cohort, children who re-offended, re-offences."""
    fill(tiny, "outcomes", list(rows))
    stages = ("reoffending_cohort", "reoffenders", "reoffences")
    return tuple(dict(counted(tiny, stage, ["period"])).get(period, 0) for stage in stages)


def test_a_child_with_one_re_offence(tiny, counted):
    assert measured(tiny, counted, INDEX, AGAIN) == (1, 1, 1)


def test_one_row_per_child_the_earliest_event_is_the_index(tiny, counted):
    # from the second event alone, the offence of 1 August would not follow the index
    assert measured(tiny, counted, AGAIN, INDEX, {"child_id": "b", "disposal": "fine"}) == (2, 1, 1)


def test_each_period_has_a_cohort_of_its_own(tiny, counted):
    early = INDEX | {"day": "2024-03-31", "offence_day": "2024-03-01"}
    assert measured(tiny, counted, early, AGAIN, period="2023-24") == (1, 1, 1)
    assert measured(tiny, counted, early, AGAIN, period="2024-25") == (1, 0, 0)


@pytest.mark.parametrize(("offence", "counts"), [
    ("2024-05-10", 0),  # on the day of the index
    ("2024-05-11", 1),
    ("2025-05-10", 1),  # 12 calendar months after it
    ("2025-05-11", 0),
])  # fmt: skip
def test_offences_in_the_twelve_months_after_the_index(tiny, counted, offence, counts):
    again = AGAIN | {"offence_day": offence, "day": "2025-06-01"}
    assert measured(tiny, counted, INDEX, again) == (1, counts, counts)


@pytest.mark.parametrize(("proven", "counts"), [("2025-11-10", 1), ("2025-11-11", 0)])
def test_proven_within_a_further_six_months(tiny, counted, proven, counts):
    again = AGAIN | {"offence_day": "2025-05-01", "day": proven}
    assert measured(tiny, counted, INDEX, again) == (1, counts, counts)


def test_twelve_months_after_29_february_end_on_28_february(tiny, counted):
    index = INDEX | {"day": "2024-02-29", "offence_day": "2024-02-01"}
    for offence, counts in (("2025-02-28", 1), ("2025-03-01", 0)):
        again = AGAIN | {"offence_day": offence, "day": "2025-05-01"}
        assert measured(tiny, counted, index, again, period="2023-24") == (1, counts, counts)


@pytest.mark.parametrize("change", [
    {"breach": 1}, {"quashed": 1}, {"deleted": 1}, {"disposal": "community_resolution"},
    {"disposal": "outcome_22"}, {"disposal": "charge"}, {"outcome_type": "8", "disposal": None},
    {"offence_day": None},
])  # fmt: skip
def test_what_is_no_re_offence(tiny, counted, change):
    assert measured(tiny, counted, INDEX, AGAIN | change)[1:] == (0, 0)


@pytest.mark.parametrize("change", [
    {"disposal": "community_resolution"}, {"disposal": "outcome_22"}, {"disposal": "charge"}, {"breach": 1},
    {"age": 18}, {"child_id": None}, {"area": "Elsewhere"}, {"resident": 0},
])  # fmt: skip
def test_what_is_no_index_event(tiny, counted, change):
    assert measured(tiny, counted, INDEX | change) == (0, 0, 0)


def test_after_custody_the_time_at_risk_starts_at_release(tiny, counted):
    custody = INDEX | {
        "disposal": "detention_training_order",
        "day": "2023-05-10",
        "release_day": "2024-05-10",
    }
    inside = AGAIN | {"offence_day": "2024-04-30", "day": "2024-10-01"}
    assert measured(tiny, counted, custody, inside) == (1, 0, 0)
    assert measured(tiny, counted, custody, AGAIN) == (1, 1, 1)
    assert measured(tiny, counted, custody | {"release_day": None}) == (0, 0, 0)


def test_several_disposals_of_one_offence_count_once(tiny, counted):
    fine = AGAIN | {"disposal": "compensation", "outcome_id": "2"}
    other = AGAIN | {"offence_group": "Drugs"}
    other_day = AGAIN | {"offence_day": "2024-08-02"}
    assert measured(tiny, counted, INDEX, AGAIN, fine) == (1, 1, 1)
    assert measured(tiny, counted, INDEX, AGAIN, fine, other, other_day) == (1, 1, 3)


def test_a_re_offence_counts_at_18(tiny, counted):
    assert measured(tiny, counted, INDEX, AGAIN | {"age": 18}) == (1, 1, 1)


def test_the_cohort_takes_the_group_of_the_index(tiny, counted):
    fill(tiny, "outcomes", [INDEX | {"ethnicity": "Indian"}, AGAIN | {"ethnicity": "African"}])
    for stage in ("reoffending_cohort", "reoffenders", "reoffences"):
        found = [row for row in counted(tiny, stage, ["ethnicity"]) if row[1]]
        assert found == [("Indian", 1)]
