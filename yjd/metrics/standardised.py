"""Rates and ratios standardised for sex, age and the like: directly, and indirectly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yjd.errors import EstimationError
from yjd.metrics.comparison import Comparison, spread
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
from yjd.metrics.intervals import FloatArray, Limits, StrArray, poisson_rate, wilson
from yjd.metrics.layout import Estimates, lay_out
from yjd.metrics.standard import Standard
from yjd.metrics.strata import FEWEST_EVENTS, Margins, check_over, log_estimates, split_by

IndirectMethod = Literal["log_delta", "byar"]


def standardised_rate(
    counts: pd.DataFrame,
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
    scaled by the standard error of the weighted sum; a lower limit below 0 is 0. For a proportion it is made
    from Wilson's limits of each stratum (MOVER: Zou, Huang and Zhang 2009, Computational Statistics and Data
    Analysis 53:1080-1085), which stays within 0 and 1 and allows for strata without events. With one stratum
    both are the limits that `rate` gives.

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
    parts = _Parts.of(margins, data.own, weights.share, usable)
    estimate = parts.total(parts.share * parts.events / parts.base)
    if kind == "rate":
        variance = parts.total(parts.share**2 * parts.events / parts.base**2)
        limits = _dobson(estimate, variance, own.numerator[usable], levels)
    else:
        limits = _mover_wilson(estimate, parts, levels)
    found = Estimates(
        spread(usable, per * estimate),
        spread(usable, per * limits.lower),
        spread(usable, per * limits.upper),
        np.full((len(usable), len(levels)), "dobson" if kind == "rate" else "mover_wilson"),
    )
    return lay_out(margins.frame, "standardised_rate", levels=levels, own=own, status=status, found=found)


def standardised_rri(
    counts: pd.DataFrame,
    *,
    kind: Kind,
    reference: str = "White",
    over: Sequence[str] = ("sex", "age_band"),
    standard: str | pd.DataFrame = EVERYONE,
    confidence: float | Sequence[float] = 0.95,
) -> pd.DataFrame:
    """Directly standardised rate of each group divided by the reference's, on one standard.

    Quantity standardised_rri, method log_delta: on the log scale, with the variances of both sides (Poisson
    for a rate, binomial within strata for a proportion), as for ratios of age-adjusted rates of disease.
    Against everyone the variance allows for the group being part of everyone. The counts shown are the plain
    sums, whose ratio is not the estimate.

    Parameters, standard and errors are those of `standardised_rate`, references those of `relative_rate`.
    Status too_few below 10 events on either side, or where a proportion leaves no variation.
    """
    levels, dimensions = confidence_levels(confidence), check_over(over)
    rows = split_by(counts, dimensions)
    pair, data = Comparison.of(rows, reference, kind), Counts.of(rows)
    compared = data.is_group & (data.frame["group"] != reference).to_numpy(dtype=bool)
    weights = Standard.of(data, dimensions, standard).at(compared)
    margins = Margins.of(pair.frame, dimensions)
    status = weights.status_of(margins, pair.status)
    own, against = (margins.side(side, weights.used, status) for side in (pair.own, pair.against))
    few = (own.numerator < FEWEST_EVENTS) | (against.numerator < FEWEST_EVENTS)
    status = first_reason([(np.isin(status, USABLE) & few, "too_few")], status)
    kept = weights.used & np.isin(status, USABLE)[margins.place]
    with np.errstate(divide="ignore", invalid="ignore"):
        own_weight, against_weight = weights.share / pair.own.denominator, weights.share / pair.against.denominator
    sums = _WeightedSums(own_weight, against_weight, kept, everyone=reference == EVERYONE)
    status, found = sums.log_ratio(pair, margins, status, kind, levels)
    return lay_out(
        margins.frame, "standardised_rri", levels=levels, own=own, against=against,
        reference=reference, status=status, found=found,
    )  # fmt: skip


def standardised_ratio(
    counts: pd.DataFrame,
    *,
    kind: Kind,
    reference: str = "White",
    over: Sequence[str] = ("sex", "age_band"),
    confidence: float | Sequence[float] = 0.95,
    method: IndirectMethod = "log_delta",
) -> pd.DataFrame:
    """Indirectly standardised ratio: observed events over those expected at the reference's rates.

    Quantity standardised_ratio. Expected is the sum over strata of the group's base x the reference's rate, and
    stands in `reference_numerator` with the group's own base in `reference_denominator`. The ratios of two
    groups are weighted each by its own strata, so they compare each group with the reference and not the
    groups with each other; for that use `standardised_rri`.

    Parameters
    ----------
    counts, kind, over, confidence
        As for `standardised_rate`.
    reference : str
        As for `relative_rate`.
    method : {"log_delta", "byar"}
        "log_delta" allows for the chance variation of both the observed events and the reference's rates. "byar" is
        the textbook interval, as in PHEindicatormethods: Byar's limits of the observed events over the
        expected, with the reference's rates taken as fixed. That is right for a standard that was laid down
        beforehand, and nearly so for a reference many times larger than the group; with a reference of the
        same size it is too narrow by a factor of about 1.4. It has no p-value.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`. Status too_few below 10 observed events, or where a proportion
        leaves no variation; no_reference where the reference has no base in a stratum where the group has
        one, or no events in any; no_denominator where the group has events in a stratum without a base.

    Raises
    ------
    EstimationError
        If columns are missing, a count is negative, rows repeat a key, or an option has no meaning.
    """
    if method not in get_args(IndirectMethod):
        raise EstimationError("The method of a standardised ratio is log_delta or byar.", "Give one, or leave it out.")
    levels, dimensions = confidence_levels(confidence), check_over(over)
    pair = Comparison.of(split_by(counts, dimensions), reference, kind)
    margins = Margins.of(pair.frame, dimensions)
    used = ~((pair.status == "no_denominator") & (pair.own.denominator == 0) & (pair.own.numerator == 0))
    status = margins.worst(pair.status, used, none="no_denominator")
    own = margins.side(pair.own, used, status)
    kept = used & np.isin(status, USABLE)[margins.place]
    with np.errstate(divide="ignore", invalid="ignore"):
        against_weight = pair.own.denominator / pair.against.denominator
        expected = margins.total(against_weight * pair.against.numerator, kept)
    status = _ratio_status(status, own.numerator, expected)
    against = Side(expected, own.denominator, status, margins.side(pair.against, used, status).disclosure)
    kept &= np.isin(status, USABLE)[margins.place]
    if method == "byar":
        found = _byar_ratio(own.numerator, expected, np.isin(status, USABLE), levels)
    else:
        sums = _WeightedSums(np.ones(len(kept)), against_weight, kept, everyone=reference == EVERYONE)
        status, found = sums.log_ratio(pair, margins, status, kind, levels)
    return lay_out(
        margins.frame, "standardised_ratio", levels=levels, own=own, against=against,
        reference=reference, status=status, found=found,
    )  # fmt: skip


@dataclass(frozen=True)
class _WeightedSums:
    """A ratio of two weighted sums of counts over strata; arrays of shape (rows,).

    With `everyone` the group's events are part of the reference's.
    """

    own_weight: FloatArray
    against_weight: FloatArray
    kept: NDArray[np.bool_]
    everyone: bool

    def log_ratio(
        self, pair: Comparison, margins: Margins, status: StrArray, kind: Kind, levels: FloatArray
    ) -> tuple[StrArray, Estimates]:
        """Estimate the ratio with its delta interval on the log scale; too_few where no variation is left."""
        kept, place = self.kept, margins.place[self.kept]
        own_weight, against_weight = self.own_weight[kept], self.against_weight[kept]
        above = _placed(margins, kept, own_weight * pair.own.numerator[kept])
        below = _placed(margins, kept, against_weight * pair.against.numerator[kept])
        shared = against_weight if self.everyone else 0.0
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            # derivatives of the log ratio in the group's events and in those of children apart from it
            by_own, by_apart = own_weight / above[place] - shared / below[place], against_weight / below[place]
            spread_own, spread_apart = _variance(pair.own, kept, kind), _variance(pair.apart, kept, kind)
            squared = _placed(margins, kept, spread_own * by_own**2 + spread_apart * by_apart**2)
            ratio, error = above / below, np.sqrt(squared)
        status, found = log_estimates(ratio, error, status, levels, "log_delta")
        return status, found


def _placed(margins: Margins, kept: NDArray[np.bool_], values: FloatArray) -> FloatArray:
    return np.bincount(margins.place[kept], weights=values, minlength=len(margins.frame)).astype(np.float64)


def _variance(side: Side, kept: NDArray[np.bool_], kind: Kind) -> FloatArray:
    events, base = side.numerator[kept], side.denominator[kept]
    return events if kind == "rate" else events * (1 - events / base)


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


def _ratio_status(status: StrArray, observed: FloatArray, expected: FloatArray) -> StrArray:
    usable = np.isin(status, USABLE)
    none = usable & ~(expected > 0)
    return first_reason(
        [
            (none & (observed == 0), "no_events"),
            (none, "no_reference"),
            (usable & (observed < FEWEST_EVENTS), "too_few"),
        ],
        status,
    )


def _byar_ratio(observed: FloatArray, expected: FloatArray, usable: NDArray[np.bool_], levels: FloatArray) -> Estimates:
    lower, upper, method = poisson_rate(observed[usable, None], expected[usable, None], levels)
    methods = np.full((len(usable), len(levels)), "", dtype=method.dtype)
    methods[usable] = method
    ratio = spread(usable, observed[usable] / expected[usable])
    return Estimates(ratio, spread(usable, lower), spread(usable, upper), methods)


@dataclass(frozen=True)
class _Parts:
    """Strata of the margins that can be estimated. Arrays of shape (strata,); `row` numbers those margins."""

    row: NDArray[np.intp]
    rows: int
    share: FloatArray
    events: FloatArray
    base: FloatArray

    @classmethod
    def of(cls, margins: Margins, side: Side, share: FloatArray, usable: NDArray[np.bool_]) -> _Parts:
        kept = (share > 0) & usable[margins.place]
        row = (np.cumsum(usable) - 1)[margins.place[kept]]
        return cls(row, int(usable.sum()), share[kept], side.numerator[kept], side.denominator[kept])

    def total(self, values: FloatArray) -> FloatArray:
        return np.bincount(self.row, weights=values, minlength=self.rows).astype(np.float64)


def _dobson(estimate: FloatArray, variance: FloatArray, events: FloatArray, levels: FloatArray) -> Limits:
    lower, upper, _ = poisson_rate(events[:, None], 1.0, levels)
    scale = np.sqrt(variance / events)[:, None]
    down, up = scale * (lower - events[:, None]), scale * (upper - events[:, None])
    return Limits(np.maximum(estimate[:, None] + down, 0.0), estimate[:, None] + up)


def _mover_wilson(estimate: FloatArray, parts: _Parts, levels: FloatArray) -> Limits:
    """Square the distances of each stratum's limits from its proportion, add them by weight, take the root."""
    each = parts.events / parts.base
    lower, upper = np.empty((parts.rows, len(levels))), np.empty((parts.rows, len(levels)))
    for column, level in enumerate(levels):
        limits = wilson(parts.events, parts.base, level)
        lower[:, column] = estimate - np.sqrt(parts.total((parts.share * (each - limits.lower)) ** 2))
        upper[:, column] = estimate + np.sqrt(parts.total((parts.share * (limits.upper - each)) ** 2))
    # within 0 and 1 but for the last digits
    return Limits(np.clip(lower, 0.0, 1.0), np.clip(upper, 0.0, 1.0))
