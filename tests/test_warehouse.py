"""The warehouse: the same answers on every engine, and errors that quote no record."""

import subprocess
import sys

import pandas as pd
import pytest

from yjd.errors import ExtractError, SchemaError
from yjd.warehouse import Warehouse, translate

SECRET = "Jo Bloggs"


def test_what_is_written_is_read_back(warehouse):
    frame = pd.DataFrame({
        "name": pd.array(["a: b", "100%", None], dtype="string"), "n": pd.array([1, None, 3], dtype="Int64"),
    })  # fmt: skip
    warehouse.write(frame, "things", types={"name": "VARCHAR", "n": "INTEGER"})
    where = "name LIKE '%: b' OR n = 3 OR name = '100%'"
    read = warehouse.query(f"SELECT name, n FROM things WHERE {where} ORDER BY COALESCE(n, 2)")
    assert [None if pd.isna(name) else name for name in read["name"]] == ["a: b", "100%", None]
    assert read["n"].dropna().tolist() == [1, 3]


def test_writing_replaces_and_leaves_the_frame_alone(warehouse):
    frame = pd.DataFrame({"n": [1, 2]})
    before = frame.copy()
    warehouse.write(frame, "things")
    warehouse.write(frame.head(1), "things")
    assert warehouse.query("SELECT COUNT(*) AS n FROM things")["n"].tolist() == [1]
    pd.testing.assert_frame_equal(frame, before)


def test_a_table_is_made_from_a_select_and_made_anew(warehouse):
    assert not warehouse.exists("made")
    for n in (1, 2):
        warehouse.create("made", f"SELECT {n} AS n")
        assert warehouse.query("SELECT n FROM made")["n"].tolist() == [n]
    assert warehouse.exists("made")


def test_a_select_that_fails_leaves_the_old_table(warehouse):
    warehouse.create("made", "SELECT 1 AS n")
    with pytest.raises(SchemaError):
        warehouse.create("made", "SELECT n FROM absent")
    assert warehouse.query("SELECT n FROM made")["n"].tolist() == [1]


def test_an_engines_message_that_quotes_a_record_is_not_passed_on(warehouse):
    warehouse.write(pd.DataFrame({"name": [SECRET]}), "people")
    with pytest.raises(SchemaError) as caught:
        warehouse.query("SELECT CAST(name AS INTEGER) AS n FROM people")
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_table_that_is_missing_is_named(warehouse):
    with pytest.raises(SchemaError, match="absent"):
        warehouse.query("SELECT n FROM absent")


@pytest.mark.parametrize("name", ["a table", "x; DROP TABLE y", "Été", ""])
def test_only_plain_names_of_tables(warehouse, name):
    with pytest.raises(SchemaError, match="lower-case"):
        warehouse.create(name, "SELECT 1 AS n")


def test_a_file_that_is_no_database(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    path.write_text(SECRET * 1000, encoding="utf-8")
    with pytest.raises(ExtractError, match=r"warehouse\.duckdb is not a DuckDB database"):
        Warehouse.open(path=path)


def test_a_file_that_another_program_holds(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    held = f"held = duckdb.connect({str(path)!r}); print('held', flush=True); time.sleep(60)"
    code = f"import duckdb, time; {held}"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout.readline().strip() == "held"
            with pytest.raises(ExtractError, match="in use by another program"):
                Warehouse.open(path=path)
        finally:
            other.kill()


def test_a_file_keeps_its_tables(tmp_path):
    path = tmp_path / "folder" / "warehouse.duckdb"
    with Warehouse.open(path=path) as first:
        first.create("made", "SELECT 1 AS n")
    with Warehouse.open(path=path) as second:
        assert second.query("SELECT n FROM made")["n"].tolist() == [1]


def test_an_address_that_does_not_answer_is_an_extract_error_without_its_password():
    with pytest.raises(ExtractError) as caught:
        Warehouse.open("postgresql+psycopg://someone:hunter2@127.0.0.1:1/none")
    assert "hunter2" not in str(caught.value)


def test_a_dialect_is_translated():
    assert translate("SELECT COUNT(*) AS n FROM t LIMIT 1", "mssql").startswith("SELECT TOP 1")
    assert translate("SELECT 1", "duckdb") == "SELECT 1"


def test_what_cannot_be_translated_says_so():
    with pytest.raises(SchemaError, match="could not be translated"):
        translate("SELECT FROM WHERE (", "postgresql")
