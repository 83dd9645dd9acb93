"""Rare events: the gaps between them, where most periods have none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from yjd.errors import EstimationError
from yjd.metrics.control import FEWEST, THREE_SIGMA
from yjd.metrics.counts import STRATUM, USABLE, Counts, Side, confidence_levels, first_reason
from yjd.metrics.intervals import FloatArray
from yjd.metrics.layout import Estimates, lay_out
from yjd.metrics.series import LastRun, Series, Times, cell_state
from yjd.schema import ALL

_ROUNDING = 1e-9  # of a quotient of logs that is a whole number
_SERIES = [*(name for name in STRATUM if name != "period"), "group"]


def gaps_between_events(counts: pd.DataFrame, *, times: Times | None = None) -> pd.DataFrame:
    """Turn counts by period into gaps between events, for `rare_event_chart`.

    A gap is how much of the base lies between an event and the one before: children (of a proportion), or children
    times periods (of a rate). Where in its period an event fell is not known, so that the events of one period are
    spread evenly over its base; make periods short enough that most have 0 or 1. What lies before the first event
    and after the last is no gap.

    Parameters
    ----------
    counts : DataFrame
        Columns as for `yjd.metrics.rate`, with several periods of one kind that do not overlap.
    times : mapping of str to float, optional
        Start of each period in years; without it, periods follow in order of name.

    Returns
    -------
    DataFrame
        The keys of the counts, group, `period` of the event that ends the gap, gap, status, disclosure. One row an
        event from the second of each series on, in order; one row without a gap for a series with fewer than 2
        events, or which cannot be used because a period of its last unbroken run is hidden, not available or has no
        base. Even the number of rows of a hidden series would tell something.

    Raises
    ------
    EstimationError
        If columns are missing, a count is negative or not whole, rows repeat a key or a period has no time.
    """
    data = Counts.of(counts)
    own = data.own
    open_ = ~own.hidden & np.isin(own.status, USABLE)
    if (own.numerator[open_] % 1 > 0).any():
        raise EstimationError("Gaps can be found between whole events only.", "Give counts that are not rounded.")
    state = cell_state([(own, "no_denominator")], "rate")
    series = Series.of(data.frame, own.status, times=times, breaks=())
    run = LastRun.of(series, state)
    good = run.inside & (run.status == "ok")[:, None]
    events, base = (
        np.where(good, series.grid(values, 0.0), 0.0).astype(np.float64) for values in (own.numerator, own.denominator)
    )
    before = np.cumsum(base, axis=1) - base
    number, column = np.nonzero(events > 0)
    times_each = events[number, column].astype(np.intp)
    within = np.arange(times_each.sum()) - (np.cumsum(times_each) - times_each).repeat(times_each)
    number, column = number.repeat(times_each), column.repeat(times_each)
    share = (within + 0.5) / events[number, column]
    at = before[number, column] + share * base[number, column]
    follows = np.append(False, number[1:] == number[:-1])[: len(number)]
    gap = np.diff(at, prepend=0.0)[follows]
    total = run.side(series, own)
    alone = np.flatnonzero(np.bincount(number[follows], minlength=len(run.last)) == 0)
    rows = np.concatenate([series.position[number[follows], column[follows]], run.at_last(series)[alone]])
    order = np.argsort(np.concatenate([number[follows], alone]), kind="stable")
    which = np.concatenate([number[follows], alone])
    status = first_reason([(run.status != "ok", run.status)], "ok")
    frame = data.frame.iloc[rows][[*STRATUM, "group"]].reset_index(drop=True)
    frame = frame.assign(
        gap=np.concatenate([gap, np.full(len(alone), np.nan)]),
        status=status[which], disclosure=total.disclosure[which],
    )  # fmt: skip
    return frame.iloc[order].reset_index(drop=True)


def rare_event_chart(
    gaps: pd.DataFrame, *, baseline: int | None = None, confidence: float | Sequence[float] = THREE_SIGMA
) -> pd.DataFrame:
    """Gaps between rare events beside the limits of chance, a g chart: quantities gap and gap_signal.

    Where most periods have no event, a chart of counts hardly ever signals; the length of the gaps does better
    (Benneyan 2001, Health Care Management Science 4:305-318). If every unit of the base has the same small
    probability p of an event, the units without one between two events follow the geometric distribution, and p is
    estimated by 1 / (1 + mean gap).

    Parameters
    ----------
    gaps : DataFrame
        One row an event, in the order in which the events happened: columns group and gap, the units of the base
        (children searched, days) between it and the event before; any of measure, period, area, sex, age_band,
        deprivation, level, status, disclosure. Rows with the same keys but period are one series. A gap that is
        absent is a series without gaps. See `gaps_between_events`.
    baseline : int, optional
        The centre is the mean of the first so many gaps, 8 at least; of all by default.
    confidence : float or sequence of float
        Of the limits, that of 3 standard deviations of a normal distribution by default; each level is a row.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`. `term` is the gap's number in its series, since two events can share a
        period. Rows gap: the gap with its limits, 1 event and the gap as its base, and the number of gaps and their
        sum of the baseline as reference. The limits are exact: chance goes below, and above, each with at most half
        of 1 - confidence. The lower is often 0, which no gap can pass. Rows gap_signal: 1 above the upper limit
        (events have become rarer), -1 below the lower (more frequent), else 0. The limits are about a centre that
        is taken as known. Status too_few with fewer than 8 gaps in the baseline, or where all of them are 0.

    Raises
    ------
    EstimationError
        If columns are missing, a gap is negative, or an option has no meaning.
    """
    levels = confidence_levels(confidence)
    if baseline is not None and baseline < FEWEST:
        raise EstimationError(f"A baseline needs {FEWEST} gaps.", "Give more gaps, or leave it out for all.")
    if "gap" not in gaps.columns:
        raise EstimationError("The gaps have no column gap.", "Add it, or rename a column to it.")
    period = gaps["period"].astype("str") if "period" in gaps.columns else pd.Series(ALL, index=gaps.index)
    keys = [name for name in _SERIES if name in gaps.columns]
    place = gaps.groupby(keys, sort=False, dropna=False).cumcount() if keys else pd.Series(0, index=gaps.index)
    # rows of one period are told apart by their number while the frame is checked
    checked = gaps.assign(numerator=1.0, denominator=gaps["gap"], period=place.astype("str"))
    data = Counts.of(checked)
    frame = data.frame.assign(period=period.to_numpy())
    own, number = data.own, place.to_numpy() + 1
    series = frame.groupby(_SERIES, sort=False).ngroup().to_numpy().astype(np.intp)
    size = int(series.max(initial=-1)) + 1
    part = np.ones(len(frame), dtype=bool) if baseline is None else number <= baseline

    def total(values: np.ndarray) -> FloatArray:
        chosen = np.where(part, values, 0.0)
        return np.bincount(series, weights=chosen, minlength=size).astype(np.float64)[series]

    usable = np.isin(own.status, USABLE) & ~own.hidden & ~np.isnan(own.denominator)
    closed, rounded = total(own.hidden) > 0, total(own.disclosure == "rounded") > 0
    gap = np.where(usable, own.denominator, 0.0)
    count, sum_ = total(usable), total(gap)
    status = first_reason(
        [
            (own.hidden | closed, "hidden"),
            (~np.isin(own.status, USABLE), own.status),
            ((count < FEWEST) | (sum_ == 0), "too_few"),
            (~usable, "no_denominator"),
        ],
        own.status,
    )
    good = np.isin(status, USABLE)
    stay = np.log1p(-1 / (1 + np.where(good, sum_ / np.maximum(count, 1.0), 1.0)))[:, None]  # log of 1 - p
    tail = (1 - levels) / 2
    # P(gap < k) = 1 - (1 - p)^k and P(gap > k) = (1 - p)^(k + 1)
    lower = np.floor(np.log1p(-tail) / stay + _ROUNDING)
    upper = np.maximum(np.ceil(np.log(tail) / stay - 1 - _ROUNDING), 0.0)
    method = np.full(lower.shape, "geometric")
    shown = np.select([closed, rounded], ["hidden", "rounded"], "shown").astype(np.str_)
    base = Side(count, sum_, np.full(len(frame), "ok"), shown)
    term = number.astype(np.str_)
    tables = [
        lay_out(
            frame, "gap", levels=levels, own=own, against=base, status=status,
            found=Estimates(own.denominator, lower, upper, method), term=term,
        )
    ]  # fmt: skip
    none = np.full((len(frame), 1), np.nan)
    for place_, level in enumerate(levels):
        fired = (gap > upper[:, place_]).astype(np.float64) - (gap < lower[:, place_])
        tables.append(
            lay_out(
                frame, "gap_signal", levels=np.atleast_1d(level), own=own, against=base, status=status,
                found=Estimates(fired, none, none, method[:, :1]), term=term,
            )
        )  # fmt: skip
    return pd.concat(tables, ignore_index=True)
