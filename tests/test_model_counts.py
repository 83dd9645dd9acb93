"""The samples of models: hand-counted, on both engines."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.conftest import AREAS, fill
from yjd.measures import measures, stages
from yjd.model_counts import ROWS, record_counts, resident_counts

PRECOURT = measures()["precourt_share"]
OUTCOME = {"record_system": "police", "offence_group": "Theft", "gravity": "3", "gravity_scheme": "1-5"}
ROWS_OF_OUTCOMES = [
    # child a: a caution, then court a month later; the second has one earlier outcome
    OUTCOME | {"child_id": "a", "day": "2024-05-01", "disposal": "youth_caution"},
    OUTCOME | {"child_id": "a", "day": "2024-06-01", "disposal": "referral_order", "gravity": "4"},
    OUTCOME | {"child_id": "b", "day": "2024-07-01", "disposal": "youth_caution", "ethnicity": "African"},
    # left out, one for each reason: elsewhere, unknown ethnicity, no offence group, another period
    OUTCOME | {"child_id": "c", "day": "2024-07-01", "disposal": "youth_caution", "area": "Elsewhere"},
    OUTCOME | {"child_id": "d", "day": "2024-07-01", "disposal": "youth_caution", "ethnicity": "Unknown"},
    OUTCOME | {"child_id": "e", "day": "2024-07-01", "disposal": "youth_caution", "offence_group": None},
    OUTCOME | {"child_id": "f", "day": "2023-07-01", "disposal": "youth_caution"},
]


def counted(tiny, adjusters, *rows):
    fill(tiny, "outcomes", list(rows))
    return record_counts(tiny, PRECOURT, stages(), adjusters=adjusters, periods=["2024-25"], areas=AREAS)


def test_each_record_is_counted_once_with_its_labels(tiny):
    found = counted(tiny, ["sex", "offence_group", "gravity", "prior_outcomes"], *ROWS_OF_OUTCOMES)
    columns = ["group", "gravity", "prior_outcomes", "base", "events"]
    rows = sorted(found.frame[columns].itertuples(index=False, name=None))
    assert rows == [("Black", "1-5 3", "0", 1, 1), ("White", "1-5 3", "0", 1, 1), ("White", "1-5 4", "1", 1, 0)]
    assert found.adjusters == ("sex", "offence_group", "gravity", "prior_outcomes")
    assert dict(found.flow) == {
        "records of the periods": 5, "in the project's areas": 5, "of known ethnicity": 4, "sex known": 4,
        "offence_group known": 3, "gravity known": 3, "prior_outcomes known": 3,
    }  # fmt: skip


def test_the_records_stay_in_the_warehouse_with_child_and_pattern(tiny):
    found = counted(tiny, ["gravity"], *ROWS_OF_OUTCOMES)
    rows = tiny.query(f"SELECT child_id, pattern, event FROM {ROWS}")
    together = rows.groupby("pattern")["event"].agg(["size", "sum"])
    expected = found.frame.set_index("pattern")[["base", "events"]]
    assert together["size"].astype(float).to_dict() == expected["base"].to_dict()
    assert together["sum"].astype(float).to_dict() == expected["events"].to_dict()
    assert sorted(rows["child_id"]) == ["a", "a", "b", "e"]


def test_a_child_is_in_one_fold(tiny):
    many = [OUTCOME | {"child_id": f"child {n % 40}", "disposal": "fine", "gravity": str(n % 3)} for n in range(120)]
    counted(tiny, ["gravity"], *many)
    folds = tiny.query(
        f"SELECT r.child_id, COUNT(DISTINCT p.fold) AS folds FROM {ROWS} AS r"
        " INNER JOIN model_patterns AS p ON p.pattern = r.pattern GROUP BY r.child_id"
    )
    assert len(folds) == 40
    assert (folds["folds"] == 1).all()
    assert tiny.query("SELECT COUNT(DISTINCT fold) AS n FROM model_patterns")["n"][0] == 4


def test_an_adjuster_that_no_record_has_is_left_out(tiny):
    found = counted(tiny, ["sex", "in_care", "prior_outcomes", "deprivation"], *ROWS_OF_OUTCOMES)
    assert found.adjusters == ("sex", "prior_outcomes")


def test_many_earlier_outcomes_are_one_band_and_a_day_counts_once(tiny):
    days = [f"2024-0{month}-01" for month in (4, 5, 5, 6, 7, 8)]
    rows = [OUTCOME | {"child_id": "a", "day": day, "disposal": "fine"} for day in days]
    found = counted(tiny, ["prior_outcomes"], *rows)
    assert dict(zip(found.frame["prior_outcomes"], found.frame["base"], strict=True)) == {
        "0": 1, "1": 2, "2": 1, "3 or more": 2,
    }  # fmt: skip


def test_residents_stand_beside_events():
    groups = pd.DataFrame({"code": ["W1", "B1", "Unknown"], "heading": ["White", "Black", "Unknown"],
                           "detailed": ["British", "African", "Unknown"]})  # fmt: skip
    keys = ["stage", "period", "area", "sex", "age_band", "deprivation", "ethnicity", "n"]
    cube = pd.DataFrame([
        ("population", "2024-25", "North", "Male", "15-17", "All", "W1", 100),
        ("population", "2024-25", "North", "Male", "15-17", "All", "B1", 50),
        ("population", "2024-25", "South", "Female", "15-17", "All", "B1", 20),
        ("arrests", "2024-25", "North", "Male", "15-17", "All", "W1", 7),
        ("arrests", "2024-25", "North", "Male", "15-17", "All", "Unknown", 2),
        ("arrests", "2024-25", "North", "Unknown", "15-17", "All", "W1", 1),
        ("arrests", "2024-25", "Unknown", "Male", "15-17", "All", "B1", 3),
        ("arrests", "2023-24", "North", "Male", "15-17", "All", "W1", 9),
    ], columns=keys)  # fmt: skip
    found = resident_counts(
        cube, measures()["arrest_rate"], groups, adjusters=["sex", "area", "deprivation", "offence_group"],
        periods=["2024-25"], areas=["North", "South"],
    )  # fmt: skip
    assert found.adjusters == ("sex", "area")  # residents are not counted by the others
    rows = {(row.group, row.area): (row.base, row.events) for row in found.frame.itertuples()}
    # one arrest of a White child of unknown sex, three of Black children of unknown area: a sample without them would
    # tell how many there were, since each group's count is published
    assert rows == {
        ("White", "North"): (100, 8), ("Black", "North"): (50, pytest.approx(3 * 50 / 70)),
        ("Black", "South"): (20, pytest.approx(3 * 20 / 70)),
    }  # fmt: skip
    assert [number for _, number in found.flow] == [13, 11]
