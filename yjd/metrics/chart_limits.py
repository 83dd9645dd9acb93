"""Limits of a control chart: pure functions on arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from yjd.metrics.counts import Kind
from yjd.metrics.intervals import FloatArray, Limits, normal_quantile

ChartLimits = Literal["exact", "sigma", "laney"]
Chosen = NDArray[np.bool_]

_D2 = 1.128  # mean range of 2 standard normal values, as the chart's author writes it


@dataclass(frozen=True)
class Rows:
    """Points of charts. Shapes (rows,), but `order` (series, periods).

    Attributes
    ----------
    base, centre, factor : array
        The point's base, its centre line and design factor; NaN base and centre where there is no chart.
    baseline : array
        Value of the points that the centre line is made of, NaN of the others.
    segment : array of int
        Points of one number have one centre line.
    order : array of int
        The points of each series in time, -1 for none.
    """

    base: FloatArray
    centre: FloatArray
    factor: FloatArray
    baseline: FloatArray
    segment: NDArray[np.intp]
    order: NDArray[np.intp]


def chart_limits(rows: Rows, confidence: np.float64, kind: Kind, limits: ChartLimits) -> Limits:
    """Lower and upper limit of the rate at each point, shape (rows,); NaN where there is no chart."""
    good = ~np.isnan(rows.centre)
    base, centre = np.where(good, rows.base, 1.0), np.where(good, rows.centre, 0.5)
    if limits == "exact":
        # repeat children: the limits of as many events of different children as say the same
        effective = base / rows.factor
        few, many = exact_limits(effective, centre, kind, (1 - float(confidence)) / 2)
        lower, upper = few / effective, many / effective
    else:
        variance = centre * (1 - centre if kind == "proportion" else 1.0) / base
        wider = np.sqrt(rows.factor)
        if limits == "laney":
            with np.errstate(divide="ignore", invalid="ignore"):
                standardised = np.where(good, (rows.baseline - centre) / np.sqrt(variance), np.nan)
            wider = np.fmax(wider, between_periods(standardised, rows.segment, rows.order))
        half = normal_quantile(confidence) * wider * np.sqrt(variance)
        lower, upper = np.maximum(centre - half, 0.0), centre + half
        upper = np.minimum(upper, 1.0) if kind == "proportion" else upper
    return Limits(np.where(good, lower, np.nan), np.where(good, upper, np.nan))


def exact_limits(base: ArrayLike, rate: ArrayLike, kind: Kind, tail: float) -> Limits:
    """Least and most events within limits: fewer, and more, each come by chance at most with probability `tail`.

    From the Poisson distribution of a rate and the binomial distribution of a proportion, searched on whole
    numbers of events. A base that is not whole extends the binomial distribution by the beta integral.
    """
    n, p = np.broadcast_arrays(np.asarray(base, dtype=np.float64), np.asarray(rate, dtype=np.float64))
    mean = n * p
    most = np.ceil(n) if kind == "proportion" else np.ceil(mean + 40 * np.sqrt(mean) + 1000)

    def more(count: FloatArray, at: Chosen) -> FloatArray:
        """Probability of more events than this."""
        if kind == "rate":
            return np.asarray(special.gammainc(count + 1, mean[at]))
        inside = count < n[at]
        found = special.betainc(count + 1, np.where(inside, n[at] - count, 1.0), p[at])
        return np.where(inside, found, 0.0)

    def no_more(count: FloatArray, at: Chosen) -> FloatArray:
        if kind == "rate":
            return np.asarray(special.gammaincc(count + 1, mean[at]))
        inside = count < n[at]
        found = special.betainc(np.where(inside, n[at] - count, 1.0), count + 1, 1 - p[at])
        return np.where(inside, found, 1.0)

    # the normal quantile with its first correction for skewness is right to within a count nearly everywhere
    z, skewed = special.ndtri(tail), 1 - 2 * p if kind == "proportion" else np.ones(p.shape)
    reach = np.sqrt(mean * (1 - p if kind == "proportion" else 1.0))
    low, high = (np.round(mean + side * z * reach + (z * z - 1) / 6 * skewed) for side in (1, -1))
    # lower: the first count that is too frequent to be outside; upper: the first that is seldom passed
    lower = _first(lambda count, at: no_more(count, at) > tail, low, most)
    upper = _first(lambda count, at: more(count, at) <= tail, high, most)
    if kind == "proportion":
        lower, upper = np.minimum(lower, n), np.minimum(upper, n)
    return Limits(lower, upper)


def _first(holds: Callable[[FloatArray, Chosen], NDArray[np.bool_]], guess: FloatArray, most: FloatArray) -> FloatArray:
    """Smallest count from 0 to `most` at which it holds, for a condition that holds from some count on."""
    guess, every = np.clip(guess, 0.0, most), np.ones(most.shape, dtype=bool)
    here = holds(guess, every)
    beside = np.clip(np.where(here, guess - 1, guess + 1), 0.0, most)
    there = holds(beside, every) & ~(here & (guess == 0))  # nothing below 0 holds
    # it does not hold at low, and holds at high
    low = np.where(here, np.where(there, -1.0, guess - 1), np.where(there, guess, beside))
    high = np.where(here, np.where(there, beside, guess), np.where(there, beside, most))
    while (left := high - low > 1).any():  # few are left where the guess was good
        middle = np.floor((low[left] + high[left]) / 2)
        found = holds(middle, left)
        low[left], high[left] = np.where(found, low[left], middle), np.where(found, middle, high[left])
    return high


def between_periods(values: FloatArray, segment: NDArray[np.intp], order: NDArray[np.intp]) -> FloatArray:
    """Standard deviation of each segment's values from their mean moving range over 1.128 (Laney), shape (rows,)."""
    size = len(values)
    if not size:
        return np.zeros(0)
    # of each series, its last value so far and the segment that it is in
    last, at = np.full(len(order), np.nan), np.full(len(order), -1)
    moved, within = [], []
    for rows in order.T:
        here = np.where(rows >= 0, values[rows], np.nan)
        number = np.where(rows >= 0, segment[rows], -1)
        known = ~np.isnan(here)
        step = known & ~np.isnan(last) & (number == at)
        moved.append(np.abs(here - last)[step])
        within.append(number[step])
        last, at = np.where(known, here, last), np.where(known, number, at)
    number, distance = np.concatenate(within).astype(np.intp), np.concatenate(moved)
    most = int(segment.max()) + 1
    total = np.bincount(number, weights=distance, minlength=most)
    steps = np.bincount(number, minlength=most).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((total / steps / _D2)[segment])
