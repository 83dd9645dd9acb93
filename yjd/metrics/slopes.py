"""Slopes of many short series at once: pure functions on arrays of shape (series, periods)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yjd.metrics.counts import Kind
from yjd.metrics.intervals import FloatArray

_STEPS = 60
_HALVINGS = 30
_CLOSE = 1e-9  # a Newton step below this, on a scale where the run is 2 long: the next would change nothing


@dataclass(frozen=True)
class Slope:
    """Fitted slopes.

    Attributes
    ----------
    value : array, shape (series,)
        Log of the yearly ratio; NaN where there is none.
    influence : array, shape (series, periods)
        By how much one event more in a period moves the value.
    rate : array, shape (series, periods)
        Fitted rate, NaN where a series has no base.
    variance : array, shape (series, periods)
        Variance of the events at the fit: the mean for a rate, binomial for a proportion.
    pearson : array, shape (series,)
        Pearson's chi-squared statistic.
    converged : array of bool, shape (series,)
        Whether the search ended.
    """

    value: FloatArray
    influence: FloatArray
    rate: FloatArray
    variance: FloatArray
    pearson: FloatArray
    converged: NDArray[np.bool_]


def has_slope(events: FloatArray, base: FloatArray, times: FloatArray, kind: Kind) -> NDArray[np.bool_]:
    """Whether a finite slope fits best (Albert and Anderson 1984); shape (series,).

    A rate needs events that lie neither all in the first nor all in the last period. For a proportion no
    time may part the events from the non-events.
    """
    failures = base - events if kind == "proportion" else base
    first_event, last_event = _span(events > 0, times)
    first_other, last_other = _span((failures > 0) & (base > 0), times)
    return np.asarray((last_event > first_other) & (last_other > first_event))


def fit_slope(events: FloatArray, base: FloatArray, times: FloatArray, kind: Kind) -> Slope:
    """Log-linear Poisson slope of a rate, or yearly ratio along a logistic curve of a proportion.

    Maximum likelihood by Newton's method for all series at once, each step halved until the likelihood does
    not fall. Periods with a base of 0 take no part; `has_slope` says which series can be fitted.

    A proportion cannot be multiplied by the same number for ever, so its curve is logistic, and the value is
    the mean yearly change of the log of the fitted proportion between the first and the last period. Where
    proportions are small this is the log-linear slope.
    """
    used = base > 0
    first, last = _span(used, times)
    with np.errstate(invalid="ignore"):
        middle, half = (first + last) / 2, (last - first) / 2
        x = np.where(used, (times - middle[:, None]) / half[:, None], 0.0)
    level, slope, converged = _newton(np.where(used, events, 0.0), np.where(used, base, 0.0), x, kind)
    rate, mean, variance = _fitted(level, slope, base, x, used, kind)
    s0, s1, s2 = (np.where(used, variance * x**power, 0.0).sum(axis=1) for power in range(3))
    by_level, by_slope = _gradient(level, slope, kind)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        determinant = s0 * s2 - s1**2
        constant = (s2 * by_level - s1 * by_slope) / determinant
        linear = (s0 * by_slope - s1 * by_level) / determinant
        influence = (constant[:, None] + linear[:, None] * x) / half[:, None]
        pearson = np.where(used & (variance > 0), (events - mean) ** 2 / variance, 0.0).sum(axis=1)
        value = _change(level, slope, kind) / half
    good = converged & np.isfinite(value) & np.isfinite(influence).all(axis=1)
    return Slope(
        np.where(good, value, np.nan), np.where(used & good[:, None], influence, 0.0),
        np.where(used, rate, np.nan), np.where(used, variance, 0.0), pearson, good,
    )  # fmt: skip


def _span(where: NDArray[np.bool_], times: FloatArray) -> tuple[FloatArray, FloatArray]:
    """First and last time at which something holds; no order can be made of a series in which it never does."""
    some = where.any(axis=1)
    first = np.where(where, times, np.inf).min(axis=1, initial=np.inf)
    last = np.where(where, times, -np.inf).max(axis=1, initial=-np.inf)
    return np.where(some, first, np.nan), np.where(some, last, np.nan)


def _newton(
    events: FloatArray, base: FloatArray, x: FloatArray, kind: Kind
) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """Level and slope on the scale of x, and whether the search ended."""
    total, whole = events.sum(axis=1), base.sum(axis=1)
    slope, converged = np.zeros(len(events)), np.zeros(len(events), dtype=bool)
    with np.errstate(all="ignore"):  # a series that cannot be fitted comes out as not converged
        level = np.log(total / (whole if kind == "rate" else whole - total))
        reached = _likelihood(level, slope, events, base, x, kind)
        for _ in range(_STEPS):
            _, mean, weight = _fitted(level, slope, base, x, base > 0, kind)
            left = events - mean
            g0, g1 = left.sum(axis=1), (left * x).sum(axis=1)
            s0, s1, s2 = (weight.sum(axis=1), (weight * x).sum(axis=1), (weight * x**2).sum(axis=1))
            determinant = s0 * s2 - s1**2
            up, turn = (s2 * g0 - s1 * g1) / determinant, (s0 * g1 - s1 * g0) / determinant
            share = np.ones(len(events))
            for _ in range(_HALVINGS):
                found = _likelihood(level + share * up, slope + share * turn, events, base, x, kind)
                worse = ~(found >= reached - 1e-12 * (1 + np.abs(reached)))
                if not worse.any():
                    break
                share = np.where(worse, share / 2, share)
            moved = np.isfinite(up) & np.isfinite(turn)
            level, slope = np.where(moved, level + share * up, level), np.where(moved, slope + share * turn, slope)
            reached = _likelihood(level, slope, events, base, x, kind)
            converged = moved & (np.maximum(np.abs(up), np.abs(turn)) < _CLOSE)
            if (converged | ~moved).all():
                break
    return level, slope, converged


def _likelihood(
    level: FloatArray, slope: FloatArray, events: FloatArray, base: FloatArray, x: FloatArray, kind: Kind
) -> FloatArray:
    line = level[:, None] + slope[:, None] * x
    cost = np.exp(line) if kind == "rate" else np.logaddexp(0.0, line)
    return np.asarray((events * line - base * cost).sum(axis=1))


def _fitted(
    level: FloatArray, slope: FloatArray, base: FloatArray, x: FloatArray, used: NDArray[np.bool_], kind: Kind
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Rate, expected events and their variance at a level and slope."""
    with np.errstate(all="ignore"):
        line = level[:, None] + slope[:, None] * x
        rate = np.exp(line) if kind == "rate" else 1 / (1 + np.exp(-line))
        mean = np.where(used, base * rate, 0.0)
        spread = mean if kind == "rate" else mean / (1 + np.exp(line))
    return rate, mean, np.where(used, spread, 0.0)


def _change(level: FloatArray, slope: FloatArray, kind: Kind) -> FloatArray:
    """Half the change of the log rate from the first period, x = -1, to the last, x = 1."""
    if kind == "rate":
        return slope
    return np.asarray((np.logaddexp(0.0, slope - level) - np.logaddexp(0.0, -level - slope)) / 2)


def _gradient(level: FloatArray, slope: FloatArray, kind: Kind) -> tuple[FloatArray, FloatArray]:
    """How `_change` moves with the level and with the slope."""
    if kind == "rate":
        return np.zeros_like(level), np.ones_like(slope)
    with np.errstate(all="ignore"):
        at_first, at_last = 1 / (1 + np.exp(level - slope)), 1 / (1 + np.exp(level + slope))
    return (at_last - at_first) / 2, (at_last + at_first) / 2
