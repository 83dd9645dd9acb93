"""Designs of categorical columns that are never written out.

A row of the design matrix holds 1 for the intercept and for one level of each factor. So a weighted cross-product
is a sum over pairs of codes, which is one :func:`numpy.bincount` for each pair of factors. To need fewer of them,
factors are packed into blocks: the cells of a block are all combinations of its factors' levels, and a small
matrix of loads says which columns each cell carries. For X the whole matrix, B the loads of a block and c the
cell of each row in it, X = sum over blocks of B[c].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from yjd.metrics.intervals import FloatArray
from yjd.models.sample import GROUP, Factor, IntArray, Sample

_CELLS = 256  # of a block at most (unless one factor has more): tables of pairs stay within a processor's cache
_TOLERANCE = 1e-9  # a column is collinear if less than this share of its sum of squares is its own


@dataclass(frozen=True)
class Block:
    """A few factors at once. Shapes: codes (rows,), loads (cells, columns)."""

    codes: IntArray
    loads: FloatArray


@dataclass(frozen=True)
class Design:
    """The design of one rung.

    Attributes
    ----------
    columns : tuple of (factor, level)
        ("", "") is the intercept; the first level of each factor is its baseline and has no column.
    blocks : tuple of Block
        The first holds the intercept and the group alone.
    pairs : tuple of (int, int, array)
        Two blocks and, for each row, its cell in the table of the two.
    groups : tuple of str
        The groups by their cell in the first block.
    rows : int
        How many rows the matrix has.
    """

    columns: tuple[tuple[str, str], ...]
    blocks: tuple[Block, ...]
    pairs: tuple[tuple[int, int, IntArray], ...]
    groups: tuple[str, ...]
    rows: int

    @property
    def width(self) -> int:
        """How many columns the matrix has."""
        return len(self.columns)

    @property
    def group_columns(self) -> IntArray:
        """The place of each group's column, in the order of `groups`; -1 for the baseline."""
        place = {level: at for at, (factor, level) in enumerate(self.columns) if factor == GROUP}
        return np.array([place.get(group, -1) for group in self.groups], dtype=np.intp)

    def linear(self, values: FloatArray) -> FloatArray:
        """X times values: (columns,) gives (rows,), and (columns, k) gives (rows, k)."""
        first = self.blocks[0]
        total: FloatArray = (first.loads @ values)[first.codes]
        for block in self.blocks[1:]:
            total += (block.loads @ values)[block.codes]
        return total

    def totals(self, weights: FloatArray) -> FloatArray:
        """X' times weights of shape (rows,): shape (columns,)."""
        total = np.zeros(self.width)
        for block in self.blocks:
            total += block.loads.T @ np.bincount(block.codes, weights=weights, minlength=len(block.loads))
        return total

    def cross(self, weights: FloatArray) -> FloatArray:
        """X' diag(weights) X: shape (columns, columns)."""
        total = np.zeros((self.width, self.width))
        for block in self.blocks:
            counted = np.bincount(block.codes, weights=weights, minlength=len(block.loads))
            total += (block.loads * counted[:, None]).T @ block.loads
        for one, other, cells in self.pairs:
            left, right = self.blocks[one].loads, self.blocks[other].loads
            table = np.bincount(cells, weights=weights, minlength=len(left) * len(right)).reshape(len(left), -1)
            part = left.T @ table @ right
            total += part + part.T
        return total

    def quadratic(self, middle: FloatArray) -> FloatArray:
        """The diagonal of X middle X' for a symmetric middle of shape (columns, columns): shape (rows,)."""
        total = np.zeros(self.rows)
        for block in self.blocks:
            total += np.einsum("cp,pq,cq->c", block.loads, middle, block.loads, optimize=True)[block.codes]
        for one, other, cells in self.pairs:
            total += (2 * self.blocks[one].loads @ middle @ self.blocks[other].loads.T).ravel()[cells]
        return total

    def take(self, rows: IntArray) -> Design:
        """The same columns on some of the rows."""
        blocks = tuple(Block(block.codes[rows], block.loads) for block in self.blocks)
        return Design(self.columns, blocks, _pairs(blocks), self.groups, len(rows))


@dataclass(frozen=True)
class Rung:
    """A design, and the sample's counts summed over the patterns that it can tell apart.

    Attributes
    ----------
    design : Design
        One row for each pattern of the group and this rung's adjusters.
    events, base : arrays, shape (patterns,)
        The sample's counts in each.
    row : array of int, shape (rows of the sample,)
        The pattern of each row of the sample.
    """

    design: Design
    events: FloatArray
    base: FloatArray
    row: IntArray


def build(sample: Sample, adjusters: Sequence[str], *, reference: str, collapse: bool = True) -> Rung:
    """Make the design of the group and some adjusters, on the patterns that these tell apart.

    Parameters
    ----------
    sample : Sample
        At least one row.
    adjusters : sequence of str
        Columns of the sample. Their baseline is the level with the largest base.
    reference : str
        The baseline of the group; where the sample does not have it, the group with the largest base.
    collapse : bool
        False keeps the rows of the sample as they are, for a likelihood that depends on what a row is.
    """
    names = (GROUP, *adjusters)
    ordered = [_with_baseline(sample.factors[name], sample.base, reference if name == GROUP else "") for name in names]
    row, first = _distinct(ordered) if collapse else (np.arange(len(sample.base)),) * 2
    collapsed = [Factor(factor.codes[first], factor.levels) for factor in ordered]
    columns = (("", ""), *((name, level) for name, factor in zip(names, ordered, strict=True)
                           for level in factor.levels[1:]))  # fmt: skip
    blocks = _blocks(collapsed, len(columns))
    design = Design(columns, blocks, _pairs(blocks), ordered[0].levels, len(first))
    size = len(first)
    return Rung(
        design,
        np.bincount(row, weights=sample.events, minlength=size).astype(np.float64),
        np.bincount(row, weights=sample.base, minlength=size).astype(np.float64),
        row,
    )


