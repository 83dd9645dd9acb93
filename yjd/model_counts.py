"""What models are fitted on: counts for every pattern of ethnic group and adjusters, made in the warehouse.

Counts before disclosure control: they stay on the machine, and only what `yjd.models` makes of them may leave,
for groups whose own counts may be shown.
"""

# ruff: noqa: S608 - the names put into SQL are the package's own or checked: see yjd.measures.parse_stage

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from yjd.cube import prepare, rows_sql
from yjd.measures import Measure, Stage
from yjd.schema import ALL, ELSEWHERE, SPLITS, TABLES, UNKNOWN

if TYPE_CHECKING:
    import pandas as pd

    from yjd.warehouse import Warehouse

FOLDS = 4  # of children, by a hash of the identifier: a child is in one fold only
ROWS = "model_rows"  # the scratch table: child_id, pattern, event
PRIOR_OUTCOMES = "prior_outcomes"
OF_CELLS = ("period", *SPLITS)  # adjusters that every stage has
OF_RECORDS = (  # adjusters of one table's records, where the stage reads that table alone
    "offence_group", "gravity", "admission", "in_care", "assessed_reoffending", "assessed_harm", "assessed_safety",
)  # fmt: skip
ALL_RECORDS = ("events in the areas and periods", "records of the periods", "in the project's areas")  # of the flow
KNOWN_RECORDS = "of known ethnicity"
_MANY_PRIOR = 3  # from here prior outcomes are one band


@dataclass(frozen=True)
class ModelCounts:
    """The sample of a model.

    Attributes
    ----------
    frame : DataFrame
        group, one column of labels for each adjuster, base and events; for a proportion also fold and pattern.
        Every row has every adjuster and a known group.
    adjusters : tuple of str
        Those that could be had, in the order in which they were asked for.
    flow : tuple of (str, int)
        How many records (of a rate: events) there were at first and after each step of leaving some out.
    """

    frame: pd.DataFrame
    adjusters: tuple[str, ...]
    flow: tuple[tuple[str, int], ...]


def record_counts(
    warehouse: Warehouse,
    measure: Measure,
    stages: Mapping[str, Stage],
    *,
    adjusters: Sequence[str],
    periods: Sequence[str],
    areas: Sequence[str],
    level: str = "broad",
) -> ModelCounts:
    """Count the records of a proportion's base by pattern, and those with the event.

    The records, with their child and pattern, stay in the warehouse as the table `ROWS`, for standard errors by
    child.

    Parameters
    ----------
    warehouse : Warehouse
        With the clean tables and the reference tables.
    measure : Measure
        A proportion; its numerator's rows are among its denominator's.
    stages : mapping of str to Stage
        Holds both.
    adjusters : sequence of str
        Of `OF_CELLS`, `OF_RECORDS` and `PRIOR_OUTCOMES`. Those that the base has no column for, or that no
        record fills, are left out; see `ModelCounts.adjusters`.
    periods : sequence of str
        Which must not overlap. A child counted once in a period can be counted again in the next.
    areas : sequence of str
        As configured: records of other areas take no part.
    level : {'broad', 'detailed'}
        Of the ethnic groups.
    """
    base, top = stages[measure.denominator], stages[measure.numerator]
    return counted(warehouse, base, top, adjusters=adjusters, periods=periods, areas=areas, level=level)


