"""Control limits of area rates around a target, for funnel plots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special

from yjd.errors import EstimationError
from yjd.metrics.areas import Areas, padded
from yjd.metrics.comparison import spread
from yjd.metrics.counts import USABLE, Kind, check_kind, check_per, confidence_levels
from yjd.metrics.intervals import FloatArray, Limits, normal_quantile
from yjd.metrics.layout import Estimates, lay_out

Dispersion = Literal["none", "multiplicative", "additive"]
FunnelLimits = Literal["mid_p", "spiegelhalter"]

LEAST_FOR_TARGET, LEAST_FOR_DISPERSION = 2, 3  # areas
_WINSORISED = 0.1  # share of the scores drawn in at each end
_BISECTIONS = 60


def funnel(
    counts: pd.DataFrame,
    *,
    kind: Kind,
    per: float = 1.0,
    over: str = "area",
    target: float | None = None,
    confidence: float | Sequence[float] = (0.95, 0.998),
    dispersion: Dispersion = "none",
    limits: FunnelLimits = "mid_p",
) -> pd.DataFrame:
    """Rate of each area with the control limits at its base around a target (quantity funnel).

    The estimate is the area's own rate. Lower and upper are no interval of it: they are the limits within which
    rates of areas of this base lie with the stated probability if all have the target rate, so an area stands
    out where the estimate is outside them (Spiegelhalter 2005, Stat Med 24:1185-1202).

    Parameters
    ----------
    counts : DataFrame
        As for `rate`. The rows of single areas are used; area All and Unknown take no part.
    kind : {"proportion", "rate"}
        Whether the numerator is part of the base: binomial limits, or Poisson.
    per : float
        Scale of estimate, limits and target, such as 1000.
    over : str
        The split whose parts are compared: area, sex, age_band or deprivation.
    target : float, optional
        The rate, per `per`, that limits are drawn around; by default that of the areas of the same group and
        stratum together, the area itself among them.
    confidence : float or sequence of float
        One or more levels; each level is a row.
    dispersion : {"none", "multiplicative", "additive"}
        What to do where areas differ more than chance has it. "multiplicative" widens limits by a factor,
        "additive" by a variance between areas (Spiegelhalter 2005 and, with DerSimonian and Laird's estimate,
        Spiegelhalter and others 2012, J R Stat Soc A 175:1-47), both from scores on the square-root scale
        (rates) or arcsine scale (proportions), 10% of them winsorised at each end.
    limits : {"mid_p", "spiegelhalter"}
        How limits are read off the exact distribution, which has steps. "mid_p", the default, interpolates the
        probability below a count plus half of that of the count itself, so that a whole count is outside just
        where its mid-P value is below 1 less the level. "spiegelhalter" interpolates the distribution function,
        as his appendix A.1.1 does; its upper limits lie about half an event lower.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`. The counts are the area's own, the reference's the sums over areas.
        The p-value is two-sided and of the area having the target rate: mid-P, or normal where dispersion was
        found. The method is poisson or binomial with _mid_p or _spiegelhalter; where dispersion was asked for
        and found, with _multiplicative or _additive. Status too_few where the target comes from fewer than 2
        areas or the dispersion from fewer than 3, no_events where the target that the areas give is 0, or 1 of a
        proportion, inconsistent where a proportion counts more than its base in any area. One hidden area hides
        all of its group and stratum.

    Raises
    ------
    EstimationError
        If columns are missing, a count is negative, rows repeat a key, or an option has no meaning.
    """
    check_per(per)
    _check(kind, dispersion, limits, None if target is None else target / per)
    levels, areas = confidence_levels(confidence), Areas.of(counts, kind, over)
    least = max(LEAST_FOR_TARGET if target is None else 1, LEAST_FOR_DISPERSION if dispersion != "none" else 1)
    nothing = areas.nothing_varies(kind) & (target is None)
    status = areas.status_with([(nothing, "no_events"), (areas.areas < least, "too_few")])
    usable = np.isin(status, USABLE)
    a, base, scope = areas.own.numerator[usable], areas.own.denominator[usable], areas.scope[usable]
    if target is None:
        centre = areas.total.numerator[usable] / areas.total.denominator[usable]
    else:
        centre = np.full(len(a), target / per)
    widening = _widening(a, base, centre, scope, kind, dispersion)
    found = funnel_limits(
        base, centre, kind=kind, confidence=levels, limits=limits, dispersion=dispersion, widening=widening
    )
    widened = widening > _NONE[dispersion]
    p_value = np.where(
        widened, _normal_p(a, base, centre, widening, kind, dispersion), mid_p_value(a, base, centre, kind)
    )
    exact = f"{'poisson' if kind == 'rate' else 'binomial'}_{limits}"
    methods = np.full((len(usable), len(levels)), exact, dtype="U32")
    methods[usable] = np.where(widened, f"{exact.split('_')[0]}_{dispersion}", exact)[:, None]
    estimates = Estimates(
        spread(usable, per * a / base),
        spread(usable, per * found.lower),
        spread(usable, per * found.upper),
        methods,
        spread(usable, p_value),
    )
    return lay_out(
        areas.frame, "funnel", levels=levels, own=areas.own, against=areas.total, status=status, found=estimates
    )


_NONE: dict[str, float] = {"none": np.inf, "multiplicative": 1.0, "additive": 0.0}  # widening that widens nothing


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
    _check(kind, dispersion, limits, centre)
    if not ((base > 0) & np.isfinite(base)).all():
        raise EstimationError("The bases of funnel limits must be numbers above 0.", "Leave out the others.")
    level = confidence_levels(confidence)  # type: ignore[arg-type]  # an array is a sequence of numbers
    tail = (1 - level) / 2
    base, centre, widen = (np.atleast_1d(value)[:, None] for value in (base, centre, widen))
    ends = [_quantile(base, centre, np.broadcast_to(p, (len(base), len(level))), kind, limits) for p in (tail, 1 - tail)]
    lower, upper = (end / base for end in ends)
    widened = widen > _NONE[dispersion]
    variance = _variance(base, kind, dispersion, widen)
    reach = normal_quantile(level) * np.sqrt(np.where(widened, variance, 0.0))
    middle = _stable(centre, kind)
    lower = np.where(widened, _back(middle - reach, kind), lower)
    return Limits(lower, np.where(widened, _back(middle + reach, kind), upper))


def mid_p_value(a: FloatArray, base: FloatArray, target: FloatArray, kind: Kind) -> FloatArray:
    """Two-sided mid-P value of a count, twice the smaller tail; arrays of one shape."""
    below = _mid(a, base, target, kind)
    return np.asarray(np.minimum(1.0, 2 * np.minimum(below, 1 - below)))


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


def _widening(
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


def _normal_p(
    a: FloatArray, base: FloatArray, target: FloatArray, widening: FloatArray, kind: Kind, dispersion: Dispersion
) -> FloatArray:
    distance = np.abs(_stable(a / base, kind) - _stable(target, kind))
    scale = np.sqrt(np.maximum(_variance(base, kind, dispersion, widening), 1e-300))
    return np.asarray(2 * special.ndtr(-distance / scale))


def _variance(base: FloatArray, kind: Kind, dispersion: Dispersion, widening: FloatArray) -> FloatArray:
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


def _up_to(count: FloatArray, base: FloatArray, target: FloatArray, kind: Kind) -> FloatArray:
    """Probability of at most this count, continued smoothly between whole counts; 0 at -1."""
    if kind == "rate":
        return np.asarray(np.where(count > -1, special.gammaincc(np.maximum(count + 1, 0.0), base * target), 0.0))
    inside = (count > -1) & (count < base)
    left = np.where(inside, base - count, 1.0)
    found = special.betaincc(np.where(inside, count + 1, 1.0), left, target)
    return np.asarray(np.where(inside, found, (count >= base).astype(np.float64)))


def _mid(count: FloatArray, base: FloatArray, target: FloatArray, kind: Kind) -> FloatArray:
    """Probability of less than this count and half of that of the count itself."""
    return (_up_to(count, base, target, kind) + _up_to(count - 1, base, target, kind)) / 2


def _quantile(base: FloatArray, target: FloatArray, p: FloatArray, kind: Kind, limits: FunnelLimits) -> FloatArray:
    """Count at which the distribution reaches p, interpolated between whole counts; within 0 and the base."""
    reached: Callable[..., FloatArray] = _mid if limits == "mid_p" else _up_to
    mean = base * target
    # 1e-12 lies within 8 standard deviations and 40 events of the mean, and levels within that
    reach = 8 * np.sqrt(mean) + 40
    low = np.floor(np.maximum(mean - reach, 0.0)) - 1 + 0 * p
    high = np.ceil(mean + reach) + 0 * p
    if kind == "proportion":
        high = np.minimum(high, np.ceil(base) + 1)
    for _ in range(_BISECTIONS):
        if not (high - low > 1).any():
            break
        middle = np.floor((low + high) / 2)
        enough = reached(middle, base, target, kind) >= p
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    over, under = reached(high, base, target, kind), reached(high - 1, base, target, kind)
    share = np.divide(over - p, over - under, out=np.zeros_like(p), where=over > under)
    count = np.maximum(high - np.clip(share, 0.0, 1.0), 0.0)
    return np.asarray(np.minimum(count, base) if kind == "proportion" else count)


def _check(kind: str, dispersion: str, limits: str, target: ArrayLike | None) -> None:
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
