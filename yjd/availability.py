"""Whether a stage can be counted in a period and area at all, from what the extracts cover."""

# ruff: noqa: S608 - the names put into SQL are the package's own or checked: see yjd.measures.parse_stage

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yjd.measures import Stage

if TYPE_CHECKING:
    import pandas as pd

    from yjd.warehouse import Warehouse


@dataclass(frozen=True)
class Span:
    """Days from `start` up to, and without, `end`, covered in one area ('' for all)."""

    area: str
    start: int
    end: int


def availability(
    warehouse: Warehouse,
    stages: Sequence[Stage],
    *,
    cube: pd.DataFrame,
    periods: pd.DataFrame,
    areas: Sequence[str],
) -> pd.DataFrame:
    """Give the status of every stage, period and area.

    A period is available where the extracts that feed the stage, or counts supplied for it, cover it wholly.
    Several extracts of one table are taken together; an extract whose rows all lie in one area covers that
    area only. Supplied counts that are all zero do not cover, since an absent table looks
    the same, nor do counts of which one is blank. A stage with a
    follow-up is censored where the extracts do not also reach that many months after the period's last day.
    A public stage is available where it has a count above zero.

    Returns
    -------
    DataFrame
        stage, period, area, status: ok, censored or not_available.
    """
    import pandas as pd

    shown = cube[cube["n"] > 0]
    counted = set(zip(shown["stage"], shown["period"], shown["area"], strict=True))
    rows: list[tuple[str, str, str, str]] = []
    for stage in stages:
        records = [] if stage.public else _record_spans(warehouse, stage)
        supplied = [] if stage.public else _supplied_spans(warehouse, stage)
        for period, start, end in periods[["period", "start_day", "end_day"]].itertuples(index=False):
            reach = _months_after(int(end) - 1, stage.follow_up_months) + 1
            for area in areas:
                if stage.public:
                    status = "ok" if (stage.id, period, area) in counted else "not_available"
                else:
                    status = _status(records, supplied, area, int(start), int(end), reach, adds_up=stage.adds_up)
                rows.append((stage.id, str(period), area, status))
    return pd.DataFrame(rows, columns=["stage", "period", "area", "status"])


def covers(spans: Iterable[Span], area: str, start: int, end: int) -> bool:
    """Whether the spans of an area, taken together, hold every day from start up to end."""
    reached = start
    for span in sorted(spans, key=lambda span: span.start):
        if span.area in ("", area) and span.start <= reached:
            reached = max(reached, span.end)
    return reached >= end


def _status(
    records: Sequence[Span],
    supplied: Sequence[Span],
    area: str,
    start: int,
    end: int,
    reach: int,
    *,
    adds_up: bool,
) -> str:
    if not adds_up:  # then only counts of just this period were taken
        supplied = [span for span in supplied if (span.start, span.end) == (start, end)]
    else:
        supplied = [span for span in supplied if span.start >= start and span.end <= end]
    if covers(supplied, area, start, end):
        return "ok"
    if covers(records, area, start, end):
        return "ok" if covers(records, area, start, reach) else "censored"
    return "not_available"


def _record_spans(warehouse: Warehouse, stage: Stage) -> list[Span]:
    """Find the days that the extracts of a stage's table cover."""
    table = stage.reads[0]
    system = ""
    if stage.systems:
        system = f"INNER JOIN stage_system AS s ON s.stage = '{stage.id}' AND s.record_system = t.record_system "
    spread = warehouse.query(
        "SELECT extract, COUNT(DISTINCT area) AS areas, MIN(area) AS area FROM (SELECT t.extract, "
        "CASE WHEN t.area NOT IN ('Elsewhere', 'Unknown') THEN t.area END AS area "
        f"FROM {table} AS t {system}) AS named GROUP BY extract"
    )
    names = zip(spread["extract"], spread["areas"], spread["area"], strict=True)
    only = {extract: str(area) if count == 1 else "" for extract, count, area in names}
    covered = warehouse.query(f"SELECT extract, first_day, last_day FROM coverage WHERE table_name = '{table}'")
    days = zip(covered["extract"], covered["first_day"], covered["last_day"], strict=True)
    return [Span(only[extract], int(first), int(last) + 1) for extract, first, last in days if extract in only]


def _supplied_spans(warehouse: Warehouse, stage: Stage) -> list[Span]:
    rows = warehouse.query(
        "SELECT area, start_day, end_day FROM counts "
        f"WHERE stage = '{stage.id}' GROUP BY area, start_day, end_day HAVING SUM(n) > 0 AND COUNT(n) = COUNT(*)"
    )
    spans = zip(rows["area"], rows["start_day"], rows["end_day"], strict=True)
    return [Span(str(area), int(start), int(end)) for area, start, end in spans]


def _months_after(day: int, months: int) -> int:
    import pandas as pd

    if not months:
        return day
    epoch = pd.Timestamp(0)
    return int((epoch + pd.Timedelta(days=day) + pd.DateOffset(months=months) - epoch).days)
