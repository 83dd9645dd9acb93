"""Limits around a target at any base: exact quantiles, and wider ones where areas differ more than chance has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from yjd.errors import EstimationError
from yjd.metrics.areas import padded
from yjd.metrics.counts import Kind, check_kind, confidence_levels
from yjd.metrics.intervals import FloatArray, Limits, normal_quantile

Dispersion = Literal["none", "multiplicative", "additive"]
FunnelLimits = Literal["mid_p", "spiegelhalter"]

NO_WIDENING: dict[Dispersion, float] = {"none": np.inf, "multiplicative": 1.0, "additive": 0.0}  # up to here, exact
_WINSORISED = 0.1  # share of the scores drawn in at each end


def check_funnel(kind: str, dispersion: str, limits: str, target: ArrayLike | None) -> None:
    """Refuse options that are not offered, and a target that nothing can lie around."""
    check_kind(kind)
    if dispersion not in get_args(Dispersion):
        raise EstimationError("The dispersion of a funnel is none, multiplicative or additive.", "Give one of these.")
    if limits not in get_args(FunnelLimits):
        raise EstimationError("The limits of a funnel are mid_p or spiegelhalter.", "Give one of the two.")
    if target is None:
        return
    centre = np.asarray(target, dtype=np.float64)
    if not ((centre > 0) & np.isfinite(centre) & ((centre < 1) | (kind == "rate"))).all():
        raise EstimationError(
            "The target of a funnel must be above 0, and of a proportion below the whole.",
            "Give it in the same unit as `per`.",
        )


def funnel_limits(
    bases: ArrayLike,
    target: ArrayLike,
    *,
    kind: Kind,
    confidence: float | Sequence[float] | FloatArray = (0.95, 0.998),
    limits: FunnelLimits = "mid_p",
    dispersion: Dispersion = "none",
    widening: ArrayLike = 0.0,
) -> Limits:
    """Control limits at any bases, for drawing the curves of a funnel.

    Parameters
    ----------
    bases : array_like, shape (points,)
        Bases above 0, whole or not.
    target : array_like, shape () or (points,)
        The target as a rate per unit of the base: above 0, and of a proportion below 1.
    kind, confidence, limits, dispersion
        As in `funnel`.
    widening : array_like, shape () or (points,)
        With multiplicative dispersion the factor of the variance, limits being exact where it is 1 or less; with
        additive dispersion the variance between areas, on the square-root or arcsine scale, exact where it is 0.

    Returns
    -------
    Limits
        Lower and upper, shape (points, levels), in the unit of the target.
    """
    base, centre, widen = np.broadcast_arrays(*(np.asarray(value, float) for value in (bases, target, widening)))
    check_funnel(kind, dispersion, limits, centre)
    if not ((base > 0) & np.isfinite(base)).all():
        raise EstimationError("The bases of funnel limits must be numbers above 0.", "Leave out the others.")
    level = confidence_levels(confidence)  # type: ignore[arg-type]  # an array is a sequence of numbers
    tail = (1 - level) / 2
    base, centre, widen = (np.atleast_1d(value)[:, None] for value in (base, centre, widen))
    ends = [
        _quantile(base, centre, np.broadcast_to(p, (len(base), len(level))), kind, limits) for p in (tail, 1 - tail)
    ]
    lower, upper = (end / base for end in ends)
    widened = widen > NO_WIDENING[dispersion]
    variance = _variance(base, dispersion, widen)
    reach = normal_quantile(level) * np.sqrt(np.where(widened, variance, 0.0))
    middle = _stable(centre, kind)
    lower = np.where(widened, _back(middle - reach, kind), lower)
    return Limits(lower, np.where(widened, _back(middle + reach, kind), upper))


def mid_p_value(a: FloatArray, base: FloatArray, target: FloatArray, kind: Kind) -> FloatArray:
    """Two-sided mid-P value of a count, twice the smaller tail; arrays of one shape."""
    fewer = _up_to(a, base, target, kind) + _up_to(a - 1, base, target, kind)
    more = _up_to(a, base, target, kind, more=True) + _up_to(a - 1, base, target, kind, more=True)
    return np.asarray(np.minimum(1.0, np.minimum(fewer, more)))


def dispersion_factor(scores: FloatArray, present: NDArray[np.bool_]) -> FloatArray:
    """Mean square of each stratum's scores, winsorised; shapes (strata, areas) to (strata,).

    The 10th and 90th percentile are interpolated as R's quantile does by default.
    """
    size = present.sum(axis=1)
    ordered = np.sort(np.where(present, scores, np.inf), axis=1)

    def percentile(share: float) -> FloatArray:
        place = share * (size - 1)
        under = np.floor(place).astype(np.intp)
        over = np.minimum(under + 1, size - 1)
        low, high = (np.take_along_axis(ordered, at[:, None], axis=1)[:, 0] for at in (under, over))
        return np.asarray(low + (place - under) * (high - low))

    drawn_in = np.clip(scores, percentile(_WINSORISED)[:, None], percentile(1 - _WINSORISED)[:, None])
    return np.asarray(np.where(present, drawn_in**2, 0.0).sum(axis=1) / size)


def overdispersion(
    numerators: ArrayLike, bases: ArrayLike, target: float, *, kind: Kind, dispersion: Dispersion
) -> float:
    """How much wider than chance the areas of one group lie, as `funnel_limits` takes it (`widening`).

    Parameters
    ----------
    numerators, bases : array_like, shape (areas,)
        Counts of at least 3 areas, bases above 0.
    target : float
        The rate per unit of the base that limits are drawn around.
    kind, dispersion
        As in `funnel`.
    """
    a, base = np.asarray(numerators, dtype=np.float64), np.asarray(bases, dtype=np.float64)
    scope = np.zeros(len(a), dtype=np.intp)
    return float(widening_of(a, base, np.full(len(a), float(target)), scope, kind, dispersion)[0])


def widening_of(
    a: FloatArray, base: FloatArray, target: FloatArray, scope: NDArray[np.intp], kind: Kind, dispersion: Dispersion
) -> FloatArray:
    """Factor (multiplicative) or variance between areas (additive) of each row's scope."""
    if dispersion == "none" or not len(a):
        return np.zeros(len(a))
    scores, place = padded(_score(a, base, target, kind), scope)
    bases, _ = padded(base, scope)
    present = bases > 0
    size, factor = present.sum(axis=1), dispersion_factor(scores, present)
    if dispersion == "multiplicative":
        return np.asarray(factor[place[0]])
    weight = 4 * bases  # one over the variance on the stable scale
    total = weight.sum(axis=1)
    between = (size * factor - (size - 1)) / (total - (weight**2).sum(axis=1) / total)
    return np.asarray(np.maximum(between, 0.0)[place[0]])


