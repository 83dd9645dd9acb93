"""Which counts are hidden besides those that must be: as few as leave every one of these open.

For each sensitive count a move (`yjd.disclosure.moves`) is wanted that takes it far enough. A linear programme asks for
moves of a few such counts at once. Hidden counts move for nothing; a shown one costs what hiding it loses, so it moves,
and is hidden, only where nothing else helps. Whatever else the move took far enough is open as well.

A programme over all that hangs together is slow, and most moves need little of it: a few groups and areas. So columns
are parted at random, anew each turn, and each part is searched by itself, the others staying where they are. What is
left in the end is sought over everything, count by count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from yjd.disclosure.aims import NEARLY, Aims, chance
from yjd.disclosure.columns import NONE, Flags, Floats, Ints
from yjd.disclosure.moves import Part, best_move, furthest_move
from yjd.disclosure.system import System

#: Columns of a part, about.
PART = 1000
#: Values of a dimension that a part has at least, about.
VALUES = 2.5
#: What a unit towards the goal of a count is worth, against the cost of a shown count that has to move.
REWARD, ANY_REWARD = 5e3, 1e6
#: The share of closed counts that a turn must open to be followed by another of its kind.
ENOUGH = 0.08
#: Of the counts that are still to be opened, how many are asked for at once: few, so that few are hidden for them.
SHARE, LATER_SHARE = 0.07, 0.03
FEWEST = 8


@dataclass
class Hiding:
    """The state of the search.

    Attributes
    ----------
    system : System
    cost : array (columns,)
        What hiding each column loses.
    free : array (columns,)
        Columns that are hidden whatever is chosen.
    share : float
        Of the counts that are still to be opened, how many are asked for at once.
    hidden : array (columns,)
        These and what was chosen.
    moves : list of (columns, how far)
        The moves that were found, with the columns that they take anywhere.
    """

    system: System
    cost: Floats
    free: Flags
    share: float = SHARE
    hidden: Flags = field(init=False)
    moves: list[tuple[Ints, Floats]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        """Begin with what must be hidden."""
        self.hidden = self.free.copy()

    def open(self, aims: Aims, may: Flags) -> Ints:
        """Hide, among columns that may be, until every aim is open; return the aims that no move opens."""
        system = self.system
        every = components(sparse.csr_array(sparse.vstack([system.equal, system.bound])))
        movable = np.flatnonzero(may | self.hidden)
        order = movable[np.argsort(every[movable], kind="stable")]
        of_column = sparse.csc_array(aims.matrix)
        left = [np.flatnonzero(np.diff(sparse.csr_array(aims.matrix[:, movable]).indptr) == 0)]
        for columns in np.split(order, np.flatnonzero(np.diff(every[order])) + 1):
            rows = np.unique(sparse.csc_array(of_column[:, columns]).indices).astype(np.int64)
            rows = rows[aims.closed(rows)]
            if rows.size:
                search = _Search(self, aims, np.sort(columns), rows)
                left.append(search.run())
        return np.unique(np.concatenate(left))

    def note(self, moves: sparse.csr_array) -> None:
        """Take note of moves, (columns, moves), that go through hidden counts only."""
        by_move = sparse.csc_array(moves)
        for start, end in pairwise(by_move.indptr.tolist()):
            self.moves.append((by_move.indices[start:end].astype(np.int64), by_move.data[start:end]))

    def tables(self) -> sparse.csr_array:
        """Return the moves that were found: (columns, moves)."""
        columns, far = ([one[at] for one in self.moves] for at in (0, 1))
        of = np.repeat(np.arange(len(self.moves)), [one.size for one in columns])
        values = (np.concatenate([*far, np.empty(0)]), (np.concatenate([*columns, NONE]), of))
        return sparse.csr_array(values, shape=(self.system.n.size, len(self.moves)))


class _Search:
    """The search within columns that hang together."""

    def __init__(self, state: Hiding, aims: Aims, columns: Ints, rows: Ints) -> None:
        system = state.system
        self.state, self.aims, self.rows = state, aims, rows
        self.part = Part.of(system.equal, system.bound, system.slack, np.nan_to_num(system.n), columns)
        self.leaves = system.leaves[columns]
        self.matrix = sparse.csr_array(sparse.csr_array(aims.matrix[rows])[:, columns])
        self.first = _first_of_same(self.matrix, aims.above[rows])

    def run(self) -> Ints:
        """Search until all is open or nothing helps; return the aims that stay closed."""
        wanted, turn = self.part.columns.size // PART + 1, 0
        while wanted:
            before = int(self.aims.closed(self.rows).sum())
            for inside in self._parts(wanted, turn):
                self._turn(inside, turn, REWARD if wanted > 1 else ANY_REWARD)
            turn, after = turn + 1, int(self.aims.closed(self.rows).sum())
            if before - after <= (ENOUGH * before if wanted > 1 else 0):
                wanted //= 2  # larger parts, and in the end the whole
        for _ in range(2):  # up, then down
            for row in np.flatnonzero(self.aims.closed(self.rows)).tolist():
                if self.aims.closed(self.rows[[row]])[0]:
                    self._one(row)
        return self.rows[self.aims.closed(self.rows)]

    def _parts(self, wanted: int, turn: int) -> list[Ints]:
        """Part the columns: sums belong to every part, other values to one at random."""
        parts = [np.arange(self.part.columns.size)]
        for amount, column, values, counts in self._splits(wanted):
            # Values of many columns and values of few are each spread evenly.
            order = np.lexsort((chance(values, turn), -np.floor(np.log2(counts))))
            which = np.full(int(values.max()) + 2, -1, dtype=np.int64)  # the last, for -1, stays: a sum
            which[values[order]] = np.arange(values.size) % amount
            mine = which[column]
            parts = [part[(mine[part] < 0) | (mine[part] == one)] for part in parts for one in range(amount)]
        return parts

    def _splits(self, wanted: int) -> list[tuple[int, Ints, Ints, Ints]]:
        """Choose what to part the columns by: how many parts, each column's value, the values, how often each is."""
        found = []
        for column in self.leaves.T:
            values, counts = np.unique(column[column >= 0], return_counts=True)
            if values.size:
                # As many values as matter; some of them in each part, so that they can make up for each other.
                found.append((int(counts.sum() ** 2 / (counts**2).sum() / VALUES), column, values, counts))
        chosen = []
        for most, column, values, counts in sorted(found, key=lambda one: -one[0]):
            amount = min(most, wanted)
            if amount > 1:
                chosen.append((amount, column, values, counts))
                wanted = -(-wanted // amount)
        return chosen

    def _turn(self, inside: Ints, turn: int, reward: float) -> None:
        """Ask for some of the counts that are still closed."""
        closed = np.flatnonzero(self.aims.closed(self.rows) & self.first)
        matrix = sparse.csr_array(self.matrix[closed][:, inside])
        there = np.diff(matrix.indptr) > 0
        few = chance(self.rows[closed], 7 * turn + 3) < max(self.state.share, FEWEST / max(int(there.sum()), 1))
        chosen = np.flatnonzero(there & few)
        if chosen.size == 0:
            return
        goals = self.aims.goals(self.rows[closed[chosen]], turn)
        part = self.part.within(inside)
        self._take(inside, best_move(part, self._cost(part), sparse.csr_array(matrix[chosen]), goals, reward))

    def _one(self, row: int) -> None:
        """Ask for one count, whatever it costs."""
        goals = self.aims.goals(self.rows[[row]], 0)
        cost = self._cost(self.part)
        aim = sparse.csr_array(self.matrix[[row]])
        self._take(np.arange(self.part.columns.size), furthest_move(self.part, cost, aim, float(goals[0])))

    def _cost(self, part: Part) -> Floats:
        """What moving each column costs now."""
        return np.where(self.state.hidden[part.columns], 0.0, self.state.cost[part.columns])

    def _take(self, inside: Ints, move: Floats) -> None:
        """Hide what a move goes through, and note what it opens."""
        far = np.zeros(self.part.columns.size)
        far[inside] = np.where(np.abs(move) > NEARLY, move, 0.0)
        self.aims.record(self.rows, self.matrix @ far)
        gone = np.flatnonzero(far)
        self.state.hidden[self.part.columns[gone]] = True
        self.state.moves.append((self.part.columns[gone], far[gone]))


def components(matrix: sparse.csr_array) -> Ints:
    """Label the columns by what hangs together."""
    pattern = sparse.csr_array((np.ones(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape)
    return np.asarray(connected_components(sparse.csr_array(pattern.T @ pattern), directed=False)[1], dtype=np.int64)


def _first_of_same(matrix: sparse.csr_array, above: Floats) -> Flags:
    """Whether each row is the first of those that are the same count: one move opens them all."""
    marks = np.round(matrix @ chance(np.arange(matrix.shape[1]), 0), 9)
    _, first = np.unique(np.column_stack([marks, np.nan_to_num(above, posinf=-1.0)]), axis=0, return_index=True)
    found = np.zeros(matrix.shape[0], dtype=np.bool_)
    found[first] = True
    return found
