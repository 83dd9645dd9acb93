"""Averages over orders, and averages over every pair of two sets of children, without going through the pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import factorial

import numpy as np

from yjd.metrics.intervals import FloatArray
from yjd.models.sample import IntArray

EXACT = 6  # parts up to which every order is gone through
_ORDERS = 12  # beyond: this many random orders, and each the other way round
_SPACING = 0.025  # of the linear predictor between nodes: errors of cubic interpolation stay below 1e-8
_FURTHEST = 60.0


def weights_of_sets(parts: int, *, seed: int = 0) -> dict[int, FloatArray]:
    """How often the value of each set of parts enters the share of each part, averaged over orders.

    The share of a part is what it adds when its turn comes, averaged over the orders in which the parts can come
    (Shapley 1953; Shorrocks 2013, Journal of Economic Inequality 11:99-126). With an order the same backwards is
    always gone through too.

    Parameters
    ----------
    parts : int
        How many.
    seed : int
        Of the random orders where there are more than 6 parts.

    Returns
    -------
    dict of int to array, shape (parts,)
        A set is a number whose bit k says that part k is in it. The values times these weights add up to the shares.
    """
    found: dict[int, FloatArray] = {}
    full = 2**parts - 1
    if parts <= EXACT:
        total = factorial(parts)
        for chosen in range(full + 1):
            size = chosen.bit_count()
            inside = np.array([bool(chosen >> part & 1) for part in range(parts)])
            joined = factorial(size - 1) * factorial(parts - size) / total if size else 0.0
            to_come = factorial(size) * factorial(parts - size - 1) / total if size < parts else 0.0
            found[chosen] = np.where(inside, joined, -to_come)
        return found
    rng = np.random.default_rng(seed)
    for _ in range(_ORDERS):
        order = rng.permutation(parts)
        for way in (order, order[::-1]):
            sets = np.cumsum([0, *(1 << way)])
            for part, (before, after) in zip(way, pairwise(sets.tolist()), strict=True):
                for chosen, sign in ((after, 1.0), (before, -1.0)):
                    found.setdefault(chosen, np.zeros(parts))[part] += sign / (2 * _ORDERS)
    return {chosen: found[chosen] for chosen in sorted(found)}


@dataclass(frozen=True)
class Crossed:
    """The average of a function of the sum of two numbers, one of each set, over every pair.

    Attributes
    ----------
    value : float
        Over all pairs.
    of_first : array
        For each number of the first set, over all of the second.
    of_second : array
        The other way round.
    """

    value: float
    of_first: FloatArray
    of_second: FloatArray


def crossed(
    functions: tuple[Callable[[FloatArray], FloatArray], ...],
    first: tuple[FloatArray, FloatArray],
    second: tuple[FloatArray, FloatArray],
) -> list[Crossed]:
    """Average smooth functions of x + y over every x of one set and every y of the other.

    Both sets are laid on a grid by cubic interpolation (and its transpose), where all pairs are one convolution.

    Parameters
    ----------
    functions : tuple of function
        Of an array, with bounded fourth derivatives.
    first, second : tuple of arrays (numbers, weights)
        Weights add up to 1.
    """
    one, other = _Grid.over(first[0]), _Grid.over(second[0])
    left, right = one.deposit(first[1]), other.deposit(second[1])
    size = len(left) + len(right) - 1
    sums = one.start + other.start + _SPACING * np.arange(size)
    length = 1 << (size + max(len(left), len(right)) - 1).bit_length()
    of_left, of_right = (np.conj(np.fft.rfft(values, length)) for values in (left, right))
    found = []
    for function in functions:
        values = np.fft.rfft(function(np.asarray(sums, dtype=np.float64)), length)
        by_first = np.fft.irfft(values * of_right, length)[: len(left)].astype(np.float64)
        by_second = np.fft.irfft(values * of_left, length)[: len(right)].astype(np.float64)
        found.append(Crossed(float(left @ by_first), one.at(by_first), other.at(by_second)))
    return found


@dataclass(frozen=True)
class _Grid:
    """Evenly spaced nodes, with the place and the four weights of each number. Shapes: (numbers,), (4, numbers)."""

    start: float
    size: int
    place: IntArray
    shares: FloatArray

    @classmethod
    def over(cls, numbers: FloatArray) -> _Grid:
        kept = np.clip(numbers, -_FURTHEST, _FURTHEST)
        start = float(kept.min()) - _SPACING
        exact = (kept - start) / _SPACING
        place = np.floor(exact).astype(np.intp)
        u = exact - place
        shares = np.stack([
            -u * (u - 1) * (u - 2) / 6, (u + 1) * (u - 1) * (u - 2) / 2,
            -(u + 1) * u * (u - 2) / 2, (u + 1) * u * (u - 1) / 6,
        ])  # fmt: skip
        # the lowest number may fall a rounding error short of its node
        return cls(start - _SPACING, int(place.max()) + 4, place, shares)

    def deposit(self, weights: FloatArray) -> FloatArray:
        """The weights on the nodes."""
        total = np.zeros(self.size)
        for step in range(4):
            total += np.bincount(self.place + step, weights=self.shares[step] * weights, minlength=self.size)
        return total

    def at(self, values: FloatArray) -> FloatArray:
        """Values at the nodes, interpolated at each number."""
        return np.asarray(sum(self.shares[step] * values[self.place + step] for step in range(4)), dtype=np.float64)
