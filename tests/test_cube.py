"""Cells: margins add up, a zero is a true zero, and what cannot be counted has no value."""

from types import SimpleNamespace

import pandas as pd
import pytest

from tests.conftest import AREAS, cover, fill, prepared
from yjd.availability import Span, covers
from yjd.cube import build_cube, cells
from yjd.measures import stages
from yjd.reference_tables import calendar, periods
from yjd.schema import CELL_COLUMNS, CELL_KEYS, CUBE_COLUMNS, SPLITS

YEARS = ("2023-24", "2024-25")


def rolled(warehouse, names, *, splits=((), ("area",)), levels=("broad",), areas=AREAS):
    """The cells of some stages, for a project with these settings."""
    settings = SimpleNamespace(
        project=SimpleNamespace(areas=areas),
        analysis=SimpleNamespace(age_bands=("10-11", "12-14", "15-17"), splits=dict.fromkeys(levels, splits)),
    )
    chosen = [stages()[name] for name in names]
    return cells(build_cube(warehouse, chosen), warehouse, chosen, settings)


def cell(frame, **where):
    """(n, status) of the one cell at a place; a dimension not named is All."""
    place = {"stage": "arrests", "period": "2024-25", **dict.fromkeys(SPLITS, "All")} | where
    found = frame[[*place, "n", "status"]]
    for name, value in place.items():
        found = found[found[name] == value]
    assert len(found) == 1, place
    n, status = found.iloc[0][["n", "status"]]
    return (None if pd.isna(n) else n, status)


@pytest.fixture
def covered(tiny):
    """Arrests and outcomes of both years are covered, on 31 March 2025 the extracts end."""
    for table in ("arrests", "outcomes"):
        cover(tiny, table, "2023-04-01", "2025-03-31")
    return tiny


def test_the_cube_has_whole_counts(covered):
    fill(covered, "arrests", [{}, {}])
    cube = build_cube(covered, [stages()["arrests"], stages()["population"]])
    assert list(cube.columns) == list(CUBE_COLUMNS)
    assert cube["n"].dtype == "int64"
    assert cube[["stage", "period", "n"]].values.tolist() == [["arrests", "2024-25", 2]]


def test_margins_and_true_zeros(covered):
    fill(covered, "arrests", [
        {"area": "Birmingham", "ethnicity": "Indian"}, {"area": "Birmingham", "ethnicity": "White Irish"},
        {"area": "Coventry", "ethnicity": "Unknown"}, {"area": "Unknown", "ethnicity": "African"},
        {"area": "Elsewhere", "ethnicity": "African"},
    ])  # fmt: skip
    frame = rolled(covered, ["arrests"])
    assert list(frame.columns) == list(CELL_COLUMNS)
    assert set(frame["disclosure"]) == {"shown"}
    expected = {
        ("All", "All"): 4, ("All", "Known"): 3, ("All", "Unknown"): 1, ("All", "Asian"): 1,
        ("All", "Black"): 1, ("Birmingham", "White"): 1, ("Birmingham", "Black"): 0,
        ("Unknown", "All"): 1, ("Coventry", "All"): 1, ("Coventry", "Known"): 0,
    }  # fmt: skip
    for (area, group), n in expected.items():
        assert cell(frame, area=area, group=group) == (n, "ok"), (area, group)
    assert cell(frame, period="2023-24", group="All") == (0, "ok")


def test_every_combination_is_there_once(covered):
    fill(covered, "arrests", [{"ethnicity": "Indian"}])
    splits = [(), ("area",), ("sex", "age_band")]
    frame = rolled(covered, ["arrests"], splits=splits, levels=("broad", "detailed"))
    keys = list(CELL_KEYS)
    assert not frame.duplicated(keys).any()
    broad, detailed = 5 + 3, 19 + 3  # and Unknown, Known, All; 19 groups in the census of 2021
    assert len(frame) == len(YEARS) * (1 + 2 + 2 * 3) * (broad + detailed)


def test_areas_sexes_and_bands_add_up_to_all(covered):
    fill(covered, "arrests", [
        {"area": area, "sex": sex, "age": age, "ethnicity": group}
        for area in ("Birmingham", "Coventry", "Unknown") for sex in ("Female", "Male", "Unknown")
        for age in (10, 13, None) for group in ("Indian", "Unknown")
    ])  # fmt: skip
    splits = [(), ("area",), ("sex",), ("age_band",), ("area", "sex", "age_band")]
    frame = rolled(covered, ["arrests"], splits=splits)
    total = cell(frame, group="All")[0]
    assert total == 54
    own = frame[(frame["group"] == "All") & (frame["period"] == "2024-25")]
    split_by = own[["area", "sex", "age_band"]].ne("All").apply(tuple, axis=1)
    assert own.groupby(split_by)["n"].sum().tolist() == [total] * len(splits)


