"""From rows in the warehouse to counts: one scan for each stage, then everything is counts.

The *cube* holds each stage's counts at the finest split. *Cells* are its margins, at every published split.
"""

# ruff: noqa: S608 - the names put into SQL are the package's own or checked: see yjd.measures.parse_stage

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from yjd.measures import Stage, sql_folder
from yjd.schema import CUBE_COLUMNS, SPLITS

if TYPE_CHECKING:
    import pandas as pd

    from yjd.config import Settings
    from yjd.warehouse import Warehouse

_DIMENSIONS = (*SPLITS, "ethnicity")
_LISTED = ", ".join(("period", *_DIMENSIONS))


def build_cube(warehouse: Warehouse, stages: Iterable[Stage]) -> pd.DataFrame:
    """Count every stage.

    Parameters
    ----------
    warehouse : Warehouse
        With the clean tables and the reference tables.
    stages : iterable of Stage
        The stages to count.

    Returns
    -------
    DataFrame
        Columns of ``yjd.schema.CUBE_COLUMNS``, one row for each combination that occurs; `n` is int64. A
        child stage counts each child once in each period, at its first row there.
    """
    import pandas as pd

    asked = list(stages)
    prepare(warehouse, asked)
    frames = [warehouse.query(cube_sql(stage)).assign(stage=stage.id) for stage in asked]
    empty = pd.DataFrame(columns=list(CUBE_COLUMNS))
    cube = pd.concat(frames, ignore_index=True)[list(CUBE_COLUMNS)] if frames else empty
    cube["n"] = cube["n"].astype("int64")
    return cube


def cells(cube: pd.DataFrame, warehouse: Warehouse, stages: Sequence[Stage], settings: Settings) -> pd.DataFrame:
    """Roll a cube up to every margin that a project publishes.

    Parameters
    ----------
    cube : DataFrame
        From :func:`build_cube`; it is not changed.
    warehouse : Warehouse
        The same warehouse: it knows the periods, the groups and what the extracts cover.
    stages : sequence of Stage
        The stages of the cube.
    settings : Settings
        Its areas, age bands and splits are used.

    Returns
    -------
    DataFrame
        Columns of ``yjd.schema.CELL_COLUMNS``; see :func:`yjd.margins.roll_up`.
    """
    from yjd.availability import availability
    from yjd.margins import roll_up

    periods = warehouse.query("SELECT period, start_day, end_day FROM period")
    return roll_up(
        cube,
        stages=stages,
        available=availability(warehouse, stages, cube=cube, periods=periods, areas=settings.project.areas),
        groups=warehouse.query("SELECT code, heading, detailed, position FROM ethnicity_group ORDER BY position"),
        areas=settings.project.areas,
        age_bands=settings.analysis.age_bands,
        splits={str(level): given for level, given in settings.analysis.splits.items()},
    )


def prepare(warehouse: Warehouse, stages: Iterable[Stage]) -> None:
    """Make the tables that stages share and no extract feeds: `stage_system`, and those of sql/prepare they read.

    `stage_system` says which record system each stage counts: the first of those in its header that holds any
    record, so that a case recorded by the police and by a youth justice service counts once.
    """
    import pandas as pd

    asked = list(stages)
    if any(stage.systems for stage in asked):
        held = set(warehouse.query("SELECT DISTINCT record_system FROM outcomes")["record_system"])
        chosen = [(stage.id, next((name for name in stage.systems if name in held), None)) for stage in asked]
        frame = pd.DataFrame([pair for pair in chosen if pair[1]], columns=["stage", "record_system"])
        warehouse.write(frame, "stage_system", types={"stage": "VARCHAR", "record_system": "VARCHAR"})
    selects = {
        path.stem: "\n".join(line for line in path.read_text(encoding="utf-8").splitlines() if line[:2] != "--")
        for path in sorted((sql_folder() / "prepare").glob("*.sql"))
    }
    for name in _read(selects, [stage.sql for stage in asked]):
        warehouse.create(name, selects[name])


def _read(selects: Mapping[str, str], texts: Sequence[str]) -> list[str]:
    """Which of the tables some SQL reads, itself or through another of them, those that are read by others first."""
    found: list[str] = []
    for name, select in selects.items():
        if name not in found and any(re.search(rf"\b{name}\b", text) for text in texts):
            found += [*(before for before in _read(selects, [select]) if before not in found), name]
    return list(dict.fromkeys(found))


def cube_sql(stage: Stage) -> str:
    """Wrap a stage's SELECT into the statement that counts it, in DuckDB's dialect."""
    return _public_sql(stage) if stage.public else f"{_records_sql(stage)}\nUNION ALL\n{counts_sql(stage)}"


