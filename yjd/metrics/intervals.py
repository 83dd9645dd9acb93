"""Confidence intervals on arrays: pure functions, nothing about frames.

Every function broadcasts its arguments, takes `confidence` as a number or an array, and returns the lower and
the upper limits. In names and formulas `a` events of `A` are the group's and `b` of `B` the reference's.
Counts need not be whole: beta and gamma quantiles and the score equations extend continuously. Where a limit
does not exist (a base of 0, a missing count) it is NaN; where it is unbounded it is infinite.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

FloatArray = NDArray[np.float64]
StrArray = NDArray[np.str_]

EXACT_BELOW = 10  # events: Garwood below, Byar's approximation from here (PHEindicatormethods)
_WIDEST_LOG_RATIO = 80.0  # e**80: further from parity than any limit of counts that people can have
_HALVINGS = 64  # 160 / 2**64 < 1e-16 on the log scale


class Limits(NamedTuple):
    """Lower and upper limits, arrays of one shape."""

    lower: FloatArray
    upper: FloatArray


def _floats(*values: ArrayLike) -> tuple[FloatArray, ...]:
    return tuple(np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in values)))


def normal_quantile(confidence: ArrayLike) -> FloatArray:
    """Z such that a standard normal lies within -z and z with this probability."""
    (level,) = _floats(confidence)
    return np.asarray(special.ndtri((1 + level) / 2), dtype=np.float64)


def garwood(events: ArrayLike, confidence: ArrayLike = 0.95) -> Limits:
    """Exact limits of a Poisson mean (Garwood 1936), from the observed number of events."""
    a, level = _floats(events, confidence)
    tail = (1 - level) / 2
    lower = np.where(a == 0, 0.0, special.gammaincinv(np.where(a == 0, 1.0, a), tail))
    return Limits(lower, np.asarray(special.gammainccinv(a + 1, tail)))


def byar(events: ArrayLike, confidence: ArrayLike = 0.95) -> Limits:
    """Byar's approximation to the limits of a Poisson mean (Breslow and Day 1987, equation 2.13)."""
    a, level = _floats(events, confidence)
    z = normal_quantile(level)
    safe = np.where(a == 0, 1.0, a)
    lower = safe * np.maximum(1 - 1 / (9 * safe) - z / (3 * np.sqrt(safe)), 0.0) ** 3
    more = a + 1
    upper = more * (1 - 1 / (9 * more) + z / (3 * np.sqrt(more))) ** 3
    return Limits(np.where(a == 0, 0.0, lower), upper)


def poisson_rate(
    events: ArrayLike, base: ArrayLike, confidence: ArrayLike = 0.95
) -> tuple[FloatArray, FloatArray, StrArray]:
    """Limits of events per unit of base, and which method each row used.

    Returns
    -------
    lower, upper : arrays
        Limits of the rate per 1 of the base.
    method : array of str
        "garwood" below 10 events, "byar" from 10.
    """
    a, base_, level = _floats(events, base, confidence)
    few = a < EXACT_BELOW
    exact, approximate = garwood(a, level), byar(a, level)
    unit = np.where(base_ > 0, base_, np.nan)
    return (
        np.where(few, exact.lower, approximate.lower) / unit,
        np.where(few, exact.upper, approximate.upper) / unit,
        np.where(few, "garwood", "byar"),
    )


def wilson(events: ArrayLike, base: ArrayLike, confidence: ArrayLike = 0.95) -> Limits:
    """Score limits of a proportion (Wilson 1927)."""
    a, n, level = _floats(events, base, confidence)
    n = np.where(n > 0, n, np.nan)
    z2 = normal_quantile(level) ** 2
    p = a / n
    centre = a + z2 / 2
    # a proportion above 1 is the caller's to refuse; here it must only not warn
    half = np.sqrt(z2 * np.maximum(a * (1 - p), 0.0) + z2 * z2 / 4)
    lower = np.where(a == 0, 0.0, np.clip((centre - half) / (n + z2), 0.0, p))
    upper = np.where(a == n, 1.0, np.clip((centre + half) / (n + z2), p, 1.0))
    return Limits(np.where(np.isnan(n), np.nan, lower), upper)


