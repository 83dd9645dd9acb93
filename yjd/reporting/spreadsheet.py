"""Sheets as an OpenDocument and as an Excel workbook, laid out so that a screen reader finds its way.

One marked-up table a sheet, headings in its first row, no merged and no blank cell, a title and a language
("Making spreadsheets accessible", Government Analysis Function). Text is text: nothing that a cell holds is ever run as
a formula. The same sheets give the same bytes.
"""

from __future__ import annotations

import functools
import io
import math
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

from yjd.reporting.words import plain

Value = str | float
LANGUAGE = "en-GB"
_LONG_AGO = datetime(1980, 1, 1)  # noqa: DTZ001 - a zip file knows no zone; files that come from the same numbers are the same, whenever they are written
_NOT_XML = re.compile(r"[\ud800-\udfff\ufffe\uffff]")
_NOT_IN_NAMES = re.compile(r"[\[\]:*?/\\']")
_WIDEST, _CM_A_LETTER = 60, 0.2


@dataclass(frozen=True)
class Sheet:
    """One sheet: its name on the tab, its title in the first cell, lines below it, and then one table.

    Parameters
    ----------
    name : str
        At most 31 letters.
    title : str
        Heading of the sheet.
    lines : sequence of str
        What a reader must know before the table.
    columns : sequence of str
        Headings of the table; none where the sheet has no table.
    rows : sequence of sequences
        Text and numbers, one for each column.
    """

    name: str
    title: str
    lines: Sequence[str]
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Value]] = ()

    def __post_init__(self) -> None:
        if not self.name or len(self.name) > 31 or _NOT_IN_NAMES.search(self.name):
            raise ValueError("a sheet has a name of 1 to 31 letters that every spreadsheet takes")
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("a row has a value for each column")
        if any(
            value == "" or (isinstance(value, float) and not math.isfinite(value)) for row in self.rows for value in row
        ):
            raise ValueError("no cell of a table is blank")

    @property
    def top(self) -> int:
        """The number of rows above the table's headings."""
        return 1 + len(self.lines)

    def width(self, column: int) -> int:
        """Letters that a column needs."""
        cells = [self.columns[column], *(row[column] for row in self.rows)]
        return min(max(len(_text(value)) for value in cells) + 2, _WIDEST)


def ods(sheets: Sequence[Sheet], *, title: str) -> bytes:
    """An OpenDocument spreadsheet.

    Parameters
    ----------
    sheets : sequence of Sheet
        In order.
    title : str
        Of the document.
    """
    from odfdo import Document, Element

    document = Document("spreadsheet")
    body = document.body
    body.clear()
    for style in _styles(sheets):
        document.insert_style(style, automatic=True)
    for number, sheet in enumerate(sheets):
        body.append(Element.from_tag(_ods_table(number, sheet)))
    body.append(Element.from_tag(_ods_ranges(sheets)))
    document.set_language(LANGUAGE)
    document.meta.set_title(plain(title))
    document.meta.set_language(LANGUAGE)
    document.meta.set_creation_date(_LONG_AGO)
    document.meta.set_modification_date(_LONG_AGO)
    return _same_bytes(document)


_TITLE = (
    '<style:style style:name="title" style:family="table-cell">'
    '<style:text-properties fo:font-weight="bold" fo:font-size="15pt"/></style:style>'
)
_HEAD = (
    '<style:style style:name="head" style:family="table-cell"><style:table-cell-properties fo:wrap-option="wrap"/>'
    '<style:text-properties fo:font-weight="bold"/></style:style>'
)
_WIDTH = (
    '<style:style style:name="w{0}.{1}" style:family="table-column">'
    '<style:table-column-properties style:column-width="{2:.2f}cm"/></style:style>'
)


def _styles(sheets: Sequence[Sheet]) -> list[str]:
    widths = [
        _WIDTH.format(number, column, sheet.width(column) * _CM_A_LETTER)
        for number, sheet in enumerate(sheets)
        for column in range(len(sheet.columns))
    ]
    return [_TITLE, _HEAD, *widths]


def _ods_table(number: int, sheet: Sheet) -> str:
    columns = "".join(
        f'<table:table-column table:style-name="w{number}.{place}"/>' for place in range(len(sheet.columns))
    )
    rows = [_ods_row([sheet.title], "title"), *(_ods_row([line]) for line in sheet.lines)]
    if sheet.columns:
        head = _ods_row(sheet.columns, "head")
        rows += [f"<table:table-header-rows>{head}</table:table-header-rows>", *map(_ods_row, sheet.rows)]
    named = _attribute(sheet.name)
    return f"<table:table table:name={named}>{columns or '<table:table-column/>'}{''.join(rows)}</table:table>"


