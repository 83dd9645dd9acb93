"""Extracts: what is read, typed, set aside and refused."""

from __future__ import annotations

import codecs
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.extracts.project import ARRESTS, TOML, SmallProject
from yjd.errors import ExtractError, SchemaError, YjdError
from yjd.warehouse import Warehouse


@pytest.fixture
def project(tmp_path: Path) -> SmallProject:
    return SmallProject(tmp_path).write()


@pytest.fixture
def store() -> Iterator[Warehouse]:
    with Warehouse.open() as opened:
        yield opened


TOLERANT = TOML.replace("tolerance_percent = 0", "tolerance_percent = 99")


def test_every_row_is_used_and_typed(project: SmallProject, warehouse: Warehouse) -> None:
    """On every engine: 5 April 2024 is day 19818 (`date -d 2024-04-05 +%s` over 86,400)."""
    entry = project.arrests(warehouse)
    assert (entry.read, entry.used, entry.set_aside, entry.out_of_scope) == (3, 3, 0, 0)
    rows = warehouse.query(
        "SELECT child_id, day, area, sex, age, ethnicity, ethnicity_officer FROM arrests ORDER BY line"
    )
    assert rows.iloc[0].tolist() == ["P1", 19818, "North", "Male", 15, "White British", "White"]
    assert rows.iloc[1].tolist() == ["P2", 19849, "South", "Female", 12, "Caribbean", "Black"]
    assert warehouse.query("SELECT SUM(n) AS n FROM population")["n"].iloc[0] == 3900