def _dimensions(alias: str, age_band: str) -> str:
    values = {name: f"{alias}.{name}" for name in _DIMENSIONS} | {"age_band": age_band}
    return ", ".join(f"COALESCE({value}, 'Unknown') AS {name}" for name, value in values.items())


def rows_sql(stage: Stage) -> str:
    """Select the rows of records that the cube counts, with their child and their day, in DuckDB's dialect.

    Columns period, child_id, row_id, day, the dimensions of the cube, n.
    """
    first = "ROW_NUMBER() OVER (PARTITION BY p.period, s.child_id ORDER BY s.day, s.row_id)"
    where = "WHERE r.child_id IS NULL OR r.place = 1" if stage.unit == "child" else ""
    return f"""SELECT period, child_id, row_id, day, {", ".join(_DIMENSIONS)}, n
FROM (
WITH stage_rows AS (
{stage.sql}
), placed AS (
SELECT p.period, s.*, {first if where else "1"} AS place
FROM stage_rows AS s INNER JOIN period AS p ON s.day >= p.start_day AND s.day < p.end_day
)
SELECT r.period, r.child_id, r.row_id, r.day, {_dimensions("r", "COALESCE(r.age_band, b.age_band)")}, r.n
FROM placed AS r LEFT JOIN age_band AS b ON b.age = r.age
{where}
) AS recorded"""


def _records_sql(stage: Stage) -> str:
    """Count records: a child at its first row in each period, an event every time."""
    rows = "stage_rows AS r INNER JOIN period AS p ON r.day >= p.start_day AND r.day < p.end_day"
    columns = ", ".join(f"r.{name}" for name in (*_DIMENSIONS, "age"))
    if stage.unit == "child":
        first = "ROW_NUMBER() OVER (PARTITION BY p.period, r.child_id ORDER BY r.day, r.row_id)"
        placed = f"SELECT p.period, r.child_id, {columns}, r.n, {first} AS place FROM {rows}"
        where = "WHERE r.child_id IS NULL OR r.place = 1"
    else:
        # days first, then periods: a day falls into several periods, and there are fewer days than rows
        daily = f"SELECT r.day, {columns}, SUM(r.n) AS n FROM stage_rows AS r GROUP BY r.day, {columns}"
        placed = f"SELECT p.period, {columns}, r.n FROM ({daily}) AS r {rows.partition('AS r ')[2]}"
        where = ""
    return f"""SELECT {_LISTED}, CAST(SUM(n) AS BIGINT) AS n
FROM (
WITH stage_rows AS (
{stage.sql}
), placed AS (
{placed}
)
SELECT r.period, {_dimensions("r", "COALESCE(r.age_band, b.age_band)")}, r.n
FROM placed AS r LEFT JOIN age_band AS b ON b.age = r.age
{where}
) AS counted
GROUP BY {_LISTED}"""


def counts_sql(stage: Stage) -> str:
    """Take counts that a partner supplied; shorter spans add up unless a child could be in two."""
    within = "c.start_day >= p.start_day AND c.end_day <= p.end_day"
    same = "c.start_day = p.start_day AND c.end_day = p.end_day"
    return f"""SELECT {_LISTED}, CAST(SUM(n) AS BIGINT) AS n
FROM (
SELECT p.period, {_dimensions("c", "c.age_band")}, c.n
FROM counts AS c INNER JOIN period AS p ON {within if stage.adds_up else same}
WHERE c.stage = '{stage.id}' AND c.n IS NOT NULL
) AS supplied
GROUP BY {_LISTED}"""


def _public_sql(stage: Stage) -> str:
    """Give each period the counts whose dates hold its last day, else those without dates.

    Three years hold three person-years for each resident.
    """
    holds = "{0}.start_day < p.end_day AND {0}.end_day >= p.end_day"
    return f"""SELECT {_LISTED}, CAST(SUM(n) AS BIGINT) AS n
FROM (
WITH stage_rows AS (
{stage.sql}
), dated AS (
SELECT DISTINCT p.period, d.area FROM stage_rows AS d INNER JOIN period AS p ON {holds.format("d")}
)
SELECT p.period, {_dimensions("r", "r.age_band")},
  r.n * CASE WHEN p.kind = 'rolling_3_years' THEN 3 ELSE 1 END AS n
FROM stage_rows AS r
INNER JOIN period AS p ON r.start_day IS NULL OR ({holds.format("r")})
LEFT JOIN dated AS d ON d.period = p.period AND d.area = r.area
WHERE r.start_day IS NOT NULL OR d.period IS NULL
) AS counted
GROUP BY {_LISTED}"""
