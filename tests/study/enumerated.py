"""True coverage and length of intervals of counts, from the chance of every outcome: no simulation, no sampling error.

An outcome that has less than one chance in a billion to be passed on either side is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from yjd.metrics import intervals, midp
from yjd.metrics.intervals import FloatArray, Limits
from yjd.metrics.target_limits import FunnelLimits, funnel_limits

LEVEL = 0.95
EXPECTED = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 200.0)  # events
FROM = 5.0  # means are over expected events from here
SIZES = (1.0, 2.0, 5.0, 10.0, 50.0)  # times the base of the group is the reference's
RATIOS = (1 / 3, 1.0, 3.0)
FINE = tuple(np.geomspace(0.5, 50, 61).tolist())  # expected events among which the least coverage is looked for
BASES = (20, 50, 200)  # of the group, where the numerator is part of it
SHARES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
_TAIL = 1e-9
_RATE = 0.02  # of the reference where a ratio of rates is compared by methods of proportions
_BESIDE = 1e-9  # how far from a limit its other side is looked at
_POINTS = 40  # outcomes of each side that lengths are averaged over

OfCount = Callable[..., Limits]


def _mixture(a: FloatArray, level: float) -> Limits:
    return Limits(*intervals.poisson_rate(a, 1.0, level)[:2])


OF_COUNT: Mapping[str, OfCount] = {
    "garwood below 10, byar from 10": _mixture, "garwood": intervals.garwood, "byar": intervals.byar,
    "midp": midp.poisson_midp,
}  # fmt: skip
OF_SHARE: Mapping[str, OfCount] = {
    "wilson": intervals.wilson, "clopper_pearson": intervals.clopper_pearson, "midp": midp.binomial_midp,
}  # fmt: skip
OF_RATIO: Mapping[str, OfCount] = {
    "exact": intervals.rri_exact, "midp": midp.rri_midp, "score": intervals.rri_score, "katz": intervals.rri_katz,
}  # fmt: skip
# a limit of these leaves a ratio out just where its p-value is small, which takes a hundredth of the time to find
_P_VALUE: Mapping[str, Callable[..., FloatArray]] = {"exact": intervals.rri_exact_p, "midp": midp.rri_midp_p}


class Outcomes(NamedTuple):
    """Every count that can come up, and its chance."""

    events: FloatArray
    chance: FloatArray


def poisson(mean: float) -> Outcomes:
    """Events of a Poisson distribution."""
    low, high = (float(stats.poisson.ppf(tail, mean)) for tail in (_TAIL, 1 - _TAIL))
    count = np.arange(max(low, 0.0), high + 1)
    return Outcomes(count, stats.poisson.pmf(count, mean))


def binomial(base: float, share: float) -> Outcomes:
    """Events of a binomial distribution."""
    low, high = (float(stats.binom.ppf(tail, base, share)) for tail in (_TAIL, 1 - _TAIL))
    count = np.arange(max(low, 0.0), high + 1)
    return Outcomes(count, stats.binom.pmf(count, base, share))


def _thinned(outcomes: Outcomes) -> Outcomes:
    """Every so many of the outcomes above 0, with what is left of the chances made whole."""
    every = int(np.ceil(len(outcomes.events) / _POINTS))
    count, chance = outcomes.events[::every], outcomes.chance[::every]
    some = count > 0
    return Outcomes(count[some], chance[some] / max(chance[some].sum(), 1e-300))


def _holds(limits: Limits, truth: FloatArray | float) -> NDArray[np.bool_]:
    slack = 1e-12 * np.abs(truth)
    return np.asarray((limits.lower <= truth + slack) & (truth - slack <= limits.upper))


def _edges(limits: Limits, low: float, high: float) -> FloatArray:
    """Truths next to every limit: between two of them coverage has no minimum of its own."""
    ends = np.concatenate([limits.lower, limits.upper])
    ends = ends[np.isfinite(ends) & (ends > 0)]
    ends = np.concatenate([ends * (1 - _BESIDE), ends * (1 + _BESIDE), [low, high]])
    return np.asarray(np.unique(ends[(ends >= low) & (ends <= high)]))


def of_one_count(low: float, high: float, limits: Limits, chance: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Coverage at every truth where it can be smallest; `chance` gives (truths, counts)."""
    truth = _edges(limits, low, high)[:, None]
    return np.asarray((chance(truth) * _holds(limits, truth)).sum(axis=1))


