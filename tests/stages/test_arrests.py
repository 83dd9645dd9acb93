"""Arrests and children arrested: tiny tables in, expected rows out."""

from tests.conftest import fill, prepared


def test_every_arrest_of_a_child_counts(tiny, counted):
    fill(tiny, "arrests", [{"child_id": "a"}, {"child_id": "a"}, {"child_id": "b"}, {"child_id": None}])
    assert counted(tiny, "arrests") == [("2024-25", "Birmingham", "White British", 4)]


def test_arrests_by_british_transport_police_are_left_out(tiny, counted):
    fill(
        tiny,
        "arrests",
        [{"force": "British Transport Police"}, {"force": None}, {"force": "West Midlands Police"}],
    )
    assert counted(tiny, "arrests") == [("2024-25", "Birmingham", "White British", 2)]


def test_only_ages_10_to_17_and_an_unknown_age_as_unknown(tiny, counted):
    fill(tiny, "arrests", [{"age": age} for age in (9, 10, 11, 12, 14, 15, 17, 18, None)])
    assert counted(tiny, "arrests", ["age_band"]) == [
        ("10-11", 2),
        ("12-14", 2),
        ("15-17", 2),
        ("Unknown", 1),
    ]


def test_a_shared_age_band_stands_where_no_age_is_shared(tiny, counted):
    fill(tiny, "arrests", [{"age": None, "age_band": "10-11"}, {"age": 16, "age_band": None}])
    assert counted(tiny, "arrests", ["age_band"]) == [("10-11", 1), ("15-17", 1)]


def test_a_year_begins_on_1_april(tiny, counted):
    fill(
        tiny,
        "arrests",
        [{"day": "2024-03-31"}, {"day": "2024-04-01"}, {"day": "2025-03-31"}, {"day": "2025-04-01"}],
    )
    assert counted(tiny, "arrests", ["period"]) == [("2023-24", 1), ("2024-25", 2)]


def test_what_is_not_recorded_is_unknown(tiny, counted):
    fill(tiny, "arrests", [{"area": None, "ethnicity": None, "sex": None}])
    columns = ["area", "ethnicity", "sex"]
    assert counted(tiny, "arrests", columns) == [("Unknown", "Unknown", "Unknown", 1)]


def test_a_child_counts_once_in_a_period_with_the_area_and_ethnicity_of_the_first_row(tiny, counted):
    fill(tiny, "arrests", [
        {"child_id": "a", "day": "2024-09-01", "area": "Coventry", "ethnicity": "Indian"},
        {"child_id": "a", "day": "2024-05-01", "area": "Birmingham", "ethnicity": "African"},
        {"child_id": "a", "day": "2023-05-01", "area": "Coventry", "ethnicity": "Indian"},
    ])  # fmt: skip
    assert counted(tiny, "children_arrested") == [
        ("2023-24", "Coventry", "Indian", 1),
        ("2024-25", "Birmingham", "African", 1),
    ]


def test_two_arrests_of_a_day_are_ordered_by_their_row(tiny, counted):
    fill(tiny, "arrests", [
        {"child_id": "a", "row_id": 8, "area": "Coventry"},
        {"child_id": "a", "row_id": 7, "area": "Birmingham"},
    ])  # fmt: skip
    assert counted(tiny, "children_arrested", ["area"]) == [("Birmingham", 1)]


def test_rows_without_a_childs_identifier_are_each_kept(tiny, counted):
    fill(tiny, "arrests", [{"child_id": None}, {"child_id": None}, {"child_id": "a"}, {"child_id": "a"}])
    assert counted(tiny, "children_arrested", ["period"]) == [("2024-25", 3)]


def test_three_rolling_years_hold_the_three_years_and_each_child_once(warehouse, counted):
    tiny = prepared(warehouse, kinds=("financial_year", "rolling_3_years"), first=2022, last=2024)
    fill(tiny, "arrests", [
        {"child_id": "a", "day": "2022-04-01"},
        {"child_id": "a", "day": "2024-04-01"},
        {"child_id": "b", "day": "2025-03-31"},
        {"child_id": "c", "day": "2025-04-01"},
    ])  # fmt: skip
    pooled = "2022-25 (3 years)"
    assert dict(counted(tiny, "arrests", ["period"])) == {"2022-23": 1, "2024-25": 2, pooled: 3}
    assert dict(counted(tiny, "children_arrested", ["period"])) == {"2022-23": 1, "2024-25": 2, pooled: 2}


def test_counts_that_a_partner_supplied_are_added_where_they_lie_wholly_in_the_period(warehouse, counted):
    tiny = prepared(warehouse, kinds=("financial_year", "rolling_3_years"), first=2022, last=2024)
    fill(tiny, "arrests", [{"day": "2024-05-01"}])
    year = {"start_day": "2024-04-01", "end_day": "2025-04-01"}
    astride = {"start_day": "2024-01-01", "end_day": "2025-01-01"}
    fill(tiny, "counts", [
        {"stage": "arrests", "n": 40, **year},
        {"stage": "arrests", "n": 900, **astride},
        {"stage": "children_arrested", "n": 30, **year},
    ])  # fmt: skip
    pooled = "2022-25 (3 years)"
    assert dict(counted(tiny, "arrests", ["period"])) == {"2024-25": 41, pooled: 941}
    # a child may be in two of the years, so a year's children are not three years' children
    assert dict(counted(tiny, "children_arrested", ["period"])) == {"2024-25": 31, pooled: 1}
