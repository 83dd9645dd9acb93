"""What can be wrong although every row is right: counts that overlap, and spans that nobody stated."""

# ruff: noqa: S608 - the names put into SQL are this module's own

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from yjd.errors import SchemaError
from yjd.schema import ALL, ELSEWHERE, POPULATION, SPLITS, TABLES, UNKNOWN

if TYPE_CHECKING:
    from yjd.config_extract import Extract
    from yjd.warehouse import Warehouse

# A population without a period stands in where no dated one is supplied: it overlaps others of its kind alone.
_UNDATED = (-10_000_001, -10_000_000)


def refuse_overlaps(warehouse: Warehouse) -> None:
    """Stop where the same children would be counted twice.

    Two counts overlap where stage, area and ethnic group are the same, no sex, age band or deprivation keeps them
    apart, their spans share a day, and they come from two extracts or for two spans. Rows of one extract for one span
    are parts of one count. Areas outside the project's may well come from several partners.

    Raises
    ------
    SchemaError
        Names the extracts and the stage of every overlap, and no value.
    """
    problems = []
    for table, stage in (("counts", "stage"), ("population", f"'{POPULATION}'")):
        found = warehouse.query(_overlaps(table, stage))
        for one, other, counted in zip(found["one"], found["other"], found["stage"], strict=True):
            who = f"{one} gives" if one == other else f"{one} and {other} give"
            problems.append(f"{who} {counted} more than once for the same area, ethnic group and days")
    if problems:
        raise SchemaError(
            f"Children would be counted twice: {'; '.join(problems)}.",
            "Leave one of the extracts out, give each its own `period`, or leave out the rows of the shorter spans.",
        )


def _overlaps(table: str, stage: str) -> str:
    """Pairs of extracts, `one` and `other` (perhaps the same), with the `stage` that both count."""
    apart = " AND ".join(f"(a.{name} = b.{name} OR a.{name} = '{ALL}' OR b.{name} = '{ALL}')" for name in SPLITS[1:])
    kinds = ", ".join(f"COALESCE({name}, '{UNKNOWN}') AS {name}" for name in SPLITS[1:])
    return f"""WITH counted AS (
  SELECT DISTINCT extract, {stage} AS stage, area, ethnicity, {kinds},
    COALESCE(start_day, {_UNDATED[0]}) AS start_day,
    COALESCE(end_day, {_UNDATED[1]}) AS end_day
  FROM {table} WHERE area NOT IN ('{ELSEWHERE}', '{UNKNOWN}')
)
SELECT DISTINCT a.extract AS one, b.extract AS other, a.stage AS stage
FROM counted AS a INNER JOIN counted AS b
  ON a.stage = b.stage AND a.area = b.area AND a.ethnicity = b.ethnicity
WHERE a.start_day < b.end_day AND b.start_day < a.end_day AND {apart}
  AND (a.extract < b.extract
    OR (a.extract = b.extract AND (a.start_day < b.start_day
      OR (a.start_day = b.start_day AND a.end_day < b.end_day))))
ORDER BY one, other, stage"""


def unstated_spans(extracts: Sequence[Extract]) -> list[dict[str, str]]:
    """Findings for extracts of which the configuration does not say what days they stand for."""
    texts = []
    for extract in extracts:
        if not TABLES[extract.table].counts and extract.covers is None:
            texts.append(
                f"{extract.name}: `covers` is not set, so the days of its first and last row were taken as "
                "what it covers."
            )
        if extract.table == POPULATION and extract.period is None:
            texts.append(f"{extract.name}: `period` is not set, so one population stands for every period.")
    return [{"severity": "note", "text": text} for text in texts]
