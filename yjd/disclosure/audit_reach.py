"""How far each hidden count can lie from the truth, by linear programming over all equations at once.

One table that meets every equation says of every count in it what else that count can be. So a few linear programmes
that push all counts about which nothing is settled yet settle nearly all of them; only the rest have their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse.csgraph import connected_components

from yjd.disclosure.audit_system import Flags, Floats, Ints, System, activity

_SLACK = 1e-6
_ROUNDS = 10
_STEERED = 0.8  # of the counts with a known truth
_WORTH = 20  # a programme of all that settles fewer costs more than one for each
_NEARBY = 400  # unknowns in the surroundings of one
_FAR = 1e7  # stands for no bound
_TOGETHER = 3000  # unknowns in one programme
_SECONDS = 60.0  # for one programme
_EVERY = slice(None)
Which = slice | int | NDArray[np.intp]


@dataclass
class Targets:
    """Counts that must not be narrowed down; arrays have shape (targets,).

    Attributes
    ----------
    matrix : sparse array, shape (targets, unknowns)
        Each count as a sum of unknowns.
    offset : array of float
        What seen counts add.
    first, last : array of int
        The range of counts that the rule hides.
    width : int
        How many of these must be possible.
    truth : array of float
        The true counts; NaN where the auditor does not have them: then a count that can lie outside of the range
        says nothing.
    low, high : array of float
        Bounds that hold.
    least, most : array of float
        The extremes that were found in some table.
    settled : array of bool
        Whether `low` and `high` are reached, or the count is safe.
    failed : array of bool
        Whether a programme could not be solved.
    """

    matrix: sparse.csr_array
    offset: Floats
    first: Ints
    last: Ints
    width: int
    truth: Floats
    low: Floats
    high: Floats
    least: Floats = field(init=False)
    most: Floats = field(init=False)
    settled: Flags = field(init=False)
    failed: Flags = field(init=False)

    def __post_init__(self) -> None:
        """Start from the true counts."""
        self.least = np.where(np.isnan(self.truth), np.inf, self.truth)
        self.most = np.where(np.isnan(self.truth), -np.inf, self.truth)
        self.settled = np.zeros(len(self.offset), dtype=bool)
        self.failed = np.zeros(len(self.offset), dtype=bool)

    def enough(self, low: Floats, high: Floats, which: Which = _EVERY) -> Flags:
        """Whether a reach leaves an outsider in doubt."""
        first, last, truth = self.first[which], self.last[which], self.truth[which]
        with np.errstate(invalid="ignore"):
            inside = np.floor(np.minimum(high, last) + _SLACK) - np.ceil(np.maximum(low, first) - _SLACK) + 1
            outside = (np.ceil(low - _SLACK) < first) | (np.floor(high + _SLACK) > last)
        return np.asarray((inside >= self.width) | (np.isnan(truth) & outside & (low <= high)))

    def saw(self, values: Floats, which: NDArray[np.intp]) -> None:
        """Take note of one more table, of some of the targets."""
        self.least[which] = np.minimum(self.least[which], values)
        self.most[which] = np.maximum(self.most[which], values)

    def safe(self, which: Which = _EVERY) -> Flags:
        """Which targets some tables have shown to be in doubt."""
        return self.enough(self.least[which], self.most[which], which)

    def narrow(self, which: Which = _EVERY) -> Flags:
        """Which targets the bounds have shown to be known too well."""
        return ~self.enough(self.low[which], self.high[which], which)


def reach(system: System, targets: Targets) -> None:
    """Settle every target; `targets` takes the findings."""
    parts = _Parts.of(system, targets)
    wrong = np.unique(parts.label[system.wrong])
    targets.failed |= np.isin(parts.of_target, wrong[wrong >= 0])
    open_ = ~(targets.failed | targets.safe() | targets.narrow())
    for batch in parts.batches(open_):
        _settle(batch, targets)
    # what is narrow by its bounds alone still gets its true interval, where that is no great work
    left = np.flatnonzero(targets.narrow() & ~targets.failed & ~targets.settled & (targets.low < targets.high))
    for batch in parts.batches(np.isin(np.arange(len(targets.offset)), left)):
        if len(batch.low) > _TOGETHER:
            continue
        for number in batch.targets.tolist():
            batch.extremes(targets, number)


@dataclass(frozen=True)
class _Parts:
    """Unknowns that have nothing to do with each other fall into parts of their own."""

    system: System
    matrix: sparse.csr_array  # rows that can bind, over all unknowns
    row_low: Floats
    row_high: Floats
    label: Ints  # part of every unknown; -1 of a fixed one
    of_row: Ints
    of_target: Ints
    within: sparse.csr_array

    @classmethod
    def of(cls, system: System, targets: Targets) -> _Parts:
        least, most = activity(system)
        binds = ((least < system.row_low - _SLACK) | (most > system.row_high + _SLACK)) & ~system.implied
        matrix = system.matrix[np.flatnonzero(binds)]
        free = system.low < system.high
        count = len(free)
        # a target that sums several unknowns ties them together: its reach is theirs jointly
        tied = targets.matrix[np.flatnonzero(np.diff(targets.matrix.indptr) > 1)]
        joined = sparse.vstack([matrix, tied]).tocsr() if tied.shape[0] else matrix
        links = joined @ sparse.diags_array(free.astype(np.float64))
        links.eliminate_zeros()
        size = count + links.shape[0]
        entries = links.tocoo()
        graph = sparse.csr_array((np.ones(len(entries.data)), (entries.row + count, entries.col)), shape=(size, size))
        _, label = connected_components(graph, directed=False)
        of_unknown = np.where(free, label[:count], -1)
        of_row = label[count : count + matrix.shape[0]].astype(np.int64)
        return cls(
            system, matrix, system.row_low[binds], system.row_high[binds], of_unknown.astype(np.int64), of_row,
            _first_label(targets.matrix, of_unknown), targets.matrix,
        )  # fmt: skip

    def batches(self, open_: Flags) -> Iterator[_Batch]:
        """Parts with some target that is open, small ones together."""
        wanted = np.unique(self.of_target[open_])
        size = np.bincount(self.label[self.label >= 0], minlength=int(self.label.max(initial=-1)) + 1)
        batch: list[int] = []
        total = 0
        for part in wanted[wanted >= 0].tolist():
            if batch and total + size[part] > _TOGETHER:
                yield self._batch(batch, open_)
                batch, total = [], 0
            batch.append(part)
            total += int(size[part])
        if batch:
            yield self._batch(batch, open_)

    def _batch(self, parts: list[int], open_: Flags) -> _Batch:
        chosen = np.flatnonzero(np.isin(self.label, parts))
        rows = np.flatnonzero(np.isin(self.of_row, parts))
        fixed = np.where(self.label < 0, self.system.low, 0.0)
        own = self.matrix[rows]
        taken = own @ fixed
        every = np.flatnonzero(np.isin(self.of_target, parts))
        return _Batch(
            own[:, chosen].tocsr(), self.row_low[rows] - taken, self.row_high[rows] - taken,
            self.system.low[chosen], np.minimum(self.system.high[chosen], _FAR), self.system.truth[chosen],
            np.flatnonzero(open_ & np.isin(self.of_target, parts)),
            every, self.within[every][:, chosen].tocsr(), self.within[every] @ fixed,
        )  # fmt: skip


def _first_label(matrix: sparse.csr_array, of_unknown: Ints) -> Ints:
    """The part that each target lies in; -1 where it is made of fixed counts alone."""
    found = np.full(matrix.shape[0], -1, dtype=np.int64)
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    np.maximum.at(found, row, of_unknown[matrix.indices])
    return found


@dataclass(frozen=True)
class _Batch:
    """One linear programme: rows and unknowns of some parts, and the targets among them."""

    matrix: sparse.csr_array
    row_low: Floats
    row_high: Floats
    low: Floats
    high: Floats
    truth: Floats
    targets: NDArray[np.intp]  # those that are open
    every: NDArray[np.intp]
    within: sparse.csr_array  # every target as a sum of these unknowns
    fixed: Floats

    @cached_property
    def size(self) -> sparse.csr_array:
        """Which unknowns each row has."""
        return abs(self.matrix)

    @cached_property
    def across(self) -> sparse.csr_array:
        """Which rows each unknown is in."""
        return self.size.T.tocsr()

    def solve(self, objective: Floats, high: Floats | None = None) -> Floats | None:
        """The unknowns that make the objective greatest; None where no answer was found."""
        high = self.high if high is None else high
        constraints = LinearConstraint(self.matrix, self.row_low, self.row_high) if self.matrix.shape[0] else None
        answer = milp(
            -objective, constraints=constraints, bounds=Bounds(self.low, high), options={"time_limit": _SECONDS}
        )
        return None if answer.status != 0 or answer.x is None else np.asarray(answer.x)

    def saw(self, targets: Targets, x: Floats) -> None:
        """Tell every target of a table that was found."""
        targets.saw(self.within @ x + self.fixed + targets.offset[self.every], self.every)

    def form(self, number: int) -> Floats:
        """One target as a sum of these unknowns."""
        place = self._place(number)
        own = slice(self.within.indptr[place], self.within.indptr[place + 1])
        found = np.zeros(self.within.shape[1])
        found[self.within.indices[own]] = self.within.data[own]
        return found

    def value(self, targets: Targets, number: int, x: Floats) -> float:
        """What one target is in a table."""
        place = self._place(number)
        return float(self.form(number) @ x) + float(self.fixed[place]) + float(targets.offset[number])

    def extremes(self, targets: Targets, number: int, *, only_doubt: bool = False) -> None:
        """Find the least and the most that a target can be; stop once it is safe if that is all that is asked."""
        form = self.form(number)
        for sign in (1.0, -1.0):
            x = self.solve(sign * form)
            if x is None:
                targets.failed[number] = True
                return
            self.saw(targets, x)
            value = self.value(targets, number, x)
            if value >= _FAR / 2:
                value = np.inf
            if sign > 0:
                targets.high[number] = min(targets.high[number], value)
            else:
                targets.low[number] = max(targets.low[number], value)
            if only_doubt and targets.safe(number):
                return
        targets.settled[number] = True

    def around(self, number: int, most: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The unknowns near one target, at most so many, and the rows that they are in."""
        reached = self.form(number) != 0
        count = int(reached.sum())
        while True:
            rows = self.size @ reached.astype(np.float64) > 0
            touched = np.where(reached, 0.0, self.across @ rows.astype(np.float64))
            new = np.flatnonzero(touched)
            if not len(new) or count >= most:
                return np.flatnonzero(rows), np.flatnonzero(reached)
            # first those that share the most rows with what is reached
            new = new[np.argsort(-touched[new], kind="stable")[: most - count]]
            reached[new] = True
            count += len(new)

    def inner(self, number: int, rows: NDArray[np.intp], chosen: NDArray[np.intp], base: Floats) -> _Batch:
        """Of one target, with all unknowns but some kept at what they are in a table: what it reaches is reached."""
        own = self.matrix[rows]
        away = base.copy()
        away[chosen] = 0.0
        taken, form = own @ away, self.form(number)
        return _Batch(
            own[:, chosen].tocsr(), self.row_low[rows] - taken - _SLACK, self.row_high[rows] - taken + _SLACK,
            self.low[chosen], self.high[chosen], self.truth[chosen], np.array([number]), np.array([number]),
            sparse.csr_array(form[None, chosen]), self.fixed[[self._place(number)]] + form @ away,
        )  # fmt: skip

    def outer(self, number: int, rows: NDArray[np.intp]) -> _Batch:
        """Of one target, with some of the rows only: what it does not reach cannot be reached."""
        own, form = self.matrix[rows], self.form(number)
        chosen = np.union1d(own.indices, np.flatnonzero(form))
        return _Batch(
            own[:, chosen].tocsr(), self.row_low[rows], self.row_high[rows], self.low[chosen], self.high[chosen],
            self.truth[chosen], np.array([number]), np.array([number]), sparse.csr_array(form[None, chosen]),
            self.fixed[[self._place(number)]],
        )  # fmt: skip

    def capped(self, targets: Targets, left: NDArray[np.intp]) -> Floats:
        """Upper bounds that keep open cells within the range of hidden counts, so that not one of them takes all.

        A programme with fewer tables still gives tables that meet every equation.
        """
        own = self.within[np.searchsorted(self.every, left)]
        single = np.diff(own.indptr) == 1
        # where the truth is not known, a count just outside of the range will do
        last = targets.last[left] + np.isnan(targets.truth[left])
        columns = own.indices[own.indptr[:-1][single]]
        high = self.high.copy()
        high[columns] = np.minimum(high[columns], np.maximum(last[single], self.low[columns]))
        return high

    def _place(self, number: int) -> int:
        return int(np.searchsorted(self.every, number))


