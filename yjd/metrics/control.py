"""Control charts: is a period out of line with the rest, and do the periods drift."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yjd.errors import EstimationError
from yjd.metrics.chart_limits import ChartLimits, Rows, chart_limits
from yjd.metrics.counts import USABLE, Counts, Kind, Side, check_kind, check_per, confidence_levels, first_reason
from yjd.metrics.design import by_child_name, design, inflation
from yjd.metrics.intervals import FloatArray, Limits, StrArray
from yjd.metrics.layout import Estimates, lay_out
from yjd.metrics.series import Breaks, Series, Times, cell_state

THREE_SIGMA = 0.9973002039367398  # a normal value lies within 3 standard deviations so often
_TWO_SIGMA = 0.9544997361036416
FEWEST = 8  # periods of a baseline

Rule = Literal["beyond_limits", "run_of_8", "two_of_three", "trend_of_6"]
RULES: tuple[Rule, ...] = get_args(Rule)
BoolArray = NDArray[np.bool_]


def control_chart(
    counts: pd.DataFrame | Counts,
    *,
    kind: Kind,
    per: float = 1.0,
    times: Times | None = None,
    breaks: Breaks = (),
    baseline: int | None = None,
    limits: ChartLimits = "exact",
    rules: Sequence[Rule] = RULES,
    confidence: float | Sequence[float] = THREE_SIGMA,
) -> pd.DataFrame:
    """Each period beside the limits of chance about a centre line: quantities control and signal.

    Parameters
    ----------
    counts : DataFrame
        Columns as for `yjd.metrics.rate`, with several periods of one kind that do not overlap. Months or
        quarters rather than years: 8 periods are asked for, 12 are better (NHS England, Making Data Count), and
        20 to 25 make limits that hardly move (Montgomery, Introduction to Statistical Quality Control).
    kind : {"proportion", "rate"}
        A p-chart or a u-chart. Both have limits at each period's own base.
    per : float
        Scale of values and limits, such as 1000.
    times : mapping of str to float, optional
        Start of each period in years; without it, periods follow in order of name.
    breaks : sequence of str, or mapping of str to sequence of str, optional
        Periods at which the chart starts afresh with a centre line of its own: for all measures, or by measure. A
        row of status break does so too.
    baseline : int, optional
        The centre line is the rate of the first so many periods after a break, 8 at least; of all by default.
    limits : {"exact", "sigma", "laney"}
        "exact": limits that chance passes with at most half of 1 - confidence on either side, from the Poisson or
        the binomial distribution; they hold at small counts, where those below do not. "sigma": Shewhart's, the
        centre plus and minus 3 standard deviations. "laney": the same times the standard deviation between
        periods, from the mean moving range of the baseline's standardised values over 1.128 (Laney 2002, Quality
        Engineering 14:531-537), but never narrower than "sigma": for large counts, which vary more than chance.
    rules : sequence of {"beyond_limits", "run_of_8", "two_of_three", "trend_of_6"}
        What is a signal at a period: it lies outside the limits; it is the 8th or a later one in a row on one
        side of the centre; it and one of the two before lie beyond 2 standard deviations on one side; it is the
        6th or a later one in a row that rises (or falls) all along. The first three are the Western Electric
        rules (1956), the last is Nelson's third (1984, Journal of Quality Technology 16:237-239). Of normal values
        about a known centre, chance alone sets them off at 0.3, 0.8, 0.2 and 0.3 of 100 points far enough into a
        chart, and at least one of the four somewhere among 24 points in 1 chart of 5 (the first alone: 1 of 16).
    confidence : float or sequence of float
        Of the limits, 3 standard deviations by default; each level is a row.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`. Rows control: the value with its limits as lower and upper, and the
        baseline's totals as reference. Rows signal: `term` is the rule, the estimate 1 or 0, and there are no
        limits. The limits are about a centre that is taken as known. Status too_few where the baseline has fewer
        than 8 periods or all of its children in it; no_events where it has none. A hidden period hides all whose
        centre line it is part of, and every signal whose points it is one of; periods that are censored or not
        available take no part, and a run of points ends at them.

    Raises
    ------
    EstimationError
        If columns are missing, a count is negative, rows repeat a key, a period has no time, or an option has no
        meaning.
    """
    check_kind(kind)
    check_per(per)
    _check_options(limits, rules, baseline)
    levels, data = confidence_levels(confidence), Counts.of(counts)
    chart = _Chart.of(data, kind, times, breaks, baseline)
    inside = [chart_limits(chart.rows, level, kind, limits) for level in levels]
    zone = chart_limits(chart.rows, np.float64(_TWO_SIGMA), kind, limits)
    lower, upper = (np.stack([getattr(found, side) for found in inside], axis=1) for side in ("lower", "upper"))
    method = by_child_name(np.full(len(data.frame), f"{'u' if kind == 'rate' else 'p'}_{limits}"), chart.by_child)
    methods = np.repeat(method[:, None], len(levels), axis=1)
    tables = [
        lay_out(
            data.frame, "control", levels=levels, own=data.own, against=chart.base, status=chart.status,
            found=Estimates(per * chart.value, per * lower, per * upper, methods),
        )
    ]  # fmt: skip
    for number, level in enumerate(levels):
        for rule in rules:
            fired, closed = _RULES[rule](chart, Limits(lower[:, number], upper[:, number]), zone)
            status = np.where(closed & np.isin(chart.status, USABLE), "hidden", chart.status)
            none = np.full((len(data.frame), 1), np.nan)
            tables.append(
                lay_out(
                    data.frame, "signal", levels=np.atleast_1d(level), own=data.own, against=chart.base,
                    status=status, found=Estimates(fired.astype(np.float64), none, none, methods[:, :1]), term=rule,
                )
            )  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def _check_options(limits: str, rules: Sequence[str], baseline: int | None) -> None:
    if limits not in get_args(ChartLimits):
        raise EstimationError("The limits of a chart are exact, sigma or laney.", "Give one, or leave it out.")
    if isinstance(rules, str) or not set(rules) <= set(RULES):
        raise EstimationError("A rule has no meaning.", f"Give a list of {', '.join(RULES)}.")
    if baseline is not None and baseline < FEWEST:
        raise EstimationError(f"A baseline needs {FEWEST} periods.", "Give more periods, or leave it out for all.")


@dataclass(frozen=True)
class _Chart:
    """Rows of a chart with their centre lines. Arrays have shape (rows,)."""

    series: Series
    status: StrArray
    base: Side  # the baseline's totals
    value: FloatArray
    rows: Rows
    by_child: BoolArray
    hidden: BoolArray  # its own cell is
    seen: BoolArray  # it has a value

    @classmethod
    def of(cls, data: Counts, kind: Kind, times: Times | None, breaks: Breaks, baseline: int | None) -> _Chart:
        own, size = data.own, len(data.frame)
        state = cell_state([(own, "no_denominator")], kind)
        state = np.where((state == "ok") & (own.denominator == 0), "no_denominator", state)
        series = Series.of(data.frame, own.status, times=times, breaks=breaks)
        part, segment, segments = _baseline(series, state, baseline)

        def total(values: np.ndarray) -> FloatArray:
            chosen = np.where(part, values, 0.0)
            return np.bincount(segment, weights=chosen, minlength=segments).astype(np.float64)[segment]

        open_ = part & (state == "ok")
        events, whole = total(np.where(open_, own.numerator, 0.0)), total(np.where(open_, own.denominator, 0.0))
        factor = design(own, inflation(data.known(), kind), kind)
        with np.errstate(divide="ignore", invalid="ignore"):
            centre = events / whole
            inflated = total(np.where(open_, factor * own.denominator, 0.0)) / whole
            value = np.where(state == "ok", own.numerator / own.denominator, np.nan)
        closed, rounded = total(state == "hidden") > 0, total(own.disclosure == "rounded") > 0
        status = first_reason(
            [
                (state != "ok", state),
                (closed, "hidden"),
                (total(state == "inconsistent") > 0, "inconsistent"),
                (total(part) < FEWEST, "too_few"),
                (events == 0, "no_events"),
                ((kind == "proportion") & (events >= whole), "too_few"),
            ],
            own.status,
        )
        good = np.isin(status, USABLE)
        order = series.grid(np.arange(size), -1)
        rows = Rows(
            np.where(good, own.denominator, np.nan), np.where(good, centre, np.nan), np.where(good, inflated, 1.0),
            np.where(good & part, value, np.nan), segment, order,
        )  # fmt: skip
        shown = np.select([closed, rounded], ["hidden", "rounded"], "shown").astype(np.str_)
        base = Side(events, whole, np.full(size, "ok"), shown)
        by_child = total(~own.by_child & open_) == 0
        return cls(series, status, base, value, rows, by_child, state == "hidden", state == "ok")

    def before(self, values: np.ndarray, lag: int) -> np.ndarray:
        """Values of the row `lag` periods earlier in the same run; 0, or False, where there is none."""
        grid, run = self.series.grid(values, values.dtype.type(0)), self.series.run
        back = np.zeros_like(grid)
        if lag < grid.shape[1]:
            upto = grid.shape[1] - lag
            back[:, lag:] = np.where(run[:, lag:] == run[:, :upto], grid[:, :upto], back[:, lag:])
        return self.series.rows(back, len(values))

    def window(self, values: BoolArray, length: int) -> BoolArray:
        """Whether it holds at a row and at all of the length - 1 periods before."""
        return np.asarray(np.stack([self.before(values, lag) for lag in range(length)]).all(axis=0))

    def any_hidden(self, length: int) -> BoolArray:
        """Whether a hidden period is among the last so many."""
        return np.asarray(np.stack([self.before(self.hidden, lag) for lag in range(length)]).any(axis=0))


def _baseline(series: Series, state: StrArray, baseline: int | None) -> tuple[BoolArray, NDArray[np.intp], int]:
    """Which rows the centre line is made of, and the number of each row's run among all runs of all series."""
    counted = np.isin(series.grid(state, "absent"), ("ok", "hidden", "inconsistent"))
    runs = int(series.run.max(initial=0)) + 1
    segment = np.arange(len(series.run))[:, None] * runs + series.run
    if baseline is not None:
        so_far = np.cumsum(counted, axis=1)
        starts = np.diff(series.run, axis=1, prepend=-1) > 0
        before_run = np.maximum.accumulate(np.where(starts, so_far - counted, 0), axis=1)
        counted &= so_far - before_run <= baseline
    size = len(state)
    return series.rows(counted, size), series.rows(segment, size), len(series.run) * runs


def _beyond(chart: _Chart, limits: Limits, _: Limits) -> tuple[BoolArray, BoolArray]:
    return _outside(chart, limits) != 0, np.zeros(len(chart.value), dtype=bool)


def _run(chart: _Chart, _: Limits, __: Limits) -> tuple[BoolArray, BoolArray]:
    above, below = chart.value > chart.rows.centre, chart.value < chart.rows.centre
    return chart.window(above, 8) | chart.window(below, 8), chart.any_hidden(8)


def _two_of_three(chart: _Chart, _: Limits, zone: Limits) -> tuple[BoolArray, BoolArray]:
    side = _outside(chart, zone)
    fired = [(side == one) & (chart.before(side == one, 1) | chart.before(side == one, 2)) for one in (1, -1)]
    return fired[0] | fired[1], chart.any_hidden(3)


def _trend(chart: _Chart, _: Limits, __: Limits) -> tuple[BoolArray, BoolArray]:
    known = chart.before(chart.seen, 1)
    earlier = np.where(known, chart.before(chart.value, 1), np.nan)
    return chart.window(chart.value > earlier, 5) | chart.window(chart.value < earlier, 5), chart.any_hidden(6)


def _outside(chart: _Chart, limits: Limits) -> NDArray[np.intp]:
    """1 above the limits, -1 below, 0 within; a limit that was reached is not passed, whatever the rounding."""
    slack = 1e-9 * (1 + np.abs(chart.value))
    return (chart.value > limits.upper + slack).astype(np.intp) - (chart.value < limits.lower - slack)


_RULES: dict[Rule, Callable[[_Chart, Limits, Limits], tuple[BoolArray, BoolArray]]] = {
    "beyond_limits": _beyond, "run_of_8": _run, "two_of_three": _two_of_three, "trend_of_6": _trend,
}  # fmt: skip