def clopper_pearson(events: ArrayLike, base: ArrayLike, confidence: ArrayLike = 0.95) -> Limits:
    """Exact limits of a proportion (Clopper and Pearson 1934); NaN where events exceed the base."""
    a, n, level = _floats(events, base, confidence)
    good = (n > 0) & (a >= 0) & (a <= n)
    a, rest = np.where(good, a, 1.0), np.where(good, n - a, 1.0)
    tail = (1 - level) / 2
    lower = np.where(a == 0, 0.0, special.betaincinv(np.where(a == 0, 1.0, a), rest + 1, tail))
    upper = np.where(rest == 0, 1.0, special.betainccinv(a + 1, np.where(rest == 0, 1.0, rest), tail))
    return Limits(np.where(good, lower, np.nan), np.where(good, upper, np.nan))


def odds_lower(a: FloatArray, b: FloatArray, tail: FloatArray) -> FloatArray:
    """Lower Clopper-Pearson limit of p for a of a+b, as odds p/(1-p)."""
    p = special.betaincinv(np.where(a == 0, 1.0, a), b + 1, tail)
    return np.where(a == 0, 0.0, p / (1 - p))


def rri_exact(a: ArrayLike, A: ArrayLike, b: ArrayLike, B: ArrayLike, confidence: ArrayLike = 0.95) -> Limits:
    """Exact limits of a ratio of two Poisson rates, conditional on all events seen.

    Clopper-Pearson on `a` of `a + b`, carried to the ratio by p / (1 - p) x B / A (Przyborowski and Wilenski
    1940).
    """
    a, A, b, B, level = _floats(a, A, b, B, confidence)
    tail = (1 - level) / 2
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # parts of an event have limits near 0
        scale = np.where((A > 0) & (B > 0), B / A, np.nan)
        return Limits(odds_lower(a, b, tail) * scale, scale / odds_lower(b, a, tail))


def rri_exact_p(a: ArrayLike, A: ArrayLike, b: ArrayLike, B: ArrayLike) -> FloatArray:
    """Two-sided p-value of a ratio of 1: twice the smaller tail.

    It is below 1 - confidence just when the interval of `rri_exact` leaves 1 out.
    """
    a, A, b, B = _floats(a, A, b, B)
    with np.errstate(invalid="ignore"):
        p = np.where((A > 0) & (B > 0), A / (A + B), np.nan)
    at_least = np.where(a == 0, 1.0, special.betainc(np.where(a == 0, 1.0, a), b + 1, p))
    at_most = np.where(b == 0, 1.0, special.betaincc(a + 1, np.where(b == 0, 1.0, b), p))
    return np.where(np.isnan(p), np.nan, np.minimum(1.0, 2 * np.minimum(at_least, at_most)))


def rri_katz(a: ArrayLike, A: ArrayLike, b: ArrayLike, B: ArrayLike, confidence: ArrayLike = 0.95) -> Limits:
    """Large-sample limits of a ratio of proportions on the log scale (Katz and others 1978).

    NaN where either count is 0 or both proportions are 1: the standard error is then not defined, or 0.
    """
    a, A, b, B, level = _floats(a, A, b, B, confidence)
    log_ratio, error = _katz_parts(a, A, b, B)
    z = normal_quantile(level)
    return Limits(np.exp(log_ratio - z * error), np.exp(log_ratio + z * error))


def rri_katz_p(a: ArrayLike, A: ArrayLike, b: ArrayLike, B: ArrayLike) -> FloatArray:
    """Two-sided p-value of a ratio of 1 that goes with `rri_katz`."""
    log_ratio, error = _katz_parts(*_floats(a, A, b, B))
    return np.asarray(2 * special.ndtr(-np.abs(log_ratio / error)), dtype=np.float64)


def _katz_parts(a: FloatArray, A: FloatArray, b: FloatArray, B: FloatArray) -> tuple[FloatArray, FloatArray]:
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = 1 / a - 1 / A + 1 / b - 1 / B
        defined = (a > 0) & (b > 0) & (a <= A) & (b <= B) & (variance > 0)
        ratio = np.where(defined, (a / A) / (b / B), np.nan)
        return np.log(ratio), np.sqrt(np.where(defined, variance, np.nan))


