"""Counts gathered over the strata of a margin, for metrics that adjust for sex, age and the like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from yjd.errors import EstimationError
from yjd.metrics.comparison import spread
from yjd.metrics.counts import STRATUM, USABLE, Counts, Side, first_reason
from yjd.metrics.intervals import FloatArray, StrArray, normal_quantile
from yjd.metrics.layout import Estimates
from yjd.schema import ALL, SPLITS, UNKNOWN

FEWEST_EVENTS = 10  # PHEindicatormethods standardises nothing that rests on fewer
_USELESS = 40.0  # a standard error of a log ratio so large that limits leave the range of numbers

_WORST_FIRST = (
    "hidden", "not_available", "censored", "no_denominator", "inconsistent", "no_reference", "break", "ok",
)  # fmt: skip


def check_over(over: Sequence[str]) -> tuple[str, ...]:
    """Return the dimensions that are adjusted for; each must be one that a margin may be split by."""
    names = (over,) if isinstance(over, str) else tuple(over)
    if not names or len(set(names)) < len(names) or not set(names) <= set(SPLITS):
        raise EstimationError(
            "The dimensions of the strata must be named once each, from those that counts can be split by.",
            f"Give some of {', '.join(SPLITS)}.",
        )
    return names


def split_by(counts: pd.DataFrame | Counts, over: Sequence[str]) -> Counts:
    """Take the rows that are split by every one of the dimensions.

    A stratum of unknown sex, age, area or deprivation is left out: children in it belong to one of the others.
    """
    data = Counts.of(counts)
    asked = (split_by, tuple(over))
    if asked not in data.found:
        whole = data.frame[list(over)].isin([ALL, UNKNOWN]).any(axis=1).to_numpy(dtype=bool)
        data.found[asked] = data.where(~whole)
    chosen: Counts = data.found[asked]
    return chosen


def numbered(frame: pd.DataFrame, keys: Sequence[str]) -> NDArray[np.intp]:
    """Number the distinct keys in order of first appearance; an array of shape (rows,)."""
    return frame.groupby(list(keys), sort=False).ngroup().to_numpy().astype(np.intp)


@dataclass(frozen=True)
class Margins:
    """What the strata are gathered into.

    Attributes
    ----------
    frame : DataFrame
        One row for each margin (and group), with All in the dimensions gathered over.
    place : array of int, shape (strata rows,)
        The margin that each row of the strata belongs to.
    """

    frame: pd.DataFrame
    place: NDArray[np.intp]

    @classmethod
    def of(cls, frame: pd.DataFrame, over: Sequence[str], *, groups: bool = True) -> Margins:
        """Gather over the dimensions, each group apart or (`groups=False`) whole margins."""
        names = (*STRATUM, "group") if groups else STRATUM
        place = numbered(frame, [name for name in names if name not in over])
        _, first = np.unique(place, return_index=True)
        return cls(frame.iloc[first].reset_index(drop=True).assign(**dict.fromkeys(over, ALL)), place)

    def total(self, values: FloatArray | NDArray[np.bool_], used: NDArray[np.bool_]) -> FloatArray:
        """Sum each margin's strata in use; a count that is absent adds nothing (the status tells of it)."""
        whole = np.nan_to_num(np.asarray(values[used], dtype=np.float64), nan=0.0)
        return np.bincount(self.place[used], weights=whole, minlength=len(self.frame)).astype(np.float64)

    def all(self, condition: NDArray[np.bool_], used: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tell of each margin whether the condition holds in all its strata in use."""
        return np.asarray(np.bincount(self.place[used & ~condition], minlength=len(self.frame)) == 0)

    def worst(self, status: StrArray, used: NDArray[np.bool_], *, none: str) -> StrArray:
        """Return the worst status among each margin's strata in use; `none` where no stratum is."""
        rank = np.full(len(status), _WORST_FIRST.index("not_available"))
        for place, word in enumerate(_WORST_FIRST):
            rank[status == word] = place
        least = np.full(len(self.frame), len(_WORST_FIRST))
        np.minimum.at(least, self.place[used], rank[used])
        words: StrArray = np.array([*_WORST_FIRST, none], dtype=np.str_)
        return np.asarray(words[least])

    def side(self, side: Side, used: NDArray[np.bool_], status: StrArray) -> Side:
        """Sum a side's counts; hidden strata make the sum hidden."""
        rounded = self.total(side.disclosure == "rounded", used) > 0
        return Side(
            self.total(side.numerator, used),
            self.total(side.denominator, used),
            status,
            np.select([status == "hidden", rounded], ["hidden", "rounded"], "shown").astype(np.str_),
        )


def log_estimates(
    ratio: FloatArray, error: FloatArray, status: StrArray, levels: FloatArray, method: str | StrArray
) -> tuple[StrArray, Estimates]:
    """Estimate ratios from the standard errors of their logarithms, with the p-value of a ratio of 1.

    Arrays have shape (rows,). Status too_few where a row that could be estimated has an error of 0 (a proportion
    that leaves no variation) or one beyond any use.
    """
    usable = np.isin(status, USABLE)
    with np.errstate(invalid="ignore"):
        sound = (ratio > 0) & np.isfinite(ratio) & (error > 0) & (error < _USELESS)
    status = first_reason([(usable & ~sound, "too_few")], status)
    usable &= sound
    centre, deviation = ratio[usable, None], error[usable, None]
    factor = np.exp(deviation * normal_quantile(levels))
    p_value = 2 * special.ndtr(-np.abs(np.log(centre) / deviation))
    return status, Estimates(
        spread(usable, ratio[usable]),
        spread(usable, centre / factor),
        spread(usable, centre * factor),
        np.repeat(np.broadcast_to(method, len(usable))[:, None], len(levels), axis=1),
        spread(usable, p_value[:, 0]),
    )
