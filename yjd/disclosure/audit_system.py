"""The equations of an outsider: cells as variables, sums as rows, all of it between bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from yjd.disclosure.audit_table import Table
from yjd.disclosure.audit_world import Family

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
_SLACK = 1e-6
_PASSES = 200


@dataclass(frozen=True)
class Rows:
    """Sums over variables: row, variable and factor of each entry; bounds, name and key of each row.

    `derived` tells the rows whose sum is itself a count to be protected; `truth` is that sum, NaN where not known.
    """

    row: Ints
    variable: Ints
    factor: Floats
    low: Floats
    high: Floats
    name: NDArray[np.object_]
    code: Ints
    derived: Flags
    truth: Floats
    implied: Flags  # other rows say as much


def rows_of(families: Sequence[Family], table: Table) -> Rows:
    """Write down every relation as one row: what the whole leaves when its parts are taken away.

    With the true counts at hand a relation that they do not bear out is not used: a sum that is wrong tells an
    outsider nothing. Without them, a kind of relation that what is seen contradicts is not used.
    """
    parts = [_rows(family, table) for family in families]
    statements = _stated(table)
    everything = [*parts, *([statements] if statements is not None else [])]
    shift, row = 0, []
    for one in everything:
        row.append(one.row + shift)
        shift += len(one.low)
    joined = {
        name: np.concatenate([getattr(one, name) for one in everything])
        for name in ("variable", "factor", "low", "high", "name", "code", "derived", "truth", "implied")
    }
    if any(np.isinf(one.low).any() for one, family in zip(parts, families, strict=True) if not family.proven):
        joined["implied"][:] = False  # what would have implied them may be among those that do not hold
    return Rows(row=np.concatenate(row), **joined)


def _rows(family: Family, table: Table) -> Rows:
    size = len(family.code)
    row, variable, factor, exact = family.row, family.variable, family.factor, family.exact
    truth = _summed(row, factor * table.truth[variable], size)
    low, high = np.zeros(size), np.where(exact, 0.0, np.inf)
    unknown = np.isnan(truth)
    # a sum that the true counts do not bear out is not one
    wrong = ~unknown & (truth < 0)
    high = np.where(~unknown & exact & (truth > 0), np.inf, high)
    if family.proven:
        wrong |= unknown
    elif family.checked and unknown.any():
        wrong |= unknown & bool(_contradicted(row, variable, factor, exact, table, size))
    low = np.where(wrong, -np.inf, low)
    high = np.where(wrong, np.inf, high)
    # Parts that are said to be all, and are not, leave a count like any other.
    derived = family.derived & ~wrong & ~(exact & ~(truth > 0))
    name = np.full(size, family.name, dtype=object)
    return Rows(
        row, variable, factor, low, high, name, family.code, derived, np.where(wrong, np.nan, truth), family.implied
    )


def _contradicted(row: Ints, variable: Ints, factor: Floats, exact: Flags, table: Table, size: int) -> bool:
    """Whether some relation of a family cannot hold, by what is seen alone."""
    most = np.bincount(row, np.where(factor > 0, table.high[variable], -table.low[variable]), size)
    least = np.bincount(row, np.where(factor > 0, table.low[variable], -table.high[variable]), size)
    return bool(((most < -_SLACK) | (exact & (least > _SLACK))).any())


def _stated(table: Table) -> Rows | None:
    given = table.statements
    if not given:
        return None
    size = len(given)
    row = np.repeat(np.arange(size), [len(one.terms) for one in given])
    variable = np.array([place for one in given for place, _ in one.terms], dtype=np.int64)
    factor = np.array([times for one in given for _, times in one.terms], dtype=np.float64)
    truth = _summed(row, factor * table.truth[variable], size)
    low, high = (np.array([getattr(one, side) for one in given], dtype=np.float64) for side in ("low", "high"))
    wrong = (truth < low - _SLACK) | (truth > high + _SLACK)
    low, high = np.where(wrong, -np.inf, low), np.where(wrong, np.inf, high)
    first = variable[np.searchsorted(row, np.arange(size))]
    no = np.zeros(size, dtype=bool)
    return Rows(row, variable, factor, low, high, np.full(size, "sums", dtype=object), table.code[first], no, truth, no)


@dataclass(frozen=True)
class System:
    """Rows with at least one unknown, over the unknown variables alone.

    Attributes
    ----------
    matrix : sparse array, shape (rows, unknowns)
    row_low, row_high : array of float, shape (rows,)
        Bounds of each sum of unknowns, after the seen counts are taken away.
    implied : array of bool, shape (rows,)
        Rows that others imply.
    offset : array of float, shape (rows,)
        What the seen counts add to each row.
    low, high : array of float, shape (unknowns,)
    truth : array of float, shape (unknowns,)
        NaN where it is not known.
    wrong : array of bool, shape (unknowns,)
        Where bounds contradict each other, so that nothing can be said.
    """

    matrix: sparse.csr_array
    row_low: Floats
    row_high: Floats
    implied: Flags
    offset: Floats
    low: Floats
    high: Floats
    truth: Floats
    wrong: Flags


def system_of(rows: Rows, table: Table, kept: Flags, place: Ints) -> System:
    """Take the seen counts out of some rows; `place` is the column of each unknown variable, -1 of a seen one."""
    new = np.cumsum(kept) - 1
    inside = kept[rows.row]
    row, variable, factor = new[rows.row[inside]], rows.variable[inside], rows.factor[inside]
    seen = place[variable] < 0
    count, unknowns = int(kept.sum()), int((place >= 0).sum())
    offset = _summed(row[seen], factor[seen] * table.low[variable[seen]], count)
    entries = (factor[~seen], (row[~seen], place[variable[~seen]]))
    matrix = sparse.csr_array(entries, shape=(count, unknowns))
    own = np.flatnonzero(place >= 0)
    own = own[np.argsort(place[own], kind="stable")]
    low, high = table.low[own], table.high[own]
    row_low, row_high = rows.low[kept] - offset, rows.high[kept] - offset
    return System(matrix, row_low, row_high, rows.implied[kept], offset, low, high, table.truth[own], low > high)


def tightened(system: System) -> System:
    """Narrow the bounds of every unknown by those of the others, row by row, until nothing moves."""
    matrix = system.matrix
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    column, factor = matrix.indices, matrix.data
    low, high, wrong = system.low.copy(), system.high.copy(), system.wrong.copy()
    up = factor > 0
    for _ in range(_PASSES):
        least, most = _ends(factor, up, low[column], high[column])
        open_least, open_most = np.isinf(least), np.isinf(most)
        count = matrix.shape[0]
        sum_least = np.bincount(row, np.where(open_least, 0.0, least), count)
        sum_most = np.bincount(row, np.where(open_most, 0.0, most), count)
        none_least = np.bincount(row, open_least, count)[row] - open_least
        none_most = np.bincount(row, open_most, count)[row] - open_most
        room = system.row_high[row] - sum_least[row] + np.where(open_least, 0.0, least)
        need = system.row_low[row] - sum_most[row] + np.where(open_most, 0.0, most)
        room, need = np.where(none_least == 0, room, np.inf), np.where(none_most == 0, need, -np.inf)
        with np.errstate(invalid="ignore"):
            new_high, new_low = np.where(up, room, need) / factor, np.where(up, need, room) / factor
        before = low.copy(), high.copy()
        np.minimum.at(high, column, np.floor(new_high + _SLACK))
        np.maximum.at(low, column, np.ceil(new_low - _SLACK))
        crossed = low > high
        wrong |= crossed
        low, high = np.where(wrong, before[0], low), np.where(wrong, before[1], high)
        if (low == before[0]).all() and (high == before[1]).all():
            break
    return replace(system, low=low, high=high, wrong=wrong)


def _summed(row: Ints, values: Floats, size: int) -> Floats:
    return np.bincount(row, values, size).astype(np.float64)


def _ends(factor: Floats, up: Flags, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    with np.errstate(invalid="ignore"):
        return np.where(up, factor * low, factor * high), np.where(up, factor * high, factor * low)


def activity(system: System) -> tuple[Floats, Floats]:
    """The least and the most that each row's sum of unknowns can be, by the bounds of the unknowns alone."""
    matrix = system.matrix
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    ends = _ends(matrix.data, matrix.data > 0, system.low[matrix.indices], system.high[matrix.indices])
    least, most = (_summed(row, values, matrix.shape[0]) for values in ends)
    return least, most
