"""A group beside its reference: relative rate index, difference, and excess to parity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd

from yjd.errors import EstimationError
from yjd.metrics import intervals, midp
from yjd.metrics.comparison import Comparison, spread
from yjd.metrics.counts import EVERYONE, USABLE, Counts, Kind, check_kind, check_per, confidence_levels
from yjd.metrics.intervals import FloatArray, Limits, StrArray
from yjd.metrics.layout import Estimates, lay_out

RatioMethod = Literal["exact", "midp", "score", "katz"]

_LIMITS: dict[RatioMethod, Callable[..., Limits]] = {
    "exact": intervals.rri_exact, "midp": midp.rri_midp, "score": intervals.rri_score, "katz": intervals.rri_katz,
}  # fmt: skip
_P_VALUE: dict[RatioMethod, Callable[..., FloatArray]] = {
    "exact": intervals.rri_exact_p, "midp": midp.rri_midp_p,
    "score": intervals.rri_score_p, "katz": intervals.rri_katz_p,
}  # fmt: skip
_POISSON = ("exact", "midp")  # they take both sides' events as Poisson counts, so that a base may be exceeded


def relative_rate(
    counts: pd.DataFrame | Counts,
    *,
    kind: Kind,
    reference: str = "White",
    confidence: float | Sequence[float] = 0.95,
    method: RatioMethod | None = None,
) -> pd.DataFrame:
    """Relative rate index: the group's rate divided by the reference's (quantity rri).

    Parameters
    ----------
    counts : DataFrame
        Columns group, numerator, denominator; any of measure, period, area, sex, age_band, deprivation, level,
        status, disclosure, and numerator_squares, products, denominator_squares (see `yjd.metrics.design`), with
        which interval and p-value allow for repeat children and the method ends in `_by_child`. Groups are
        compared within the same keys.
    kind : {"proportion", "rate"}
        Whether the numerator is part of the base.
    reference : str
        A group; "others", all other children of known ethnicity (Known less the group where Known has a row);
        or "everyone", all children of known ethnicity, the group among them.
    confidence : float or sequence of float
        One or more levels; each level is a row.
    method : {"exact", "midp", "score", "katz"}, optional
        "exact" by default for a rate, "score" (Miettinen and Nurminen) for a proportion. "midp" is the mid-P
        version of the exact interval: shorter, and no longer sure to hold its level. Score and Katz need
        numerators within their bases and say inconsistent where they are not; Katz has no interval, and the
        row is no_events, where a count is 0 or no variation is left.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`; the p-value is of a ratio of 1 and belongs to the method. The
        reference has no row of its own, nor have All, Known and Unknown. Status no_reference where the
        reference has no row, no base or no events (the ratio would be infinite), no_events where neither side
        has any. Against everyone the interval is that against all others, carried over exactly.

    Raises
    ------
    EstimationError
        If columns are missing, a count is negative, rows repeat a key, or an option has no meaning.
    """
    levels = confidence_levels(confidence)
    check_kind(kind)
    used: RatioMethod = ("exact" if kind == "rate" else "score") if method is None else method
    if used not in get_args(RatioMethod):
        raise EstimationError("The method of a ratio is exact, midp, score or katz.", "Give one, or leave it out.")
    pair = Comparison.of(counts, reference, kind if used in _POISSON else "proportion")
    status, found = ratio_estimates(pair, levels, used, everyone=reference == EVERYONE)
    return lay_out(
        pair.frame, "rri", levels=levels, own=pair.own, against=pair.against,
        reference=reference, status=status, found=found,
    )  # fmt: skip


def ratio_estimates(
    pair: Comparison, levels: FloatArray, method: RatioMethod, *, everyone: bool
) -> tuple[StrArray, Estimates]:
    """Status and estimates of the ratio of each compared row."""
    status = pair.ratio_status()
    usable = np.isin(status, USABLE)
    a, A, b, B = pair.inputs(usable)
    with np.errstate(divide="ignore"):
        ratio = (a / A) / (b / B)
    effective = pair.effective(usable, "rate" if method in _POISSON else "proportion")
    limits = _LIMITS[method](*effective, levels)
    p_value = spread(usable, _P_VALUE[method](*effective)[:, 0])
    if everyone:
        share = pair.share[usable, None]
        ratio = intervals.ratio_to_everyone(ratio, share)
        limits = Limits(*(intervals.ratio_to_everyone(limit, share) for limit in limits))
    lower, upper = spread(usable, limits.lower), spread(usable, limits.upper)
    # only Katz leaves a row without limits here
    status = np.where(usable & np.isnan(lower[:, 0]), "no_events", status)
    return status, Estimates(spread(usable, ratio[:, 0]), lower, upper, pair.methods(usable, method, levels), p_value)


def difference(
    counts: pd.DataFrame | Counts,
    *,
    kind: Kind,
    reference: str = "White",
    per: float = 1.0,
    confidence: float | Sequence[float] = 0.95,
) -> pd.DataFrame:
    """Difference of the group's rate from the reference's, per `per` of the base (quantity difference).

    The interval is Newcombe's for proportions, and for rates MOVER on the limits that `rate` gives each side.
    Parameters, references and errors are those of `relative_rate`; a reference without events is no obstacle
    here.
    """
    check_per(per)
    pair = Comparison.of(counts, reference, kind)
    scale = np.full(len(pair.frame), float(per))
    return _difference(pair, "difference", scale, kind, reference, confidence_levels(confidence))


def excess(
    counts: pd.DataFrame | Counts, *, kind: Kind, reference: str = "White", confidence: float | Sequence[float] = 0.95
) -> pd.DataFrame:
    """Excess to parity: how many fewer events (more, if negative) would give the reference's rate.

    a - A x b / B, which is the group's base times the difference of the rates; its limits are the base times
    the limits of the difference, so they carry the uncertainty of both sides and agree with `difference` on
    what differs. Parameters, references and errors are those of `difference`.
    """
    pair = Comparison.of(counts, reference, kind)
    return _difference(pair, "excess", pair.own.denominator, kind, reference, confidence_levels(confidence))


def _difference(
    pair: Comparison, quantity: str, scale: FloatArray, kind: Kind, reference: str, levels: FloatArray
) -> pd.DataFrame:
    usable = np.isin(pair.status, USABLE)
    a, A, b, B = pair.inputs(usable)
    method, limits_of = ("newcombe", intervals.newcombe) if kind == "proportion" else ("mover", intervals.mover_rates)
    limits = limits_of(*pair.effective(usable, kind), levels)
    times = scale[usable, None]
    if reference == EVERYONE:
        # everyone's rate is the mean of the group's and the others' weighted by base: the gap shrinks so
        times = times * (1 - pair.share[usable, None])
    found = Estimates(
        spread(usable, (times * (a / A - b / B))[:, 0]),
        spread(usable, times * limits.lower),
        spread(usable, times * limits.upper),
        pair.methods(usable, method, levels),
    )
    return lay_out(
        pair.frame, quantity, levels=levels, own=pair.own, against=pair.against,
        reference=reference, status=pair.status, found=found,
    )  # fmt: skip
