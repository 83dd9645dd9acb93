"""Relations among numbers of several releases that cannot all hold are not used: nobody can add up with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from yjd.disclosure.audit_system import Rows
from yjd.disclosure.audit_table import Table

_SLACK = 1e-6


def borne_out(rows: Rows, table: Table) -> Rows:
    """Leave out as few relations as it takes for the others to agree with today's true counts.

    What a release hid may have been revised without a sign: an old year less its old quarters would then say something
    wrong of today's. Counts without a truth (superseded ones, and those that are no longer published) take whatever
    values let the most hold.

    Parameters
    ----------
    rows : Rows
        Of all releases.
    table : Table
        With the true counts of the newest release; without them all relations are left as they are.

    Returns
    -------
    Rows
        Those that cannot hold say nothing any more.
    """
    missing = np.isnan(table.truth)
    concerned = np.bincount(rows.row, missing[rows.variable], len(rows.low)) > 0
    if missing.all() or not concerned.any():
        return rows
    free = missing & (table.low < table.high)
    place, number = np.cumsum(free) - 1, np.cumsum(concerned) - 1
    inside = concerned[rows.row]
    row, variable, factor = number[rows.row[inside]], rows.variable[inside], rows.factor[inside]
    size, unknowns = int(concerned.sum()), int(free.sum())
    value = np.where(missing, np.where(free, 0.0, table.low), table.truth)
    known = np.bincount(row, factor * value[variable], size)
    moves = free[variable]
    matrix = sparse.csr_array((factor[moves], (row[moves], place[variable[moves]])), shape=(size, unknowns))
    one = sparse.csr_array(sparse.eye_array(size))
    found = milp(
        np.concatenate([np.zeros(unknowns), np.ones(2 * size)]),
        constraints=LinearConstraint(
            sparse.csr_array(sparse.hstack([matrix, one, -one])),
            rows.low[concerned] - known,
            rows.high[concerned] - known,
        ),
        bounds=Bounds(
            np.concatenate([table.low[free], np.zeros(2 * size)]),
            np.concatenate([table.high[free], np.full(2 * size, np.inf)]),
        ),
    )
    if found.status != 0:
        return rows  # the attack itself will say that it is not settled
    missed = np.zeros(len(rows.low), dtype=bool)
    missed[np.flatnonzero(concerned)] = found.x[unknowns : unknowns + size] + found.x[unknowns + size :] > _SLACK
    return replace(
        rows,
        low=np.where(missed, -np.inf, rows.low),
        high=np.where(missed, np.inf, rows.high),
        derived=rows.derived & ~missed,
        implied=rows.implied & ~missed.any(),  # what implied one may be left out
    )
