"""Alternative tables: what an outsider has to reckon with, found by linear programming.

A **move** takes the true table to another one that agrees with everything that is seen: sums stay, nothing falls below
0, and no part exceeds its whole. One move proves for every count that it takes far enough that it cannot be told from
another value. Moves are wanted that take many counts far, or that go through few counts that are still shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from yjd.disclosure.columns import Floats, Ints
from yjd.errors import DisclosureError


@dataclass(frozen=True)
class Part:
    """Some columns of a system, with all that ties them to each other; the other columns stay where they are.

    Attributes
    ----------
    columns : array (columns,)
        Their numbers in the whole system.
    equal, bound : sparse arrays (., columns)
        See `yjd.disclosure.relations.System`.
    slack, floor : arrays (bounds,), (columns,)
        How far bounds and columns can fall.
    """

    columns: Ints
    equal: sparse.csr_array
    slack: Floats
    bound: sparse.csr_array
    floor: Floats

    @classmethod
    def of(cls, equal: sparse.csr_array, bound: sparse.csr_array, slack: Floats, floor: Floats, columns: Ints) -> Part:
        """Choose columns (by number within the given matrices)."""
        of_equal, _ = touching(equal, columns)
        of_bound, rows = touching(bound, columns)
        return cls(columns, of_equal, slack[rows], of_bound, floor[columns])

    def within(self, chosen: Ints) -> Part:
        """Choose some of its columns, by their place in it."""
        part = Part.of(self.equal, self.bound, self.slack, self.floor, chosen)
        return Part(self.columns[chosen], part.equal, part.slack, part.bound, part.floor)


def touching(matrix: sparse.csr_array, columns: Ints) -> tuple[sparse.csr_array, Ints]:
    """Return the given columns of those rows that have any of them, and which rows these are."""
    some = sparse.csr_array(matrix[:, columns])
    rows = np.flatnonzero(np.diff(some.indptr) > 0)
    return sparse.csr_array(some[rows]), rows


def best_move(part: Part, cost: Floats, aims: sparse.csr_array, goals: Floats, reward: float) -> Floats:
    """Return the move (columns,) that takes the most counts towards their goals at the least cost.

    Parameters
    ----------
    part : Part
        What may move.
    cost : array (columns,)
        What moving each column by one costs; 0 for what is hidden anyway.
    aims : sparse array (counts, columns)
        Times the columns: the counts that are to be moved.
    goals : array (counts,)
        How far each is to go, up (positive) or down; going further is of no use.
    reward : float
        What a step towards the goal of a count is worth, in the measure of costs.

    Raises
    ------
    DisclosureError
        When the solver does not settle: doubt is never a pass.
    """
    move = _solve(part, cost, aims, goals, np.zeros(goals.size), reward)
    return np.zeros(cost.size) if move is None else move


def furthest_move(part: Part, cost: Floats, aim: sparse.csr_array, goal: float) -> Floats:
    """Return the cheapest move (columns,) that takes one count towards its goal, in whole steps, as far as any does.

    Parameters and errors as for `best_move`.
    """
    goals = np.array([goal])
    move = _solve(part, cost, aim, goals, np.abs(goals), 0.0)
    if move is None and abs(goal) > 1:
        reached = abs(float((aim @ best_move(part, np.zeros(cost.size), aim, goals, 1.0))[0]))
        steps = np.array([np.floor(reached + 1e-6)])
        move = _solve(part, cost, aim, np.sign(goals) * steps, steps, 0.0)
    return np.zeros(cost.size) if move is None else move


def _solve(
    part: Part, cost: Floats, aims: sparse.csr_array, goals: Floats, least: Floats, reward: float
) -> Floats | None:
    """Solve for a move that takes each count at least so far; None where there is none."""
    columns, count = cost.size, goals.size
    priced = np.flatnonzero(cost > 0)
    # Variables: each column's move (of a priced one: upwards), the priced ones' moves down, and the gain of each aim.
    split = sparse.csr_array((-np.ones(priced.size), (priced, np.arange(priced.size))), shape=(columns, priced.size))
    towards = sparse.csr_array(sparse.diags_array(np.sign(goals)) @ aims)
    body = sparse.csr_array(sparse.vstack([part.equal, part.bound, towards]))
    rows = body.shape[0]
    gain = sparse.csr_array((-np.ones(count), (np.arange(rows - count, rows), np.arange(count))), shape=(rows, count))
    matrix = sparse.csc_array(sparse.hstack([body, body @ split, gain]))
    fixed = part.equal.shape[0]
    found = milp(
        np.concatenate([cost, cost[priced], np.full(count, -reward)]),
        constraints=LinearConstraint(
            matrix,
            np.concatenate([np.zeros(fixed), -part.slack, np.zeros(count)]),
            np.concatenate([np.zeros(fixed), np.full(rows - fixed, np.inf)]),
        ),
        bounds=Bounds(
            np.concatenate([np.where(cost > 0, 0.0, -part.floor), np.zeros(priced.size), least]),
            np.concatenate([np.full(columns, np.inf), part.floor[priced], np.abs(goals)]),
        ),
    )
    if found.status == 2:  # infeasible
        return None
    if found.status != 0 or found.x is None:
        raise DisclosureError(
            "The search for what protects the hidden counts did not settle: nothing is released.",
            "Publish fewer splits; if it still fails, report it with the numbers of areas, groups and periods.",
        )
    move: Floats = found.x[:columns] + split @ found.x[columns : columns + priced.size]
    return move
