"""One ethnicity for each child whose records carry different ones, and how often they disagree.

Every function returns SQL in DuckDB's dialect for tables that `yjd.ethnicity` has filled in. What each rule
means is in `child_ethnicity_sql`; docs/ethnicity.md says it in plain words.
"""

# ruff: noqa: S608 - the names put into SQL are the package's own tables and rules

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from yjd.schema import UNKNOWN

if TYPE_CHECKING:
    from yjd.ethnicity import Source

ChildRule = Literal["most_recent_self_defined", "most_frequent", "as_recorded"]
_ROWS_OF_A_TABLE: Final = 10**14  # more than any row_id, so that `place` orders by table and then by row_id
_BEFORE_ANY_DAY: Final = -10_000_000  # stands for a record without a date, which is older than every other


def _known_values(tables: Sequence[str], source: Source) -> str:
    """Return CTEs: each record of a child (`recorded`), those with a known value of the best source (`usable`)."""
    recorded = "\n  UNION ALL\n".join(
        f"  SELECT child_id, COALESCE(day, {_BEFORE_ANY_DAY}) AS day, {order * _ROWS_OF_A_TABLE} + row_id AS place,"
        f" ethnicity_self, ethnicity_officer FROM {table} WHERE child_id IS NOT NULL"
        for order, table in enumerate(tables, start=1)
    )
    wanted = {"self": ("self",), "officer": ("officer",), "self_then_officer": ("self", "officer")}[source]
    known = "\n  UNION ALL\n".join(
        f"  SELECT r.child_id, r.day, r.place, {priority} AS priority, '{name}' AS source,"
        " g.code, g.heading, CASE WHEN g.code = g.heading THEN 1 ELSE 0 END AS no_detail\n"
        f"  FROM recorded AS r INNER JOIN ethnicity_group AS g ON g.code = r.ethnicity_{name}"
        f" WHERE g.code <> '{UNKNOWN}'"
        for priority, name in enumerate(wanted, start=1)
    )
    usable = "SELECT * FROM known"
    if len(wanted) > 1:
        usable = (
            "SELECT known.* FROM known INNER JOIN\n"
            "    (SELECT child_id, MIN(priority) AS priority FROM known GROUP BY child_id) AS best\n"
            "    ON best.child_id = known.child_id AND best.priority = known.priority"
        )
    return f"""recorded AS NOT MATERIALIZED (
{recorded}
), known AS (
{known}
), usable AS NOT MATERIALIZED (
  {usable}
)"""


# How each rule orders a child's known values, best first. `in_heading` is the place of the latest value
# with the same heading (most_recent: on the same day), so that a detailed group comes before its own
# heading and before no other.
_RULES: Final[Mapping[ChildRule, tuple[str, str]]] = MappingProxyType({
    "most_recent_self_defined": ("child_id, day, heading", "in_heading, no_detail, latest"),
    "most_frequent": ("child_id, heading", "n_heading DESC, in_heading, no_detail, n_code DESC, latest"),
})  # fmt: skip


