"""The areas of each group and stratum side by side, with the reason where they cannot be used together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yjd.errors import EstimationError
from yjd.metrics.counts import STRATUM, USABLE, Counts, Kind, Reason, Side, check_kind, first_reason
from yjd.metrics.intervals import FloatArray, StrArray
from yjd.schema import ALL, SPLITS, UNKNOWN

_WORST = ("not_available", "censored")  # from less to more binding; any other word counts as the first


@dataclass(frozen=True)
class Areas:
    """Rows of single areas; arrays have shape (rows,).

    Attributes
    ----------
    frame : DataFrame
        The prepared rows, area All and Unknown left out, those of one group and stratum next to each other.
    own : Side
        The area's counts.
    total : Side
        The sum over the areas that take part; hidden where any area is.
    scope : array of int
        The number of the row's group and stratum, counted from 0 without gaps.
    takes_part : array of bool
        Whether the row has a base and belongs to the sum.
    areas : array of int
        How many areas take part in the row's scope.
    status : array of str
        Why the row cannot be estimated; ok or break if it can.
    """

    frame: pd.DataFrame
    own: Side
    total: Side
    scope: NDArray[np.intp]
    takes_part: NDArray[np.bool_]
    areas: NDArray[np.intp]
    status: StrArray

    @classmethod
    def of(cls, counts: pd.DataFrame | Counts, kind: Kind, over: str) -> Areas:
        """Put the areas (or the parts of another split, `over`) of each group and stratum together."""
        check_kind(kind)
        if over not in SPLITS:
            raise EstimationError("`over` must be a dimension that margins are split by.", f"Use {', '.join(SPLITS)}.")
        data = Counts.of(counts)
        chosen = np.flatnonzero(~data.frame[over].isin([ALL, UNKNOWN]).to_numpy(dtype=bool))
        keys = [*(name for name in STRATUM if name != over), "group"]
        together = data.frame.iloc[chosen].groupby(keys, sort=False)
        number = together.ngroup().to_numpy().astype(np.intp)
        # by name within the scope, so that sums do not depend on the order of rows
        name = pd.factorize(data.frame[over].iloc[chosen], sort=True)[0]
        order = np.lexsort((name, number))
        chosen, scope = chosen[order], number[order]
        own = data.own.at(chosen)
        takes_part = np.isin(own.status, USABLE) & ~own.hidden & (own.denominator > 0)
        excessive = takes_part & (own.numerator > own.denominator) & (kind == "proportion")
        status = _status(own, scope, takes_part, excessive)
        total = _total(own, scope, takes_part, status)
        areas = _sums(takes_part.astype(np.float64), scope).astype(np.intp)
        frame = data.frame.iloc[chosen].reset_index(drop=True)
        return cls(frame, own, total, scope, takes_part, areas, status)

    def status_with(self, reasons: list[Reason]) -> StrArray:
        """Status of each row, with further reasons for rows that could be estimated."""
        usable = np.isin(self.status, USABLE)
        return first_reason([(usable & when, why) for when, why in reasons], self.status)

    def nothing_varies(self, kind: Kind) -> NDArray[np.bool_]:
        """Where the areas together have no events at all, or of a proportion nothing but events."""
        events = self.total.numerator
        return np.asarray((events == 0) | ((events >= self.total.denominator) & (kind == "proportion")))


def padded(values: FloatArray, scope: NDArray[np.intp]) -> tuple[FloatArray, tuple[NDArray[np.intp], ...]]:
    """Lay values of shape (rows,), sorted by scope, out as (scopes, most areas), 0 where there is no area.

    Also returns the place of each row, so that ``table[place]`` is `values` again.
    """
    _, row = np.unique(scope, return_inverse=True)
    column = np.arange(len(row)) - np.searchsorted(row, row)
    table = np.zeros((int(row.max(initial=-1)) + 1, int(column.max(initial=-1)) + 1))
    table[row, column] = values
    return table, (row, column)


def _sums(values: FloatArray, scope: NDArray[np.intp]) -> FloatArray:
    if not len(scope):
        return np.zeros(0)
    return np.bincount(scope, weights=values).astype(np.float64)[scope]


def _anywhere(where: NDArray[np.bool_], scope: NDArray[np.intp]) -> NDArray[np.bool_]:
    return _sums(where.astype(np.float64), scope) > 0


def _total(own: Side, scope: NDArray[np.intp], takes_part: NDArray[np.bool_], status: StrArray) -> Side:
    hidden, rounded = _anywhere(own.hidden, scope), _anywhere(own.disclosure == "rounded", scope)
    return Side(
        _sums(np.where(takes_part, own.numerator, 0.0), scope),
        _sums(np.where(takes_part, own.denominator, 0.0), scope),
        status,
        np.select([hidden, rounded], ["hidden", "rounded"], "shown").astype(np.str_),
    )


def _status(
    own: Side, scope: NDArray[np.intp], takes_part: NDArray[np.bool_], excessive: NDArray[np.bool_]
) -> StrArray:
    """Of one scope the worst status counts for all its areas, as each estimate is computed from all."""
    censored = _anywhere(own.status == _WORST[1], scope)
    unusable = _anywhere(~np.isin(own.status, USABLE), scope)
    reasons: list[Reason] = [
        (_anywhere(own.hidden, scope), "hidden"),
        (censored, _WORST[1]),
        (unusable, _WORST[0]),
        (~takes_part, "no_denominator"),
        (_anywhere(excessive, scope), "inconsistent"),
        (_anywhere(takes_part & (own.status == "break"), scope), "break"),
    ]
    return first_reason(reasons, np.full(len(scope), "ok"))
