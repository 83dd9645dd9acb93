"""A first choice of what is hidden in a large block: swaps that open many counts for little.

Linear programmes find the best moves, some hundred counts at a time. In a block of twenty thousand counts most can be
opened by swaps (`yjd.disclosure.swaps`), which are listed at once. What they leave is left to the programmes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from yjd.disclosure.aims import Aims, chance, whole
from yjd.disclosure.columns import Flags, Floats, Ints
from yjd.disclosure.hiding import Hiding
from yjd.disclosure.rules import Links
from yjd.disclosure.swaps import AXES, GROUP, NEARLY, STAGE, Leaves, Swaps, leaves_of, swaps_of

#: Of the swaps that are the best for some count, the share that is taken before prices are looked at again.
TAKEN = 0.1
#: What a swap that brings a count nearer counts for, where one that opens it counts 1.
NEARER = 0.5
#: Tables that are built side by side, and how often a swap is tried for one count.
TABLES, TRIES = 24, 6
ROUNDS = 6
AREA, SEX, AGE, DEPRIVATION = (AXES.index(name) for name in ("area", "sex", "age_band", "deprivation"))
#: Axes along which swaps go: first those that leave totals over groups as they are.
KINDS = (
    (
        (GROUP,),
        *((split, GROUP) for split in (AREA, SEX, AGE, DEPRIVATION)),
        *((one, two, GROUP) for one in (AREA, SEX, AGE) for two in (SEX, AGE, DEPRIVATION) if one < two),
    ),
    ((STAGE,), (AREA,), (STAGE, AREA), (SEX,), (AGE,), (DEPRIVATION,), (STAGE, GROUP)),
)


def cover(state: Hiding, aims: Aims, names: pd.DataFrame, may: Flags, links: Links) -> bool:
    """Hide what swaps need that open counts, and note the tables that show it.

    Parameters
    ----------
    state : Hiding
        Changed: what is hidden, and moves.
    aims : Aims
        Changed: what is open.
    names : DataFrame
        Columns of `yjd.schema.CELL_KEYS`, one row for each column.
    may : array (columns,)
        Whether each may be hidden.
    links : Links

    Returns
    -------
    bool
        Whether there are leaves at all: where the finest split is not published, there are none.
    """
    system = state.system
    leaves = leaves_of(names, system.n, system.usable, links)
    if not leaves.n.size:
        return False
    sums = _clean(sparse.csr_array(aims.matrix @ leaves.within))
    # Aims that come to the same leaves are one.
    marks = np.round(sums @ chance(np.arange(leaves.n.size), 0), 9)
    apart = np.column_stack([marks, np.nan_to_num(aims.above, posinf=-1.0)])
    _, first, same = np.unique(apart, axis=0, return_index=True, return_inverse=True)
    every: list[Swaps] = []
    for kinds in KINDS:
        closed = first[aims.closed(first) & (np.diff(sums.indptr)[first] > 0)]
        swaps = _passable(swaps_of(leaves, kinds), leaves, may | state.hidden)
        chosen = _Choice(aims, sums, closed, swaps, leaves).run(state)
        every.append(swaps.only(chosen))
        _tables(state, aims, sums, first, same.reshape(-1), every, leaves)
    return True


def _clean(matrix: sparse.csr_array) -> sparse.csr_array:
    """Without entries that came to nothing."""
    matrix.data[np.abs(matrix.data) < NEARLY] = 0.0
    matrix.eliminate_zeros()
    return matrix


def _passable(swaps: Swaps, leaves: Leaves, may: Flags) -> Swaps:
    """The swaps that go through nothing that must be shown."""
    through = abs(_clean(sparse.csr_array(leaves.within @ swaps.moves)))
    return swaps.only(np.flatnonzero(through.T @ (~may).astype(np.float64) == 0))


@dataclass
class _Choice:
    """The choice of swaps for some counts."""

    aims: Aims
    sums: sparse.csr_array
    rows: Ints
    swaps: Swaps
    leaves: Leaves

    def run(self, state: Hiding) -> Ints:
        """Hide what swaps go through until none helps any more; return the swaps that then go through hidden counts."""
        aims, swaps = self.aims, self.swaps
        through = sparse.csr_array(abs(_clean(sparse.csr_array(self.leaves.within @ swaps.moves))).T)
        through.data[:] = 1.0
        far = _clean(sparse.csr_array(self.sums[self.rows] @ swaps.moves))
        row = np.repeat(np.arange(self.rows.size), np.diff(far.indptr))
        swap, by = far.indices.astype(np.int64), far.data
        above, below = aims.above[self.rows], aims.below[self.rows]
        rise = whole(np.minimum(above[row], np.maximum(by * swaps.forth[swap], -by * swaps.back[swap])))
        fall = whole(np.minimum(below[row], np.maximum(by * swaps.back[swap], -by * swaps.forth[swap])))
        up, down = whole(aims.up[self.rows]), whole(aims.down[self.rows])
        free = np.zeros(swaps.forth.size, dtype=np.bool_)
        while True:
            price = through @ np.where(state.hidden, 0.0, state.cost)
            fresh = (price <= 0) & ~free
            free |= fresh
            if fresh.any():
                own = fresh[swap]
                up = np.minimum(above, up + np.bincount(row[own], rise[own], above.size))
                down = np.minimum(below, down + np.bincount(row[own], fall[own], above.size))
            now = (up + down)[row]
            then = np.minimum(above[row], up[row] + rise) + np.minimum(below[row], down[row] + fall)
            live = (now + 1 < aims.width) & ~free[swap] & (then > now)
            if not live.any():
                return np.flatnonzero(free)
            opens = then[live] + 1 >= aims.width
            row, swap, rise, fall = row[live], swap[live], rise[live], fall[live]
            gain = np.bincount(swap, np.where(opens, 1.0, NEARER), free.size)
            best, votes = _voted(row, swap, gain / np.maximum(price, NEARLY))
            taken = best[np.argsort(-votes / price[best], kind="stable")[: max(1, int(TAKEN * best.size))]]
            state.hidden |= np.asarray(through[taken].sum(axis=0)).reshape(-1) > 0


def _voted(row: Ints, swap: Ints, score: Floats) -> tuple[Ints, Ints]:
    """The swaps that are the best for some row, and for how many; rows are in order."""
    start = np.flatnonzero(np.diff(row, prepend=-1))
    most = np.maximum.reduceat(score[swap], start)
    which = np.repeat(np.arange(start.size), np.diff(start, append=row.size))
    at = np.flatnonzero(score[swap] == most[which])
    _, first = np.unique(which[at], return_index=True)
    best, votes = np.unique(swap[at[first]], return_counts=True)
    return best, votes


def _tables(
    state: Hiding, aims: Aims, sums: sparse.csr_array, first: Ints, same: Ints, every: list[Swaps], leaves: Leaves
) -> None:
    """Build tables by one swap after another, each for some of the counts that are still closed."""
    more, less = (np.concatenate([getattr(one, side) for one in every]) for side in ("more", "less"))
    moves = sparse.csr_array(sparse.hstack([one.moves for one in every]))
    of_first = sparse.csr_array(sums[first])
    for turn in range(ROUNDS):
        closed = np.flatnonzero(aims.closed(first))
        far = _clean(sparse.csr_array(of_first[closed] @ moves))
        can = np.flatnonzero(np.diff(far.indptr) > 0)
        if not can.size:
            return
        goals = aims.goals(first[closed], turn)
        table = _walked(leaves.n, more, less, far, goals, can, turn) - leaves.n[:, None]
        moved = sparse.csr_array(leaves.within @ sparse.csr_array(table))
        allowed = np.flatnonzero(state.system.allows(moved))
        before = int(closed.size)
        for one in (of_first @ table[:, allowed]).T:
            aims.record(np.arange(same.size), one[same])
        state.note(sparse.csr_array(moved[:, allowed]))
        if before - int(aims.closed(first).sum()) <= TABLES:
            return


def _walked(n: Floats, more: Ints, less: Ints, far: sparse.csr_array, goals: Floats, can: Ints, turn: int) -> Floats:
    """Leaves after many swaps, (leaves, tables): each table serves some counts, one after the other."""
    random = np.random.default_rng(turn)
    steps = -(-can.size // TABLES)
    queue = np.resize(random.permutation(can), (steps, TABLES))
    now = np.tile(np.append(n, np.inf), (TABLES, 1))
    side = np.arange(TABLES)[:, None]
    for wanted in queue:
        sign, left = np.sign(goals[wanted]), np.abs(goals[wanted])
        begin, many = far.indptr[wanted], np.diff(far.indptr)[wanted]
        offset = random.integers(0, many)
        for attempt in range(TRIES):
            at = begin + (offset + attempt) % many
            swap, by = far.indices[at], far.data[at]
            forth = (by * sign > 0)[:, None]
            up, down = np.where(forth, more[swap], less[swap]), np.where(forth, less[swap], more[swap])
            does = np.flatnonzero((left >= 1) & (now[side, down] >= 1).all(axis=1) & (np.abs(by) <= left))
            now[does[:, None], down[does]] -= 1.0
            now[does[:, None], up[does]] += 1.0
            left[does] -= np.abs(by[does])
    return now[:, :-1].T