def test_a_detailed_group_without_detail_is_shown_where_a_record_needs_it(covered):
    fill(covered, "arrests", [{"ethnicity": "Asian"}, {"area": "Coventry"}])
    frame = rolled(covered, ["arrests"], levels=("detailed",), splits=[()])
    assert cell(frame, group="Asian (no detail)") == (1, "ok")
    assert "Black (no detail)" not in set(frame["group"])


def test_a_population_has_no_unknown(tiny):
    fill(tiny, "population", [{"area": area} for area in AREAS])
    frame = rolled(tiny, ["population"], splits=[(), ("area",), ("sex",)])
    assert "Unknown" not in set(frame[["area", "sex", "age_band", "group"]].to_numpy().ravel())
    assert cell(frame, stage="population", group="All") == cell(frame, stage="population", group="Known")
    assert cell(frame, stage="population", group="White") == (200, "ok")


def test_a_population_known_by_heading_only_gives_no_number_for_its_details(tiny):
    fill(tiny, "population", [
        {"area": "Birmingham", "ethnicity": "Asian"}, {"area": "Coventry", "ethnicity": "Indian"},
        {"area": "Coventry", "ethnicity": "African"},
    ])  # fmt: skip
    frame = rolled(tiny, ["population"], levels=("broad", "detailed"))
    expected = {
        ("detailed", "All", "Indian"): (None, "not_available"),
        ("detailed", "Birmingham", "Indian"): (None, "not_available"),
        ("detailed", "Coventry", "Indian"): (100, "ok"),
        ("detailed", "All", "African"): (100, "ok"),
        ("detailed", "All", "Known"): (300, "ok"),
        ("broad", "All", "Asian"): (200, "ok"),
    }
    for (level, area, group), found in expected.items():
        assert cell(frame, stage="population", level=level, area=area, group=group) == found


def test_a_period_that_the_extract_does_not_cover_wholly_is_not_available(tiny):
    cover(tiny, "arrests", "2023-04-02", "2025-03-31")
    fill(tiny, "arrests", [{"day": "2023-06-01"}, {"day": "2024-06-01", "area": "Coventry"}])
    frame = rolled(tiny, ["arrests"])
    assert cell(frame, period="2023-24", group="All") == (None, "not_available")
    assert cell(frame, period="2024-25", group="All") == (1, "ok")


def test_two_extracts_together_cover_a_period(tiny):
    fill(tiny, "arrests", [{"extract": "old"}, {"extract": "new"}, {"extract": "new", "area": "Coventry"}])
    cover(tiny, "arrests", "2024-04-01", "2024-08-31", extract="old")
    cover(tiny, "arrests", "2024-09-01", "2025-03-31", extract="new")
    frame = rolled(tiny, ["arrests"])
    # the older extract is of one area alone, so it says nothing of the other
    assert cell(frame, area="Birmingham", group="All") == (2, "ok")
    assert cell(frame, area="Coventry", group="All") == (None, "not_available")
    assert cell(frame, group="All") == (None, "not_available")


@pytest.mark.parametrize(("last", "status"), [("2025-09-29", "censored"), ("2025-09-30", "ok")])
def test_re_offending_needs_18_months_after_the_last_day(tiny, last, status):
    cover(tiny, "outcomes", "2020-01-01", last)
    fill(tiny, "outcomes", [{"child_id": "a", "disposal": "fine", "day": "2023-06-01"}, {"area": "Coventry"}])
    frame = rolled(tiny, ["reoffending_cohort", "reoffenders"])
    found = cell(frame, stage="reoffenders", period="2023-24", group="All")
    assert found == (0 if status == "ok" else None, status)
    assert cell(frame, stage="reoffending_cohort", period="2023-24", group="All") == (1, "ok")


def test_a_record_system_that_no_extract_holds_is_not_available(covered):
    fill(covered, "outcomes", [{"record_system": "police", "disposal": "fine", "child_id": "a"}])
    frame = rolled(covered, ["first_time_entrants_pnc", "outcomes"])
    assert cell(frame, stage="first_time_entrants_pnc", group="All") == (None, "not_available")


def test_supplied_counts_that_are_absent_or_all_zero_are_not_available(tiny):
    year = {"start_day": "2024-04-01", "end_day": "2025-04-01", "stage": "arrests"}
    fill(tiny, "counts", [{"area": "Birmingham", "n": 5, **year}, {"area": "Coventry", "n": 0, **year}])
    frame = rolled(tiny, ["arrests"])
    assert cell(frame, area="Birmingham", group="All") == (5, "ok")
    assert cell(frame, area="Birmingham", group="Black") == (0, "ok")
    assert cell(frame, area="Coventry", group="All") == (None, "not_available")
    assert cell(frame, group="All") == (None, "not_available")
    assert cell(frame, period="2023-24", area="Birmingham", group="All") == (None, "not_available")