def _score(a: FloatArray, base: FloatArray, target: FloatArray, kind: Kind) -> FloatArray:
    return np.asarray((_stable(a / base, kind) - _stable(target, kind)) * 2 * np.sqrt(base))


def normal_p_value(
    a: FloatArray, base: FloatArray, target: FloatArray, widening: FloatArray, kind: Kind, dispersion: Dispersion
) -> FloatArray:
    """Two-sided p-value on the stable scale, with the widened variance."""
    distance = np.abs(_stable(a / base, kind) - _stable(target, kind))
    scale = np.sqrt(np.maximum(_variance(base, dispersion, widening), 1e-300))
    return np.asarray(2 * special.ndtr(-distance / scale))


def _variance(base: FloatArray, dispersion: Dispersion, widening: FloatArray) -> FloatArray:
    """Variance of an area's rate on the stable scale: 1 / (4 base) by chance, for either kind."""
    chance = 1 / (4 * base)
    return np.asarray(chance * widening if dispersion == "multiplicative" else chance + widening)


def _stable(rate: FloatArray, kind: Kind) -> FloatArray:
    root = np.sqrt(rate)
    return root if kind == "rate" else np.asarray(np.arcsin(np.minimum(root, 1.0)))


def _back(value: FloatArray, kind: Kind) -> FloatArray:
    if kind == "rate":
        return np.asarray(np.maximum(value, 0.0) ** 2)
    return np.asarray(np.sin(np.clip(value, 0.0, np.pi / 2)) ** 2)


def _up_to(count: FloatArray, base: FloatArray, target: FloatArray, kind: Kind, *, more: bool = False) -> FloatArray:
    """Probability of at most this count (of `more`), continued smoothly between whole counts; 0 (1) below 0."""
    if kind == "rate":
        tail = special.gammainc if more else special.gammaincc
        return np.asarray(tail(np.maximum(count + 1, 0.0), base * target))
    beta = special.betainc if more else special.betaincc
    inside = (count > -1) & (count < base)
    found = beta(np.where(inside, count + 1, 1.0), np.where(inside, base - count, 1.0), target)
    return np.asarray(np.where(inside, found, ((count >= base) != more).astype(np.float64)))


def _quantile(base: FloatArray, target: FloatArray, p: FloatArray, kind: Kind, limits: FunnelLimits) -> FloatArray:
    """Count at which the distribution reaches p, interpolated between whole counts; within 0 and the base."""
    count = _whole_quantile(base, target, p, kind)
    below, at = (_up_to(count - less, base, target, kind) for less in (1, 0))
    if limits == "mid_p":
        # half of each step: reached at the same count or, where p lies in its upper half, at the next
        before, after = (_up_to(count - less, base, target, kind) for less in (2, -1))
        next_one = (below + at) / 2 < p
        count = count + next_one
        below, at = (
            np.where(next_one, below + at, before + below) / 2,
            np.where(next_one, at + after, below + at) / 2,
        )
    share = np.divide(at - p, at - below, out=np.zeros_like(p), where=at > below)
    found = np.maximum(count - np.clip(share, 0.0, 1.0), 0.0)
    return np.asarray(np.minimum(found, base) if kind == "proportion" else found)


def _whole_quantile(base: FloatArray, target: FloatArray, p: FloatArray, kind: Kind) -> FloatArray:
    """Smallest whole count with at least probability p of no more, by bisection from a normal guess."""
    mean, rest = base * target, 1 - target if kind == "proportion" else 1 + 0 * target
    z, deviation = special.ndtri(p), np.sqrt(mean * rest)
    guess = np.round(mean + z * deviation + (z**2 - 1) / 6 * (2 * rest - 1))
    guess = np.maximum(guess, 0)
    base, target, p = np.broadcast_arrays(base, target, p)
    here = _up_to(guess, base, target, kind) >= p
    beside = np.where(here, guess - 1, guess + 1)
    there = _up_to(beside, base, target, kind) >= p
    far = 40 * deviation + 800
    low = np.where(here, np.where(there, np.maximum(np.floor(mean - far), -1), beside), np.where(there, guess, beside))
    high = np.where(here, np.where(there, beside, guess), np.where(there, beside, np.ceil(mean + far)))
    while (left := high - low > 1).any():  # few are left where the guess was good
        middle = np.floor((low[left] + high[left]) / 2)
        enough = _up_to(middle, base[left], target[left], kind) >= p[left]
        low[left], high[left] = np.where(enough, low[left], middle), np.where(enough, middle, high[left])
    return np.asarray(high)
