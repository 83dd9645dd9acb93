"""What each row contributes to each estimate, so that one covariance serves all estimates of all rungs together.

An estimate less what it estimates is, to first order, the sum over the rows of the data of their influences. The rows
of a pattern have only two: for a proportion that of a record with an event and that of a record without; for a rate
that of an event and that of 1 of the base (of which a pattern has `base`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from yjd.metrics.intervals import FloatArray
from yjd.models.design import Design
from yjd.models.sample import IntArray

CHUNK = 16384  # rows of a block: what is held at once does not grow with the data


class Influence(Protocol):
    """Influences of `size` estimates on the rows of a sample."""

    @property
    def size(self) -> int:
        """How many estimates."""
        ...

    def block(self, rows: slice) -> tuple[FloatArray, FloatArray]:
        """The two influences of some rows of the sample: each (rows of the block, size)."""
        ...


@dataclass(frozen=True)
class Dense:
    """Influences written out. Shapes: event, other (rows, size)."""

    event: FloatArray
    other: FloatArray

    @property
    def size(self) -> int:
        """How many estimates."""
        return int(self.event.shape[1])

    def block(self, rows: slice) -> tuple[FloatArray, FloatArray]:
        """See `Influence`."""
        return self.event[rows], self.other[rows]


@dataclass(frozen=True)
class OfScores:
    """Influences of functions of one fit: each pattern's score times fixed weights.

    Attributes
    ----------
    design : Design
        The rung's design; its rows are the patterns that the rung can tell apart.
    row : array of int, shape (rows,)
        Pattern of each row of the sample.
    weights : array, shape (columns, size)
        Covariance of the coefficients times the gradients of the estimates.
    event, other : arrays, shape (patterns,)
        The two parts of each pattern's residual: see `Family.parts`.
    shift : array, shape (patterns, size), optional
        Added to both: what a record adds because the distribution of the adjusters is estimated too.
    """

    design: Design
    row: IntArray
    weights: FloatArray
    event: FloatArray
    other: FloatArray
    shift: FloatArray | None = None

    @property
    def size(self) -> int:
        """How many estimates."""
        return int(self.weights.shape[1])

    def block(self, rows: slice) -> tuple[FloatArray, FloatArray]:
        """See `Influence`."""
        patterns = self.row[rows]
        score = np.zeros((len(patterns), self.size))
        for part in self.design.blocks:
            score += (part.loads @ self.weights)[part.codes[patterns]]
        event, other = score * self.event[patterns, None], score * self.other[patterns, None]
        if self.shift is not None:
            event += self.shift[patterns]
            other += self.shift[patterns]
        return event, other


@dataclass(frozen=True)
class Stacked:
    """Influences side by side, for one covariance of them all."""

    parts: Sequence[Influence]

    @property
    def size(self) -> int:
        """How many estimates."""
        return sum(part.size for part in self.parts)

    def block(self, rows: slice) -> tuple[FloatArray, FloatArray]:
        """See `Influence`."""
        pairs = [part.block(rows) for part in self.parts]
        return np.concatenate([event for event, _ in pairs], axis=1), np.concatenate(
            [other for _, other in pairs], axis=1
        )


def blocks(influence: Influence, rows: int) -> Iterator[tuple[slice, FloatArray, FloatArray]]:
    """Go through the sample a block at a time: the rows, and their two influences."""
    for start in range(0, rows, CHUNK):
        part = slice(start, min(start + CHUNK, rows))
        yield part, *influence.block(part)