def _ods_row(values: Sequence[Value], style: str = "") -> str:
    return f"<table:table-row>{''.join(_ods_cell(value, style) for value in values)}</table:table-row>"


def _ods_cell(value: Value, style: str) -> str:
    named = f' table:style-name="{style}"' if style else ""
    kind = f'office:value-type="float" office:value="{value!r}"'
    if isinstance(value, str):
        kind = 'office:value-type="string"'
    return f"<table:table-cell {kind}{named}><text:p>{escape(_text(value))}</text:p></table:table-cell>"


def _ods_ranges(sheets: Sequence[Sheet]) -> str:
    """Mark the tables up: a range with a name and headings is what OpenDocument has for it."""
    ranges = "".join(
        f"<table:database-range table:name={_attribute(f'table_{number}')} table:target-range-address="
        f'{_attribute(_address(sheet))} table:contains-header="true"/>'
        for number, sheet in enumerate(sheets)
        if sheet.columns
    )
    return f"<table:database-ranges>{ranges}</table:database-ranges>"


def _address(sheet: Sheet) -> str:
    first, last = sheet.top + 1, sheet.top + 1 + len(sheet.rows)
    return f"'{sheet.name}'.A{first}:'{sheet.name}'.{_letters(len(sheet.columns))}{last}"


def _letters(column: int) -> str:
    """The name of a column, counted from 1."""
    rest, letter = divmod(column - 1, 26)
    return (_letters(rest) if rest else "") + chr(65 + letter)


def _attribute(text: str) -> str:
    return quoteattr(_text(text))


def _text(value: Value) -> str:
    return _words(value) if isinstance(value, str) else f"{value:.10g}"


@functools.lru_cache(maxsize=10_000)  # the same few words stand in very many cells
def _words(text: str) -> str:
    return _NOT_XML.sub(" ", plain(text))


def xlsx(sheets: Sequence[Sheet], *, title: str) -> bytes:
    """An Excel workbook; parameters as for `ods`."""
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font
    from openpyxl.worksheet.table import Table, TableStyleInfo

    book = Workbook()
    book.remove(book.active)
    for number, sheet in enumerate(sheets):
        own = book.create_sheet(sheet.name)
        lines = [(sheet.title,), *((line,) for line in sheet.lines), *([sheet.columns] if sheet.columns else [])]
        for line in [*lines, *sheet.rows]:
            own.append([_text(value) if isinstance(value, str) else value for value in line])
        for row in own.iter_rows():
            for cell in row:
                if cell.data_type == "f":  # text that begins like a formula is text
                    cell.data_type = "s"
        own["A1"].font = Font(bold=True, size=15)
        for place in range(len(sheet.columns)):
            own.column_dimensions[_letters(place + 1)].width = sheet.width(place)
            own.cell(sheet.top + 1, place + 1).alignment = Alignment(wrap_text=True, vertical="top")
        if sheet.rows:
            area = f"A{sheet.top + 1}:{_letters(len(sheet.columns))}{sheet.top + 1 + len(sheet.rows)}"
            table = Table(displayName=f"table_{number}", ref=area)
            table.tableStyleInfo = TableStyleInfo(name="TableStyleLight1", showRowStripes=False)
            own.add_table(table)
    book.properties.title, book.properties.language = plain(title), LANGUAGE
    book.properties.creator = "yjd"
    book.properties.created = book.properties.modified = _LONG_AGO
    return _same_bytes(book)


def _same_bytes(document: object) -> bytes:
    """Save, and pack again without the time of day and without pictures of the program that wrote it."""
    written = io.BytesIO()
    document.save(written)  # type: ignore[attr-defined]  # both kinds have it
    packed = io.BytesIO()
    with zipfile.ZipFile(written) as found, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for name in found.namelist():
            content = found.read(name)
            if name == "docProps/core.xml":  # openpyxl writes the time of saving, whatever it is told
                content = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>1980-01-01T00:00:00Z", content)
            entry = zipfile.ZipInfo(name, _LONG_AGO.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            out.writestr(entry, content)
    return packed.getvalue()