def rates(points: int = 400) -> Iterator[dict[str, object]]:
    """A rate: each method at the expected events of the grid, and over all of them from 5 to 500."""
    count = np.arange(0.0, 700.0)
    grid = np.geomspace(FROM, 500.0, points)[:, None]
    at = np.array(EXPECTED)[:, None]

    def chance(mean: FloatArray) -> FloatArray:
        return np.asarray(stats.poisson.pmf(count, mean))

    for name, limits_of in OF_COUNT.items():
        limits = Limits(*(np.asarray(limit) for limit in limits_of(count, LEVEL)))
        held, everywhere = ((chance(mean) * _holds(limits, mean)).sum(axis=1) for mean in (at, grid))
        length = (chance(at) * (limits.upper - limits.lower)).sum(axis=1)
        for mean, share, long in zip(EXPECTED, held, length, strict=True):
            yield {"method": name, "expected": mean, "held": share, "length": long}
        yield {
            "method": name, "expected": np.nan, "held": everywhere.mean(),
            "least": of_one_count(FROM, 500.0, limits, chance).min(),
            "least_of_all": of_one_count(0.001, 500.0, limits, chance).min(),
            "inside": ((everywhere >= 0.94) & (everywhere <= 0.98)).mean(),
        }  # fmt: skip


def shares(bases: tuple[int, ...] = (10, 30, 100, 1000)) -> Iterator[dict[str, object]]:
    """A proportion: each method, by base, over true proportions from 0.02 to 0.98."""
    grid = np.linspace(0.02, 0.98, 481)[:, None]
    for base in bases:
        count = np.arange(base + 1.0)

        def chance(share: FloatArray, base: int = base, count: FloatArray = count) -> FloatArray:
            return np.asarray(stats.binom.pmf(count, base, share))

        for name, limits_of in OF_SHARE.items():
            limits = limits_of(count, float(base), LEVEL)
            held = (chance(grid) * _holds(limits, grid)).sum(axis=1)
            length = (chance(grid) * (limits.upper - limits.lower)).sum(axis=1).mean()
            yield {
                "method": name, "base": base, "held": held.mean(),
                "least": of_one_count(0.02, 0.98, limits, chance).min(),
                "most": held.max(), "inside": ((held >= 0.94) & (held <= 0.98)).mean(), "length": 100 * length,
            }  # fmt: skip


def of_ratio(
    method: str, one: Outcomes, A: float, two: Outcomes, B: float, truth: float, *, measured: bool = True
) -> tuple[float, float, float, float]:
    """Coverage of a ratio by its method, coverage of the rows that have an interval, their share, and length.

    A row has an interval where the reference has events, by Katz where both sides have. The length is the mean
    of log(upper / lower) where both sides have events, made a ratio again; NaN unless it is `measured`.
    """
    a, b = one.events[:, None], two.events[None, :]
    chance = one.chance[:, None] * two.chance[None, :]
    if method in _P_VALUE:
        holds = _P_VALUE[method](a, A * truth, b, B) >= 1 - LEVEL - 1e-12
        there = np.broadcast_to(b > 0, chance.shape)
    else:
        with np.errstate(divide="ignore"):
            limits = OF_RATIO[method](a, A, b, B, LEVEL)
        holds = _holds(limits, truth)
        there = (b > 0) & ~np.isnan(limits.lower)
    shown = (chance * there).sum()
    published = (chance * (holds & there)).sum() / shown if shown > 0 else np.nan
    length = _length(method, one, A, two, B) if measured else np.nan
    return float((chance * holds).sum()), float(published), float(shown / chance.sum()), length


