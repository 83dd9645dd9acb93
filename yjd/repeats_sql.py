"""The statements behind `yjd.repeats`: each child's events, squared and summed where the records are.

Children, places and cells are whole numbers in all that is grouped or joined: `child_number` numbers the children,
`child_place` every combination of period, dimensions and ethnicity that occurs. `child_events` has what each child
brings to each place, and `child_cell` says which cells of the published margins a place belongs to.
"""

# ruff: noqa: S608 - the names put into SQL are the package's own or checked: see yjd.measures.parse_stage

from __future__ import annotations

from dataclasses import dataclass

from yjd import cube
from yjd.measures import Measure, Stage
from yjd.schema import ELSEWHERE, SPLITS, UNKNOWN

PLACE = ("period", *SPLITS, "ethnicity")


@dataclass(frozen=True)
class Plan:
    """The measures, and the stages whose records children bring along."""

    measures: list[Measure]
    stages: list[Stage]

    @property
    def columns(self) -> list[str]:
        """Column of each stage in `child_events`."""
        return [f"n{place}" for place in range(len(self.stages))]

    def column(self, stage: str) -> str:
        """Column of a stage; 0 for one that no child brings along, such as a population."""
        return next((f"n{place}" for place, own in enumerate(self.stages) if own.id == stage), "0")


def rows_sql(plan: Plan) -> str:
    """Select what each stage counts, in the scope of the published cells: `child_rows`."""
    parts = []
    for place, stage in enumerate(plan.stages):
        counts = ", ".join(f"{'r.n' if own == place else '0'} AS n{own}" for own in range(len(plan.stages)))
        listed = ", ".join(f"r.{name}" for name in (*PLACE, "child_id"))
        parts.append(f"SELECT {listed}, {counts} FROM (\n{_stage_sql(stage)}\n) AS r WHERE r.n > 0")
    values = {name: f"r.{name}" for name in PLACE}
    values |= {"area": f"COALESCE(a.area, '{UNKNOWN}')", "ethnicity": f"COALESCE(g.code, '{UNKNOWN}')"}
    listed = ", ".join(f"{value} AS {name}" for name, value in values.items())
    together = "\nUNION ALL\n".join(parts)
    return f"""SELECT {listed}, r.child_id, {", ".join(f"r.{name}" for name in plan.columns)}
FROM (
{together}
) AS r
LEFT JOIN area AS a ON a.area = r.area
LEFT JOIN ethnicity_group AS g ON g.code = r.ethnicity
WHERE r.area <> '{ELSEWHERE}'"""


def _stage_sql(stage: Stage) -> str:
    """Select the rows that the cube counts, each with its child; counts from a partner come without one."""
    listed = ", ".join((*PLACE, "n"))
    return f"""SELECT child_id, {listed} FROM (
{cube.rows_sql(stage)}
) AS recorded
UNION ALL
SELECT CAST(NULL AS VARCHAR) AS child_id, {listed} FROM (
{cube.counts_sql(stage)}
) AS supplied"""


NUMBERS_SQL = """SELECT child_id, ROW_NUMBER() OVER (ORDER BY child_id) AS child
FROM (SELECT DISTINCT child_id FROM child_rows WHERE child_id IS NOT NULL) AS c"""

PLACES_SQL = f"""SELECT {", ".join(PLACE)}, ROW_NUMBER() OVER (ORDER BY {", ".join(PLACE)}) AS place
FROM (SELECT DISTINCT {", ".join(PLACE)} FROM child_rows) AS p"""

IN_TWO_GROUPS_SQL = """SELECT COUNT(*) AS children FROM (
SELECT e.child FROM child_events AS e INNER JOIN child_place AS p ON p.place = e.place
WHERE e.child IS NOT NULL GROUP BY e.child HAVING MIN(p.ethnicity) <> MAX(p.ethnicity)
) AS c"""


def events_sql(plan: Plan) -> str:
    """Count what each child brings to each place; all rows without a child are one row of their place."""
    same = " AND ".join(f"p.{name} = r.{name}" for name in PLACE)
    return f"""SELECT p.place, c.child, {_sum_of_each(plan, "r")}
FROM child_rows AS r INNER JOIN child_place AS p ON {same} LEFT JOIN child_number AS c ON c.child_id = r.child_id
GROUP BY p.place, c.child"""


def _sum_of_each(plan: Plan, alias: str) -> str:
    # whole numbers as doubles are exact, and summed faster than as whole numbers
    return ", ".join(f"SUM(CAST({alias}.{name} AS DOUBLE)) AS {name}" for name in plan.columns)


def _children_sql(plan: Plan, where: str = "") -> str:
    return f"""SELECT m.cell, e.child, {_sum_of_each(plan, "e")}
FROM child_events AS e INNER JOIN child_cell AS m ON m.place = e.place
{where}
GROUP BY m.cell, e.child"""


def sums_sql(plan: Plan) -> str:
    """Square and sum. p: products. Of each stage: q, the squares; all, its rows; nobody, those without a child.

    And children, those who bring any, a row without a child being one; most, what one of them brings.
    """

    def total(child: str, nobody: str) -> str:
        return f"SUM(CASE WHEN c.child IS NULL THEN {nobody} ELSE {child} END)"

    sums = []
    for place, name in enumerate(plan.columns):
        sums.append(f"{total(f'c.{name} * c.{name}', f'c.{name}')} AS q{place}")
        sums.append(f"{total(f'c.{name}', f'c.{name}')} AS all{place}, {total('0.0', f'c.{name}')} AS nobody{place}")
        some = f"CASE WHEN c.{name} > 0 THEN 1.0 ELSE 0.0 END"
        sums.append(f"{total(some, f'c.{name}')} AS children{place}")
        sums.append(f"MAX(CASE WHEN c.child IS NOT NULL THEN c.{name} WHEN c.{name} > 0 THEN 1.0 END) AS most{place}")
    for place, measure in enumerate(plan.measures):
        above, below = plan.column(measure.numerator), plan.column(measure.denominator)
        if below != "0":
            # an event without a child is its own child, and where it is part of its base so is its base
            nobody = f"c.{above}" if measure.kind == "proportion" else "0.0"
            sums.append(f"{total(f'c.{above} * c.{below}', nobody)} AS p{place}")
    return f"SELECT c.cell, {', '.join(sums)}\nFROM (\n{_children_sql(plan)}\n) AS c\nGROUP BY c.cell"


def shared_sql(plan: Plan) -> str:
    """Multiply what each child brings to a cell of one period and to the same of another (`child_cell_pair`)."""
    sums = []
    for place, measure in enumerate(plan.measures):
        y, x = plan.column(measure.numerator), plan.column(measure.denominator)
        for name, first, second in (("yy", y, y), ("yx", y, x), ("xy", x, y), ("xx", x, x)):
            product = "0.0" if "0" in (first, second) else f"f.{first} * t.{second}"
            sums.append(f"SUM(CAST({product} AS DOUBLE)) AS {name}{place}")
    children = _children_sql(plan, "WHERE e.child IS NOT NULL")
    return f"""WITH children AS MATERIALIZED (
{children}
)
SELECT p.pair, {", ".join(sums)}
FROM children AS f INNER JOIN child_cell_pair AS p ON p.from_cell = f.cell
INNER JOIN children AS t ON t.cell = p.cell AND t.child = f.child
GROUP BY p.pair"""
