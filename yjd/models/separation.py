"""Whether a fit has no finite estimate, and which rows and groups that concerns.

Some columns together may tell, without exception, where no event happened (or nothing but events): the likelihood
then grows for ever along a direction d of the coefficients, with x'd = 0 for every row that has both and x'd of one
sign for every row that has only one (Albert and Anderson 1984, Biometrika 71:1-10; Correia, Guimaraes and Zylkin
2019 for counts). Under Newton's method every such row moves by about 1 at each step while all others come to rest;
that gives the candidates, and the definition is then checked to the letter.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from yjd.metrics.intervals import FloatArray
from yjd.models.design import Design, null_space
from yjd.models.sample import IntArray

BoolArray = NDArray[np.bool_]
_MOVES = 0.3  # of the linear predictor in one step: rows that still move this far are candidates
_ZERO = 1e-7  # of x'd, where the largest is 1


def only_one_way(events: FloatArray, base: FloatArray, *, proportion: bool) -> FloatArray:
    """For each row, the sign that x'd may have: -1 no events, +1 nothing but events, 0 both; shape (rows,)."""
    up = (events >= base * (1 - 1e-12)) if proportion else np.zeros(len(events), dtype=bool)
    return np.select([events <= 0, up], [-1.0, 1.0], 0.0)


def direction(
    design: Design, one_way: FloatArray, base: FloatArray, step: FloatArray
) -> tuple[FloatArray, BoolArray] | None:
    """Find a direction along which the likelihood grows for ever, from the last step of a fit that does not rest.

    Parameters
    ----------
    design : Design
        The columns.
    one_way : array, shape (rows,)
        From `only_one_way`.
    base : array, shape (rows,)
        0 for rows that take no part.
    step : array, shape (columns,)
        The last Newton step.

    Returns
    -------
    direction : array, shape (columns,)
        Its smallest move of a separated row is 1.
    separated : array of bool, shape (rows,)
        The rows that it moves; None instead of both if the step proves nothing.
    """
    move = design.linear(step)
    candidate = (base > 0) & (one_way * move > _MOVES)
    if not candidate.any():
        return None
    _, null = null_space(design.cross(np.where(candidate, 0.0, base)))
    if null.shape[1] == 0:
        return None
    along = null @ np.linalg.lstsq(null, step, rcond=None)[0]
    move = np.where(base > 0, design.linear(along), 0.0)
    far = np.abs(move).max(initial=0.0)
    if far == 0:
        return None
    moved = np.abs(move) > _ZERO * far
    if not moved.any() or bool((one_way * move < 0)[moved].any()) or bool((one_way == 0)[moved].any()):
        return None
    return along / np.abs(move)[moved].min(), moved


def undetermined(
    design: Design, base: FloatArray, separated: BoolArray, null: FloatArray
) -> tuple[BoolArray, BoolArray]:
    """Find the groups that the data cannot place.

    A prediction is determined where x'v = 0 for every vector v of the null space (it is finite), or where x has the
    same x'v as a separated row (it is 0 or 1, as there).

    Parameters
    ----------
    design : Design
        The columns.
    base : array, shape (rows,)
        Weights of the rows.
    separated : array of bool, shape (rows,)
        Rows that carry no information.
    null : array, shape (columns, k)
        The null space of the other rows.

    Returns
    -------
    level : array of bool, shape (groups,)
        Groups whose prediction for some pattern of the adjusters is not determined, or infinite for all their own.
    contrast : array of bool, shape (groups,)
        Groups whose coefficient against the baseline is not finite or not determined.
    """
    groups = len(design.groups)
    own = design.blocks[0].loads @ null  # (groups, k), the intercept's share included
    contrast = (np.abs(own - own[0]) > _ZERO).any(axis=1)
    code = design.blocks[0].codes
    has_rows = np.bincount(code, weights=(base > 0) & ~separated, minlength=groups) > 0
    adjusters = design.linear(null) - own[code] if null.shape[1] else np.zeros((design.rows, 0))
    # adjusters that imply each other say the same for every group: nothing to judge
    told = (np.abs(adjusters) > _ZERO).any(axis=0) | (np.abs(own) > _ZERO).any(axis=0)
    null, own, adjusters = null[:, told], own[:, told], adjusters[:, told]
    if null.shape[1] == 0:
        return ~has_rows, contrast | ~has_rows
    found = np.unique(np.round(adjusters[base > 0], 6), axis=0)
    known = {tuple(row) for row in np.unique(np.round((adjusters + own[code])[separated], 6) + 0.0, axis=0)}
    known.add(tuple(np.zeros(null.shape[1])))
    level = ~has_rows
    for group in range(groups):
        wanted = np.unique(np.round(found + own[group], 6) + 0.0, axis=0)
        level[group] |= any(tuple(row) not in known for row in wanted)
    return level, contrast | ~has_rows


def moved_columns(along: FloatArray) -> IntArray:
    """The columns that a direction has a part in."""
    return np.flatnonzero(np.abs(along) > _ZERO * np.abs(along).max(initial=0.0))
