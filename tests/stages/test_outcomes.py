"""Outcomes and their kinds: tiny tables in, expected rows out."""

import pytest

from tests.conftest import fill
from yjd.schema import DISPOSALS, OUTCOME_TYPES

PRECOURT_DISPOSALS = {
    "community_resolution", "outcome_22", "triage", "reprimand", "final_warning", "youth_caution",
    "youth_conditional_caution",
}  # fmt: skip
FORMAL = {"reprimand", "final_warning", "youth_caution", "youth_conditional_caution"}


def labelled(counted, tiny, stage):
    """The labels of the rows that a stage counts; the tests put a label where a partner's age band stands."""
    return {band for band, n in counted(tiny, stage, ["age_band"]) if n == 1}


@pytest.mark.parametrize(("stage", "types"), [
    ("outcomes", {"1", "2", "8", "22"}),  # never 0, 1a, 2a, 3a, 3, 6, 7, no further action or unresolved
    ("precourt", {"2", "8", "22"}),
    ("community_resolutions", {"8"}),
    ("outcome_22", {"22"}),
    ("youth_cautions", {"2"}),
    ("court", {"1"}),
])  # fmt: skip
def test_the_types_that_count(tiny, counted, stage, types):
    fill(tiny, "outcomes", [{"outcome_type": kind, "age": None, "age_band": kind} for kind in OUTCOME_TYPES])
    assert labelled(counted, tiny, stage) == types


@pytest.mark.parametrize(("stage", "disposals"), [
    ("outcomes", set(DISPOSALS)),
    ("precourt", PRECOURT_DISPOSALS),
    ("community_resolutions", {"community_resolution"}),
    ("outcome_22", {"outcome_22"}),
    ("youth_cautions", FORMAL),
    ("court", set(DISPOSALS) - PRECOURT_DISPOSALS),
])  # fmt: skip
def test_the_disposals_that_count_where_no_type_is_given(tiny, counted, stage, disposals):
    fill(tiny, "outcomes", [{"disposal": name, "age": None, "age_band": name} for name in DISPOSALS])
    assert labelled(counted, tiny, stage) == disposals


def test_the_type_decides_where_both_are_given(tiny, counted):
    fill(tiny, "outcomes", [
        {"outcome_type": "8", "disposal": "youth_caution"},
        {"outcome_type": "0", "disposal": "referral_order"},
    ])  # fmt: skip
    assert counted(tiny, "community_resolutions", ["period"]) == [("2024-25", 1)]
    assert counted(tiny, "youth_cautions", ["period"]) == []
    assert counted(tiny, "outcomes", ["period"]) == [("2024-25", 1)]


def test_age_is_at_the_outcome_then_the_hearing_then_the_offence(tiny, counted):
    fill(tiny, "outcomes", [
        {"outcome_type": "1", "age": 18, "age_at_offence": 17},
        {"outcome_type": "1", "age": None, "age_at_hearing": 14, "age_at_offence": 11},
        {"outcome_type": "1", "age": None, "age_at_offence": 11},
    ])  # fmt: skip
    assert counted(tiny, "outcomes", ["age_band"]) == [("10-11", 1), ("12-14", 1)]


def test_a_case_that_two_systems_record_counts_once(tiny, counted):
    police = {"record_system": "police", "outcome_type": "1"}
    service = {"record_system": "yjs_case", "disposal": "referral_order"}
    fill(tiny, "outcomes", [police, service, service])
    assert counted(tiny, "outcomes", ["period"]) == [("2024-25", 1)]
    fill(tiny, "outcomes", [service, service])
    assert counted(tiny, "outcomes", ["period"]) == [("2024-25", 2)]
