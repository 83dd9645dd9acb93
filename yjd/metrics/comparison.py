"""Each group beside its reference, with the reason where the two cannot be compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yjd.errors import EstimationError
from yjd.metrics.counts import (
    EVERYONE,
    NOT_GROUPS,
    OTHERS,
    USABLE,
    Counts,
    Kind,
    Reason,
    Side,
    check_kind,
    first_reason,
)
from yjd.metrics.design import by_child_name, design, inflation
from yjd.metrics.intervals import FloatArray, StrArray

_NOTHING = 1e-9  # a difference this far below its total is what subtraction of decimals leaves of 0


@dataclass(frozen=True)
class Comparison:
    """Rows of the groups that are compared; arrays have shape (rows,).

    Attributes
    ----------
    frame : DataFrame
        The prepared rows: every group but the reference itself, and none of All, Known and Unknown.
    own, against : Side
        The group's counts and the reference's, as they are published.
    apart : Side
        The part of the reference that shares no child with the group: all others where the reference is
        everyone, else the reference. Intervals are built on `own` and `apart`, which are independent.
    known, unknown : Side
        All children of known ethnicity, and of unknown, in the row's stratum.
    status : array of str
        Why the row cannot be estimated, whatever the metric; ok or break if it can.
    """

    frame: pd.DataFrame
    own: Side
    against: Side
    apart: Side
    known: Side
    unknown: Side
    status: StrArray

    @classmethod
    def of(cls, counts: pd.DataFrame | Counts, reference: str, kind: Kind) -> Comparison:
        """Set every group of a counts frame beside its reference."""
        check_kind(kind)
        if reference in NOT_GROUPS or not reference:
            raise EstimationError(
                "All, Known and Unknown cannot be a reference.",
                "Name a group, or give `others` or `everyone`.",
            )
        data, asked = Counts.of(counts), (cls, reference, kind)
        if asked not in data.found:
            data.found[asked] = cls._found(data, reference, kind)
        comparison: Comparison = data.found[asked]
        return comparison

    @classmethod
    def _found(cls, data: Counts, reference: str, kind: Kind) -> Comparison:
        chosen = np.flatnonzero(data.is_group & (data.frame["group"] != reference).to_numpy(dtype=bool))
        own, known, unknown = data.own.at(chosen), data.known().at(chosen), data.unknown().at(chosen)
        others = _less(known, own)
        if reference == OTHERS:
            against = apart = others
        elif reference == EVERYONE:
            against, apart = known, others
        else:
            against = apart = data.named(reference).at(chosen)
        frame = data.frame.iloc[chosen].reset_index(drop=True)
        return cls(frame, own, against, apart, known, unknown, _status(own, against, apart, kind))

    @property
    def share(self) -> FloatArray:
        """The group's share of the base: of the group and those apart from it."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.own.denominator / (self.own.denominator + self.apart.denominator)

    def ratio_status(self) -> StrArray:
        """Status where a ratio is wanted: it needs reference events besides."""
        events, reference_events = self.own.numerator, self.against.numerator
        usable = np.isin(self.status, USABLE)
        none = usable & (reference_events == 0)
        return first_reason([(none & (events == 0), "no_events"), (none, "no_reference")], self.status)

    def inputs(self, usable: np.ndarray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return a, A, b, B of the rows that can be estimated, as columns of shape (usable rows, 1)."""
        own, apart = self.own, self.apart
        values = (own.numerator, own.denominator, apart.numerator, apart.denominator)
        a, A, b, B = (value[usable, None] for value in values)
        return a, A, b, B

    @property
    def by_child(self) -> NDArray[np.bool_]:
        """Which rows know, on both sides, how many events each child has."""
        return self.own.by_child & self.apart.by_child

    def effective(self, usable: np.ndarray, model: Kind) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """As `inputs`, each side divided by its design factor: independent events that say as much."""
        pool = inflation(self.known, model)
        one, two = (design(side, pool, model)[usable, None] for side in (self.own, self.apart))
        a, A, b, B = self.inputs(usable)
        return a / one, A / one, b / two, B / two

    def methods(self, usable: np.ndarray, method: str, levels: FloatArray) -> StrArray:
        """Name of the method on each row of the frame: `_by_child` where it allows for repeat children."""
        named = by_child_name(np.where(usable, method, ""), self.by_child & usable)
        return np.repeat(named[:, None], len(levels), axis=1)


def spread(usable: np.ndarray, values: FloatArray) -> FloatArray:
    """Values of the usable rows put back among all rows, NaN elsewhere."""
    full = np.full((len(usable), *values.shape[1:]), np.nan)
    full[usable] = values
    return full


def _less(known: Side, own: Side) -> Side:
    rest = known.plus(own, -1)

    def tidy(left: FloatArray, total: FloatArray) -> FloatArray:
        return np.where(np.abs(left) <= _NOTHING * total, 0.0, left)

    return Side(
        tidy(rest.numerator, known.numerator),
        tidy(rest.denominator, known.denominator),
        rest.status,
        rest.disclosure,
        np.maximum(rest.child_sums, 0.0),
    )


def _status(own: Side, against: Side, apart: Side, kind: Kind) -> StrArray:
    """Return the first reason that applies, from the most to the least binding."""
    more_than_base = np.zeros(len(own.numerator), dtype=bool)
    if kind == "proportion":
        more_than_base = (own.numerator > own.denominator) | (apart.numerator > apart.denominator)
    reasons: list[Reason] = [
        (own.hidden | against.hidden | apart.hidden, "hidden"),
        (~np.isin(own.status, USABLE), own.status),
        (~(own.denominator > 0), "no_denominator"),
        (~np.isin(against.status, USABLE), against.status),
        (~np.isin(apart.status, USABLE), apart.status),
        # Known less the group falls below 0 only where the counts contradict each other, as after rounding
        ((apart.numerator < 0) | (apart.denominator < 0), "inconsistent"),
        (~((against.denominator > 0) & (apart.denominator > 0)), "no_reference"),
        (more_than_base, "inconsistent"),
        ((own.status == "break") | (against.status == "break"), "break"),
    ]
    return first_reason(reasons, "ok")
