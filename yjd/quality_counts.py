"""Counts of records by how their ethnicity was recorded, made in the warehouse. They never leave as they are."""

# ruff: noqa: S608 - the names put into SQL are the package's own tables and columns

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from yjd.schema import TABLES, UNKNOWN

if TYPE_CHECKING:
    import pandas as pd

    from yjd.config import Settings
    from yjd.warehouse import Warehouse

_SEPARATE_KINDS = ("financial_year", "calendar_year", "quarter", "month")  # periods of these never overlap
_KEYS = ("extract", "system", "area", "period")


@dataclass(frozen=True)
class QualityCounts:
    """Counts of records, unprotected: they never leave.

    Attributes
    ----------
    records : DataFrame
        extract, system (of a record of outcomes, else ''), area, period ('' outside of all), recorded ('known' or
        why not), self_known, officer_known, detailed, identified, filled (known by another record of the child),
        changed (another value counts than was recorded) as 0 or 1, and n.
    agreement : DataFrame
        extract, self_heading, officer_heading ('Unknown' too), n: one record for each child, the earliest.
    coverage : DataFrame
        extract, first_day, last_day (days since 1970-01-01).
    """

    records: pd.DataFrame
    agreement: pd.DataFrame
    coverage: pd.DataFrame


def measure_quality(warehouse: Warehouse, settings: Settings) -> QualityCounts:
    """Count the records of every clean table that some extract feeds: two scans a table."""
    import pandas as pd

    kind = next((kind for kind in settings.periods.kinds if kind in _SEPARATE_KINDS), "")
    tables = sorted({extract.table for extract in settings.extracts if not TABLES[extract.table].counts})
    records = [warehouse.query(records_sql(table, kind)) for table in tables]
    both = [warehouse.query(agreement_sql(table)) for table in tables]
    covered = warehouse.query("SELECT extract, first_day, last_day FROM coverage")
    columns = (*_KEYS, "recorded", "self_known", "officer_known", "detailed", "identified", "filled", "changed", "n")
    return QualityCounts(
        pd.concat(records, ignore_index=True) if records else pd.DataFrame(columns=list(columns)),
        pd.concat(both, ignore_index=True)
        if both
        else pd.DataFrame(columns=["extract", "self_heading", "officer_heading", "n"]),
        covered,
    )


def records_sql(table: str, kind: str) -> str:
    """Count the records of one clean table by how their ethnicity was recorded, in DuckDB's dialect."""
    system = "r.record_system" if "record_system" in TABLES[table].columns else "''"
    unknown = f"'{UNKNOWN}'"
    known = f"r.ethnicity_recorded <> {unknown}"
    given = f"r.ethnicity <> {unknown}"
    flags = {
        "self_known": f"r.ethnicity_self <> {unknown}",
        "officer_known": f"r.ethnicity_officer <> {unknown}",
        "detailed": f"{known} AND g.code <> g.heading",
        "identified": "r.child_id IS NOT NULL",
        "filled": f"NOT ({known}) AND {given}",
        "changed": "r.ethnicity <> r.ethnicity_recorded",
    }
    columns = ", ".join(f"CASE WHEN {condition} THEN 1 ELSE 0 END AS {name}" for name, condition in flags.items())
    names = ", ".join((*_KEYS, "recorded", *flags))
    return f"""SELECT {names}, COUNT(*) AS n FROM (
SELECT r.extract AS extract, COALESCE({system}, '') AS system, COALESCE(r.area, {unknown}) AS area,
  COALESCE(p.period, '') AS period,
  CASE WHEN {known} THEN 'known' ELSE COALESCE(r.ethnicity_missing, 'blank') END AS recorded, {columns}
FROM {table} AS r
LEFT JOIN ethnicity_group AS g ON g.code = r.ethnicity_recorded
LEFT JOIN period AS p ON p.kind = '{kind}' AND r.day >= p.start_day AND r.day < p.end_day
) AS flagged
GROUP BY {names}"""


def agreement_sql(table: str) -> str:
    """Count self-defined against officer-observed headings, one record a child: then each is independent.

    Where the officer's is unknown, as many rows as there are children with such a record.
    """
    return f"""SELECT extract, self_heading, officer_heading, COUNT(*) AS n FROM (
SELECT r.extract AS extract, r.child_id AS child_id, s.heading AS self_heading, o.heading AS officer_heading,
  ROW_NUMBER() OVER (
    PARTITION BY r.extract, r.child_id, CASE WHEN o.code = '{UNKNOWN}' THEN 1 ELSE 0 END ORDER BY r.day, r.row_id
  ) AS place
FROM {table} AS r
INNER JOIN ethnicity_group AS s ON s.code = r.ethnicity_self AND s.code <> '{UNKNOWN}'
INNER JOIN ethnicity_group AS o ON o.code = COALESCE(r.ethnicity_officer, '{UNKNOWN}')
) AS self_is_known
WHERE child_id IS NULL OR place = 1
GROUP BY extract, self_heading, officer_heading"""
