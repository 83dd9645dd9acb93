"""Strata for imputation: the same children as in the cells, with what the officer saw."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tests.conftest import AREAS, cover, fill
from yjd.cube import build_cube, cells
from yjd.measures import counts, measures, stages
from yjd.metrics.imputation import allocated_ratio, imputed_ratio
from yjd.unknowns import imputation_counts

KEYS = ["measure", "period", "area", "sex", "age_band", "level", "group", "officer", "event"]


def strata(warehouse, *names, areas=AREAS, **options):
    return imputation_counts(warehouse, [measures()[name] for name in names], stages(), areas=areas, **options)


def listed(frame, *columns):
    """Sorted (columns..., n) of the broad level."""
    broad = frame[frame["level"] == "broad"]
    return sorted(tuple(found) for found in broad.groupby(list(columns))["n"].sum().reset_index().to_numpy())


def test_officer_observed_ethnicity_comes_by_row(tiny):
    fill(tiny, "arrests", [
        {"ethnicity": "Unknown", "ethnicity_officer": "Black"},
        {"ethnicity": "Unknown", "ethnicity_officer": "Unknown"},
        {"ethnicity": "Unknown", "ethnicity_officer": None},
        {"ethnicity": "African", "ethnicity_officer": "Asian"},
        {"ethnicity": "Caribbean", "ethnicity_officer": "Asian"},
    ])  # fmt: skip
    found = strata(tiny, "arrest_rate")
    assert set(KEYS) | {"n"} <= set(found.columns)
    assert listed(found, "group", "officer", "event") == [
        ("Black", "Asian", 1, 2), ("Unknown", "Black", 1, 1), ("Unknown", "none", 1, 2),
    ]  # fmt: skip
    detailed = found[found["level"] == "detailed"]
    assert set(detailed["group"]) == {"African", "Caribbean", "Unknown"}
    assert set(strata(tiny, "arrest_rate", levels=("broad",))["level"]) == {"broad"}


def test_a_proportion_has_those_with_the_event_and_those_without(tiny):
    fill(tiny, "searches", [
        {"ethnicity": "Unknown", "ethnicity_officer": "Black", "outcome": outcome}
        for outcome in ("arrest", "arrest", "warning", "no_further_action")
    ] + [{"outcome": "arrest"}, {"outcome": "warning"}, {"outcome": "warning", "day": "2023-05-01"}])  # fmt: skip
    found = strata(tiny, "search_arrest_share", "search_rate")
    share = found[found["measure"] == "search_arrest_share"]
    assert listed(share, "period", "group", "officer", "event") == [
        ("2023-24", "White", "none", 0, 1),
        ("2024-25", "Unknown", "Black", 0, 2), ("2024-25", "Unknown", "Black", 1, 2),
        ("2024-25", "White", "none", 0, 1), ("2024-25", "White", "none", 1, 1),
    ]  # fmt: skip
    # residents are public and nobody among them is unknown: events alone
    assert set(found.loc[found["measure"] == "search_rate", "event"]) == {1}


def test_a_base_that_is_not_public_is_there_whole(tiny):
    fill(tiny, "arrests", [{"ethnicity": "Unknown", "ethnicity_officer": "Black"}, {}])
    fill(tiny, "outcomes", [{"disposal": "youth_caution", "ethnicity": "Unknown", "record_system": "police"}])
    found = strata(tiny, "precourt_per_arrest")
    assert listed(found, "group", "officer", "event") == [
        ("Unknown", "Black", 0, 1), ("Unknown", "none", 1, 1), ("White", "none", 0, 1),
    ]  # fmt: skip


def test_a_child_counts_with_what_was_seen_on_its_first_row(tiny):
    child = {"child_id": "a", "ethnicity": "Unknown"}
    fill(tiny, "arrests", [
        child | {"day": "2024-07-01", "ethnicity_officer": "White"},
        child | {"day": "2024-05-01", "ethnicity_officer": "Black"},
        child | {"day": "2023-05-01", "ethnicity_officer": "Asian"},
    ])  # fmt: skip
    found = strata(tiny, "children_arrested_rate", "arrest_rate")
    children = found[found["measure"] == "children_arrested_rate"]
    assert listed(children, "period", "officer") == [("2023-24", "Asian", 1), ("2024-25", "Black", 1)]
    assert found.loc[(found["measure"] == "arrest_rate") & (found["level"] == "broad"), "n"].sum() == 3


def test_counts_of_partners_have_no_officer(tiny):
    year = {"start_day": "2024-04-01", "end_day": "2025-04-01", "stage": "arrests"}
    fill(tiny, "counts", [{"n": 5, "ethnicity": "Unknown", **year}, {"n": 7, **year}])
    fill(tiny, "arrests", [{"ethnicity": "Unknown", "ethnicity_officer": "Black"}])
    assert listed(strata(tiny, "arrest_rate"), "group", "officer") == [
        ("Unknown", "Black", 1), ("Unknown", "none", 5), ("White", "none", 7),
    ]  # fmt: skip


def test_measures_without_unknown_are_left_out(tiny):
    fill(tiny, "arrests", [{"ethnicity": "Unknown"}])
    fill(tiny, "searches", [{}])
    assert set(strata(tiny, "arrest_rate", "search_rate")["measure"]) == {"arrest_rate"}
    none = strata(tiny, "search_rate")
    assert none.empty
    assert set(KEYS) | {"n"} <= set(none.columns)


def test_areas_are_those_of_the_cells(tiny):
    fill(tiny, "arrests", [{"ethnicity": "Unknown", "area": area} for area in ("Coventry", "Elsewhere", "Leeds")])
    assert listed(strata(tiny, "arrest_rate"), "area") == [("Coventry", 1), ("Unknown", 1)]


@pytest.fixture
def crowded(tiny):
    """Hundreds of made-up records of every table, a quarter of them without ethnicity."""
    rng = np.random.default_rng(3)

    def record(number):
        groups = ["African", "Indian", "White British", "White Irish", "Unknown"]
        return {
            "child_id": None if number % 7 == 0 else str(rng.integers(150)),
            "day": f"202{rng.integers(3, 5)}-{rng.integers(4, 13):02}-1{rng.integers(10)}",
            "area": rng.choice([*AREAS, "Unknown", "Elsewhere"]),
            "sex": rng.choice(["Female", "Male", "Unknown"]),
            "age": int(rng.integers(9, 19)),
            "ethnicity": rng.choice(groups, p=[0.2, 0.2, 0.25, 0.1, 0.25]),
            "ethnicity_officer": rng.choice(["Black", "Asian", "White", "Unknown"]),
        }

    disposals = ("youth_caution", "fine", "charge", "community_resolution", "detention_training_order")
    results = ("arrest", "warning", "no_further_action")
    fill(tiny, "arrests", [record(n) for n in range(300)])
    outcomes = [record(n) | {"disposal": disposals[n % 5], "record_system": "police"} for n in range(400)]
    fill(tiny, "outcomes", [outcome | {"offence_day": outcome["day"]} for outcome in outcomes])
    fill(tiny, "searches", [record(n) | {"outcome": results[n % 3]} for n in range(300)])
    fill(tiny, "population", [
        {"area": area, "sex": sex, "ethnicity": group, "n": 400}
        for area in AREAS for sex in ("Female", "Male") for group in ("African", "Indian", "White British")
    ])  # fmt: skip
    for table in ("arrests", "outcomes", "searches"):
        cover(tiny, table, "2023-04-01", "2026-12-31")
    return tiny


NAMES = (
    "search_rate", "search_arrest_share", "arrest_rate", "children_arrested_rate", "precourt_share", "court_share",
    "precourt_per_arrest", "reoffending_rate",
)  # fmt: skip


def test_strata_add_up_to_the_cells_and_every_row_can_be_imputed(crowded):
    splits = ((), ("area",), ("sex",), ("age_band",), ("area", "sex", "age_band"))
    settings = SimpleNamespace(
        project=SimpleNamespace(areas=AREAS),
        analysis=SimpleNamespace(
            age_bands=("10-11", "12-14", "15-17"), splits=dict.fromkeys(("broad", "detailed"), splits)
        ),
    )
    registry = stages()
    chosen = [measures()[name] for name in NAMES]
    names = {name for measure in chosen for name in (measure.numerator, measure.denominator)}
    used = [registry[name] for name in sorted(names)]
    shown = cells(build_cube(crowded, used), crowded, used, settings)
    fine = imputation_counts(crowded, chosen, registry, areas=AREAS)
    assert set(fine["measure"]) == set(NAMES)
    assert not fine.duplicated([name for name in fine.columns if name != "n"]).any()
    assert (fine["n"] > 0).all()
    for measure in chosen:
        table = counts(shown, measure)
        own = fine[fine["measure"] == measure.id]
        for split in splits:
            keys = ["period", "level", "group", *split]
            numerators = own[own["event"] == 1].groupby(keys)["n"].sum()
            bases = own.groupby(keys)["n"].sum() if measure.kind == "proportion" else None
            here = table[(table[list(split)] != "All").all(axis=1) & ~table["group"].isin(["All", "Known"])]
            here = here[(here[[n for n in ("area", "sex", "age_band") if n not in split]] == "All").all(axis=1)]
            index = pd.MultiIndex.from_frame(here[keys])
            assert here["numerator"].tolist() == numerators.reindex(index, fill_value=0).tolist()
            if bases is not None:
                assert here["denominator"].tolist() == bases.reindex(index, fill_value=0).tolist()
        for metric in (imputed_ratio, allocated_ratio):
            found = metric(own, table, kind=measure.kind)
            assert "ok" in set(found["status"])
            assert set(found["status"]) <= {"ok", "no_events", "no_reference", "no_denominator"}
