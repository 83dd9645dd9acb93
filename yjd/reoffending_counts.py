"""What models of re-offending are fitted on: children by pattern, and how often and how soon they re-offended.

Made in the warehouse from the table `reoffending_index`, so that index day, follow-up and re-offences are those of the
stages. Counts before disclosure control: they stay on the machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from yjd.measures import Stage
from yjd.model_counts import ModelCounts, Outcomes, counted

if TYPE_CHECKING:
    from yjd.warehouse import Warehouse

ROWS = "reoffending_rows"  # child_id, pattern, event (1: each child counts itself)
COHORT, DID = "reoffending_cohort", "reoffenders"
MOST = 50  # re-offences of one child in a year: beyond, an identifier is shared by several children

_AGAIN = f"CASE WHEN COALESCE(i.reoffences, 0) > {MOST} THEN {MOST} ELSE COALESCE(i.reoffences, 0) END"
_DAYS = "CASE WHEN i.reoffences > 0 THEN i.first_day ELSE k.day_12m END - r.day"


def reoffending_counts(
    warehouse: Warehouse,
    stages: Mapping[str, Stage],
    *,
    adjusters: Sequence[str],
    periods: Sequence[str],
    areas: Sequence[str],
    level: str = "broad",
) -> ModelCounts:
    """Count the children of the re-offending cohort by pattern, number of re-offences and days to the first.

    The records, with their child and pattern, stay in the warehouse as the table `ROWS`, for standard errors by
    child: `ByChild(warehouse, ROWS)`.

    Parameters
    ----------
    warehouse : Warehouse
        With the clean tables and the reference tables.
    stages : mapping of str to Stage
        Holds reoffending_cohort and reoffenders.
    adjusters : sequence of str
        As for :func:`yjd.model_counts.record_counts`.
    periods : sequence of str
        Which must not overlap, and for which the stage reoffenders is available: a period that is censored has
        children whose follow-up is not complete. A child counted in one period can be counted again in the next.
    areas : sequence of str
        As configured: children of other areas take no part.
    level : {'broad', 'detailed'}
        Of the ethnic groups.

    Returns
    -------
    ModelCounts
        Its frame has group, the adjusters, fold, pattern, reoffences (of each child, at most `MOST`), days (from the
        index day, which after custody is the day of release, to the day of the first re-offence, or to the day 12
        months on where there is none) and n (children).
    """
    joins = "\nLEFT JOIN reoffending_index AS i ON i.row_id = r.row_id\nLEFT JOIN calendar AS k ON k.day = r.day"
    # a child sums what it contributes whether it re-offended or not
    outcomes = Outcomes({"reoffences": _AGAIN, "days": _DAYS}, joins, ROWS, event="1")
    found = counted(
        warehouse, stages[COHORT], stages[DID],
        adjusters=adjusters, periods=periods, areas=areas, level=level, outcomes=outcomes,
    )  # fmt: skip
    frame = found.frame.rename(columns={"base": "n"}).drop(columns="events")
    return ModelCounts(frame.astype({"reoffences": "int64", "days": "int64"}), found.adjusters, found.flow)
