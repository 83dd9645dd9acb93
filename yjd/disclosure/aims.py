"""Counts that must stay open, and how far open moves have shown them to be."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from yjd.disclosure.columns import Flags, Floats, Ints

#: A move that the solver leaves this much short of a whole number is still that number.
NEARLY = 1e-6


@dataclass
class Aims:
    """Counts that must stay open.

    Attributes
    ----------
    matrix : sparse array (counts, columns)
        Times the columns: the counts.
    above, below : arrays (counts,)
        How far up and down a move is of use.
    width : int
        How many whole numbers must be possible.
    up, down : arrays (counts,)
        How far moves have gone so far.
    """

    matrix: sparse.csr_array
    above: Floats
    below: Floats
    width: int
    up: Floats = field(init=False)
    down: Floats = field(init=False)

    def __post_init__(self) -> None:
        """Begin with nothing proven."""
        self.forget()

    def only(self, rows: Ints, columns: Ints) -> Aims:
        """Choose some of the counts, and the columns that they are made of."""
        matrix = sparse.csr_array(sparse.csr_array(self.matrix[rows])[:, columns])
        return Aims(matrix, self.above[rows], self.below[rows], self.width)

    def forget(self) -> None:
        """Take nothing as proven."""
        self.up, self.down = np.zeros(self.above.size), np.zeros(self.above.size)

    def record(self, rows: Ints, moved: Floats) -> None:
        """Take note of how far a move took some of the counts.

        What can be reached is convex: all that lies between two moves can be reached as well.
        """
        self.up[rows] = np.maximum(self.up[rows], np.minimum(moved, self.above[rows]))
        self.down[rows] = np.maximum(self.down[rows], np.minimum(-moved, self.below[rows]))

    def closed(self, rows: Ints) -> Flags:
        """Whether fewer whole numbers are possible than must be."""
        return whole(self.up[rows]) + whole(self.down[rows]) + 1 < self.width

    def goals(self, rows: Ints, turn: int) -> Floats:
        """Return how far to take each count next: up or down, by chance where either will do."""
        up, down = whole(self.up[rows]), whole(self.down[rows])
        rise = np.minimum(self.above[rows], self.width - 1 - down)
        fall = np.minimum(self.below[rows], self.width - 1 - up)
        by_rise, by_fall = rise + down >= self.width - 1, fall + up >= self.width - 1
        upwards = np.where(by_rise == by_fall, chance(rows, turn) < 0.5, by_rise)
        upwards = (upwards & (rise > 0)) | (fall <= 0)
        return np.where(upwards, rise, -fall)


def whole(moved: Floats) -> Floats:
    """How many whole steps a move is."""
    steps: Floats = np.floor(moved + NEARLY)
    return steps


def chance(numbers: Ints, turn: int) -> Floats:
    """Return a number between 0 and 1 for each whole number and turn, the same on every machine (splitmix64)."""
    z = numbers.astype(np.uint64) + np.uint64(1 + 1_000_003 * turn)
    z = z * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))).astype(np.float64) / 2.0**64
