"""Counts that overlap are refused; spans that nobody stated are said to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.extracts.project import TOML, SmallProject
from yjd.errors import SchemaError
from yjd.extracts import LoadedExtracts
from yjd.warehouse import Warehouse

COUNTS = """
[[extracts]]
name = "{name}"
table = "counts"
file = "{name}.csv"
columns = {{ area = "area", ethnicity = "ethnicity", n = "count"{more} }}
constants = {{ stage = "{stage}" }}
period = {{ column = "year", kind = "{kind}" }}
ethnicity = {{ self_defined = "broad_5" }}
"""
MARCH, CALENDAR = "year_ending_march", "calendar_year"
STAGE, OTHER = "first_time_entrants_pnc", "precourt"


def extract(name: str, kind: str = MARCH, stage: str = STAGE, more: str = "") -> str:
    return COUNTS.format(name=name, kind=kind, stage=stage, more=more)


def load(project: SmallProject, warehouse: Warehouse, toml: str, **files: str) -> LoadedExtracts:
    project.write(toml=TOML + toml)
    for name, rows in files.items():
        (project.folder / f"{name}.csv").write_text(rows, encoding="utf-8")
    return project.load(warehouse)


HEAD = "area,ethnicity,year,count\n"
BY_SEX = "area,ethnicity,year,sex,count\n"


def test_one_extract_for_several_years_is_right(tmp_path: Path, warehouse: Warehouse) -> None:
    rows = HEAD + "North,White,2024,7\nNorth,White,2025,6\nNorth,White,2025,1\nNorth,Black,2025,5\n"
    load(SmallProject(tmp_path), warehouse, extract("fte"), fte=rows)
    assert warehouse.query("SELECT SUM(n) AS n FROM counts")["n"].iloc[0] == 19


def test_the_same_year_by_two_extracts_is_refused(tmp_path: Path, warehouse: Warehouse) -> None:
    rows = HEAD + "North,White,2025,7\n"
    with pytest.raises(SchemaError, match=f"a and b give {STAGE} more than once") as raised:
        load(SmallProject(tmp_path), warehouse, extract("a") + extract("b"), a=rows, b=rows)
    assert raised.value.remedy
    for value in ("North", "White", "2025", "7"):
        assert value not in str(raised.value)


def test_spans_that_share_days_are_refused(tmp_path: Path, warehouse: Warehouse) -> None:
    """The year to March 2025 and the calendar year 2024 share nine months; 2023 shares none with it."""
    toml, march = extract("a") + extract("b", CALENDAR), HEAD + "North,White,2025,7\n"
    with pytest.raises(SchemaError, match="a and b give"):
        load(SmallProject(tmp_path), warehouse, toml, a=march, b=HEAD + "North,White,2024,7\n")
    load(SmallProject(tmp_path), warehouse, toml, a=march, b=HEAD + "North,White,2023,7\n")


@pytest.mark.parametrize(
    ("stage", "rows"),
    [(STAGE, "South,White,2025,7\n"), (STAGE, "North,Black,2025,7\n"), (OTHER, "North,White,2025,7\n")],
    ids=["area", "group", "stage"],
)
def test_what_differs_is_no_overlap(tmp_path: Path, stage: str, rows: str) -> None:
    toml = extract("a") + extract("b", stage=stage)
    with Warehouse.open() as store:
        load(SmallProject(tmp_path), store, toml, a=HEAD + "North,White,2025,7\n", b=HEAD + rows)
        assert store.query("SELECT SUM(n) AS n FROM counts")["n"][0] == 14


def test_girls_and_boys_may_come_apart_but_not_beside_all(tmp_path: Path) -> None:
    split = ', sex = "sex"'
    girls, boys = (BY_SEX + f"North,White,2025,{sex},7\n" for sex in ("F", "M"))
    with Warehouse.open() as store:
        load(SmallProject(tmp_path), store, extract("a", more=split) + extract("b", more=split), a=girls, b=boys)
        whole = HEAD + "North,White,2025,14\n"
        with pytest.raises(SchemaError, match="a and b give"):
            load(SmallProject(tmp_path), store, extract("a", more=split) + extract("b"), a=girls, b=whole)


def test_fifths_may_come_apart_but_not_beside_all(tmp_path: Path) -> None:
    split = ', deprivation = "fifth"'
    first, last = (f"area,ethnicity,year,fifth,count\nNorth,White,2025,{fifth},7\n" for fifth in (1, 5))
    with Warehouse.open() as store:
        load(SmallProject(tmp_path), store, extract("a", more=split) + extract("b", more=split), a=first, b=last)
        whole = HEAD + "North,White,2025,14\n"
        with pytest.raises(SchemaError, match="a and b give"):
            load(SmallProject(tmp_path), store, extract("a", more=split) + extract("b"), a=first, b=whole)


def test_a_constant_age_band_is_kept(tmp_path: Path, warehouse: Warehouse) -> None:
    toml = extract("a").replace('stage = "', 'age_band = "15-17", deprivation = "2", stage = "')
    load(SmallProject(tmp_path), warehouse, toml, a=HEAD + "North,White,2025,7\n")
    assert warehouse.query("SELECT age_band, deprivation FROM counts").values.tolist() == [["15-17", "2"]]


CENSUS = """
[[extracts]]
name = "estimate"
table = "population"
file = "estimate.csv"
columns = { area = "area", ethnicity = "ethnicity", n = "count" }
ethnicity = { self_defined = "broad_5" }
"""


def test_two_populations_for_every_period_are_refused(tmp_path: Path, warehouse: Warehouse) -> None:
    rows = "area,ethnicity,count\nNorth,White,900\n"
    with pytest.raises(SchemaError, match="census and estimate give population more than once"):
        load(SmallProject(tmp_path), warehouse, CENSUS, estimate=rows)


def test_a_dated_population_may_stand_beside_one_for_every_period(tmp_path: Path, warehouse: Warehouse) -> None:
    rows = "area,ethnicity,count\nNorth,White,900\n"
    toml = CENSUS + 'period = { value = "2024", kind = "calendar_year" }\n'
    load(SmallProject(tmp_path), warehouse, toml, estimate=rows)
    assert warehouse.query("SELECT SUM(n) AS n FROM population")["n"].iloc[0] == 4800


def test_spans_that_are_not_stated_are_findings(tmp_path: Path) -> None:
    with Warehouse.open() as store:
        project = SmallProject(tmp_path).write()
        texts = [found["text"] for found in project.load(store).findings]
        assert [text for text in texts if "`period` is not set" in text] == [
            "census: `period` is not set, so one population stands for every period."
        ]
        assert not any("`covers`" in text for text in texts)
        project.write(toml=TOML.replace('covers = ["2024-04-01", "2025-03-31"]', ""))
        notes = [found for found in project.load(store).findings if "`covers` is not set" in found["text"]]
    assert [(note["severity"], note["text"].split(":")[0]) for note in notes] == [("note", "custody_suite")]