def _settle(batch: _Batch, targets: Targets) -> None:
    """Push what is open up and down together; then each in its surroundings; then each with everything."""
    tables = _pushed(batch, targets)
    if tables:
        if not np.isnan(batch.truth).any():
            tables.append(batch.truth)
        base = np.mean(tables, axis=0)  # away from every bound that some table is away from
        batch.saw(targets, base)
        for one in batch.targets.tolist():
            if not targets.safe(one):
                _nearby(batch, targets, one, base)
    for one in batch.targets.tolist():
        if not (targets.safe(one) or targets.settled[one] or targets.failed[one]):
            batch.extremes(targets, one, only_doubt=True)


def _pushed(batch: _Batch, targets: Targets) -> list[Floats]:
    """Tables in which many counts are far from what they are in others."""
    chance = np.random.default_rng(7)
    tables: list[Floats] = []
    for number in range(_ROUNDS):
        left = batch.targets[~targets.safe(batch.targets)]
        if len(left) <= 2:
            break
        signs = chance.choice([-1.0, 1.0], len(left)) if number > 1 else np.full(len(left), 1.0 - 2 * number)
        # a true count at the lower end of its range can be in doubt only upwards, at the upper end only downwards
        middle = (targets.first[left] + targets.last[left]) / 2
        wanted = np.where(targets.truth[left] < middle, 1.0, -1.0)
        steer = ~np.isnan(targets.truth[left]) & (targets.truth[left] != middle) & (chance.random(len(left)) < _STEERED)
        signs = np.where(steer, wanted, signs) * chance.uniform(0.5, 1.5, len(left))
        objective = batch.within[np.searchsorted(batch.every, left)].T @ signs
        x = batch.solve(objective, batch.capped(targets, left))
        if x is None:
            x = batch.solve(objective)
        if x is None:
            break
        batch.saw(targets, x)
        tables.append(x)
        if targets.safe(left).sum() < _WORTH:
            break
    return tables


def _nearby(batch: _Batch, targets: Targets, number: int, base: Floats) -> None:
    """Look around a single target: for tables that differ from a known one there only, then for bounds that hold."""
    rows, chosen = batch.around(number, _NEARBY)
    inner = batch.inner(number, rows, chosen, base)
    for sign in (1.0, -1.0):
        x = inner.solve(sign * inner.form(number))
        if x is not None:
            targets.saw(np.array([inner.value(targets, number, x)]), np.array([number]))
        if targets.safe(number):
            return
    outer = batch.outer(number, rows)
    for sign, bound in ((1.0, targets.high), (-1.0, targets.low)):
        x = outer.solve(sign * outer.form(number))
        value = np.inf if x is None else outer.value(targets, number, x)
        if abs(value) < _FAR / 2 and value * sign < bound[number] * sign:
            bound[number] = value
    lowest, highest = targets.low[number] + _SLACK, targets.high[number] - _SLACK
    reached = targets.least[number] <= lowest and targets.most[number] >= highest
    targets.settled[number] = bool(targets.narrow(number)) and bool(reached)
