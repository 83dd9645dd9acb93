"""What children of unknown ethnicity could do to a relative rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from yjd.metrics.comparison import Comparison
from yjd.metrics.counts import EVERYONE, USABLE, Counts, Kind, Reason, Side, first_reason
from yjd.metrics.intervals import FloatArray, StrArray
from yjd.metrics.layout import Estimates, lay_out


def missing_bounds(counts: pd.DataFrame | Counts, *, kind: Kind, reference: str = "White") -> pd.DataFrame:
    """Relative rate index if children of unknown ethnicity were known (quantity rri_bounds).

    `lower` and `upper` are hard bounds: the smallest and the largest ratio over every way to give each
    unknown child a group, not a confidence interval; `confidence` is blank. `estimate` is proportional
    allocation over the whole margin; `allocated_ratio` allocates within strata.

    For a proportion an unknown child brings its own outcome along: those with the event and those without are
    allocated apart, as nobody can be in the numerator and not in the base. The upper bound gives all unknown
    events to the group and all unknown non-events to the reference; the lower bound the reverse. Proportional
    allocation shares events as known events are shared, and non-events as known non-events are. For a rate
    the events and the base are allocated freely of each other. A population has no unknown, so its bounds
    move events only, and proportional allocation, which multiplies every group by the same factor, gives back
    the ratio of complete cases: what it changes is the rates.

    Unknown comes from the Unknown row, else from All less Known; with neither the status is not_available,
    since no unknown recorded is not the same as none. Parameters, references, other statuses and errors are
    those of `relative_rate`. Against everyone, everyone includes the unknown.
    """
    pair = Comparison.of(counts, reference, kind)
    unknown = movable(pair.unknown, kind)
    status = unknown_status(pair, unknown, kind)
    everyone = reference == EVERYONE
    usable = np.isin(status, USABLE)
    own, against, known, moved = (
        _Cells.of(side, usable, kind) for side in (pair.own, pair.against, pair.known, unknown)
    )
    if everyone:
        whole = known.plus(moved.events, moved.rest)
        low, high = own.plus(0.0, moved.rest).over(whole), own.plus(moved.events, 0.0).over(whole)
        middle = own.allocated(known, moved).over(whole)
    else:
        low = own.plus(0.0, moved.rest).over(against.plus(moved.events, 0.0))
        high = own.plus(moved.events, 0.0).over(against.plus(0.0, moved.rest))
        middle = own.allocated(known, moved).over(against.allocated(known, moved))
    estimate, lower, upper = (np.full(len(usable), np.nan) for _ in range(3))
    estimate[usable], lower[usable], upper[usable] = middle, low, high
    found = Estimates(estimate, lower[:, None], upper[:, None], np.full((len(usable), 1), "allocation"))
    return lay_out(
        pair.frame, "rri_bounds", levels=np.array([np.nan]), own=pair.own, against=pair.against,
        reference=reference, status=status, found=found,
    )  # fmt: skip


@dataclass(frozen=True)
class _Cells:
    """Counts in the two parts that unknown children move between. Arrays of shape (usable rows,).

    `rest` is the children without the event for a proportion and the whole base for a rate.
    """

    events: FloatArray
    rest: FloatArray
    nested: bool

    @classmethod
    def of(cls, side: Side, usable: np.ndarray, kind: Kind) -> _Cells:
        events, base = side.numerator[usable], side.denominator[usable]
        nested = kind == "proportion"
        return cls(events, base - events if nested else base, nested)

    @property
    def base(self) -> FloatArray:
        return self.events + self.rest if self.nested else self.rest

    def plus(self, events: FloatArray | float, rest: FloatArray | float) -> _Cells:
        return _Cells(self.events + events, self.rest + rest, self.nested)

    def over(self, other: _Cells) -> FloatArray:
        """Ratio of the two rates."""
        return (self.events / self.base) / (other.events / other.base)

    def allocated(self, known: _Cells, moved: _Cells) -> _Cells:
        """Add its part of what moves: by events and by rest, or by base where nobody known has the rest."""
        by_rest = np.where(known.rest > 0, self.rest / np.where(known.rest > 0, known.rest, 1), self.base / known.base)
        return self.plus(moved.events * self.events / known.events, moved.rest * by_rest)


def movable(unknown: Side, kind: Kind) -> Side:
    """Give Unknown with an absent row named not_available, and the absent unknown base of a population as 0."""
    status = np.where(unknown.status == "no_reference", "not_available", unknown.status)
    base = unknown.denominator
    if kind == "rate":
        base = np.where(np.isnan(base), 0.0, base)
    else:
        status = np.where(np.isin(status, USABLE) & np.isnan(base), "not_available", status)
    return Side(unknown.numerator, base, status, unknown.disclosure)


def unknown_status(pair: Comparison, unknown: Side, kind: Kind) -> StrArray:
    """Status of a ratio that the unknown have a part in; `unknown` comes from `movable`."""
    # the two sides may be whole while the total that shares out the unknown is hidden or does not fit them
    known, compared = pair.known, pair.ratio_status()
    wrong = (unknown.numerator < 0) | (unknown.denominator < 0)
    for side in (pair.own, pair.apart):
        # either side alone must fit in the total; the two together may miss it by what rounding does
        wrong |= _exceeds(side.numerator, known.numerator) | _exceeds(side.denominator, known.denominator)
        if kind == "proportion":
            wrong |= _exceeds(side.denominator - side.numerator, known.denominator - known.numerator)
    if kind == "proportion":
        wrong |= (unknown.numerator > unknown.denominator) | (known.numerator > known.denominator)
    reasons: list[Reason] = [
        (unknown.hidden | known.hidden, "hidden"),
        (~np.isin(compared, USABLE), compared),
        (~np.isin(unknown.status, USABLE), unknown.status),
        (~np.isin(known.status, USABLE), known.status),
        (np.isnan(known.denominator), "not_available"),
        (wrong, "inconsistent"),
        ((unknown.status == "break") | (known.status == "break"), "break"),
    ]
    return first_reason(reasons, compared)


def _exceeds(part: FloatArray, whole: FloatArray) -> np.ndarray:
    """Whether a part is larger than its whole by more than the last digits of a subtraction."""
    return np.asarray(part > whole + 1e-9 * (1 + np.abs(whole)))
