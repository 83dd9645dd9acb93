"""Events of one child are not independent: how much less they say than as many events of different children.

A child c has y events in a cell and x of its base; a child is the unit that is drawn. Around the ratio
r = a / A of the totals, the variance of the numerator is the sum over children of (y - r x)^2, that is
`numerator_squares` - 2 r `products` + r^2 `denominator_squares`: the robust variance of a ratio with children
as clusters, without a small-sample factor. With a base that no child brings along, such as a population, the
last two are 0. The *design factor* is that variance over the variance of independent events, which is a for
Poisson counts and a (1 - r) for binomial ones. Intervals and p-values are computed from effective counts, a and
A divided by the factor (Korn and Graubard 1998, Survey Methodology 24:193-201; for weighted Poisson sums Fay and
Feuer 1997, Statistics in Medicine 16:791-801). The estimate stays what it was.

The factor is never below 1. Of a few children it is mostly chance, and far too small more often than too large:
below 50 effective children (a squared over the sum of squares; for a proportion of events or of the rest, whichever
is fewer) a row takes the larger of its own factor and that of all children of known ethnicity in its stratum. It is
never above twice the events and one more, so that a limit of few events stays finite. In simulation (children with a
gamma-distributed tendency, true factors from 1 to 8, the group's like the others' or not, 1 to 400 events) 95%
intervals held the truth 93 to 100 times in 100, and near 95 from 50 events on; with a row's own factor alone it was
86 at worst, and with events as if independent 59.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from yjd.metrics.counts import Kind, Side
from yjd.metrics.intervals import FloatArray, StrArray

FEW_CHILDREN = 50
_ROUNDING = 1e-9  # a factor this little above 1 is 1


def child_variance(side: Side) -> FloatArray:
    """Variance of the numerator about its ratio to the base, children independent; shape (rows,).

    NaN where the sums over children are not known or the base is 0. Sums that no children could have are cut to
    those of a single child.
    """
    squares, products, base_squares = _possible(side)
    with np.errstate(all="ignore"):
        ratio = side.numerator / np.where(side.denominator > 0, side.denominator, np.nan)
        return np.asarray(np.maximum(squares - 2 * ratio * products + ratio**2 * base_squares, 0.0))


def inflation(side: Side, model: Kind) -> FloatArray:
    """Design factor as it is observed, below 1 if need be; NaN where it is not known or nothing varies.

    `model` says what independent events are: Poisson counts ("rate") or binomial ("proportion").
    """
    with np.errstate(all="ignore"):
        independent = side.numerator
        if model == "proportion":
            independent = independent * (1 - side.numerator / side.denominator)
        return np.asarray(child_variance(side) / np.where(independent > 0, independent, np.nan))


def design(side: Side, pool: FloatArray, model: Kind) -> FloatArray:
    """Design factor by which the counts of each row are divided; shape (rows,), 1 where none is known.

    Parameters
    ----------
    side : Side
        The rows.
    pool : array
        The factor of all children of known ethnicity in the row's stratum, from `inflation`.
    model : {"rate", "proportion"}
        The model of the interval: Poisson or binomial.
    """
    own = inflation(side, model)
    few = ~(_effective_children(side, model) >= FEW_CHILDREN)
    factor = np.where(few, np.fmax(own, pool), own)
    factor = np.where(side.by_child & (factor > 1 + _ROUNDING), factor, 1.0)
    factor = np.minimum(factor, _largest(side, model))
    return np.where(np.isfinite(factor), factor, 1.0)


def by_child_name(method: StrArray, by_child: NDArray[np.bool_]) -> StrArray:
    """Name of a method, with `_by_child` where it allows for repeat children."""
    return np.where(by_child, np.char.add(method, "_by_child"), method)


def _possible(side: Side) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the sums over children, none larger than if all were one child's."""
    squares, products, base_squares = side.child_sums.T
    a, base = side.numerator, side.denominator
    with np.errstate(all="ignore"):
        return np.minimum(squares, a * a), np.minimum(products, a * base), np.minimum(base_squares, base * base)


def _largest(side: Side, model: Kind) -> FloatArray:
    """Largest factor that is believed: twice the events and one more, so that limits of few events stay finite."""
    a, base = side.numerator, side.denominator
    if model == "rate":
        return np.asarray(2 * (a + 1))
    # of a proportion the rarer of event and rest; and no fewer than one child is left
    return np.asarray(np.minimum(2 * (np.fmax(np.fmin(a, base - a), 0.0) + 1), np.fmax(base, 1.0)))


def _effective_children(side: Side, model: Kind) -> FloatArray:
    """How many equal children would have this sum of squares; for a proportion, of events or of the rest."""
    squares, products, base_squares = _possible(side)
    with np.errstate(all="ignore"):
        events = side.numerator**2 / squares
        if model == "rate":
            return np.asarray(events)
        rest = (side.denominator - side.numerator) ** 2 / (base_squares - 2 * products + squares)
        return np.asarray(np.fmin(events, rest))
