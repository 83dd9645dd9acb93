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

    From the Poisson distribution of a rate and the binomial distribution of a proportion, by halving on whole
    numbers of events. A base that is not whole extends the binomial distribution by the beta integral.
    """
    n, p = np.broadcast_arrays(np.asarray(base, dtype=np.float64), np.asarray(rate, dtype=np.float64))
    mean = n * p
    most = np.ceil(n) if kind == "proportion" else np.ceil(mean + 40 * np.sqrt(mean) + 1000)

    def above(count: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Probability of more events than this, and of no more."""
        if kind == "rate":
            return np.asarray(special.gammainc(count + 1, mean)), np.asarray(special.gammaincc(count + 1, mean))
        inside = count < n
        rest = np.where(inside, n - count, 1.0)
        more = np.where(inside, special.betainc(count + 1, rest, p), 0.0)
        return more, np.where(inside, special.betainc(rest, count + 1, 1 - p), 1.0)

    # lower: the first count that is too frequent to be outside; upper: the first that is seldom passed
    lower = _first(lambda count: above(count)[1] > tail, most)
    upper = _first(lambda count: above(count)[0] <= tail, most)
    if kind == "proportion":
        lower, upper = np.minimum(lower, n), np.minimum(upper, n)
    return Limits(lower, upper)


def _first(holds: Callable[[FloatArray], NDArray[np.bool_]], most: FloatArray) -> FloatArray:
    """Smallest count from 0 to `most` at which it holds, for a condition that holds from some count on."""
    low, high = np.full(most.shape, -1.0), most.astype(np.float64)
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        found = holds(np.maximum(middle, 0.0)) & (middle >= 0)
        high, low = np.where(found, middle, high), np.where(found, low, middle)
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
