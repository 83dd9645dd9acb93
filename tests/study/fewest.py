"""The fewest cells that must be hidden in a small table for every small count to stay wide: by integer programming."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from tests.disclosure.attacker import number_leaves
from tests.disclosure.countable import marks, sensitive
from tests.disclosure.leaves import Project


@dataclass(frozen=True)
class Fewest:
    """Which cells to hide (in the order of the release's), and whether no smaller number will do."""

    hidden: np.ndarray
    proven: bool


def fewest_hidden(project: Project, *, by: str = "cells", farthest: int = 1, seconds: float = 60) -> Fewest:
    """Find the fewest hidden cells with which every small count keeps the width that the rules ask for.

    One yes or no for each cell. For each small count two other tables of leaves, none below 0, that differ from the
    true one in hidden cells only: in one the count is as high, in the other as low, as a window of the right width
    around the true count needs; which window is free.

    Parameters
    ----------
    project : Project
        Of one release and one family. Every published cell may be hidden.
    by : {"cells", "counts"}
        Whether the number of hidden cells or the sum of what they count is to be least.
    farthest : int
        No cell moves by more than this many times the width less 1. In a two-way table with totals 1 is enough, since
        moves split into circuits of moves by 1; in other tables the answer is the fewest among such moves.
    seconds : float
        When to give up and return the best that was found.
    """
    release, family = project.releases[-1], project.families[0]
    targets = sensitive(project, number_leaves(project))
    rows = family.rows(release.cells).astype(float)
    # One yes or no for a count that stands in several cells.
    _, first, place = np.unique(np.round(rows @ marks(rows.shape[1]), 9), return_index=True, return_inverse=True)
    if targets.empty:
        return Fewest(np.zeros(len(rows), dtype=bool), True)
    n = release.cells["n"].to_numpy(dtype=float)[first]
    width = release.rules.interval_width
    windows = [_windows(one, width) for one in targets.itertuples()]
    programme = _Programme(rows[first], n, windows, move=float(farthest * (width - 1)))
    for at, one in enumerate(targets.itertuples()):
        programme.add(at, np.asarray(one.row, dtype=float), float(one.n), width)
    times = np.bincount(place)
    # A nought would cost nothing: a little, so that none is hidden for no use.
    answer = programme.solve(times if by == "cells" else times * np.maximum(n, 0.1), seconds)
    return Fewest((answer.x[: len(first)] > 0.5)[place], bool(answer.status == 0))


def _windows(one, width: int) -> np.ndarray:
    """Least values of every window of this width that holds the count and values that the rule hides only."""
    return np.arange(max(one.least, one.n - width + 1), min(one.n, one.most - width + 1) + 1)


class _Programme:
    """Columns: a yes or no for each cell and for each window of each count, then the leaves of two tables for each."""

    def __init__(self, rows: np.ndarray, n: np.ndarray, windows: list[np.ndarray], *, move: float) -> None:
        self.rows, self.n, self.windows, self.move = rows, n, windows, move
        self.cells, self.leaves = rows.shape
        self.choices = sum(map(len, windows))
        self.size = self.cells + self.choices + 2 * len(windows) * self.leaves
        self.blocks: list[sparse.csr_array] = []
        self.low: list[np.ndarray] = []
        self.high: list[np.ndarray] = []

    def add(self, at: int, row: np.ndarray, n: float, width: int) -> None:
        """Put the demands of one count."""
        windows = self.windows[at]
        start = self.cells + sum(map(len, self.windows[:at]))
        chosen = slice(start, start + len(windows))
        self._say([(chosen, np.ones((1, len(windows))))], np.ones(1), np.ones(1))
        for number, sign in ((2 * at, 1.0), (2 * at + 1, -1.0)):
            begin = self.cells + self.choices + number * self.leaves
            leaves = slice(begin, begin + self.leaves)
            need = windows + width - 1 - n if sign > 0 else n - windows
            self._say([(leaves, sign * row[None]), (chosen, -need[None])], np.array([sign * n]), np.array([np.inf]))
            all_cells = slice(0, self.cells)
            down = -np.diag(np.full(self.cells, self.move))
            self._say([(leaves, self.rows), (all_cells, down)], np.full(self.cells, -np.inf), self.n)
            up = np.diag(np.minimum(self.move, self.n))
            self._say([(leaves, self.rows), (all_cells, up)], self.n, np.full(self.cells, np.inf))

    def _say(self, parts: list[tuple[slice, np.ndarray]], low: np.ndarray, high: np.ndarray) -> None:
        block = sparse.lil_array((len(low), self.size))
        for columns, values in parts:
            block[:, columns] = values
        self.blocks.append(block.tocsr())
        self.low.append(low)
        self.high.append(high)

    def solve(self, weights: np.ndarray, seconds: float):
        """Hide as few as can be."""
        whole = self.cells + self.choices
        roof = np.full(self.size, np.inf)
        roof[:whole] = 1
        kinds = np.zeros(self.size)
        kinds[:whole] = 1
        answer = milp(
            np.concatenate([weights, np.zeros(self.size - self.cells)]),
            constraints=LinearConstraint(
                sparse.vstack(self.blocks, format="csr"), np.concatenate(self.low), np.concatenate(self.high)
            ),
            bounds=Bounds(0, roof),
            integrality=kinds,
            options={"time_limit": seconds},
        )
        if answer.x is None:
            raise RuntimeError("no pattern was found in time")
        return answer
