"""The workbook of a release: what most readers of a spreadsheet look for, one table a sheet.

Whatever is not in it is in results.csv, which holds every row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from yjd.reporting.classify import classify
from yjd.reporting.progress_sheets import progress_sheets
from yjd.reporting.spreadsheet import Sheet, Value, ods, xlsx
from yjd.reporting.words import CAUTION, SHORTHAND, Measure, children, order_groups
from yjd.schema import ALL, SPLITS

if TYPE_CHECKING:
    import pandas as pd

_LINES = ("Shorthand in square brackets is explained on the sheet Notes. The table begins below this line.",)


def workbook(results: pd.DataFrame, manifest: Mapping[str, Any]) -> dict[str, bytes]:
    """The workbook as OpenDocument and as Excel.

    Parameters
    ----------
    results : DataFrame
        Columns of `yjd.schema.RESULT_COLUMNS`, as released.
    manifest : mapping
        What release.json says.

    Returns
    -------
    dict of bytes
        ``workbook.ods`` and ``workbook.xlsx``. A row without numbers says why in every cell that would have one.
    """
    pages, title = sheets(results, manifest), str(manifest["title"])
    return {"workbook.ods": ods(pages, title=title), "workbook.xlsx": xlsx(pages, title=title)}


def sheets(results: pd.DataFrame, manifest: Mapping[str, Any]) -> list[Sheet]:
    """Cover, contents and notes, two sheets for each measure (the whole over time, and its parts), and progress."""
    tables = [*_tables(results, manifest), *progress_sheets(results, manifest)]
    contents = Sheet(
        "Contents", "Contents", ["Each sheet has one table."], ["Sheet", "What it has", "Rows"],
        [[page.name, page.title, float(len(page.rows))] for page in tables],
    )  # fmt: skip
    return [_cover(manifest), contents, _notes(manifest), *tables]


def _cover(manifest: Mapping[str, Any]) -> Sheet:
    office = manifest.get("office") or {}
    facts = {
        "Office": office.get("name"), "Contact": office.get("contact"), "Please note": office.get("caveat"),
        "Run": manifest.get("run"), "Areas": ", ".join(map(str, manifest.get("areas", ()))),
        "Made-up records": "Yes: this says nothing about any real child" if manifest.get("demonstration") else "No",
        "Every number": "The file results.csv of the same release has every row in full",
        "How to read it": CAUTION,
    }  # fmt: skip
    rows = [[name, str(value)] for name, value in facts.items() if value]
    return Sheet("Cover", str(manifest["title"]), ["About this workbook."], ["What", "Answer"], rows)


def _notes(manifest: Mapping[str, Any]) -> Sheet:
    rules = (manifest.get("disclosure") or {}).get("rules") or {}
    rows = [[mark, words] for mark, words in SHORTHAND.items()]
    rows.append(["Times the rate", "The rate of the group divided by the rate of the group it is compared with"])
    rows.append(["Limits", "Values outside them are hard to square with the counts; they allow for chance alone"])
    rows += [[f"Rule: {name}", str(value)] for name, value in rules.items() if value != ""]
    rows += [[f"Finding {place}", str(one["text"])] for place, one in enumerate(manifest.get("findings", ()), start=1)]
    for entry in manifest.get("measures", ()):
        definition = entry.get("definition") or {}
        for part in ("numerator", "denominator"):
            if counts := (definition.get(part) or {}).get("counts"):
                rows.append([f"{entry.get('title')}: {part}", str(counts)])
    return Sheet("Notes", "Notes", ["What the marks and words mean, and what was done."], ["Note", "Meaning"], rows)


def _tables(results: pd.DataFrame, manifest: Mapping[str, Any]) -> Iterator[Sheet]:
    """Two sheets for each measure that has rows."""
    headline = manifest["headline"]
    at = (results["confidence"] == headline["confidence"]) & (results["rung"] == "") & (results["term"] == "")
    wanted = results[at & results["quantity"].isin(["rate", "rri"])]
    whole = (wanted[list(SPLITS)] == ALL).all(axis=1)
    labels = {str(entry["period"]): str(entry["label"]) for entry in manifest.get("periods", ())}
    for number, entry in enumerate(manifest.get("measures", ()), start=1):
        measure = Measure.of(entry)
        own = wanted["measure"] == measure.id
        latest = _latest(wanted[own & whole], str(headline["period"]), list(labels))
        parts = wanted[own & ~whole & (wanted["period"] == latest)]
        for letter, rows, words in (
            ("a", wanted[own & whole], "all areas, every period"),
            ("b", parts, f"by area, sex, age and deprivation, {labels.get(latest, latest)}"),
        ):
            if len(rows):
                yield _table(f"{number}{letter}", f"{measure.title}: {words}", rows, measure, labels, manifest)


def _latest(rows: pd.DataFrame, headline: str, order: list[str]) -> str:
    """The headline period, or else the last in which anything is shown."""
    shown = set(rows.loc[rows["estimate"].notna(), "period"])
    return headline if headline in shown or not shown else max(shown, key=[*shown.difference(order), *order].index)


def _table(
    name: str, title: str, rows: pd.DataFrame, measure: Measure, labels: Mapping[str, str], manifest: Mapping[str, Any]
) -> Sheet:
    confidence = f"{100 * manifest['headline']['confidence']:g}%"
    columns = [
        "Period", *(_HEADINGS[split] for split in SPLITS), "Level of ethnic group", "Ethnic group", "Number", "Out of",
        f"Rate for every {measure.per:,.0f}", f"Rate: lower {confidence} limit", f"Rate: upper {confidence} limit",
        "Compared with", "Times the rate", f"Times: lower {confidence} limit", f"Times: upper {confidence} limit",
        "Notes",
    ]  # fmt: skip
    keys = ["period", *SPLITS, "level", "group"]
    split = [
        place for place, one in enumerate(SPLITS, start=1) if (rows[one] == ALL).all()
    ]  # columns that say All only
    rates = rows[rows["quantity"] == "rate"]
    ratios = {
        tuple(row[key] for key in keys): row
        for reference in reversed(list(manifest["references"]))  # the first that is a group of the level is kept
        for row in rows[(rows["quantity"] == "rri") & (rows["reference"] == reference)].to_dict("records")
    }
    place = {group: number for number, group in enumerate(order_groups(rates["group"]))}
    periods = {period: number for number, period in enumerate(labels)}
    found = []
    for row in rates.to_dict("records"):
        ratio = ratios.get(tuple(row[key] for key in keys))
        cells: list[Value] = [labels.get(row["period"], row["period"]), *(row[one] for one in SPLITS)]
        cells += [
            row["level"],
            row["group"],
            *_numbers(row, ("numerator", "denominator", "estimate", "lower", "upper")),
        ]
        cells += ["No comparison", "[z]", "[z]", "[z]"] if ratio is None else [
            children(ratio["reference"]), *_numbers(ratio, ("estimate", "lower", "upper"))
        ]  # fmt: skip
        cells.append("[b]" if row["status"] == "break" else "None")
        order = (periods.get(row["period"], -1), *(row[one] != ALL for one in SPLITS), *(row[one] for one in SPLITS),
                 row["level"], place[row["group"]])  # fmt: skip
        found.append((order, [cell for number, cell in enumerate(cells) if number not in split]))
    kept = [column for number, column in enumerate(columns) if number not in split]
    return Sheet(name, title, _LINES, kept, [cells for _, cells in sorted(found, key=lambda one: one[0])])


_HEADINGS = {"area": "Area", "sex": "Sex", "age_band": "Age", "deprivation": "Fifth of deprivation (1: most)"}


def _numbers(row: Mapping[Any, Any], names: tuple[str, ...]) -> list[Value]:
    """The numbers of a row, or in each of their places why there is none."""
    verdict = classify(row)
    if not verdict.has_numbers:
        return [verdict.shorthand] * len(names)
    return [_number(row[name]) for name in names]


def _number(value: object) -> Value:
    number = float(str(value))
    if number != number:
        return "[z]"
    return "No upper limit" if number == float("inf") else number
