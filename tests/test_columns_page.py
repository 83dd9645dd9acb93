"""docs/columns.md is what the schema declares, word for word; `python -m tests.test_columns_page` writes it anew."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pandas as pd

from yjd import ethnicity
from yjd.config import Analysis
from yjd.extracts.clean import LONGEST_TEXT
from yjd.measures import stages
from yjd.schema import ALL, ELSEWHERE, QUINTILES, SEXES, TABLES, UNKNOWN, Column, ColumnType, Table

PAGE = Path(__file__).parents[1] / "docs" / "columns.md"
TYPES = {
    "text": f"any text of up to {LONGEST_TEXT} characters",
    "date": "a day, written as `dates` says (`YYYY-MM-DD` unless it says otherwise)",
    "whole": "a whole number, 0 or more; `12.0` is one too",
    "age": "a whole number of years",
    "flag": "1, yes, y or true; 0, no, n or false",
    "label": "one of the values listed, or what `labels` maps onto one",
    "area": f"one of the project's `areas`, {ELSEWHERE} or {UNKNOWN}; `other_areas` says what becomes of the rest",
    "sex": f"{', '.join(SEXES)}; F and M are known; {ALL} in tables of counts",
    "age_band": f"one of `age_bands` under `[analysis]` ({', '.join(Analysis().age_bands)} unless it says otherwise), "
                f"or {UNKNOWN}; {ALL} in tables of counts",
    "deprivation": f"{', '.join(QUINTILES)}, or {UNKNOWN}; tenths through `labels`, all ten of them",
    "ethnicity": "a label of the scheme that `ethnicity` names, or one of `ethnicity.labels`",
}  # fmt: skip

_ABOUT = """\
What each kind of extract can hold, as `yjd` reads it. `columns` in yjd.toml gives the partner's name for each of these,
`constants` a value for all rows, `labels` the partner's words for the values; [how to](how-to.md) shows it. A column
that is needed has to be given by one of the first two. Everything else may be left out: what cannot be counted or split
without it is then not available, or Unknown.
"""


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _column(name: str, column: Column) -> str:
    needed = "yes, in every row" if column.filled else "yes" if column.required else ""
    values = f": {', '.join(f'`{value}`' for value in column.values)}" if column.values else ""
    own = "; no value comes twice" if column.identifier else ""
    return _row(f"`{name}`", column.type.replace("_", " "), needed, f"{column.meaning}{values}{own}")


def _table(name: str, table: Table) -> Iterator[str]:
    yield f"## {name}\n"
    yield f"{table.meaning[:1].upper()}{table.meaning[1:]}.\n"
    read_by = [stage.title for stage in stages().values() if name in stage.reads]
    if read_by:
        yield f"Counted from it: {'; '.join(read_by)}.\n"
    if not table.counts:
        youngest, oldest = table.ages
        yield f"Rows of ages outside {youngest} to {oldest} are out of scope.\n"
    if table.order:
        pairs = "; ".join(f"`{first}` before or on `{second}`" for first, second in table.order)
        yield f"Dates come in order, else the row is set aside: {pairs}.\n"
    yield _row("column", "type", "needed", "meaning")
    yield _row("---", "---", "---", "---")
    yield from (_column(column, declared) for column, declared in table.columns.items())
    yield ""


def _schemes() -> Iterator[str]:
    yield "## Labels of ethnicity\n"
    yield "Capitals, spaces and the kind of dash make no difference. [Ethnicity](ethnicity.md) says what each is for.\n"
    yield _row("scheme", "group", "labels")
    yield _row("---", "---", "---")
    table = ethnicity.crosswalk()
    table = table.assign(group=table["ethnicity"] + table["missing_reason"].map(_reason))
    for (scheme, group), rows in table.groupby(["scheme", "group"], sort=False):
        yield _row(f"`{scheme}`", str(group), "; ".join(f"`{label}`" for label in rows["label"]))


def _reason(reason: object) -> str:
    return "" if pd.isna(reason) else f" ({str(reason).replace('_', ' ')})"  # type: ignore[call-overload]


def page() -> str:
    """The whole page."""
    lines = [
        "# Columns and vocabularies\n",
        _ABOUT,
        "This page is made from the package's own declarations: `python -m tests.test_columns_page`.\n",
        "## Types\n",
        _row("type", "what it takes"),
        _row("---", "---"),
        *(_row(name.replace("_", " "), words) for name, words in TYPES.items()),
        "",
    ]
    for name, table in TABLES.items():
        lines += _table(name, table)
    return "\n".join([*lines, *_schemes()]) + "\n"


def test_the_page_is_what_the_package_declares() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_type_is_told() -> None:
    assert set(TYPES) == set(get_args(ColumnType))


def test_every_row_of_a_table_has_its_cells() -> None:
    for line in page().splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) in (3, 4, 5), line


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
