"""Rates of each group, and the composition of a stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd

from yjd.errors import EstimationError
from yjd.metrics import intervals, midp
from yjd.metrics.comparison import spread
from yjd.metrics.counts import (
    USABLE,
    Counts,
    Kind,
    Side,
    check_kind,
    check_per,
    confidence_levels,
    first_reason,
)
from yjd.metrics.design import by_child_name, design, inflation
from yjd.metrics.intervals import FloatArray, StrArray
from yjd.metrics.layout import Estimates, lay_out
from yjd.schema import UNKNOWN

RateMethod = Literal["exact", "midp"]


def rate(
    counts: pd.DataFrame | Counts,
    *,
    kind: Kind,
    per: float = 1.0,
    confidence: float | Sequence[float] = 0.95,
    method: RateMethod | None = None,
) -> pd.DataFrame:
    """Events per `per` of the base: one row for every row of counts and level of confidence.

    Parameters
    ----------
    counts : DataFrame
        Columns group, numerator, denominator; any of measure, period, area, sex, age_band, deprivation, level,
        status, disclosure, and numerator_squares, products, denominator_squares (see `yjd.metrics.design`), with
        which the interval allows for repeat children and the method ends in `_by_child`.
    kind : {"proportion", "rate"}
        "proportion" if the numerator is part of the base: Wilson's interval. "rate" if it is not: the Poisson
        interval, exact (Garwood) below 10 events and Byar's from 10.
    per : float
        Scale of estimate and limits, such as 1000.
    confidence : float or sequence of float
        One or more levels; each level is a row.
    method : {"exact", "midp"}, optional
        Garwood's or Clopper and Pearson's interval at any count, or its mid-P version: shorter, and no longer
        sure to hold its level.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`. Status no_denominator where the base is 0 or absent (Unknown has
        no population), inconsistent where a proportion counts more than its base. All, Known and Unknown have
        rates too.

    Raises
    ------
    EstimationError
        If columns are missing, a count is negative, rows repeat a key, or an option has no meaning.
    """
    check_kind(kind)
    check_per(per)
    if method is not None and method not in get_args(RateMethod):
        raise EstimationError("The method of a rate is exact or midp.", "Give one, or leave it out.")
    levels, data = confidence_levels(confidence), Counts.of(counts)
    own = data.own
    usable = np.isin(own.status, USABLE)
    reasons = [
        (usable & ~(own.denominator > 0), "no_denominator"),
        (usable & _more_than_base(own, kind), "inconsistent"),
    ]
    status = first_reason(reasons, own.status)
    usable = np.isin(status, USABLE) & ~own.hidden
    factor = design(own, inflation(data.known(), kind), kind)[usable, None]
    a, base = own.numerator[usable, None], own.denominator[usable, None]
    lower, upper, used = _limits(a / factor, base / factor, levels, kind, method)
    found = _scaled(usable, a / base, lower, upper, _methods(usable, used, own.by_child), per)
    return lay_out(data.frame, "rate", levels=levels, own=own, status=status, found=found)


def _limits(
    a: FloatArray, base: FloatArray, levels: FloatArray, kind: Kind, method: RateMethod | None
) -> tuple[FloatArray, FloatArray, StrArray]:
    """Limits of a rate per 1 of the base and the method that each row used, shapes (rows, levels)."""
    if kind == "rate" and method is None:
        return intervals.poisson_rate(a, base, levels)
    if kind == "rate":
        name, limits_of = ("garwood", intervals.garwood) if method == "exact" else ("midp", midp.poisson_midp)
        limits = intervals.Limits(*(limit / base for limit in limits_of(a, levels)))
    elif method is None:
        name, limits = "wilson", intervals.wilson(a, base, levels)
    elif method == "exact":
        name, limits = "clopper_pearson", intervals.clopper_pearson(a, base, levels)
    else:
        name, limits = "midp", midp.binomial_midp(a, base, levels)
    return *limits, np.full(limits.lower.shape, name)


def composition(counts: pd.DataFrame | Counts, *, confidence: float | Sequence[float] = 0.95) -> pd.DataFrame:
    """Each group's share of the stage, per 100 children or events of known ethnicity, with Wilson's interval.

    The denominator of a row is the stage's total of known ethnicity, as in official shares; the row of
    Unknown is the share of all, known or not. The base of the measure plays no part. Parameters and errors
    are those of `rate`.
    """
    levels, data = confidence_levels(confidence), Counts.of(counts)
    is_unknown = (data.frame["group"] == UNKNOWN).to_numpy(dtype=bool)
    chosen = np.flatnonzero(data.is_group | is_unknown)
    total = data.everybody().where(is_unknown, data.known()).at(chosen)
    cell = data.own.at(chosen)
    closed = cell.plus(total)
    # a child is in one group: its part of the total is its own events there, and nothing of other children's
    squares, all_squares = cell.child_sums[:, 0], total.child_sums[:, 0]
    sums = np.column_stack([squares, squares, all_squares])
    own = Side(cell.numerator, total.numerator, closed.status, closed.disclosure, sums)
    usable = np.isin(own.status, USABLE)
    reasons = [
        (usable & ~(own.denominator > 0), "no_events"),
        (usable & (own.numerator > own.denominator), "inconsistent"),
    ]
    status = first_reason(reasons, own.status)
    usable = np.isin(status, USABLE) & ~own.hidden
    events = np.where(total.numerator > 0, total.numerator, np.nan)
    factor = design(own, all_squares / events, "proportion")[usable, None]
    a, whole = own.numerator[usable, None], own.denominator[usable, None]
    lower, upper = intervals.wilson(a / factor, whole / factor, levels)
    methods = _methods(usable, np.full(lower.shape, "wilson"), own.by_child)
    found = _scaled(usable, a / whole, lower, upper, methods, 100.0)
    frame = data.frame.iloc[chosen].reset_index(drop=True)
    return lay_out(frame, "composition", levels=levels, own=own, status=status, found=found)


def _methods(usable: np.ndarray, used: StrArray, by_child: np.ndarray) -> StrArray:
    """Names of the methods of the usable rows put back among all rows, '' elsewhere."""
    named = np.full((len(usable), used.shape[1]), "", dtype="U24")
    named[usable] = by_child_name(used, by_child[usable, None])
    return named


def _scaled(
    usable: np.ndarray,
    estimate: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    method: StrArray,
    per: float,
) -> Estimates:
    return Estimates(
        spread(usable, per * estimate[:, 0]), spread(usable, per * lower), spread(usable, per * upper), method
    )


def _more_than_base(own: Side, kind: Kind) -> np.ndarray:
    if kind == "rate":
        return np.zeros(len(own.numerator), dtype=bool)
    return np.asarray(own.numerator > own.denominator)