def test_counts_of_a_whole_force_do_for_a_project_of_one_area(warehouse):
    tiny = prepared(warehouse, areas=("West Midlands",))
    year = {"start_day": "2024-04-01", "end_day": "2025-04-01", "stage": "arrests", "area": "West Midlands"}
    fill(tiny, "counts", [{"n": 5, "sex": "All", **year}])
    frame = rolled(tiny, ["arrests"], areas=("West Midlands",), splits=[(), ("sex",), ("age_band",)])
    assert cell(frame, group="White") == (5, "ok")
    assert cell(frame, age_band="15-17", group="White") == (5, "ok")
    # the partner did not split by sex, and that is not zero
    assert cell(frame, sex="Male", group="White") == (None, "not_available")


def _made_up(number):
    return {
        "child_id": str(number % 37),
        "shared_id": str(number % 11),
        "birth_day": "2010-01-01",
        "area": AREAS[number % 2],
        "day": f"202{3 + number % 3}-0{1 + number % 9}-1{number % 7}",
        "disposal": ("fine", "youth_caution", "outcome_22")[number % 3],
    }


def test_a_person_known_by_many_identifiers_enters_once(tiny, counted):
    fill(tiny, "outcomes", [_made_up(number) for number in range(600)])
    # 37 children under 11 shared identifiers with one birth date are at most 11 people
    assert sum(n for _, n in counted(tiny, "first_time_entrants_pnc", ["period"])) <= 11


@pytest.mark.parametrize(("spans", "whole"), [
    ([(0, 10)], True),
    ([(0, 5), (5, 10)], True),
    ([(4, 12), (0, 5)], True),
    ([(0, 5), (6, 10)], False),
    ([(1, 10)], False),
    ([], False),
])  # fmt: skip
def test_spans_cover_if_no_day_is_missing(spans, whole):
    assert covers([Span("", *span) for span in spans], "Birmingham", 0, 10) is whole
    assert not covers([Span("Coventry", *span) for span in spans], "Birmingham", 0, 10)


def test_the_calendar_counts_calendar_months():
    later = calendar(2024, 2027).set_index("iso")
    on = later["day"].to_dict()
    for start, year, half in (
        ("2024-02-29", "2025-02-28", "2025-08-29"),
        ("2024-08-31", "2025-08-31", "2026-02-28"),
        ("2025-01-01", "2026-01-01", "2026-07-01"),
    ):
        assert (later.loc[start, "day_12m"], later.loc[start, "day_18m"]) == (on[year], on[half])


def test_periods_are_named_and_whole():
    kinds = ["financial_year", "calendar_year", "quarter", "rolling_3_years"]
    found = periods(kinds, 2022, 2024).set_index("period")
    assert found.loc["2024-25", "label"] == "April 2024 to March 2025"
    assert found.loc["2022-25 (3 years)", "label"] == "April 2022 to March 2025 (3 years)"
    length = (found["end_day"] - found["start_day"]).to_dict()
    names = ("2023-24", "2024-25", "2024", "2024-Q1", "2024-Q4", "2022-25 (3 years)")
    assert [length[name] for name in names] == [366, 365, 366, 91, 92, 1096]
    assert (found["kind"] == "rolling_3_years").sum() == 1


def test_months_are_whole_and_stand_in_order_of_time():
    found = periods(["month"], 2023, 2024)
    assert len(found) == 24
    assert found["period"].tolist() == sorted(found["period"])
    assert found["start_day"].tolist()[1:] == found["end_day"].tolist()[:-1]
    named = found.set_index("period")
    assert named.loc["2024-M02", "end_day"] - named.loc["2024-M02", "start_day"] == 29
    assert named.loc["2024-M04", "label"] == "April 2024"
    assert not set(found["period"]) & set(periods(["financial_year", "quarter", "calendar_year"], 2023, 2024)["period"])


def test_months_add_up_to_quarters_and_years(warehouse):
    kinds = ("month", "quarter", "financial_year")
    tiny = prepared(warehouse, kinds=kinds, first=2024, last=2024, areas=("Birmingham",))
    days = ("2024-04-01", "2024-04-30", "2024-05-01", "2024-06-30", "2024-07-01", "2024-12-31", "2025-01-01")
    fill(tiny, "arrests", [{"day": day, "child_id": "a"} for day in days])
    cover(tiny, "arrests", "2024-04-01", "2025-03-31")
    frame = rolled(tiny, ["arrests", "children_arrested"], areas=("Birmingham",), splits=[()])
    counts = {
        "2024-M03": (None, "not_available"), "2024-M04": (2, "ok"), "2024-M05": (1, "ok"), "2024-M06": (1, "ok"),
        "2024-Q2": (4, "ok"), "2024-Q3": (1, "ok"), "2024-M12": (1, "ok"), "2024-25": (7, "ok"),
    }  # fmt: skip
    for period, expected in counts.items():
        assert cell(frame, period=period, group="All") == expected, period
    children = {"2024-M04": 1, "2024-Q2": 1, "2024-25": 1}
    for period, n in children.items():
        assert cell(frame, stage="children_arrested", period=period, group="All") == (n, "ok")