@dataclass(frozen=True)
class Outcomes:
    """What is counted of each record, beside whether it has the event.

    Attributes
    ----------
    columns : mapping of str to str
        Name to SQL: of a record of the base `r` and of what is joined. Patterns are told apart by them too.
    joins : str
        Further joins to `r`.
    rows : str
        The table of the records.
    event : str
        SQL of what stands there as the event of a record `s`.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    joins: str = ""
    rows: str = ROWS
    event: str = "s.event"


def counted(
    warehouse: Warehouse,
    base: Stage,
    top: Stage,
    *,
    adjusters: Sequence[str],
    periods: Sequence[str],
    areas: Sequence[str],
    level: str,
    outcomes: Outcomes | None = None,
) -> ModelCounts:
    """Count the records of a stage by pattern, and those that another stage has as well.

    Parameters
    ----------
    base, top : Stage
        The records, and those with the event.
    outcomes : Outcomes, optional
        What else is counted of each record.
    warehouse, adjusters, periods, areas, level
        As for :func:`record_counts`.
    """
    more = outcomes or Outcomes()
    prepare(warehouse, [base, top])
    wanted = [name for name in adjusters if name in (*OF_CELLS, *_of_records(base))]
    warehouse.create("model_source", _source_sql(base, top, wanted, periods, level, more))
    filled = [name for name in wanted if _share_known(warehouse, name) > 0]
    flow = _complete(warehouse, filled, areas, more)
    return ModelCounts(_patterns(warehouse, [*filled, *more.columns]), tuple(filled), flow)


def resident_counts(
    cube: pd.DataFrame,
    measure: Measure,
    groups: pd.DataFrame,
    *,
    adjusters: Sequence[str],
    periods: Sequence[str],
    areas: Sequence[str],
    level: str = "broad",
) -> ModelCounts:
    """Set events beside residents for every pattern: a pure function on the cube.

    Parameters
    ----------
    cube : DataFrame
        From :func:`yjd.cube.build_cube`, with both stages of the measure.
    measure : Measure
        A rate by residents.
    groups : DataFrame
        code, heading, detailed.
    adjusters, periods, areas, level
        As for :func:`record_counts`. Only dimensions by which the residents are counted can adjust.

    Notes
    -----
    Events of which an adjuster is not known are spread over the others of their group, in proportion (over its
    residents, where it has no others), so that a group keeps all its events. Left out, they would be what the sample
    lacks of the published counts: a few children whose sex or area was not recorded, whose number may be hidden.
    """
    import pandas as pd

    names = dict(zip(groups["code"], groups["heading" if level == "broad" else "detailed"], strict=True))
    within = cube[cube["period"].isin(periods) & cube["area"].isin([*areas, UNKNOWN])]
    labelled = within.assign(group=within["ethnicity"].map(names).fillna(UNKNOWN))
    residents = labelled[labelled["stage"] == measure.denominator]
    filled = [name for name in adjusters if name in OF_CELLS and residents[name].nunique() > 1 - (name == "period")]
    filled = [name for name in filled if not residents[name].isin([ALL, UNKNOWN]).any()]
    keys = ["group", *filled]
    base = residents.groupby(keys)["n"].sum().rename("base")
    events = labelled[labelled["stage"] == measure.numerator].groupby(keys)["n"].sum().rename("events")
    both = pd.concat([base, events], axis=1).fillna(0.0).reset_index()
    known = both["group"] != UNKNOWN
    flow = [(ALL_RECORDS[0], int(both["events"].sum())), (KNOWN_RECORDS, int(both.loc[known, "events"].sum()))]
    kept = both[known & ~both[filled].isin([UNKNOWN, ALL]).any(axis=1) & (both["base"] > 0)]
    every = kept["group"].map(both.groupby("group")["events"].sum())
    complete, resident = (kept.groupby("group")[name].transform("sum") for name in ("events", "base"))
    share = (kept["events"] / complete.where(complete > 0)).fillna(kept["base"] / resident)
    spread = kept.assign(events=every * share)
    return ModelCounts(spread.reset_index(drop=True), tuple(filled), tuple(flow))


def _of_records(stage: Stage) -> tuple[str, ...]:
    """Adjusters that the stage's records have: columns of its one table, and what its record system knows before."""
    if len(stage.reads) != 1 or stage.reads[0] not in TABLES:
        return ()
    columns = [name for name in OF_RECORDS if name in TABLES[stage.reads[0]].columns]
    return (*columns, *([PRIOR_OUTCOMES] if stage.systems else []))


def _column_sql(name: str) -> str:
    if name == PRIOR_OUTCOMES:
        few = f"WHEN COALESCE(q.n, 0) < {_MANY_PRIOR} THEN CAST(COALESCE(q.n, 0) AS VARCHAR)"
        return f"CASE WHEN r.child_id IS NULL THEN '{UNKNOWN}' {few} ELSE '{_MANY_PRIOR} or more' END"
    if name == "gravity":  # a score means nothing without its scheme
        return f"COALESCE(COALESCE(a.gravity_scheme || ' ', '') || a.gravity, '{UNKNOWN}')"
    if name in OF_RECORDS:
        return f"COALESCE(CAST(a.{name} AS VARCHAR), '{UNKNOWN}')"
    return f"r.{name}"