def child_ethnicity_sql(
    tables: Sequence[str], *, rule: ChildRule = "most_recent_self_defined", source: Source = "self"
) -> str:
    """Return the query that makes the table `child_ethnicity`: one row for each child with an identifier.

    - most_recent_self_defined: the known value of the latest day; on one day the first table, then the
      lowest row_id. A detailed group recorded on that day comes before its own heading. Under
      'self_then_officer' a child with any known self-defined value never gets an officer's.
    - most_frequent: the heading on most records, inside it the detailed group on most; ties go to the
      latest.
    - as_recorded: no value (NULL), so that every record keeps its own; disagreements are counted all the
      same.

    Parameters
    ----------
    tables : sequence of str
        Clean tables of records, in the order that settles ties.
    rule : {'most_recent_self_defined', 'most_frequent', 'as_recorded'}
        How one value is chosen.
    source : {'self', 'self_then_officer', 'officer'}
        Whose values may be chosen.

    Returns
    -------
    str
        Columns `child_id`, `ethnicity` (code, 'Unknown' if no record has a known value),
        `ethnicity_source`, `n_records` (records with a known value of the source used), `n_values`
        (different codes), `disagrees` and `disagrees_broad` (0 or 1: more than one detailed group or
        heading; more than one heading). A heading beside one of its own detailed groups is no disagreement.
    """
    if not tables:
        raise ValueError("child_ethnicity_sql needs at least one table of records")
    if rule == "as_recorded":
        ethnicity, origin, partition, order = "NULL", "NULL", *_RULES["most_recent_self_defined"]
    else:
        ethnicity, origin = f"COALESCE(chosen.code, counted.only_code, '{UNKNOWN}')", "COALESCE(counted.source, 'none')"
        partition, order = _RULES[rule]
    # Few children have more than one value, so only theirs are put in order: one row a value, its latest record.
    return f"""WITH {_known_values(tables, source)}, value_of_child AS (
  SELECT child_id, source, code, heading, no_detail, MAX(day) AS day, COUNT(*) AS n_code
  FROM usable GROUP BY child_id, source, code, heading, no_detail
), counted AS (
  SELECT child_id, CAST(SUM(n_code) AS BIGINT) AS n_records, COUNT(*) AS n_values,
    CASE WHEN MIN(heading) <> MAX(heading) THEN 1 ELSE 0 END AS headings_differ,
    SUM(1 - no_detail) AS n_detailed, MIN(code) AS only_code, MIN(source) AS source
  FROM value_of_child GROUP BY child_id
), dated AS (
  SELECT v.child_id, v.code, v.heading, v.no_detail, v.day, v.n_code, MIN(u.place) AS place
  FROM value_of_child AS v
  INNER JOIN counted ON counted.child_id = v.child_id AND counted.n_values > 1
  INNER JOIN usable AS u ON u.child_id = v.child_id AND u.code = v.code AND u.day = v.day
  GROUP BY v.child_id, v.code, v.heading, v.no_detail, v.day, v.n_code
), numbered AS (
  SELECT dated.*, ROW_NUMBER() OVER (PARTITION BY child_id ORDER BY day DESC, place) AS latest,
    SUM(n_code) OVER (PARTITION BY child_id, heading) AS n_heading
  FROM dated
), placed AS (
  SELECT numbered.*, MIN(latest) OVER (PARTITION BY {partition}) AS in_heading FROM numbered
), ranked AS (
  SELECT child_id, code, ROW_NUMBER() OVER (PARTITION BY child_id ORDER BY {order}) AS rank_of_value
  FROM placed
), chosen AS (
  SELECT child_id, code FROM ranked WHERE rank_of_value = 1
), child AS (
  SELECT DISTINCT child_id FROM recorded
)
SELECT child.child_id,
  CAST({ethnicity} AS VARCHAR) AS ethnicity,
  CAST({origin} AS VARCHAR) AS ethnicity_source,
  COALESCE(counted.n_records, 0) AS n_records,
  COALESCE(counted.n_values, 0) AS n_values,
  CASE WHEN counted.headings_differ = 1 OR counted.n_detailed > 1 THEN 1 ELSE 0 END AS disagrees,
  COALESCE(counted.headings_differ, 0) AS disagrees_broad
FROM child
LEFT JOIN chosen ON chosen.child_id = child.child_id
LEFT JOIN counted ON counted.child_id = child.child_id"""


def disagreement_sql() -> str:
    """Return SQL that sums `child_ethnicity` up: `children`, `known`, `shared` and who among them disagrees.

    `shared` are the children with a known value on two or more records, the only ones who can disagree.
    """
    return """SELECT COUNT(*) AS children,
  CAST(COALESCE(SUM(CASE WHEN n_records > 0 THEN 1 ELSE 0 END), 0) AS BIGINT) AS known,
  CAST(COALESCE(SUM(CASE WHEN n_records > 1 THEN 1 ELSE 0 END), 0) AS BIGINT) AS shared,
  CAST(COALESCE(SUM(disagrees), 0) AS BIGINT) AS disagree,
  CAST(COALESCE(SUM(disagrees_broad), 0) AS BIGINT) AS disagree_broad
FROM child_ethnicity"""


def agreement_sql(table: str) -> str:
    """Return SQL for self-defined against officer-observed headings: `self_heading`, `officer_heading`, `n`.

    Officers' schemes have no Mixed, so children who call themselves Mixed can never agree: leave them out
    of a share.
    """
    return f"""SELECT s.heading AS self_heading, o.heading AS officer_heading, COUNT(*) AS n
FROM {table} AS r INNER JOIN ethnicity_group AS s ON s.code = r.ethnicity_self
  INNER JOIN ethnicity_group AS o ON o.code = r.ethnicity_officer
GROUP BY s.heading, o.heading
ORDER BY MIN(s.position), MIN(o.position)"""