BROKEN = {
    "n/k in age": ("A1,P1,05/04/2024,North,M,n/k,W1,IC1", "age: is not a whole number"),
    "another date format": ("A1,P1,2024-04-05,North,M,15,W1,IC1", "date: is not a date as DD/MM/YYYY"),
    "31 February": ("A1,P1,31/02/2024,North,M,15,W1,IC1", "date: is not a date as DD/MM/YYYY"),
    "an Excel date number": ("A1,P1,45387,North,M,15,W1,IC1", "date: is an Excel date number"),
    "blank date": ("A1,P1,,North,M,15,W1,IC1", "date: is blank"),
    "unknown area": ("A1,P1,05/04/2024,Atlantis,M,15,W1,IC1", "area: is not a known label"),
    "unknown sex": ("A1,P1,05/04/2024,North,CHECK,15,W1,IC1", "sex: is not a known label"),
    "twice the same identifier": ("A2,P1,05/04/2024,North,M,15,W1,IC1", "arrest_id: comes twice"),
    "after the extract's end": ("A1,P1,05/04/2025,North,M,15,W1,IC1", "date: lies after the last day"),
    "too few fields": ("A1,P1,05/04/2024", "row: too few fields"),
    "too many fields": ("A1,P1,05/04/2024,North,M,15,W1,IC1,more", "row: too many fields"),
    "a long text": (
        f"A1,{'P' * 300},05/04/2024,North,M,15,W1,IC1",
        "child_id: is longer than 200 characters",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_bad_row_stops_the_run_and_is_kept(case: str, project: SmallProject, store: Warehouse) -> None:
    row, rule = BROKEN[case]
    lines = ARRESTS.splitlines()
    project.write(arrests="\n".join([lines[0], row, *lines[2:]]) + "\n")
    with pytest.raises(SchemaError) as raised:
        project.load(store)
    message = str(raised.value)
    assert rule in message
    assert "1 of 3 rows" in message
    for value in ("P1", "Atlantis", "CHECK", "45387", "n/k", "31/02"):
        assert value not in message
    assert rule in project.set_aside.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", BROKEN)
def test_a_bad_row_within_the_tolerance_is_set_aside(case: str, project: SmallProject, store: Warehouse) -> None:
    row, rule = BROKEN[case]
    lines = ARRESTS.splitlines()
    project.write(arrests="\n".join([lines[0], row, *lines[2:]]) + "\n", toml=TOLERANT)
    entry = project.arrests(store)
    assert (entry.read, entry.used, entry.set_aside, entry.out_of_scope) == (3, 2, 1, 0)
    # A row is kept with the number of its line: the header is line 1.
    # Of two with one identifier the later one is set aside.
    kept = pd.read_csv(project.set_aside, dtype=str)
    assert kept["line"].tolist() == (["3"] if "twice" in case else ["2"])
    assert rule in kept["reasons"].iloc[0]


def test_line_numbers_after_malformed_rows(project: SmallProject, store: Warehouse) -> None:
    header, first, second, third = ARRESTS.splitlines()
    project.write(
        arrests="\n".join([header, "x", first, "y,z", second, third.replace("12", "n/k")]) + "\n",
        toml=TOLERANT,
    )
    project.load(store)
    assert store.query("SELECT line FROM arrests ORDER BY line")["line"].tolist() == [3, 5]
    assert sorted(pd.read_csv(project.set_aside)["line"]) == [2, 4, 6]


def test_ages_outside_are_out_of_scope(project: SmallProject, store: Warehouse) -> None:
    project.write(arrests=ARRESTS.replace("M,15", "M,18"))
    entry = project.arrests(store)
    assert (entry.used, entry.set_aside, entry.out_of_scope) == (2, 0, 1)


def test_scope_leaves_rows_out_before_they_are_checked(project: SmallProject, store: Warehouse) -> None:
    project.write(
        arrests=ARRESTS.replace("A1,P1,05/04/2024,North,M", "A1,P1,nonsense,North,M"),
        toml=TOML.replace("covers =", 'scope = { gender = ["F"] }\ncovers ='),
    )
    entry = project.arrests(store)
    assert (entry.used, entry.set_aside, entry.out_of_scope) == (2, 0, 1)


def test_age_from_the_date_of_birth(project: SmallProject, store: Warehouse) -> None:
    """Born 6 April 2010: 13 on 5 April 2024, and 14 the day after."""
    text = "ref,when,district,born\nA1,05/04/2024,North,06/04/2010\nA2,06/04/2024,North,06/04/2010\n"
    start = TOML.index("columns = { arrest_id")
    toml = TOML[:start] + (
        'columns = { arrest_id = "ref", date = "when", area = "district", birth_date = "born" }\n'
        'dates = { date = "DD/MM/YYYY" }\n'
    )
    project.write(arrests=text, toml=toml)
    project.load(store)
    assert store.query("SELECT age FROM arrests ORDER BY line")["age"].tolist() == [13, 14]


def test_an_unmapped_ethnicity_is_unknown_or_stops_the_run(project: SmallProject, store: Warehouse) -> None:
    text = ARRESTS.replace("W1", "Z9")
    with pytest.raises(SchemaError, match="ethnicity label that its scheme does not hold") as raised:
        project.write(arrests=text).load(store)
    assert "Z9" not in str(raised.value)
    loaded = project.write(arrests=text, toml=TOLERANT).load(store)
    assert loaded.accounting[1].used == 3
    rows = store.query("SELECT ethnicity, ethnicity_missing FROM arrests WHERE line = 2")
    assert rows.iloc[0].tolist() == ["Unknown", "unmapped"]
    assert any("count as Unknown" in finding["text"] for finding in loaded.findings)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("most_recent_self_defined", ["White British", "Indian", "Indian"]),
        ("as_recorded", ["White British", "Caribbean", "Indian"]),
    ],
)
def test_every_record_carries_its_childs_ethnicity(
    rule: str, expected: list[str], project: SmallProject, warehouse: Warehouse
) -> None:
    """P2 said Caribbean in May and Indian in June: the later one counts, unless records keep their own."""
    text = ARRESTS.replace("07/06/2024,South,F,12,B1", "07/06/2024,South,F,12,A1")
    project.write(arrests=text, toml=TOML.replace("[ethnicity]", f'[ethnicity]\nper_child = "{rule}"'))
    loaded = project.load(warehouse)
    assert warehouse.query("SELECT ethnicity FROM arrests ORDER BY line")["ethnicity"].tolist() == expected
    assert (loaded.disagreements["shared"], loaded.disagreements["disagree"]) == (1, 1)