def _length(method: str, one: Outcomes, A: float, two: Outcomes, B: float) -> float:
    few, many = _thinned(one), _thinned(two)
    long = OF_RATIO[method](few.events[:, None], A, many.events[None, :], B, LEVEL)
    with np.errstate(invalid="ignore"):
        span = np.log(long.upper / long.lower)
    weight = np.where(np.isfinite(span), few.chance[:, None] * many.chance[None, :], 0.0)
    whole = weight.sum()
    return float(np.exp((weight * np.nan_to_num(span, posinf=0.0)).sum() / whole)) if whole > 0 else np.nan


def ratios_of_rates(
    expected: tuple[float, ...] = EXPECTED[1:], sizes: tuple[float, ...] = SIZES, *, measured: bool = True
) -> Iterator[dict[str, object]]:
    """A ratio of two rates, by the group's expected events and how many times its base the reference's is."""
    for mean in expected:
        for size in sizes:
            for truth in RATIOS:
                one, two = poisson(mean), poisson(mean * size / truth)
                A = mean / _RATE / truth
                for method in OF_RATIO:
                    found = of_ratio(method, one, A, two, A * size, truth, measured=measured)
                    keys: dict[str, object] = {"method": method, "expected": mean, "size": size, "ratio": truth}
                    yield keys | dict(zip(("held", "published", "shown", "length"), found, strict=True))


def ratios_of_shares(
    bases: tuple[int, ...] = BASES, sizes: tuple[float, ...] = (1.0, 5.0, 50.0)
) -> Iterator[dict[str, object]]:
    """A ratio, and a difference, of two proportions, by the group's base and the proportions."""
    for base in bases:
        for size in sizes:
            for share in SHARES:
                for truth in (0.5, 1.0, 1.5):
                    if share * truth > SHARES[-1]:
                        continue
                    one, two = binomial(base, share * truth), binomial(base * size, share)
                    keys: dict[str, object] = {"base": base, "size": size, "share": share, "ratio": truth}
                    for method in ("score", "katz", "exact"):
                        found = of_ratio(method, one, base, two, base * size, truth)
                        yield (
                            keys
                            | {"method": method}
                            | dict(zip(("held", "published", "shown", "length"), found, strict=True))
                        )
                    yield keys | {"method": "newcombe"} | _difference(
                        intervals.newcombe, one, base, two, base * size, share * (truth - 1)
                    )  # fmt: skip


def differences_of_rates(
    expected: tuple[float, ...] = EXPECTED[1:], sizes: tuple[float, ...] = SIZES
) -> Iterator[dict[str, object]]:
    """A difference of two rates by MOVER, in events of the group."""
    for mean in expected:
        for size in sizes:
            for truth in RATIOS:
                one, two = poisson(mean), poisson(mean * size / truth)
                found = _difference(intervals.mover_rates, one, 1.0, two, size, mean * (1 - 1 / truth))
                yield {"method": "mover", "expected": mean, "size": size, "ratio": truth} | found


def _difference(
    limits_of: OfCount, one: Outcomes, A: float, two: Outcomes, B: float, truth: float
) -> dict[str, object]:
    chance = one.chance[:, None] * two.chance[None, :]
    limits = limits_of(one.events[:, None], A, two.events[None, :], B, LEVEL)
    slack = 1e-12
    holds = (limits.lower <= truth + slack) & (truth - slack <= limits.upper)
    length = float((chance * (limits.upper - limits.lower)).sum())
    held = float((chance * holds).sum())
    return {"held": held, "published": held, "shown": 1.0, "length": length}


def alarms(expected: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 200.0)) -> pd.DataFrame:
    """How often an area at the target lies above, or below, funnel limits that a given target draws."""
    rows = []
    kinds: tuple[FunnelLimits, ...] = ("mid_p", "spiegelhalter")
    for limits in kinds:
        for level in (0.95, 0.998):
            for mean in expected:
                count, chance = poisson(mean)
                found = funnel_limits([mean], 1.0, kind="rate", confidence=level, limits=limits)
                value = count / mean
                above, below = value > found.upper[0, 0] * (1 + 1e-9), value < found.lower[0, 0] * (1 - 1e-9)
                rows.append(
                    {"limits": limits, "level": level, "expected": mean,
                     "above": (chance * above).sum(), "below": (chance * below).sum()}
                )  # fmt: skip
    return pd.DataFrame(rows)
