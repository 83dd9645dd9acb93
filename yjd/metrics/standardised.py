"""Rates directly standardised for sex, age and the like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yjd.metrics.comparison import spread
from yjd.metrics.counts import (
    EVERYONE,
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
from yjd.metrics.intervals import FloatArray, Limits, StrArray, clopper_pearson, poisson_rate
from yjd.metrics.layout import Estimates, lay_out
from yjd.metrics.standard import Standard
from yjd.metrics.strata import FEWEST_EVENTS, Margins, check_over, split_by


def standardised_rate(
    counts: pd.DataFrame | Counts,
    *,
    kind: Kind,
    per: float = 1.0,
    over: Sequence[str] = ("sex", "age_band"),
    standard: str | pd.DataFrame = EVERYONE,
    confidence: float | Sequence[float] = 0.95,
) -> pd.DataFrame:
    """Directly standardised rate: the rate a group would have if its strata were as large as the standard's.

    Quantity standardised_rate, the sum over strata of weight x a/A. For a rate the interval is that of Dobson
    and others (1991, Statistics in Medicine 10:457-462) as in PHEindicatormethods: Byar's limits of all events,
    scaled by the standard error of the weighted sum; a lower limit below 0 is 0. With one stratum these are the
    limits that `rate` gives. For a proportion it is Clopper and Pearson's of effective counts (Korn and Graubard
    1998, Survey Methodology 24:193-201): as many children as would give the weighted sum's variance if they were
    one sample, which allows for strata without events. With one stratum it is Clopper and Pearson's of the counts.
    Where the counts bring sums over repeat children, the events of each stratum are effective ones, as in `rate`
    (method dobson_by_child, korn_graubard_by_child); a child is taken to stay in one stratum.

    Parameters
    ----------
    counts : DataFrame
        As for `rate`, with rows split by every dimension of `over`; other rows are not used, nor are strata
        where sex, age, area or deprivation is Unknown.
    kind : {"proportion", "rate"}
        Whether the numerator is part of the base.
    per : float
        Scale of estimate and limits, such as 1000.
    over : sequence of str
        The dimensions standardised for: some of `yjd.schema.SPLITS`.
    standard : "everyone" or DataFrame
        "everyone" weights the strata by the base of all known children in the same measure, period and area,
        so that groups compare with each other there. To compare periods or areas give one standard for all: a
        frame with the columns of `over` and `weight`. A stratum that it does not name has no weight.
    confidence : float or sequence of float
        One or more levels; each level is a row.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`, with All in the dimensions of `over`. Numerator and denominator
        are the sums of the strata that have weight. Status no_denominator where the group has no base in one
        of them, too_few below 10 events in all (the rule of PHEindicatormethods).

    Raises
    ------
    EstimationError
        If columns are missing, a count is negative, rows repeat a key, or an option has no meaning.
    """
    check_kind(kind)
    check_per(per)
    levels, dimensions = confidence_levels(confidence), check_over(over)
    data = Counts.of(split_by(counts, dimensions))
    weights = Standard.of(data, dimensions, standard)
    margins = Margins.of(data.frame, dimensions)
    status = weights.status_of(margins, _own_status(data.own, kind))
    own = margins.side(data.own, weights.used, status)
    status = first_reason([(np.isin(status, USABLE) & (own.numerator < FEWEST_EVENTS), "too_few")], status)
    usable = np.isin(status, USABLE)
    factor = design(data.own, inflation(data.known(), kind), kind)
    parts = _Parts.of(margins, data.own, weights.share, factor, usable)
    estimate = parts.total(parts.share * parts.events / parts.base)
    if kind == "rate":
        variance = parts.total(parts.share**2 * parts.events / parts.base**2)
        limits = _dobson(estimate, variance, parts.total(parts.events), levels)
    else:
        limits = _korn_graubard(estimate, parts, levels)
    by_child = margins.all(data.own.by_child, weights.used)
    method = by_child_name(np.full(len(usable), "dobson" if kind == "rate" else "korn_graubard"), by_child)
    found = Estimates(
        spread(usable, per * estimate),
        spread(usable, per * limits.lower),
        spread(usable, per * limits.upper),
        np.repeat(method[:, None], len(levels), axis=1),
    )
    return lay_out(margins.frame, "standardised_rate", levels=levels, own=own, status=status, found=found)


def _own_status(own: Side, kind: Kind) -> StrArray:
    return first_reason(
        [
            (own.hidden, "hidden"),
            (~np.isin(own.status, USABLE), own.status),
            (~(own.denominator > 0), "no_denominator"),
            ((own.numerator > own.denominator) & (kind == "proportion"), "inconsistent"),
        ],
        own.status,
    )


@dataclass(frozen=True)
class _Parts:
    """Strata of the margins that can be estimated. Arrays of shape (strata,); `row` numbers those margins.

    Events and bases are effective: divided by the design factor of repeat children.
    """

    row: NDArray[np.intp]
    rows: int
    share: FloatArray
    events: FloatArray
    base: FloatArray

    @classmethod
    def of(
        cls, margins: Margins, side: Side, share: FloatArray, factor: FloatArray, usable: NDArray[np.bool_]
    ) -> _Parts:
        kept = (share > 0) & usable[margins.place]
        row = (np.cumsum(usable) - 1)[margins.place[kept]]
        events, base = (values[kept] / factor[kept] for values in (side.numerator, side.denominator))
        return cls(row, int(usable.sum()), share[kept], events, base)

    def total(self, values: FloatArray) -> FloatArray:
        return np.bincount(self.row, weights=values, minlength=self.rows).astype(np.float64)


def _dobson(estimate: FloatArray, variance: FloatArray, events: FloatArray, levels: FloatArray) -> Limits:
    lower, upper, _ = poisson_rate(events[:, None], 1.0, levels)
    scale = np.sqrt(variance / events)[:, None]
    down, up = scale * (lower - events[:, None]), scale * (upper - events[:, None])
    return Limits(np.maximum(estimate[:, None] + down, 0.0), estimate[:, None] + up)


def _korn_graubard(estimate: FloatArray, parts: _Parts, levels: FloatArray) -> Limits:
    """Clopper-Pearson limits of effective counts: all children over the design effect of weights and strata.

    The design effect is the variance of the weighted sum over that of as many children in one sample, both with
    divisor n - 1 (in strata of a few children the divisor n is too small far too often). Where no stratum has
    any variation, it is that of the weights alone, for one proportion everywhere (Kish 1965).
    """
    share = np.minimum(estimate, 1.0)  # above 1 by the last digits at most
    size = parts.total(parts.base)
    within = np.maximum(parts.events / parts.base * (1 - parts.events / parts.base), 0.0)
    variance = parts.total(parts.share**2 * within / _less_one(parts.base))
    by_weight = parts.total(parts.share**2 / parts.base)
    with np.errstate(divide="ignore", invalid="ignore"):
        effective = share * (1 - share) / variance * size / _less_one(size)
    effective = np.where((variance > 0) & (share < 1), effective, 1 / by_weight)
    return clopper_pearson((effective * share)[:, None], effective[:, None], levels)


def _less_one(size: FloatArray) -> FloatArray:
    """One less, but no less than half: below 2 children a divisor of n - 1 has no meaning."""
    return np.maximum(size - 1, size / 2)