def distinct(sample: Sample) -> tuple[Sample, IntArray]:
    """Sum a sample over rows that differ in nothing but their place (the fold of a child, say).

    Returns
    -------
    sample : Sample
        One row for each combination of labels; the same sample if it has no other.
    first : array of int
        A row of the given sample for each row of the new one.
    """
    number, first = _distinct(list(sample.factors.values()))
    if len(first) == len(number):
        return sample, np.arange(len(number))
    events, base = (np.bincount(number, weights=values).astype(np.float64) for values in (sample.events, sample.base))
    factors = {name: Factor(factor.codes[first], factor.levels) for name, factor in sample.factors.items()}
    return Sample(sample.kind, factors, events, base, sample.pattern[first]), first


def null_space(information: FloatArray, order: IntArray | None = None) -> tuple[IntArray, FloatArray]:
    """Which columns depend on columns before them, and how.

    A Cholesky factorisation that passes over a column when almost nothing of it is left (Goodnight 1979,
    American Statistician 33:149-158, for the sweep operator; Higham 2002, Accuracy and Stability, chapter 10).

    Parameters
    ----------
    information : array, shape (columns, columns)
        X'WX.
    order : array of int, optional
        In which order columns are taken; a dependent column is the later one.

    Returns
    -------
    kept : array of int
        Columns that are not dependent, in the order of the matrix.
    null : array, shape (columns, dependent columns)
        Vectors v with Xv = 0, each with 1 at its dependent column.
    """
    width = len(information)
    order = np.arange(width) if order is None else order
    left = information[np.ix_(order, order)].astype(np.float64)
    start = np.diag(left).copy()
    kept: list[int] = []
    for at in range(width):
        if left[at, at] > _TOLERANCE * start[at] and start[at] > 0:
            kept.append(at)
            column = left[:, at] / left[at, at]
            left = left - np.outer(column, left[at])
    dependent = [at for at in range(width) if at not in set(kept)]
    null = np.zeros((width, len(dependent)))
    if dependent:
        own = information[np.ix_(order[kept], order[kept])]
        scale = 1 / np.sqrt(np.diag(own))
        solved = np.linalg.solve(
            own * np.outer(scale, scale), information[np.ix_(order[kept], order[dependent])] * scale[:, None]
        )
        weights = solved * scale[:, None]
        null[order[kept]] = -np.where(np.abs(weights) < 1e-7, 0.0, weights)
        null[order[dependent], np.arange(len(dependent))] = 1.0
    return np.sort(order[kept]), null


def group_last(design: Design) -> IntArray:
    """The columns with those of the group after all others."""
    own = np.array([factor == GROUP for factor, _ in design.columns])
    return np.concatenate([np.flatnonzero(~own), np.flatnonzero(own)])


def _with_baseline(factor: Factor, base: FloatArray, reference: str) -> Factor:
    size = np.bincount(factor.codes, weights=base, minlength=len(factor.levels))
    first = factor.levels.index(reference) if reference in factor.levels else int(size.argmax())
    order = np.array([first, *(at for at in range(len(factor.levels)) if at != first)])
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.arange(len(order))
    return Factor(place[factor.codes], tuple(factor.levels[at] for at in order))


def _distinct(factors: Sequence[Factor]) -> tuple[IntArray, IntArray]:
    """Number the distinct combinations of codes; give also the first row of each."""
    number: IntArray = np.zeros(len(factors[0].codes), dtype=np.intp)
    size = 1
    for factor in factors:
        if size * len(factor.levels) > 2**62:
            number = pd.factorize(number)[0].astype(np.intp)
            size = int(number.max()) + 1
        number = number * len(factor.levels) + factor.codes
        size *= len(factor.levels)
    codes, found = pd.factorize(number)
    first = np.zeros(len(found), dtype=np.intp)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return codes.astype(np.intp), first


def _blocks(factors: Sequence[Factor], width: int) -> tuple[Block, ...]:
    """Pack factors into blocks; the group, which comes first, stays alone."""
    starts = np.cumsum([1, *(len(factor.levels) - 1 for factor in factors)])
    packs: list[list[int]] = [[0]]
    size = _CELLS + 1  # nothing joins the group
    for at in range(1, len(factors)):
        levels = len(factors[at].levels)
        if size * levels <= _CELLS:
            packs[-1].append(at)
            size *= levels
        else:
            packs.append([at])
            size = levels
    return tuple(_block([factors[at] for at in pack], [int(starts[at]) for at in pack], width) for pack in packs)


def _block(factors: Sequence[Factor], starts: Sequence[int], width: int) -> Block:
    codes: IntArray = np.zeros(len(factors[0].codes), dtype=np.intp)
    loads = np.zeros((1, width))
    loads[0, 0] = starts[0] == 1  # the intercept goes with the group
    for factor, start in zip(factors, starts, strict=True):
        codes = codes * len(factor.levels) + factor.codes
        own = np.zeros((len(factor.levels), width))
        own[np.arange(1, len(own)), start + np.arange(len(own) - 1)] = 1.0
        loads = (loads[:, None, :] + own[None, :, :]).reshape(-1, width)
    return Block(codes, loads)


def _pairs(blocks: Sequence[Block]) -> tuple[tuple[int, int, IntArray], ...]:
    return tuple(
        (one, other, blocks[one].codes * len(blocks[other].loads) + blocks[other].codes)
        for one in range(len(blocks)) for other in range(one + 1, len(blocks))
    )  # fmt: skip
