"""Population, searches and interventions: tiny tables in, expected rows out."""

from tests.conftest import fill, prepared
from yjd.schema import SEARCH_OUTCOMES


def test_a_population_without_dates_stands_for_every_period_and_three_years_hold_three_person_years(warehouse, counted):
    tiny = prepared(warehouse, kinds=("financial_year", "rolling_3_years"), first=2022, last=2024)
    fill(tiny, "population", [{"n": 100}, {"n": 20}])
    assert dict(counted(tiny, "population", ["period"])) == {
        "2022-23": 120, "2023-24": 120, "2024-25": 120, "2022-25 (3 years)": 360,
    }  # fmt: skip


def test_a_dated_population_stands_for_the_periods_whose_last_day_it_holds(tiny, counted):
    fill(tiny, "population", [
        {"n": 100, "start_day": "2023-04-01", "end_day": "2024-04-01"},
        {"n": 110, "start_day": "2024-04-01", "end_day": "2025-04-01"},
        {"n": 7, "start_day": None, "end_day": None},
        {"n": 5, "start_day": None, "end_day": None, "area": "Coventry"},
    ])  # fmt: skip
    assert counted(tiny, "population", ["period", "area"]) == [
        ("2023-24", "Birmingham", 100), ("2023-24", "Coventry", 5),
        ("2024-25", "Birmingham", 110), ("2024-25", "Coventry", 5),
    ]  # fmt: skip


def test_what_followed_a_search(tiny, counted):
    fill(tiny, "searches", [{"outcome": name, "age": None, "age_band": name} for name in SEARCH_OUTCOMES])
    found = {
        stage: {band for band, _ in counted(tiny, stage, ["age_band"])}
        for stage in ("searches", "search_arrests", "search_informal", "search_no_further_action")
    }
    assert found == {
        "searches": set(SEARCH_OUTCOMES),
        "search_arrests": {"arrest"},
        "search_informal": {"community_resolution", "warning", "penalty_notice"},
        "search_no_further_action": {"no_further_action"},
    }


def test_searches_of_children_only(tiny, counted):
    fill(tiny, "searches", [{"age": age} for age in (9, 10, 17, 18)])
    assert counted(tiny, "searches", ["period"]) == [("2024-25", 2)]


def test_each_step_of_an_intervention_is_part_of_the_one_before_in_the_period_of_the_offer(tiny, counted):
    later = "2025-06-01"
    fill(tiny, "interventions", [
        {},
        {"accepted_day": later},
        {"accepted_day": later, "started_day": later},
        {"accepted_day": later, "started_day": later, "completed_day": later},
        {"started_day": later, "completed_day": later},  # accepted by no one: not part of the step before
    ])  # fmt: skip
    steps = ("offered", "accepted", "started", "completed")
    assert [counted(tiny, f"interventions_{step}", ["period"]) for step in steps] == [
        [("2024-25", 5)], [("2024-25", 3)], [("2024-25", 2)], [("2024-25", 1)],
    ]  # fmt: skip
