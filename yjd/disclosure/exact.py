"""Which hidden counts the relations determine, by linear algebra over all of them at once.

A column is determined exactly when every vector of the null space (of the relations, restricted to what is
unknown) is zero there, and a random vector of the null space is zero only there. So one random vector is
enough, and no basis is ever formed. The system is first made small: a relation of two unknowns merges them, a
relation of one fixes it, and a relation that alone holds some unknown says nothing about the others. What is
left is projected by conjugate gradients on the normal equations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from yjd.disclosure.relations import Flags, Floats, Ints
from yjd.errors import DisclosureError

NEARLY_ZERO = 1e-6
SETTLED = 1e-9
MOST_ITERATIONS = 30_000


@dataclass(frozen=True)
class _Step:
    """One round of making the system smaller, kept in order to go back.

    Attributes
    ----------
    merge : sparse array (columns before, columns merged)
        1 or -1 where a column equals a merged one or its opposite.
    owner : sparse array (relations that were set aside, columns merged)
        Their coefficients, scaled so that the column that each one alone holds has coefficient 1.
    owned : array (relations that were set aside,)
        Those columns.
    kept : array
        Merged columns that go on to the next round.
    free : array
        Merged columns in no relation that goes on.
    """

    merge: sparse.csr_array
    owner: sparse.csr_array
    owned: Ints
    kept: Ints
    free: Ints


def null_vector(matrix: sparse.csr_array, unknown: Flags) -> Floats:
    """Return a random vector of the null space (columns,); a column is 0 where it is seen, or determined.

    Parameters
    ----------
    matrix : sparse array (relations, columns)
        The relations.
    unknown : array (columns,)
        The columns an outsider does not see.

    Raises
    ------
    DisclosureError
        When the numerical method does not settle: doubt is never a pass.
    """
    random = np.random.default_rng(20_131)
    places = np.flatnonzero(unknown)
    vector = np.zeros(unknown.size)
    current = sparse.csr_array(matrix[:, places])
    steps: list[_Step] = []
    while True:
        step, smaller = _reduce(_tidy(current))
        steps.append(step)
        done = smaller.nnz == current.nnz and smaller.shape[1] == current.shape[1]
        current = smaller
        if done or current.nnz == 0:
            break
    values = _project(_tidy(current), random.standard_normal(current.shape[1]))
    for step in reversed(steps):
        values = _expand(step, values, random)
    vector[places] = values
    return vector


def _tidy(matrix: sparse.csr_array) -> sparse.csr_array:
    """Drop cancelled entries, empty relations and relations that say the same."""
    matrix.sum_duplicates()
    matrix.data[np.abs(matrix.data) < 1e-9] = 0.0
    matrix.eliminate_zeros()
    matrix = sparse.csr_array(matrix[np.flatnonzero(np.diff(matrix.indptr))])
    mark = matrix @ np.random.default_rng(7).standard_normal(matrix.shape[1])
    _, first = np.unique(np.round(np.abs(mark), 9), return_index=True)
    return sparse.csr_array(matrix[np.sort(first)])


def _merging(matrix: sparse.csr_array) -> sparse.csr_array:
    """Return how columns collapse: equal or opposite ones into one, fixed ones into nothing (rows of zeros)."""
    size = matrix.shape[1]
    length, start = np.diff(matrix.indptr), matrix.indptr[:-1]
    fixed = np.zeros(size, dtype=np.bool_)
    fixed[matrix.indices[start[length == 1]]] = True
    pairs = start[length == 2]
    pairs = pairs[np.isclose(np.abs(matrix.data[pairs]), np.abs(matrix.data[pairs + 1]))]
    one, two = matrix.indices[pairs], matrix.indices[pairs + 1]
    equal = matrix.data[pairs] * matrix.data[pairs + 1] < 0
    # Each column has two nodes, itself and its opposite: a column tied to its own opposite is zero.
    left = np.concatenate([one, one + size])
    right = np.concatenate([np.where(equal, two, two + size), np.where(equal, two + size, two)])
    graph = sparse.coo_array((np.ones(left.size), (left, right)), shape=(2 * size, 2 * size))
    _, label = connected_components(graph, directed=False)
    plus, minus = label[:size], label[size:]
    name, sign = np.minimum(plus, minus), np.where(plus <= minus, 1.0, -1.0)
    fixed = np.isin(name, name[fixed | (plus == minus)])
    _, place = np.unique(name[~fixed], return_inverse=True)
    width = int(place.max()) + 1 if place.size else 0
    return sparse.csr_array((sign[~fixed], (np.flatnonzero(~fixed), place)), shape=(size, width))


def _reduce(matrix: sparse.csr_array) -> tuple[_Step, sparse.csr_array]:
    """Merge columns, then set aside the relations that alone hold some column."""
    merge = _merging(matrix)
    merged = _tidy(sparse.csr_array(matrix @ merge))
    columns = merged.shape[1]
    row = np.repeat(np.arange(merged.shape[0]), np.diff(merged.indptr))
    single = np.flatnonzero(np.bincount(merged.indices, minlength=columns)[merged.indices] == 1)
    aside, first = np.unique(row[single], return_index=True)
    owned = merged.indices[single[first]].astype(np.int64)
    scale = sparse.diags_array(1.0 / merged.data[single[first]])
    owner = sparse.csr_array(scale @ merged[aside]) if aside.size else sparse.csr_array((0, columns))
    stay = np.ones(merged.shape[0], dtype=np.bool_)
    stay[aside] = False
    rest = sparse.csr_array(merged[np.flatnonzero(stay)])
    used = np.bincount(rest.indices, minlength=columns) > 0
    kept = np.flatnonzero(used)
    used[owned] = True
    step = _Step(merge=merge, owner=owner, owned=owned, kept=kept, free=np.flatnonzero(~used))
    return step, sparse.csr_array(rest[:, kept])


def _expand(step: _Step, values: Floats, random: np.random.Generator) -> Floats:
    """Return the vector before a step from the vector after it."""
    full = np.zeros(step.merge.shape[1])
    full[step.kept] = values
    full[step.free] = random.standard_normal(step.free.size)
    full[step.owned] = -(step.owner @ full)
    expanded: Floats = step.merge @ full
    return expanded


def _project(matrix: sparse.csr_array, start: Floats) -> Floats:
    """Return the part of a vector that lies in the null space of a matrix."""
    if matrix.nnz == 0:
        return start
    transposed = sparse.csr_array(matrix.T)
    # Minimise |start - A'y|: what is left over is orthogonal to every relation. Sums, not BLAS dots: these
    # vectors are short, and threads for them cost more than they save.
    left = start.copy()
    gradient = matrix @ left
    direction = gradient.copy()
    size = float((gradient * gradient).sum())
    for _ in range(MOST_ITERATIONS):
        if np.abs(gradient).max() < SETTLED:
            return left
        moved = transposed @ direction
        pace = size / float((moved * moved).sum())
        left = left - pace * moved
        gradient = matrix @ left
        before, size = size, float((gradient * gradient).sum())
        direction = gradient + (size / before) * direction
    raise DisclosureError(
        "The check of what can be worked out from the table did not settle: nothing is released.",
        "Publish fewer splits; if it still fails, report it with the numbers of areas, groups and periods.",
    )