def _score_parts(
    a: FloatArray, A: FloatArray, b: FloatArray, B: FloatArray, ratio: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Observed a/A - ratio x b/B, and its variance where the true ratio is `ratio`.

    The reference's proportion is its maximum-likelihood value under that ratio, the smaller root of a
    quadratic, written so that nothing cancels: the discriminant is a sum of two non-negative terms.
    """
    left, right = (A + b) * ratio, a + B
    root = np.sqrt((left - right) ** 2 + 4 * ratio * (A - a) * (B - b))
    reference = np.clip(2 * (a + b) / (left + right + root), 0.0, 1.0)
    group = np.clip(ratio * reference, 0.0, 1.0)
    total = A + B
    variance = group * (1 - group) / A + ratio**2 * reference * (1 - reference) / B
    return a / A - ratio * b / B, variance * total / (total - 1)


def _score_lower(a: FloatArray, A: FloatArray, b: FloatArray, B: FloatArray, z: FloatArray) -> FloatArray:
    """Find the ratio below which the score statistic exceeds z, by halving on the log scale, for all rows."""
    low = np.full(a.shape, -_WIDEST_LOG_RATIO)
    high = np.full(a.shape, _WIDEST_LOG_RATIO)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        gap, variance = _score_parts(a, A, b, B, np.exp(middle))
        below = (gap > 0) & (gap**2 > z**2 * variance)
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.where(a == 0, 0.0, np.exp((low + high) / 2))


def rri_score(a: ArrayLike, A: ArrayLike, b: ArrayLike, B: ArrayLike, confidence: ArrayLike = 0.95) -> Limits:
    """Score limits of a ratio of two proportions (Miettinen and Nurminen 1985), variance times N / (N - 1).

    Defined at every corner: 0 events give a lower limit of 0, 0 reference events an infinite upper limit. The
    upper limit is the reciprocal of the lower limit of the comparison turned round, which makes the interval
    of the inverse ratio exactly the inverse interval.
    """
    a, A, b, B, level = _floats(a, A, b, B, confidence)
    good = (A > 0) & (B > 0) & (a >= 0) & (b >= 0) & (a <= A) & (b <= B) & (A + B > 1)
    # rows that cannot be estimated are solved on a harmless stand-in, then set to NaN
    a1, A1, b1, B1 = (np.where(good, value, stand) for value, stand in ((a, 1.0), (A, 2.0), (b, 1.0), (B, 2.0)))
    z = normal_quantile(level)
    with np.errstate(divide="ignore"):
        lower, upper = _score_lower(a1, A1, b1, B1, z), 1 / _score_lower(b1, B1, a1, A1, z)
    return Limits(np.where(good, lower, np.nan), np.where(good, upper, np.nan))


def rri_score_p(a: ArrayLike, A: ArrayLike, b: ArrayLike, B: ArrayLike) -> FloatArray:
    """Two-sided p-value of a ratio of 1 that goes with `rri_score`."""
    a, A, b, B = _floats(a, A, b, B)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap, variance = _score_parts(a, A, b, B, np.ones(a.shape))
        z = np.where((variance == 0) & (gap == 0), 0.0, gap / np.sqrt(variance))
    return np.asarray(2 * special.ndtr(-np.abs(z)), dtype=np.float64)


def mover(first: ArrayLike, of_first: Limits, second: ArrayLike, of_second: Limits) -> Limits:
    """Limits of `first - second` from those of each (method of variance estimates recovery)."""
    one, two = _floats(first, second)
    down = np.sqrt((one - of_first.lower) ** 2 + (of_second.upper - two) ** 2)
    up = np.sqrt((of_first.upper - one) ** 2 + (two - of_second.lower) ** 2)
    return Limits(one - two - down, one - two + up)


def newcombe(a: ArrayLike, A: ArrayLike, b: ArrayLike, B: ArrayLike, confidence: ArrayLike = 0.95) -> Limits:
    """Hybrid score limits of a difference of two proportions (Newcombe 1998, method 10)."""
    a, A, b, B, level = _floats(a, A, b, B, confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        return mover(a / A, wilson(a, A, level), b / B, wilson(b, B, level))


def mover_rates(a: ArrayLike, A: ArrayLike, b: ArrayLike, B: ArrayLike, confidence: ArrayLike = 0.95) -> Limits:
    """Limits of a difference of two Poisson rates, from the same limits that `poisson_rate` gives each."""
    a, A, b, B, level = _floats(a, A, b, B, confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        one, two = poisson_rate(a, A, level), poisson_rate(b, B, level)
        return mover(a / A, Limits(*one[:2]), b / B, Limits(*two[:2]))


def ratio_to_everyone(ratio: ArrayLike, share: ArrayLike) -> FloatArray:
    """Ratio to everyone, from the ratio to all others and the group's share of the base.

    Everyone includes the group, so the two rates are not independent; the ratio to others is between
    independent counts, and this increasing function carries its estimate and its limits over exactly
    (infinite becomes 1 / share).
    """
    phi, w = _floats(ratio, share)
    with np.errstate(divide="ignore"):
        return np.asarray(1 / (w + (1 - w) / phi), dtype=np.float64)