def _source_sql(
    base: Stage, top: Stage, wanted: Sequence[str], periods: Sequence[str], level: str, more: Outcomes
) -> str:
    """Select each record of the base once, with its labels and whether it has the event."""
    labels = {name: _column_sql(name) for name in wanted} | dict(more.columns)
    columns = ", ".join(f"{sql} AS {name}" for name, sql in labels.items())
    listed = ", ".join("'" + period.replace("'", "''") + "'" for period in periods)
    joins = ""
    if any(name in OF_RECORDS for name in wanted):
        joins += f"\nLEFT JOIN {base.reads[0]} AS a ON a.row_id = r.row_id"
    if PRIOR_OUTCOMES in wanted:
        joins += f"\nLEFT JOIN (\n{_prior_sql(base)}\n) AS q ON q.row_id = r.row_id AND q.period = r.period"
    digit = "SUBSTR(MD5(COALESCE(r.child_id, CAST(r.row_id AS VARCHAR))), 1, 1)"
    fold = f"CASE WHEN {digit} < '4' THEN 0 WHEN {digit} < '8' THEN 1 WHEN {digit} < 'c' THEN 2 ELSE 3 END"
    heading = "g.heading" if level == "broad" else "g.detailed"
    return f"""SELECT COALESCE(r.child_id, 'row ' || CAST(r.row_id AS VARCHAR)) AS child_id,
  COALESCE({heading}, '{UNKNOWN}') AS "group", r.area AS place{", " + columns if columns else ""},
  {fold} AS fold, CASE WHEN t.n > 0 THEN 1 ELSE 0 END AS event
FROM (
{rows_sql(base)}
) AS r
LEFT JOIN (
{rows_sql(top)}
) AS t ON t.row_id = r.row_id AND t.period = r.period
LEFT JOIN ethnicity_group AS g ON g.code = r.ethnicity{joins}{more.joins}
WHERE r.period IN ({listed})"""


def _prior_sql(base: Stage) -> str:
    """Count, for each record of the base, the earlier days on which its child was dealt with at all.

    Only as far back as the extracts go (see docs/models.md), and in the record system that the base is counted
    from, as one case can be recorded in several on different days.
    """
    return f"""SELECT b.row_id, b.period, COUNT(*) AS n
FROM (
{rows_sql(base)}
) AS b
INNER JOIN (
SELECT DISTINCT c.child_id, c.day FROM classed_outcomes AS c
INNER JOIN stage_system AS s ON s.stage = '{base.id}' AND s.record_system = c.record_system
WHERE c.tier <> 'none'
) AS o
  ON o.child_id = b.child_id AND o.day < b.day
GROUP BY b.row_id, b.period"""


def _share_known(warehouse: Warehouse, name: str) -> float:
    known = f"SUM(CASE WHEN {name} IN ('{UNKNOWN}', '{ALL}') THEN 0.0 ELSE 1.0 END)"
    (share,) = warehouse.query(f"SELECT {known} / COUNT(*) AS share FROM model_source")["share"]
    return float(share) if share == share and share is not None else 0.0


def _complete(
    warehouse: Warehouse, filled: Sequence[str], areas: Sequence[str], more: Outcomes
) -> tuple[tuple[str, int], ...]:
    """Keep the complete sample as a table and its patterns as `model_patterns`; return the flow."""
    listed = ", ".join("'" + area.replace("'", "''") + "'" for area in areas)
    steps = [
        (ALL_RECORDS[1], f"place <> '{ELSEWHERE}'"),
        (ALL_RECORDS[2], f"place IN ({listed})"),
        (KNOWN_RECORDS, f"\"group\" <> '{UNKNOWN}'"),
        *((f"{name} known", f"{name} NOT IN ('{UNKNOWN}', '{ALL}')") for name in filled),
    ]
    so_far, sums = [], []
    for place, (_, condition) in enumerate(steps):
        so_far.append(condition)
        sums.append(f"CAST(SUM(CASE WHEN {' AND '.join(so_far)} THEN 1 ELSE 0 END) AS BIGINT) AS s{place}")
    numbers = warehouse.query(f"SELECT {', '.join(sums)} FROM model_source").iloc[0].fillna(0)
    keys = ['"group"', *filled, "fold", *more.columns]
    columns = ", ".join(keys)
    where = " AND ".join(so_far)
    warehouse.create(
        "model_patterns",
        f"SELECT {columns}, ROW_NUMBER() OVER (ORDER BY {columns}) - 1 AS pattern, COUNT(*) AS base,"
        f" CAST(SUM(event) AS BIGINT) AS events FROM model_source WHERE {where} GROUP BY {columns}",
    )
    same = " AND ".join(f"p.{name} = s.{name}" for name in keys)
    warehouse.create(
        more.rows,
        f"SELECT s.child_id, p.pattern, {more.event} AS event FROM (SELECT * FROM model_source WHERE {where}) AS s"
        f" INNER JOIN model_patterns AS p ON {same}",
    )
    warehouse.execute("DROP TABLE model_source")
    return tuple((words, int(number)) for (words, _), number in zip(steps, numbers, strict=True))


def _patterns(warehouse: Warehouse, filled: Sequence[str]) -> pd.DataFrame:
    columns = ", ".join(['"group"', *filled, "fold", "pattern", "base", "events"])
    frame = warehouse.query(f"SELECT {columns} FROM model_patterns ORDER BY pattern")
    return frame.astype({"base": "float64", "events": "float64", "pattern": "int64"})
