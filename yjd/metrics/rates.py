"""Rates of each group, and the composition of a stage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from yjd.metrics import intervals
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
from yjd.metrics.intervals import FloatArray, StrArray
from yjd.metrics.layout import Estimates, lay_out
from yjd.schema import UNKNOWN


def rate(
    counts: pd.DataFrame, *, kind: Kind, per: float = 1.0, confidence: float | Sequence[float] = 0.95
) -> pd.DataFrame:
    """Events per `per` of the base: one row for every row of counts and level of confidence.

    Parameters
    ----------
    counts : DataFrame
        Columns group, numerator, denominator; any of measure, period, area, sex, age_band, level, status,
        disclosure.
    kind : {"proportion", "rate"}
        "proportion" if the numerator is part of the base: Wilson's interval. "rate" if it is not: the Poisson
        interval, exact (Garwood) below 10 events and Byar's from 10.
    per : float
        Scale of estimate and limits, such as 1000.
    confidence : float or sequence of float
        One or more levels; each level is a row.

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
    levels, data = confidence_levels(confidence), Counts.of(counts)
    own = data.own
    usable = np.isin(own.status, USABLE)
    reasons = [
        (usable & ~(own.denominator > 0), "no_denominator"),
        (usable & _more_than_base(own, kind), "inconsistent"),
    ]
    status = first_reason(reasons, own.status)
    usable = np.isin(status, USABLE) & ~own.hidden
    a, base = own.numerator[usable, None], own.denominator[usable, None]
    if kind == "rate":
        lower, upper, method = intervals.poisson_rate(a, base, levels)
        # the method depends on the count, so a row that is not estimated has none
        methods = np.full((len(usable), len(levels)), "", dtype="U8")
        methods[usable] = method
    else:
        lower, upper = intervals.wilson(a, base, levels)
        methods = np.full((len(usable), len(levels)), "wilson")
    found = _scaled(usable, a / base, lower, upper, methods, per)
    return lay_out(data.frame, "rate", levels=levels, own=own, status=status, found=found)


def composition(counts: pd.DataFrame, *, confidence: float | Sequence[float] = 0.95) -> pd.DataFrame:
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
    closed = cell.plus(Side(total.numerator, total.denominator, total.status, total.disclosure))
    own = Side(cell.numerator, total.numerator, closed.status, _own_first(cell, closed))
    usable = np.isin(own.status, USABLE)
    reasons = [
        (usable & ~(own.denominator > 0), "no_events"),
        (usable & (own.numerator > own.denominator), "inconsistent"),
    ]
    status = first_reason(reasons, own.status)
    usable = np.isin(status, USABLE) & ~own.hidden
    a, whole = own.numerator[usable, None], own.denominator[usable, None]
    lower, upper = intervals.wilson(a, whole, levels)
    methods = np.full((len(usable), len(levels)), "wilson")
    found = _scaled(usable, a / whole, lower, upper, methods, 100.0)
    frame = data.frame.iloc[chosen].reset_index(drop=True)
    return lay_out(frame, "composition", levels=levels, own=own, status=status, found=found)


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


def _own_first(cell: Side, closed: Side) -> StrArray:
    """Disclosure of a share: primary only where the cell itself is, secondary where its total is hidden."""
    return np.where(closed.hidden & (cell.disclosure != "primary"), "secondary", closed.disclosure)


def _more_than_base(own: Side, kind: Kind) -> np.ndarray:
    if kind == "rate":
        return np.zeros(len(own.numerator), dtype=bool)
    return np.asarray(own.numerator > own.denominator)
