"""A table to start moves from, where earlier releases hid counts that nobody counts any more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from yjd.disclosure.columns import Floats, Ints
from yjd.disclosure.system import System

#: More than this of a count that nobody knows is no better to start from.
_AMPLE = 5.0
#: What it costs to miss a relation by one: more than any value could be worth.
_MISSED = 1e3


def started(system: System) -> System:
    """Give the counts that nobody knows values that agree with all others, as far above 0 as may be.

    A move shows that a count cannot be told from another value. What it starts from need not be the truth, but only a
    table that agrees with everything published; from one with nothing in it no move could go down. Where no table
    agrees, since some of the counts were revised, it is one that has to be revised as little as may be.

    Parameters
    ----------
    system : System
        `n` NaN where nobody knows the count.

    Returns
    -------
    System
        With such values in `n`, and `slack` that goes with them.
    """
    n = system.n.copy()
    missing = np.flatnonzero(np.isnan(n) & system.usable)
    if not missing.size:
        return system
    ties = sparse.csr_array(sparse.vstack([system.equal, system.bound]))
    hangs = sparse.csgraph.connected_components(_pattern(ties[:, missing]), directed=False)[1]
    for own in np.split(missing[np.argsort(hangs, kind="stable")], np.flatnonzero(np.diff(np.sort(hangs))) + 1):
        n[own] = _table(system, own)
    known = np.nan_to_num(n)
    touched = abs(system.bound) @ np.isin(np.arange(n.size), missing).astype(np.float64) > 0
    slack = np.where(touched, np.maximum(system.bound @ known, 0.0), system.slack)
    return replace(system, n=n, slack=slack)


def _pattern(matrix: sparse.csr_array) -> sparse.csr_array:
    """Which columns have a row together."""
    ones = sparse.csr_array((np.ones(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape)
    return sparse.csr_array(ones.T @ ones)


def _table(system: System, own: Ints) -> Floats:
    """Values for some columns that meet the relations they are in, or come as near to it as any."""
    known = np.nan_to_num(system.n)
    equal, equal_sum = _rows(system.equal, own, known)
    bound, bound_sum = _rows(system.bound, own, known)
    size, equals, bounds = own.size, equal.shape[0], bound.shape[0]

    # Variables: the values, what each has of an ample count, and by how much each relation is missed.
    def one(count: int) -> sparse.csr_array:
        return sparse.csr_array(sparse.eye_array(count))

    cost = np.concatenate([np.zeros(size), -np.ones(size), np.full(2 * equals + bounds, _MISSED)])
    found = milp(
        cost,
        constraints=[
            LinearConstraint(_beside(equal, size, one(equals), -one(equals), bounds), -equal_sum, -equal_sum),
            LinearConstraint(_beside(bound, size + 2 * equals, one(bounds)), -bound_sum, np.inf),
            LinearConstraint(_beside(one(size), 0, -one(size), 2 * equals + bounds), 0, np.inf),
        ],
        bounds=Bounds(
            0, np.concatenate([np.full(size, np.inf), np.full(size, _AMPLE), np.full(cost.size - 2 * size, np.inf)])
        ),
    )
    values: Floats = found.x[:size] if found.status == 0 else np.zeros(size)
    return values


def _beside(*blocks: sparse.csr_array | int) -> sparse.csr_array:
    """Matrices side by side; a number stands for so many columns of nothing."""
    rows = next(one.shape[0] for one in blocks if not isinstance(one, int))
    every = [sparse.csr_array((rows, one)) if isinstance(one, int) else one for one in blocks]
    return sparse.csr_array(sparse.hstack(every))


def _rows(matrix: sparse.csr_array, own: Ints, known: Floats) -> tuple[sparse.csr_array, Floats]:
    """The rows that have any of the columns, these columns alone, and what the known counts add to each."""
    of_own = sparse.csr_array(matrix[:, own])
    rows = np.flatnonzero(np.diff(of_own.indptr) > 0)
    return sparse.csr_array(of_own[rows]), sparse.csr_array(matrix[rows]) @ known
