"""First-time entrants: the trap in each of the five steps. The ethnicity of a row is its label here."""

import pytest

from tests.conftest import fill

YEAR = "2024-25"


def entrants(tiny, counted, *rows, stage="first_time_entrants_pnc"):
    """(period, label) of the rows that make an entrant."""
    fill(tiny, "outcomes", [{"disposal": "youth_caution", "child_id": "a"} | row for row in rows])
    return [(period, label) for period, label, n in counted(tiny, stage, ["period", "ethnicity"]) if n == 1]


def test_a_child_enters_once_at_the_first_outcome(tiny, counted):
    assert entrants(
        tiny, counted,
        {"ethnicity": "later", "day": "2024-06-01"},
        {"ethnicity": "first", "day": "2023-06-01"},
    ) == [("2023-24", "first")]  # fmt: skip


def test_step_1_age_at_offence_and_at_first_hearing(tiny, counted):
    rows = [
        {"ethnicity": "offence at 9", "age_at_offence": 9, "age": 10},
        {"ethnicity": "offence at 10", "age_at_offence": 10, "age": 10},
        {"ethnicity": "outcome at 18, hearing at 17", "age_at_offence": 17, "age_at_hearing": 17, "age": 18},
        {"ethnicity": "hearing at 18", "age_at_offence": 17, "age_at_hearing": 18, "age": 18},
        {"ethnicity": "18 throughout", "age_at_offence": None, "age": 18},
        {"ethnicity": "unknown age", "age_at_offence": None, "age": None},
    ]
    found = entrants(tiny, counted, *({"child_id": str(place)} | row for place, row in enumerate(rows)))
    assert [label for _, label in found] == ["offence at 10", "outcome at 18, hearing at 17", "unknown age"]


@pytest.mark.parametrize(("given", "enters"), [
    ({"disposal": "community_resolution"}, False),
    ({"disposal": "outcome_22"}, False),
    ({"disposal": "triage"}, False),
    ({"disposal": None, "outcome_type": "8"}, False),
    ({"disposal": None, "outcome_type": "1"}, False),  # charged, and no sentence yet
    ({"disposal": "charge"}, False),
    ({"disposal": None, "outcome_type": "2"}, True),
    ({"disposal": "reprimand"}, True),
    ({"disposal": "absolute_discharge", "outcome_type": "1"}, True),
    ({"disposal": "youth_rehabilitation_order"}, True),
    ({"disposal": "long_custody"}, True),
])  # fmt: skip
def test_step_2_informal_action_makes_no_entrant(tiny, counted, given, enters):
    assert bool(entrants(tiny, counted, given)) is enters


def test_step_2_an_informal_outcome_does_not_use_up_the_first(tiny, counted):
    assert entrants(
        tiny, counted,
        {"ethnicity": "informal", "disposal": "community_resolution", "day": "2023-05-01"},
        {"ethnicity": "caution", "day": "2024-05-01"},
    ) == [("2024-25", "caution")]  # fmt: skip


@pytest.mark.parametrize("flag", ["quashed", "deleted"])
def test_step_3_a_quashed_outcome_does_not_use_up_the_first(tiny, counted, flag):
    assert entrants(
        tiny, counted,
        {"ethnicity": "dropped", "day": "2023-05-01", flag: 1},
        {"ethnicity": "kept", "day": "2024-05-01", flag: None},
    ) == [("2024-25", "kept")]  # fmt: skip


def test_step_4_of_two_outcomes_of_a_day_the_more_serious(tiny, counted):
    assert entrants(
        tiny, counted,
        {"ethnicity": "caution", "row_id": 1},
        {"ethnicity": "order", "disposal": "referral_order", "row_id": 2},
    ) == [("2024-25", "order")]  # fmt: skip


def test_step_4_the_same_child_known_to_two_services_enters_once(tiny, counted):
    known = {"shared_id": "S", "birth_day": "2010-01-01"}
    twin = {"shared_id": "S", "birth_day": "2010-01-02"}
    assert entrants(
        tiny, counted,
        {"child_id": "a", "ethnicity": "Coventry's", "day": "2024-05-02", **known},
        {"child_id": "b", "ethnicity": "Dudley's", "day": "2024-05-01", **known},
        {"child_id": "c", "ethnicity": "another birth date", "day": "2024-05-03", **twin},
        {"child_id": "d", "ethnicity": "no birth date", "day": "2024-05-03", "shared_id": "S"},
    ) == [(YEAR, "Dudley's"), (YEAR, "another birth date"), (YEAR, "no birth date")]  # fmt: skip


@pytest.mark.parametrize("elsewhere", [{"resident": 0}, {"area": "Elsewhere"}])
def test_step_5_an_earlier_outcome_elsewhere_uses_up_the_first(tiny, counted, elsewhere):
    assert entrants(tiny, counted, {"day": "2023-05-01", **elsewhere}, {"day": "2024-05-01"}) == []


def test_step_5_comes_after_the_second_pass(tiny, counted):
    known = {"shared_id": "S", "birth_day": "2010-01-01"}
    assert entrants(
        tiny, counted,
        {"child_id": "a", "day": "2023-05-01", "area": "Elsewhere", **known},
        {"child_id": "b", "day": "2024-05-01", **known},
    ) == []  # fmt: skip


def test_an_outcome_before_all_periods_uses_up_the_first(tiny, counted):
    assert entrants(tiny, counted, {"day": "2012-05-01"}, {"day": "2024-05-01"}) == []


def test_police_and_service_records_are_never_mixed(tiny, counted):
    rows = [
        {"record_system": "yjs_case", "ethnicity": "service", "day": "2023-05-01"},
        {"record_system": "pnc", "ethnicity": "police", "day": "2024-05-01"},
    ]
    assert entrants(tiny, counted, *rows) == [("2024-25", "police")]
    assert entrants(tiny, counted, *rows, stage="first_time_entrants_yjs") == [("2023-24", "service")]
