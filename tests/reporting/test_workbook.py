"""The workbook: one marked-up table a sheet, no blank, no hidden number, no formula, the same bytes."""

from __future__ import annotations

import io
import zipfile

import openpyxl
import pytest
from odfdo import Document

from tests.reporting.made_up import manifest, results
from yjd.reporting.spreadsheet import Sheet, ods, xlsx
from yjd.reporting.words import SHORTHAND
from yjd.reporting.workbook import sheets, workbook

NASTY = ("=1+1", "+SUM(A1)", "-2", "@cmd", "\t=1", '=HYPERLINK("x")', "<b>&\"'", "a\x0bb", "‮evil", "{{< x >}}", "#$@[")


@pytest.fixture(scope="module")
def pages():
    return sheets(results(), manifest())


def test_a_cover_contents_notes_and_two_tables_a_measure(pages):
    names = [page.name for page in pages]
    assert names[:3] == ["Cover", "Contents", "Notes"]
    assert len(names) == len(set(names)) > 5
    contents = pages[1]
    assert [row[0] for row in contents.rows] == names[3:]
    assert [row[2] for row in contents.rows] == [len(page.rows) for page in pages[3:]]
    explained = {row[0] for row in pages[2].rows}
    assert set(SHORTHAND) <= explained


def test_a_hidden_row_has_a_mark_in_every_cell_that_would_have_a_number():
    frame = results()
    rate = (frame["quantity"] == "rate") & (frame["group"] == "White")
    frame.loc[rate, ["status", "disclosure", "numerator", "estimate"]] = ["hidden", "hidden", 123_457.0, 987.125]
    found = [row for page in sheets(frame, manifest())[3:] for row in page.rows if "White" in row]
    assert found
    for row in found:
        assert row[row.index("White") + 1 : row.index("White") + 6] == ["[c]"] * 5
    for content in workbook(frame, manifest()).values():
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            text = b"".join(packed.read(name) for name in packed.namelist())
        assert b"123457" not in text
        assert b"987.125" not in text


def test_every_shown_rate_stands_in_its_row():
    frame = results()
    shown = frame[(frame["quantity"] == "rate") & (frame["disclosure"] == "shown") & (frame["status"] == "ok")]
    whole = shown[(shown["area"] == "All") & (shown["sex"] == "All")]
    tables = [page for page in sheets(frame, manifest())[3:] if page.name.endswith("a")]
    numbers = [value for page in tables for row in page.rows for value in row if isinstance(value, float)]
    assert set(whole["estimate"]) <= set(numbers)


def test_both_kinds_hold_the_same_and_can_be_read_back(pages):
    book = openpyxl.load_workbook(io.BytesIO(xlsx(pages, title="T")))
    document = Document(io.BytesIO(ods(pages, title="T")))
    assert book.sheetnames == [table.name for table in document.body.tables] == [page.name for page in pages]
    assert (book.properties.title, book.properties.language) == ("T", "en-GB")
    assert (document.meta.title, document.meta.language) == ("T", "en-GB")
    for page in (pages[0], pages[3]):
        own = book[page.name]
        assert own["A1"].value == page.title
        assert [cell.value for cell in own[page.top + 1]] == list(page.columns)
        (table,) = own.tables.values()  # marked up
        assert table.ref.startswith(f"A{page.top + 1}:")
        assert not own.merged_cells.ranges
        rows = document.body.get_table(name=page.name).get_values()[page.top + 1 :]
        for given, excel, opened in zip(
            page.rows, own.iter_rows(min_row=page.top + 2, values_only=True), rows, strict=True
        ):
            for want, one, other in zip(given, excel, opened, strict=True):
                if isinstance(want, str):
                    assert one == str(other) == want
                else:
                    assert one == pytest.approx(want, rel=1e-12)
                    assert float(other) == pytest.approx(want, rel=1e-12)
    content = zipfile.ZipFile(io.BytesIO(ods(pages, title="T"))).read("content.xml")
    assert content.count(b"table:contains-header") == len(pages)


def test_text_is_text_whatever_it_begins_with():
    page = Sheet("One", NASTY[0], list(NASTY), ["Text", *NASTY], [["x", *NASTY]])
    own = openpyxl.load_workbook(io.BytesIO(xlsx([page], title=NASTY[6])))["One"]
    cells = [cell for row in own.iter_rows() for cell in row if cell.value is not None]
    assert cells
    assert {cell.data_type for cell in cells} == {"s"}
    content = zipfile.ZipFile(io.BytesIO(ods([page], title="T"))).read("content.xml")
    assert b"table:formula" not in content
    values = Document(io.BytesIO(ods([page], title="T"))).body.get_table(name="One").get_values()
    assert values[0][0] == NASTY[0]


def test_the_same_sheets_give_the_same_bytes_and_say_nothing_of_a_machine(pages):
    for made in (ods, xlsx):
        first = made(pages, title="T")
        assert made(pages, title="T") == first
        with zipfile.ZipFile(io.BytesIO(first)) as packed:
            assert {entry.date_time[0] for entry in packed.infolist()} == {1980}
            assert b"20" + b"26-" not in b"".join(packed.read(name) for name in packed.namelist() if "meta" in name)


@pytest.mark.parametrize("wrong", [
    {"name": "a" * 32}, {"name": "a/b"}, {"rows": [["x"]]}, {"rows": [["x", ""]]}, {"rows": [["x", float("nan")]]},
])  # fmt: skip
def test_a_sheet_that_a_reader_could_not_follow_is_refused(wrong):
    with pytest.raises(ValueError, match=r"sheet|row|blank"):
        Sheet(**({"name": "One", "title": "T", "lines": [], "columns": ["A", "B"], "rows": [["x", 1.0]]} | wrong))
