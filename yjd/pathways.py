"""The pathways that are analysed, and what the project knows of their stages: unit, part and source of ethnicity."""

# ruff: noqa: S608 - the names put into SQL are the package's own or checked: see yjd.measures.parse_stage

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from yjd.measures import Stage
from yjd.schema import POPULATION, UNKNOWN

if TYPE_CHECKING:
    import pandas as pd

    from yjd.config_extract import Extract
    from yjd.warehouse import Warehouse

OFFICER_SCHEMES = ("officer", "police_uk_officer")  # labels that an officer chose, whatever column they are in


@dataclass(frozen=True)
class Pathway:
    """Stages in order, the base first; `name` ends the measure's name in the results."""

    name: str
    steps: tuple[str, ...]

    def among(self, counted: Collection[str]) -> Pathway | None:
        """The pathway over the stages that are counted; None without its base or its last stage, or with no step."""
        left = tuple(step for step in self.steps if step in counted)
        whole = len(left) > 1 and left[0] == self.steps[0] and left[-1] == self.steps[-1]
        return replace(self, steps=left) if whole else None


_SHARED = (POPULATION, "searches", "arrests", "outcomes")
PATHWAYS = (Pathway("court", (*_SHARED, "court")), Pathway("precourt", (*_SHARED, "precourt")))


def units(stages: Iterable[Stage]) -> dict[str, str]:
    """What each stage counts: child or event."""
    return {stage.id: stage.unit for stage in stages}


def part_of(stages: Iterable[Stage]) -> dict[str, str]:
    """The stage that each stage is a subset of, where it is of one."""
    return {stage.id: stage.part_of for stage in stages if stage.part_of}


def sources(
    warehouse: Warehouse,
    stages: Iterable[Stage],
    extracts: Iterable[Extract] = (),
    *,
    level: Literal["broad", "detailed"] = "broad",
    tolerance: float = 0.05,
) -> dict[str, str]:
    """Whose ethnicity the counted records of each stage carry: self, officer or mixed.

    The source is that of the value which counts. Where a child has one ethnicity for all records, that is the
    source of the child's value, which may come from another record or table, and not what this record says.

    Parameters
    ----------
    warehouse : Warehouse
        With the clean tables, after `yjd.cube.prepare` has run for the stages.
    stages : iterable of Stage
        Those of the pathway.
    extracts : iterable of Extract
        The project's. A column of officers' labels that an extract gives as self-defined ethnicity is known by its
        scheme; a child's value that comes from such a column by way of another extract's record is not. Supplied
        counts are taken as self-defined, as official tables are, unless their scheme is an officer's.
    level : {"broad", "detailed"}
        In a table of detailed groups a stage whose records often give a heading alone is mixed too: it has fewer of
        every detailed group than other stages.
    tolerance : float
        Up to this share of the records with a known ethnicity may differ from the rest before a stage is mixed.

    Returns
    -------
    dict
        Stage to source. The census is self-defined: the population is "self". A stage without any known ethnicity
        is left out.
    """
    officers = [extract.name for extract in extracts if extract.ethnicity.self_defined in OFFICER_SCHEMES]
    by_child = warehouse.exists("child_ethnicity")
    found: dict[str, str] = {}
    for stage in stages:
        if stage.public:
            found[stage.id] = "self"
            continue
        rows = warehouse.query(_sources_sql(stage, by_child=by_child))
        if rows["n"].sum() > 0:
            found[stage.id] = _source(rows, officers, level, tolerance)
    return found


def _source(rows: pd.DataFrame, officers: Collection[str], level: str, tolerance: float) -> str:
    count = rows["n"].astype("int64")
    by_officer = (rows["ethnicity_source"] == "officer") | rows["extract"].isin(list(officers))
    shares: Mapping[str, float] = {
        "officer": count[by_officer].sum() / count.sum(),
        "without_detail": count[rows["heading_only"] == 1].sum() / count.sum(),
    }
    if level == "detailed" and shares["without_detail"] > tolerance:
        return "mixed"
    if shares["officer"] <= tolerance:
        return "self"
    return "officer" if shares["officer"] >= 1 - tolerance else "mixed"


def _sources_sql(stage: Stage, *, by_child: bool) -> str:
    """Counted rows of known ethnicity in the periods of the project: extract, ethnicity_source, heading_only, n."""
    source, child = "t.ethnicity_source", ""
    if by_child:
        source = "COALESCE(c.ethnicity_source, t.ethnicity_source)"
        child = "LEFT JOIN child_ethnicity AS c ON c.child_id = t.child_id\n"
    heading_only = "CASE WHEN g.code = g.heading THEN 1 ELSE 0 END"
    group = f"INNER JOIN ethnicity_group AS g ON g.code = {{}}.ethnicity AND g.code <> '{UNKNOWN}'"
    return f"""SELECT extract, ethnicity_source, heading_only, CAST(SUM(n) AS BIGINT) AS n
FROM (
WITH stage_rows AS (
{stage.sql}
)
SELECT t.extract, {source} AS ethnicity_source, {heading_only} AS heading_only, s.n AS n
FROM stage_rows AS s INNER JOIN {stage.reads[0]} AS t ON t.row_id = s.row_id
{group.format("s")}
{child}WHERE s.day >= (SELECT MIN(start_day) FROM period) AND s.day < (SELECT MAX(end_day) FROM period)
UNION ALL
SELECT t.extract, 'self' AS ethnicity_source, {heading_only} AS heading_only, t.n AS n
FROM counts AS t {group.format("t")}
WHERE t.stage = '{stage.id}' AND t.n IS NOT NULL
) AS counted
GROUP BY extract, ethnicity_source, heading_only"""
