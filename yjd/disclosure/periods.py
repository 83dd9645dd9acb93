"""Which periods are made up of which others: what an outsider can subtract from each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

#: Stands for the days of a period that none of the shorter ones holds.
REST = ""


def related_periods(periods: pd.DataFrame) -> dict[str, list[str]]:
    """Find for each period the shorter ones of one kind that fill it, or most of it.

    Parameters
    ----------
    periods : DataFrame
        Columns period, kind, start_day, end_day (the day after the last).

    Returns
    -------
    dict of str to list of str
        Period to the periods within it, in order of time; only those that hold any. Where they leave days over,
        the last name is ``REST``: the year less its first three quarters is the fourth, published or not.
        Of periods that overlap each other, such as rolling years, the earlier is taken.
    """
    found = {}
    for whole, kind, start, end in periods[["period", "kind", "start_day", "end_day"]].itertuples(index=False):
        inside = periods[(periods["kind"] != kind) & (periods["start_day"] >= start) & (periods["end_day"] <= end)]
        best: list[str] = []
        most = 0
        for _, parts in inside.groupby("kind"):
            names, days = _apart(parts)
            if days > most:
                best, most = names, days
        if best:
            found[str(whole)] = best if most == end - start else [*best, REST]
    return found


def _apart(periods: pd.DataFrame) -> tuple[list[str], int]:
    """Choose periods that do not overlap, the earliest first, and count their days."""
    names: list[str] = []
    days = 0
    reached = None
    in_order = periods.sort_values("start_day", kind="stable")[["period", "start_day", "end_day"]]
    for name, start, end in in_order.itertuples(index=False):
        if reached is None or start >= reached:
            names.append(str(name))
            days, reached = days + int(end - start), end
    return names, days


def overlapping(periods: pd.DataFrame) -> list[tuple[str, str]]:
    """Find pairs of periods that overlap though what they share is not made up of published periods.

    Of two rolling years the difference is known, and from many of them what single years can be, which nobody
    protects unless they are published.

    Parameters
    ----------
    periods : DataFrame
        Columns period, start_day, end_day (the day after the last).

    Returns
    -------
    list of (str, str)
        The earlier one first.
    """
    spans = sorted(
        (int(start), int(end), str(name))
        for name, start, end in periods[["period", "start_day", "end_day"]].itertuples(index=False)
    )
    inside = {(start, end) for start, end, _ in spans}
    found = []
    for place, (start, end, name) in enumerate(spans):
        for later, last, other in spans[place + 1 :]:
            if start < later < end < last and not _filled(later, end, inside):
                found.append((name, other))
    return found


def _filled(start: int, end: int, spans: set[tuple[int, int]]) -> bool:
    """Whether some of these spans, one after the other, lead from the first day to the last."""
    reached = {start}
    for first, last in sorted(spans):
        if first in reached and last <= end:
            reached.add(last)
    return end in reached