REFUSED = {
    "no file": (None, ExtractError, "there is no file"),
    "an empty file": (b"", ExtractError, "the file is empty"),
    "only a header": (ARRESTS.splitlines()[0].encode() + b"\n", ExtractError, "a header and no row"),
    "cp1252 read as UTF-8": (
        ARRESTS.replace("A1", "é").encode("cp1252"),
        ExtractError,
        "line 2 is not utf-8 text",
    ),
    "UTF-16": (ARRESTS.encode("utf-16"), ExtractError, "not utf-8 text"),
    "a missing column": (
        ARRESTS.replace("gender", "x", 1).encode(),
        SchemaError,
        "there is no column 'gender'",
    ),
    "an extra column": (
        "\n".join(
            line + (",secret" if number == 0 else ",1") for number, line in enumerate(ARRESTS.splitlines())
        ).encode(),
        SchemaError,
        r"not declared \(positions 9\)",
    ),
    "a column twice": (ARRESTS.replace("officer", "self", 1).encode(), SchemaError, "more than once"),
    "an open quotation mark": (ARRESTS.replace("A2", '"A2').encode(), ExtractError, "never closed"),
    "a 50 MB field": (
        ARRESTS.replace("A2", "A" * 50_000_000).encode(),
        ExtractError,
        "longer than 1,000,000 characters",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_file_gives_one_clear_error(
    case: str, project: SmallProject, store: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    content, kind, message = REFUSED[case]
    project.write(arrests=content or b"")
    if content is None:
        (project.folder / "arrests.csv").unlink()
    with caplog.at_level(logging.DEBUG), pytest.raises(kind, match=message) as raised:
        project.load(store)
    error: YjdError = raised.value
    assert error.remedy
    assert error.__cause__ is None
    for value in ("secret", "AAAA", "P2", "é"):
        assert value not in str(error) + caplog.text


def test_encoding_and_byte_order_mark(project: SmallProject, store: Warehouse) -> None:
    text = ARRESTS.replace("P1", "Zoë")
    for content, encoding in (
        (text.encode("cp1252"), "cp1252"),
        (text.encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF8 + text.encode(), "utf-8"),
    ):
        project.write(
            arrests=content,
            toml=TOML.replace('file = "arrests.csv"', f'file = "arrests.csv"\nencoding = "{encoding}"'),
        )
        assert project.arrests(store).used == 3
        assert store.query("SELECT child_id FROM arrests WHERE line = 2")["child_id"].tolist() == ["Zoë"]


HOSTILE = """a'b"c;--<script>alert(1)</script>"""


def test_hostile_names_and_labels_are_data(project: SmallProject, warehouse: Warehouse) -> None:
    quoted = '"' + HOSTILE.replace('"', '""') + '"'
    text = ARRESTS.replace("person", quoted, 1).replace("P1", quoted).replace("North", quoted)
    escaped = HOSTILE.replace('"', '\\"')
    toml = TOML.replace('child_id = "person"', f'child_id = "{escaped}"').replace(
        "covers =", f'labels = {{ area = {{ "{escaped}" = "North" }} }}\ncovers ='
    )
    assert project.write(arrests=text, toml=toml).arrests(warehouse).used == 3
    rows = warehouse.query("SELECT child_id, area FROM arrests WHERE line = 2")
    assert rows.iloc[0].tolist() == [HOSTILE, "North"]


@pytest.mark.parametrize("kind", ["parquet", "excel", "database"])
def test_other_sources_give_the_same_rows(
    kind: str, project: SmallProject, store: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real dates and whole numbers with gaps arrive as they would from a CSV."""
    frame = pd.read_csv(project.folder / "arrests.csv")
    frame["when"] = pd.to_datetime(frame["when"], dayfirst=True)
    frame["age"] = frame["age"].astype("float64")
    if kind == "parquet":
        frame.to_parquet(project.folder / "a.parquet")
        given = 'file = "a.parquet"'
    elif kind == "excel":
        frame.to_excel(project.folder / "a.xlsx", index=False)
        given = 'file = "a.xlsx"'
    else:
        frame.to_sql("arrest", f"sqlite:///{project.folder / 'a.db'}", index=False)
        monkeypatch.setenv("YJD_TEST_URL", f"sqlite:///{project.folder / 'a.db'}")
        given = 'database = { url_env = "YJD_TEST_URL", table = "arrest" }'
    project.write(toml=TOML.replace('file = "arrests.csv"', given))
    assert project.arrests(store).used == 3
    assert store.query("SELECT day, age FROM arrests ORDER BY line").to_numpy().tolist() == [
        [19818, 15], [19849, 12], [19881, 12],
    ]  # fmt: skip


def test_unreadable_sources(project: SmallProject, store: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, match in (
        ("a.parquet", "not readable Parquet"),
        ("a.xlsx", "cannot be read"),
        ("a.what", "format is not clear"),
    ):
        (project.folder / name).write_bytes(b"nonsense")
        with pytest.raises(ExtractError, match=match):
            project.write(toml=TOML.replace('file = "arrests.csv"', f'file = "{name}"')).load(store)
    database = project.folder / "broken.db"
    database.write_bytes(b"this is no database" * 100)
    monkeypatch.setenv("YJD_TEST_URL", f"sqlite:///{database}")
    given = 'database = { url_env = "YJD_TEST_URL", table = "arrest" }'
    with pytest.raises(ExtractError, match="database or table cannot be read"):
        project.write(toml=TOML.replace('file = "arrests.csv"', given)).load(store)
    with pytest.raises(sqlite3.DatabaseError):  # it is indeed the file that is unreadable
        sqlite3.connect(database).execute("SELECT 1 FROM sqlite_master").fetchall()
