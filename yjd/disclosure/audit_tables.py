"""What tables that were handed to the audit prove, once they are seen to agree with everything published.

A linear programme that looks for a table takes long; to check a table that somebody else found takes one
multiplication. Nothing is believed: every relation that the audit knows is held against every table.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from yjd.disclosure.alternatives import Alternatives
from yjd.disclosure.audit_reach import Targets
from yjd.disclosure.audit_system import Flags, Floats, Ints, System
from yjd.disclosure.audit_table import Table

_SLACK = 1e-6


def check(system: System, targets: Targets, table: Table, place: Ints, given: Alternatives) -> None:
    """Tell every target of the tables that agree with the system.

    Parameters
    ----------
    system : System
        With the bounds that are published, not with such as follow for whole numbers only.
    targets : Targets
    table : Table
    place : array (variables,)
        The unknown that each variable is; -1 of a seen one.
    given : Alternatives
    """
    base, moves = _of_unknowns(table, place, given)
    binds = np.flatnonzero(~system.implied & (np.isfinite(system.row_low) | np.isfinite(system.row_high)))
    matrix, row_low, row_high = system.matrix[binds], system.row_low[binds], system.row_high[binds]
    based = ~np.isnan(base)
    start = np.nan_to_num(base)
    # A row with an unknown of which no table says anything holds in truth, and so as long as nothing moves in it.
    blind = abs(matrix) @ (~based).astype(np.float64) > 0
    untrue = based & (np.abs(start - system.truth) > _SLACK) | (based & np.isnan(system.truth))
    level = matrix @ start
    wrong = np.where(
        blind,
        abs(matrix) @ untrue.astype(np.float64) > 0,
        _outside(level, row_low, row_high),
    )
    label, of_row = _labels(matrix)
    bad = np.zeros(len(label) + matrix.shape[0] + 1, dtype=bool)
    bad[of_row[wrong]] = True
    bad[label[based & _outside(start, system.low, system.high)]] = True
    moved = sparse.coo_array(matrix @ moves)
    row, column = moved.coords
    fails = _outside(level[row] + moved.data, row_low[row], row_high[row]) & ~blind[row]
    fails |= blind[row] & (np.abs(moved.data) > _SLACK)
    far = sparse.coo_array(moves)
    own, of = far.coords
    beyond = _outside(start[own] + far.data, system.low[own], system.high[own])
    refused = np.zeros(moves.shape[1], dtype=bool)
    refused[column[fails & ~bad[of_row[row]]]] = True
    refused[of[beyond & ~bad[label[own]]]] = True
    _tell(targets, start, sparse.csr_array(moves[:, np.flatnonzero(~refused)]), ~based | bad[label])


def _tell(targets: Targets, start: Floats, moves: sparse.csr_array, silent: Flags) -> None:
    """Note the least and the most that each target is in any of the tables, but where they say nothing."""
    told = np.flatnonzero(abs(targets.matrix) @ silent.astype(np.float64) == 0)
    if not told.size or not moves.shape[1]:
        return
    matrix = targets.matrix[told]
    value = matrix @ start + targets.offset[told]
    far = sparse.csr_array(matrix @ moves)
    for step in (_extreme(far, np.minimum), _extreme(far, np.maximum)):
        targets.saw(value + step, told)


def _extreme(far: sparse.csr_array, of: np.ufunc) -> Floats:
    """The least or the most of each row; 0, for the table that nothing is added to, is one of them."""
    found = np.zeros(far.shape[0])
    of.at(found, np.repeat(np.arange(far.shape[0]), np.diff(far.indptr)), far.data)
    return found


def _of_unknowns(table: Table, place: Ints, given: Alternatives) -> tuple[Floats, sparse.csr_array]:
    """Put the tables into the order of the unknowns: (unknowns,) and (unknowns, tables)."""
    there = np.flatnonzero(~np.isnan(given.base))
    codes = table.keys.codes(given.keys.iloc[there])
    order = np.argsort(codes, kind="stable")
    own = np.flatnonzero((place >= 0) & table.present)
    at = np.minimum(np.searchsorted(codes[order], table.code[own]), len(codes) - 1)
    found = codes[order][at] == table.code[own]
    own, source = own[found], there[order[at[found]]]
    count = int((place >= 0).sum())
    base = np.full(count, np.nan)
    base[place[own]] = given.base[source]
    pick = sparse.csr_array((np.ones(own.size), (place[own], source)), shape=(count, len(given.base)))
    return base, sparse.csr_array(pick @ given.moves)


def _outside(values: Floats, low: Floats, high: Floats) -> Flags:
    return (values < low - _SLACK) | (values > high + _SLACK)


def _labels(matrix: sparse.csr_array) -> tuple[Ints, Ints]:
    """What hangs together: a label for each unknown and for each row."""
    rows, columns = matrix.shape
    entries = sparse.coo_array(matrix)
    graph = sparse.csr_array(
        (np.ones(entries.nnz), (entries.coords[0] + columns, entries.coords[1])), shape=(rows + columns, rows + columns)
    )
    _, label = connected_components(graph, directed=False)
    return label[:columns].astype(np.int64), label[columns:].astype(np.int64)
