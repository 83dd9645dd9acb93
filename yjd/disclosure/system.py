"""All counts that releases print, what ties them together, and what can be derived from them, as sparse matrices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from yjd.disclosure.columns import GROUP, LEVEL, NONE, PERIOD, SPLITS, STAGE, Columns, Flags, Floats, Ints
from yjd.disclosure.moves import touching
from yjd.disclosure.relations import Small, relate_groups, relate_margins, relate_once, relate_periods
from yjd.disclosure.relations_stages import relate_stages
from yjd.disclosure.rules import Links
from yjd.schema import ALL, KNOWN

#: What a solver may leave of nothing.
NEARLY = 1e-6


@dataclass(frozen=True)
class System:
    """Printed counts, the relations among them, and the derived counts that matter.

    Attributes
    ----------
    place : array (rows of the table,)
        The column of each row.
    table : array (columns, keys)
        The key of each column, in codes.
    n : array (columns,)
        True counts; NaN where nobody has one.
    usable : array (columns,)
        Whether there is a count at all.
    equal : sparse array (relations, columns)
        Times the counts: what stays as it is.
    bound : sparse array (bounds, columns)
        Times the counts: derived counts that are not negative.
    slack : array (bounds,)
        How far each of them can fall.
    derived : sparse array (derived counts, columns)
        Times the counts: derived counts that are small.
    derived_n : array (derived counts,)
    leaves : array (columns, dimensions)
        For group, period and each split, the code of a value that nothing else makes up; -1 for a sum.
    """

    place: Ints
    table: Ints
    n: Floats
    usable: Flags
    equal: sparse.csr_array
    bound: sparse.csr_array
    slack: Floats
    derived: sparse.csr_array
    derived_n: Floats
    leaves: Ints

    def only(self, columns: Ints) -> System:
        """Choose columns that no relation ties to the others."""
        equal, _ = touching(self.equal, columns)
        bound, bounds = touching(self.bound, columns)
        derived, rows = touching(self.derived, columns)
        return System(
            np.arange(columns.size), self.table[columns], self.n[columns], self.usable[columns], equal, bound,
            self.slack[bounds], derived, self.derived_n[rows], self.leaves[columns],
        )  # fmt: skip

    def allows(self, moves: sparse.csr_array) -> Flags:
        """Whether each of some moves, (columns, moves), leads to a table that meets every relation."""
        refused = np.zeros(moves.shape[1], dtype=np.bool_)
        limits = ((self.equal, 0.0, 0.0), (self.bound, self.slack, np.inf), (None, np.nan_to_num(self.n), np.inf))
        for matrix, below, above in limits:
            far = sparse.coo_array(moves if matrix is None else matrix @ moves)
            row, move = far.coords
            least = np.broadcast_to(below, far.shape[0])[row]
            refused[move[(far.data < -least - NEARLY) | (far.data > above + NEARLY)]] = True
        return ~refused


def build_system(keys: pd.DataFrame, n: Floats, unknown: Flags, links: Links, small: Small) -> System:
    """Return every relation among printed counts that an outsider can use.

    Parameters
    ----------
    keys, n, unknown
        See `yjd.disclosure.columns.Columns`.
    links : Links
        How stages, periods and groups are tied to each other.
    small : callable
        Which of an array of counts may not be known.

    Raises
    ------
    DisclosureError
        When a detailed group has no broad group.
    """
    c = Columns(keys, n, unknown)
    public = np.isin(c.table[:, STAGE], c.codes(STAGE, sorted(links.public_stages)))
    own = np.flatnonzero(c.usable & ~public)
    margins, alike = relate_margins(c, own)
    own = np.concatenate([own, margins])
    summed, rests, others = relate_groups(c, own, links, small)
    own = np.concatenate([own, summed])
    left, left_of_others = relate_periods(c, own, rests, others, links)
    sums = np.concatenate([others, left_of_others])
    rows = np.concatenate([np.flatnonzero(c.usable & public), own, rests, left, sums])
    if alike:  # of margins that are summed from the same counts everywhere, nothing has to be said anew
        sums = np.concatenate([sums, margins])
    less = relate_stages(c, rows, ~np.isin(rows, sums), small, links)
    once = np.concatenate([own, rests])
    adds_up = np.isin(c.table[once, STAGE], c.codes(STAGE, sorted(links.periods_add_up)))
    relate_once(c, np.concatenate([once[~adds_up], less]), links)
    return _resolved(c, small, _leaves(c, links))


def _resolved(c: Columns, small: Small, leaves: Ints) -> System:
    """Put what defines each derived count in its place, so that only printed ones are left."""
    pieces = c.pieces or [(NONE, NONE, np.empty(0))]
    row, column, value = (np.concatenate(part) for part in zip(*pieces, strict=True))
    matrix = sparse.csr_array((value, (row, column)), shape=(c.relations, len(c.n)))
    defining = np.concatenate([NONE, *c.definitions])
    size = defining.size
    entries = sparse.coo_array(matrix[defining])
    row, column = (coords.astype(np.int64) for coords in entries.coords)
    own = column == row + c.printed
    scale = np.ones(size)
    scale[row[own]] = -1.0 / entries.data[own]
    value, row, column = (entries.data * scale[row])[~own], row[~own], column[~own]
    others = sparse.csr_array((value, (row, column)), shape=(size, len(c.n)))
    term, further = sparse.csr_array(others[:, : c.printed]), sparse.csr_array(others[:, c.printed :])
    inside = term
    while term.nnz and further.nnz:  # some derived counts come from derived ones
        term = sparse.csr_array(further @ term)
        inside = sparse.csr_array(inside + term)
    rest = np.ones(c.relations, dtype=np.bool_)
    rest[defining] = False
    others = sparse.csr_array(matrix[np.flatnonzero(rest)])
    equal = sparse.csr_array(others[:, : c.printed] + others[:, c.printed :] @ inside)
    equal.eliminate_zeros()
    floor = np.concatenate(c.floor)[c.printed :]
    bounded, few = np.flatnonzero(np.isfinite(floor)), np.flatnonzero(small(c.n[c.printed :]))
    return System(
        place=c.place,
        table=c.table[: c.printed],
        n=c.n[: c.printed],
        usable=c.usable[: c.printed],
        equal=sparse.csr_array(equal[np.flatnonzero(np.diff(equal.indptr) > 0)]),
        bound=sparse.csr_array(inside[bounded]),
        slack=floor[bounded],
        derived=sparse.csr_array(inside[few]),
        derived_n=c.n[c.printed :][few],
        leaves=leaves,
    )


def _leaves(c: Columns, links: Links) -> Ints:
    """Return the codes of what is no sum of other columns."""
    rows = np.arange(c.printed)
    table = c.table[rows]
    group, level = table[:, GROUP], table[:, LEVEL]
    key = c.key(rows, without=(GROUP, LEVEL))
    sums = np.isin(group, c.codes(GROUP, [ALL, KNOWN]))
    detailed = level == c.code(LEVEL, "detailed")
    sums |= (level == c.code(LEVEL, "broad")) & np.isin(key, key[detailed])
    longer = np.isin(table[:, PERIOD], c.codes(PERIOD, sorted(links.related_periods)))
    splits = [np.where(table[:, column] == c.code(column, ALL), -1, table[:, column]) for column in SPLITS]
    return np.column_stack([np.where(sums, -1, group), np.where(longer, -1, table[:, PERIOD]), *splits])
