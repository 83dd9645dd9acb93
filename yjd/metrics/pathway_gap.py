"""How far a group lies from its reference along a pathway, in log counts, and how surely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from yjd.metrics.comparison import Comparison
from yjd.metrics.counts import Side
from yjd.metrics.intervals import FloatArray, normal_quantile

_ROUNDING = 1e-9  # what floating point may take, relative to its parts, from a number that cannot be negative


@dataclass(frozen=True)
class Compared:
    """Two stages compared: their counts, and their sums of squares where there are any."""

    counts: Comparison
    squares: Comparison | None


@dataclass(frozen=True)
class Gap:
    """How far the group lies from the reference in log counts.

    Attributes
    ----------
    size : array, shape (stages, rows)
        log n(group) - log n(reference); not finite where a count is 0 or not there.
    covariance : array, shape (stages, stages, rows)
    """

    size: FloatArray
    covariance: FloatArray

    def of(self, form: FloatArray) -> FloatArray:
        """A linear form in the log counts, one weight a stage."""
        total = np.zeros(self.size.shape[1])
        with np.errstate(invalid="ignore"):
            for place in np.flatnonzero(form):
                total = total + form[place] * self.size[place]
        return total

    def between(self, form: FloatArray, other: FloatArray) -> FloatArray:
        """Covariance of two linear forms; a stage without a weight plays no part."""
        total = np.zeros(self.size.shape[1])
        with np.errstate(invalid="ignore"):  # where a count is 0 or not there
            for i, j in zip(*np.nonzero(np.outer(form, other)), strict=True):
                total = total + form[i] * other[j] * self.covariance[i, j]
        return total


def gap_to_reference(
    to_base: Sequence[Compared],
    within: Sequence[tuple[int, ...]],
    *,
    fixed: bool,
    everyone: bool,
) -> Gap:
    """From the comparison of every later stage with the same base, in counts and in squares."""

    def stacked(sides: Sequence[Side]) -> FloatArray:
        return np.stack([sides[0].denominator, *(side.numerator for side in sides)])

    own = stacked([one.counts.own for one in to_base])
    against = stacked([one.counts.against for one in to_base])
    apart = stacked([one.counts.apart for one in to_base])
    squared = [one.squares for one in to_base if one.squares is not None]
    with np.errstate(all="ignore"):  # a count of 0 has no logarithm: its row gets a status
        covariance = np.zeros((len(own), *own.shape))
        for count, sides in ((own, [pair.own for pair in squared]), (apart, [pair.apart for pair in squared])):
            squares = np.fmax(stacked(sides), count) if sides else None
            covariance += log_covariance(count, squares, within, fixed=fixed)
        if everyone:
            # everyone's log count moves with the group's own by the group's share of it, so the gap moves by the
            # others' share of what moves the gap to the others
            rest = apart / against
            covariance *= rest[:, None] * rest[None, :]
        return Gap(np.log(own) - np.log(against), covariance)


def log_covariance(
    count: FloatArray, squares: FloatArray | None, within: Sequence[tuple[int, ...]], *, fixed: bool
) -> FloatArray:
    """Covariance of the log counts of one group along a pathway.

    Counts are Poisson and a part of a stage is that stage thinned; see the notes of `yjd.metrics.pathway.pathway`.

    Parameters
    ----------
    count, squares : array, shape (stages, rows)
        Events, and the sum over children of their squared number of events.
    within : sequence of tuple of int
        For each stage the places of those that hold it, the nearest first.
    fixed : bool
        Whether to condition on the first stage.

    Returns
    -------
    array, shape (stages, stages, rows)
    """
    poisson = 1 / count
    variance = poisson.copy() if squares is None else squares / count**2
    found = np.zeros((len(count), *count.shape))
    for place, wholes in enumerate(within):
        if wholes:  # a part varies as its whole does and by the choice of its members
            whole = wholes[0]
            variance[place] = np.fmax(variance[place], variance[whole] + poisson[place] - poisson[whole])
        found[place, place] = variance[place]
        for whole in wholes:
            found[place, whole] = found[whole, place] = variance[whole]
    if fixed:
        inside = [place for place, wholes in enumerate(within) if 0 in wholes]
        for i in inside:
            for j in inside:
                found[i, j] -= variance[0]
        found[0] = found[:, 0] = 0
    return found


def fieller(
    gap: Gap, part: FloatArray, whole: FloatArray, levels: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """A linear form as a share of another, with Fieller's limits; NaN where they are not bounded.

    The limits are the roots s of (x - s y)^2 = z^2 Var(x - s y), which lie about x / y if y^2 > z^2 Var(y).
    """
    z2 = normal_quantile(levels) ** 2
    with np.errstate(all="ignore"):
        x, y = gap.of(part)[:, None], gap.of(whole)[:, None]
        square = y**2 - z2 * gap.between(whole, whole)[:, None]
        middle = x * y - z2 * gap.between(part, whole)[:, None]
        constant = x**2 - z2 * gap.between(part, part)[:, None]
        under_root = middle**2 - square * constant
        slack = _ROUNDING * (middle**2 + np.abs(square * constant))
        bounded = (square > 0) & (under_root >= -slack)
        root = np.sqrt(np.maximum(under_root, 0))
        lower, upper = (np.where(bounded, (middle + sign * root) / square, np.nan) for sign in (-1, 1))
        return (x / y)[:, 0], np.minimum(lower, x / y), np.maximum(upper, x / y)
