"""Groups compared after standardising for sex, age and the like: two direct rates, or observed over expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yjd.errors import EstimationError
from yjd.metrics.comparison import Comparison, spread
from yjd.metrics.counts import EVERYONE, USABLE, Counts, Kind, Side, confidence_levels, first_reason
from yjd.metrics.design import by_child_name, design, inflation
from yjd.metrics.intervals import FloatArray, StrArray, poisson_rate
from yjd.metrics.layout import Estimates, lay_out
from yjd.metrics.standard import Standard
from yjd.metrics.strata import FEWEST_EVENTS, Margins, check_over, log_estimates, split_by

IndirectMethod = Literal["log_delta", "byar"]


def standardised_rri(
    counts: pd.DataFrame | Counts,
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
    sums, whose ratio is not the estimate. Where they bring sums over repeat children on both sides, the variance
    allows for these (method log_delta_by_child); a child is taken to stay in one stratum.

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
    counts: pd.DataFrame | Counts,
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
        "log_delta" allows for the chance variation of both the observed events and the reference's rates, and for
        repeat children as `standardised_rri` does. "byar" is
        the textbook interval, as in PHEindicatormethods: Byar's limits of the observed events over the
        expected, with the reference's rates taken as fixed. That is right for a standard that was laid down
        beforehand, and nearly so for a reference many times larger than the group; with a reference of the
        same size it is too narrow by a factor of about 1.4. It has no p-value and takes all events to be independent.

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
    """A ratio of two weighted sums of counts over strata; arrays of shape (rows,), a row for each stratum.

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
            pool = inflation(pair.known, kind)
            own, apart = (_variance(side, pool, kind)[kept] for side in (pair.own, pair.apart))
            squared = _placed(margins, kept, own * by_own**2 + apart * by_apart**2)
            ratio, error = above / below, np.sqrt(squared)
        by_child = margins.all(pair.by_child, kept)
        return log_estimates(ratio, error, status, levels, by_child_name(np.full(len(status), "log_delta"), by_child))


def _placed(margins: Margins, kept: NDArray[np.bool_], values: FloatArray) -> FloatArray:
    return np.bincount(margins.place[kept], weights=values, minlength=len(margins.frame)).astype(np.float64)


def _variance(side: Side, pool: FloatArray, kind: Kind) -> FloatArray:
    """Variance of each stratum's events, with the design factor of repeat children."""
    independent = side.numerator
    if kind == "proportion":
        independent = independent * (1 - independent / side.denominator)
    return np.asarray(independent * design(side, pool, kind))


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
